//! Children that panic.

use crate::notebook::{Call, Notebook, builder_of, over, start, whole_span};
use nanospan::plugin::FanOut;
use nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanEvent, SpanHandle, SpanStart, SpanStatus, TracerPlugin,
};
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const METHODS: [&str; 5] = ["start_span", "set_attribute", "set_status", "add_event", "end_span"];

/// How often `whole_span` calls each of them.
const TIMES: [u64; 5] = [1, 8, 1, 1, 1];

/// Panics once in every `METHODS`, at every place among the children.
#[test]
fn a_panic_reaches_neither_the_caller_nor_another_child() {
    let alone = Notebook::new("alone");
    whole_span(&over(&[&alone]));
    for place in 0..3 {
        for (bad_method, times) in METHODS.into_iter().zip(TIMES) {
            let bad = Notebook::on_call("bad", move |method| assert_ne!(method, bad_method, "as told"));
            let (a, b) = (Notebook::new("a"), Notebook::new("b"));
            let mut children = vec![&a, &b];
            children.insert(place, &bad);
            let tracer = over(&children);
            whole_span(&tracer);
            assert_eq!((a.calls(), b.calls()), (alone.calls(), alone.calls()), "{bad_method}");
            let stats = tracer.stats();
            assert_eq!(stats.children[place].panics, times, "{bad_method}");
            assert_eq!(stats.children.iter().map(|child| child.panics).sum::<u64>(), times);
            assert_eq!(stats.live_spans, 0);
            let told = tracer.flush().unwrap_err();
            let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            let expected = format!("child `bad` ({} of 3): it panicked {times}, first with: ", place + 1);
            assert!(told.starts_with(&expected) && told.contains("as told"), "{told}");
            assert_eq!(tracer.flush(), Ok(()), "told twice");
        }
    }
}

#[test]
fn a_child_that_panicked_is_called_again() {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let bad = Notebook::on_call("bad", move |method| {
        let n = counted.fetch_add(1, Ordering::Relaxed);
        assert!(method == "flush" || n % 2 == 1, "every other call");
    });
    let tracer = over(&[&bad]);
    // The first start panics, and the span with it.
    assert!(start(&tracer, "s").is_invalid());
    let span = start(&tracer, "s");
    tracer.set_attribute(span, "k", 1_i64.into());
    tracer.set_attribute(span, "k", 2_i64.into());
    tracer.end_span(span, None);
    assert_eq!(tracer.stats().children[0].panics, 3);
    assert_eq!(bad.calls()[1..], [Call::Attribute(2, "k".to_owned(), AttrValue::I64(2))]);
    assert_eq!(tracer.stats().live_spans, 0);
}

/// A payload that panics when it is dropped, and so does what that panics with.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(Bomb(self.0 - 1));
        }
    }
}

#[test]
fn a_panic_whose_payload_panics_is_survived() {
    let bad = Notebook::on_call("bad", |_| panic_any(Bomb(5)));
    let good = Notebook::new("good");
    let tracer = over(&[&bad, &good]);
    whole_span(&tracer);
    let told = tracer.flush().unwrap_err();
    let in_flush = "child `bad` (1 of 2): its flush panicked: a panic without a message";
    let elsewhere = "child `bad` (1 of 2): it panicked once, first with: a panic without a message";
    assert_eq!(told, format!("{in_flush}; {elsewhere}"));
    assert_eq!((good.calls().len(), tracer.stats().children[0].panics), (13, 2));
}

/// A child that cannot even say its name.
struct Nameless;

impl TracerPlugin for Nameless {
    fn name(&self) -> &str {
        panic!("no name")
    }

    fn start_span(&self, _: SpanStart<'_>) -> SpanHandle {
        SpanHandle::INVALID
    }

    fn set_attribute(&self, _: SpanHandle, _: &str, _: AttrValue) {}

    fn set_status(&self, _: SpanHandle, _: SpanStatus) {}

    fn add_event(&self, _: SpanHandle, _: SpanEvent<'_>) {}

    fn end_span(&self, _: SpanHandle, _: Option<u64>) {}

    fn flush(&self) -> Result<(), String> {
        Err("not this one".to_owned())
    }
}

#[test]
fn a_child_whose_name_panics_is_unnamed() {
    let tracer = FanOut::builder().child(Nameless).build().unwrap();
    assert_eq!(tracer.flush().unwrap_err(), "child `unnamed` (1 of 1): not this one");
}

#[test]
fn a_panic_in_a_flush_is_an_error_of_that_flush() {
    let bad = Notebook::on_call("bad", |method| assert_ne!(method, "flush"));
    let good = Notebook::new("good");
    let tracer = builder_of(&[&good, &bad]).build().unwrap();
    for n in 1..=3 {
        let told = tracer.flush().unwrap_err();
        assert!(told.starts_with("child `bad` (2 of 2): its flush panicked: assertion"), "{told}");
        let child = &tracer.stats().children[1];
        assert_eq!((child.panics, child.flushes, child.failed_flushes), (n, n, n));
    }
    assert_eq!(good.flushes(), 3);
}
