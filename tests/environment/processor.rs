//! The variables of the batch processor.

use crate::common::{PATIENCE, until};
use crate::{Made, Variables, assert_ignored, lookup, made};
use nanospan::TracerBuilder;
use nanospan::export::MemoryExporter;

#[test]
fn the_batch_processors_sizes_have_their_variables() {
    let variables = [("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let made_so = made(&variables);
    made_so.record(|tracer| (0..95).for_each(|_| drop(tracer.span("s").start())));
    let sizes = made_so.memory.batches();
    let sizes: Vec<_> =
        sizes.iter().map(|batch| nanospan::batch::BatchView::parse(batch).unwrap().span_count()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 95);
    assert_eq!(sizes.iter().max(), Some(&10));

    let variables = [("OTEL_BSP_MAX_QUEUE_SIZE", "20"), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let made = made(&variables);
    let hold = made.memory.hold();
    (0..200).for_each(|_| drop(made.tracer.span("s").start()));
    // At most one batch is with the exporter, and one waits.
    until("all others are refused", || made.tracer.stats().dropped.queue_full >= 160);
    until("none is on its way", || made.tracer.stats().live == 0);
    assert!(made.tracer.stats().is_balanced(), "{:?}", made.tracer.stats());
    drop(hold);
}

#[test]
fn the_batch_processors_times_have_their_variables() {
    let made_so = made(&[("OTEL_BSP_SCHEDULE_DELAY", "1")]);
    drop(made_so.tracer.span("s").start());
    until("it is exported without a flush", || made_so.memory.spans().len() == 1);

    let late = made(&[("OTEL_BSP_SCHEDULE_DELAY", "3600000")]);
    drop(late.tracer.span("s").start());
    until("it is collected", || late.tracer.stats().live == 0);
    assert!(late.memory.spans().is_empty());

    let hanging = TracerBuilder::from_variables(lookup(&[
        ("OTEL_BSP_EXPORT_TIMEOUT", "20"),
        ("OTEL_LOG_LEVEL", "none"),
    ]));
    let memory = MemoryExporter::new();
    let tracer = hanging.memory_budget(8 << 20).exporter(memory.clone()).build().unwrap();
    let _hold = memory.hold();
    drop(tracer.span("s").start());
    tracer.flush(PATIENCE).unwrap_err();
    assert_eq!(tracer.stats().dropped.export_failed, 1);
}

#[test]
fn bad_settings_of_the_batch_processor_are_told_and_as_if_unset() {
    for name in ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] {
        for bad in ["0", "-1", "many"] {
            let made = assert_ignored(name, bad, &[]);
            assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1);
        }
    }
    for name in ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT"] {
        for bad in ["-1", "1s"] {
            assert_ignored(name, bad, &[]);
        }
    }
    // No limit, in OpenTelemetry's words.
    let made = made(&[("OTEL_BSP_EXPORT_TIMEOUT", "0")]);
    assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1);
}

/// How many spans each batch had of so many that were recorded, with a flush after every 50 of them: what is
/// beyond the queue's size is dropped only if nobody waits for it.
fn batches_of(made: &Made, spans: usize) -> Vec<usize> {
    for number in 1..=spans {
        drop(made.tracer.span("s").start());
        if number % 50 == 0 || number == spans {
            made.tracer.flush(PATIENCE).unwrap();
        }
    }
    let batches = made.memory.batches();
    batches.iter().map(|batch| nanospan::batch::BatchView::parse(batch).unwrap().span_count()).collect()
}

#[test]
fn whatever_the_sizes_every_span_arrives_in_batches_within_them() {
    let cases: [(Variables<'_>, usize, usize); 3] = [
        (&[("OTEL_BSP_MAX_QUEUE_SIZE", "5000"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000")], 5000, 0),
        (&[("OTEL_BSP_MAX_QUEUE_SIZE", "5000"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10000")], 4096, 1),
        (&[("OTEL_BSP_MAX_QUEUE_SIZE", "50"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10000")], 50, 1),
    ];
    for (variables, most, warnings) in cases {
        let made = made(variables);
        assert_eq!(made.warnings.len(), warnings, "{variables:?}: {:?}", made.warnings);
        let batches = batches_of(&made, 2053);
        assert_eq!(batches.iter().sum::<usize>(), 2053, "{variables:?}");
        assert!(batches.iter().all(|spans| *spans <= most), "{variables:?}: {batches:?}");
    }
}

#[test]
fn a_batch_that_would_be_larger_than_the_queue_is_told_and_as_if_unset() {
    let queue = [("OTEL_BSP_MAX_QUEUE_SIZE", "20")];
    let made = assert_ignored("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "21", &queue);
    assert!(made.warnings[0].contains("from 1 to 20"), "{:?}", made.warnings);
}
