//! What the exporter to standard output writes as OTLP's JSON Lines.

use crate::common::batches::batch;
use crate::otlp_lines::parse;
use crate::sink::Sink;
use nanospan::batch::{Batch, BatchBuilder, SpanHead};
use nanospan::export::{Context, ExportErrorKind, FinishedSpan, SpanExporter, StdoutExporter, StdoutFormat};
use nanospan::{OwnedValue, SpanKind, Text, Value};
use opentelemetry_proto::tonic::trace::v1::TracesData;

/// What a line has at most, its line feed included.
const LINE_MAX: usize = 16 << 10;

fn exporter(sink: &Sink) -> StdoutExporter {
    let builder = StdoutExporter::builder().format(StdoutFormat::OtlpJson);
    builder.writer(sink.writer(), "the sink").build()
}

fn written(batches: &[Batch]) -> Vec<u8> {
    let sink = Sink::default();
    let exporter = exporter(&sink);
    for batch in batches {
        exporter.export(&Context::new(), batch).expect("the sink takes everything");
    }
    sink.written()
}

fn spans_of(batch: &Batch) -> Vec<FinishedSpan> {
    batch.view().spans().map(FinishedSpan::from).collect()
}

/// A batch with a span for each name.
fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Batch {
    let mut builder = BatchBuilder::new(&[], 1);
    for (number, name) in (1..).zip(names) {
        builder.begin_span(&SpanHead {
            trace_id: 1,
            span_id: number,
            parent_span_id: 0,
            start_unix_nanos: 1,
            end_unix_nanos: 2,
            name: Text::Copied(name),
            kind: SpanKind::Internal,
            flags: 1,
        });
        builder.attribute("name".into(), &Value::Str(name));
    }
    builder.finish(0, 0).expect("the batch is small")
}

#[test]
fn a_line_holds_a_small_batch_with_its_resource() {
    let batches = [batch(0, 3), batch(1, 1)];
    let lines = parse(&written(&batches)).expect("lines of OTLP");
    let resource = [("service.name".to_owned(), OwnedValue::from("shop"))];
    for (line, batch) in lines.iter().zip(&batches) {
        assert_eq!(line.resource, resource);
        assert_eq!(line.spans, spans_of(batch));
    }
    assert_eq!(lines.len(), 2);
}

#[test]
fn every_line_is_read_by_opentelemetrys_own_types() {
    let text = written(&[named(["a", "b\n\"\u{1b}\u{202e}😀"])]);
    let lines: Vec<TracesData> = text
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).expect("a message of OTLP"))
        .collect();
    let [line] = &*lines else { panic!("one line, not {}", lines.len()) };
    let spans = &line.resource_spans[0].scope_spans[0].spans;
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["a", "b\n\"\u{1b}\u{202e}😀"]);
}

#[test]
fn a_large_batch_takes_as_few_lines_as_container_runtimes_leave_whole() {
    let batch = batch(0, 1000);
    let text = written(std::slice::from_ref(&batch));
    let lines = parse(&text).expect("lines of OTLP");
    let lengths: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).collect();
    assert!(lengths.iter().all(|length| *length <= LINE_MAX), "{lengths:?}");
    // Of two lines that follow one another, the first had no room for one span more.
    let span = text.len() / 1000;
    let (_, all_but_the_last) = lengths.split_last().expect("there are lines");
    assert!(all_but_the_last.iter().all(|length| *length > LINE_MAX - 2 * span), "{lengths:?}");
    assert_eq!(lines.into_iter().flat_map(|line| line.spans).collect::<Vec<_>>(), spans_of(&batch));
}

#[test]
fn a_line_is_longer_only_for_a_single_span_that_is() {
    let long = "x".repeat(2 * LINE_MAX);
    let batch = named(["a", &long, "b"]);
    let text = written(std::slice::from_ref(&batch));
    let lines = parse(&text).expect("lines of OTLP");
    assert_eq!(lines.iter().map(|line| line.spans.len()).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(lines.into_iter().flat_map(|line| line.spans).collect::<Vec<_>>(), spans_of(&batch));
}

#[test]
fn what_a_terminal_might_obey_is_escaped() {
    let hostile = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{e0041}b";
    let batch = named([hostile]);
    let text = written(std::slice::from_ref(&batch));
    let shown = String::from_utf8(text.clone()).expect("it is text");
    assert!(!shown.trim_end().contains(char::is_control), "{shown:?}");
    assert!(shown.contains("a\\u001b[2J\\u007f\\u009b\\u202e\\udb40\\udc41b"), "{shown}");
    let lines = parse(&text).expect("lines of OTLP");
    assert_eq!(lines[0].spans, spans_of(&batch));
}

#[test]
fn a_torn_line_has_lost_all_of_its_spans_and_the_next_begins_anew() {
    let sink = Sink::default();
    let exporter = exporter(&sink);
    let all = batch(0, 100);
    let whole = written(std::slice::from_ref(&all));
    let first_line = parse(&whole).expect("lines of OTLP")[0].spans.len();
    let first_length = whole.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    sink.break_after(first_length + 100);
    let error = exporter.export(&Context::new(), &all).expect_err("the pipe is closed");
    let lost = u32::try_from(100 - first_line).expect("a small number");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Io, Some(lost)));
    sink.set_broken(false);
    exporter.export(&Context::new(), &batch(1, 1)).expect("the sink takes everything");
    let written = sink.written();
    let rest = &written[first_length + 101..];
    assert_eq!(written[first_length + 100], b'\n');
    assert_eq!(parse(rest).expect("whole lines")[0].spans, spans_of(&batch(1, 1)));
}
