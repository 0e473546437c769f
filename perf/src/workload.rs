//! What is recorded: the same names, keys and values for every library.

use crate::content::{Content, Field};
use std::fmt;
use std::str::FromStr;

/// One repetition of what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// A child span, started and ended.
    W0,
    /// W0 with an integer, a static string of 16 bytes and a boolean.
    W1,
    /// W1 with a string that has to be copied.
    W1d,
    /// W1 with an event with one attribute, and the status "ok".
    W2,
    /// A root and eight children, each as W1.
    W3,
    /// W1, ended on another thread.
    W4,
    /// W0 where nothing is sampled.
    W5,
    /// W0 with ten attributes.
    A10,
    /// W0 with thirty attributes.
    A30,
    /// W1 below one span that stays open all the time.
    Long,
    /// Ten thousand spans as W1, all open at once.
    Open,
    /// Started on one thread, W1's attributes set on a second, ended on a third.
    Move,
}

/// All of them.
pub(crate) const WORKLOADS: [Workload; 12] = {
    use Workload::*;
    [W0, W1, W1d, W2, W3, W4, W5, A10, A30, Long, Open, Move]
};

impl Workload {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::W0 => "W0",
            Self::W1 => "W1",
            Self::W1d => "W1d",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W4 => "W4",
            Self::W5 => "W5",
            Self::A10 => "a10",
            Self::A30 => "a30",
            Self::Long => "long",
            Self::Open => "open",
            Self::Move => "move",
        }
    }

    /// Spans of one repetition.
    pub(crate) const fn spans(self) -> u64 {
        match self {
            Self::W3 => 1 + CHILDREN,
            _ => 1,
        }
    }

    /// Whether a span is a value that goes from place to place, which some libraries do not have.
    pub(crate) const fn needs_values(self) -> bool {
        matches!(self, Self::W4 | Self::Open | Self::Move)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = WORKLOADS.into_iter().find(|workload| workload.name() == name);
        found.ok_or_else(|| format!("no workload is called {name:?}; there are {}", names()))
    }
}

fn names() -> String {
    WORKLOADS.map(Workload::name).join(", ")
}

/// Children of W3's root.
pub(crate) const CHILDREN: u64 = 8;
/// The integer's key.
pub(crate) const STATUS: &str = "http.response.status_code";
/// The string's key.
pub(crate) const ADDRESS: &str = "server.address";
/// The boolean's key.
pub(crate) const CACHED: &str = "cached";
/// Sixteen bytes that live as long as the program.
pub(crate) const TEXT: &str = "0123456789abcdef";
/// The name of W2's event.
pub(crate) const EVENT: &str = "retry";
/// The key of its attribute, and the value.
pub(crate) const ATTEMPT: &str = "attempt";
/// See [`ATTEMPT`].
pub(crate) const ATTEMPTS: i64 = 2;
/// The property by which a library without a status says that all went well.
pub(crate) const STATUS_PROPERTY: &str = "span.status_code";

/// The integer of the n-th repetition: three digits that change, so that a span that arrives twice
/// does not make up for one that is lost.
#[inline(always)]
pub(crate) fn status(n: u64) -> i64 {
    200 + (n % 400) as i64
}

/// The keys of the workloads with many attributes.
pub(crate) const KEYS: [&str; 30] = [
    "k00", "k01", "k02", "k03", "k04", "k05", "k06", "k07", "k08", "k09", "k10", "k11", "k12", "k13", "k14",
    "k15", "k16", "k17", "k18", "k19", "k20", "k21", "k22", "k23", "k24", "k25", "k26", "k27", "k28", "k29",
];

/// The value at a place of the workloads with many attributes: an integer, W1's string and a boolean in
/// turns.
#[inline(always)]
pub(crate) fn value(place: usize, n: u64) -> Field<'static> {
    match place % 3 {
        0 => Field::Integer(status(n)),
        1 => Field::Text(TEXT),
        _ => Field::Flag(true),
    }
}

/// Whether a workload records something under this key.
pub(crate) fn is_recorded_key(key: &str) -> bool {
    [STATUS, ADDRESS, CACHED, ATTEMPT, STATUS_PROPERTY].contains(&key) || KEYS.contains(&key)
}

/// In which types a library delivers what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Types {
    /// As they were given.
    Kept,
    /// Everything as a string, the status as a property.
    Strings,
    /// Not at all, for this reason.
    Nothing(&'static str),
}

fn set(content: &mut Content, types: Types, key: &str, value: Field<'_>) {
    match (types, value) {
        (Types::Strings, Field::Integer(number)) => content.attribute(key, Field::Text(&number.to_string())),
        (Types::Strings, Field::Flag(flag)) => content.attribute(key, Field::Text(&flag.to_string())),
        (_, value) => content.attribute(key, value),
    }
}

/// The hash of the span that each root is.
pub(crate) fn expected_root() -> u64 {
    Content::new("root", false).finish()
}

/// The sum of the hashes of the spans of the n-th repetition.
pub(crate) fn expected(workload: Workload, types: Types, n: u64) -> u64 {
    let name = match workload {
        Workload::W0 | Workload::W5 => "w0",
        Workload::W1 | Workload::W1d | Workload::Long => "w1",
        Workload::W2 => "w2",
        Workload::W3 => "w3",
        Workload::W4 | Workload::Open | Workload::Move => "w4",
        Workload::A10 | Workload::A30 => "many",
    };
    let mut content = Content::new(name, true);
    match workload {
        Workload::W0 | Workload::W5 => {}
        Workload::A10 => many(&mut content, types, 10, n),
        Workload::A30 => many(&mut content, types, 30, n),
        _ => {
            set(&mut content, types, STATUS, Field::Integer(status(n)));
            set(&mut content, types, ADDRESS, Field::Text(TEXT));
            set(&mut content, types, CACHED, Field::Flag(true));
        }
    }
    match (workload, types) {
        (Workload::W2, Types::Strings) => {
            content.event(EVENT, [(ATTEMPT, Field::Text(&ATTEMPTS.to_string()))]);
            content.attribute(STATUS_PROPERTY, Field::Text("ok"));
        }
        (Workload::W2, _) => {
            content.event(EVENT, [(ATTEMPT, Field::Integer(ATTEMPTS))]);
            content.status_ok();
        }
        _ => {}
    }
    match workload {
        Workload::W3 => expected_root().wrapping_add(content.finish().wrapping_mul(CHILDREN)),
        _ => content.finish(),
    }
}

fn many(content: &mut Content, types: Types, count: usize, n: u64) {
    for (place, key) in KEYS[..count].iter().enumerate() {
        set(content, types, key, value(place, n));
    }
}
