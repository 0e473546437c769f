//! The OpenTelemetry SDK: through its batch processor, or through a processor that only counts, which
//! is the SDK's own floor.

use crate::content::{Content, Field, Sink};
use crate::library::{Exporter, Library, Setup, deliver, is_over_otlp};
use crate::workload::{
    ADDRESS, ATTEMPT, ATTEMPTS, CACHED, CHILDREN, EVENT, KEYS, STATUS, TEXT, Types, status, value,
};
use opentelemetry::trace::{Span as _, SpanId, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData,
    SpanExporter, SpanProcessor,
};
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;

/// A provider with a sink behind it; also what is behind `tracing`.
#[derive(Debug)]
pub(crate) struct Provider {
    sink: Arc<Sink>,
    provider: SdkTracerProvider,
    /// Spans that may wait in the queue while a producer is throttled: three quarters of it.
    pub(crate) backlog: u64,
    /// What the exporter's tasks run on, where it wants a runtime.
    _runtime: Option<Runtime>,
}

/// Spans of a batch that is sent over OTLP.
const SENT_TOGETHER: usize = 4_096;

impl Provider {
    /// The setup's name says which processor: `direct`, `bsp` or `bsp64k`, and the last also over OTLP.
    pub(crate) fn new(setup: &Setup) -> Result<Self, String> {
        let encodes = setup.exporter == Exporter::Encoding && is_over_otlp(setup.name);
        if setup.exporter != Exporter::Healthy && !encodes {
            return Err("only nanospan is measured with a hanging or failing exporter".to_owned());
        }
        let mut config = BatchConfigBuilder::default().with_max_queue_size(65_536);
        // As many in a request as nanospan sends: with its own default of 512 sending takes a tenth more.
        let spans = setup.batch.or(is_over_otlp(setup.name).then_some(SENT_TOGETHER));
        if let Some(spans) = spans {
            config = config.with_max_export_batch_size(spans);
        }
        let mut runtime = None;
        let sampler = if setup.sampled { Sampler::AlwaysOn } else { Sampler::AlwaysOff };
        let builder = SdkTracerProvider::builder().with_sampler(sampler);
        let sink = || Counting(Arc::clone(&setup.sink));
        let (builder, queue) = match setup.name.rsplit('-').next() {
            Some("direct") => (builder.with_span_processor(sink()), u64::MAX),
            Some("bsp") => (builder.with_span_processor(BatchSpanProcessor::builder(sink()).build()), 2_048),
            _ => {
                let processor = if is_over_otlp(setup.name) {
                    let processor;
                    (processor, runtime) = deliver::otel(setup, config)?;
                    processor
                } else {
                    BatchSpanProcessor::builder(sink()).with_batch_config(config.build()).build()
                };
                (builder.with_span_processor(processor), 65_536)
            }
        };
        let backlog = queue / 4 * 3;
        let sink = Arc::clone(&setup.sink);
        Ok(Self { sink, provider: builder.build(), backlog, _runtime: runtime })
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("perf")
    }

    /// Waits until the queue is empty. The SDK's flush asks its worker once, and gives up after five
    /// seconds.
    pub(crate) fn flush(&self) {
        let mut before = None;
        while before != Some(self.sink.spans()) {
            before = Some(self.sink.spans());
            if self.provider.force_flush().is_err() {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }

    pub(crate) fn waiting(&self, produced: u64) -> u64 {
        produced.saturating_sub(self.sink.spans())
    }
}

/// Both an exporter behind the batch processor and a processor without a queue.
#[derive(Debug)]
struct Counting(Arc<Sink>);

impl Counting {
    fn verify(&self, span: &SpanData) {
        let mut content = Content::new(&span.name, span.parent_span_id != SpanId::INVALID);
        for attribute in &span.attributes {
            content.attribute(attribute.key.as_str(), field(&attribute.value));
        }
        for event in span.events.iter() {
            let fields = event.attributes.iter().map(|given| (given.key.as_str(), field(&given.value)));
            content.event(&event.name, fields);
        }
        if span.status == Status::Ok {
            content.status_ok();
        }
        self.0.add(content);
    }

    fn take(&self, spans: &[SpanData]) {
        if self.0.is_verifying() {
            spans.iter().for_each(|span| self.verify(span));
        }
        self.0.count(black_box(spans).len() as u64);
    }
}

fn field(value: &Value) -> Field<'_> {
    match value {
        Value::String(text) => Field::Text(text.as_str()),
        Value::I64(number) => Field::Integer(*number),
        Value::Bool(flag) => Field::Flag(*flag),
        _ => Field::Other,
    }
}

impl SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> Result<(), OTelSdkError> {
        self.take(&batch);
        Ok(())
    }
}

