//! `nanospan verify`: every kind of damage, and everything that cannot be.

use nanospan::batch::SpanHead;
use nanospan::batch::segment::{frame_header, padding, segment_header};

use crate::support::{EPOCH, Run, Spool, checkout, frame, plain_batch, run, segment, span};

/// Length of a segment's header and of a frame's, in bytes: see the batch format.
const SEGMENT_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Three frames with one span each, and where each begins.
fn three_frames() -> (Vec<u8>, [usize; 3]) {
    let mut bytes = segment_header(EPOCH).to_vec();
    let starts = [0, 1, 2].map(|number| {
        let start = bytes.len();
        let batch = plain_batch(number, &[span(number + 1, 0, "x", 0, 1)]);
        bytes.extend(frame(&batch));
        start
    });
    (bytes, starts)
}

/// Verifies one sealed segment.
fn verified(bytes: &[u8]) -> Run {
    let spool = Spool::new();
    run("verify", &spool.sealed(1, bytes), &[])
}

/// Asserts that `bytes` are damaged, with each of `expected` in the output.
fn assert_damaged(bytes: &[u8], expected: &[&str]) {
    let run = verified(bytes);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.stderr, "");
    // Blanks align the columns; how many there are is of no interest here.
    let words: Vec<&str> = run.stdout.split_whitespace().collect();
    let output = words.join(" ");
    for text in expected.iter().chain(&["damaged", "not clean"]) {
        assert!(output.contains(text), "{text:?} is missing in:\n{}", run.stdout);
    }
}

/// A payload as a frame.
fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame_header(payload).to_vec();
    bytes.extend(payload);
    bytes.extend(padding(payload.len()));
    bytes
}

/// CRC-32 of ISO-HDLC, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

#[test]
fn an_intact_segment_is_clean() {
    let run = verified(&segment(&checkout()));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.starts_with("intact "));
    assert!(run.stdout.ends_with("\nclean: 1 file, 2 batches, 8 spans\n"), "{}", run.stdout);
}

#[test]
fn a_changed_payload_is_a_bad_checksum_and_the_rest_is_recovered() {
    let (mut bytes, starts) = three_frames();
    bytes[starts[1] + FRAME_HEADER + 40] ^= 0x10;
    let length = starts[2] - starts[1];
    let place = format!("bad checksum at byte {} {length} bytes skipped", starts[1]);
    let recovered = format!("recovered 2 batches with 2 spans; skipped {length} of");
    assert_damaged(&bytes, &[&place, &recovered, "batches: 1", "1 damaged place in 1 file"]);
}

#[test]
fn a_changed_frame_header_is_told_with_its_place() {
    let (mut bytes, starts) = three_frames();
    bytes[starts[1]] ^= 0xff;
    let place = format!("bad frame header at byte {}", starts[1]);
    assert_damaged(&bytes, &[&place, "recovered 2 batches with 2 spans"]);
}

#[test]
fn a_sealed_segment_that_is_cut_off_is_torn() {
    let (bytes, starts) = three_frames();
    let cut = &bytes[..bytes.len() - 9];
    let skipped = cut.len() - starts[2];
    let place = format!("torn at byte {} {skipped} bytes skipped", starts[2]);
    assert_damaged(cut, &[&place, "recovered 2 batches with 2 spans"]);
}

#[test]
fn a_file_cut_off_inside_of_its_header_is_torn() {
    let (bytes, _) = three_frames();
    assert_damaged(&bytes[..20], &["torn at byte 0 20 bytes skipped", "inside of its header"]);
    assert_damaged(&[], &["torn at byte 0 0 bytes skipped"]);
}

#[test]
fn a_changed_segment_header_costs_no_batch() {
    let (mut bytes, _) = three_frames();
    bytes[17] ^= 1;
    let place = format!("bad file header at byte 0 {SEGMENT_HEADER} bytes skipped");
    assert_damaged(&bytes, &[&place, "recovered 3 batches with 3 spans"]);
}

#[test]
fn a_segment_without_its_first_bytes_is_still_read() {
    let (mut bytes, _) = three_frames();
    bytes[0] = b'X';
    let place = format!("unknown magic at byte 0 {SEGMENT_HEADER} bytes skipped");
    assert_damaged(&bytes, &[&place, "recovered 3 batches with 3 spans"]);
    let frames = &bytes[SEGMENT_HEADER..];
    assert_damaged(frames, &["unknown magic at byte 0 0 bytes skipped", "recovered 3 batches"]);
}

