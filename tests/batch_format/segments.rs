//! Clauses 1 to 3: the framing.

use nanospan::batch::BatchError;
use nanospan::batch::segment::{
    Damage, DamageKind, FRAME_HEADER_LEN, SEGMENT_HEADER_LEN, SegmentReader, frame_header, padding,
    segment_header, valid_prefix,
};

use crate::support::{BatchModel, frame, plain_batch, plain_span, segment};
use std::error::Error;

/// Three batches of one span each, and where their frames begin; the last offset is the length.
fn three_frames() -> (Vec<BatchModel>, Vec<u8>, Vec<usize>) {
    let batches: Vec<_> =
        (1..=3).map(|number| plain_batch(number, vec![plain_span(number, "a span")])).collect();
    let offsets = (0..=3).map(|count| segment(&batches[..count]).len()).collect();
    let bytes = segment(&batches);
    (batches, bytes, offsets)
}

/// What a reader makes of `bytes`: batches by their sequence number, and damage.
fn read(bytes: &[u8]) -> Vec<Result<u64, Damage>> {
    SegmentReader::new(bytes)
        .expect("the segment header is intact")
        .map(|frame| frame.map(|frame| frame.view().sequence()))
        .collect()
}

fn refusal(bytes: &[u8]) -> DamageKind {
    let damage = SegmentReader::new(bytes).expect_err("the segment is refused");
    assert_eq!((damage.offset, damage.skipped), (0, bytes.len() as u64));
    damage.kind
}

/// The only damage among `items`, with the kind apart.
fn only_damage(items: &[Result<u64, Damage>]) -> (usize, u64, u64, &DamageKind) {
    let mut damages = items.iter().enumerate().filter_map(|(index, item)| {
        let damage = item.as_ref().err()?;
        Some((index, damage.offset, damage.skipped, &damage.kind))
    });
    let damage = damages.next().expect("there is damage");
    assert_eq!(damages.next(), None, "there is one damage only");
    damage
}

/// CRC-32 as clause 1.2 defines it, bit by bit, so that it is not the library's own that is tested
/// with itself.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
    });
    !crc
}

