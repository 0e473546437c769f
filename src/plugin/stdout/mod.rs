//! A tracer for development: spans as text, on standard output or in any writer.
//!
//! Calls meet in two mutexes. [`Book`] holds what is recorded, behind the one that every call takes
//! for a moment. [`Output`] holds the writer, behind the one that only a flush takes, and keeps while
//! it writes. A flush takes the book's while it holds the output's, never the other way round.

mod book;
mod builder;
mod output;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanHandle, SpanStart, SpanStatus, TracerPlugin};

use crate::export::FinishedSpan;
use crate::export::stdout::render;
use crate::raw::clock::unix_now;
use book::{Book, Event, Losses, Span};
use output::{Output, OutputError};

pub use crate::export::StdoutFormat;
pub use book::StdoutStats;
pub use builder::StdoutTracerBuilder;

/// A `TracerPlugin` for development that writes spans as text.
///
/// It shares nothing with [`Tracer`](crate::Tracer): every call takes one mutex and allocates. That is
/// simple rather than fast, so do not use it where a request's own time matters; and it makes a model
/// that faster plugins can be compared with.
///
/// ```
/// use nanospan::plugin::StdoutTracer;
/// use nanospan::plugin::bext_plugin_api::tracer::{SpanKind, SpanStart, SpanStatus, TracerPlugin};
///
/// let tracer = StdoutTracer::human();
/// let request =
///     tracer.start_span(SpanStart { name: "GET /cart", kind: SpanKind::Server, ..SpanStart::default() });
/// let query =
///     tracer.start_span(SpanStart { name: "SELECT items", parent: Some(request), ..SpanStart::default() });
/// tracer.set_attribute(query, "db.rows", 17_i64.into());
/// tracer.end_span(query, None);
/// tracer.set_status(request, SpanStatus::Ok);
/// tracer.end_span(request, None);
/// tracer.flush()?;
/// # Ok::<(), String>(())
/// ```
///
/// prints, with other numbers:
///
/// ```text
/// trace 0af7651916cd43dd8448eb211c80319c
///  1.92 µs  ✓ server GET /cart
///   740 ns  └╴· internal SELECT items  db.rows=17
/// ```
///
/// [`StdoutFormat`] describes this format and the one for programs.
///
/// # Recording
///
/// - Ids are random. A child is of its parent's trace. Below `SpanHandle::INVALID` a start returns
///   `INVALID` and records nothing.
/// - A parent that has ended is a parent still, as long as it is among the last 10,000 spans that
///   ended. Any other parent that is not live, and a handle of another tracer, is unknown: the span
///   is a root.
/// - Calls with an unknown, invalid or ended handle do nothing.
/// - Attributes keep the place of their first setting and the value of their last one, those given at
///   the start and those of an event included. Events keep their order.
/// - Without an override, times are those of the system's clock. A span that would end before its
///   start ends with it. Times given for events are kept as they are.
///
/// # Flush
///
/// Recording never writes. [`flush`](TracerPlugin::flush) writes the spans that ended before the
/// call; recording goes on meanwhile, even if the writer blocks. A second flush waits for the first.
/// Dropping the tracer writes nothing.
///
/// The error of a flush names the tracer and says what was tried, why it failed and what became of
/// the spans: all that were not written are kept for the next flush, which goes on at the very byte
/// where this one stopped. So no span is written twice, except by a forked child, which has a copy of
/// what waited. A flush that wrote everything is an error too if spans were lost to a bound since the
/// last one; the error says how many.
///
/// # Bounds
///
/// [`max_live`](StdoutTracerBuilder::max_live) and [`max_finished`](StdoutTracerBuilder::max_finished)
/// bound the number of spans; [`stats`](StdoutTracer::stats) says where each one is. The attributes,
/// events and texts of one span are not bounded.
pub struct StdoutTracer {
    name: String,
    format: StdoutFormat,
    /// What errors call the writer.
    destination: String,
    max_live: usize,
    max_finished: usize,
    record: bool,
    book: Mutex<Book>,
    output: Mutex<Output>,
}

impl StdoutTracer {
    /// A tracer that writes for the eye, to standard output.
    #[must_use]
    pub fn human() -> Self {
        Self::builder().build()
    }

    /// A tracer that writes JSON Lines to standard output.
    #[must_use]
    pub fn json() -> Self {
        Self::builder().format(StdoutFormat::Json).build()
    }