#[test]
fn an_intact_frame_around_something_else_is_a_bad_batch() {
    let (mut bytes, _) = three_frames();
    let place = format!("bad batch at byte {}", bytes.len());
    bytes.extend(framed(b"this is no batch"));
    assert_damaged(&bytes, &[&place, "identifier is missing", "recovered 3 batches"]);
}

#[test]
fn a_batch_of_another_version_is_an_unknown_version() {
    let mut payload = plain_batch(3, &[span(9, 0, "x", 0, 1)]).as_bytes().to_vec();
    let u32_at = |at: usize| u32::from_le_bytes(payload[at..at + 4].try_into().expect("4 bytes"));
    // FlatBuffers: the root's offset, from there back to the vtable, whose third entry is the
    // offset of the first field.
    let table = u32_at(0) as usize;
    let vtable = (table as i64 - i64::from(u32_at(table) as i32)) as usize;
    let major = table + usize::from(u16::from_le_bytes([payload[vtable + 4], payload[vtable + 5]]));
    payload[major] = 9;
    let (mut bytes, _) = three_frames();
    let place = format!("unknown version at byte {}", bytes.len());
    bytes.extend(framed(&payload));
    assert_damaged(&bytes, &[&place, "format version 9.0", "recovered 3 batches"]);
}

#[test]
fn a_frame_of_another_kind_is_passed_over_and_told() {
    let mut other = framed(b"a kind of payload that is yet to come");
    other[8] = 9;
    let checksum = crc32(&other[..20]).to_le_bytes();
    other[20..24].copy_from_slice(&checksum);
    let (mut bytes, _) = three_frames();
    bytes.extend(other);
    let run = verified(&bytes);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("passed over 1 frame without spans or metrics"), "{}", run.stdout);
}

#[test]
fn a_segment_of_another_version_is_wrong_input() {
    let (mut bytes, _) = three_frames();
    bytes[8] = 9;
    let checksum = crc32(&bytes[..28]).to_le_bytes();
    bytes[28..32].copy_from_slice(&checksum);
    let run = verified(&bytes);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("format version 9.1"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1);
}

#[test]
fn a_segment_that_is_being_written_may_end_inside_of_a_batch() {
    let (bytes, starts) = three_frames();
    let spool = Spool::new();
    for cut in [0, 20, SEGMENT_HEADER, starts[1] + 5, bytes.len() - 9, bytes.len()] {
        let path = spool.file("spans-00000000000000000001.nsp.open", &bytes[..cut]);
        let run = run("verify", &path, &[]);
        assert_eq!(run.code, Some(0), "cut at {cut}: {run:?}");
    }
    let mut damaged = bytes.clone();
    damaged[starts[0] + FRAME_HEADER + 40] ^= 1;
    let path = spool.file("spans-00000000000000000001.nsp.open", &damaged);
    assert_eq!(run("verify", &path, &[]).code, Some(1));
}

#[test]
fn what_is_torn_in_front_of_a_whole_batch_is_damage_in_an_open_segment_too() {
    let (mut bytes, _) = three_frames();
    bytes.extend(frame_header(&[0; 100_000]));
    bytes.extend(frame(&plain_batch(3, &[span(9, 0, "x", 0, 1)])));
    let spool = Spool::new();
    let path = spool.file("spans-00000000000000000001.nsp.open", &bytes);
    let run = run("verify", &path, &[]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.contains("recovered 4 batches"), "{}", run.stdout);
}

#[test]
fn every_flipped_bit_of_a_segment_is_noticed() {
    let (bytes, _) = three_frames();
    // A stride that is prime to 8, so that all bits of a byte and all bytes of a word have a turn.
    for bit in (0..bytes.len() * 8).step_by(151) {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let run = verified(&bytes);
        assert_eq!(run.code, Some(1), "bit {bit}: {run:?}");
    }
}

/// Verifies a segment of these batches and returns the exit code and the output.
fn checked(batches: &[nanospan::batch::Batch], arguments: &[&str]) -> (Option<i32>, String) {
    let run = run("verify", Spool::with(batches).path(), arguments);
    assert_eq!(run.stderr, "");
    (run.code, run.stdout)
}

