//! The engine's orderings, each weakened to `Relaxed` in turn: some model fails.
//!
//! This is what proves the models: that they run the engine's code on loom's atomics and not on the
//! processor's, that they come to the races that they are about, and that no ordering which orders
//! anything is there for nothing.

use nanospan::model::{Reader, SOURCES, weaken};
use std::panic::resume_unwind;
use std::thread;

const DOCUMENT: &str = include_str!("../../../docs/memory-ordering.md");

/// An ordering, and the model that fails without it.
struct Needed {
    file: &'static str,
    /// The call, as it stands on one line of the file.
    call: &'static str,
    model: fn(),
    /// What the model says as it fails.
    says: &'static str,
}

/// loom's words for an access that nothing orders.
const RACE: &str = "Causality violation";
/// loom's words for a loop that does not end, here the drain's walk to a chunk that it cannot see.
const NO_END: &str = "Model exceeded maximum number of branches";

const NEEDED: &[Needed] = &[
    Needed {
        file: "raw/beside.rs",
        call: "word.0.store(generation(slot) | mate.map_or(NOBODY, Place::raw), Ordering::Release)",
        model: crate::beside::a_mate_that_is_found_was_started,
        says: "a mate that was started",
    },
    Needed {
        file: "raw/beside.rs",
        call: "self.at(slot)?.0.load(Ordering::Acquire)",
        model: crate::beside::a_mate_that_is_found_was_started,
        says: "a mate that was started",
    },
    Needed {
        file: "raw/block.rs",
        call: "self.holder.store(None, Ordering::Release)",
        model: crate::end::the_owner_and_a_stranger,
        says: "stale ends",
    },
    Needed {
        file: "raw/block.rs",
        call: "self.holder.load(Ordering::Acquire)",
        model: crate::end::the_owner_and_a_stranger,
        says: "stale ends",
    },
    Needed {
        file: "raw/block.rs",
        call: "self.owner_ended.store(mask, Ordering::Release)",
        model: crate::attribute::what_a_stranger_set_before_the_owner_ended,
        says: "what happened before the end",
    },
    Needed {
        file: "raw/block.rs",
        call: "self.owner_ended.load(Ordering::Acquire)",
        model: crate::attribute::the_order_of_three_threads,
        says: "the order of the calls",
    },
    Needed {
        file: "raw/block.rs",
        call: "half.compare_exchange_weak(old, old | bit, Ordering::AcqRel, Ordering::Acquire)",
        model: crate::attribute::what_two_threads_set_before_the_stranger_ended,
        says: "what happened before the end",
    },
    Needed {
        file: "raw/block.rs",
        call: "self.foreign.0[half].load(Ordering::Acquire)",
        model: crate::attribute::what_two_threads_set_before_the_stranger_ended,
        says: "what happened before the end",
    },
    Needed {
        file: "raw/intern.rs",
        call: "let first = self.place(hash, 0).0.load(Ordering::Acquire)",
        model: crate::intern::a_text_is_found_whole_or_not_at_all,
        says: RACE,
    },
    Needed {
        file: "raw/intern.rs",
        call: "let Some(entry) = self.place(hash, probe).0.load(Ordering::Acquire)",
        model: crate::intern::a_text_is_found_whole_or_not_at_all,
        says: RACE,
    },
    Needed {
        file: "raw/intern.rs",
        call: "place.0.fill(entry, Ordering::Release, Ordering::Acquire)",
        model: crate::intern::a_text_is_found_whole_or_not_at_all,
        says: RACE,
    },
    Needed {
        file: "raw/log.rs",
        call: "self.committed.store(position + words as u64, Ordering::Release)",
        model: crate::log::a_rotation_between_look_and_walk,
        says: "out of range",
    },
    Needed {
        file: "raw/log.rs",
        call: "self.log.committed.store(position, Ordering::Release)",
        model: crate::log::whole_records_in_order,
        says: NO_END,
    },
    Needed {
        file: "raw/log.rs",
        call: "self.committed.load(Ordering::Acquire)",
        model: crate::attribute::what_two_threads_set_before_the_stranger_ended,
        says: NO_END,
    },
    Needed {
        file: "raw/log.rs",
        call: "tail.next.store(Some(fresh), Ordering::Release)",
        model: crate::log::a_rotation_between_look_and_walk,
        says: RACE,
    },
    Needed {
        file: "raw/log.rs",
        call: "let next = chunk.next.load(Ordering::Acquire)",
        model: crate::log::a_rotation_between_look_and_walk,
        says: RACE,
    },
    Needed {
        file: "raw/log.rs",
        call: "log.oldest.store(Some(fresh), Ordering::Release)",
        model: crate::walker::a_log_begins_with_a_used_chunk,
        says: "those of another log were counted",
    },
    Needed {
        file: "raw/log.rs",
        call: "log.oldest.store(Some(next), Ordering::Release)",
        model: crate::walker::a_log_goes_on_with_a_used_chunk,
        says: "those of another log were counted",
    },
    Needed {
        file: "raw/log.rs",
        call: "self.oldest.load(Ordering::Acquire)",
        model: crate::walker::a_log_begins_with_a_used_chunk,
        says: "those of another log were counted",
    },
    Needed {
        file: "raw/log.rs",
        call: "current.next.load(Ordering::Acquire)",
        model: crate::walker::a_log_goes_on_with_a_used_chunk,
        says: "those of another log were counted",
    },
    Needed {
        file: "raw/table.rs",
        call: "fence(Ordering::Release)",
        model: crate::table::a_read_while_the_entry_is_used_again,
        says: "words of one life",
    },
    Needed {
        file: "raw/table.rs",
        call: "fence(Ordering::Acquire)",
        model: crate::table::a_read_while_the_entry_is_used_again,
        says: "words of one life",
    },
    Needed {
        file: "raw/table.rs",
        call: "let before = State(entry.first[STATE].load(Ordering::Acquire))",
        model: crate::table::a_handle_that_comes_without_any_order,
        says: "what the entry was filled with",
    },
    Needed {
        file: "raw/table.rs",
        call: "if entry.first[STATE].load(Ordering::Acquire) != live.0",
        model: crate::table::an_end_by_a_handle_that_comes_without_any_order,
        says: "what the entry was filled with",
    },
    Needed {
        file: "raw/table.rs",
        call: "this.head[STATE].store(state.0, Ordering::Release)",
        model: crate::table::a_handle_that_comes_without_any_order,
        says: "what the entry was filled with",
    },
];

