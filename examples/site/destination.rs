//! Where the site's spans and the metrics about them go: wherever the environment says, or else the spans go into
//! segment files.

use nanospan::{BuildError, Tracer};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A place for spans, and for metrics if it has any.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Files in this directory.
    Segments(PathBuf),
    /// What OpenTelemetry's standard variables name.
    Environment,
}

/// The variables each of which says where something goes.
const DECISIVE: [&str; 5] = [
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
];

impl Destination {
    /// The place that the environment names, and the directory `spool` if it names none. `lookup` finds a
    /// variable by its name; an empty one is as good as none.
    pub(crate) fn of(spool: &Path, lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name: &str| lookup(name).map(|value| value.to_string_lossy().trim().to_owned());
        let says = |name: &&str| value(name).is_some_and(|value| !value.is_empty());
        let is_disabled = value("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if is_disabled || DECISIVE.iter().any(says) {
            Self::Environment
        } else {
            Self::Segments(spool.to_owned())
        }
    }

    /// A tracer whose spans go there.
    ///
    /// # Errors
    ///
    /// If the directory cannot be written, or a variable is wrong, or it asks for an exporter that this
    /// program was built without.
    pub(crate) fn open(&self) -> Result<Tracer, BuildError> {
        match self {
            Self::Segments(spool) => Tracer::builder("shop")
                .resource("service.version", env!("CARGO_PKG_VERSION"))
                .segments(spool)
                .build(),
            Self::Environment => Tracer::from_env(),
        }
    }
}
