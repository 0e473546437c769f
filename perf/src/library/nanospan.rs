//! nanospan itself: spans are values, attributes are set in three calls.

use crate::content::{Content, Field, Sink};
use crate::library::{Exporter, Library, Setup, deliver, is_over_otlp};
use crate::workload::{
    ADDRESS, ATTEMPT, ATTEMPTS, CACHED, CHILDREN, EVENT, KEYS, STATUS, TEXT, Types, status, value,
};
use nanospan::batch::{Attributes, Batch, ValueView};
use nanospan::export::{Context, ExportError, ExportErrorKind, SpanExporter};
use nanospan::sampling::Sampler;
use nanospan::{Span, Status, StatusCode, Tracer, Value, attributes};
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Native {
    tracer: Tracer,
    is_over_otlp: bool,
}

/// Spans that may wait for the drain while a producer is throttled: a third of what one thread may record
/// between two of its passes.
pub(crate) const BACKLOG: u64 = 20_480;

/// Longer than any measurement.
const HANG: Duration = Duration::from_secs(600);

/// Counts what it gets, and hashes it when the sink verifies.
struct Counting {
    sink: Arc<Sink>,
    exporter: Exporter,
}

impl SpanExporter for Counting {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        match self.exporter {
            Exporter::Healthy => {}
            Exporter::Hanging => {
                let ended = context.wait(HANG).err().map_or(ExportErrorKind::Other, ExportErrorKind::from);
                return Err(ExportError::new(ended, "the exporter hangs"));
            }
            Exporter::Failing => return Err(ExportError::new(ExportErrorKind::Other, "the exporter fails")),
            Exporter::Encoding => return Err(ExportError::new(ExportErrorKind::Other, "only over OTLP")),
        }
        if self.sink.is_verifying() {
            batch.view().spans().for_each(|span| {
                let mut content = Content::new(span.name(), span.parent_span_id().is_some());
                fields(span.attributes()).for_each(|(key, value)| content.attribute(key, value));
                for event in span.events() {
                    content.event(event.name(), fields(event.attributes()));
                }
                if span.status().0 == StatusCode::Ok {
                    content.status_ok();
                }
                self.sink.add(content);
            });
        }
        self.sink.count(black_box(batch).span_count() as u64);
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

fn fields(attributes: Attributes<'_>) -> impl Iterator<Item = (&str, Field<'_>)> {
    attributes.map(|(key, value)| {
        let field = match value {
            ValueView::Str(text) => Field::Text(text),
            ValueView::I64(number) => Field::Integer(number),
            ValueView::Bool(flag) => Field::Flag(flag),
            _ => Field::Other,
        };
        (key, field)
    })
}

/// A tracer with a sink behind it; also what is behind the plugin.
pub(crate) fn tracer(setup: &Setup) -> Result<Tracer, String> {
    let exporter: Arc<dyn SpanExporter> = match setup.name {
        "nanospan-segments" => deliver::segments(setup)?,
        name if is_over_otlp(name) => deliver::nanospan(setup)?,
        _ => Arc::new(Counting { sink: Arc::clone(&setup.sink), exporter: setup.exporter }),
    };
    let sampler = if setup.sampled { Sampler::always_on() } else { Sampler::always_off() };
    let mut builder = Tracer::builder("perf").exporter(exporter).sampler(sampler).error_handler(|_| ());
    if let Some(spans) = setup.batch {
        builder = builder.max_batch_spans(spans);
    }
    builder.build().map_err(|error| format!("nanospan: {error}"))
}

/// Waits until the drain has collected all but the live spans of the caller.
pub(crate) fn settle(tracer: &Tracer) {
    while tracer.stats().live > 1 {
        thread::sleep(Duration::from_micros(200));
    }
}

pub(crate) fn flush(tracer: &Tracer) {
    // An exporter that fails, or hangs, is counted in the account; the result says no more.
    let _ = tracer.flush(Duration::from_secs(10));
}

/// Spans that the drain has not collected.
pub(crate) fn waiting(tracer: &Tracer) -> u64 {
    tracer.stats().live
}

pub(crate) fn account(tracer: &Tracer) -> Vec<(&'static str, String)> {
    let stats = tracer.stats();
    vec![
        ("started", stats.started.to_string()),
        ("exported", stats.exported.to_string()),
        ("overload", stats.dropped.overload.to_string()),
        ("export_failed", stats.dropped.export_failed.to_string()),
        ("dropped", stats.dropped.total().to_string()),
        ("left", (stats.live + stats.buffered).to_string()),
        ("lost_attributes", stats.lost_attributes.to_string()),
        ("balanced", stats.is_balanced().to_string()),
    ]
}

#[inline(always)]
fn three_calls(span: &Span, n: u64) {
    span.set_attribute(STATUS, black_box(status(n)));
    span.set_attribute(ADDRESS, Value::StaticStr(black_box(TEXT)));
    span.set_attribute(CACHED, black_box(true));
}

#[inline(always)]
fn many(span: &Span, count: usize, n: u64) {
    for (place, key) in KEYS[..count].iter().copied().enumerate() {
        match black_box(value(place, n)) {
            Field::Text(text) => span.set_attribute(key, Value::StaticStr(text)),
            Field::Integer(number) => span.set_attribute(key, number),
            Field::Flag(flag) => span.set_attribute(key, flag),
            Field::Other => {}
        }
    }
}

impl Library for Native {
    const TYPES: Types = Types::Kept;
    type Root = Span;
    type Scope<'a> = &'a Span;
    type Open = Span;

