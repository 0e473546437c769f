//! What a span holds, by its number. `scripts/prove-otlp.d/content.py` says the same in other words; who
//! changes one changes the other.
//!
//! Eight spans make a family: span `k` of it is below span `(k - 1) / 2`. The first one has a remote parent
//! in three of four families, and is a root in the fourth. Everything about a span follows from its number
//! but its id, a root's trace id, and with them what it says of its parent in the same process and of the
//! first of its family in a link.

use nanospan::propagation::format_traceparent;
use nanospan::{
    OwnedValue, Span, SpanContext, SpanId, SpanKind, SpanLimits, Status, Text, Timestamp, TraceFlags,
    TraceId, TraceState, Tracer, TracerBuilder, Value, attributes,
};

/// How many spans belong together.
pub(crate) const FAMILY: u64 = 8;

/// When the first span begins, in nanoseconds since the Unix epoch.
const BEGIN: u64 = 1_700_000_000_000_000_000;

const NAMES: [&str; 4] = ["GET /cart", "größe ermitteln 🔍", "x", "SELECT \"items\"\\\n"];

const KINDS: [SpanKind; 5] =
    [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];

const DOUBLES: [f64; 8] = [0.0, -0.0, 0.1, -1e308, f64::MIN_POSITIVE, 5e-324, 1.0 / 3.0, 1e22];

/// A tracer with limits that some spans go beyond, and a resource with attributes of every type.
pub(crate) fn described(builder: TracerBuilder, run: &str) -> TracerBuilder {
    let mut limits = SpanLimits::default();
    limits.attributes = 24;
    limits.events = 4;
    limits.links = 3;
    limits.attributes_per_event = 2;
    limits.attributes_per_link = 1;
    limits.attribute_value_length = Some(1_000);
    builder
        .span_limits(limits)
        .resource("proof.run", run.to_owned())
        .resource("proof.int", i64::MIN)
        .resource("proof.double", 0.1)
        .resource("proof.bool", true)
        .resource("proof.strings", OwnedValue::StrArray(vec![String::new(), "ä".to_owned()]))
        .resource("proof.bools", OwnedValue::BoolArray(vec![true, false]))
        .resource("proof.ints", OwnedValue::I64Array(vec![-1, 0, i64::MAX]))
        .resource("proof.doubles", OwnedValue::F64Array(vec![-0.5]))
}

/// Records the spans of a family, but for those from number `end` on: all of them are open at once.
pub(crate) fn record_family(tracer: Tracer, family: u64, end: u64) {
    let first = family * FAMILY;
    let mut spans: Vec<Span> = Vec::with_capacity(FAMILY as usize);
    for number in first..end.min(first + FAMILY) {
        let caller = caller_of(family);
        let place = (number % FAMILY) as usize;
        let unique = format!("GET /item/{number}");
        let name = match number % 5 {
            0 => Text::Copied(&unique),
            other => Text::Static(NAMES[other as usize - 1]),
        };
        let builder = match spans.get(place.wrapping_sub(1) / 2) {
            Some(parent) => parent.child(name),
            None => tracer.span(name).child_of_context(&caller),
        };
        let kind = KINDS[(number % 5) as usize];
        let mut span = builder.kind(kind).start_time(begin_of(number)).start();
        fill(&mut span, number, spans.first());
        spans.push(span);
    }
    while let Some(span) = spans.pop() {
        let number = first + spans.len() as u64;
        span.end_at(Timestamp::from_unix_nanos(begin_of(number).unix_nanos() + (mixed(number) >> 34)));
    }
}

