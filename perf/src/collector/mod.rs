//! The collector that OTLP goes to: this program once more, in a process of its own, so that nothing that
//! it does counts for the process that is measured.

mod serve;
mod spans;

pub(crate) use serve::serve;

use crate::row::Row;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What becomes of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They are read and answered, and their spans are counted.
    Counting,
    /// Their spans are looked at, too.
    Verifying,
    /// Connections are accepted, and nothing is read or answered.
    Silent,
    /// Nobody listens at the address.
    Closed,
}

const KINDS: [(&str, Kind); 4] = [
    ("counting", Kind::Counting),
    ("verifying", Kind::Verifying),
    ("silent", Kind::Silent),
    ("closed", Kind::Closed),
];

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = KINDS.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| kind).ok_or_else(|| {
            let names = KINDS.map(|(name, _)| name).join(", ");
            format!("no collector is called {name:?}; there are {names}")
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = KINDS.into_iter().find(|(_, kind)| kind == self).expect("all kinds have names");
        f.write_str(name)
    }
}

/// What has arrived at a collector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) spans: u64,
    /// The sum of the spans' hashes, and the attributes that no workload records; 0 unless it verifies.
    pub(crate) hash: u64,
    pub(crate) extra: u64,
    pub(crate) requests: u64,
    /// Bytes of the requests' bodies.
    pub(crate) bytes: u64,
}

impl Arrived {
    fn to_row(self) -> Row {
        let mut row = Row::default();
        let Self { spans, hash, extra, requests, bytes } = self;
        [("spans", spans), ("hash", hash), ("extra", extra), ("requests", requests), ("bytes", bytes)]
            .into_iter()
            .for_each(|(key, number)| row.put(key, number));
        row
    }

    fn from_row(row: &Row) -> Option<Self> {
        let number = |key| row.get(key)?.parse().ok();
        Some(Self {
            spans: number("spans")?,
            hash: number("hash")?,
            extra: number("extra")?,
            requests: number("requests")?,
            bytes: number("bytes")?,
        })
    }
}

/// A collector's process. It runs on the processors of the thread that started it, and ends with this.
#[derive(Debug)]
pub(crate) struct Collector {
    child: Child,
    url: String,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Collector {
    pub(crate) fn start(kind: Kind) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the collector: {error}");
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(program)
            .args(["collector", &kind.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the collector has no pipes".to_owned());
        };
        let mut answers = BufReader::new(answers);
        let mut url = String::new();
        answers.read_line(&mut url).map_err(failed)?;
        let url = url.trim_end().to_owned();
        if url.is_empty() {
            return Err("the collector has no address".to_owned());
        }
        Ok(Self { child, url, pipes: Mutex::new((questions, answers)) })
    }

    /// Where it is, for both HTTP and gRPC.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it has, of all requests that it has answered.
    pub(crate) fn arrived(&self) -> Result<Arrived, String> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = String::new();
        let asked = writeln!(pipes.0, "arrived").and_then(|()| pipes.1.read_line(&mut answer));
        asked.map_err(|error| format!("the collector: {error}"))?;
        let arrived = Row::parse(answer.trim_end()).as_ref().and_then(Arrived::from_row);
        arrived.ok_or_else(|| format!("the collector says {answer:?}"))
    }

    /// Processor time that it has used, to the tick of the system.
    pub(crate) fn processor_time(&self) -> Result<Duration, String> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        // utime and stime, the 12th and 13th behind the name in parentheses: proc_pid_stat(5).
        let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
        let ticks: Vec<u64> =
            rest.split_whitespace().skip(11).take(2).filter_map(|it| it.parse().ok()).collect();
        let [user, system] = ticks[..] else { return Err(format!("{path} has no processor time")) };
        Ok(crate::machine::of_ticks(user + system))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_says_is_what_it_has() {
        let arrived = Arrived { spans: 1, hash: u64::MAX, extra: 3, requests: 4, bytes: 5 };
        let line = arrived.to_row().to_string();
        assert_eq!(Row::parse(&line).as_ref().and_then(Arrived::from_row), Some(arrived));
        assert_eq!(Arrived::from_row(&Row::default()), None);
    }
}
