//! Spans as text: the formats, and the exporter that writes them to standard output. Metrics share the
//! [`console`] and the [`text`].

mod console;
mod exporter;
mod format;
mod human;
mod json;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
pub(crate) mod text;

use crate::batch::BatchView;
use crate::export::FinishedSpan;
use crate::{SpanKind, StatusCode};

pub(crate) use console::{Console, ConsoleSetup};
pub use exporter::{StdoutExporter, StdoutExporterBuilder};
pub use format::StdoutFormat;
#[cfg(feature = "otlp")]
pub(crate) use otlp::{LINE_MAX, push_json};
pub(crate) use text::Page;

/// The text of `spans`.
pub(crate) fn render(format: StdoutFormat, spans: &[FinishedSpan]) -> Page {
    match format {
        StdoutFormat::Human => human::render(spans),
        StdoutFormat::Json => json::render(spans),
        #[cfg(feature = "otlp")]
        StdoutFormat::OtlpJson => otlp::render(spans),
    }
}

/// The text of the spans of `batch`.
fn render_batch(format: StdoutFormat, batch: &BatchView<'_>) -> Page {
    #[cfg(feature = "otlp")]
    if format == StdoutFormat::OtlpJson {
        return otlp::render_batch(batch);
    }
    let spans: Vec<_> = batch.spans().map(FinishedSpan::from).collect();
    render(format, &spans)
}

fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

fn status_name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unset => "unset",
        StatusCode::Ok => "ok",
        StatusCode::Error => "error",
    }
}
