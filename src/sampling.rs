//! Which spans are recorded: a decision made once, when a span starts.
//!
//! ```
//! use nanospan::sampling::{ParentBased, Sampler};
//!
//! // One trace in a hundred is recorded, and what a remote caller says about sampling is ignored.
//! let one_percent = Sampler::trace_id_ratio(0.01)?;
//! let sampler = ParentBased::new(one_percent.clone())
//!     .remote_parent_sampled(one_percent.clone())
//!     .remote_parent_not_sampled(one_percent)
//!     .build();
//! assert!(sampler.description().starts_with("ParentBased{root:TraceIdRatioBased{0.010000},"));
//! # Ok::<(), nanospan::sampling::InvalidRatio>(())
//! ```
//!
//! # How a decision is made
//!
//! Every sampler here is a threshold on the randomness of the trace id, its low 56 bits *R*: a span
//! is recorded when *R* ≥ *T*. `always_on` is *T* = 0 and `always_off` is *T* = 2⁵⁶, which no *R*
//! reaches. A [`ParentBased`] sampler has five thresholds, one for each state of the parent, and all
//! others have five equal ones. So any nesting of samplers costs one load and at most two compares,
//! and only a ratio looks at the trace id.
//!
//! # What is passed on
//!
//! [`Sampler::probability`] writes its threshold into the trace state of each span that it keeps, as
//! `ot=th:…`, and takes *R* from `ot=rv:…` where a trace carries that: so a back-end can tell for how many
//! spans each one stands, and services decide alike. A threshold that came with a remote parent and
//! contradicts its sampled flag is taken out. All else in the trace state goes on as it came.

mod mark;
mod threshold;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::{SpanContext, SpanKind, TraceFlags, TraceId, TraceState};
use threshold::Threshold;

pub use threshold::{InvalidProbability, InvalidRatio};

/// The number of states that a parent can be in: [`ParentSample`] counts through them.
const PARENT_STATES: usize = 5;

/// Decides which spans are recorded.
///
/// The default is `parent_based(always_on())`: everything, except below a parent that is not
/// sampled. Samplers are values; cloning one copies 64 bytes and counts two references.
#[derive(Clone, PartialEq)]
pub struct Sampler {
    /// Indexed by [`ParentSample`].
    thresholds: [Threshold; PARENT_STATES],
    /// Likewise: the trace state of a span that had none before and whose threshold is written down, or an
    /// empty one where it is not. `None` when it is nowhere.
    marks: Option<Arc<[TraceState; PARENT_STATES]>>,
    description: Arc<str>,
}

impl Sampler {
    /// Records every span.
    #[must_use]
    pub fn always_on() -> Self {
        Self::uniform(Threshold::ALWAYS, "AlwaysOnSampler".into())
    }

    /// Records no span.
    #[must_use]
    pub fn always_off() -> Self {
        Self::uniform(Threshold::NEVER, "AlwaysOffSampler".into())
    }

    /// Records the given share of traces, 0 to 1, whatever the parent says.
    ///
    /// The decision is a function of the trace id alone, so all services that use the same ratio
    /// record the same traces, and a service with a higher ratio records all those that one with a
    /// lower ratio does. It reads the trace id as OpenTelemetry's probability sampling does: the
    /// ratio *p* keeps the ids whose low 56 bits are at least 2⁵⁶·(1 − *p*).
    ///
    /// Those bits must be random for the share to come out right: W3C Trace Context level 2 has
    /// the flag [`TraceFlags::RANDOM`](crate::TraceFlags::RANDOM) to say so. A ratio below 2⁻⁵⁷ is
    /// rounded to 0.
    ///
    /// # Errors
    ///
    /// When `ratio` is NaN, below 0 or above 1.
    pub fn trace_id_ratio(ratio: f64) -> Result<Self, InvalidRatio> {
        let threshold = Threshold::for_ratio(ratio)?;
        Ok(Self::uniform(threshold, format!("TraceIdRatioBased{{{}}}", ratio_text(ratio)).into()))
    }

