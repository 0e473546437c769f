//! Makes a history from a seed.
//!
//! Calls on a span are ordered one after the other, or race in a *group*: all that come after what was
//! before the group, and before what comes after it, in no order among themselves. Groups are small, so
//! that all outcomes which the contract allows can be tried.

use crate::plan::{Act, Attribute, By, Call, Ending, Label, Named, Op, Outcome, Parent, Plan, Start, Val};
use crate::profile::Profile;
use crate::random::Random;
use nanospan::SpanKind;

const KEYS: [&str; 10] =
    ["a", "bb", "http.method", "http.route", "db.rows", "net.peer", "k6", "k7", "key.8", "z"];
const NAMES: [&str; 6] = ["GET /", "query", "render", "s", "a name of some more letters", "flush"];
const TEXTS: [&str; 5] = ["", "ok", "GET", "a text that is known at compile time", "äöü €"];
const KINDS: [SpanKind; 5] =
    [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];

/// Calls that race with each other, at most, and all such calls on one span.
const GROUP_MAX: usize = 4;
const RACING_MAX: usize = 8;

/// What is known of a span while the history is made.
#[derive(Debug)]
struct Known {
    /// There is a `Span`, not only a handle.
    native: bool,
    shared: bool,
    /// The `Span` was dropped.
    gone: bool,
    ends: usize,
    /// What came before the group, and the group.
    base: Vec<u16>,
    group: Vec<u16>,
    racing: usize,
    /// The last use of the `Span`.
    last_use: u16,
}

struct Maker<'p> {
    random: Random,
    profile: &'p Profile,
    plan: Plan,
    known: Vec<Known>,
    /// A number for each value, so that it says which call it is from.
    serial: u64,
}

/// The history number `n` of a session. With `shutdown`, one of its calls shuts the tracer down.
pub(crate) fn history(profile: &Profile, n: u64, shutdown: bool) -> Plan {
    let mut random = Random::of(profile.seed, n);
    // Two to four threads mostly: with more there is less of each.
    let lanes = if random.once_in(6) { 5 + random.below(4) } else { 2 + random.below(3) };
    let serial = random.next() >> 24 << 12;
    let mut maker =
        Maker { random, profile, plan: Plan { lanes, spans: 0, ops: Vec::new() }, known: Vec::new(), serial };
    let length = 10 + maker.random.below(40);
    let stop = shutdown.then(|| maker.random.below(length));
    for at in 0..length {
        if stop == Some(at) {
            let lane = maker.lane();
            maker.push(lane, Vec::new(), Act::Shutdown);
        }
        maker.step();
    }
    maker.finish();
    let mut plan = maker.plan;
    plan.settle();
    plan
}

