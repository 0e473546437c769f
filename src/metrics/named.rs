//! What is called by its kind and a number.

use super::data::Attributes;
use crate::export::timed::End;
use crate::export::{Component, ResponseStatus};

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

    /// As [`describe`](Named::describe), what ended so.
    pub(super) fn describe_end(&self, attributes: &mut Attributes, end: End) {
        self.describe(attributes);
        let success = self.component.success.filter(|_| end.failure.is_none());
        match end.status.or(success) {
            Some(ResponseStatus::Http(code)) => attributes.add("http.response.status_code", i64::from(code)),
            Some(ResponseStatus::Grpc(code)) => {
                attributes.add("rpc.response.status_code", &*ResponseStatus::told_in_grpc(code));
            }
            None => {}
        }
        if let Some(kind) = end.failure {
            attributes.add("error.type", kind.as_error_type());
        }
    }
}
