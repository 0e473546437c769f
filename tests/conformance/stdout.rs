//! The stdout tracer, as the suite wants it: what it wrote is read back.

use crate::json_lines::{self, JsonEvent, JsonSpan};
use bext_plugin_api::tracer::TracerPlugin;
use nanospan::conformance::tracer::{Delivered, DeliveredEvent, Setup, Subject};
use nanospan::plugin::{StdoutFormat, StdoutTracer};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    refuses: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().unwrap();
        if written.refuses {
            return Err(io::Error::other("the sink refuses"));
        }
        written.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct OverSink {
    tracer: Arc<StdoutTracer>,
    sink: Sink,
}

/// The stdout tracer, writing JSON Lines to memory.
pub(crate) fn subject(setup: &Setup) -> Option<Box<dyn Subject>> {
    let sink = Sink::default();
    let builder = StdoutTracer::builder().format(StdoutFormat::Json).record(setup.sampled);
    let tracer = builder.writer(sink.clone(), "a sink").build();
    Some(Box::new(OverSink { tracer: Arc::new(tracer), sink }))
}

impl Subject for OverSink {
    fn tracer(&self) -> Arc<dyn TracerPlugin> {
        self.tracer.clone()
    }

    fn delivered(&self) -> Vec<Vec<Delivered>> {
        let spans = json_lines::parse(&self.sink.0.lock().unwrap().bytes).unwrap();
        vec![spans.into_iter().map(delivered).collect()]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.sink.0.lock().unwrap().refuses = unreachable;
        true
    }
}

fn delivered(span: JsonSpan) -> Delivered {
    let event = |event: JsonEvent| DeliveredEvent {
        name: event.name,
        time_unix_nanos: event.time_unix_nanos,
        attributes: event.attributes,
    };
    Delivered {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_span_id: span.parent_span_id,
        name: span.name,
        kind: span.kind,
        start_unix_nanos: span.start_unix_nanos,
        end_unix_nanos: span.end_unix_nanos,
        attributes: span.attributes,
        events: span.events.into_iter().map(event).collect(),
        status: span.status,
    }
}