impl Maker<'_> {
    fn lane(&mut self) -> u8 {
        self.random.below(self.plan.lanes) as u8
    }

    fn push(&mut self, lane: u8, mut after: Vec<u16>, act: Act) -> u16 {
        after.retain(|&op| self.plan.ops[op as usize].lane != lane);
        after.sort_unstable();
        after.dedup();
        self.plan.ops.push(Op { lane, after, clock: [0; 8], act });
        self.plan.ops.len() as u16 - 1
    }

    fn step(&mut self) {
        match self.random.below(1000) {
            0..230 => self.start(),
            230..740 => self.record(),
            740..900 => self.end(),
            900..960 => self.nobodys(),
            960..968 => {
                let spans = if self.random.once_in(6) {
                    70 + self.random.below(320)
                } else {
                    1 + self.random.below(12)
                };
                let below = if self.known.is_empty() || self.random.once_in(2) {
                    None
                } else {
                    Some(self.random.below(self.known.len())).filter(|&span| self.known[span].shared)
                };
                let after = below.map(|span| vec![self.known[span].base[0]]).unwrap_or_default();
                let lane = self.lane();
                self.push(lane, after, Act::Burst { below, spans: spans as u16 });
            }
            968..974 => {
                // Several at once, and after all that came before, or some of it.
                for _ in 0..1 + self.random.below(3) {
                    let lane = self.lane();
                    let after = self.last_of_some_span();
                    self.push(lane, after, Act::Flush);
                }
            }
            974..982 => {
                let lane = self.lane();
                let after = self.last_of_some_span();
                self.push(lane, after, Act::Account);
            }
            982..985 => {
                let lane = self.lane();
                self.push(lane, Vec::new(), Act::Churn);
            }
            _ => self.record(),
        }
    }

    fn last_of_some_span(&mut self) -> Vec<u16> {
        if self.known.is_empty() || self.random.once_in(3) {
            return Vec::new();
        }
        let known = &self.known[self.random.below(self.known.len())];
        known.base.iter().chain(&known.group).copied().collect()
    }

    fn start(&mut self) {
        let mut after = Vec::new();
        let parent = self.parent(&mut after);
        let handle_only = self.random.once_in(3);
        let shared = handle_only || !self.random.once_in(5);
        let attributes = match self.random.below(8) {
            0 => self.attributes(),
            1 => vec![self.attribute()],
            _ => Vec::new(),
        };
        let links = if self.random.once_in(16) { vec![self.random.next() | 1] } else { Vec::new() };
        let start = Start {
            span: self.plan.spans,
            parent,
            name: self.name(),
            kind: self.random.pick(&KINDS),
            at: self.random.once_in(12).then(|| self.past()),
            attributes,
            links,
            handle_only,
            shared,
        };
        let mut lane = self.lane();
        // A child is started where its parent is, mostly.
        if let (Parent::Below(..), Some(&near)) = (start.parent, after.last()) {
            if !self.random.once_in(3) {
                lane = self.plan.ops[near as usize].lane;
            }
        }
        let below = match start.parent {
            Parent::Below(span, By::Span) => Some(span),
            _ => None,
        };
        let op = self.push(lane, after, Act::Start(start));
        if let Some(span) = below {
            self.known[span].last_use = op;
        }
        self.plan.spans += 1;
        self.known.push(Known {
            native: !handle_only,
            shared,
            gone: false,
            ends: 0,
            base: vec![op],
            group: Vec::new(),
            racing: 0,
            last_use: op,
        });
    }

    fn parent(&mut self, after: &mut Vec<u16>) -> Parent {
        let near = if self.known.is_empty() { 0 } else { self.random.below(self.known.len()) };
        match self.random.below(40) {
            0..8 => Parent::None,
            8..10 => Parent::Remote {
                id: self.random.next() | 1,
                sampled: !self.random.once_in(4),
                random: self.random.once_in(2),
                state: self.random.once_in(3),
            },
            10 => Parent::Forged(self.random.next()),
            11 => match self.random.below(3) {
                0 => Parent::Invalid,
                _ => Parent::Ancient(self.random.next()),
            },
            _ if self.known.is_empty() => Parent::None,
            _ => {
                let known = &self.known[near];
                let by_span = known.native && !known.gone && (!known.shared || self.random.once_in(2));
                if by_span {
                    after.push(known.last_use);
                    return Parent::Below(near, By::Span);
                }
                if !known.shared {
                    return Parent::None;
                }
                // After all that came before, so that it is clear whether the parent lives, or not.
                if self.random.once_in(4) {
                    after.push(self.first(near));
                } else {
                    after.extend(known.base.iter().chain(&known.group));
                }
                if self.random.once_in(8) { Parent::Context(near) } else { Parent::Below(near, By::Handle) }
            }
        }
    }

    /// The start of a span.
    fn first(&self, span: usize) -> u16 {
        let is_start = |op: &Op| matches!(&op.act, Act::Start(start) if start.span == span);
        self.plan.ops.iter().position(is_start).unwrap_or_default() as u16
    }

    /// A span for the next call, a live one mostly.
    fn any(&mut self) -> Option<usize> {
        if self.known.is_empty() {
            return None;
        }
        for _ in 0..4 {
            // Rather one of the newest.
            let n = self.known.len();
            let span = if self.random.once_in(2) {
                self.random.below(n)
            } else {
                n - 1 - self.random.below(n.min(4))
            };
            let known = &self.known[span];
            if (known.native && !known.gone || known.shared) && (known.ends == 0 || self.random.once_in(6)) {
                return Some(span);
            }
        }
        None
    }

    /// Puts a call on a span, ordered or racing.
    fn put(&mut self, span: usize, by: By, act: Act) {
        let random = &mut self.random;
        let known = &mut self.known[span];
        let races = known.shared
            && known.group.len() < GROUP_MAX
            && known.racing < RACING_MAX
            && (if known.group.is_empty() { random.once_in(4) } else { !random.once_in(3) });
        let mut after = known.base.clone();
        if !races {
            after.append(&mut known.group);
        }
        if by == By::Span {
            after.push(known.last_use);
        }
        let lane = if random.once_in(2) {
            self.plan.ops[known.last_use as usize].lane
        } else {
            random.below(self.plan.lanes) as u8
        };
        let op = self.push(lane, after, act);
        let known = &mut self.known[span];
        if races {
            known.group.push(op);
            known.racing += 1;
        } else {
            known.base = vec![op];
        }
        if by == By::Span {
            known.last_use = op;
        }
    }

    fn way(&mut self, span: usize) -> By {
        let known = &self.known[span];
        if !known.native || known.gone || (known.shared && self.random.once_in(2)) {
            By::Handle
        } else {
            By::Span
        }
    }

    fn record(&mut self) {
        let Some(span) = self.any() else { return self.start() };
        let by = self.way(span);
        let call = self.call();
        self.put(span, by, Act::Record { on: Named::Span(span), by, call });
    }

    fn end(&mut self) {
        if let Some(span) = self.any() {
            self.end_of(span);
        }
    }

    fn end_of(&mut self, span: usize) {
        let by = self.way(span);
        let how = match self.random.below(16) {
            0 | 1 => Ending::At(self.past()),
            2 if by == By::Span => Ending::Panic,
            _ => Ending::Now,
        };
        self.known[span].ends += 1;
        self.known[span].gone |= by == By::Span;
        self.put(span, by, Act::End { on: Named::Span(span), by, how });
    }

    /// A call on what is no span here.
    fn nobodys(&mut self) {
        let on = match self.random.below(8) {
            0 | 1 => Named::Forged(self.random.next()),
            2 => Named::Invalid,
            _ => Named::Ancient(self.random.next()),
        };
        let by = By::Handle;
        let act = if self.random.once_in(3) {
            Act::End { on, by, how: Ending::Now }
        } else {
            Act::Record { on, by, call: self.call() }
        };
        let lane = self.lane();
        self.push(lane, Vec::new(), act);
    }

    /// Ends what is left.
    fn finish(&mut self) {
        for span in 0..self.known.len() {
            while self.known[span].native && !self.known[span].gone || self.known[span].ends == 0 {
                self.end_of(span);
            }
        }
    }

    fn call(&mut self) -> Call {
        match self.random.below(32) {
            0..14 => Call::Attribute(self.attribute()),
            14..21 => Call::Attributes(self.attributes()),
            21..25 => {
                let attributes = self.few();
                let at = self.random.once_in(3).then(|| self.past());
                Call::Event { name: self.name(), at, attributes }
            }
            25..27 => Call::Link { to: self.random.next() | 1, attributes: self.few() },
            27..30 => Call::Status(match self.random.below(5) {
                0 => Outcome::Unset,
                1 => Outcome::Ok,
                2 => Outcome::Error(Label::Static("no")),
                _ => Outcome::Error(self.copied("failed")),
            }),
            _ => Call::Rename(self.name()),
        }
    }

    fn few(&mut self) -> Vec<Attribute> {
        if self.random.once_in(2) { Vec::new() } else { self.attributes() }
    }

    fn attributes(&mut self) -> Vec<Attribute> {
        let n = match self.random.below(240) {
            // More than a record counts, and more than the default limit.
            0 => 250 + self.random.below(60),
            1..8 => 9 + self.random.below(30),
            _ => 1 + self.random.below(7),
        };
        let many = n > 40;
        (0..n)
            .map(|n| {
                let mut attribute = self.attribute();
                if many {
                    attribute =
                        Attribute { key: Label::Copied(format!("many.{n}")), value: Val::I64(n as i64) };
                }
                attribute
            })
            .collect()
    }

    fn attribute(&mut self) -> Attribute {
        let key = match self.random.below(40) {
            0..28 => Label::Static(self.random.pick(&KEYS)),
            28..36 => Label::Copied(self.random.pick(&KEYS).to_owned()),
            36..39 => self.copied("key"),
            _ => Label::Copied(self.long(self.profile.sizes.key)),
        };
        Attribute { key, value: self.value() }
    }

    fn value(&mut self) -> Val {
        self.serial += 1;
        let serial = self.serial;
        match self.random.below(32) {
            0 => Val::Bool(serial & 1 != 0),
            1..14 => Val::I64(serial as i64),
            14..16 => Val::F64(serial as f64 / 3.0),
            16..18 => Val::Static(self.random.pick(&TEXTS)),
            18..28 => {
                let length = match self.random.below(100) {
                    0 => 2000 + self.random.below(3000),
                    1..8 => 60 + self.random.below(400),
                    _ => self.random.below(24),
                };
                let length = if length > 4990 && self.random.once_in(2) { 70_000 } else { length };
                Val::Str(filled(serial, length))
            }
            28 => Val::Strs((0..self.random.below(5)).map(|n| filled(serial, n * n * 3)).collect()),
            29 => {
                Val::Bools((0..self.random.below(20) as u64).map(|n| serial >> (n % 40) & 1 != 0).collect())
            }
            30 => Val::I64s((0..self.elements()).map(|n| (serial + n) as i64).collect()),
            _ => Val::F64s((0..self.elements()).map(|n| (serial + n) as f64).collect()),
        }
    }

    fn elements(&mut self) -> u64 {
        if self.random.once_in(40) {
            300 + self.random.below(300) as u64
        } else {
            self.random.below(6) as u64
        }
    }

    fn name(&mut self) -> Label {
        match self.random.below(24) {
            0..16 => Label::Static(self.random.pick(&NAMES)),
            16..18 => Label::Copied(self.random.pick(&NAMES).to_owned()),
            18..23 => self.copied("span"),
            _ => Label::Copied(self.long(self.profile.sizes.name)),
        }
    }

    fn copied(&mut self, what: &str) -> Label {
        self.serial += 1;
        Label::Copied(format!("{what} {:x}", self.serial))
    }

    /// About as long as what is kept of a text at most, shorter or longer.
    fn long(&mut self, most: usize) -> String {
        self.serial += 1;
        let length = if self.random.once_in(4) {
            most + self.random.below(most)
        } else {
            most - self.random.below(most / 2)
        };
        filled(self.serial, length)
    }

    /// A time in 2020.
    fn past(&mut self) -> u64 {
        1_580_000_000_000_000_000 + self.random.next() % 1_000_000_000_000_000
    }
}

/// A text of at least so many bytes that says where it is from, characters of several bytes included.
fn filled(serial: u64, bytes: usize) -> String {
    let mut text = format!("{serial:x}");
    while text.len() < bytes {
        text.push(if text.len() % 7 == 0 { 'ß' } else { (b'a' + (text.len() % 26) as u8) as char });
    }
    text
}
