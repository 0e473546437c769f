//! How exporters over OTLP are set up.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use super::delivery::Delivery;
use super::settings::{Compression, Pem, Protocol, Proxy, Settings, SettingsBuilder};
use super::signal::Signal;
use super::{OtlpExporter, OtlpMetricClient, OtlpMetricExporter, RetryPolicy};
use crate::env::Environment;
use crate::export::ExportError;
use crate::metrics::data::Temporality;
use crate::metrics::{Aggregation, InstrumentKind};

/// Sets up a `T` that sends over OTLP: an [`OtlpExporter`] or an [`OtlpMetricExporter`], which makes it.
///
/// What is set here comes before what a [variable](OtlpBuilder::environment) says, in whichever order the two
/// are called.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct OtlpBuilder<T> {
    settings: SettingsBuilder,
    made: PhantomData<fn() -> T>,
}

/// Sets up an [`OtlpExporter`]; made by [`OtlpExporter::builder`].
pub type OtlpExporterBuilder = OtlpBuilder<OtlpExporter>;

/// Sets up an [`OtlpMetricExporter`], or its client alone; made by [`OtlpMetricExporter::builder`].
pub type OtlpMetricExporterBuilder = OtlpBuilder<OtlpMetricExporter>;

impl<T> OtlpBuilder<T> {
    fn of(signal: Signal) -> Self {
        Self { settings: Settings::builder(signal), made: PhantomData }
    }

    /// The form of OTLP; HTTP with protobuf by default.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.settings.set_protocol(protocol);
        self
    }

    /// Where the collector is, for all signals: over HTTP, `v1/traces` or `v1/metrics` is appended to its
    /// path. By default `http://localhost:4318`, for gRPC `http://localhost:4317`.
    ///
    /// The scheme says whether TLS is used. For gRPC it may be left out, as in `collector:4317`; then
    /// [`insecure`](Self::insecure) says so. A user name and a password in it become a header
    /// `Authorization`.
    pub fn endpoint(mut self, endpoint: impl Into<OsString>) -> Self {
        self.settings.set_endpoint(endpoint);
        self
    }

    /// Where this signal goes, over HTTP: used as it is, nothing is appended. It takes the place of an
    /// [`endpoint`](Self::endpoint), and the other way round.
    pub fn url(mut self, url: impl Into<OsString>) -> Self {
        self.settings.set_url(url);
        self
    }

    /// Whether an endpoint without a scheme means a connection without TLS; `false` by default.
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.settings.set_insecure(insecure);
        self
    }

    /// A header that goes with each request, besides those that are set already; it replaces one of
    /// the same name. Its value is taken for a secret and shown nowhere.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.add_header(name, value);
        self
    }

    /// Several [headers](Self::header).
    pub fn headers<N, V>(mut self, headers: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        for (name, value) in headers {
            self.settings.add_header(name, value);
        }
        self
    }

    /// How requests are compressed; not at all by default.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.set_compression(compression);
        self
    }

    /// How long one export may take, all attempts and waits included; 10 seconds by default, and
    /// zero is no limit. The export's own context may end it sooner.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.set_timeout(timeout);
        self
    }

    /// A file with the certificates, in PEM, of the authorities to trust instead of the system's.
    pub fn ca_certificate_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.set_ca_certificate(Pem::File(path.into()));
        self
    }

    /// The certificates, in PEM, of the authorities to trust instead of the system's.
    pub fn ca_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.settings.set_ca_certificate(Pem::Text(pem.into()));
        self
    }

    /// Files, in PEM, with the certificate to show to a server that asks for one, followed by those
    /// between it and its authority, and with its private key (PKCS#8, PKCS#1 or SEC1).
    pub fn client_certificate_files(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.settings.set_client_certificate(Pem::File(certificate.into()), Pem::File(key.into()));
        self
    }

    /// The same as [`client_certificate_files`](Self::client_certificate_files), as text.
    pub fn client_certificate_pem(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.settings.set_client_certificate(Pem::Text(certificate.into()), Pem::Text(key.into()));
        self
    }

    /// Through which proxy requests go; the one that the environment names by default.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.settings.set_proxy(proxy);
        self
    }

    /// Whether and when a request that may yet succeed is sent again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.set_retry(policy);
        self
    }

    /// The largest request in bytes, before and after compression; 64 MiB by default. What makes a larger
    /// one is sent in parts.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.settings.set_max_request_bytes(bytes);
        self
    }

    /// The largest answer in bytes, as it comes and after decompression; 4 MiB by default. A larger one
    /// is not read to its end, and is an error.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.settings.set_max_response_bytes(bytes);
        self
    }

    /// A product, such as `shop/1.2`, to name before the exporter in the header `User-Agent`.
    pub fn user_agent_prefix(mut self, product: impl Into<String>) -> Self {
        self.settings.set_user_agent_prefix(product);
        self
    }

    /// Takes over what the environment's variables `OTEL_EXPORTER_OTLP_*` say. A value that is ignored
    /// is told to `warn`.
    pub fn environment(mut self, mut warn: impl FnMut(&dyn Display)) -> Self {
        let lookup = |name: &str| env::var_os(name);
        self.settings.apply_environment(&mut Environment::new(&lookup, &mut |warning| warn(&warning)));
        self
    }

    /// As [`environment`](Self::environment), from variables of whatever source.
    pub(crate) fn read(mut self, environment: &mut Environment<'_>) -> Self {
        self.settings.apply_environment(environment);
        self
    }
}

