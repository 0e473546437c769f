//! What is recorded is delivered: each field of a span, event and link reads back as it was given.
//!
//! Every test runs twice, with the clock that is chosen by itself and with the operating system's,
//! which is what other platforms fall back to.

use nanospan::testing::{FinishedSpan, Recorder};
use nanospan::{
    ClockSource, OwnedValue, SpanBuilder, SpanContext, SpanId, SpanKind, Status, StatusCode, Text, Timestamp,
    TraceFlags, TraceId, TraceState, Value, attributes,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// In OTLP's span flags: it is known whether the parent is remote, and whether it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
const SAMPLED: u32 = 1;
const RANDOM: u32 = 2;

const CLOCKS: [ClockSource; 2] = [ClockSource::Best, ClockSource::System];

fn on_each_clock(test: impl Fn(&Recorder)) {
    for clock in CLOCKS {
        test(&Recorder::with(|builder| builder.clock(clock)));
    }
}

fn remote(flags: TraceFlags, state: &str) -> SpanContext {
    let state = if state.is_empty() { TraceState::EMPTY } else { state.parse().unwrap() };
    SpanContext::remote(TraceId::from_u128(0xabc << 100 | 7), SpanId::from_u64(0xdef), flags, state)
}

fn sorted(mut attributes: Vec<(String, OwnedValue)>) -> Vec<(String, OwnedValue)> {
    attributes.sort_by(|a, b| a.0.cmp(&b.0));
    attributes
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn every_kind_of_span_arrives_as_such() {
    use SpanKind::{Client, Consumer, Internal, Producer, Server};
    on_each_clock(|recorder| {
        for kind in [Internal, Server, Client, Producer, Consumer] {
            let name = format!("{kind:?}");
            recorder.tracer().span(Text::Copied(&name)).kind(kind).start().end();
            assert_eq!(recorder.span(&name).kind, kind);
        }
        recorder.tracer().span("not said").start().end();
        assert_eq!(recorder.span("not said").kind, Internal);
    });
}

/// Every kind of value, with the ends of its range.
fn with_values(check: impl FnOnce(&[(Text<'_>, Value<'_>)])) {
    let nan_with_payload = f64::from_bits(0x7ff8_dead_beef_0001);
    let long = "ä€𝄞".repeat(300);
    let strings = ["".to_owned(), "ß".to_owned(), long.clone()];
    let copied = "copied key".to_owned();
    let bools: Vec<bool> = (0..17).map(|i| i % 3 == 0).collect();
    let many: Vec<i64> = (0..3000).collect();
    check(&[
        ("str".into(), Value::Str("text")),
        ("str.empty".into(), Value::Str("")),
        ("str.long".into(), Value::Str(&long)),
        ("str.static".into(), Value::StaticStr("static")),
        ("str.static.empty".into(), Value::StaticStr("")),
        ("bool.true".into(), Value::Bool(true)),
        ("bool.false".into(), Value::Bool(false)),
        ("i64.min".into(), Value::I64(i64::MIN)),
        ("i64.max".into(), Value::I64(i64::MAX)),
        ("f64".into(), Value::F64(0.1)),
        ("f64.minus.zero".into(), Value::F64(-0.0)),
        ("f64.nan".into(), Value::F64(nan_with_payload)),
        ("f64.infinite".into(), Value::F64(f64::INFINITY)),
        ("f64.minus.infinite".into(), Value::F64(f64::NEG_INFINITY)),
        ("strs".into(), Value::StrArray(&["a", "", "𝄞"])),
        ("strs.empty".into(), Value::StrArray(&[])),
        ("strings".into(), Value::StringArray(&strings)),
        ("bools".into(), Value::BoolArray(&bools)),
        ("bools.empty".into(), Value::BoolArray(&[])),
        ("i64s".into(), Value::I64Array(&[i64::MIN, -1, 0, 1, i64::MAX])),
        ("i64s.empty".into(), Value::I64Array(&[])),
        ("i64s.long".into(), Value::I64Array(&many)),
        ("f64s".into(), Value::F64Array(&[nan_with_payload, f64::INFINITY, -0.0])),
        ("f64s.empty".into(), Value::F64Array(&[])),
        (Text::Copied(&copied), Value::I64(1)),
        ("".into(), Value::Str("under the empty key")),
    ]);
}

fn owned(attributes: &[(Text<'_>, Value<'_>)]) -> Vec<(String, OwnedValue)> {
    attributes.iter().map(|(key, value)| (key.as_str().to_owned(), OwnedValue::from(*value))).collect()
}

#[test]
fn every_kind_of_value_keeps_its_bits_in_spans_events_and_links() {
    on_each_clock(|recorder| {
        with_values(|values| {
            let tracer = recorder.tracer();
            let span = tracer.span("in one call").start();
            span.set_attributes(values);
            span.add_event("event", values);
            span.add_link(&remote(TraceFlags::NONE, ""), values);
            span.end();
            let span = tracer.span("one by one").start();
            for &(key, value) in values {
                span.set_attribute(key, value);
            }
            span.end();
            tracer.span("at the start").attributes(values).start().end();
            let handle = tracer.span("by handle").start_handle();
            tracer.set_attributes(handle, values);
            tracer.add_event(handle, "event", None, values);
            tracer.end_span(handle, None);

            let expected = owned(values);
            for name in ["in one call", "one by one", "at the start", "by handle"] {
                assert_eq!(recorder.span(name).attributes, expected, "{name}");
            }
            let span = recorder.span("in one call");
            assert_eq!(span.events[0].attributes, expected);
            assert_eq!(span.links[0].attributes, expected);
            assert_eq!(recorder.span("by handle").events[0].attributes, expected);
            let stats = tracer.stats();
            assert_eq!((stats.lost_attributes, stats.truncated), (0, 0));
        });
    });
}

#[test]
fn names_and_keys_arrive_whether_static_or_copied() {
    on_each_clock(|recorder| {
        let long = "n".repeat(1000);
        for (name, expected) in [
            (Text::Static("static"), "static"),
            (Text::Copied("copied ü"), "copied ü"),
            (Text::Static(""), ""),
            (Text::Copied(""), ""),
            (Text::Copied(&long), &long),
        ] {
            recorder.exporter().clear();
            let span = recorder.tracer().span(name).start();
            span.add_event(name, &[(name, Value::I64(2))]);
            span.end();
            let [span] = &recorder.spans()[..] else { panic!("one span was recorded") };
            assert_eq!((&*span.name, &*span.events[0].name), (expected, expected));
        }
        let span = recorder.tracer().span("first").start();
        span.update_name(Text::Copied("second"));
        span.update_name("last");
        span.end();
        recorder.exporter().clear();
        recorder.assert_tree("last");
    });
}

/// What stands before a value that does not fit into a word has been put into the log when the call
/// comes to that value, and must not arrive twice.
#[test]
fn a_list_of_any_length_arrives_once_and_in_order_wherever_in_it_a_value_is_copied() {
    on_each_clock(|recorder| {
        let text = "copied".to_owned();
        let keys = ["a", "b", "c", "d", "e"];
        for (length, at) in (1..=keys.len()).flat_map(|length| (0..length).map(move |at| (length, at))) {
            let value = |n: usize| if n == at { Value::Str(&text) } else { Value::I64(n as i64) };
            let list: [(Text<'_>, Value<'_>); 5] = std::array::from_fn(|n| (keys[n].into(), value(n)));
            let list = &list[..length];
            let name = format!("copied at {at} of {length}");
            let span = recorder.tracer().span(Text::Copied(&name)).start();
            span.set_attributes(list);
            span.add_event("event", list);
            span.end();
            let span = recorder.span(&name);
            assert_eq!(span.attributes, owned(list));
            assert_eq!(span.events.len(), 1);
            assert_eq!(span.events[0].attributes, owned(list));
        }
    });
}

#[test]
fn the_last_value_of_a_key_wins_in_the_place_of_the_first() {
    on_each_clock(|recorder| {
        let copied = String::from("a");
        let span = recorder.tracer().span("s").attributes(&attributes!["a" => 1, "b" => true]).start();
        span.set_attribute(Text::Copied(&copied), "text");
        span.set_attributes(&attributes!["c" => 1.5, "b" => false, "b" => 9]);
        span.set_attribute("a", 7);
        span.end();
        assert_eq!(
            recorder.span("s").attributes,
            [("a".to_owned(), 7.into()), ("b".to_owned(), 9.into()), ("c".to_owned(), 1.5.into())]
        );
    });
}

#[test]
fn the_last_value_of_a_key_wins_in_an_event_and_in_a_link_too() {
    on_each_clock(|recorder| {
        let twice = attributes!["a" => 1, "b" => true, "a" => "last"];
        let span = recorder.tracer().span("s").start();
        span.add_event("event", &twice);
        span.add_link(&remote(TraceFlags::NONE, ""), &twice);
        span.end();
        let span = recorder.span("s");
        let expected = [("a".to_owned(), "last".into()), ("b".to_owned(), true.into())];
        assert_eq!(
            (&span.events[0].attributes[..], &span.links[0].attributes[..]),
            (&expected[..], &expected[..])
        );
        assert_eq!(recorder.tracer().stats().lost_attributes, 0, "what was replaced is not lost");
    });
}

#[test]
fn a_value_that_was_replaced_is_nowhere_in_the_batch() {
    let recorder = Recorder::new();
    let secrets = ["first secret".to_owned(), "second secret".to_owned()];
    for replacement in [Value::I64(1), Value::Str("redacted"), Value::StrArray(&["redacted"])] {
        let span = recorder.tracer().span("s").start();
        span.set_attribute("plain", 1);
        span.set_attribute("text", secrets[0].as_str());
        span.set_attribute("texts", Value::StrArray(&[&secrets[1]]));
        span.set_attribute("text", replacement);
        span.set_attribute("texts", replacement);
    }
    assert_eq!(recorder.spans().len(), 3);
    let batches = recorder.exporter().batches().concat();
    let holds = |text: &str| batches.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("redacted") && !holds("secret"));
}

#[test]
fn attributes_given_at_the_start_equal_those_set_later() {
    on_each_clock(|recorder| {
        with_values(|values| {
            let tracer = recorder.tracer();
            tracer.span("early").attributes(values).start().end();
            let late = tracer.span("late").start();
            late.set_attributes(values);
            late.end();
            assert_eq!(recorder.span("early").attributes, recorder.span("late").attributes);
        });
    });
}

#[test]
fn a_second_list_of_attributes_at_the_start_takes_the_place_of_the_first() {
    on_each_clock(|recorder| {
        let (first, second) = (attributes!["key1" => "value1"], attributes!["key2" => "value2"]);
        recorder.tracer().span("s").attributes(&first).attributes(&second).start().end();
        assert_eq!(recorder.span("s").attributes, [("key2".to_owned(), "value2".into())]);
    });
}

#[test]
fn a_span_on_which_nothing_was_recorded_arrives_empty() {
    on_each_clock(|recorder| {
        recorder.tracer().span("s").start().end();
        let span = recorder.span("s");
        assert!(span.attributes.is_empty() && span.events.is_empty() && span.links.is_empty(), "{span:?}");
        let dropped = [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count];
        assert_eq!((dropped, span.status, &*span.status_message), ([0; 3], StatusCode::Unset, ""));
    });
}

#[test]
fn what_a_child_is_given_at_its_start_arrives_as_a_roots_does() {
    on_each_clock(|recorder| {
        let tracer = recorder.tracer();
        let parent = tracer.span("parent").start();
        let links = [parent.context()];
        let attributes = attributes!["n" => 1, "text" => "static"];
        let given = |builder: SpanBuilder<'_>| {
            builder.attributes(&attributes).links(&links).start_time(at(100)).start().end_at(at(250));
        };
        given(tracer.span("root"));
        given(parent.child("child"));
        parent.end();
        let (root, child) = (recorder.span("root"), recorder.span("child"));
        assert_eq!(child.parent_span_id, Some(recorder.span("parent").span_id));
        assert_eq!((child.attributes.len(), child.links.len()), (2, 1));
        assert_eq!((&child.attributes, &child.links), (&root.attributes, &root.links));
        assert_eq!((child.start_unix_nanos, child.end_unix_nanos), (100, 250));
    });
}

