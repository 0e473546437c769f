//! Stands in front of the tracer and writes down what it is told, so that somebody else can compare
//! that with what arrived.
//!
//! A line of the log is a span in OTLP's JSON encoding, as `nanospan cat` prints it, without the
//! times that were the tracer's to choose, flags and trace state. It is written when the span has ended.
//! Ids are those on the wire: the handle of a parent in another service is not what that one calls it.

use crate::wire::Wire;
use nanospan::SpanContext;
use nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanEvent, SpanHandle, SpanKind, SpanStart, SpanStatus, TracerPlugin,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Creates the file of a log, in place of what is at `path`.
///
/// # Errors
///
/// If the file cannot be created; the error names it.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    File::create(path)
        .map_err(|error| io::Error::new(error.kind(), format!("--log {}: {error}", path.display())))
}

/// A tracer that hands everything on to another one and keeps account of it.
pub(crate) struct Witness {
    tracer: Arc<dyn TracerPlugin>,
    wire: Wire,
    book: Mutex<Book>,
}

/// What was told so far.
#[derive(Default)]
struct Book {
    live: HashMap<SpanHandle, Told>,
    ended: u64,
    /// Spans that the tracer did not take,
    not_recorded: u64,
    /// and those whose parent is not sampled.
    unsampled: u64,
    /// Of all lines written, in any order.
    sum: u64,
    log: Option<BufWriter<File>>,
    /// The first thing that went wrong with the log.
    trouble: Option<io::Error>,
}

/// What was told of a live span.
struct Told {
    own: SpanContext,
    parent: Option<SpanContext>,
    name: String,
    kind: u8,
    start: Option<u64>,
    attributes: BTreeMap<String, Value>,
    events: Vec<Value>,
    status: Value,
}

impl Witness {
    /// Stands in front of `tracer`, whose handles `wire` knows; writes to `log`, if there is one.
    pub(crate) fn new(tracer: Arc<dyn TracerPlugin>, wire: Wire, log: Option<File>) -> Self {
        let book = Book { log: log.map(BufWriter::new), ..Book::default() };
        Self { tracer, wire, book: Mutex::new(book) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, span: SpanHandle, note: impl FnOnce(&mut Told)) {
        if let Some(told) = self.book().live.get_mut(&span) {
            note(told);
        }
    }

    /// Completes the log. Returns the account: how many spans ended and the sum of their lines, each
    /// as FNV-1a (64 bits, without the newline), modulo 2^64.
    ///
    /// # Errors
    ///
    /// If the log could not be written.
    pub(crate) fn close(&self) -> io::Result<String> {
        let mut book = self.book();
        if let Some(log) = &mut book.log {
            log.flush()?;
        }
        if let Some(error) = book.trouble.take() {
            return Err(error);
        }
        let Book { live, ended, not_recorded, unsampled, sum, .. } = &*book;
        Ok(format!(
            "{ended} spans recorded, {unsampled} below a parent that is not sampled, \
             {not_recorded} not recorded, {} not ended, sum {sum:016x}",
            live.len()
        ))
    }
}

impl Book {
    fn write(&mut self, line: &str) {
        self.ended += 1;
        self.sum = self.sum.wrapping_add(fnv1a(line.as_bytes()));
        if let Some(log) = &mut self.log {
            if let Err(error) = writeln!(log, "{line}") {
                self.trouble.get_or_insert(error);
            }
        }
    }
}

impl TracerPlugin for Witness {
    fn name(&self) -> &str {
        self.tracer.name()
    }

    fn start_span(&self, span: SpanStart<'_>) -> SpanHandle {
        let has_parent = span.parent.is_some();
        let mut told = Told {
            own: SpanContext::INVALID,
            parent: span.parent.and_then(|parent| self.wire.context(parent)),
            name: span.name.to_owned(),
            kind: kind_number(span.kind),
            start: span.start_time_unix_nanos,
            attributes: span.attributes.iter().map(|(key, value)| (key.clone(), any_value(value))).collect(),
            events: Vec::new(),
            status: Value::Null,
        };
        let handle = self.tracer.start_span(span);
        let own = self.wire.context(handle);
        let mut book = self.book();
        match own {
            Some(own) => {
                told.own = own;
                book.live.insert(handle, told);
            }
            None if has_parent && !told.parent.is_some_and(|parent| parent.is_sampled()) => {
                book.unsampled += 1;
            }
            None => book.not_recorded += 1,
        }
        handle
    }

