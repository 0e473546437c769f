//! Makes a stdout tracer.

use std::fmt;
use std::io::{self, Write};
use std::sync::Mutex;

use super::StdoutTracer;
use super::book::Book;
use super::output::Output;

/// How a [`StdoutTracer`] writes a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StdoutFormat {
    /// For the eye: a line for each span and below it one for each of its events.
    ///
    /// ```text
    /// trace 0af7651916cd43dd8448eb211c80319c
    ///  48.2 ms  ✗ server POST /checkout  "payment service answered 502"  http.response.status_code=502
    ///           │ • +2.40 ms retry  attempt=1
    ///  12.0 ms  ├╴✓ client SELECT cart  db.system.name="postgresql"
    ///  31.1 ms  └╴· client POST /charge
    /// ```
    ///
    /// The spans of one trace that are written by one flush form a tree. A span whose parent is not
    /// among them, because it is live still or was written before, stands at the left and names it:
    /// `↑ b7ad6b7169203331`.
    ///
    /// A line has, in this order: the duration; the status (`✓` ok, `✗` error, `·` unset); the kind;
    /// the name; an error's description, in quotes; the attributes. Strings are in quotes, other
    /// values are not; a name or a key is in quotes if it could be taken for more than that. Control
    /// characters, and those that hide or reorder text, are escaped, so that no recorded text can fake
    /// a line or command a terminal. An event has its distance from the span's start in place of
    /// duration, status and kind.
    ///
    /// Beyond 25 levels a tree is indented no further, and `⋯` gives the number of levels left out.
    #[default]
    Human,
    /// For programs: [JSON Lines](https://jsonlines.org), one object a span, in the order of their
    /// ends.
    ///
    /// | field | value |
    /// | --- | --- |
    /// | `trace_id` | 32 lowercase hexadecimal digits |
    /// | `span_id` | 16 lowercase hexadecimal digits |
    /// | `parent_span_id` | the same; absent if the span is a root |
    /// | `name` | a string |
    /// | `kind` | `internal`, `server`, `client`, `producer` or `consumer` |
    /// | `start_time_unix_nano` | nanoseconds since the Unix epoch, decimal digits in a string |
    /// | `end_time_unix_nano` | the same |
    /// | `status` | an object: `code` is `unset`, `ok` or `error`; `description` is there for `error` only |
    /// | `attributes` | an array of objects with `key`, `type` and `value`, in the order in which the keys were first set |
    /// | `events` | an array of objects with `time_unix_nano`, `name` and `attributes`, in the order in which they were added |
    ///
    /// The `type` of an attribute, which tells an empty array's type too, says what its `value` is:
    ///
    /// | type | value |
    /// | --- | --- |
    /// | `string` | a string |
    /// | `bool` | `true` or `false` |
    /// | `int` | a 64-bit integer, decimal digits in a string as in OTLP's JSON encoding |
    /// | `double` | a number, or one of the strings `NaN`, `Infinity`, `-Infinity` |
    /// | `string[]`, `bool[]`, `int[]`, `double[]` | an array of the above |
    ///
    /// A number reads back as the same double to the last bit; of a NaN only that it is one is kept.
    /// Strings escape what the other format escapes.
    /// Fields may be added in later versions, none will change.
    Json,
}

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
