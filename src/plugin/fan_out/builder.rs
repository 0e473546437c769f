//! Makes a `FanOut`.

use crate::plugin::fan_out::callee::Callee;
use crate::plugin::fan_out::children::Child;
use crate::plugin::fan_out::flush::Worker;
use crate::plugin::fan_out::lead::Leads;
use crate::plugin::fan_out::{FanOut, HANDLE_WORDS, MAX_CHILDREN};
use crate::raw::table::{MAX_ENTRIES, Table};
use bext_plugin_api::tracer::TracerPlugin;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Makes a [`FanOut`]; see [`FanOut::builder`].
#[must_use = "a fan-out builder does nothing before `build`"]
pub struct FanOutBuilder {
    name: String,
    children: Vec<Callee>,
    flush_timeout: Duration,
    max_live_spans: usize,
}

/// Why a [`FanOut`] could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum FanOutBuildError {
    /// There is no child to pass calls on to.
    NoChildren,
    /// There are too many children.
    TooManyChildren {
        /// How many were added.
        children: usize,
        /// How many there may be.
        maximum: usize,
    },
    /// The number of live spans is out of range.
    MaxLiveSpans {
        /// What was asked for.
        spans: usize,
        /// The most that works; the least is 1.
        maximum: usize,
    },
    /// A worker thread could not be spawned.
    Thread(std::io::Error),
}

impl fmt::Display for FanOutBuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FanOutBuildError::NoChildren => f.write_str("a fan-out needs at least one child"),
            FanOutBuildError::TooManyChildren { children, maximum } => {
                write!(f, "a fan-out has at most {maximum} children, not {children}")
            }
            FanOutBuildError::MaxLiveSpans { spans, maximum } => {
                write!(f, "the number of live spans is from 1 to {maximum}, not {spans}")
            }
            FanOutBuildError::Thread(error) => write!(f, "cannot spawn a worker thread: {error}"),
        }
    }
}

impl std::error::Error for FanOutBuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FanOutBuildError::Thread(error) => Some(error),
            _ => None,
        }
    }
}

impl FanOutBuilder {
    pub(super) fn new() -> Self {
        Self {
            name: "fan-out".to_owned(),
            children: Vec::new(),
            flush_timeout: Duration::from_secs(5),
            max_live_spans: 1 << 18,
        }
    }

    /// Adds a child behind those added before. A [`Plugin`](crate::plugin::Plugin) is called directly
    /// and without clones of values.
    pub fn child(mut self, tracer: impl TracerPlugin + 'static) -> Self {
        self.children.push(Callee::of(tracer));
        self
    }

    /// Adds a child that is in use elsewhere, too.
    pub fn shared_child(mut self, tracer: Arc<dyn TracerPlugin>) -> Self {
        self.children.push(Callee::Other(tracer));
        self
    }

    /// Sets the name that the host sees; "fan-out" unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how long a flush waits for the children, all of them together; 5 s unless set. A child that
    /// is not done by then goes on in the background.
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.flush_timeout = timeout;
        self
    }

    /// Sets how many spans may be live at once, parents of [`FanOut::parent_of`] included; 262,144
    /// unless set, and from 1 to 4,194,303. More are refused: they get the invalid handle, and are
    /// counted. Spans whose handle is the first child's do not count: their number is bounded by that
    /// child's own memory.
    ///
    /// A span takes 24 bytes a child and 16 more, rounded up to a multiple of 64: 64 bytes with one or
    /// two children. That memory is reserved at once and used as far as spans are live at the same
    /// time; 16 bytes a span are used at once. Threads keep what they give back for their own next
    /// spans, each at most 32 and at most 1/1024 of all, so that with many threads fewer spans may be
    /// live by as much.
    ///
    /// Where all children are plugins, there are 8 bytes more for each slot of the first child's and each
    /// child behind it. They are reserved by the first span after the plugins got their tracers, and used as
    /// the slots are.
    pub fn max_live_spans(mut self, spans: usize) -> Self {
        self.max_live_spans = spans;
        self
    }

    /// Makes the `FanOut` and starts a thread for each child.
    ///
    /// # Errors
    ///
    /// When there is no child, or more than 64; when the number of live spans is out of range; when a
    /// thread cannot be spawned.
    pub fn build(self) -> Result<FanOut, FanOutBuildError> {
        let Self { name, children: tracers, flush_timeout, max_live_spans } = self;
        match tracers.len() {
            0 => return Err(FanOutBuildError::NoChildren),
            1..=MAX_CHILDREN => {}
            children => {
                return Err(FanOutBuildError::TooManyChildren { children, maximum: MAX_CHILDREN });
            }
        }
        if !(1..=MAX_ENTRIES).contains(&max_live_spans) {
            let error = FanOutBuildError::MaxLiveSpans { spans: max_live_spans, maximum: MAX_ENTRIES };
            return Err(error);
        }
        let children = tracers.iter().enumerate().map(|(place, tracer)| {
            let tracer = tracer.tracer();
            let worker = Worker::start(Arc::clone(&tracer), place)?;
            Ok(Child::new(name_of(&*tracer), worker))
        });
        // Threads first: should there be too few, no table was made, for one is never freed.
        let children = children.collect::<Result<_, _>>().map_err(FanOutBuildError::Thread)?;
        Ok(FanOut {
            leads: Leads::none(),
            table: Table::leak(max_live_spans, tracers.len() * HANDLE_WORDS),
            name,
            children,
            tracers: tracers.into_boxed_slice(),
            flush_timeout,
            refused_told: AtomicU64::new(0),
        })
    }
}

/// A child's name, asked once: it stands in errors, and asking is a call that may panic.
fn name_of(tracer: &dyn TracerPlugin) -> String {
    catch_unwind(AssertUnwindSafe(|| tracer.name().to_owned())).unwrap_or_else(|payload| {
        drop(super::children::Panic::of(payload));
        "unnamed".to_owned()
    })
}

impl fmt::Debug for FanOutBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutBuilder")
            .field("name", &self.name)
            .field("children", &self.children.len())
            .field("flush_timeout", &self.flush_timeout)
            .field("max_live_spans", &self.max_live_spans)
            .finish()
    }
}
