//! What the client wrote down: what it sent and what it was told, one JSON object a line. Nothing in
//! it comes from the tracer but through the headers of a response.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// The header that was sent.
    pub(crate) traceparent: Option<String>,
    /// The header that was sent.
    pub(crate) tracestate: Option<String>,
    pub(crate) status: u16,
    /// The header that came back: the span that served the request.
    pub(crate) traceresponse: Option<String>,
    /// The header `x-cache`.
    pub(crate) cache: Option<String>,
    /// The header `x-spans`: how many spans the handler began right below its own.
    pub(crate) spans: Option<u32>,
    pub(crate) micros: u64,
}

/// Writes a log, in place of what is at `path`.
pub(crate) fn write(path: &Path, entries: &[Entry]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    for entry in entries {
        writeln!(file, "{}", entry.to_json())?;
    }
    file.flush()
}

/// Reads a log back.
///
/// # Errors
///
/// If the file cannot be read, or a line is not one that [`write`] wrote; the error says which.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let text = fs::read_to_string(path)?;
    let entry = |(number, line)| {
        let broken = || format!("{}:{}: not a line of this log", path.display(), number + 1);
        Entry::from_json(line).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, broken()))
    };
    text.lines().enumerate().map(entry).collect()
}

impl Entry {
    /// The texts are ASCII without quotes and backslashes: the client's own and hexadecimal digits.
    fn to_json(&self) -> String {
        let text = |text: &Option<String>| match text {
            Some(text) => format!("\"{text}\""),
            None => "null".to_owned(),
        };
        format!(
            r#"{{"method":"{}","path":"{}","traceparent":{},"tracestate":{},"status":{},"traceresponse":{},"cache":{},"spans":{},"micros":{}}}"#,
            self.method,
            self.path,
            text(&self.traceparent),
            text(&self.tracestate),
            self.status,
            text(&self.traceresponse),
            text(&self.cache),
            self.spans.map_or("null".to_owned(), |spans| spans.to_string()),
            self.micros,
        )
    }

    /// Reads what [`to_json`](Self::to_json) writes and no other JSON: this order, no spaces.
    fn from_json(line: &str) -> Option<Self> {
        let mut rest = line.strip_prefix('{')?.strip_suffix('}')?;
        let mut field = |name: &str| -> Option<Option<&str>> {
            let value = rest.strip_prefix('"')?.strip_prefix(name)?.strip_prefix("\":")?;
            let (value, after) = match value.strip_prefix('"') {
                Some(text) => text.split_once('"').map(|(text, after)| (Some(text), after))?,
                None => {
                    let end = value.find(',').unwrap_or(value.len());
                    (Some(&value[..end]).filter(|value| *value != "null"), &value[end..])
                }
            };
            rest = after.strip_prefix(',').unwrap_or(after);
            Some(value)
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(Self {
            method: field("method")??.to_owned(),
            path: field("path")??.to_owned(),
            traceparent: owned(field("traceparent")?),
            tracestate: owned(field("tracestate")?),
            status: field("status")??.parse().ok()?,
            traceresponse: owned(field("traceresponse")?),
            cache: owned(field("cache")?),
            spans: field("spans")?.map(str::parse).transpose().ok()?,
            micros: field("micros")??.parse().ok()?,
        })
    }
}