    /// Begins to make a tracer.
    pub fn builder() -> StdoutTracerBuilder {
        StdoutTracerBuilder::new()
    }

    /// Where every span is.
    #[must_use]
    pub fn stats(&self) -> StdoutStats {
        self.book().stats()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// Writes what an earlier flush could not, then what has ended since.
    fn write(&self, output: &mut Output) -> Result<(), OutputError> {
        let written = |spans| self.book().written(spans);
        output.write(written)?;
        let spans = self.book().take_finished();
        let spans: Vec<_> = spans.into_iter().map(FinishedSpan::from).collect();
        output.load(render(self.format, &spans));
        // Rendered, they are not needed while a slow writer takes the text.
        drop(spans);
        output.write(written)?;
        output.flush()
    }

    fn describe(&self, error: &OutputError) -> String {
        let to = &self.destination;
        match error {
            OutputError::Write(error) => {
                let stats = self.stats();
                format!("cannot write to {to}: {error}; {} kept for the next flush", are(stats.waiting))
            }
            OutputError::Flush(error, spans) => {
                format!(
                    "cannot flush {to}: {error}; {} in its buffer, the next flush tries again",
                    are(*spans)
                )
            }
        }
    }

    fn describe_losses(&self, losses: Losses) -> [Option<String>; 2] {
        let refused = (losses.refused > 0).then(|| {
            format!("{} refused at the start because {} were live", were(losses.refused), self.max_live)
        });
        let dropped = (losses.dropped > 0).then(|| {
            format!("the oldest {} dropped because {} waited", were(losses.dropped), self.max_finished)
        });
        [refused, dropped]
    }
}

/// Takes a poisoned mutex over: the only foreign code that runs under one is the writer, and what is
/// kept of it is right after each of its calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn are(spans: u64) -> String {
    if spans == 1 { "1 span is".to_owned() } else { format!("{spans} spans are") }
}

fn were(spans: u64) -> String {
    if spans == 1 { "1 span was".to_owned() } else { format!("{spans} spans were") }
}

impl TracerPlugin for StdoutTracer {
    fn name(&self) -> &str {
        &self.name
    }

    fn start_span(&self, span: SpanStart<'_>) -> SpanHandle {
        if !self.record || span.parent.is_some_and(|parent| parent.is_invalid()) {
            return self.book().not_recorded();
        }
        let start = span.start_time_unix_nanos.unwrap_or_else(unix_now);
        let new = Span {
            handle: SpanHandle::INVALID,
            parent: None,
            name: span.name.to_owned(),
            kind: span.kind,
            start,
            end: start,
            status: SpanStatus::Unset,
            attributes: book::set_all(span.attributes),
            events: Vec::new(),
        };
        self.book().start(new, span.parent)
    }

    fn set_attribute(&self, span: SpanHandle, key: &str, value: AttrValue) {
        if let Some(span) = self.book().live(span) {
            book::set(&mut span.attributes, key, value);
        }
    }

    fn set_status(&self, span: SpanHandle, status: SpanStatus) {
        if let Some(span) = self.book().live(span) {
            span.status = status;
        }
    }

    fn add_event(&self, span: SpanHandle, event: SpanEvent<'_>) {
        let time = event.time_unix_nanos.unwrap_or_else(unix_now);
        let attributes = book::set_all(event.attributes);
        if let Some(span) = self.book().live(span) {
            span.events.push(Event { name: event.name.to_owned(), time, attributes });
        }
    }

    fn end_span(&self, span: SpanHandle, end_time_unix_nanos: Option<u64>) {
        let end = end_time_unix_nanos.unwrap_or_else(unix_now);
        self.book().end(span, end);
    }

    fn flush(&self) -> Result<(), String> {
        let mut output = lock(&self.output);
        let failure = self.write(&mut output).err().map(|error| self.describe(&error));
        // After the writing, so that what was lost during a long one is said at once.
        let losses = self.book().take_losses();
        drop(output);
        let reasons: Vec<String> =
            failure.into_iter().chain(self.describe_losses(losses).into_iter().flatten()).collect();
        if reasons.is_empty() { Ok(()) } else { Err(format!("{}: {}", self.name, reasons.join("; "))) }
    }
}

impl fmt::Debug for StdoutTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutTracer")
            .field("name", &self.name)
            .field("format", &self.format)
            .field("destination", &self.destination)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