impl OtlpExporterBuilder {
    pub(super) fn new() -> Self {
        Self::of(Signal::Traces)
    }

    /// Checks the settings, reads the files that they name, and starts the exporter's thread. Nothing
    /// is sent, and no name is looked up.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](crate::export::ExportErrorKind::InvalidConfig) if a setting is of no use;
    ///   the text begins with the option or the variable.
    /// - [`Io`](crate::export::ExportErrorKind::Io) if the thread cannot be started.
    pub fn build(self) -> Result<OtlpExporter, ExportError> {
        Ok(OtlpExporter::new(Delivery::new(self.settings.build()?)?))
    }
}

impl OtlpMetricExporterBuilder {
    pub(super) fn new() -> Self {
        Self::of(Signal::Metrics)
    }

    /// Over which time points of each kind of instrument are wanted; cumulative by default. `wanted` is asked
    /// once for each kind, here.
    ///
    /// ```
    /// use nanospan::metrics::TemporalityPreference;
    /// use nanospan::otlp::OtlpMetricExporter;
    ///
    /// let builder = OtlpMetricExporter::builder().temporality(|kind| TemporalityPreference::Delta.of(kind));
    /// ```
    pub fn temporality(mut self, wanted: impl Fn(InstrumentKind) -> Temporality) -> Self {
        self.settings.set_temporality(wanted);
        self
    }

    /// What is to become of the measurements of each kind of instrument; by default what suits the kind.
    /// `wanted` is asked once for each kind, here.
    pub fn aggregation(mut self, wanted: impl Fn(InstrumentKind) -> Aggregation) -> Self {
        self.settings.set_aggregation(wanted);
        self
    }

    /// Makes an exporter with a client of its own, as [`build_client`](Self::build_client) does.
    ///
    /// # Errors
    ///
    /// Those of [`build_client`](Self::build_client).
    pub fn build(self) -> Result<OtlpMetricExporter, ExportError> {
        self.build_client().map(OtlpMetricExporter::new)
    }

    /// Checks the settings, reads the files that they name, and starts the client's thread. Nothing is sent,
    /// and no name is looked up.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](crate::export::ExportErrorKind::InvalidConfig) if a setting is of no use;
    ///   the text begins with the option or the variable.
    /// - [`Io`](crate::export::ExportErrorKind::Io) if the thread cannot be started.
    pub fn build_client(self) -> Result<OtlpMetricClient, ExportError> {
        let settings = self.settings.build()?;
        let preferences = settings.preferences.clone();
        Ok(OtlpMetricClient::new(Delivery::new(settings)?, preferences))
    }
}