#[test]
fn an_empty_list_of_attributes_changes_nothing() {
    on_each_clock(|recorder| {
        let span = recorder.tracer().span("s").start();
        span.set_attributes(&[]);
        span.set_attribute("n", 1);
        span.set_attributes(&[]);
        span.end();
        assert_eq!(recorder.span("s").attributes, [("n".to_owned(), 1.into())]);
        assert_eq!(recorder.tracer().stats().lost_attributes, 0);
    });
}

#[test]
fn the_last_status_wins() {
    on_each_clock(|recorder| {
        let status_after = |name: &'static str, statuses: &[Status<'_>]| {
            let mut span = recorder.tracer().span(name).start();
            for &status in statuses {
                span.set_status(status);
            }
            span.end();
            let span = recorder.span(name);
            (span.status, span.status_message)
        };
        let error = Status::Error(Text::Static("static"));
        assert_eq!(status_after("none", &[]), (StatusCode::Unset, String::new()));
        assert_eq!(status_after("ok", &[error, Status::Ok]), (StatusCode::Ok, String::new()));
        assert_eq!(status_after("error", &[Status::Ok, error]), (StatusCode::Error, "static".to_owned()));
        assert_eq!(
            status_after("copied", &[error, Status::error("copied ü")]),
            (StatusCode::Error, "copied ü".to_owned())
        );
        assert_eq!(status_after("unset", &[error, Status::Unset]), (StatusCode::Unset, String::new()));
    });
}

