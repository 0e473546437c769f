//! What the exporter to standard output writes, and what it makes of a writer that fails.

use std::io::{self, Write};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::common::batches::batch;
use crate::finished_lines::parse;
use crate::sink::Sink;
use nanospan::batch::{Batch, BatchBuilder, SpanHead};
use nanospan::export::{Context, ExportErrorKind, FinishedSpan, SpanExporter, StdoutExporter, StdoutFormat};
use nanospan::{SpanKind, Text};

const HOUR: Duration = Duration::from_secs(3600);

fn exporter(format: StdoutFormat, sink: &Sink) -> StdoutExporter {
    StdoutExporter::builder().format(format).writer(sink.writer(), "the sink").build()
}

fn export(exporter: &StdoutExporter, batch: &Batch) {
    exporter.export(&Context::new(), batch).expect("the sink takes everything");
}

fn spans_of(batch: &Batch) -> Vec<FinishedSpan> {
    batch.view().spans().map(FinishedSpan::from).collect()
}

fn text(sink: &Sink) -> String {
    String::from_utf8(sink.written()).expect("text")
}

/// A batch of bare spans: each its id, its parent's and its start.
fn bare(spans: &[(u64, u64, u64)]) -> Batch {
    let mut builder = BatchBuilder::new(&[], 1);
    for &(span_id, parent_span_id, start_unix_nanos) in spans {
        builder.begin_span(&SpanHead {
            trace_id: 1,
            span_id,
            parent_span_id,
            start_unix_nanos,
            end_unix_nanos: 9,
            name: Text::Copied(&format!("span {span_id}")),
            kind: SpanKind::Internal,
            flags: 0,
        });
        builder.end_span();
    }
    builder.finish(0, 0).expect("the batch is small")
}

#[test]
fn a_line_of_json_holds_all_of_a_span() {
    let sink = Sink::default();
    let exporter = exporter(StdoutFormat::Json, &sink);
    export(&exporter, &batch(0, 2));
    export(&exporter, &batch(1, 1));
    let expected = [spans_of(&batch(0, 2)), spans_of(&batch(1, 1))].concat();
    assert_eq!(parse(&sink.written()).expect("lines of the documented form"), expected);
}

#[test]
fn for_the_eye_a_span_is_a_line_with_its_events_links_and_losses() {
    let sink = Sink::default();
    export(&exporter(StdoutFormat::Human, &sink), &batch(0, 1));
    let expected = "\
trace 00000000000000010000000000000001
  250 ns  ✗ server \"span 0.1\"  \"out of stock\"  number=1 ratio=NaN tags=[\"a\", \"b\"]  −1 attributes  −2 events  −3 links
            • +1 ns began  attempt=1
            → trace 00000000000000000000000000000009 span 0000000000000001  linked=true
";
    assert_eq!(text(&sink), expected.replace("\"span 0.1\"", "span 0.1"));
}

#[test]
fn spans_that_are_each_others_ancestors_are_written_once_each() {
    let sink = Sink::default();
    // One is its own parent, two are each other's, and one hangs below these.
    export(
        &exporter(StdoutFormat::Human, &sink),
        &bare(&[(1, 1, 1), (2, 3, 2), (3, 2, 3), (4, 3, 4), (5, 0, 5)]),
    );
    let text = text(&sink);
    for span in 1..=5 {
        assert_eq!(text.matches(&format!("span {span}")).count(), 1, "{text}");
    }
    assert!(text.contains("8 ns  · internal span 1  ↑ 0000000000000001"), "{text}");
}

#[test]
fn a_span_that_ends_before_its_start_has_no_length() {
    let sink = Sink::default();
    export(&exporter(StdoutFormat::Human, &sink), &bare(&[(1, 0, 10)]));
    assert!(text(&sink).contains("    0 ns  · internal span 1\n"), "{}", text(&sink));
}

#[test]
fn a_closed_pipe_is_an_error_and_the_spans_that_went_through_are_not_lost() {
    let sink = Sink::default();
    let exporter = exporter(StdoutFormat::Json, &sink);
    export(&exporter, &batch(0, 1));
    let line = sink.written().len();
    // Lines of one length: the third is torn in its middle.
    sink.break_after(2 * line + line / 2);
    let error = exporter.export(&Context::new(), &batch(1, 5)).expect_err("the pipe is closed");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Io, Some(3)));
    assert!(error.to_string().starts_with("cannot write to the sink: "), "{error}");
    let error = exporter.force_flush(&Context::new()).expect_err("the pipe is closed");
    assert_eq!(error.kind(), ExportErrorKind::Io);
    assert!(error.to_string().starts_with("cannot flush the sink: "), "{error}");
}

