//! A tracer as OpenTelemetry's standard variables say; docs/environment.md has them all.

use crate::env::{Environment, Warning};
use crate::limits::SpanLimits;
use crate::sampling::Sampler;
use crate::tracer::exporters::{Destinations, MetricDestinations};
use crate::tracer::{BuildError, Tracer, TracerBuilder};
use std::ffi::OsString;
use std::time::Duration;

/// The most of a thing that is counted by a variable.
const COUNT_MAX: u64 = u32::MAX as u64;

/// What the error handler that a tracer has by default writes to standard error (`OTEL_LOG_LEVEL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum LogLevel {
    Nothing,
    Errors,
    /// And settings that are of no use.
    #[default]
    Warnings,
}

const LOG_LEVELS: [(&str, LogLevel); 9] = [
    ("none", LogLevel::Nothing),
    ("off", LogLevel::Nothing),
    ("error", LogLevel::Errors),
    ("warn", LogLevel::Warnings),
    ("warning", LogLevel::Warnings),
    ("info", LogLevel::Warnings),
    ("debug", LogLevel::Warnings),
    ("trace", LogLevel::Warnings),
    ("all", LogLevel::Warnings),
];

/// The samplers of `OTEL_TRACES_SAMPLER`: what decides for roots, and whether it is asked for spans with a
/// parent, too.
#[derive(Debug, Clone, Copy)]
struct NamedSampler {
    root: Root,
    parent_based: bool,
}

#[derive(Debug, Clone, Copy)]
enum Root {
    AlwaysOn,
    AlwaysOff,
    Ratio,
    Probability,
}

const SAMPLERS: [(&str, NamedSampler); 8] = {
    const fn of(root: Root, parent_based: bool) -> NamedSampler {
        NamedSampler { root, parent_based }
    }
    [
        ("always_on", of(Root::AlwaysOn, false)),
        ("always_off", of(Root::AlwaysOff, false)),
        ("traceidratio", of(Root::Ratio, false)),
        ("probability", of(Root::Probability, false)),
        ("parentbased_always_on", of(Root::AlwaysOn, true)),
        ("parentbased_always_off", of(Root::AlwaysOff, true)),
        ("parentbased_traceidratio", of(Root::Ratio, true)),
        ("parentbased_probability", of(Root::Probability, true)),
    ]
};

impl Tracer {
    /// A tracer as OpenTelemetry's standard variables say: where spans and metrics about the tracer go, which spans
    /// are recorded, and under what name. `docs/environment.md` has the variables, their defaults, and what becomes
    /// of a bad value.
    ///
    /// With `OTEL_SDK_DISABLED=true` it is [`noop`](Tracer::noop). To change something by program, begin with
    /// [`TracerBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// See [`BuildError`]: [`BuildError::Exporter`] names the variable that an exporter cannot do with, or
    /// says that one is not compiled in.
    pub fn from_env() -> Result<Self, BuildError> {
        TracerBuilder::from_env().build()
    }
}

impl TracerBuilder {
    /// Begins to make a tracer as OpenTelemetry's standard variables say. What is set on the builder comes
    /// before any variable.
    ///
    /// The exporters that are asked for are made by [`build`](TracerBuilder::build), unless the program sets
    /// [one for spans](TracerBuilder::exporter) or a [reader](TracerBuilder::metrics) for metrics. Where the features
    /// have OTLP, and nothing is said, metrics go by OTLP as spans do.
    ///
    /// Variables with values of no use are told to the [error handler](TracerBuilder::error_handler) when
    /// the tracer is built, one by one, as errors of kind
    /// [`InvalidConfig`](crate::export::ExportErrorKind::InvalidConfig) with which nothing is lost. Where
    /// `OTEL_SDK_DISABLED=true` nothing is.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// As [`from_env`](TracerBuilder::from_env), with variables from elsewhere: `lookup` returns the value of
    /// the one with the given name.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut warnings = Vec::new();
        // Both signals look at some variables, of which one bad value is told once.
        let mut warn = |warning: Warning| {
            let warning = warning.to_string();
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        };
        let mut environment = Environment::new(&lookup, &mut warn);
        let mut builder = Self::described_by(&mut environment);
        if builder.is_disabled {
            return builder;
        }
        builder.destinations = Some(Destinations::read(&mut environment));
        builder.metric_destinations = Some(MetricDestinations::read(&mut environment));
        if let Some(directory) = environment.raw("NANOSPAN_SEGMENT_DIRECTORY") {
            builder = builder.segments(directory);
        }
        for name in ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"] {
            if let Some(path) = environment.text(name) {
                environment.warn(
                    name,
                    &path,
                    "names a file, and configuration by file is not supported",
                    "ignored",
                );
            }
        }
        builder.warnings = warnings;
        builder
    }

    /// All but the exporters.
    fn described_by(environment: &mut Environment<'_>) -> Self {
        let attributes = environment.pairs("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let named =
            |key: &str| attributes.iter().rev().find(|(found, _)| found == key).map(|(_, value)| value);
        let service = environment.text("OTEL_SERVICE_NAME").or_else(|| named("service.name").cloned());
        let mut builder = Self::new(service.unwrap_or_else(unknown_service));
        for (key, value) in attributes {
            if key != "service.name" {
                builder = builder.resource(key, value);
            }
        }
        builder.is_disabled = environment.boolean("OTEL_SDK_DISABLED") == Some(true);
        builder.log_level = environment.choice("OTEL_LOG_LEVEL", &LOG_LEVELS).unwrap_or_default();
        builder.limits = limits(environment);
        if let Some(sampler) = sampler(environment) {
            builder.sampler = sampler;
        }
        batch_processor(environment, builder)
    }
}