    /// Records the given share of traces, 2⁻⁵⁶ to 1, whatever the parent says, and writes the threshold
    /// into their trace state: OpenTelemetry's `ProbabilitySampler`.
    ///
    /// It decides by the explicit randomness of a trace that has one (`ot=rv:…`), by the low 56 bits of
    /// its id otherwise. The threshold is rounded to four digits, as OpenTelemetry recommends, beyond those
    /// that only say how small the ratio is: a span kept stands for 2⁵⁶/(2⁵⁶ − *T*) spans exactly.
    ///
    /// [`parent_based`](Sampler::parent_based) over it decides for roots, and what is below them goes on
    /// with the state.
    ///
    /// Below a remote parent it takes trace ids to be random, as OpenTelemetry asks of it. The first time that
    /// the caller does not say so ([`TraceFlags::RANDOM`](crate::TraceFlags::RANDOM)) and nothing else decides,
    /// the tracer's [error handler](crate::TracerBuilder::error_handler) is told, once.
    ///
    /// # Errors
    ///
    /// When `ratio` is NaN, below 2⁻⁵⁶ or above 1.
    pub fn probability(ratio: f64) -> Result<Self, InvalidProbability> {
        let threshold = Threshold::for_probability(ratio)?;
        let mark = mark::with_threshold(&TraceState::EMPTY, threshold);
        let marks = Some(Arc::new(std::array::from_fn(|_| mark.clone())));
        let description = format!("ProbabilitySampler{{{}}}", ratio_text(ratio)).into();
        Ok(Self { marks, ..Self::uniform(threshold, description) })
    }

    /// Does as the parent does, and asks `root` for spans without one.
    ///
    /// [`ParentBased`] has the other choices.
    #[must_use]
    pub fn parent_based(root: Sampler) -> Self {
        ParentBased::new(root).build()
    }

    /// The sampler and its settings, in the form that the OpenTelemetry specification gives.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Decides for one span.
    #[must_use]
    pub fn should_sample(&self, input: &SamplingInput<'_>) -> SamplingResult {
        let parent = ParentSample::of(input.parent);
        let trace_id = input.trace_id.to_u128();
        let context = input.parent.filter(|_| parent != ParentSample::None);
        let state = context.map_or(&TraceState::EMPTY, SpanContext::trace_state);
        if self.concerns(parent, state) {
            let (sampled, trace_state) = self.decide_by_state(parent, trace_id, state);
            return SamplingResult { sampled, trace_state: trace_state.into_owned() };
        }
        SamplingResult { sampled: self.decide(parent, || trace_id), trace_state: state.clone() }
    }

    /// Whether the trace state is to be read or written for a span with such a parent.
    #[inline]
    pub(crate) fn concerns(&self, parent: ParentSample, state: &TraceState) -> bool {
        self.marks(parent) || (parent.is_remote() && !state.is_empty())
    }

    /// Whether the trace state of a span with such a parent is written, if it is sampled.
    #[inline(always)]
    pub(crate) fn marks(&self, parent: ParentSample) -> bool {
        self.mark(parent).is_some()
    }

    #[inline(always)]
    fn mark(&self, parent: ParentSample) -> Option<&TraceState> {
        self.marks.as_ref().map(|marks| &marks[parent as usize]).filter(|mark| !mark.is_empty())
    }

    /// Decides for a span without a parent; and its trace state.
    #[inline]
    pub(crate) fn decide_for_root(&self, trace_id: u128) -> (bool, Cow<'_, TraceState>) {
        let sampled = self.decide(ParentSample::None, || trace_id);
        let mark = self.mark(ParentSample::None).filter(|_| sampled);
        (sampled, Cow::Borrowed(mark.unwrap_or(&TraceState::EMPTY)))
    }

    /// Whether a probability sampler decides for a span below a remote parent, and takes the trace id to be
    /// random without being told so, by a flag or by explicit randomness.
    ///
    /// Only such a parent can lack the flag: every trace that begins here has it, and what is below a local
    /// parent is in a trace that was judged when it came.
    #[inline]
    pub(crate) fn presumes_randomness(
        &self,
        parent: ParentSample,
        flags: TraceFlags,
        state: &TraceState,
    ) -> bool {
        parent.is_remote()
            && !flags.is_random()
            && self.marks(parent)
            && self.thresholds[parent as usize] != Threshold::ALWAYS
            && mark::explicit_randomness(state).is_none()
    }

