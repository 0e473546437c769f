//! A log between the thread that appends and the drain that reads behind it.

use loom::thread;
use nanospan::model::{CHUNK_WORDS, Chunks, Entry, Log, Reader};
use nanospan_loom_tests::{check, pin};

/// Two header words and two for each attribute: two records of one attribute fill a chunk, and so does
/// one of three; one of two leaves a gap.
const _: () = assert!(CHUNK_WORDS == 2 + 2 * 3);

/// What was said, whichever records a call was split into.
fn flat(entries: &[Entry]) -> Vec<(u64, i64)> {
    entries.iter().flat_map(|(place, values)| values.iter().map(move |&value| (*place, value))).collect()
}

/// Calls of one, three and two attributes, the second of which needs two chunks, against a reader that
/// looks at any two moments: it sees whole records in order, none twice, none lost, and of a call that
/// needed two chunks both or neither.
#[test]
fn whole_records_in_order() {
    check(&["nothing yet", "a part", "all"], |outcomes| {
        let log = Log::new(Chunks::new(4));
        let calls: [&[i64]; 3] = [&[1], &[2, 3, 4], &[5, 6]];
        let thread = thread::spawn(move || {
            for (place, values) in (1..).zip(calls) {
                assert!(log.record(place, values), "a chunk for each record");
            }
        });
        let epochs = crossbeam_epoch::Collector::new();
        let handle = epochs.register();
        let mut reader = Reader::new();
        let mut seen = Vec::new();
        let all = flat(&(1..).zip(calls.map(<[i64]>::to_vec)).collect::<Vec<_>>());
        for _ in 0..2 {
            seen.extend(reader.walk(log, log.committed(), &pin(&handle)));
            let seen = flat(&seen);
            assert!(all.starts_with(&seen), "a part of what was recorded, not {seen:?}");
            assert!([0, 1, 4, 6].contains(&seen.len()), "a call's records are published together");
        }
        thread.join().unwrap();
        outcomes.note(match flat(&seen).len() {
            0 => "nothing yet",
            n if n == all.len() => "all",
            _ => "a part",
        });
        seen.extend(reader.walk(log, log.committed(), &pin(&handle)));
        assert_eq!(flat(&seen), all);
    });
}

/// The drain loads the position, the thread seals its chunk and links the next, and only then does the
/// drain walk, to the position that it loaded. It stops there, and goes on from there.
#[test]
fn a_rotation_between_look_and_walk() {
    check(&["rotated between two looks"], |outcomes| {
        let log = Log::new(Chunks::new(3));
        assert!(log.record(1, &[1]) && log.record(2, &[2]));
        let thread = thread::spawn(move || assert!(log.record(3, &[3]) && log.record(4, &[4])));
        let epochs = crossbeam_epoch::Collector::new();
        let handle = epochs.register();
        let mut reader = Reader::new();
        let first = log.committed();
        let second = log.committed();
        assert!(first <= second, "a position never goes back");
        if second > first {
            outcomes.note("rotated between two looks");
        }
        let mut seen = reader.walk(log, first, &pin(&handle));
        assert_eq!(seen.len() as u64, (first - CHUNK_WORDS as u64) / 4, "records up to the position");
        seen.extend(reader.walk(log, second, &pin(&handle)));
        thread.join().unwrap();
        seen.extend(reader.walk(log, log.committed(), &pin(&handle)));
        assert_eq!(flat(&seen), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    });
}

/// Two chunks for three calls: the thread goes on only with a chunk that the drain has read and given
/// back. What was accepted is read, in order; what was refused leaves nothing.
#[test]
fn a_chunk_goes_round() {
    check(&["a chunk came back in time", "none came back in time"], |outcomes| {
        let log = Log::new(Chunks::new(2));
        let thread = thread::spawn(move || [1, 2, 3].map(|n| log.record(n, &[n as i64; 3])));
        let epochs = crossbeam_epoch::Collector::new();
        let handle = epochs.register();
        let mut reader = Reader::new();
        let mut seen = reader.walk(log, log.committed(), &pin(&handle));
        let mut guard = pin(&handle);
        for _ in 0..3 {
            guard.flush();
            guard.repin();
        }
        drop(guard);
        let accepted = thread.join().unwrap();
        seen.extend(reader.walk(log, log.committed(), &pin(&handle)));
        let expected =
            (1..).zip(accepted).filter(|(_, accepted)| *accepted).map(|(n, _)| (n, vec![n as i64; 3]));
        assert_eq!(seen, expected.collect::<Vec<_>>());
        outcomes.note(if accepted[2] { "a chunk came back in time" } else { "none came back in time" });
        assert!(accepted[0] && accepted[1], "there were two chunks from the start");
    });
}
