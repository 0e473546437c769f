//! The variables `OTEL_EXPORTER_OTLP_*`.

use std::ffi::OsString;

use super::builder::SettingsBuilder;
use super::endpoint::Reach;
use super::given::{Given, Origin, Secret};
use super::{Compression, Pem, Protocol};
use crate::env::Environment;
use crate::metrics::data::Temporality;
use crate::metrics::{Aggregation, InstrumentKind, TemporalityPreference};
use crate::otlp::signal::Signal;

const PREFIX: &str = "OTEL_EXPORTER_OTLP_";

impl SettingsBuilder {
    /// Takes over what the variables say (OTLP Exporter Configuration, section "Configuration Options"),
    /// but for what options of the program have set or will set.
    ///
    /// A number, a boolean or a name of a choice that is bad is warned of, and the variable for all
    /// signals, an option or the default takes its place. What the other variables hold is looked at
    /// by [`build`](SettingsBuilder::build), if nothing overrides it by then.
    pub(crate) fn apply_environment(&mut self, environment: &mut Environment<'_>) {
        let mut of = Variables { environment, infix: self.signal.infix() };
        let protocols = [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson];
        let protocols = protocols.map(|protocol| (protocol.as_str(), protocol));
        let compressions = [Compression::Gzip, Compression::None];
        let compressions = compressions.map(|compression| (compression.as_str(), compression));

        fill(&mut self.protocol, of.signal("PROTOCOL", |x, name| x.choice(name, &protocols)));
        fill(&mut self.compression, of.signal("COMPRESSION", |x, name| x.choice(name, &compressions)));
        fill(&mut self.timeout, of.signal("TIMEOUT", Environment::duration));
        fill(&mut self.insecure, of.signal("INSECURE", Environment::boolean));
        fill(&mut self.headers, of.signal("HEADERS", |x, name| x.raw(name).map(Secret::new)));
        fill(&mut self.endpoint, of.endpoint());
        fill(&mut self.tls.roots, of.signal("CERTIFICATE", pem_file));
        fill(&mut self.tls.certificate, of.signal("CLIENT_CERTIFICATE", pem_file));
        fill(&mut self.tls.key, of.signal("CLIENT_KEY", pem_file));
        if self.signal == Signal::Metrics {
            fill(&mut self.temporality, of.own("TEMPORALITY_PREFERENCE", temporality));
            fill(&mut self.aggregation, of.own("DEFAULT_HISTOGRAM_AGGREGATION", aggregation));
        }
    }
}

/// What a preference comes to for each kind of instrument (Metrics Exporter - OTLP, section "Additional
/// Environment Variable Configuration").
fn temporality(
    environment: &mut Environment<'_>,
    name: &str,
) -> Option<[Temporality; InstrumentKind::ALL.len()]> {
    let known = TemporalityPreference::ALL.map(|preference| (preference.as_str(), preference));
    environment.choice(name, &known).map(|chosen| InstrumentKind::ALL.map(|kind| chosen.of(kind)))
}

/// The same for the aggregation of histograms; it says nothing of the other kinds.
fn aggregation(
    environment: &mut Environment<'_>,
    name: &str,
) -> Option<[Aggregation; InstrumentKind::ALL.len()]> {
    const KNOWN: [(&str, bool); 2] =
        [("explicit_bucket_histogram", false), ("base2_exponential_bucket_histogram", true)];
    let is_exponential = environment.choice(name, &KNOWN)?;
    Some(InstrumentKind::ALL.map(|kind| match kind {
        InstrumentKind::Histogram if is_exponential => Aggregation::base2_exponential_histogram(),
        InstrumentKind::Histogram => Aggregation::explicit_bucket_histogram(),
        _ => Aggregation::Default,
    }))
}

fn pem_file(environment: &mut Environment<'_>, name: &str) -> Option<Pem> {
    environment.raw(name).map(|path| Pem::File(path.into()))
}

/// Whatever the order, an option stays.
fn fill<T>(setting: &mut Option<Given<T>>, found: Option<Given<T>>) {
    let is_option = matches!(setting, Some(Given { origin: Origin::Option(_), .. }));
    if found.is_some() && !is_option {
        *setting = found;
    }
}

/// The variables of one signal.
struct Variables<'e, 'a> {
    environment: &'e mut Environment<'a>,
    infix: &'static str,
}

impl<'a> Variables<'_, 'a> {
    /// What `read` finds in the variable for this signal alone, or else in that for all signals.
    fn signal<T>(
        &mut self,
        suffix: &str,
        mut read: impl FnMut(&mut Environment<'a>, &str) -> Option<T>,
    ) -> Option<Given<T>> {
        [self.infix, ""].into_iter().find_map(|infix| {
            let name = format!("{PREFIX}{infix}{suffix}");
            let value = read(self.environment, &name)?;
            Some(Given { value, origin: Origin::Variable(name) })
        })
    }

    /// What `read` finds in a variable that there is for this signal alone.
    fn own<T>(
        &mut self,
        suffix: &str,
        read: impl FnOnce(&mut Environment<'a>, &str) -> Option<T>,
    ) -> Option<Given<T>> {
        let name = format!("{PREFIX}{}{suffix}", self.infix);
        let value = read(self.environment, &name)?;
        Some(Given { value, origin: Origin::Variable(name) })
    }

    /// The variable for this signal alone holds the whole address, the other only its beginning
    /// (section "Endpoint URLs for OTLP/HTTP").
    fn endpoint(&mut self) -> Option<Given<(Secret<OsString>, Reach)>> {
        let exact = format!("{PREFIX}{}ENDPOINT", self.infix);
        let Given { value: (address, reach), origin } = self.signal("ENDPOINT", |environment, name| {
            let reach = if name == exact { Reach::Exact } else { Reach::Base };
            environment.raw(name).map(|address| (address, reach))
        })?;
        Some(Given { value: (Secret::new(address), reach), origin })
    }
}