#[test]
fn events_keep_their_order_times_and_attributes() {
    on_each_clock(|recorder| {
        let before = unix_now();
        let span = recorder.tracer().span("s").start();
        span.add_event("now", &[]);
        span.add_event_at("then", Timestamp::from_unix_nanos(17), &attributes!["k" => 1]);
        span.add_event_at("earlier", UNIX_EPOCH + Duration::from_nanos(5), &[]);
        span.end();
        let after = unix_now();
        let span = recorder.span("s");
        let names: Vec<_> = span.events.iter().map(|event| &*event.name).collect();
        assert_eq!(names, ["now", "then", "earlier"]);
        assert_eq!(span.events[1].time_unix_nanos, 17);
        assert_eq!(span.events[1].attributes, [("k".to_owned(), 1.into())]);
        assert_eq!(span.events[2].time_unix_nanos, 5);
        within(&span, before, after);
        let now = span.events[0].time_unix_nanos;
        assert!(span.start_unix_nanos <= now && now <= span.end_unix_nanos, "{span:?}");
    });
}

/// The wall clock may be slewed while a test runs; a wrong rate or offset shows far beyond this.
fn within(span: &FinishedSpan, before: u64, after: u64) {
    const SLACK: u64 = 50_000_000;
    assert!(span.start_unix_nanos + SLACK > before, "{} began before {before}", span.start_unix_nanos);
    assert!(span.end_unix_nanos < after + SLACK, "{} ended after {after}", span.end_unix_nanos);
    assert!(span.start_unix_nanos <= span.end_unix_nanos);
}

