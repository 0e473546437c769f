//! The plugin's section of the host's configuration.

mod section;

use crate::limits::SpanLimits;
use crate::sampling::Sampler;
use crate::tracer::{MEMORY_BUDGET_MIN, Tracer, TracerBuilder};
use crate::value::OwnedValue;
use section::Section;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Longest timeout that can be set: an hour.
const TIMEOUT_MAX: u64 = 3_600_000;

/// What the section says; what it does not say is left to the tracer's own defaults.
#[derive(Debug, Default)]
pub(super) struct Config {
    service_name: Option<String>,
    resource: Vec<(String, OwnedValue)>,
    sampler: Option<Sampler>,
    span_limits: SpanLimits,
    segments: Segments,
    memory_budget: Option<u64>,
    max_batch_spans: Option<u64>,
    drain_interval: Option<Duration>,
    export_timeout: Option<Duration>,
    pub(super) flush_timeout: Option<Duration>,
    pub(super) shutdown_timeout: Option<Duration>,
}

/// The section `segments`: where and how segment files are kept.
#[derive(Debug, Default)]
struct Segments {
    directory: Option<PathBuf>,
    max_segment_bytes: Option<u64>,
    max_segment_age: Option<Duration>,
    max_total_bytes: Option<u64>,
}

impl Config {
    /// Reads the section. The error names every key that is unknown or wrong and says why.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let value = match json.trim() {
            "" => Value::Null,
            text => serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?,
        };
        let mut errors = Vec::new();
        let mut config = Self::default();
        Section::read("", &value, &mut errors, |section| config.fill(section));
        if errors.is_empty() { Ok(config) } else { Err(errors.join("; ")) }
    }

    fn fill(&mut self, section: &mut Section<'_>) {
        self.service_name = section.get("service_name", text);
        section.nested("resource", |resource| {
            let named = |key: &str, value: &Value| match key {
                // OpenTelemetry specification, "Common", section "Attribute".
                "" => Err("a key that is not empty".to_owned()),
                _ => attribute(value),
            };
            for (key, value) in resource.rest(named) {
                self.resource.push((key, value));
            }
        });
        self.sampler = sampler(section);
        section.nested("span_limits", |limits| {
            let SpanLimits {
                attributes,
                events,
                links,
                attributes_per_event,
                attributes_per_link,
                attribute_value_length,
            } = &mut self.span_limits;
            for (key, limit) in [
                ("attributes", attributes),
                ("events", events),
                ("links", links),
                ("attributes_per_event", attributes_per_event),
                ("attributes_per_link", attributes_per_link),
            ] {
                *limit = limits.get(key, limit_of_span).unwrap_or(*limit);
            }
            *attribute_value_length = limits.get("attribute_value_length", limit_of_span);
        });
        section.nested("segments", |segments| {
            self.segments.directory = segments.get("directory", text).map(PathBuf::from);
            self.segments.max_segment_bytes = segments.get("max_segment_bytes", |v| number(v, 1, u64::MAX));
            self.segments.max_segment_age = segments.get("max_segment_age_ms", milliseconds);
            self.segments.max_total_bytes = segments.get("max_total_bytes", |v| number(v, 1, u64::MAX));
        });
        self.memory_budget =
            section.get("memory_budget_bytes", |v| number(v, MEMORY_BUDGET_MIN as u64, u64::MAX));
        self.max_batch_spans = section.get("max_batch_spans", |v| number(v, 1, u64::MAX));
        self.drain_interval = section.get("drain_interval_ms", milliseconds);
        self.export_timeout = section.get("export_timeout_ms", milliseconds_or_none);
        self.flush_timeout = section.get("flush_timeout_ms", milliseconds);
        self.shutdown_timeout = section.get("shutdown_timeout_ms", milliseconds);
    }

    /// A builder with these settings, for a host that flushes.
    pub(super) fn builder(&self) -> TracerBuilder {
        let service = self.service_name.clone().unwrap_or_else(unknown_service);
        let mut builder = Tracer::builder(service).export_on_flush(true).span_limits(self.span_limits);
        for (key, value) in &self.resource {
            builder = builder.resource(key.clone(), value.clone());
        }
        if let Some(sampler) = &self.sampler {
            builder = builder.sampler(sampler.clone());
        }
        if let Some(bytes) = self.memory_budget {
            builder = builder.memory_budget(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        if let Some(spans) = self.max_batch_spans {
            builder = builder.max_batch_spans(usize::try_from(spans).unwrap_or(usize::MAX));
        }
        if let Some(interval) = self.drain_interval {
            builder = builder.drain_interval(interval);
        }
        if let Some(timeout) = self.export_timeout {
            builder = builder.export_timeout(timeout);
        }
        let Segments { directory, max_segment_bytes, max_segment_age, max_total_bytes } = &self.segments;
        if let Some(directory) = directory {
            builder = builder.segments(directory);
        }
        // Not opened here: whoever sets another exporter has no directory.
        builder.segment_settings(|mut segments| {
            if let Some(bytes) = max_segment_bytes {
                segments = segments.max_segment_bytes(*bytes);
            }
            if let Some(age) = max_segment_age {
                segments = segments.max_segment_age(*age);
            }
            if let Some(bytes) = max_total_bytes {
                segments = segments.max_total_bytes(*bytes);
            }
            segments
        })
    }
}

/// OpenTelemetry's name for a service that has none (Resource semantic conventions, `service.name`).
fn unknown_service() -> String {
    let exe = std::env::current_exe().ok();
    match exe.as_deref().and_then(|path| path.file_name()) {
        Some(name) => format!("unknown_service:{}", name.to_string_lossy()),
        None => "unknown_service".to_owned(),
    }
}

/// The sampler by OpenTelemetry's names for them, and the ratio of those that have one.
fn sampler(section: &mut Section<'_>) -> Option<Sampler> {
    const RATIO: &str = "traceidratio";
    let mut is_wrong = false;
    let name = section.get("sampler", |value| match value.as_str() {
        Some(
            name @ ("always_on"
            | "always_off"
            | RATIO
            | "parentbased_always_on"
            | "parentbased_always_off"
            | "parentbased_traceidratio"),
        ) => Ok(name.to_owned()),
        _ => {
            is_wrong = true;
            Err("always_on, always_off, traceidratio, or one of these with parentbased_ before it".to_owned())
        }
    });
    let has_ratio = name.as_deref().is_some_and(|name| name.ends_with(RATIO));
    let ratio = section.get("sampler_arg", |value| match value.as_f64() {
        // Whether one that is misspelt has an argument is not known.
        _ if !has_ratio && !is_wrong => {
            Err("nothing: only the sampler traceidratio has an argument".to_owned())
        }
        Some(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err("a number from 0 to 1".to_owned()),
    });
    let name = name?;
    let root = match name.trim_start_matches("parentbased_") {
        "always_on" => Sampler::always_on(),
        "always_off" => Sampler::always_off(),
        // Without an argument the ratio is 1, as OTEL_TRACES_SAMPLER_ARG has it.
        _ => Sampler::trace_id_ratio(ratio.unwrap_or(1.0)).ok()?,
    };
    Some(if name.starts_with("parentbased_") { Sampler::parent_based(root) } else { root })
}

fn text(value: &Value) -> Result<String, String> {
    match value.as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("a text that is not empty".to_owned()),
    }
}

fn number(value: &Value, min: u64, max: u64) -> Result<u64, String> {
    match value.as_u64() {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        _ if max == u64::MAX => Err(format!("a whole number from {min} on")),
        _ => Err(format!("a whole number from {min} to {max}")),
    }
}

fn limit_of_span(value: &Value) -> Result<u32, String> {
    number(value, 0, u64::from(u32::MAX)).map(|number| number as u32)
}

fn milliseconds(value: &Value) -> Result<Duration, String> {
    number(value, 1, TIMEOUT_MAX).map(Duration::from_millis)
}

/// Zero means without limit.
fn milliseconds_or_none(value: &Value) -> Result<Duration, String> {
    number(value, 0, TIMEOUT_MAX).map(Duration::from_millis)
}

/// An attribute of the resource: a text, a boolean, a number, or an array of one of these.
fn attribute(value: &Value) -> Result<OwnedValue, String> {
    let wrong = || "a text, a boolean, a number, or an array of one of these".to_owned();
    let whole = |values: &[Value]| values.iter().map(Value::as_i64).collect::<Option<Vec<_>>>();
    Ok(match value {
        Value::String(text) => OwnedValue::Str(text.clone()),
        Value::Bool(flag) => OwnedValue::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => OwnedValue::I64(whole),
            (None, Some(float)) => OwnedValue::F64(float),
            (None, None) => return Err(wrong()),
        },
        Value::Array(values) => {
            let texts = || values.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            let flags = || values.iter().map(Value::as_bool).collect::<Option<Vec<_>>>();
            let floats = || values.iter().map(Value::as_f64).collect::<Option<Vec<_>>>();
            let found = texts().map(OwnedValue::StrArray);
            let found = found.or_else(|| flags().map(OwnedValue::BoolArray));
            let found = found.or_else(|| whole(values).map(OwnedValue::I64Array));
            found.or_else(|| floats().map(OwnedValue::F64Array)).ok_or_else(wrong)?
        }
        Value::Null | Value::Object(_) => return Err(wrong()),
    })
}
