//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) const USAGE: &str = "\
A small shop, served over HTTP on the loopback interface and traced with nanospan.

Usage: site [FLAGS]

  --spool DIR      where the segment files go [target/site-spool]
  --port PORT      the port to serve on; 0 is any that is free [8080, or 0 with --self-load]
  --off            serve without tracing
  --self-load N    send N requests to itself with tracing and N without, then compare the segment
                   files with what the client wrote down, print a report and exit
  --clients N      connections of the self-load [8]
  --seed N         what the requests of the self-load follow from [1]
  --log FILE       what the client of the self-load writes down [target/site-client.jsonl]
  --help           this text

Where the environment says where spans or metrics go (OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER,
OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
OTEL_SDK_DISABLED) both go as it says instead of spans into files, and the self-load compares nothing.
OTLP needs the feature otlp-http or otlp-grpc.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) spool: PathBuf,
    pub(crate) port: Option<u16>,
    pub(crate) off: bool,
    pub(crate) self_load: Option<usize>,
    pub(crate) clients: usize,
    pub(crate) seed: u64,
    pub(crate) log: PathBuf,
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
            spool: PathBuf::from("target/site-spool"),
            port: None,
            off: false,
            self_load: None,
            clients: 8,
            seed: 1,
            log: PathBuf::from("target/site-client.jsonl"),
            help: false,
        };
        while let Some(flag) = given.next() {
            let flag = flag.to_str().ok_or_else(|| format!("{flag:?}: no such flag"))?;
            let mut value = || given.next().ok_or_else(|| format!("{flag}: a value is missing"));
            match flag {
                "--spool" => args.spool = value()?.into(),
                "--port" => args.port = Some(number(flag, &value()?)?),
                "--off" => args.off = true,
                "--self-load" => args.self_load = Some(at_least_one(flag, &value()?)?),
                "--clients" => args.clients = at_least_one(flag, &value()?)?,
                "--seed" => args.seed = number(flag, &value()?)?,
                "--log" => args.log = value()?.into(),
                "--help" | "-h" => args.help = true,
                _ => return Err(format!("{flag:?}: no such flag")),
            }
        }
        if args.off && args.self_load.is_some() {
            return Err("--off: --self-load runs both with tracing and without".to_owned());
        }
        Ok(args)
    }
}

fn number<T: FromStr<Err = std::num::ParseIntError>>(flag: &str, value: &OsString) -> Result<T, String> {
    let text = value.to_str().ok_or_else(|| format!("{flag} {value:?}: not a number"))?;
    text.parse().map_err(|error| format!("{flag} {text}: {error}"))
}

fn at_least_one(flag: &str, value: &OsString) -> Result<usize, String> {
    match number(flag, value)? {
        0 => Err(format!("{flag} 0: must be at least 1")),
        number => Ok(number),
    }
}
