//! A child that writes down what it is told, and does on the side what a test wants.

use nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanEvent, SpanHandle, SpanKind, SpanStart, SpanStatus, TracerPlugin,
};
use nanospan::plugin::{FanOut, FanOutBuilder};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One call. Spans are numbered by the child, from 1 on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    Start(u64, Started),
    Attribute(u64, String, AttrValue),
    Status(u64, SpanStatus),
    Event(u64, String, Vec<(String, AttrValue)>, Option<u64>),
    End(u64, Option<u64>),
    Flush,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Started {
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) parent: Option<SpanHandle>,
    pub(crate) attributes: Vec<(String, AttrValue)>,
    pub(crate) time: Option<u64>,
}

type OnCall = dyn Fn(&str) + Send + Sync;
type OnHandle = dyn Fn(u64, SpanHandle) -> SpanHandle + Send + Sync;

/// See the module. A clone is the same notebook.
#[derive(Clone)]
pub(crate) struct Notebook(Arc<Inner>);

struct Inner {
    name: String,
    calls: Mutex<Vec<Call>>,
    spans: AtomicU64,
    on_call: Box<OnCall>,
    on_handle: Box<OnHandle>,
    flush: Mutex<Result<(), String>>,
}

impl Notebook {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |_| (), |_, handle| handle)
    }

    /// One that does something first in each call, which gets the method's name.
    pub(crate) fn on_call(name: &str, on_call: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self::with(name, on_call, |_, handle| handle)
    }

    /// One that gives other handles than it would: of the number and the handle of a span.
    pub(crate) fn on_handle(
        name: &str,
        on_handle: impl Fn(u64, SpanHandle) -> SpanHandle + Send + Sync + 'static,
    ) -> Self {
        Self::with(name, |_| (), on_handle)
    }

    fn with(
        name: &str,
        on_call: impl Fn(&str) + Send + Sync + 'static,
        on_handle: impl Fn(u64, SpanHandle) -> SpanHandle + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            name: name.to_owned(),
            calls: Mutex::default(),
            spans: AtomicU64::new(0),
            on_call: Box::new(on_call),
            on_handle: Box::new(on_handle),
            flush: Mutex::new(Ok(())),
        }))
    }

    /// The handle of its span of this number.
    pub(crate) fn handle(&self, number: u64) -> SpanHandle {
        let salt = self.0.name.bytes().fold(7, |salt: u64, byte| salt * 31 + u64::from(byte));
        let trace_id = u128::from(salt) << 64 | u128::from(number);
        SpanHandle { trace_id: trace_id.to_be_bytes(), span_id: number.to_be_bytes() }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn starts(&self) -> Vec<Started> {
        let started = |call| if let Call::Start(_, started) = call { Some(started) } else { None };
        self.calls().into_iter().filter_map(started).collect()
    }

    pub(crate) fn flushes(&self) -> usize {
        self.calls().iter().filter(|call| **call == Call::Flush).count()
    }

    /// What its flushes come to from now on.
    pub(crate) fn set_flush(&self, result: Result<(), &str>) {
        *self.0.flush.lock().unwrap() = result.map_err(str::to_owned);
    }

    /// How many owners it has.
    pub(crate) fn owners(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    fn note(&self, method: &str, call: Call) {
        (self.0.on_call)(method);
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

fn number(span: SpanHandle) -> u64 {
    u64::from_be_bytes(span.span_id)
}

impl TracerPlugin for Notebook {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn start_span(&self, span: SpanStart<'_>) -> SpanHandle {
        let number = self.0.spans.fetch_add(1, Ordering::Relaxed) + 1;
        let SpanStart { name, kind, parent, attributes, start_time_unix_nanos: time } = span;
        let started = Started { name: name.to_owned(), kind, parent, attributes, time };
        self.note("start_span", Call::Start(number, started));
        (self.0.on_handle)(number, self.handle(number))
    }

    fn set_attribute(&self, span: SpanHandle, key: &str, value: AttrValue) {
        self.note("set_attribute", Call::Attribute(number(span), key.to_owned(), value));
    }

    fn set_status(&self, span: SpanHandle, status: SpanStatus) {
        self.note("set_status", Call::Status(number(span), status));
    }

    fn add_event(&self, span: SpanHandle, event: SpanEvent<'_>) {
        let SpanEvent { name, attributes, time_unix_nanos } = event;
        self.note("add_event", Call::Event(number(span), name.to_owned(), attributes, time_unix_nanos));
    }

    fn end_span(&self, span: SpanHandle, end_time_unix_nanos: Option<u64>) {
        self.note("end_span", Call::End(number(span), end_time_unix_nanos));
    }

    fn flush(&self) -> Result<(), String> {
        self.note("flush", Call::Flush);
        self.0.flush.lock().unwrap().clone()
    }
}

pub(crate) fn builder_of(children: &[&Notebook]) -> FanOutBuilder {
    children.iter().fold(FanOut::builder(), |builder, child| builder.child((*child).clone()))
}

pub(crate) fn over(children: &[&Notebook]) -> FanOut {
    builder_of(children).build().unwrap()
}

pub(crate) fn start(tracer: &dyn TracerPlugin, name: &str) -> SpanHandle {
    tracer.start_span(SpanStart { name, ..SpanStart::default() })
}

pub(crate) fn start_below(tracer: &dyn TracerPlugin, name: &str, parent: SpanHandle) -> SpanHandle {
    tracer.start_span(SpanStart { name, parent: Some(parent), ..SpanStart::default() })
}

/// One span with every call there is.
pub(crate) fn whole_span(tracer: &dyn TracerPlugin) {
    let span = tracer.start_span(SpanStart {
        name: "GET /cart",
        kind: SpanKind::Server,
        attributes: attributes(),
        start_time_unix_nanos: Some(1_000),
        ..SpanStart::default()
    });
    for (key, value) in attributes() {
        tracer.set_attribute(span, &key, value);
    }
    tracer.set_status(span, SpanStatus::Error { description: "no stock".to_owned() });
    tracer.add_event(
        span,
        SpanEvent { name: "cache.miss", attributes: attributes(), time_unix_nanos: Some(1_500) },
    );
    tracer.end_span(span, Some(2_000));
}

/// An attribute of each type.
pub(crate) fn attributes() -> Vec<(String, AttrValue)> {
    let values = [
        AttrValue::String("sixteen bytes ok".to_owned()),
        AttrValue::Bool(true),
        AttrValue::I64(-17),
        AttrValue::F64(0.5),
        AttrValue::StringArray(vec!["a".to_owned(), String::new()]),
        AttrValue::BoolArray(vec![false, true]),
        AttrValue::I64Array(vec![1, 2, 3]),
        AttrValue::F64Array(Vec::new()),
    ];
    (1..).zip(values).map(|(n, value): (u32, _)| (format!("key.{n}"), value)).collect()
}
