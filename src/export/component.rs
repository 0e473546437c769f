//! What an exporter is called in metrics about it.

use std::borrow::Cow;

use super::ResponseStatus;

/// An exporter, as the attributes of metrics about it describe it (OpenTelemetry's semantic conventions, "OpenTelemetry
/// SDK component").
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Component {
    /// `otel.component.type`: what it is, such as `otlp_http_span_exporter`; the same for all of them.
    pub kind: Cow<'static, str>,
    /// `server.address` and `server.port`: where it sends, if that is one place.
    pub server: Option<(String, u16)>,
    /// The status of an answer that is a full success, where there are answers: `http.response.status_code` and
    /// `rpc.response.status_code` of operations that went well.
    pub success: Option<ResponseStatus>,
}

impl Component {
    /// A component of this kind that sends nowhere in particular.
    #[must_use]
    pub fn new(kind: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: kind.into(), server: None, success: None }
    }

    /// Says where it sends.
    #[must_use]
    pub fn with_server(mut self, address: impl Into<String>, port: u16) -> Self {
        self.server = Some((address.into(), port));
        self
    }

    /// Says which status answers have that are full successes.
    #[must_use]
    pub fn with_success(mut self, status: ResponseStatus) -> Self {
        self.success = Some(status);
        self
    }
}