    fn set_attribute(&self, span: SpanHandle, key: &str, value: AttrValue) {
        self.note(span, |told| drop(told.attributes.insert(key.to_owned(), any_value(&value))));
        self.tracer.set_attribute(span, key, value);
    }

    fn set_status(&self, span: SpanHandle, status: SpanStatus) {
        self.note(span, |told| {
            told.status = match &status {
                SpanStatus::Unset => Value::Null,
                SpanStatus::Ok => json!({"code": 1}),
                SpanStatus::Error { description } => json!({"code": 2, "message": description}),
            };
        });
        self.tracer.set_status(span, status);
    }

    fn add_event(&self, span: SpanHandle, event: SpanEvent<'_>) {
        let mut object = Map::from_iter([("name".to_owned(), json!(event.name))]);
        if let Some(time) = event.time_unix_nanos {
            object.insert("timeUnixNano".to_owned(), json!(time.to_string()));
        }
        let attributes = event.attributes.iter().map(|(key, value)| (key.clone(), any_value(value)));
        insert_attributes(&mut object, attributes.collect());
        self.note(span, |told| told.events.push(Value::Object(object)));
        self.tracer.add_event(span, event);
    }

    fn end_span(&self, span: SpanHandle, end_time_unix_nanos: Option<u64>) {
        // Before the tracer ends it, for it may use the handle again then.
        let told = self.book().live.remove(&span);
        self.tracer.end_span(span, end_time_unix_nanos);
        if let Some(told) = told {
            let line = told.line(end_time_unix_nanos);
            self.book().write(&line);
        }
    }

    fn flush(&self) -> Result<(), String> {
        self.tracer.flush()
    }
}

impl Told {
    fn line(self, end: Option<u64>) -> String {
        let mut object = Map::new();
        let mut insert = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
        insert("traceId", json!(self.own.trace_id().to_string()));
        insert("spanId", json!(self.own.span_id().to_string()));
        insert("name", json!(self.name));
        insert("kind", json!(self.kind));
        if let Some(parent) = self.parent {
            insert("parentSpanId", json!(parent.span_id().to_string()));
        }
        if let Some(time) = self.start {
            insert("startTimeUnixNano", json!(time.to_string()));
        }
        if let Some(time) = end {
            insert("endTimeUnixNano", json!(time.to_string()));
        }
        if !self.events.is_empty() {
            insert("events", Value::Array(self.events));
        }
        if !self.status.is_null() {
            insert("status", self.status);
        }
        insert_attributes(&mut object, self.attributes);
        Value::Object(object).to_string()
    }
}

fn insert_attributes(object: &mut Map<String, Value>, attributes: BTreeMap<String, Value>) {
    if !attributes.is_empty() {
        let pairs = attributes.into_iter().map(|(key, value)| json!({"key": key, "value": value}));
        object.insert("attributes".to_owned(), pairs.collect());
    }
}

/// OTLP's number of a kind.
fn kind_number(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// OTLP's `AnyValue`.
fn any_value(value: &AttrValue) -> Value {
    let text = |value: &String| json!({"stringValue": value});
    let flag = |value: &bool| json!({"boolValue": value});
    let whole = |value: &i64| json!({"intValue": value.to_string()});
    // JSON has no number for these.
    let float = |value: &f64| match value {
        value if value.is_nan() => json!({"doubleValue": "NaN"}),
        &f64::INFINITY => json!({"doubleValue": "Infinity"}),
        &f64::NEG_INFINITY => json!({"doubleValue": "-Infinity"}),
        value => json!({"doubleValue": value}),
    };
    fn array<T>(values: &[T], one: impl Fn(&T) -> Value) -> Value {
        json!({"arrayValue": {"values": values.iter().map(one).collect::<Vec<_>>()}})
    }
    match value {
        AttrValue::String(value) => text(value),
        AttrValue::Bool(value) => flag(value),
        AttrValue::I64(value) => whole(value),
        AttrValue::F64(value) => float(value),
        AttrValue::StringArray(values) => array(values, text),
        AttrValue::BoolArray(values) => array(values, flag),
        AttrValue::I64Array(values) => array(values, whole),
        AttrValue::F64Array(values) => array(values, float),
    }
}

/// Fowler, Noll and Vo's hash FNV-1a, of 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
