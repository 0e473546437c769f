//! What the fan-out exporter of metrics owes each of its destinations. What it shares with that of spans is
//! tested there, in `fan_out.rs`.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::metrics::metrics;
use nanospan::export::{Context, ExportError, ExportErrorKind};
use nanospan::metrics::data::{ResourceMetrics, Temporality};
use nanospan::metrics::{
    Aggregation, FanOutMetricExporter, InstrumentKind, MemoryMetricExporter, MetricExporter,
};

const HOUR: Duration = Duration::from_secs(3600);

fn hour() -> Context {
    Context::with_timeout(HOUR)
}

/// A fan-out to `first` and `second`.
fn pair() -> (FanOutMetricExporter, MemoryMetricExporter, MemoryMetricExporter) {
    let (first, second) = (MemoryMetricExporter::new(), MemoryMetricExporter::new());
    let builder = FanOutMetricExporter::builder();
    let builder = builder.destination("first", first.clone()).destination("second", second.clone());
    (builder.build().expect("the settings are right"), first, second)
}

/// What became of the points at a destination: delivered, failed, refused, queued.
fn account(exporter: &FanOutMetricExporter, name: &str) -> [u64; 4] {
    let stats =
        exporter.stats().into_iter().find(|one| one.name == name).expect("a destination of that name");
    [stats.delivered, stats.failed, stats.refused, stats.queued]
}

#[test]
fn every_destination_gets_every_collection_and_points_are_counted() {
    let (exporter, first, second) = pair();
    for sequence in 0..3 {
        exporter.export(&hour(), &metrics(sequence, 4)).expect("both take it");
    }
    exporter.force_flush(&hour()).expect("both are done");
    let expected: Vec<_> = (0..3).map(|sequence| metrics(sequence, 4)).collect();
    assert_eq!(first.exported(), expected);
    assert_eq!(second.exported(), expected);
    assert_eq!(account(&exporter, "first"), [12, 0, 0, 0]);
    assert_eq!(account(&exporter, "second"), [12, 0, 0, 0]);
    assert_eq!((first.flush_count(), second.flush_count()), (1, 1));
}

#[test]
fn a_destination_that_hangs_holds_up_no_other_and_gets_what_was_collected_then() {
    let (exporter, first, second) = pair();
    let hold = first.hold();
    let mut filled = metrics(0, 1);
    exporter.export(&hour(), &filled).expect("the second one takes it");
    // The memory is used again while the first has not looked at it.
    filled = metrics(1, 2);
    exporter.export(&hour(), &filled).expect("the second one takes it");
    assert_eq!(account(&exporter, "first"), [0, 0, 0, 3]);
    assert_eq!(account(&exporter, "second"), [3, 0, 0, 0]);
    drop(hold);
    exporter.force_flush(&hour()).expect("the first one goes on");
    assert_eq!(first.exported(), [metrics(0, 1), metrics(1, 2)]);
    assert_eq!(first.exported(), second.exported());
}

#[test]
fn what_a_full_queue_refuses_is_told_with_the_name_and_has_lost_no_point_of_the_whole() {
    let (first, second) = (MemoryMetricExporter::new(), MemoryMetricExporter::new());
    // One is taken when it is alone.
    let builder = FanOutMetricExporter::builder().max_queue_bytes(1);
    let builder = builder.destination("slow", first.clone()).destination("fast", second.clone());
    let exporter = builder.build().expect("the settings are right");
    let hold = first.hold();
    exporter.export(&hour(), &metrics(0, 2)).expect("there is room");
    let error = exporter.export(&hour(), &metrics(1, 2)).expect_err("one queue is full");
    assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Full, Some(0)));
    assert!(error.to_string().contains("destination `slow`"), "{error}");
    assert_eq!(account(&exporter, "slow"), [0, 0, 2, 2]);
    assert_eq!(account(&exporter, "fast"), [4, 0, 0, 0]);
    drop(hold);
    exporter.force_flush(&hour()).expect("all is delivered");
}

#[test]
fn what_a_destination_loses_behind_an_export_is_told_by_the_next_call_in_data_points() {
    let (exporter, first, second) = pair();
    let hold = first.hold();
    first.fail_next(1);
    exporter.export(&hour(), &metrics(0, 3)).expect("the second one takes it");
    drop(hold);
    let give_up = Instant::now() + Duration::from_secs(60);
    while account(&exporter, "first") != [0, 3, 0, 0] {
        assert!(Instant::now() < give_up, "waited in vain for the failure");
        thread::sleep(Duration::from_millis(1));
    }
    let error = exporter.force_flush(&hour()).expect_err("the first one failed");
    assert!(
        error.to_string().contains("destination `first` lost 3 data points of earlier batches"),
        "{error}"
    );
    assert_eq!(second.exported().len(), 1);
}

#[test]
fn a_destination_that_hangs_longer_than_an_export_may_take_loses_the_points() {
    let memory = MemoryMetricExporter::new();
    let _hold = memory.hold();
    let builder = FanOutMetricExporter::builder().destination("only", memory.clone());
    let exporter = builder.export_timeout(Duration::from_millis(1)).build().expect("the settings are right");
    let error = exporter.export(&hour(), &metrics(0, 4)).expect_err("it hangs");
    assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::DeadlineExceeded, Some(4)));
    assert_eq!(account(&exporter, "only"), [0, 4, 0, 0]);
}

