//! The variables' table in `docs/environment.md`, row by row, and what the options add to it.

mod endpoint;
mod headers;
mod metrics;
mod options;
mod secrets;
mod tls;
mod variables;

use std::ffi::OsString;

use super::{Protocol, Settings, SettingsBuilder};
use crate::env::{Environment, Warning};
use crate::export::{ExportError, ExportErrorKind};
use crate::otlp::signal::Signal;

/// Variables by name, all others being unset.
type Variables<'a> = &'a [(&'a str, &'a str)];

fn builder() -> SettingsBuilder {
    Settings::builder(Signal::Traces)
}

/// A builder with these variables applied, and the warnings about them.
fn applied(variables: Variables<'_>) -> (SettingsBuilder, Vec<String>) {
    let mut builder = builder();
    let mut warnings = Vec::new();
    apply(&mut builder, variables, &mut warnings);
    (builder, warnings)
}

fn apply(builder: &mut SettingsBuilder, variables: Variables<'_>, warnings: &mut Vec<String>) {
    let value = |name: &str| variables.iter().find(|(known, _)| *known == name);
    let lookup = |name: &str| value(name).map(|(_, value)| OsString::from(value));
    let mut warn = |warning: Warning| warnings.push(warning.to_string());
    builder.apply_environment(&mut Environment::new(&lookup, &mut warn));
}

/// The settings that these variables come to without a warning.
fn of(variables: Variables<'_>) -> Settings {
    let (builder, warnings) = applied(variables);
    assert_eq!(warnings, Vec::<String>::new(), "{variables:?}");
    builder.build().unwrap_or_else(|error| panic!("{variables:?}: {error}"))
}

/// The text of the error that these variables come to.
fn refused(variables: Variables<'_>) -> String {
    text_of(applied(variables).0.build())
}

/// The host and the port of what is asked for.
fn authority(settings: &Settings) -> &str {
    settings.url().authority().expect("a host").as_str()
}

/// The text of an error, which must be one of configuration.
fn text_of(result: Result<Settings, ExportError>) -> String {
    let error = result.expect_err("settings that are refused");
    assert_eq!(error.kind(), ExportErrorKind::InvalidConfig, "{error}");
    error.to_string()
}

/// The protocols that are compiled in.
fn protocols() -> impl Iterator<Item = Protocol> {
    let all = [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson];
    all.into_iter().filter(|protocol| protocol.feature().1)
}