#[test]
fn links_arrive_with_all_that_they_hold() {
    on_each_clock(|recorder| {
        let other = recorder.tracer().span("other").start();
        let (near, far) = (other.context(), remote(TraceFlags::SAMPLED, "a=1,b=2"));
        let span = recorder.tracer().span("s").links(&[far.clone(), near.clone()]).start();
        span.add_link(&far, &attributes!["why" => "retry"]);
        span.end();
        let links = recorder.span("s").links;
        let [first, second, third] = &links[..] else { panic!("three links, not {links:?}") };
        assert_eq!(first.trace_id, far.trace_id().to_bytes());
        assert_eq!(first.span_id, far.span_id().to_bytes());
        assert_eq!(first.flags, SAMPLED | HAS_IS_REMOTE | IS_REMOTE);
        assert_eq!((&*first.trace_state, first.attributes.len()), ("a=1,b=2", 0));
        assert_eq!(second.span_id, other.span_id().to_bytes());
        assert_eq!(second.flags, SAMPLED | RANDOM | HAS_IS_REMOTE);
        assert_eq!(second.trace_state, "");
        assert_eq!((third.flags, &*third.trace_state), (first.flags, "a=1,b=2"));
        assert_eq!(third.attributes, [("why".to_owned(), "retry".into())]);
    });
}

