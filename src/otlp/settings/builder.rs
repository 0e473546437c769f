//! Puts settings together and checks them.

use std::borrow::Cow;
use std::ffi::OsString;
use std::time::Duration;

use super::endpoint::{self, Reach};
use super::given::{Given, Origin, Secret};
use super::tls::TlsSources;
use super::{Compression, Headers, Pem, Protocol, Proxy, Settings};
use crate::export::ExportError;
use crate::metrics::data::Temporality;
use crate::metrics::{Aggregation, InstrumentKind, Preferences};
use crate::otlp::retry::RetryPolicy;
use crate::otlp::signal::Signal;

/// The whole export's, not an attempt's (OTLP Exporter Configuration, section "Configuration Options").
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// 64 MiB (OTLP Exporter Configuration, section "Configuration Options").
const DEFAULT_MAX_REQUEST_BYTES: usize = 64 << 20;

/// 4 MiB (the same section).
const DEFAULT_MAX_RESPONSE_BYTES: usize = 4 << 20;

/// The name of exporter, language and version (OTLP Exporter Configuration, section "User Agent").
const USER_AGENT: &str = concat!("nanospan-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));

const AUTHORIZATION: &str = "authorization";

/// Settings that are being made. Nothing is checked before [`build`](SettingsBuilder::build).
#[derive(Debug, Clone)]
pub(crate) struct SettingsBuilder {
    pub(super) signal: Signal,
    pub(super) protocol: Option<Given<Protocol>>,
    pub(super) endpoint: Option<Given<(Secret<OsString>, Reach)>>,
    pub(super) insecure: Option<Given<bool>>,
    /// The value of a variable.
    pub(super) headers: Option<Given<Secret<OsString>>>,
    /// One by one, from the program.
    more_headers: Vec<(Secret<String>, Secret<String>)>,
    pub(super) compression: Option<Given<Compression>>,
    pub(super) timeout: Option<Given<Duration>>,
    pub(super) tls: TlsSources,
    proxy: Proxy,
    retry: RetryPolicy,
    max_request_bytes: usize,
    max_response_bytes: usize,
    user_agent_prefix: Option<String>,
    /// For each kind of instrument, in the order of [`InstrumentKind::ALL`].
    pub(super) temporality: Option<Given<[Temporality; InstrumentKind::ALL.len()]>>,
    pub(super) aggregation: Option<Given<[Aggregation; InstrumentKind::ALL.len()]>>,
}

impl SettingsBuilder {
    pub(super) fn new(signal: Signal) -> Self {
        Self {
            signal,
            protocol: None,
            endpoint: None,
            insecure: None,
            headers: None,
            more_headers: Vec::new(),
            compression: None,
            timeout: None,
            tls: TlsSources::default(),
            proxy: Proxy::default(),
            retry: RetryPolicy::default(),
            max_request_bytes: DEFAULT_MAX_REQUEST_BYTES,
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            user_agent_prefix: None,
            temporality: None,
            aggregation: None,
        }
    }

    pub(crate) fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = Some(Given::by_option("protocol", protocol));
    }

    /// An address for all signals: by HTTP this signal's path is appended to its path. With gRPC it may
    /// also be `host:port`.
    pub(crate) fn set_endpoint(&mut self, endpoint: impl Into<OsString>) {
        let value = (Secret::new(endpoint.into()), Reach::Base);
        self.endpoint = Some(Given::by_option("endpoint", value));
    }

    /// An address for this signal alone, used as it is. It takes the place of an
    /// [endpoint](Self::set_endpoint) that was set before, and the other way round.
    pub(crate) fn set_url(&mut self, url: impl Into<OsString>) {
        let value = (Secret::new(url.into()), Reach::Exact);
        self.endpoint = Some(Given::by_option("url", value));
    }

    /// Whether an address without a scheme means a connection without TLS; only gRPC has such ones.
    pub(crate) fn set_insecure(&mut self, insecure: bool) {
        self.insecure = Some(Given::by_option("insecure", insecure));
    }

    /// A header besides those of the variables; it replaces one of the same name.
    pub(crate) fn add_header(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.more_headers.push((Secret::new(name.into()), Secret::new(value.into())));
    }

    pub(crate) fn set_compression(&mut self, compression: Compression) {
        self.compression = Some(Given::by_option("compression", compression));
    }

    /// The time for a whole export; zero is no limit.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(Given::by_option("timeout", timeout));
    }

    /// The authorities to trust instead of the system's.
    pub(crate) fn set_ca_certificate(&mut self, certificates: Pem) {
        self.tls.roots = Some(Given::by_option("ca_certificate", certificates));
    }

    /// What to show to a server that asks for a certificate: the client's own, followed by those
    /// between it and its authority, and the private key.
    pub(crate) fn set_client_certificate(&mut self, certificates: Pem, key: Pem) {
        self.tls.certificate = Some(Given::by_option("client_certificate", certificates));
        self.tls.key = Some(Given::by_option("client_certificate", key));
    }

    pub(crate) fn set_proxy(&mut self, proxy: Proxy) {
        self.proxy = proxy;
    }

    pub(crate) fn set_retry(&mut self, retry: RetryPolicy) {
        self.retry = retry;
    }

    /// The largest request, in bytes, before and after compression.
    pub(crate) fn set_max_request_bytes(&mut self, bytes: usize) {
        self.max_request_bytes = bytes;
    }

    /// The largest answer, in bytes, after decompression.
    pub(crate) fn set_max_response_bytes(&mut self, bytes: usize) {
        self.max_response_bytes = bytes;
    }

    /// A product, such as `shop/1.2`, to name before the exporter in `User-Agent`.
    pub(crate) fn set_user_agent_prefix(&mut self, product: impl Into<String>) {
        self.user_agent_prefix = Some(product.into());
    }

    /// Over which time points of each kind of instrument are wanted.
    pub(crate) fn set_temporality(&mut self, wanted: impl Fn(InstrumentKind) -> Temporality) {
        self.temporality = Some(Given::by_option("temporality", InstrumentKind::ALL.map(wanted)));
    }

    /// What is to become of the measurements of each kind of instrument.
    pub(crate) fn set_aggregation(&mut self, wanted: impl Fn(InstrumentKind) -> Aggregation) {
        self.aggregation = Some(Given::by_option("aggregation", InstrumentKind::ALL.map(wanted)));
    }

    /// Checks everything, and reads the files that are named.
    ///
    /// # Errors
    ///
    /// Of kind [`InvalidConfig`](crate::export::ExportErrorKind::InvalidConfig), for the first setting
    /// that is of no use. The text begins with the option or the variable that made it.
    pub(crate) fn build(self) -> Result<Settings, ExportError> {
        let protocol = check_protocol(self.protocol)?;
        let insecure = self.insecure.is_some_and(|given| given.value);
        let (endpoint, authorization) = endpoint::resolve(self.signal, protocol, self.endpoint, insecure)?;
        let mut headers = check_headers(self.headers, &self.more_headers)?;
        match authorization {
            // Whoever writes the header out means it.
            Some(given) if !headers.contains(AUTHORIZATION) => {
                headers
                    .insert(AUTHORIZATION, given.value.expose())
                    .map_err(|problem| given.origin.refuse(problem))?;
            }
            _ => {}
        }
        self.proxy.check().map_err(option("proxy"))?;
        self.retry.check().map_err(option("retry"))?;
        check_bytes(self.max_request_bytes).map_err(option("max_request_bytes"))?;
        check_bytes(self.max_response_bytes).map_err(option("max_response_bytes"))?;
        let mut preferences = Preferences::default();
        if let Some(Given { value, .. }) = self.temporality {
            preferences.set_temporality(|kind| value[kind as usize]);
        }
        if let Some(Given { value, .. }) = self.aggregation {
            preferences.set_aggregation(|kind| value[kind as usize].clone());
        }
        Ok(Settings {
            signal: self.signal,
            protocol,
            endpoint,
            headers,
            compression: self.compression.map_or_else(Compression::default, |given| given.value),
            timeout: self.timeout.map_or(DEFAULT_TIMEOUT, |given| given.value),
            tls: self.tls.load()?,
            proxy: self.proxy,
            retry: self.retry,
            max_request_bytes: self.max_request_bytes,
            max_response_bytes: self.max_response_bytes,
            user_agent: user_agent(self.user_agent_prefix.as_deref()).map_err(option("user_agent_prefix"))?,
            preferences,
        })
    }
}