    /// As [`decide`](Self::decide), where the trace state is [concerned](Self::concerns); and what it
    /// becomes.
    pub(crate) fn decide_by_state<'a>(
        &'a self,
        parent: ParentSample,
        trace_id: u128,
        state: &TraceState,
    ) -> (bool, Cow<'a, TraceState>) {
        let threshold = self.thresholds[parent as usize];
        let Some(mark) = self.mark(parent) else {
            let sampled = threshold.keeps(|| trace_id);
            return (sampled, Cow::Owned(mark::consistent(state, trace_id, sampled)));
        };
        let sampled = threshold.keeps_random(mark::randomness(state, trace_id));
        let state = match (sampled, state.is_empty()) {
            (true, true) => Cow::Borrowed(mark),
            (true, false) => Cow::Owned(mark::with_threshold(state, threshold)),
            (false, _) => Cow::Owned(mark::without_threshold(state)),
        };
        (sampled, state)
    }

    /// Whether a span with such a parent is recorded. `trace_id` is called at most once, and only
    /// when the decision depends on it.
    #[inline]
    pub(crate) fn decide(&self, parent: ParentSample, trace_id: impl FnOnce() -> u128) -> bool {
        self.thresholds[parent as usize].keeps(trace_id)
    }

    /// Whether no span with such a parent is recorded.
    #[inline]
    pub(crate) fn never(&self, parent: ParentSample) -> bool {
        self.thresholds[parent as usize].is_never()
    }

    /// Whether every span with such a parent is recorded, and nothing else has to be done for it.
    #[inline]
    pub(crate) fn always(&self, parent: ParentSample) -> bool {
        self.thresholds[parent as usize] == Threshold::ALWAYS && !self.marks(parent)
    }

    fn uniform(threshold: Threshold, description: Arc<str>) -> Self {
        Self { thresholds: [threshold; PARENT_STATES], marks: None, description }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::parent_based(Self::always_on())
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

/// Builds a sampler that follows the parent's decision, or another sampler's for each of the five
/// states that a parent can be in.
///
/// What is not chosen does as the parent did: on if it was sampled, off if it was not.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct ParentBased {
    root: Sampler,
    remote_sampled: Sampler,
    remote_not_sampled: Sampler,
    local_sampled: Sampler,
    local_not_sampled: Sampler,
}

impl ParentBased {
    /// Starts with `root`, which decides for spans without a parent.
    pub fn new(root: Sampler) -> Self {
        Self {
            root,
            remote_sampled: Sampler::always_on(),
            remote_not_sampled: Sampler::always_off(),
            local_sampled: Sampler::always_on(),
            local_not_sampled: Sampler::always_off(),
        }
    }

    /// Decides for spans whose parent is in another process and sampled.
    pub fn remote_parent_sampled(self, sampler: Sampler) -> Self {
        Self { remote_sampled: sampler, ..self }
    }

    /// Decides for spans whose parent is in another process and not sampled.
    pub fn remote_parent_not_sampled(self, sampler: Sampler) -> Self {
        Self { remote_not_sampled: sampler, ..self }
    }

    /// Decides for spans whose parent is in this process and sampled.
    pub fn local_parent_sampled(self, sampler: Sampler) -> Self {
        Self { local_sampled: sampler, ..self }
    }

    /// Decides for spans whose parent is in this process and not sampled.
    pub fn local_parent_not_sampled(self, sampler: Sampler) -> Self {
        Self { local_not_sampled: sampler, ..self }
    }

    /// The sampler as chosen.
    #[must_use]
    pub fn build(self) -> Sampler {
        let description = format!(
            "ParentBased{{root:{},remoteParentSampled:{},remoteParentNotSampled:{},\
             localParentSampled:{},localParentNotSampled:{}}}",
            self.root.description,
            self.remote_sampled.description,
            self.remote_not_sampled.description,
            self.local_sampled.description,
            self.local_not_sampled.description,
        );
        // A sampler in a slot is only ever asked about the slot's own state, so its threshold for
        // that state stands for all of it, also where it is parent-based itself.
        let slot = |parent| match parent {
            ParentSample::None => &self.root,
            ParentSample::RemoteSampled => &self.remote_sampled,
            ParentSample::RemoteNotSampled => &self.remote_not_sampled,
            ParentSample::LocalSampled => &self.local_sampled,
            ParentSample::LocalNotSampled => &self.local_not_sampled,
        };
        let thresholds = ParentSample::ALL.map(|parent| slot(parent).thresholds[parent as usize]);
        let marks = ParentSample::ALL.map(|parent| slot(parent).mark(parent).cloned().unwrap_or_default());
        let marks = marks.iter().any(|mark| !mark.is_empty()).then(|| Arc::new(marks));
        Sampler { thresholds, marks, description: description.into() }
    }
}

