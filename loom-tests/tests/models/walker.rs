//! A second walker along a log, the account's, against chunks that the drain retires: crossbeam-epoch's
//! own collector decides when they go back.

use crossbeam_epoch::{Collector, Guard, LocalHandle};
use loom::thread;
use nanospan::model::{CHUNK_WORDS, Chunks, Log, Reader};
use nanospan_loom_tests::{check, pin};

/// What the drain does after each pass.
fn advance(handle: &LocalHandle) {
    let mut guard = pin(handle);
    for _ in 0..3 {
        guard.flush();
        guard.repin();
    }
}

fn chunks_waiting(log: Log, guard: &Guard) -> usize {
    log.backlog(guard) / CHUNK_WORDS
}

/// A walker is pinned and reads along a log while the drain retires its first chunk and the thread, in
/// need of one, takes whatever came back and writes it anew. No word is written while the walker could
/// read it: loom watches every word.
#[test]
fn a_chunk_is_reused_only_when_nobody_can_see_it() {
    check(&["the chunk came back", "the chunk stayed away"], |outcomes| {
        let log = Log::new(Chunks::new(2));
        assert!(log.record(1, &[1; 3]) && log.record(2, &[2; 3]));
        let epochs = Collector::new();
        let of_walker = epochs.clone();
        let walker = thread::spawn(move || {
            let handle = of_walker.register();
            let guard = pin(&handle);
            log.read_sealed(&guard);
            assert!((1..=3).contains(&chunks_waiting(log, &guard)), "chunks of the log");
        });
        let handle = epochs.register();
        let mut reader = Reader::new();
        let seen = reader.walk(log, log.committed(), &pin(&handle));
        assert_eq!(seen, [(1, vec![1; 3]), (2, vec![2; 3])]);
        advance(&handle);
        // One thread plays thread and drain: what matters here is when the chunk comes back.
        let came_back = log.record(3, &[3; 3]);
        outcomes.note(if came_back { "the chunk came back" } else { "the chunk stayed away" });
        walker.join().unwrap();
    });
}

/// A chunk with a follower goes from one log to another that begins with it, while a walker looks at
/// the other log. It sees the chunk without its old follower.
#[test]
fn a_log_begins_with_a_used_chunk() {
    check(&["nothing yet", "one chunk"], |outcomes| {
        let chunks = Chunks::new(2);
        let (old, new) = (Log::new(chunks), Log::new(chunks));
        assert!(old.record(1, &[1; 3]) && old.record(2, &[2; 3]));
        let epochs = Collector::new();
        let handle = epochs.register();
        let _ = Reader::new().walk(old, old.committed(), &pin(&handle));
        advance(&handle);
        let of_walker = epochs.clone();
        let walker = thread::spawn(move || {
            let handle = of_walker.register();
            chunks_waiting(new, &pin(&handle))
        });
        assert!(new.record(3, &[3; 3]), "the chunk came back");
        outcomes.note(match walker.join().unwrap() {
            0 => "nothing yet",
            1 => "one chunk",
            n => panic!("{n} chunks: those of another log were counted"),
        });
    });
}

/// A chunk with followers goes on in another log, whose drain moves past the chunk before it, while a
/// walker looks at that log. It sees the chunk without its old followers, from wherever it sets out.
#[test]
fn a_log_goes_on_with_a_used_chunk() {
    check(&["one chunk", "two chunks"], |outcomes| {
        let chunks = Chunks::new(4);
        let (old, new) = (Log::new(chunks), Log::new(chunks));
        assert!((1..=3).all(|n| old.record(n, &[0; 3])) && new.record(4, &[4; 3]));
        let epochs = Collector::new();
        let handle = epochs.register();
        let _ = Reader::new().walk(old, old.committed(), &pin(&handle));
        advance(&handle);
        let of_walker = epochs.clone();
        let walker = thread::spawn(move || {
            let handle = of_walker.register();
            chunks_waiting(new, &pin(&handle))
        });
        let thread = thread::spawn(move || assert!(new.record(5, &[5; 3]), "a chunk came back"));
        let _ = Reader::new().walk(new, new.committed(), &pin(&handle));
        thread.join().unwrap();
        outcomes.note(match walker.join().unwrap() {
            1 => "one chunk",
            2 => "two chunks",
            n => panic!("{n} chunks: those of another log were counted"),
        });
    });
}