/// Makes the error of an option of this name out of what is wrong.
fn option<P: Into<Cow<'static, str>>>(name: &'static str) -> impl Fn(P) -> ExportError {
    move |problem| Origin::Option(name).refuse(problem)
}

fn check_protocol(given: Option<Given<Protocol>>) -> Result<Protocol, ExportError> {
    let Given { value: protocol, origin } =
        given.unwrap_or(Given { value: Protocol::default(), origin: Origin::Default });
    match protocol.feature() {
        (_, true) => Ok(protocol),
        (feature, false) => {
            Err(origin.refuse(format!("{protocol} needs the feature {feature}, which is not compiled in")))
        }
    }
}

/// The headers of a variable, and those of the program in their place or besides.
fn check_headers(
    variable: Option<Given<Secret<OsString>>>,
    more: &[(Secret<String>, Secret<String>)],
) -> Result<Headers, ExportError> {
    let mut headers = match variable {
        Some(given) => {
            Headers::parse(given.value.expose()).map_err(|problem| given.origin.refuse(problem))?
        }
        None => Headers::default(),
    };
    for (name, value) in more {
        headers.insert(name.expose(), value.expose()).map_err(option("header"))?;
    }
    Ok(headers)
}

/// Zero would let nothing through, and a gRPC message says its length in 32 bits (gRPC over HTTP/2,
/// section "Length-Prefixed-Message").
fn check_bytes(bytes: usize) -> Result<(), &'static str> {
    match u32::try_from(bytes) {
        Ok(1..) => Ok(()),
        _ => Err("is not from 1 to 4294967295"),
    }
}

fn user_agent(prefix: Option<&str>) -> Result<String, &'static str> {
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    match prefix.map(str::trim) {
        None | Some("") => Ok(USER_AGENT.to_owned()),
        Some(prefix) if prefix.bytes().all(is_printable) => Ok(format!("{prefix} {USER_AGENT}")),
        Some(_) => Err("it has a character other than printable ASCII"),
    }
}