impl From<ParentBased> for Sampler {
    fn from(builder: ParentBased) -> Self {
        builder.build()
    }
}

/// What a sampler is told about a span that starts.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SamplingInput<'a> {
    /// The parent. A context that is not valid counts as none.
    pub parent: Option<&'a SpanContext>,
    /// The trace that the span will belong to.
    pub trace_id: TraceId,
    /// The span's name. No sampler of this crate reads it.
    pub name: &'a str,
    /// The span's kind. No sampler of this crate reads it.
    pub kind: SpanKind,
}

impl<'a> SamplingInput<'a> {
    /// A root span of kind [`SpanKind::Internal`]; the fields are public for other choices.
    #[must_use]
    pub fn new(trace_id: TraceId, name: &'a str) -> Self {
        Self { parent: None, trace_id, name, kind: SpanKind::default() }
    }
}

/// What a sampler decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SamplingResult {
    /// Whether the span is recorded, and its sampled flag set.
    pub sampled: bool,
    /// The span's trace state.
    pub trace_state: TraceState,
}

/// The state of a span's parent, as far as a sampler distinguishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParentSample {
    /// There is no parent: the span is a root.
    None,
    RemoteSampled,
    RemoteNotSampled,
    LocalSampled,
    LocalNotSampled,
}

impl ParentSample {
    /// In the order of the discriminants, which index [`Sampler::thresholds`].
    const ALL: [Self; PARENT_STATES] =
        [Self::None, Self::RemoteSampled, Self::RemoteNotSampled, Self::LocalSampled, Self::LocalNotSampled];

    #[inline]
    fn is_remote(self) -> bool {
        matches!(self, Self::RemoteSampled | Self::RemoteNotSampled)
    }

    /// The state of a parent that is known by its context.
    #[inline]
    pub(crate) fn of(parent: Option<&SpanContext>) -> Self {
        match parent.filter(|parent| parent.is_valid()) {
            None => Self::None,
            Some(parent) => match (parent.is_remote(), parent.is_sampled()) {
                (true, true) => Self::RemoteSampled,
                (true, false) => Self::RemoteNotSampled,
                (false, true) => Self::LocalSampled,
                (false, false) => Self::LocalNotSampled,
            },
        }
    }
}

/// Six decimals, as in the specification's example, or as many as tell the ratio from all others.
fn ratio_text(ratio: f64) -> String {
    let six_decimals = format!("{ratio:.6}");
    if six_decimals.parse() == Ok(ratio) { six_decimals } else { ratio.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ratio_between_the_ends_asks_for_the_trace_id() {
        let must_not_ask = || -> u128 { panic!("the decision does not depend on the trace id") };
        let fixed = [
            (Sampler::always_on(), true),
            (Sampler::always_off(), false),
            (Sampler::default(), true),
            (Sampler::trace_id_ratio(1.0).unwrap(), true),
            (Sampler::trace_id_ratio(0.0).unwrap(), false),
        ];
        for (sampler, expected) in fixed {
            assert_eq!(sampler.decide(ParentSample::None, must_not_ask), expected, "{sampler:?}");
        }

        let mut asked = 0;
        let half = Sampler::trace_id_ratio(0.5).unwrap();
        half.decide(ParentSample::None, || {
            asked += 1;
            7
        });
        assert_eq!(asked, 1);
    }

    #[test]
    fn parent_states_are_listed_in_the_order_of_their_index() {
        for (index, parent) in ParentSample::ALL.into_iter().enumerate() {
            assert_eq!(parent as usize, index);
        }
    }
}
