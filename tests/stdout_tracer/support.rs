//! Tracers whose text a test can read.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nanospan::plugin::bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanHandle, SpanStart, TracerPlugin};
use nanospan::plugin::{StdoutFormat, StdoutTracer, StdoutTracerBuilder};

use crate::json_lines::{self, JsonSpan};

/// How long a test waits for what must happen: a failure after that, not a measure of anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A writer that takes everything; clones share what they took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    /// What was written since the last call.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().expect("no writer panics here"))
    }

    pub(crate) fn take_text(&self) -> String {
        String::from_utf8(self.take()).expect("the tracer writes UTF-8")
    }

    #[track_caller]
    pub(crate) fn take_spans(&self) -> Vec<JsonSpan> {
        json_lines::parse(&self.take()).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn push(&self, bytes: &[u8]) {
        self.0.lock().expect("no writer panics here").extend_from_slice(bytes);
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that does what a closure says.
pub(crate) struct By<F>(pub(crate) F);

impl<F: FnMut(&[u8]) -> io::Result<usize>> Write for By<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A builder of a tracer for JSON with fixed ids.
pub(crate) fn json_builder() -> StdoutTracerBuilder {
    StdoutTracer::builder().format(StdoutFormat::Json).id_seed(1)
}

/// A tracer for JSON and where its lines go.
pub(crate) fn json() -> (StdoutTracer, Sink) {
    let sink = Sink::default();
    (json_builder().writer(sink.clone(), "a sink").build(), sink)
}

/// A tracer for the eye and where its lines go.
pub(crate) fn human() -> (StdoutTracer, Sink) {
    let sink = Sink::default();
    (StdoutTracer::builder().id_seed(1).writer(sink.clone(), "a sink").build(), sink)
}

/// A start at 1,000,000 ns.
pub(crate) fn start<'a>(name: &'a str, parent: Option<SpanHandle>) -> SpanStart<'a> {
    start_at(name, parent, 1_000_000)
}

pub(crate) fn start_at(name: &str, parent: Option<SpanHandle>, nanos: u64) -> SpanStart<'_> {
    SpanStart { name, parent, start_time_unix_nanos: Some(nanos), ..SpanStart::default() }
}

pub(crate) fn event<'a>(name: &'a str, nanos: u64, attributes: &[(&str, AttrValue)]) -> SpanEvent<'a> {
    SpanEvent { name, attributes: pairs(attributes), time_unix_nanos: Some(nanos) }
}

pub(crate) fn pairs(attributes: &[(&str, AttrValue)]) -> Vec<(String, AttrValue)> {
    attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

/// Records spans of those names, each a root that starts at 1,000,000 ns and takes 500 ns.
pub(crate) fn record(tracer: &dyn TracerPlugin, names: &[&str]) {
    for name in names {
        let span = tracer.start_span(start(name, None));
        tracer.end_span(span, Some(1_000_500));
    }
}

pub(crate) fn names(spans: &[JsonSpan]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// The text of a flush that fails.
#[track_caller]
pub(crate) fn failure(tracer: &dyn TracerPlugin) -> String {
    tracer.flush().expect_err("this flush must fail")
}
