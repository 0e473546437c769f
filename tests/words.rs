//! What is shown to a person: the words of errors, the debug forms of what the API hands out; and the
//! small conversions by which values get in.

use nanospan::batch::BatchError;
use nanospan::export::segment::SegmentExporter;
use nanospan::export::{Context, MemoryExporter};
use nanospan::testing::{Recorder, TraceTree};
use nanospan::{
    BuildError, ClockSource, FlushError, ManualClock, OwnedValue, Text, TraceFlags, Tracer, Value, attributes,
};
use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

#[test]
fn each_error_of_a_flush_says_which_it_is_in_words_of_its_own() {
    let export = FlushError::Export { message: "no room".to_owned(), lost_spans: 17 };
    let told = [
        (FlushError::DeadlineExceeded, "deadline"),
        (FlushError::Shutdown, "shut down"),
        (FlushError::Forked, "parent of this process"),
        (FlushError::WorkerGone, "worker thread"),
        (export.clone(), "17 spans"),
        (export, "no room"),
    ];
    for (error, words) in told {
        assert!(error.to_string().contains(words), "{error:?} says {error}");
    }
}

#[test]
fn each_error_of_a_batch_says_what_is_wrong_with_its_numbers() {
    let unknown = BatchError::UnknownVersion { major: 9, minor: 3 };
    assert!(unknown.to_string().contains("9.3"), "{unknown}");
    let large = BatchError::TooLarge { bytes: 123, limit: 45 };
    assert!(large.to_string().contains("123") && large.to_string().contains("45"), "{large}");
}

#[test]
fn why_a_tracer_could_not_be_made_is_told_with_the_cause_below() {
    let Err(small) = Tracer::builder("t").exporter(MemoryExporter::new()).memory_budget(5).build() else {
        panic!("five bytes are too few");
    };
    let BuildError::MemoryBudget { bytes: 5, minimum } = small else { panic!("{small:?}") };
    assert!(small.to_string().contains(&minimum.to_string()), "{small}");
    assert!(small.source().is_none());

    // A file where the directory should be.
    let file = std::env::temp_dir().join(format!("nanospan-words-{}", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let refused = Tracer::builder("t").segments(&file).build().unwrap_err();
    let direct = SegmentExporter::builder(&file).build().unwrap_err();
    std::fs::remove_file(&file).unwrap();
    assert!(refused.to_string().contains(&*file.to_string_lossy()), "{refused}");
    assert_eq!(refused.source().unwrap().to_string(), direct.to_string());
}

/// Its debug form; fails when that does not begin with the type's name, or holds what must not be shown.
#[track_caller]
fn shown(value: &impl Debug, name: &str) -> String {
    let shown = format!("{value:?}");
    assert!(shown.starts_with(name), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    shown
}

#[test]
fn debug_forms_name_their_type_and_show_nothing_that_was_recorded() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let span = tracer.span("secret name").start();
    span.set_attributes(&attributes!["key" => "secret value"]);
    assert!(shown(&span, "Span").contains(&span.trace_id().to_string()));
    assert!(shown(&tracer, "Tracer").contains("started: 1"));
    assert!(shown(&tracer.guard(), "ShutdownGuard").contains("started: 1"));
    assert_eq!(format!("{:?}", Tracer::noop()), "Tracer::noop()");
    shown(&Tracer::builder("t"), "TracerBuilder");
    assert!(shown(&MemoryExporter::new(), "MemoryExporter").contains("batches: 0"));
    let context = Context::with_timeout(Duration::ZERO);
    assert!(shown(&context, "Context").contains("cancelled: false"));
    context.cancellation().cancel();
    assert!(shown(&context.cancellation(), "Cancellation").contains("cancelled: true"));
    assert_eq!(format!("{:?}", TraceFlags::SAMPLED), "TraceFlags(0x01)");
}

#[test]
fn integers_of_every_width_become_signed_ones_and_what_does_not_fit_the_largest() {
    let both = [
        (Value::from(-3_i32), OwnedValue::from(-3_i32), -3),
        (Value::from(3_u16), OwnedValue::from(3_u16), 3),
        (Value::from(u32::MAX), OwnedValue::from(u32::MAX), 4_294_967_295),
    ];
    for (value, owned, number) in both {
        assert_eq!((value, owned), (Value::I64(number), OwnedValue::I64(number)));
    }
    assert_eq!(Value::from(7_u64), Value::I64(7));
    assert_eq!(Value::from(7_usize), Value::I64(7));
    assert_eq!(Value::from(u64::MAX), Value::I64(i64::MAX));
    assert_eq!(Value::from(usize::MAX), Value::I64(i64::MAX));
}

#[test]
fn texts_are_equal_by_what_they_say_wherever_it_stands() {
    let copied = String::from("a");
    assert_eq!(Text::Static("a"), Text::Copied(&copied));
    assert_ne!(Text::Static("b"), Text::Copied(&copied));
}

#[test]
fn a_manual_clock_shows_what_it_was_set_to_and_how_far_it_was_moved() {
    let clock = ManualClock::at(1_000);
    let recorder = Recorder::with(|builder| builder.clock(ClockSource::Manual(clock.clone())));
    let span = recorder.tracer().span("s").start();
    clock.set(5_000);
    span.add_event("set", &[]);
    clock.advance(Duration::from_nanos(500));
    span.end();
    let span = recorder.span("s");
    let times = [span.start_unix_nanos, span.events[0].time_unix_nanos, span.end_unix_nanos];
    assert_eq!(times, [1_000, 5_000, 5_500]);
}

#[test]
fn a_tree_can_be_walked_by_name_from_its_roots_down() {
    let recorder = Recorder::new();
    let root = recorder.tracer().span("root").start();
    root.child("below").start().end();
    root.end();
    let tree = TraceTree::of(&recorder.spans());
    let [root] = tree.roots() else { panic!("one root, not {:?}", tree.roots()) };
    assert_eq!(root.name(), "root");
    assert_eq!(root.children().iter().map(|node| node.name()).collect::<Vec<_>>(), ["below"]);
}