#[test]
fn it_wants_what_its_destinations_want_and_still_after_the_shutdown() {
    let wanted = || {
        MemoryMetricExporter::new()
            .with_temporality(|kind| match kind {
                InstrumentKind::Counter => Temporality::Delta,
                _ => Temporality::Cumulative,
            })
            .with_aggregation(|kind| match kind {
                InstrumentKind::Histogram => Aggregation::base2_exponential_histogram(),
                _ => Aggregation::Default,
            })
    };
    let builder = FanOutMetricExporter::builder().destination("one", wanted()).destination("two", wanted());
    let exporter = builder.build().expect("they agree");
    let assert_wanted = || {
        for kind in InstrumentKind::ALL {
            assert_eq!(exporter.temporality(kind), wanted().temporality(kind));
            assert_eq!(exporter.aggregation(kind), wanted().aggregation(kind));
        }
    };
    assert_wanted();
    exporter.shutdown(&hour()).expect("nothing is in the way");
    assert_wanted();
}

#[test]
fn a_destination_that_names_what_another_has_by_default_wants_the_same() {
    let named = MemoryMetricExporter::new().with_aggregation(|kind| match kind {
        InstrumentKind::Histogram => Aggregation::explicit_bucket_histogram(),
        InstrumentKind::Counter => Aggregation::Sum,
        _ => Aggregation::Default,
    });
    let builder = FanOutMetricExporter::builder().destination("named", named);
    builder.destination("default", MemoryMetricExporter::new()).build().expect("they agree");
}

#[test]
fn destinations_that_want_different_points_are_refused_with_which_and_what() {
    let delta = MemoryMetricExporter::new().with_temporality(|kind| match kind {
        InstrumentKind::Histogram => Temporality::Delta,
        _ => Temporality::Cumulative,
    });
    let drops = MemoryMetricExporter::new().with_aggregation(|kind| match kind {
        InstrumentKind::Gauge => Aggregation::Drop,
        _ => Aggregation::Default,
    });
    let plain = || MemoryMetricExporter::new();
    for (other, message) in [
        (
            delta,
            "the destinations of a fan-out get the same points, but of the instrument kind Histogram `one` wants the \
             temporality Cumulative and `three` Delta",
        ),
        (
            drops,
            "the destinations of a fan-out get the same points, but of the instrument kind Gauge `one` wants the \
             aggregation Default and `three` Drop",
        ),
    ] {
        let builder = FanOutMetricExporter::builder().destination("one", plain()).destination("two", plain());
        let error = builder.destination("three", other).build().expect_err("they differ");
        assert_eq!((error.kind(), error.to_string()), (ExportErrorKind::InvalidConfig, message.to_owned()));
    }
}

#[test]
fn settings_that_cannot_work_are_refused_with_what_is_wrong() {
    let memory = MemoryMetricExporter::new;
    for (builder, message) in [
        (FanOutMetricExporter::builder(), "a fan-out metric exporter needs a destination"),
        (
            FanOutMetricExporter::builder().destination("one", memory()).destination("one", memory()),
            "there are two destinations called `one`",
        ),
        (
            FanOutMetricExporter::builder().destination("one", memory()).max_queue_bytes(0),
            "a queue of zero bytes has room for no batch",
        ),
    ] {
        let error = builder.build().expect_err(message);
        assert_eq!((error.kind(), error.to_string()), (ExportErrorKind::InvalidConfig, message.to_owned()));
    }
}

/// Panics in each export.
struct Panicking;

impl MetricExporter for Panicking {
    fn export(&self, _: &Context, _: &ResourceMetrics) -> Result<(), ExportError> {
        std::panic::resume_unwind(Box::new("a test's own panic"));
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn a_destination_that_panics_has_lost_the_points_and_no_other_has() {
    let second = MemoryMetricExporter::new();
    let builder = FanOutMetricExporter::builder().destination("panics", Panicking);
    let exporter = builder.destination("second", second.clone()).build().expect("the settings are right");
    let exported = exporter.export(&hour(), &metrics(0, 2));
    let flushed = exporter.force_flush(&hour());
    let told: String =
        [exported, flushed].into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    assert!(told.contains("the exporter panicked: a test's own panic"), "{told}");
    assert_eq!(account(&exporter, "panics"), [0, 2, 0, 0]);
    assert_eq!(account(&exporter, "second"), [2, 0, 0, 0]);
}

#[test]
fn dropping_the_exporter_shuts_every_destination_down() {
    let (exporter, first, second) = pair();
    let _hold = first.hold();
    exporter.export(&hour(), &metrics(0, 1)).expect("the second one takes it");
    drop(exporter);
    let give_up = Instant::now() + Duration::from_secs(60);
    while !(first.is_shut_down() && second.is_shut_down()) {
        assert!(Instant::now() < give_up, "waited in vain for the shutdowns");
        thread::sleep(Duration::from_millis(1));
    }
}