/// SplitMix64's output for the state `number`.
fn mixed(number: u64) -> u64 {
    let mut word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn begin_of(number: u64) -> Timestamp {
    Timestamp::from_unix_nanos(BEGIN + 1_000 * number + mixed(number) % 1_000)
}

/// The remote parent of a family's first span, unless that is a root.
fn caller_of(family: u64) -> Option<SpanContext> {
    let state = match family % 4 {
        0 => return None,
        1 => String::new(),
        2 => format!("proof={family},vendor=a b"),
        _ => (0..16).map(|member| format!("m{member}@proof={family:x}")).collect::<Vec<_>>().join(","),
    };
    Some(elsewhere(family, TraceFlags::from_byte(if family % 2 == 0 { 3 } else { 1 }), &state))
}

/// A span of another process.
fn elsewhere(seed: u64, flags: TraceFlags, state: &str) -> SpanContext {
    let trace_id = u128::from(mixed(2 * seed + 1)) << 64 | u128::from(mixed(3 * seed + 1));
    let span_id = mixed(5 * seed + 1);
    let state: TraceState = state.parse().expect("a trace state of this program's own is well-formed");
    SpanContext::remote(TraceId::from_u128(trace_id), SpanId::from_u64(span_id), flags, state)
}

/// All but the name, the kind and the times. `first` is the first span of the family, unless this is it.
fn fill(span: &mut Span, number: u64, first: Option<&Span>) {
    let context = span.context();
    let own = format_traceparent(context.trace_id(), context.span_id(), context.flags());
    let own = String::from_utf8_lossy(&own);
    span.set_attributes(&attributes!["proof.number" => number, "proof.traceparent" => &*own]);
    set_values(span, number);
    add_events(span, number);
    add_links(span, number, first);
    match number % 3 {
        0 => {}
        1 => span.set_status(Status::Ok),
        _ => {
            let why = if number % 2 == 0 { String::new() } else { format!("failed with {number:#x} ✗") };
            span.set_status(Status::error(&why));
        }
    }
}

/// Attributes of every type, each in half of the spans, and in some spans more than the limit.
fn set_values(span: &Span, number: u64) {
    let word = mixed(number);
    let has = |bit: u32| word >> bit & 1 == 1;
    let double = DOUBLES[(number % 8) as usize];
    if has(0) {
        span.set_attribute("int", word as i64);
    }
    if has(1) {
        // Of 16 digits at most: the collector reads longer ones from JSON with an error in the last bit.
        span.set_attribute("double", ((word as i64) >> 16) as f64 / 4.0);
        span.set_attribute("double.special", double);
    }
    if has(2) {
        span.set_attribute("bool", has(9));
        span.set_attribute("literal", Value::StaticStr("GET"));
    }
    if has(3) {
        let text = format!("{number} \"quoted\" \\ \n\t\u{1}\u{7f} ä 🔍 </script>");
        span.set_attribute("text", &text);
        span.set_attribute("text.empty", "");
    }
    if has(4) {
        let key = format!("key.{}", number % 100);
        span.set_attribute(Text::Copied(&key), number);
    }
    let length = (number % 4) as usize;
    if has(5) {
        let texts: Vec<String> = (0..length).map(|place| format!("{word:x}/{place}")).collect();
        span.set_attribute("texts", &texts[..]);
        span.set_attribute("bools", &[has(10), has(11), has(12)][..length]);
    }
    if has(6) {
        span.set_attribute("ints", &[word as i64, -1, number as i64][..length]);
        span.set_attribute("doubles", &[double, 0.5, number as f64][..length]);
    }
    if has(7) {
        span.set_attribute("twice", 1_i64);
        span.set_attribute("twice", "the last value holds");
    }
    if number % 64 == 13 {
        span.set_attribute("long", &"ö".repeat(1_500));
    }
    if number % 50 == 49 {
        for place in 0..30 {
            span.set_attribute(Text::Copied(&format!("more.{place}")), place as i64);
        }
    }
}

fn add_events(span: &Span, number: u64) {
    let began = begin_of(number).unix_nanos();
    for place in 0..[0, 1, 2, 0, 3, 6][(number % 6) as usize] {
        let time = Timestamp::from_unix_nanos(began + 7 * place);
        let of_its_own = format!("event {place} of {number}");
        let name = if place == 2 { Text::Copied(&of_its_own) } else { Text::Static("exception") };
        let all = attributes!["place" => place, "text" => &of_its_own, "half" => place as f64 / 2.0];
        span.add_event_at(name, time, &all[..(place % 4) as usize]);
    }
}

fn add_links(span: &Span, number: u64, first: Option<&Span>) {
    for place in 0..[0, 0, 1, 2, 5][(number % 5) as usize] {
        let all = attributes!["place" => place, "over the limit" => true];
        let all = &all[..(place % 3) as usize];
        match first {
            Some(first) if place == 0 => span.add_link(&first.context(), all),
            _ => {
                let state = if place == 1 { format!("link={number}") } else { String::new() };
                span.add_link(&elsewhere(number + 7 * place, TraceFlags::from_byte(1), &state), all);
            }
        }
    }
}
