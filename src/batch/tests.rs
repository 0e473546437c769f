//! What the reader makes of FlatBuffers that this library's builder does not write, and whether it
//! agrees with the verifier of the `flatbuffers` crate.

use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::generated::nanospan as schema;
use super::{BatchBuilder, BatchError, BatchView, FORMAT_MAJOR, SpanHead};
use crate::{SpanKind, Text, Value};

/// A batch whose table is written by `table`, which gets the offsets of `text` and `text_ends`.
fn batch_of(table: impl FnOnce(&mut FlatBufferBuilder<'_>, WIPOffset<&str>, WIPOffset<()>)) -> Vec<u8> {
    let mut fbb = FlatBufferBuilder::new();
    let text = fbb.create_string("");
    let text_ends = fbb.create_vector(&[0_u32]);
    let start = fbb.start_table();
    let text_ends = WIPOffset::new(text_ends.value());
    table(&mut fbb, WIPOffset::new(text.value()), text_ends);
    let root = fbb.end_table(start);
    fbb.finish(root, Some(schema::BATCH_IDENTIFIER));
    fbb.finished_data().to_vec()
}

fn parse_error(bytes: &[u8]) -> Option<BatchError> {
    BatchView::parse(bytes).err()
}

#[test]
fn clause_4_9_absent_vectors_are_empty_and_texts_are_required() {
    let bytes = batch_of(|fbb, text, text_ends| {
        fbb.push_slot_always(schema::Batch::VT_MAJOR, FORMAT_MAJOR);
        fbb.push_slot_always(schema::Batch::VT_TEXT, text);
        fbb.push_slot_always(schema::Batch::VT_TEXT_ENDS, text_ends);
    });
    let view = BatchView::parse(&bytes).expect("the batch is valid");
    assert_eq!((view.spans().len(), view.resource().count()), (0, 0));
    assert_eq!((view.scope().name, view.instance_id()), ("", 0));

    let without_text = batch_of(|fbb, _, text_ends| {
        fbb.push_slot_always(schema::Batch::VT_MAJOR, FORMAT_MAJOR);
        fbb.push_slot_always(schema::Batch::VT_TEXT_ENDS, text_ends);
    });
    let required = "the field is required";
    assert_eq!(parse_error(&without_text), Some(BatchError::malformed("text", 0, required)));
    let without_ends = batch_of(|fbb, text, _| {
        fbb.push_slot_always(schema::Batch::VT_MAJOR, FORMAT_MAJOR);
        fbb.push_slot_always(schema::Batch::VT_TEXT, text);
    });
    assert!(matches!(parse_error(&without_ends), Some(BatchError::Malformed { field: "text_ends", .. })));
}

#[test]
fn clause_6_2_fields_that_are_not_known_are_ignored() {
    let bytes = batch_of(|fbb, text, text_ends| {
        fbb.push_slot_always(schema::Batch::VT_LINK_ATTRIBUTES + 20, 0xFFFF_FFFF_u32);
        fbb.push_slot_always(schema::Batch::VT_LINK_ATTRIBUTES + 2, u64::MAX);
        fbb.push_slot_always(schema::Batch::VT_MAJOR, FORMAT_MAJOR);
        fbb.push_slot_always(schema::Batch::VT_SEQUENCE, 5_u64);
        fbb.push_slot_always(schema::Batch::VT_TEXT, text);
        fbb.push_slot_always(schema::Batch::VT_TEXT_ENDS, text_ends);
    });
    let view = BatchView::parse(&bytes).expect("the batch is valid");
    assert_eq!(view.sequence(), 5);
}

#[test]
fn clause_6_5_any_minor_version_is_read_and_no_unknown_major_version() {
    let version = |major: u16, minor: u16| {
        batch_of(|fbb, text, text_ends| {
            fbb.push_slot_always(schema::Batch::VT_MAJOR, major);
            fbb.push_slot_always(schema::Batch::VT_MINOR, minor);
            fbb.push_slot_always(schema::Batch::VT_TEXT, text);
            fbb.push_slot_always(schema::Batch::VT_TEXT_ENDS, text_ends);
        })
    };
    let bytes = version(FORMAT_MAJOR, u16::MAX);
    let view = BatchView::parse(&bytes).expect("the batch is valid");
    assert_eq!(view.version(), (FORMAT_MAJOR, u16::MAX));
    for major in [0, FORMAT_MAJOR + 1, u16::MAX] {
        let unknown = BatchError::UnknownVersion { major, minor: 3 };
        assert_eq!(parse_error(&version(major, 3)), Some(unknown));
    }
}

/// A batch in which every vector has an entry.
fn full_batch() -> Vec<u8> {
    let mut builder = BatchBuilder::new(&[("service.name".into(), "checkout".into())], 7);
    for span_id in 1..=3 {
        builder.begin_span(&SpanHead {
            trace_id: 1,
            span_id,
            parent_span_id: 0,
            start_unix_nanos: 0,
            end_unix_nanos: 0,
            name: Text::Static("a span"),
            kind: SpanKind::Internal,
            flags: 0,
        });
        builder.attribute("words".into(), &Value::StrArray(&["one", "two"]));
        builder.begin_event("an event".into(), 0);
        builder.attribute("count".into(), &Value::I64(1));
        builder.begin_link(&super::LinkHead { trace_id: 1, span_id: 1, flags: 0, trace_state: "" });
        builder.attribute("count".into(), &Value::I64(1));
    }
    let batch = builder.finish(1, 2).expect("the batch is small");
    batch.as_bytes().to_vec()
}

/// Calls `read` with `bytes` at an address that is a multiple of 8, as the crate's verifier wants.
fn aligned<T>(bytes: &[u8], read: impl FnOnce(&[u8]) -> T) -> T {
    let mut memory = vec![0; bytes.len() + 8];
    let start = memory.as_ptr().align_offset(8);
    let memory = &mut memory[start..start + bytes.len()];
    memory.copy_from_slice(bytes);
    read(memory)
}

#[test]
fn clause_4_1_the_reader_of_the_flatbuffers_crate_reads_the_same() {
    aligned(&full_batch(), |bytes| {
        let ours = BatchView::parse(bytes).expect("the batch is valid");
        let theirs = schema::root_as_batch(bytes).expect("the batch is valid");
        assert!(schema::batch_buffer_has_identifier(bytes));
        assert_eq!(ours.instance_id(), theirs.instance_id());
        assert_eq!(ours.sequence(), theirs.sequence());
        assert_eq!(ours.created_unix_nanos(), theirs.created_unix_nanos());
        assert_eq!(ours.store.texts.text, theirs.text());
        let ends: Vec<u32> = ours.store.texts.ends.iter().collect();
        assert_eq!(ends, theirs.text_ends().iter().collect::<Vec<_>>());
        let spans: Vec<schema::Span> = ours.spans.iter().collect();
        let their_spans = theirs.spans().expect("there are spans");
        assert_eq!(spans, their_spans.iter().copied().collect::<Vec<_>>());
        let links: Vec<schema::Link> = ours.links.iter().collect();
        let their_links = theirs.links().expect("there are links");
        assert_eq!(links, their_links.iter().copied().collect::<Vec<_>>());
        let elements: Vec<u64> = ours.store.elements.iter().collect();
        let their_elements = theirs.elements().expect("there are elements");
        assert_eq!(elements, their_elements.iter().collect::<Vec<_>>());
    });
}

/// Whether our reader accepts `bytes`; if so, the crate's verifier must accept them too.
fn accepted_as_by_the_crate(bytes: &[u8]) -> bool {
    let accepted = BatchView::parse(bytes).is_ok();
    if accepted {
        if let Err(error) = aligned(bytes, |bytes| schema::root_as_batch(bytes).map(drop)) {
            panic!("only our reader accepts {bytes:02x?}: {error}");
        }
    }
    accepted
}

#[test]
fn clause_4_1_what_the_reader_accepts_the_verifier_of_the_flatbuffers_crate_accepts() {
    let intact = full_batch();
    let (mut accepted, mut refused) = (0, 0);
    for at in 0..intact.len() {
        for change in [1, 2, 3, 4, 0x10, 0x80, 0xFF] {
            let mut bytes = intact.clone();
            bytes[at] = bytes[at].wrapping_add(change);
            if accepted_as_by_the_crate(&bytes) {
                accepted += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
    for length in 0..intact.len() {
        assert!(BatchView::parse(&intact[..length]).is_err(), "cut to {length}");
    }
}

/// A batch without spans is small enough to point each of its offsets everywhere.
#[test]
fn clause_4_1_no_offset_or_size_leads_astray_wherever_it_points() {
    let empty = BatchBuilder::new(&[], 7).finish(1, 2).expect("the batch is small");
    let intact = empty.as_bytes();
    let (mut accepted, mut refused) = (0, 0);
    for at in (0..intact.len() - 1).step_by(2) {
        let in_the_buffer = 0..intact.len() as u16 + 16;
        for value in in_the_buffer.chain([0x7FFF, 0x8000, 0xFFFE, 0xFFFF]) {
            let mut bytes = intact.to_vec();
            bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
            if accepted_as_by_the_crate(&bytes) {
                accepted += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

#[test]
fn clause_4_1_a_table_that_does_not_lie_in_the_buffer_is_refused() {
    let intact = full_batch();
    for root in [0, 1, 3, intact.len() as u32, 1 << 31, u32::MAX - 3, u32::MAX] {
        let mut bytes = intact.clone();
        bytes[..4].copy_from_slice(&root.to_le_bytes());
        assert!(BatchView::parse(&bytes).is_err(), "root at {root}");
    }
    // The vtable lies in front of the table here; its second number is the size of the table.
    let table = u32::from_le_bytes([intact[0], intact[1], intact[2], intact[3]]) as usize;
    let word = |at: usize| u32::from_le_bytes([intact[at], intact[at + 1], intact[at + 2], intact[at + 3]]);
    let size_at = table - word(table) as usize + 2;
    let rest = (intact.len() - table) as u16;
    for (size, accepted) in [(rest, true), (rest + 1, false), (u16::MAX, false), (0, false)] {
        let mut bytes = intact.clone();
        bytes[size_at..size_at + 2].copy_from_slice(&size.to_le_bytes());
        assert_eq!(BatchView::parse(&bytes).is_ok(), accepted, "a table of {size} bytes");
    }
}
