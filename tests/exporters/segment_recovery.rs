//! What a writer makes of the segments that a killed one left open.

use std::fs;
use std::path::Path;

use crate::common::batches::batch;
use crate::common::scratch::Scratch;
use crate::common::segments::{batches, bytes, export, open, open_segments, shut_down};
use nanospan::batch::Batch;
use nanospan::batch::segment::SEGMENT_HEADER_LEN;
use nanospan::export::segment::segments_in;

#[test]
fn a_torn_tail_of_every_length_is_cut_to_the_last_whole_batch() {
    let scratch = Scratch::new("torn");
    let written = [batch(0, 0), batch(1, 1), batch(2, 0)];
    let (whole, ends) = segment_of(&scratch.path("whole"), &written);

    let directory = scratch.path("torn");
    let leftover = "spans-00000000000000000001.nsp.open";
    drop(open(&directory));
    for length in 0..=whole.len() {
        fs::write(directory.join(leftover), &whole[..length]).expect("the directory is ours");
        let survivors = ends.iter().filter(|end| **end <= length).count();
        // A segment without a whole batch is cut to its header, or to nothing if that is torn.
        let kept = match ends[..survivors].last() {
            Some(end) => *end,
            None if length < SEGMENT_HEADER_LEN => 0,
            None => SEGMENT_HEADER_LEN,
        };

        let exporter = open(&directory);
        let [sealed] = exporter.recovery().sealed.as_slice() else {
            panic!("one segment was left open, of {length} bytes");
        };
        assert_eq!(sealed.batches, survivors as u64, "{length}");
        assert_eq!(sealed.bytes_cut, (length - kept) as u64, "{length}");
        assert_eq!(sealed.damage, []);
        let is_cut = sealed.to_string().contains(&format!("cut {} bytes", sealed.bytes_cut));
        assert_eq!(is_cut, sealed.bytes_cut > 0, "{sealed}");
        assert!(exporter.recovery().left_alone.is_empty());
        let now = fs::read(&sealed.path).expect("it is sealed");
        assert_eq!(now.len(), kept.max(SEGMENT_HEADER_LEN), "{length}");
        assert_eq!(batches(&directory), bytes(&written[..survivors]), "{length}");
        fs::remove_file(&sealed.path).expect("it is there");
    }
}

#[test]
fn damage_in_the_middle_costs_no_batch_behind_it() {
    let scratch = Scratch::new("damaged");
    let written = [batch(0, 1), batch(1, 1), batch(2, 1)];
    let (mut whole, ends) = segment_of(&scratch.path("whole"), &written);
    // One bit of the second batch, and a third one that is not whole.
    whole[(ends[0] + ends[1]) / 2] ^= 1;
    let directory = scratch.path("damaged");
    drop(open(&directory));
    let leftover = directory.join("spans-00000000000000000001.nsp.open");
    let torn = [&whole, &whole[ends[1]..ends[2] - 1]].concat();
    fs::write(leftover, torn).expect("the directory is ours");

    let exporter = open(&directory);
    let [sealed] = exporter.recovery().sealed.as_slice() else {
        panic!("one segment was left open");
    };
    assert_eq!(sealed.batches, 2);
    assert_eq!(sealed.spans, 2);
    assert_eq!(sealed.bytes_cut, (ends[2] - 1 - ends[1]) as u64);
    assert_eq!(sealed.damage.len(), 1);
    assert_eq!(sealed.damage[0].offset, ends[0] as u64);
    let said = format!(
        "sealed {} with 2 batches of 2 spans; cut {} bytes of an unfinished batch; {}",
        sealed.path.display(),
        sealed.bytes_cut,
        sealed.damage[0],
    );
    assert_eq!(sealed.to_string(), said);
    assert_eq!(fs::read(&sealed.path).expect("it is sealed"), whole);
}

#[test]
fn a_leftover_that_this_version_does_not_understand_is_left_alone() {
    let scratch = Scratch::new("unknown");
    let directory = scratch.path("spans");
    drop(open(&directory));
    let (mut future, _) = segment_of(&scratch.path("whole"), &[batch(0, 1)]);
    // The major version, and the checksum of the header with it.
    future[8] = 2;
    let checksum = crc32(&future[..28]);
    future[28..32].copy_from_slice(&checksum.to_le_bytes());
    let leftover = "spans-00000000000000000001.nsp.open";
    for contents in [future.as_slice(), b"a diary"] {
        fs::write(directory.join(leftover), contents).expect("the directory is ours");
        let exporter = open(&directory);
        assert!(exporter.recovery().sealed.is_empty());
        let [left] = &exporter.recovery().left_alone[..] else { panic!("it is left alone") };
        let said = format!("left {} alone: {}", directory.join(leftover).display(), left.reason);
        assert_eq!(left.to_string(), said);
        let kept = fs::read(directory.join(leftover)).expect("it is left alone");
        assert_eq!(kept, contents);
    }
}

/// The checksum of zlib and Ethernet, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn recovery_touches_no_sealed_segment_and_no_other_file() {
    let scratch = Scratch::new("untouched");
    let directory = scratch.path("spans");
    drop(open(&directory));
    let torn = "spans-00000000000000000001.nsp";
    fs::write(directory.join(torn), "not a batch").expect("the directory is ours");
    fs::write(directory.join("notes.txt"), "kept").expect("the directory is ours");
    // An open segment whose sealed name is taken cannot be sealed.
    let rival = "spans-00000000000000000001.nsp.open";
    fs::write(directory.join(rival), "").expect("the directory is ours");

    let exporter = open(&directory);
    assert!(exporter.recovery().sealed.is_empty());
    assert_eq!(exporter.recovery().left_alone.len(), 1);
    assert_eq!(exporter.recovery().left_alone[0].path, directory.join(rival));
    let read = |name| fs::read(directory.join(name)).expect("it is there");
    assert_eq!(read(torn), b"not a batch");
    assert_eq!(read("notes.txt"), b"kept");
}

#[test]
fn a_clean_directory_has_nothing_to_recover() {
    let scratch = Scratch::new("clean");
    let directory = scratch.path("spans");
    let first = open(&directory);
    assert!(first.recovery().is_clean());
    export(&first, &batch(0, 1));
    shut_down(&first);
    assert!(open(&directory).recovery().is_clean());
}

/// The bytes of a segment of `written`, and where each batch ends in it.
fn segment_of(directory: &Path, written: &[Batch]) -> (Vec<u8>, Vec<usize>) {
    let exporter = open(directory);
    let mut ends = Vec::new();
    for batch in written {
        export(&exporter, batch);
        let path = open_segments(directory).remove(0);
        let size = path.metadata().expect("it is there").len();
        ends.push(usize::try_from(size).expect("a small file"));
    }
    shut_down(&exporter);
    let path = segments_in(directory).expect("segments").remove(0);
    (fs::read(path).expect("it is sealed"), ends)
}