#[test]
fn a_missing_batch_is_a_gap_between_two_that_are_there() {
    let batches = [3, 4, 9].map(|number| plain_batch(number, &[span(number, 0, "x", 0, 1)]));
    let (code, output) = checked(&batches, &[]);
    assert_eq!(code, Some(1));
    assert!(output.contains("missing batches: 4\n"), "{output}");
    assert!(output.contains("tracer 0000000000000007: batches 5 to 8\n"), "{output}");
    assert_eq!(checked(&batches[..2], &[]).0, Some(0));
}

#[test]
fn gaps_of_any_size_are_counted_without_overflow() {
    let batches = [0, u64::MAX].map(|number| plain_batch(number, &[]));
    let (code, output) = checked(&batches, &[]);
    assert_eq!(code, Some(1));
    assert!(output.contains("missing batches: 18,446,744,073,709,551,614\n"), "{output}");
}

#[test]
fn a_batch_that_is_there_twice_is_told_once() {
    let twice = plain_batch(0, &[span(1, 0, "x", 0, 1), span(2, 1, "y", 0, 1)]);
    let (code, output) = checked(&[twice.clone(), twice], &[]);
    assert_eq!(code, Some(1));
    assert!(output.contains("batches that occur more than once: 1\n"), "{output}");
    assert!(!output.contains("span ids"), "{output}");
}

#[test]
fn a_file_named_twice_is_read_once() {
    let spool = Spool::with(&checkout());
    let file = spool.path().join("spans-00000000000000000001.nsp");
    let run = run("verify", spool.path(), &[file.to_str().expect("the path is UTF-8")]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn a_span_id_that_occurs_twice_in_its_trace_is_an_error() {
    let elsewhere = SpanHead { trace_id: 5, ..span(1, 0, "x", 0, 1) };
    let (code, _) = checked(&[plain_batch(0, &[span(1, 0, "x", 0, 1), elsewhere])], &[]);
    assert_eq!(code, Some(0));
    let spans = [span(1, 0, "x", 0, 1), span(1, 0, "y", 0, 1)];
    let (code, output) = checked(&[plain_batch(0, &spans)], &[]);
    assert_eq!(code, Some(1));
    assert!(output.contains("span ids that occur twice in their trace: 1\n"), "{output}");
    assert!(output.contains("span 0000000000000001 \"y\"\n"), "{output}");
}

#[test]
fn a_span_that_ends_before_it_starts_is_an_error() {
    let (code, output) = checked(&[plain_batch(0, &[span(1, 0, "x", 5, 3)])], &[]);
    assert_eq!(code, Some(1));
    assert!(output.contains("\"x\" ends 2.00 µs before it starts\n"), "{output}");
}

#[test]
fn a_missing_parent_is_an_error_only_with_strict() {
    let orphans = plain_batch(0, &[span(1, 9, "x", 0, 1), span(2, 9, "y", 0, 1)]);
    let (code, output) = checked(std::slice::from_ref(&orphans), &[]);
    assert_eq!(code, Some(0));
    assert!(output.contains("spans whose parent is missing: 2\n"), "{output}");
    assert!(output.contains("parent 0000000000000009 of \"x\" and 1 other\n"), "{output}");
    assert_eq!(checked(&[orphans], &["--strict"]).0, Some(1));
}

#[test]
fn a_remote_parent_is_not_missed() {
    let remote = SpanHead { flags: 0x301, ..span(1, 9, "x", 0, 1) };
    let (code, output) = checked(&[plain_batch(0, &[remote])], &["--strict"]);
    assert_eq!(code, Some(0), "{output}");
}

#[test]
fn a_parent_in_another_file_or_later_is_there() {
    let spool = Spool::new();
    spool.sealed(1, &segment(&[plain_batch(0, &[span(2, 1, "child", 1, 2)])]));
    spool.sealed(2, &segment(&[plain_batch(1, &[span(1, 0, "parent", 0, 3)])]));
    let run = run("verify", spool.path(), &["--strict"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn more_cases_than_are_told_are_counted() {
    let spans: Vec<_> = (1..=25).map(|id| span(id, 0, "x", 5, 3)).collect();
    let (_, output) = checked(&[plain_batch(0, &spans)], &[]);
    assert!(output.contains("spans that end before they start: 25\n"), "{output}");
    assert!(output.contains("    … and 15 more\n"), "{output}");
}