#[test]
fn a_link_to_no_span_arrives_with_all_that_it_says() {
    on_each_clock(|recorder| {
        let with_state = SpanContext::INVALID.with_trace_state("k=v".parse().unwrap());
        let span = recorder.tracer().span("s").start();
        span.add_link(&SpanContext::INVALID, &[]);
        span.add_link(&SpanContext::INVALID, &attributes!["k1" => "v1"]);
        span.add_link(&with_state, &[]);
        span.end();
        let span = recorder.span("s");
        assert_eq!((span.links.len(), span.dropped_links_count), (3, 0));
        assert!(span.links.iter().all(|link| link.trace_id == [0; 16] && link.span_id == [0; 8]));
        let said = span.links.iter().map(|link| (link.attributes.len(), &*link.trace_state));
        assert_eq!(said.collect::<Vec<_>>(), [(0, ""), (1, ""), (0, "k=v")]);
    });
}

#[test]
fn times_given_by_the_caller_replace_the_clock() {
    on_each_clock(|recorder| {
        let tracer = recorder.tracer();
        tracer.span("both").start_time(Timestamp::from_unix_nanos(100)).start().end_at(at(250));
        tracer.span("backwards").start_time(at(100)).start().end_at(at(99));
        tracer.span("end in the past").start().end_at(at(1));
        let handle = tracer.span("by handle").start_time(at(30)).start_handle();
        tracer.end_span(handle, Some(at(40)));
        let times = |name: &str| {
            let span = recorder.span(name);
            (span.start_unix_nanos, span.end_unix_nanos)
        };
        assert_eq!(times("both"), (100, 250));
        assert_eq!(times("backwards"), (100, 100));
        assert_eq!(times("by handle"), (30, 40));
        let (start, end) = times("end in the past");
        assert!(start > 1 && start == end, "{start} to {end}");
    });
}

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

#[test]
fn a_span_lasts_as_long_as_the_clock_says() {
    on_each_clock(|recorder| {
        let before = unix_now();
        let span = recorder.tracer().span("s").start();
        std::thread::sleep(Duration::from_millis(20));
        span.end();
        let after = unix_now();
        let span = recorder.span("s");
        within(&span, before, after);
        let lasted = span.end_unix_nanos - span.start_unix_nanos;
        assert!((19_000_000..60_000_000_000).contains(&lasted), "{lasted} ns");
    });
}

#[test]
fn a_root_has_a_random_id_and_a_child_its_parents_trace() {
    on_each_clock(|recorder| {
        let root = recorder.tracer().span("root").start();
        assert_eq!(root.flags(), TraceFlags::SAMPLED.with_random(true));
        let child = root.child("child").kind(SpanKind::Client).start();
        assert_eq!((child.trace_id(), child.flags()), (root.trace_id(), root.flags()));
        let ids = (root.trace_id(), root.span_id(), child.span_id());
        child.end();
        root.end();
        recorder.assert_tree("root > child");
        let (root, child) = (recorder.span("root"), recorder.span("child"));
        assert_eq!((root.trace_id, root.span_id), (ids.0.to_bytes(), ids.1.to_bytes()));
        assert_eq!((child.trace_id, child.span_id), (ids.0.to_bytes(), ids.2.to_bytes()));
        assert_eq!((root.parent_span_id, root.flags), (None, SAMPLED | RANDOM));
        assert_eq!(child.parent_span_id, Some(ids.1.to_bytes()));
        assert_eq!(child.flags, SAMPLED | RANDOM | HAS_IS_REMOTE);
        assert_eq!((&*root.trace_state, &*child.trace_state), ("", ""));
    });
}

#[test]
fn a_remote_parent_gives_its_trace_flags_and_state_to_all_below() {
    on_each_clock(|recorder| {
        let states = ["rojo=00f067aa,congo=t61", ""];
        for (random, state) in states.into_iter().flat_map(|state| [(false, state), (true, state)]) {
            let parent = remote(TraceFlags::SAMPLED.with_random(random), state);
            let server = recorder.tracer().span("server").child_of_context(&parent).start();
            let inner = server.child("inner").start();
            assert_eq!(inner.context().trace_state(), parent.trace_state());
            let sent = inner.context();
            recorder.tracer().span("by context").child_of_context(&sent).start().end();
            inner.end();
            server.end();
            let expected = SAMPLED | if random { RANDOM } else { 0 } | HAS_IS_REMOTE;
            let server = recorder.span("server");
            assert_eq!(server.parent_span_id, Some(parent.span_id().to_bytes()));
            assert_eq!(server.flags, expected | IS_REMOTE);
            for name in ["inner", "by context"] {
                let span = recorder.span(name);
                assert_eq!(span.trace_id, parent.trace_id().to_bytes());
                assert_eq!((span.flags, &*span.trace_state), (expected, state));
            }
            recorder.assert_tree("server > inner > by context");
            recorder.exporter().clear();
        }
    });
}

