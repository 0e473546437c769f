//! The table that leads from a handle to a few words: entries that are read while they change hands.

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use nanospan::model::{Found, Table};
use nanospan_loom_tests::check;
use std::sync::Arc;

/// Words of a first and a second life.
const FIRST: u64 = 1;
const SECOND: u64 = 2;

/// A span is ended and its entry filled anew while another thread reads by the old handle. It gets the
/// words of the first life, all of them, or nothing.
#[test]
fn a_read_while_the_entry_is_used_again() {
    let outcomes = ["the entry was live", "it had ended", "it was in its next life"];
    check(&outcomes, |outcomes| {
        let table = Table::new(1, 0);
        let id = table.start(1, FIRST).unwrap();
        let reader = thread::spawn(move || table.read(1, id));
        assert_eq!(table.end(1, id), Some([FIRST; 2]));
        let next = table.start(1, SECOND).unwrap();
        outcomes.note(match reader.join().unwrap() {
            Found::Live(words) => {
                assert_eq!(words, [FIRST; 2], "words of one life");
                "the entry was live"
            }
            Found::Ended(words) => {
                assert_eq!(words, [FIRST; 2], "words of one life");
                "it had ended"
            }
            Found::Stale => "it was in its next life",
            Found::Forged => panic!("the handle was made here"),
        });
        assert_eq!(table.read(1, next), Found::Live([SECOND; 2]));
    });
}

/// The handle is passed on by a relaxed store, so nothing orders what the other thread sees. It finds
/// the entry filled, or no such entry.
#[test]
fn a_handle_that_comes_without_any_order() {
    let outcomes = ["the entry was found", "the handle came, no entry was found"];
    check(&outcomes, |outcomes| {
        let table = Table::new(1, 0);
        let passed_on = Arc::new(AtomicU64::new(0));
        let handle = Arc::clone(&passed_on);
        let reader = thread::spawn(move || {
            let id = handle.load(Ordering::Relaxed);
            (id != 0).then(|| table.read(1, id))
        });
        let id = table.start(1, FIRST).unwrap();
        passed_on.store(id, Ordering::Relaxed);
        match reader.join().unwrap() {
            None => {}
            Some(Found::Live(words)) => {
                assert_eq!(words, [FIRST; 2], "what the entry was filled with");
                outcomes.note("the entry was found");
            }
            Some(Found::Stale) => outcomes.note("the handle came, no entry was found"),
            Some(found) => panic!("neither live nor unknown, but {found:?}"),
        }
    });
}

/// The same for the thread that ends the entry by such a handle: it gets the words if it ends it.
#[test]
fn an_end_by_a_handle_that_comes_without_any_order() {
    let outcomes = ["the entry was ended", "the handle came, no entry was found"];
    check(&outcomes, |outcomes| {
        let table = Table::new(1, 0);
        let passed_on = Arc::new(AtomicU64::new(0));
        let handle = Arc::clone(&passed_on);
        let ender = thread::spawn(move || {
            let id = handle.load(Ordering::Relaxed);
            (id != 0).then(|| table.end(1, id))
        });
        let id = table.start(1, FIRST).unwrap();
        passed_on.store(id, Ordering::Relaxed);
        match ender.join().unwrap() {
            None => {}
            Some(Some(words)) => {
                assert_eq!(words, [FIRST; 2], "what the entry was filled with");
                outcomes.note("the entry was ended");
            }
            Some(None) => outcomes.note("the handle came, no entry was found"),
        }
    });
}

/// Two threads end an entry at once: one of them does. Then it is free once, not twice.
#[test]
fn two_ends() {
    check(&["the first", "the second"], |outcomes| {
        let table = Table::new(2, 0);
        let id = table.start(1, FIRST).unwrap();
        let other = thread::spawn(move || table.end(1, id).is_some());
        let mine = table.end(1, id).is_some();
        let others = other.join().unwrap();
        assert!(mine != others, "one of the two ends counts");
        outcomes.note(if mine { "the first" } else { "the second" });
        assert_eq!(table.in_use(), 0, "entries in use");
        let again = [SECOND, SECOND].map(|word| table.start(1, word));
        assert!(again.iter().all(Option::is_some) && again[0] != again[1], "two entries");
        assert!(table.start(1, SECOND).is_none(), "an entry was free twice");
    });
}

/// A late end by the handle of the first life, while the second begins: it leaves the second alone.
#[test]
fn an_end_that_comes_in_the_next_life() {
    check(&["the late end counts", "the late end is stale"], |outcomes| {
        let table = Table::new(1, 0);
        let id = table.start(1, FIRST).unwrap();
        let late = thread::spawn(move || table.end(1, id));
        let ended = table.end(1, id).is_some();
        let next = table.start(1, SECOND);
        let late = late.join().unwrap();
        assert!(ended != late.is_some(), "one of the two ends counts");
        assert!(late.is_none_or(|words| words == [FIRST; 2]), "words of one life");
        outcomes.note(if ended { "the late end is stale" } else { "the late end counts" });
        if let Some(next) = next {
            assert_eq!(table.end(1, next), Some([SECOND; 2]), "a stale end hit a new entry");
        }
    });
}

/// Two threads that keep one free entry each give back what the first one took, and both ask for two:
/// one entry goes through the queue, to whoever is faster. None is ever in two hands, and none gets
/// lost.
#[test]
fn an_entry_wanders_between_threads() {
    check(&["it came back", "it stayed"], |outcomes| {
        let table = Table::new(3, 1);
        let ids = [1, 2, 3].map(|word| table.start(word, word).unwrap());
        let two_more = move |word| [word, word + 1].map(|word| table.start(word, word));
        let other = thread::spawn(move || {
            assert_eq!(table.end(1, ids[0]), Some([1; 2]));
            assert_eq!(table.end(2, ids[1]), Some([2; 2]));
            two_more(4)
        });
        assert_eq!(table.end(3, ids[2]), Some([3; 2]));
        let mine = two_more(6);
        let others = other.join().unwrap();
        outcomes.note(match (mine, others) {
            ([Some(_), Some(_)], [Some(_), None]) => "it came back",
            ([Some(_), None], [Some(_), Some(_)]) => "it stayed",
            entries => panic!("two starts and one, not {entries:?}"),
        });
        let all = (4..).zip(others).chain((6..).zip(mine));
        let live: Vec<_> = all.filter_map(|(word, id)| id.map(|id| (word, id))).collect();
        for &(word, id) in &live {
            assert_eq!(table.read(word, id), Found::Live([word; 2]), "an entry was in two hands");
        }
        assert_eq!(table.in_use(), live.len() as u64, "entries in use");
        assert!(table.start(8, 8).is_none(), "four entries of three");
    });
}

/// An entry that was lent is read while its guard goes and it is used again: as for one that has ended.
#[test]
fn a_read_while_a_lent_entry_is_used_again() {
    check(&["the entry was there", "it was in its next life"], |outcomes| {
        let table = Table::new(1, 0);
        let (id, lent) = table.reserve().unwrap().lend(1, FIRST);
        let reader = thread::spawn(move || table.read(1, id));
        assert_eq!(table.end(1, id), None, "what is lent is not live");
        assert!(table.reserve().is_none(), "what is lent is not free");
        drop(lent);
        assert!(table.start(1, SECOND).is_some());
        outcomes.note(match reader.join().unwrap() {
            Found::Ended(words) => {
                assert_eq!(words, [FIRST; 2], "words of one life");
                "the entry was there"
            }
            Found::Stale => "it was in its next life",
            found => panic!("neither ended nor stale, but {found:?}"),
        });
    });
}