    fn build(setup: &Setup) -> Result<Self, String> {
        Ok(Self { tracer: tracer(setup)?, is_over_otlp: is_over_otlp(setup.name) })
    }

    fn root(&self) -> Span {
        self.tracer.span("root").start()
    }

    fn scope<'a>(&self, root: &'a Span) -> &'a Span {
        root
    }

    fn is_sampled(&self, root: &Span) -> bool {
        root.is_recording()
    }

    #[inline(always)]
    fn w0(&self, parent: &&Span) {
        black_box(&parent.child("w0").start());
    }

    #[inline(always)]
    fn w1(&self, parent: &&Span, n: u64) {
        let span = parent.child("w1").start();
        three_calls(&span, n);
    }

    #[inline(always)]
    fn w1d(&self, parent: &&Span, n: u64, text: &str) {
        let span = parent.child("w1").start();
        span.set_attribute(STATUS, black_box(status(n)));
        span.set_attribute(ADDRESS, black_box(text));
        span.set_attribute(CACHED, black_box(true));
    }

    #[inline(always)]
    fn w2(&self, parent: &&Span, n: u64) {
        let mut span = parent.child("w2").start();
        three_calls(&span, n);
        span.add_event(EVENT, &attributes![ATTEMPT => black_box(ATTEMPTS)]);
        span.set_status(Status::Ok);
    }

    #[inline(always)]
    fn w3(&self, n: u64) {
        let root = self.tracer.span("root").start();
        for _ in 0..CHILDREN {
            let span = root.child("w3").start();
            three_calls(&span, n);
        }
    }

    #[inline(always)]
    fn a10(&self, parent: &&Span, n: u64) {
        many(&parent.child("many").start(), 10, n);
    }

    #[inline(always)]
    fn a30(&self, parent: &&Span, n: u64) {
        many(&parent.child("many").start(), 30, n);
    }

    #[inline(always)]
    fn open(&self, parent: &&Span, n: u64) -> Span {
        let span = parent.child("w4").start();
        three_calls(&span, n);
        span
    }

    #[inline(always)]
    fn open_bare(&self, parent: &&Span) -> Span {
        parent.child("w4").start()
    }

    #[inline(always)]
    fn add(&self, span: &mut Span, n: u64) {
        three_calls(span, n);
    }

    fn settle(&self) {
        settle(&self.tracer);
    }

    fn flush(&self) {
        flush(&self.tracer);
    }

    /// Over OTLP also what is in batches: sending takes longer than collecting.
    fn waiting(&self, _: u64) -> u64 {
        let sending = if self.is_over_otlp { self.tracer.stats().buffered } else { 0 };
        waiting(&self.tracer) + sending
    }

    fn backlog(&self) -> u64 {
        BACKLOG
    }

    fn account(&self) -> Vec<(&'static str, String)> {
        account(&self.tracer)
    }
}
