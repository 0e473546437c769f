//! The command line.

use nanospan::plugin::StdoutFormat;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
An HTTP server on the loopback interface that traces its requests as a bext host does.

Usage: bext_host [FLAGS]

  --config FILE              the tracer's configuration as JSON, see docs/bext.md
                             [segment files in target/bext-host-spool]
  --flush-interval-ms N      how often the tracer is flushed [1000]
  --port PORT                the port to serve on; 0 is any that is free [8081, or 0 with --load]
  --workers N                threads that serve requests [4]
  --load N                   send N requests to itself, then end; 0 serves until told to end [0]
  --clients N                connections of the load [8]
  --log FILE                 write each span down as it was told to the tracer, one JSON object a line
  --echo human|json          for development: write each span to standard output, too;
                             beyond 10000 between two flushes the oldest are left out, which fails
  --help                     this text

SIGTERM and SIGINT end it: requests under way are answered and their spans delivered. SIGHUP reloads.
The exit code is 0; 1 if the host or a call of the tracer failed; 2 if a flag is wrong.
";

const BUILT_IN: &str =
    r#"{"service_name": "bext-host", "segments": {"directory": "target/bext-host-spool"}}"#;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Args {
    config: Option<PathBuf>,
    pub(crate) flush_interval: Duration,
    pub(crate) port: u16,
    pub(crate) workers: usize,
    pub(crate) load: u64,
    pub(crate) clients: u64,
    pub(crate) log: Option<PathBuf>,
    pub(crate) echo: Option<StdoutFormat>,
    pub(crate) help: bool,
}

impl Args {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    ///
    /// A text that says which argument is wrong, and why.
    pub(crate) fn parse(mut given: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut args = Self {
            config: None,
            flush_interval: Duration::from_secs(1),
            port: 0,
            workers: 4,
            load: 0,
            clients: 8,
            log: None,
            echo: None,
            help: false,
        };
        let mut port = None;
        while let Some(flag) = given.next() {
            let flag = flag.to_str().ok_or_else(|| format!("{flag:?}: no such flag"))?;
            let mut value = || given.next().ok_or_else(|| format!("{flag}: a value is missing"));
            match flag {
                "--config" => args.config = Some(value()?.into()),
                "--flush-interval-ms" => {
                    args.flush_interval = Duration::from_millis(at_least_one(flag, &value()?)?);
                }
                "--port" => port = Some(number(flag, &value()?)?),
                "--workers" => args.workers = usize::from(at_least_one::<u16>(flag, &value()?)?),
                "--load" => args.load = number(flag, &value()?)?,
                "--clients" => args.clients = at_least_one(flag, &value()?)?,
                "--log" => args.log = Some(value()?.into()),
                "--echo" => args.echo = Some(format(flag, &value()?)?),
                "--help" | "-h" => args.help = true,
                _ => return Err(format!("{flag:?}: no such flag")),
            }
        }
        args.port = port.unwrap_or(if args.load == 0 { 8081 } else { 0 });
        Ok(args)
    }

    /// The tracer's section of the configuration.
    ///
    /// # Errors
    ///
    /// If the file cannot be read. What is in it is the tracer's to judge.
    pub(crate) fn config_json(&self) -> Result<String, String> {
        let Some(path) = &self.config else { return Ok(BUILT_IN.to_owned()) };
        std::fs::read_to_string(path).map_err(|error| format!("--config {}: {error}", path.display()))
    }
}

fn format(flag: &str, value: &OsString) -> Result<StdoutFormat, String> {
    match value.to_str() {
        Some("human") => Ok(StdoutFormat::Human),
        Some("json") => Ok(StdoutFormat::Json),
        _ => Err(format!("{flag} {}: neither human nor json", value.to_string_lossy())),
    }
}

fn number<T: FromStr<Err = std::num::ParseIntError>>(flag: &str, value: &OsString) -> Result<T, String> {
    let text = value.to_str().ok_or_else(|| format!("{flag} {value:?}: not a number"))?;
    text.parse().map_err(|error| format!("{flag} {text}: {error}"))
}

fn at_least_one<T>(flag: &str, value: &OsString) -> Result<T, String>
where
    T: FromStr<Err = std::num::ParseIntError> + Default + PartialEq,
{
    match number(flag, value)? {
        zero if zero == T::default() => Err(format!("{flag} 0: must be at least 1")),
        number => Ok(number),
    }
}