#[test]
fn a_span_dropped_by_a_panic_is_an_error_unless_told_otherwise() {
    on_each_clock(|recorder| {
        let tracer = recorder.tracer();
        let unwinding = std::panic::catch_unwind(|| {
            let _plain = tracer.span("plain").start();
            let mut told = tracer.span("told").start();
            told.set_status(Status::Ok);
            let _made_while_unwinding = OnDrop(|| {
                let cleanup = tracer.span("cleanup").start();
                ["first below", "below"].into_iter().for_each(|name| cleanup.child(name).start().end());
            });
            std::panic::resume_unwind(Box::new("a test's own panic"));
        });
        assert!(unwinding.is_err());
        assert_eq!(recorder.span("plain").status, StatusCode::Error);
        assert_eq!(recorder.span("plain").status_message, "panicked");
        assert_eq!(recorder.span("told").status, StatusCode::Ok);
        let cleanup = recorder.span("cleanup");
        for name in ["first below", "below"] {
            let below = recorder.span(name);
            assert_eq!((below.parent_span_id, below.trace_id), (Some(cleanup.span_id), cleanup.trace_id));
        }
        for name in ["cleanup", "first below", "below"] {
            assert_eq!(recorder.span(name).status, StatusCode::Unset, "{name} was not cut short");
        }
    });
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_span_may_move_to_another_thread_and_end_there() {
    fn is_send<T: Send + Sync>(_: &T) {}
    on_each_clock(|recorder| {
        let mut span = recorder.tracer().span("s").start();
        is_send(&span);
        span.set_attribute("here", 1);
        std::thread::spawn(move || {
            span.set_attribute("there", 2);
            span.set_status(Status::error("late"));
            span.child("below").start().end();
        })
        .join()
        .unwrap();
        recorder.assert_tree("s > below");
        let span = recorder.span("s");
        let expected = [("here".to_owned(), 1.into()), ("there".to_owned(), 2.into())];
        assert_eq!(sorted(span.attributes), expected);
        assert_eq!((span.status, &*span.status_message), (StatusCode::Error, "late"));
    });
}

#[test]
fn batches_name_the_resource_and_hold_no_more_spans_than_told() {
    for clock in CLOCKS {
        let recorder = Recorder::with(|builder| {
            let builder = builder.clock(clock).max_batch_spans(10).resource("region", "eu");
            builder.resource("port", 80).resource("region", "us")
        });
        for _ in 0..25 {
            recorder.tracer().span("s").start().end();
        }
        assert_eq!(recorder.spans().len(), 25);
        let mut spans = Vec::new();
        for (sequence, bytes) in recorder.exporter().batches().iter().enumerate() {
            let batch = nanospan::batch::BatchView::parse(bytes).unwrap();
            assert_eq!(batch.sequence(), sequence as u64);
            spans.push(batch.span_count());
            let resource: Vec<_> =
                batch.resource().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(
                resource,
                [
                    ("service.name".to_owned(), "test".into()),
                    ("telemetry.sdk.name".to_owned(), "nanospan".into()),
                    ("telemetry.sdk.language".to_owned(), "rust".into()),
                    ("telemetry.sdk.version".to_owned(), env!("CARGO_PKG_VERSION").into()),
                    ("port".to_owned(), 80.into()),
                    ("region".to_owned(), "us".into()),
                ]
            );
        }
        assert!(spans.iter().all(|&n| n <= 10) && spans.iter().sum::<usize>() == 25, "{spans:?}");
        assert!(spans.contains(&10), "a batch is filled before the next is begun: {spans:?}");
    }
}
