//! An exporter that keeps nothing.

use super::{Component, Context, ExportError, SpanExporter};
use crate::batch::Batch;

/// Where spans go that nobody wants: they are recorded, since services below have their ids and decisions
/// from them, and let go of.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl SpanExporter for Nowhere {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
    fn component(&self) -> Component {
        Component::new("none")
    }
}
