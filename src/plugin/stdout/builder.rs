//! Makes a stdout tracer.

use std::fmt;
use std::io::{self, Write};
use std::sync::Mutex;

use super::StdoutTracer;
use super::book::Book;
use super::output::Output;
use crate::export::StdoutFormat;

/// Makes a [`StdoutTracer`].
///
/// ```
/// use nanospan::plugin::{StdoutFormat, StdoutTracer};
///
/// # let path = std::env::temp_dir().join(format!("nanospan-stdout-{}.jsonl", std::process::id()));
/// let file = std::fs::File::create(&path)?;
/// let tracer = StdoutTracer::builder()
///     .format(StdoutFormat::Json)
///     .writer(file, path.display().to_string())
///     .max_finished(1_000)
///     .build();
/// # drop(tracer);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a builder does nothing before `build`"]
pub struct StdoutTracerBuilder {
    name: String,
    format: StdoutFormat,
    writer: Box<dyn Write + Send>,
    destination: String,
    max_live: usize,
    max_finished: usize,
    record: bool,
    seed: Option<u64>,
}

impl StdoutTracerBuilder {
    pub(super) fn new() -> Self {
        Self {
            name: "tracer-stdout".to_owned(),
            format: StdoutFormat::default(),
            writer: Box::new(io::stdout()),
            destination: "standard output".to_owned(),
            max_live: 10_000,
            max_finished: 10_000,
            record: true,
            seed: None,
        }
    }

    /// Sets the plugin's name, with which its errors begin; `tracer-stdout` by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how spans are written; [`StdoutFormat::Human`] by default.
    pub fn format(mut self, format: StdoutFormat) -> Self {
        self.format = format;
        self
    }

    /// Sets where spans are written; to standard output by default. `description` names it in errors.
    ///
    /// The writer may block, fail, take a part or record on the same tracer. It must not flush it.
    pub fn writer(mut self, writer: impl Write + Send + 'static, description: impl Into<String>) -> Self {
        self.writer = Box::new(writer);
        self.destination = description.into();
        self
    }

    /// Sets how many spans may be live at once; 10,000 by default. A start beyond them is refused
    /// and counted in [`StdoutStats::refused`](super::StdoutStats::refused).
    pub fn max_live(mut self, spans: usize) -> Self {
        self.max_live = spans;
        self
    }

    /// Sets how many ended spans wait for the next flush; 10,000 by default. Beyond them the oldest
    /// is dropped and counted in [`StdoutStats::dropped`](super::StdoutStats::dropped).
    ///
    /// The text of as many again may be on its way to a writer that blocks or fails.
    pub fn max_finished(mut self, spans: usize) -> Self {
        self.max_finished = spans;
        self
    }

    /// Sets whether anything is recorded; `true` by default. If not, every start returns
    /// `SpanHandle::INVALID`, as a sampler's would that takes nothing.
    pub fn record(mut self, record: bool) -> Self {
        self.record = record;
        self
    }

    /// Makes all ids follow from `seed`, for tests. Two tracers with one seed give equal ids.
    pub fn id_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Makes the tracer.
    #[must_use]
    pub fn build(self) -> StdoutTracer {
        StdoutTracer {
            name: self.name,
            format: self.format,
            destination: self.destination,
            max_live: self.max_live,
            max_finished: self.max_finished,
            record: self.record,
            book: Mutex::new(Book::new(self.seed, self.max_live, self.max_finished)),
            output: Mutex::new(Output::new(self.writer)),
        }
    }
}

impl fmt::Debug for StdoutTracerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutTracerBuilder")
            .field("name", &self.name)
            .field("format", &self.format)
            .field("destination", &self.destination)
            .field("max_live", &self.max_live)
            .field("max_finished", &self.max_finished)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}