#[test]
fn a_torn_line_stays_torn_and_the_next_begins_anew() {
    let sink = Sink::default();
    let exporter = exporter(StdoutFormat::Json, &sink);
    sink.break_after(10);
    let error = exporter.export(&Context::new(), &batch(0, 2)).expect_err("the pipe is closed");
    assert_eq!(error.lost_spans(), Some(2));
    sink.set_broken(false);
    export(&exporter, &batch(1, 2));
    let written = sink.written();
    let (torn, rest) = written.split_at(11);
    assert_eq!(torn.last(), Some(&b'\n'));
    assert_eq!(parse(rest).expect("whole lines"), spans_of(&batch(1, 2)));
}

#[test]
fn a_writer_without_room_is_asked_again_until_the_context_ends() {
    let sink = Sink::default();
    let exporter = exporter(StdoutFormat::Json, &sink);
    sink.set_full(true);
    let short = Context::with_timeout(Duration::from_millis(5));
    let error = exporter.export(&short, &batch(0, 3)).expect_err("there is no room");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::DeadlineExceeded, Some(3)));
    thread::scope(|scope| {
        let export = scope.spawn(|| exporter.export(&Context::with_timeout(HOUR), &batch(1, 3)));
        sink.set_full(false);
        export.join().expect("no panic").expect("there is room again");
    });
    assert_eq!(parse(&sink.written()).expect("whole lines"), spans_of(&batch(1, 3)));
}

#[test]
fn a_flush_and_a_shutdown_flush_the_writer_and_the_shutdown_drops_it() {
    let sink = Sink::default();
    let exporter = exporter(StdoutFormat::Human, &sink);
    export(&exporter, &batch(0, 1));
    assert_eq!(sink.flushes(), 0);
    exporter.force_flush(&Context::new()).expect("the sink takes everything");
    assert_eq!(sink.flushes(), 1);
    exporter.shutdown(&Context::new()).expect("the sink takes everything");
    assert_eq!(sink.flushes(), 2);
    assert!(sink.is_released());
}

/// A writer that blocks, between two meetings at a barrier.
struct Blocking(Arc<Barrier>);

impl Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.wait();
        self.0.wait();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn beside_a_write_that_blocks_other_calls_leave_with_their_contexts() {
    let barrier = Arc::new(Barrier::new(2));
    let exporter = StdoutExporter::builder().writer(Blocking(Arc::clone(&barrier)), "a pipe").build();
    thread::scope(|scope| {
        let export = scope.spawn(|| exporter.export(&Context::new(), &batch(0, 1)));
        barrier.wait();
        let short = || Context::with_timeout(Duration::from_millis(2));
        let error = exporter.force_flush(&short()).expect_err("the writer is taken");
        assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
        let error = exporter.shutdown(&short()).expect_err("the writer is taken");
        assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
        barrier.wait();
        export.join().expect("no panic").expect("the write came to its end");
    });
}

#[test]
fn the_exporter_to_standard_output_itself_writes_and_succeeds() {
    let exporter = StdoutExporter::new();
    exporter.export(&Context::new(), &batch(0, 1)).expect("standard output is there");
    exporter.shutdown(&Context::new()).expect("standard output is there");
}

#[test]
fn for_the_eye_an_event_says_how_many_attributes_it_had_no_room_for() {
    let mut builder = BatchBuilder::new(&[], 1);
    builder.begin_span(&SpanHead {
        trace_id: 1,
        span_id: 1,
        parent_span_id: 0,
        start_unix_nanos: 0,
        end_unix_nanos: 9,
        name: Text::Copied("full"),
        kind: SpanKind::Internal,
        flags: 0,
    });
    builder.begin_event(Text::Copied("began"), 1);
    builder.item_dropped_attributes(2);
    builder.end_span();
    let sink = Sink::default();
    export(&exporter(StdoutFormat::Human, &sink), &builder.finish(0, 0).expect("the batch is small"));
    assert!(text(&sink).contains("• +1 ns began  −2 attributes\n"), "{}", text(&sink));
}

/// Takes nothing, and calls that no error.
struct Deaf;

impl Write for Deaf {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_takes_nothing_is_an_error_and_not_asked_for_ever() {
    for format in [StdoutFormat::Human, StdoutFormat::Json] {
        let exporter = StdoutExporter::builder().format(format).writer(Deaf, "a wall").build();
        let error = exporter.export(&Context::new(), &batch(0, 3)).expect_err("nothing was taken");
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Io, Some(3)));
        assert!(error.to_string().starts_with("cannot write to a wall: "), "{error}");
    }
}
