//! The fan-out over tracers of every kind that it treats in a way of its own.

use crate::{stdout, subjects};
use bext_plugin_api::tracer::{SpanHandle, TracerPlugin};
use nanospan::conformance::tracer::{Delivered, Setup, Subject};
use nanospan::plugin::FanOut;
use std::sync::Arc;

/// A child of a fan-out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Child {
    /// A plugin that the fan-out knows as one of this crate's.
    Known,
    /// A plugin that is any tracer to it.
    Shared,
    /// The tracer that writes to standard output.
    Stdout,
}

struct Fan {
    fan_out: Arc<FanOut>,
    /// In the order of the children.
    subjects: Vec<Box<dyn Subject>>,
}

/// A fan-out over these children.
pub(crate) fn over(children: &[Child], setup: &Setup) -> Option<Box<dyn Subject>> {
    let mut builder = FanOut::builder();
    let mut subjects: Vec<Box<dyn Subject>> = Vec::new();
    for child in children {
        match child {
            Child::Known => {
                let subject = subjects::over_memory(setup);
                builder = builder.child(subject.plugin());
                subjects.push(Box::new(subject));
            }
            Child::Shared => {
                let subject = subjects::over_memory(setup);
                builder = builder.shared_child(subject.tracer());
                subjects.push(Box::new(subject));
            }
            Child::Stdout => {
                let subject = stdout::subject(setup)?;
                builder = builder.shared_child(subject.tracer());
                subjects.push(subject);
            }
        }
    }
    Some(Box::new(Fan { fan_out: Arc::new(builder.build().unwrap()), subjects }))
}

impl Subject for Fan {
    fn tracer(&self) -> Arc<dyn TracerPlugin> {
        self.fan_out.clone()
    }

    fn delivered(&self) -> Vec<Vec<Delivered>> {
        self.subjects.iter().flat_map(|subject| subject.delivered()).collect()
    }

    fn wire_ids(&self, backend: usize, handle: SpanHandle) -> SpanHandle {
        // What the fan-out does not know is on no wire.
        self.fan_out.child_handle(handle, backend).unwrap_or(handle)
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.subjects.iter().all(|subject| subject.set_unreachable(unreachable))
    }
}
