//! What a history is: calls, each on one of up to eight threads, and which of them happen before which.

use nanospan::{SpanKind, Text, Value};

/// The most threads, called *lanes* here: which thread of the process plays a lane differs from history
/// to history.
pub(crate) const LANES_MAX: usize = 8;

/// How many calls of each lane happened before, by lane.
pub(crate) type Clock = [u8; LANES_MAX];

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) lanes: usize,
    /// Spans that [`Act::Start`] names, numbered from 0.
    pub(crate) spans: usize,
    /// In an order that agrees with what happens before what.
    pub(crate) ops: Vec<Op>,
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) lane: u8,
    /// Calls on other lanes that are waited for.
    pub(crate) after: Vec<u16>,
    /// What follows from that, the call itself included.
    pub(crate) clock: Clock,
    pub(crate) act: Act,
}

impl Op {
    pub(crate) fn happens_before(&self, other: &Self) -> bool {
        let lane = self.lane as usize;
        self.clock[lane] <= other.clock[lane] && self.clock != other.clock
    }
}

impl Plan {
    /// Works out the clocks.
    pub(crate) fn settle(&mut self) {
        let mut lanes = [[0; LANES_MAX]; LANES_MAX];
        for at in 0..self.ops.len() {
            let lane = self.ops[at].lane as usize;
            let mut clock: Clock = lanes[lane];
            for &before in &self.ops[at].after {
                for (mine, theirs) in clock.iter_mut().zip(self.ops[before as usize].clock) {
                    *mine = (*mine).max(theirs);
                }
            }
            clock[lane] += 1;
            lanes[lane] = clock;
            self.ops[at].clock = clock;
        }
    }
}

/// What a call does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Start(Start),
    Record {
        on: Named,
        by: By,
        call: Call,
    },
    End {
        on: Named,
        by: By,
        how: Ending,
    },
    /// Starts spans below the named one, or roots, and ends each at once.
    Burst {
        below: Option<usize>,
        spans: u16,
    },
    Flush,
    /// Reads the account, which walks the logs.
    Account,
    /// The thread exits, and another one goes on with the lane in its place.
    Churn,
    Shutdown,
}

impl Act {
    /// The span that the call is on, and starts or ends it.
    pub(crate) fn span(&self) -> Option<usize> {
        match self {
            Act::Start(start) => Some(start.span),
            Act::Record { on: Named::Span(span), .. } | Act::End { on: Named::Span(span), .. } => Some(*span),
            _ => None,
        }
    }
}

/// What a call is made on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named {
    Span(usize),
    /// A handle that no tracer made.
    Forged(u64),
    Invalid,
    /// A span that ended in an earlier round; which one is drawn when it is needed.
    Ancient(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// By the `Span` itself, which goes from thread to thread if it must.
    Span,
    Handle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Now,
    At(u64),
    /// By a panic that unwinds through the span's scope.
    Panic,
}

#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) span: usize,
    pub(crate) parent: Parent,
    pub(crate) name: Label,
    pub(crate) kind: SpanKind,
    pub(crate) at: Option<u64>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) links: Vec<u64>,
    /// By `start_handle`: there is no `Span`.
    pub(crate) handle_only: bool,
    /// The id is asked for before the span ends, so that others can name it.
    pub(crate) shared: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Parent {
    None,
    Below(usize, By),
    /// By a local context made from the handle.
    Context(usize),
    Remote {
        id: u64,
        sampled: bool,
        random: bool,
        state: bool,
    },
    Forged(u64),
    Invalid,
    Ancient(u64),
}

/// A name, key or message.
#[derive(Debug, Clone)]
pub(crate) enum Label {
    Static(&'static str),
    Copied(String),
}

impl Label {
    pub(crate) fn text(&self) -> Text<'_> {
        match self {
            Label::Static(text) => Text::Static(text),
            Label::Copied(text) => Text::Copied(text),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Label::Static(text) => text,
            Label::Copied(text) => text,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) key: Label,
    pub(crate) value: Val,
}

/// A value of each type.
#[derive(Debug, Clone)]
pub(crate) enum Val {
    Bool(bool),
    I64(i64),
    F64(f64),
    Static(&'static str),
    Str(String),
    Strs(Vec<String>),
    Bools(Vec<bool>),
    I64s(Vec<i64>),
    F64s(Vec<f64>),
}

impl Val {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Val::Bool(value) => Value::Bool(*value),
            Val::I64(value) => Value::I64(*value),
            Val::F64(value) => Value::F64(*value),
            Val::Static(value) => Value::StaticStr(value),
            Val::Str(value) => Value::Str(value),
            Val::Strs(values) => Value::StringArray(values),
            Val::Bools(values) => Value::BoolArray(values),
            Val::I64s(values) => Value::I64Array(values),
            Val::F64s(values) => Value::F64Array(values),
        }
    }
}

/// What is recorded.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Attribute(Attribute),
    Attributes(Vec<Attribute>),
    Event { name: Label, at: Option<u64>, attributes: Vec<Attribute> },
    Link { to: u64, attributes: Vec<Attribute> },
    Status(Outcome),
    Rename(Label),
}

#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Unset,
    Ok,
    Error(Label),
}
