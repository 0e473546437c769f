//! What the helpers for tests promise.
//!
//! 1. A tree is equal to its text whatever the order of siblings, and to no other text.
//! 2. A failure shows what is missing and what is not expected, in one tree.
//! 3. A text that is not a tree is refused with the place.
//! 4. Spans whose parent is not there, and whole further traces, are roots.
//! 5. Every span is in the tree once, also one that is below itself.
//! 6. With a seed and a clock that stands still two recorders deliver the same bytes of ids and times.

use nanospan::testing::{ManualClock, Recorder, TraceTree, assert_tree};
use nanospan::{ClockSource, SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn tree(text: &str) -> TraceTree {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn message_of(failing: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(failing)).expect_err("this must fail");
    *panic.downcast::<String>().expect("the panic has a text made at run time")
}

/// root > [a > b, c]
fn record_four(recorder: &Recorder) {
    let root = recorder.tracer().span("root").start();
    let a = root.child("a").start();
    a.child("b").start().end();
    a.end();
    root.child("c").start().end();
    root.end();
}

#[test]
fn spans_are_equal_to_their_tree_whatever_the_order_of_siblings() {
    let recorder = Recorder::new();
    record_four(&recorder);
    recorder.assert_tree("root > [a > b, c]");
    recorder.assert_tree("root > [c, a > [b]]");
    recorder.assert_tree(" root>[\n c,\n a>b ]");
}

#[test]
fn trees_that_differ_in_a_name_a_place_or_a_count_are_not_equal() {
    let all = ["", "a", "b", "a, a", "a > b", "a > [b, b]", "a > b > b", "a > b, b", "a > [b > b, b]"];
    for (i, one) in all.iter().enumerate() {
        for (j, other) in all.iter().enumerate() {
            assert_eq!(tree(one) == tree(other), i == j, "{one:?} and {other:?}");
        }
    }
}

#[test]
fn a_failure_shows_both_trees_in_one() {
    let recorder = Recorder::new();
    record_four(&recorder);
    let message = message_of(|| recorder.assert_tree("root > [a > d, c, e]"));
    let (_, lines) = message.split_once('\n').expect("the tree comes on lines of its own");
    assert_eq!(lines, "  root\n    a\n-     d\n+     b\n    c\n-   e\n");
}

#[test]
fn a_span_asked_for_by_name_must_be_the_only_one() {
    let recorder = Recorder::new();
    for name in ["once", "twice", "twice"] {
        recorder.tracer().span(name).start().end();
    }
    assert_eq!(recorder.span("once").name, "once");
    assert!(message_of(|| drop(recorder.span("twice"))).starts_with("2 spans are called \"twice\""));
    assert!(message_of(|| drop(recorder.span("never"))).starts_with("0 spans are called \"never\""));
}

#[test]
fn spans_that_could_not_all_be_delivered_are_not_handed_out() {
    let recorder = Recorder::new();
    recorder.exporter().fail_next(1);
    record_four(&recorder);
    let message = message_of(|| drop(recorder.spans()));
    assert!(message.starts_with("the recorder's flush: ") && message.contains("told to fail"), "{message}");
}

#[test]
fn an_expected_tree_that_is_none_is_told_from_one_that_differs() {
    let message = message_of(|| assert_tree(&[], "a >"));
    assert_eq!(message, "the expected tree \"a >\": a name was expected at byte 3");
}

#[test]
fn spans_below_each_other_are_shown_once_each() {
    let recorder = Recorder::new();
    record_four(&recorder);
    let mut spans = recorder.spans();
    let id = |name: &str| spans.iter().find(|span| span.name == name).map(|span| span.span_id);
    let (a, b) = (id("a"), id("b"));
    for span in &mut spans {
        match &*span.name {
            "a" => span.parent_span_id = b,
            "b" => span.parent_span_id = a,
            _ => {}
        }
    }
    let tree = TraceTree::of(&spans);
    let whole = tree == self::tree("root > c, a > b") || tree == self::tree("root > c, b > a");
    assert!(whole, "whichever of the two comes first:\n{tree}");
}

#[test]
fn names_with_special_characters_stand_in_quotes() {
    let recorder = Recorder::new();
    let root = recorder.tracer().span("GET /a > [b], \"c\" \\").start();
    root.child("d e").start().end();
    root.end();
    recorder.assert_tree(r#""GET /a > [b], \"c\" \\" > d e"#);
}

#[test]
fn a_text_that_is_not_a_tree_is_refused_with_the_place() {
    let refused = [
        (">", "a name was expected at byte 0"),
        ("a >", "a name was expected at byte 3"),
        ("a > [b", "`]` was expected at byte 6"),
        ("a, , b", "a name was expected at byte 3"),
        ("a ] b", "a name, `>`, `,` or the end was expected at byte 2"),
        ("a > \"b", "a quoted name does not end, which begins at byte 5"),
        ("[a, b]", "a name was expected at byte 0"),
    ];
    for (text, reason) in refused {
        let error = text.parse::<TraceTree>().expect_err(text);
        assert_eq!(error.to_string(), reason, "{text:?}");
    }
}

#[test]
fn a_span_whose_parent_is_not_there_is_a_root() {
    let recorder = Recorder::new();
    let remote = SpanContext::remote(
        TraceId::from_u128(1),
        SpanId::from_u64(2),
        TraceFlags::SAMPLED,
        TraceState::EMPTY,
    );
    recorder.tracer().span("below remote").child_of_context(&remote).start().end();
    record_four(&recorder);
    recorder.assert_tree("root > [a > b, c], below remote");
}

#[test]
fn seed_and_manual_clock_make_runs_equal() {
    let run = || {
        let clock = ManualClock::at(5_000);
        let recorder = Recorder::with(|b| b.id_seed(3).clock(ClockSource::Manual(clock.clone())));
        record_four(&recorder);
        recorder.spans()
    };
    let (one, other) = (run(), run());
    assert_eq!(one, other);
    assert!(one.iter().all(|span| span.start_unix_nanos == 5_000 && span.end_unix_nanos == 5_000));
}