/// The Resource semantic conventions' name for a service that has none.
fn unknown_service() -> String {
    let program = std::env::current_exe().ok();
    let name = program.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
    match name {
        Some(name) => format!("unknown_service:{name}"),
        None => "unknown_service".to_owned(),
    }
}

fn sampler(environment: &mut Environment<'_>) -> Option<Sampler> {
    let NamedSampler { root, parent_based } = environment.choice("OTEL_TRACES_SAMPLER", &SAMPLERS)?;
    let mut ratio = || environment.share("OTEL_TRACES_SAMPLER_ARG").unwrap_or(1.0);
    let root = match root {
        Root::AlwaysOn => Sampler::always_on(),
        Root::AlwaysOff => Sampler::always_off(),
        Root::Ratio => Sampler::trace_id_ratio(ratio()).ok()?,
        // There is no probability of zero.
        Root::Probability => Sampler::probability(ratio()).unwrap_or_else(|_| Sampler::always_off()),
    };
    Some(if parent_based { Sampler::parent_based(root) } else { root })
}

fn limits(environment: &mut Environment<'_>) -> SpanLimits {
    let mut count = |name| environment.number(name, 0..=COUNT_MAX, "a number").map(|number| number as u32);
    let for_all = count("OTEL_ATTRIBUTE_COUNT_LIMIT");
    let length_for_all = count("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    let default = SpanLimits::default();
    let of_all = |own: Option<u32>, default| own.or(for_all).unwrap_or(default);
    SpanLimits {
        attributes: of_all(count("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"), default.attributes),
        events: count("OTEL_SPAN_EVENT_COUNT_LIMIT").unwrap_or(default.events),
        links: count("OTEL_SPAN_LINK_COUNT_LIMIT").unwrap_or(default.links),
        attributes_per_event: of_all(count("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"), default.attributes_per_event),
        attributes_per_link: of_all(count("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"), default.attributes_per_link),
        attribute_value_length: count("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT").or(length_for_all),
    }
}

fn batch_processor(environment: &mut Environment<'_>, mut builder: TracerBuilder) -> TracerBuilder {
    let mut count = |name, most| environment.number(name, 1..=most, "a number of spans");
    let queue = count("OTEL_BSP_MAX_QUEUE_SIZE", COUNT_MAX);
    // "Must be less than or equal to OTEL_BSP_MAX_QUEUE_SIZE."
    let batch = count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", queue.unwrap_or(COUNT_MAX));
    if let Some(spans) = queue {
        builder = builder.max_queue_size(spans as usize);
    }
    if let Some(spans) = batch {
        builder = builder.max_batch_spans(spans as usize);
    }
    if let Some(delay) = environment.duration("OTEL_BSP_SCHEDULE_DELAY") {
        builder = builder.export_interval(delay);
    }
    if let Some(timeout) = environment.duration("OTEL_BSP_EXPORT_TIMEOUT") {
        builder = builder.export_timeout(timeout.min(Duration::from_secs(u64::MAX / 2)));
    }
    builder
}
