//! Every counter of the account above zero, and equal to its own point: two that are zero would be equal whatever
//! the metrics tell. `src/metrics/account/tests.rs` does the same with made-up figures, and has those too that no
//! program can bring about in a test: spans that cannot be encoded, for one.

use super::*;
use crate::common::until;
#[cfg(unix)]
use crate::forked::{check, in_child};
use nanospan::batch::Batch;
use nanospan::{SpanContext, SpanHandle, SpanId, SpanLimits, Status, TraceFlags, TraceId, TraceState};
use std::cell::RefCell;
use std::thread;

/// Does what it is told to with the next batch, and delivers all others.
#[derive(Default)]
struct Told {
    next: Mutex<Option<Deed>>,
    released: Context,
}

#[derive(Clone, Copy)]
enum Deed {
    /// Loses one span, and says that it was refused.
    Reject,
    Break,
    Panic,
    /// Waits until it is released.
    Hang,
}

impl SpanExporter for Told {
    fn export(&self, context: &Context, _: &Batch) -> Result<(), ExportError> {
        let deed = self.next.lock().unwrap().take();
        match deed {
            None => Ok(context.check()?),
            Some(Deed::Reject) => Err(ExportError::new(ExportErrorKind::Rejected, "no").with_lost_spans(1)),
            Some(Deed::Break) => Err(ExportError::new(ExportErrorKind::Io, "no")),
            Some(Deed::Panic) => panic!("told to"),
            Some(Deed::Hang) => {
                let _ = self.released.wait(PATIENCE);
                Ok(())
            }
        }
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn component(&self) -> Component {
        Component::new("told")
    }
}

/// Starts a span when its thread ends.
struct AtExit(Tracer);

impl Drop for AtExit {
    fn drop(&mut self) {
        drop(self.0.span("at exit").start());
    }
}

thread_local! {
    static AT_EXIT: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

/// What each reason to ignore a call, to start nothing, and to leave a part out brings about.
fn misuse(tracer: Tracer) {
    let ended = tracer.span("ended").start_handle();
    (0..2).for_each(|_| tracer.end_span(ended, None));
    (0..2).for_each(|_| tracer.set_attribute(SpanHandle::INVALID, "k", 1));
    let forged = SpanHandle { trace_id: TraceId::from_u128(7), span_id: SpanId::from_u64(7) };
    (0..3).for_each(|_| tracer.set_status(forged, Status::Ok));
    (0..4).for_each(|_| drop(tracer.span("nowhere").child_of_handle(SpanHandle::INVALID).start()));

    let remote =
        SpanContext::remote(TraceId::from_u128(1), SpanId::from_u64(1), TraceFlags::NONE, TraceState::EMPTY);
    (0..5).for_each(|_| drop(tracer.span("not sampled").child_of_context(&remote).start()));
    {
        let _suppressed = suppress_tracing();
        (0..6).for_each(|_| drop(tracer.span("suppressed").start()));
    }

    let full = tracer.span("full").start();
    ["a", "b", "c", "d", "e", "f", "g", "h"].iter().for_each(|key| full.set_attribute(*key, 1));
    (0..9).for_each(|_| full.add_event("event", &[]));
    (0..10).for_each(|_| full.add_link(&remote, &[]));
    full.set_attribute("a", "x".repeat(70_000).as_str());
}

#[test]
fn each_counter_is_above_zero_and_has_its_own_point() {
    let told = Arc::new(Told::default());
    let mut limits = SpanLimits::default();
    (limits.attributes, limits.events, limits.links) = (1, 1, 1);
    let tracer = builder()
        .memory_budget(1 << 20)
        .span_limits(limits)
        .max_batch_spans(10)
        .max_queue_size(25)
        .export_interval(Duration::from_secs(3600))
        .export_timeout(Duration::ZERO)
        .exporter(Arc::clone(&told))
        .build()
        .unwrap();
    let reader = ManualReader::builder().producer(tracer.metric_producer()).build();
    let will = |deed| *told.next.lock().unwrap() = Some(deed);
    let spans = |count: u32| (0..count).for_each(|_| drop(tracer.span("s").start()));

    misuse(tracer);
    tracer.flush(PATIENCE).unwrap();
    for deed in [Deed::Reject, Deed::Break, Deed::Panic] {
        will(deed);
        spans(4);
        tracer.flush(PATIENCE).unwrap_err();
    }
    // A batch is under way, two wait, for the others there is no room.
    will(Deed::Hang);
    spans(10);
    until("the exporter is at work", || {
        told.next.lock().unwrap().is_none() && tracer.stats().exporting == 10
    });
    let live: Vec<_> = (0..3).map(|_| tracer.span("live").start()).collect();
    spans(100);
    until("all are told what becomes of them", || tracer.stats().live == 3);
    let stats = tracer.stats();
    let is = figures(&collected(&reader));
    assert_eq!((stats.live, stats.buffered, stats.exporting), (3, 30, 10));
    assert_equal_to(&is, &stats);
    told.released.cancellation().cancel();
    tracer.flush(PATIENCE).unwrap();

    // More than there is memory for.
    let mut many = Vec::new();
    while many.last().is_none_or(nanospan::Span::is_recording) {
        many.push(tracer.span("many").start());
    }
    drop(many);
    tracer.flush(PATIENCE).unwrap();
    // Destructors run last in, first out, at least on Linux: this one's when the thread is gone for the tracer.
    let thread = thread::spawn(move || {
        AT_EXIT.set(Some(AtExit(tracer)));
        drop(tracer.span("first").start());
    });
    thread.join().unwrap();
    tracer.shutdown(PATIENCE).unwrap();
    drop(live);
    spans(2);

    let stats = tracer.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    let is = figures(&collected(&reader));
    assert_equal_to(&is, &stats);
    let dropped = &stats.dropped;
    let processed = "otel.sdk.processor.span.processed{otel.component.type=batching_span_processor";
    let exported = "otel.sdk.exporter.span.exported{otel.component.type=told";
    let operations = "otel.sdk.exporter.operation.duration{otel.component.type=told";
    let parts = "nanospan.span.parts.lost{nanospan.span.part=";
    let ignored = "nanospan.span.calls.ignored{nanospan.reason=";
    // Of those that were refused, one; of those that broke, four, and as many of the panic.
    let failures = [("rejected", 1), ("io", 4), ("_OTHER", 4)];
    assert_eq!(dropped.export_failed, 9);
    let mut all = vec![
        ("otel.sdk.span.started{otel.span.sampling_result=RECORD_AND_SAMPLE}".into(), stats.started),
        (
            "otel.sdk.span.started{otel.span.sampling_result=DROP}".into(),
            stats.not_sampled + stats.suppressed,
        ),
        (format!("{processed}}}"), stats.exported + dropped.export_failed),
        (format!("{processed},error.type=queue_full}}"), dropped.queue_full),
        (format!("{processed},error.type=already_shutdown}}"), dropped.shutdown),
        (format!("{processed},error.type=overload}}"), dropped.overload),
        (format!("{exported}}}"), stats.exported),
        (format!("{operations}}}"), stats.exports - 3),
        (format!("{ignored}stale}}"), stats.stale_calls),
        (format!("{ignored}invalid}}"), stats.invalid_calls),
        (format!("{ignored}forged}}"), stats.forged_calls),
        ("nanospan.span.starts.invalid{}".into(), stats.invalid_parent),
        (format!("{parts}attribute}}"), stats.lost_attributes),
        (format!("{parts}event}}"), stats.lost_events),
        (format!("{parts}link}}"), stats.lost_links),
        (format!("{parts}end_of_text}}"), stats.truncated),
        ("nanospan.exporter.panics{}".into(), stats.exporter_panics),
        ("nanospan.memory.usage{}".into(), stats.memory_bytes),
    ];
    for (error, lost) in failures {
        all.push((format!("{exported},error.type={error}}}"), lost));
        all.push((format!("{operations},error.type={error}}}"), 1));
    }
    if cfg!(target_os = "linux") {
        all.push((format!("{processed},error.type=thread_exit}}"), dropped.thread_exit));
    }
    for (name, expected) in all {
        assert!(expected > 0, "{name} proves nothing: {stats:?}");
        assert_eq!(of(&is, &name), expected as i64, "{name} of {stats:?}");
    }
}

/// What a child tells is its own: spans that the parent delivers are no spans of the child's.
#[cfg(unix)]
#[test]
fn what_a_fork_drops_is_told_in_the_child() {
    let tracer = builder().exporter(MemoryExporter::new()).build().unwrap();
    let reader = ManualReader::builder().producer(tracer.metric_producer()).build();
    let live = tracer.span("live").start();
    let code = in_child(|| {
        drop(tracer.span("in the child").start());
        let stats = tracer.stats();
        check(1, stats.dropped.fork > 1)?;
        let is = figures(&collected(&reader));
        let processed = "otel.sdk.processor.span.processed{otel.component.type=batching_span_processor";
        check(2, is.get(&format!("{processed},error.type=forked}}")) == Some(&(stats.dropped.fork as i64)))
    });
    assert_eq!(code, 0);
    drop(live);
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!((tracer.stats().exported, tracer.stats().dropped.total()), (1, 0));
}

/// In a child there is no thread of a reader's to wait for.
#[cfg(unix)]
#[test]
fn a_forked_child_that_shuts_its_tracer_down_waits_for_no_reader() {
    let kept = Arc::new(Kept::default());
    let reader = PeriodicReader::builder(Arc::clone(&kept)).interval(Duration::MAX).error_handler(|_| ());
    let tracer = builder().exporter(MemoryExporter::new()).metrics(reader).build().unwrap();
    let code = in_child(|| {
        check(1, tracer.shutdown(Duration::MAX).is_err())?;
        check(2, kept.exported.lock().unwrap().is_empty())
    });
    assert_eq!(code, 0);
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!(kept.exported.lock().unwrap().len(), 1);
}

/// Wants deltas, and refuses what it is told to.
struct Deltas {
    kept: Arc<Kept>,
    refuses: Arc<Mutex<bool>>,
}

impl MetricExporter for Deltas {
    fn temporality(&self, _: InstrumentKind) -> Temporality {
        Temporality::Delta
    }

    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        if *self.refuses.lock().unwrap() {
            return Err(ExportError::new(ExportErrorKind::Io, "no"));
        }
        self.kept.export(context, metrics)
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

/// An error is final: whoever got a delta and answered too late would get it twice.
#[test]
fn a_delta_that_an_export_lost_is_counted_as_lost_and_not_told_again() {
    let (kept, refuses) = (Arc::new(Kept::default()), Arc::new(Mutex::new(false)));
    let tracer = builder().exporter(MemoryExporter::new()).build().unwrap();
    let exporter = Deltas { kept: Arc::clone(&kept), refuses: Arc::clone(&refuses) };
    let reader = PeriodicReader::builder(exporter)
        .producer(tracer.metric_producer())
        .interval(Duration::MAX)
        .start()
        .unwrap();
    let context = Context::new();
    for (spans, is_refused) in [(10, false), (100, true), (1_000, false)] {
        (0..spans).for_each(|_| drop(tracer.span("s").start()));
        tracer.flush(PATIENCE).unwrap();
        *refuses.lock().unwrap() = is_refused;
        assert_eq!(reader.force_flush(&context).is_err(), is_refused);
    }
    assert!(reader.stats().lost_data_points > 0);
    let started = |figures: &Figures| total(figures, "otel.sdk.span.started");
    assert_eq!(exported_figures(&kept).iter().map(started).collect::<Vec<_>>(), [10, 1_000]);
    reader.shutdown(&context).unwrap();
}

/// Hangs at the shutdown's export until it is released.
struct Held {
    released: Context,
    is_exporting: Context,
    shutdowns: Arc<Mutex<u32>>,
}

impl MetricExporter for Held {
    fn export(&self, _: &Context, _: &ResourceMetrics) -> Result<(), ExportError> {
        self.is_exporting.cancellation().cancel();
        let _ = self.released.wait(PATIENCE);
        Ok(())
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        *self.shutdowns.lock().unwrap() += 1;
        Ok(())
    }
}

#[test]
fn a_second_shutdown_of_the_tracer_waits_for_the_metrics_of_the_first() {
    let (released, is_exporting, shutdowns) = (Context::new(), Context::new(), Arc::new(Mutex::new(0)));
    let exporter = Held {
        released: released.clone(),
        is_exporting: is_exporting.clone(),
        shutdowns: Arc::clone(&shutdowns),
    };
    let tracer =
        builder().exporter(MemoryExporter::new()).metrics(PeriodicReader::builder(exporter)).build().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| tracer.shutdown(PATIENCE));
        is_exporting.wait(PATIENCE).unwrap_err();
        // One that has no time does not wait.
        tracer.shutdown(Duration::ZERO).unwrap();
        assert_eq!(*shutdowns.lock().unwrap(), 0);
        let second = scope.spawn(|| {
            tracer.shutdown(PATIENCE).unwrap();
            *shutdowns.lock().unwrap()
        });
        // Long enough for one that does not wait to be done before.
        thread::sleep(Duration::from_millis(20));
        released.cancellation().cancel();
        assert_eq!(second.join().unwrap(), 1, "it returned before the exporter was shut down");
        first.join().unwrap().unwrap();
    });
}
