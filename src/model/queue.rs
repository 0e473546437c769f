//! `crossbeam_queue::ArrayQueue` by contract; see [`ArrayQueue`].

use loom::sync::atomic::{AtomicUsize, Ordering};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A stand-in for the queue, which loom cannot see into.
///
/// The contract: bounded; first in, first out; a pop synchronises with the push of what it returns;
/// [`len`](Self::len) synchronises with nothing and may be an older length, but never older than
/// what the caller has seen. The stand-in promises one thing more than the real queue, since loom
/// sees each call as a step on one counter: a push also synchronises with the calls before it.
/// Nothing in `raw` may rely on that.
#[derive(Debug)]
pub(crate) struct ArrayQueue<T> {
    /// How many calls there were. Each is one read-modify-write here, and what follows it in the same
    /// call cannot be interrupted: loom switches threads at its own operations only.
    calls: AtomicUsize,
    state: Mutex<State<T>>,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    /// The length after each number of calls.
    lengths: Vec<usize>,
}

impl<T> ArrayQueue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), lengths: vec![0] };
        Self { calls: AtomicUsize::new(0), state: Mutex::new(state), capacity }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        self.calls.fetch_add(1, Ordering::AcqRel);
        let mut state = self.state();
        let has_room = state.items.len() < self.capacity;
        let given = if has_room {
            state.items.push_back(item);
            Ok(())
        } else {
            Err(item)
        };
        let length = state.items.len();
        state.lengths.push(length);
        given
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.calls.fetch_add(1, Ordering::AcqRel);
        let mut state = self.state();
        let item = state.items.pop_front();
        let length = state.items.len();
        state.lengths.push(length);
        item
    }

    pub(crate) fn len(&self) -> usize {
        let calls = self.calls.load(Ordering::Relaxed);
        self.state().lengths[calls]
    }
}