/// Orderings that no model can do without noticing; `docs/memory-ordering.md` says why they are there.
const KEPT: &[(&str, &str)] = &[
    ("raw/block.rs", "self.foreign.0[half].swap(NO_GENERATION << 32, Ordering::AcqRel)"),
    ("raw/log.rs", "log.first.store(Some(fresh), Ordering::Release)"),
    ("raw/log.rs", "log.first.load(Ordering::Acquire)"),
];

fn source(file: &str) -> &'static str {
    SOURCES.iter().find(|source| source.0 == file).expect("a source of the engine").1
}

fn lines_with(file: &str, call: &str) -> Vec<u32> {
    (1..).zip(source(file).lines()).filter(|(_, line)| line.contains(call)).map(|(n, _)| n).collect()
}

/// What the model panics with when the call is weakened; `None` when it passes.
fn failure_without(needed: &Needed) -> Option<String> {
    let &Needed { file, call, model, .. } = needed;
    let lines = lines_with(file, call);
    assert!(!lines.is_empty(), "{file} has no call {call}");
    failure(move || {
        lines.iter().for_each(|&line| weaken(file, line));
        model();
    })
}

/// What a model panics with, on a thread of its own: what is weakened in it is weakened there only.
fn failure(model: impl FnOnce() + Send + 'static) -> Option<String> {
    let panic = thread::spawn(model).join().err()?;
    match panic.downcast::<String>() {
        Ok(text) => Some(*text),
        Err(panic) => match panic.downcast::<&str>() {
            Ok(text) => Some((*text).to_owned()),
            Err(panic) => resume_unwind(panic),
        },
    }
}

#[test]
fn no_needed_ordering_can_be_weakened_unnoticed() {
    for needed in NEEDED {
        let Needed { file, call, says, .. } = needed;
        match failure_without(needed) {
            None => panic!("no model noticed that {file} has {call} weakened"),
            Some(text) => assert!(text.contains(says), "{file}, {call}: expected {says:?}, not {text:?}"),
        }
        println!("model weakened: {file}: {call}: fails as it must");
    }
}

/// A drain that gives chunks back without asking the collector would have a walker read words that are
/// being written.
#[test]
fn a_chunk_that_goes_back_at_once_is_noticed() {
    let text = failure(|| crate::walker::reuse(Reader::walk_and_give_back_at_once));
    assert!(text.is_some_and(|text| text.contains(RACE)));
    println!("model weakened: a chunk goes back while a walker is pinned: fails as it must");
}

#[test]
fn every_ordering_is_listed_and_documented() {
    let listed = || NEEDED.iter().map(|needed| (needed.file, needed.call)).chain(KEPT.iter().copied());
    for (file, call) in listed() {
        assert!(!lines_with(file, call).is_empty(), "{file} has no call {call}");
        // In a table a bar is escaped.
        let row = format!("`{}`", call.replace('|', "\\|"));
        assert!(DOCUMENT.contains(&row), "docs/memory-ordering.md has no row for {file}, {call}");
    }
    let orderings = ["Ordering::Acquire", "Ordering::Release", "Ordering::AcqRel", "Ordering::SeqCst"];
    for (file, source) in SOURCES {
        for (n, line) in (1..).zip(source.lines()) {
            let is_code = !line.trim_start().starts_with("//");
            let orders = is_code && orderings.iter().any(|ordering| line.contains(ordering));
            let is_listed = listed().any(|(of, call)| of == *file && line.contains(call));
            assert!(!orders || is_listed, "{file}:{n} is not listed: {line}");
        }
    }
}