impl SpanProcessor for Counting {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.take(std::slice::from_ref(&span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Otel {
    provider: Provider,
    tracer: SdkTracer,
}

impl Otel {
    /// A span with attributes below a parent that is handed over.
    #[inline(always)]
    fn below(&self, name: &'static str, parent: &Context, attributes: Vec<KeyValue>) -> Span {
        self.tracer.span_builder(name).with_attributes(attributes).start_with_context(&self.tracer, parent)
    }
}

#[inline(always)]
fn three(n: u64) -> Vec<KeyValue> {
    with_text(n, black_box(TEXT))
}

#[inline(always)]
fn with_text(n: u64, text: impl Into<Value>) -> Vec<KeyValue> {
    vec![
        KeyValue::new(STATUS, black_box(status(n))),
        KeyValue::new(ADDRESS, text),
        KeyValue::new(CACHED, black_box(true)),
    ]
}

#[inline(always)]
fn many(count: usize, n: u64) -> Vec<KeyValue> {
    let values = KEYS[..count].iter().enumerate().map(|(place, key)| match black_box(value(place, n)) {
        Field::Text(text) => KeyValue::new(*key, text),
        Field::Flag(flag) => KeyValue::new(*key, flag),
        Field::Integer(number) => KeyValue::new(*key, number),
        Field::Other => KeyValue::new(*key, ""),
    });
    values.collect()
}

impl Library for Otel {
    const TYPES: Types = Types::Kept;
    type Root = Context;
    type Scope<'a> = &'a Context;
    type Open = Span;

    fn build(setup: &Setup) -> Result<Self, String> {
        let provider = Provider::new(setup)?;
        let tracer = provider.tracer();
        Ok(Self { provider, tracer })
    }

    fn root(&self) -> Context {
        Context::new().with_span(self.tracer.start_with_context("root", &Context::new()))
    }

    fn scope<'a>(&self, root: &'a Context) -> &'a Context {
        root
    }

    fn is_sampled(&self, root: &Context) -> bool {
        root.span().is_recording()
    }

    #[inline(always)]
    fn w0(&self, parent: &&Context) {
        black_box(&self.tracer.start_with_context("w0", parent));
    }

    #[inline(always)]
    fn w1(&self, parent: &&Context, n: u64) {
        black_box(&self.below("w1", parent, three(n)));
    }

    #[inline(always)]
    fn w1d(&self, parent: &&Context, n: u64, text: &str) {
        black_box(&self.below("w1", parent, with_text(n, black_box(text).to_owned())));
    }

    #[inline(always)]
    fn w2(&self, parent: &&Context, n: u64) {
        let mut span = self.below("w2", parent, three(n));
        span.add_event(EVENT, vec![KeyValue::new(ATTEMPT, black_box(ATTEMPTS))]);
        span.set_status(Status::Ok);
        black_box(&span);
    }

    /// With the root as the current span, as instrumentation does it.
    #[inline(always)]
    fn w3(&self, n: u64) {
        let root = self.root();
        let _current = root.attach();
        for _ in 0..CHILDREN {
            black_box(&self.tracer.span_builder("w3").with_attributes(three(n)).start(&self.tracer));
        }
    }

    #[inline(always)]
    fn a10(&self, parent: &&Context, n: u64) {
        black_box(&self.below("many", parent, many(10, n)));
    }

    #[inline(always)]
    fn a30(&self, parent: &&Context, n: u64) {
        black_box(&self.below("many", parent, many(30, n)));
    }

    #[inline(always)]
    fn open(&self, parent: &&Context, n: u64) -> Span {
        self.below("w4", parent, three(n))
    }

    #[inline(always)]
    fn open_bare(&self, parent: &&Context) -> Span {
        self.tracer.start_with_context("w4", parent)
    }

    #[inline(always)]
    fn add(&self, span: &mut Span, n: u64) {
        span.set_attributes(three(n));
    }

    fn settle(&self) {
        self.provider.flush();
    }

    fn flush(&self) {
        self.provider.flush();
    }

    fn waiting(&self, produced: u64) -> u64 {
        self.provider.waiting(produced)
    }

    fn backlog(&self) -> u64 {
        self.provider.backlog
    }
}