/// Sets bytes of a header of a file and corrects the header's checksum.
fn patch_header<const LEN: usize>(bytes: &mut [u8], start: usize, at: usize, patch: &[u8]) {
    bytes[start + at..][..patch.len()].copy_from_slice(patch);
    let checksum = crc32(&bytes[start..start + LEN - 4]);
    bytes[start + LEN - 4..start + LEN].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn clause_1_1_ids_are_stored_in_the_order_in_which_they_are_printed() {
    let mut span = plain_span(0x0102_0304_0506_0708, "");
    span.trace_id = 0x000102030405060708090a0b0c0d0e0f;
    let batch = plain_batch(0, vec![span]).write();
    let view = batch.view().span(0).expect("there is a span");
    assert_eq!(view.trace_id(), std::array::from_fn(|byte| byte as u8));
    assert_eq!(view.span_id(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(batch.as_bytes().windows(16).any(|bytes| bytes == view.trace_id()));
}

#[test]
fn clause_1_2_the_checksum_is_that_of_gzip() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    let header = frame_header(b"123456789");
    assert_eq!(header[12..16], 0xCBF4_3926_u32.to_le_bytes());
    assert_eq!(header[20..24], crc32(&header[..20]).to_le_bytes());
    let header = segment_header(1);
    assert_eq!(header[28..32], crc32(&header[..28]).to_le_bytes());
}

#[test]
fn clause_1_4_reserved_fields_are_written_as_zero_and_ignored() {
    let (_, mut bytes, offsets) = three_frames();
    for reserved in [12..16, 24..28] {
        assert!(bytes[reserved].iter().all(|&byte| byte == 0));
    }
    patch_header::<SEGMENT_HEADER_LEN>(&mut bytes, 0, 12, &[9; 4]);
    patch_header::<SEGMENT_HEADER_LEN>(&mut bytes, 0, 24, &[9; 4]);
    for reserved in [10..12, 16..20] {
        assert!(bytes[offsets[0]..][reserved].iter().all(|&byte| byte == 0));
    }
    patch_header::<FRAME_HEADER_LEN>(&mut bytes, offsets[0], 10, &[9; 2]);
    patch_header::<FRAME_HEADER_LEN>(&mut bytes, offsets[0], 16, &[9; 4]);
    assert_eq!(read(&bytes), [Ok(1), Ok(2), Ok(3)]);
}

#[test]
fn clause_2_1_a_segment_begins_with_its_magic_version_and_time() {
    let header = segment_header(0x0102_0304_0506_0708);
    assert_eq!(header[..8], *b"\x89NSP\r\n\x1a\n");
    assert_eq!(header[8..12], [1, 0, 1, 0]);
    assert_eq!(header[16..24], [8, 7, 6, 5, 4, 3, 2, 1]);
    let reader = SegmentReader::new(&header).expect("the header is intact");
    assert_eq!(reader.created_unix_nanos(), 0x0102_0304_0506_0708);
}

#[test]
fn clause_2_2_a_file_without_the_magic_is_refused() {
    let (_, mut bytes, _) = three_frames();
    bytes[0] = b'N';
    assert_eq!(refusal(&bytes), DamageKind::UnknownMagic);
    assert_eq!(refusal(b"{\"resourceSpans\":"), DamageKind::UnknownMagic);
    assert_eq!(refusal(&[0; 64]), DamageKind::UnknownMagic);
}

#[test]
fn clause_2_3_a_header_with_a_bad_checksum_is_refused_before_its_version_is_believed() {
    let (_, mut bytes, _) = three_frames();
    bytes[8] = 9;
    assert_eq!(refusal(&bytes), DamageKind::BadSegmentHeader);
}

#[test]
fn clause_2_4_only_an_unknown_major_version_is_refused() {
    let (_, mut bytes, _) = three_frames();
    patch_header::<SEGMENT_HEADER_LEN>(&mut bytes, 0, 10, &[0xFF, 0xFF]);
    assert_eq!(read(&bytes), [Ok(1), Ok(2), Ok(3)]);
    patch_header::<SEGMENT_HEADER_LEN>(&mut bytes, 0, 8, &[2, 0, 3, 0]);
    assert_eq!(refusal(&bytes), DamageKind::UnknownVersion { major: 2, minor: 3 });
}

#[test]
fn clause_2_5_a_file_that_ends_inside_of_its_header_is_torn() {
    let header = segment_header(1);
    for length in 0..SEGMENT_HEADER_LEN {
        assert_eq!(refusal(&header[..length]), DamageKind::Torn);
    }
}

#[test]
fn clause_2_6_a_segment_without_frames_is_valid_and_empty() {
    let header = segment_header(1);
    assert_eq!(read(&header), []);
    let prefix = valid_prefix(&header);
    assert_eq!((prefix.len, prefix.frames), (32, 0));
    assert_eq!(prefix.damage, None);
}

#[test]
fn clause_2_7_frames_can_be_salvaged_from_behind_a_damaged_header() {
    let (_, mut bytes, offsets) = three_frames();
    bytes[3] ^= 1;
    let items: Vec<_> =
        SegmentReader::salvage(&bytes).map(|frame| frame.map(|frame| frame.view().sequence())).collect();
    let (index, offset, skipped, kind) = only_damage(&items);
    assert_eq!((index, offset, skipped), (0, 0, offsets[0] as u64));
    assert_eq!(*kind, DamageKind::BadFrameHeader);
    assert_eq!(items[1..], [Ok(1), Ok(2), Ok(3)]);
}

#[test]
fn clause_3_1_frames_follow_each_other_aligned_and_padded_with_zeros() {
    let (batches, bytes, offsets) = three_frames();
    let reader = SegmentReader::new(&bytes).expect("the header is intact");
    for (index, item) in reader.enumerate() {
        let frame = item.expect("the frame is intact");
        assert_eq!(frame.offset(), offsets[index] as u64);
        assert_eq!(frame.end(), offsets[index + 1] as u64);
        assert_eq!(frame.offset() % 8, 0);
        let payload = batches[index].write();
        let header = &bytes[offsets[index]..][..FRAME_HEADER_LEN];
        assert_eq!(header[..4], *b"\xF5NSF");
        assert_eq!(header[4..8], (payload.as_bytes().len() as u32).to_le_bytes());
        assert_eq!(header[8..10], [1, 0]);
        assert_eq!(frame.view().as_bytes(), payload.as_bytes());
    }
    for length in 0..64 {
        assert_eq!((length + padding(length).len()) % 8, 0);
        assert!(padding(length).len() < 8);
        assert!(padding(length).iter().all(|&byte| byte == 0));
    }
}

#[test]
fn a_clone_of_a_reader_goes_on_from_the_same_frame_by_itself() {
    let (_, bytes, offsets) = three_frames();
    let mut reader = SegmentReader::new(&bytes).expect("the header is intact");
    reader.next().expect("there are three").expect("it is intact");
    let places = |reader: SegmentReader<'_>| -> Vec<u64> {
        reader.map(|frame| frame.expect("it is intact").offset()).collect()
    };
    assert_eq!(places(reader.clone()), [offsets[1] as u64, offsets[2] as u64]);
    assert_eq!(places(reader), [offsets[1] as u64, offsets[2] as u64]);
}

#[test]
fn clause_3_2_a_frame_with_a_bad_checksum_is_reported_and_skipped() {
    let (_, mut bytes, offsets) = three_frames();
    let payload = offsets[1] + FRAME_HEADER_LEN..offsets[2];
    bytes[payload.start + 40] ^= 0x10;
    let items = read(&bytes);
    let (index, offset, skipped, kind) = only_damage(&items);
    assert_eq!((index, offset), (1, offsets[1] as u64));
    assert_eq!(skipped, (offsets[2] - offsets[1]) as u64);
    let stated = &bytes[offsets[1] + 12..][..4];
    assert_eq!(
        *kind,
        DamageKind::BadChecksum {
            stated: u32::from_le_bytes(stated.try_into().expect("four bytes")),
            found: crc32(&bytes[payload]),
        }
    );
    assert_eq!((&items[0], &items[2]), (&Ok(1), &Ok(3)));
}

#[test]
fn clause_3_3_a_frame_with_a_bad_header_is_reported_and_skipped() {
    let (_, intact, offsets) = three_frames();
    for byte in 0..FRAME_HEADER_LEN {
        let mut bytes = intact.clone();
        bytes[offsets[1] + byte] ^= 0x80;
        let items = read(&bytes);
        let (index, offset, skipped, kind) = only_damage(&items);
        assert_eq!((index, offset), (1, offsets[1] as u64));
        assert_eq!(skipped, (offsets[2] - offsets[1]) as u64);
        assert_eq!(*kind, DamageKind::BadFrameHeader);
        assert_eq!((&items[0], &items[2]), (&Ok(1), &Ok(3)));
    }
}

#[test]
fn clause_3_3_a_checksum_does_not_make_up_for_a_missing_marker() {
    let (_, mut bytes, offsets) = three_frames();
    patch_header::<FRAME_HEADER_LEN>(&mut bytes, offsets[1], 0, b"\xF5NSB");
    let items = read(&bytes);
    assert_eq!(*only_damage(&items).3, DamageKind::BadFrameHeader);
}

#[test]
fn clause_3_4_a_frame_that_is_cut_short_is_torn() {
    let (_, bytes, offsets) = three_frames();
    for length in offsets[2] + 1..offsets[3] {
        let items = read(&bytes[..length]);
        let (index, offset, skipped, kind) = only_damage(&items);
        assert_eq!((index, offset), (2, offsets[2] as u64));
        assert_eq!(skipped, (length - offsets[2]) as u64);
        assert_eq!(*kind, DamageKind::Torn);
        assert_eq!(items[..2], [Ok(1), Ok(2)]);
    }
    assert_eq!(read(&bytes[..offsets[2]]), [Ok(1), Ok(2)]);
}

#[test]
fn clause_3_4_a_frame_without_all_of_its_padding_is_torn() {
    let (batches, _, _) = three_frames();
    let whole = [segment(&batches[..1]), frame(b"odd")].concat();
    for missing in 1..=padding(3).len() {
        let items = read(&whole[..whole.len() - missing]);
        let (index, _, skipped, kind) = only_damage(&items);
        assert_eq!((index, skipped), (1, 32 - missing as u64));
        assert_eq!(*kind, DamageKind::Torn);
    }
}

#[test]
fn clause_3_4_a_torn_frame_does_not_hide_what_was_appended_behind_it() {
    let (batches, mut bytes, offsets) = three_frames();
    let large = plain_batch(4, (1..100).map(|number| plain_span(number, "x")).collect());
    bytes.extend(&frame(large.write().as_bytes())[..64]);
    bytes.extend(frame(batches[0].write().as_bytes()));
    let items = read(&bytes);
    let (index, offset, skipped, kind) = only_damage(&items);
    assert_eq!((index, offset, skipped), (3, offsets[3] as u64, 64));
    assert_eq!(*kind, DamageKind::Torn);
    assert_eq!(items[4], Ok(1));
}

#[test]
fn clause_3_5_zeros_up_to_the_end_of_the_file_are_torn() {
    let (_, bytes, offsets) = three_frames();
    for length in [1, 8, 24, 4096, 4099] {
        let mut bytes = bytes.clone();
        bytes.extend(vec![0; length]);
        let items = read(&bytes);
        let (index, offset, skipped, kind) = only_damage(&items);
        assert_eq!((index, offset), (3, offsets[3] as u64));
        assert_eq!((skipped, kind), (length as u64, &DamageKind::Torn));
    }
}

#[test]
fn clause_3_6_a_frame_behind_missing_bytes_is_found() {
    let (_, intact, offsets) = three_frames();
    let start = offsets[1] + FRAME_HEADER_LEN;
    for missing in (8..offsets[2] - start).step_by(8) {
        let mut bytes = intact.clone();
        bytes.drain(start..start + missing);
        let items = read(&bytes);
        let (index, offset, skipped, kind) = only_damage(&items);
        assert_eq!((index, offset), (1, offsets[1] as u64));
        assert_eq!(skipped, (offsets[2] - missing - offsets[1]) as u64);
        assert!(matches!(kind, DamageKind::BadChecksum { .. }));
        assert_eq!((&items[0], &items[2]), (&Ok(1), &Ok(3)));
    }
}

#[test]
fn clause_3_7_an_intact_frame_of_an_unknown_kind_is_skipped_and_counted() {
    let (_, mut bytes, offsets) = three_frames();
    patch_header::<FRAME_HEADER_LEN>(&mut bytes, offsets[1], 8, &[0x34, 0x12]);
    let mut reader = SegmentReader::new(&bytes).expect("the header is intact");
    let read: Vec<_> =
        reader.by_ref().map(|frame| frame.expect("nothing is damaged").view().sequence()).collect();
    assert_eq!(read, [1, 3]);
    assert_eq!(reader.foreign_frames(), 1);
    assert_eq!(valid_prefix(&bytes).len, bytes.len() as u64);
}

#[test]
fn clause_3_8_an_intact_payload_that_is_no_batch_is_reported_and_skipped() {
    let (batches, _, _) = three_frames();
    let mut bytes = segment(&batches[..1]);
    let start = bytes.len() as u64;
    let bad = frame(b"neither a batch nor anything else");
    bytes.extend(&bad);
    bytes.extend(frame(batches[1].write().as_bytes()));
    let items = read(&bytes);
    let (index, offset, skipped, kind) = only_damage(&items);
    assert_eq!((index, offset, skipped), (1, start, bad.len() as u64));
    assert_eq!(*kind, DamageKind::BadBatch(BatchError::NotABatch));
    assert_eq!(items[2], Ok(2));
}

#[test]
fn clause_3_9_a_batch_of_an_unknown_major_version_is_reported_and_skipped() {
    let (batches, _, _) = three_frames();
    let mut payload = batches[0].write().as_bytes().to_vec();
    set_major_version(&mut payload, 2);
    let mut bytes = segment(&batches[..1]);
    bytes.extend(frame(&payload));
    bytes.extend(frame(batches[2].write().as_bytes()));
    let items = read(&bytes);
    let (index, _, skipped, kind) = only_damage(&items);
    assert_eq!((index, skipped), (1, frame(&payload).len() as u64));
    assert_eq!(*kind, DamageKind::UnknownVersion { major: 2, minor: 0 });
    assert_eq!(items[2], Ok(3));
}

/// Overwrites the major version of a batch, which is the first field of its table.
fn set_major_version(payload: &mut [u8], major: u16) {
    let u16_at = |at: usize| u16::from_le_bytes([payload[at], payload[at + 1]]);
    let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
    let table = u32_at(0);
    let vtable = table.wrapping_sub(u32_at(table as usize));
    let field = table as usize + usize::from(u16_at(vtable as usize + 4));
    assert_eq!(u16_at(field), 1);
    payload[field..field + 2].copy_from_slice(&major.to_le_bytes());
}

#[test]
fn clause_3_10_every_byte_is_handed_out_or_reported() {
    let (_, intact, offsets) = three_frames();
    for at in (offsets[0]..intact.len()).step_by(3) {
        let mut bytes = intact.clone();
        bytes[at] ^= 0xFF;
        let mut expected = SEGMENT_HEADER_LEN as u64;
        for item in SegmentReader::new(&bytes).expect("the header is intact") {
            let (offset, length) = match item {
                Ok(frame) => (frame.offset(), frame.end() - frame.offset()),
                Err(damage) => (damage.offset, damage.skipped),
            };
            assert_eq!(offset, expected);
            expected += length;
        }
        assert_eq!(expected, bytes.len() as u64);
    }
}

#[test]
fn clause_3_10_damage_says_what_and_where_in_words() {
    let (_, bytes, offsets) = three_frames();
    let items = read(&bytes[..offsets[2] + 100]);
    let damage = items[2].as_ref().expect_err("the frame is torn");
    assert_eq!(
        damage.to_string(),
        format!(
            "damaged segment at byte {}: the segment ends inside of a header or frame \
             (100 bytes skipped)",
            offsets[2]
        )
    );
}

/// The first damage of a segment that [`three_frames`] made and `spoil` changed, in words.
fn words_of(spoil: impl FnOnce(&mut Vec<u8>, &[usize])) -> String {
    let (_, mut bytes, offsets) = three_frames();
    spoil(&mut bytes, &offsets);
    let damage = match SegmentReader::new(&bytes) {
        Ok(mut reader) => reader.find_map(Result::err).expect("it is damaged"),
        Err(damage) => damage,
    };
    damage.to_string()
}

#[test]
fn clause_3_10_each_kind_of_damage_has_words_and_numbers_of_its_own() {
    let said = words_of(|bytes, _| bytes[0] ^= 1);
    assert!(said.contains("at byte 0: this is not a segment file ("), "{said}");
    let said = words_of(|bytes, _| patch_header::<SEGMENT_HEADER_LEN>(bytes, 0, 8, &[7, 0, 3, 0]));
    assert!(said.contains("format version 7.3 is not known"), "{said}");
    let said = words_of(|bytes, _| bytes[16] ^= 1);
    assert!(said.contains("the segment header does not match its checksum"), "{said}");
    let said = words_of(|bytes, offsets| bytes[offsets[1]] ^= 1);
    assert!(said.contains("there is no intact frame header"), "{said}");

    let (_, bytes, offsets) = three_frames();
    let at = offsets[1] + FRAME_HEADER_LEN;
    let length = u32::from_le_bytes(bytes[offsets[1] + 4..][..4].try_into().expect("four bytes")) as usize;
    let payload = &bytes[at..at + length];
    let mut spoilt = payload.to_vec();
    spoilt[0] ^= 1;
    let said = words_of(|bytes, _| bytes[at] ^= 1);
    let (found, stated) = (crc32(&spoilt), crc32(payload));
    let expected = format!("the payload has the checksum {found:08x} and should have {stated:08x}");
    assert!(said.contains(&expected), "{said}");
}

/// Only of a batch that is not valid: the other kinds are seen in the framing itself.
#[test]
fn clause_3_10_damage_names_the_error_of_a_batch_as_its_cause() {
    let mut bytes = segment_header(0).to_vec();
    bytes.extend(frame(b"neither a batch nor anything else"));
    let items = read(&bytes);
    let damage = items[0].as_ref().expect_err("this is no batch");
    let cause = damage.source().expect("the batch's own error");
    assert_eq!(cause.downcast_ref(), Some(&BatchError::NotABatch));
    assert!(damage.to_string().contains(&cause.to_string()), "{damage}");

    let torn = SegmentReader::new(&bytes[..1]).expect_err("the header is torn");
    assert!(torn.source().is_none());
}

#[test]
fn a_reader_stands_where_its_last_item_ended_and_goes_on_from_there() {
    let (_, mut bytes, offsets) = three_frames();
    // One bit of the second payload.
    bytes[offsets[1] + FRAME_HEADER_LEN] ^= 1;
    let mut reader = SegmentReader::new(&bytes).expect("the header is intact");
    assert_eq!(reader.position(), SEGMENT_HEADER_LEN as u64);
    let mut rest = Vec::new();
    while let Some(item) = reader.next() {
        let end = match item {
            Ok(frame) => frame.end(),
            Err(damage) => damage.offset + damage.skipped,
        };
        assert_eq!(reader.position(), end);
        let resumed = SegmentReader::new(&bytes).expect("the header is intact").resume_at(reader.position());
        rest.push(resumed.count());
    }
    assert_eq!(rest, [2, 1, 0]);
    assert_eq!(reader.position(), bytes.len() as u64);
    assert_eq!(SegmentReader::salvage(&bytes).position(), 0);
}

#[test]
fn clause_3_11_a_torn_tail_is_cut_at_the_valid_prefix() {
    let (batches, mut bytes, offsets) = three_frames();
    let prefix = valid_prefix(&bytes[..offsets[2] + 70]);
    assert_eq!(prefix.len, offsets[2] as u64);
    assert_eq!((prefix.frames, prefix.spans), (2, 2));
    assert_eq!(prefix.damage.expect("the tail is torn").kind, DamageKind::Torn);

    bytes.truncate(offsets[2]);
    bytes.extend(frame(batches[2].write().as_bytes()));
    assert_eq!(read(&bytes), [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(valid_prefix(&bytes).len, bytes.len() as u64);

    bytes[0] = 0;
    let prefix = valid_prefix(&bytes);
    assert_eq!((prefix.len, prefix.frames, prefix.spans), (0, 0, 0));
    assert!(prefix.damage.is_some());
}

#[test]
fn clause_3_11_a_reader_can_go_on_where_a_tail_was_torn() {
    let (_, bytes, offsets) = three_frames();
    let items = read(&bytes[..offsets[2] + 70]);
    let torn = items[2].as_ref().expect_err("the frame is torn").offset;
    let rest: Vec<_> = SegmentReader::new(&bytes)
        .expect("the header is intact")
        .resume_at(torn)
        .map(|frame| frame.map(|frame| frame.view().sequence()))
        .collect();
    assert_eq!(rest, [Ok(3)]);
    let mut past_the_end = SegmentReader::new(&bytes).expect("the header is intact").resume_at(u64::MAX);
    assert_eq!(past_the_end.next().map(|item| item.is_ok()), None);
}

/// Frame headers inside of a payload, each of which claims all that follows and has the wrong
/// checksum for it, make a reader go over the same bytes again and again unless it limits that. If
/// it did not, this test would take hours.
#[test]
fn clause_3_12_nested_frames_do_not_make_reading_slow() {
    let length = 4 << 20;
    let mut bytes = segment_header(0).to_vec();
    while bytes.len() < length {
        let mut header = frame_header(&[]);
        let rest = (length - bytes.len() - FRAME_HEADER_LEN) as u32;
        patch_header::<FRAME_HEADER_LEN>(&mut header, 0, 4, &rest.to_le_bytes());
        bytes.extend(header);
        bytes.resize(bytes.len() + 1000, 1);
    }
    bytes.resize(length, 1);
    let damages = read(&bytes);
    assert!(damages.iter().all(Result::is_err));
    assert!(damages.len() <= 3, "{} frames were tried", damages.len());
}
