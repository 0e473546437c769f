//! A plain fan-out, to see that the suite looks at every back-end and asks for the ids there.

use crate::fault::Fault;
use crate::reference::ReferenceSubject;
use bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanHandle, SpanStart, SpanStatus, TracerPlugin};
use nanospan::conformance::tracer::{Delivered, Setup, Subject};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Two reference tracers. The handles are the first one's.
pub(crate) struct Pair {
    subjects: [ReferenceSubject; 2],
    fan: Arc<Fan>,
}

struct Fan {
    first: Arc<dyn TracerPlugin>,
    second: Arc<dyn TracerPlugin>,
    /// The second tracer's handle for each of the first one's.
    seconds: Mutex<HashMap<SpanHandle, SpanHandle>>,
}

impl Pair {
    /// A pair of which the second has a fault.
    pub(crate) fn new(setup: &Setup, fault: Option<Fault>) -> Self {
        let subjects = [ReferenceSubject::new(setup, None), ReferenceSubject::new(setup, fault)];
        let [first, second] = [subjects[0].tracer(), subjects[1].tracer()];
        Self { subjects, fan: Arc::new(Fan { first, second, seconds: Mutex::default() }) }
    }
}

impl Subject for Pair {
    fn tracer(&self) -> Arc<dyn TracerPlugin> {
        self.fan.clone()
    }

    fn delivered(&self) -> Vec<Vec<Delivered>> {
        self.subjects.iter().flat_map(Subject::delivered).collect()
    }

    fn wire_ids(&self, backend: usize, handle: SpanHandle) -> SpanHandle {
        if backend == 0 { handle } else { self.fan.second_of(handle) }
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.subjects.iter().all(|subject| subject.set_unreachable(unreachable))
    }
}

impl Fan {
    /// A handle that is not known is passed on, for the tracer to treat as it must.
    fn second_of(&self, handle: SpanHandle) -> SpanHandle {
        self.seconds.lock().unwrap().get(&handle).copied().unwrap_or(handle)
    }
}

impl TracerPlugin for Fan {
    fn name(&self) -> &str {
        "tracer-pair"
    }

    fn start_span(&self, span: SpanStart<'_>) -> SpanHandle {
        let parent = span.parent.map(|parent| self.second_of(parent));
        let second = self.second.start_span(SpanStart { parent, ..span.clone() });
        let first = self.first.start_span(span);
        if !first.is_invalid() {
            self.seconds.lock().unwrap().insert(first, second);
        }
        first
    }

    fn set_attribute(&self, span: SpanHandle, key: &str, value: AttrValue) {
        self.second.set_attribute(self.second_of(span), key, value.clone());
        self.first.set_attribute(span, key, value);
    }

    fn set_status(&self, span: SpanHandle, status: SpanStatus) {
        self.second.set_status(self.second_of(span), status.clone());
        self.first.set_status(span, status);
    }

    fn add_event(&self, span: SpanHandle, event: SpanEvent<'_>) {
        self.second.add_event(self.second_of(span), event.clone());
        self.first.add_event(span, event);
    }

    fn end_span(&self, span: SpanHandle, end_time_unix_nanos: Option<u64>) {
        self.second.end_span(self.second_of(span), end_time_unix_nanos);
        self.first.end_span(span, end_time_unix_nanos);
    }

    fn flush(&self) -> Result<(), String> {
        self.second.flush().and(self.first.flush())
    }
}
