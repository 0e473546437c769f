//! What is called by its kind and a number.

use super::data::Attributes;
use crate::export::Component;

/// A part of a tracer or a reader, as metrics name it.
#[derive(Debug)]
pub(super) struct Named {
    name: String,
    component: Component,
}

impl Named {
    /// The one of this number in the process.
    pub(super) fn new(component: Component, number: u64) -> Self {
        Self { name: format!("{}/{number}", component.kind), component }
    }

    pub(super) fn describe(&self, attributes: &mut Attributes) {
        attributes.add("otel.component.name", &*self.name);
        attributes.add("otel.component.type", &*self.component.kind);
        if let Some((address, port)) = &self.component.server {
            attributes.add("server.address", &**address);
            attributes.add("server.port", i64::from(*port));
        }
    }
}
