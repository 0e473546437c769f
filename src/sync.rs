//! The one place that decides between the real primitives and loom's.
//!
//! Everything in `raw` that another thread can see goes through this module, so that a model built
//! with `--cfg loom` runs the very code that ships. The switch is `cfg(loom)` alone: a switch that
//! also asked for `cfg(test)` would silently select the real primitives when the models live in a
//! crate of their own.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic;

#[cfg(loom)]
pub(crate) use loom::sync::atomic;

#[cfg(not(loom))]
pub(crate) use crossbeam_queue::ArrayQueue;

#[cfg(loom)]
pub(crate) use modelled::ArrayQueue;

/// Stand-ins for what loom cannot see into.
#[cfg(loom)]
mod modelled {
    use loom::sync::Mutex;
    use std::collections::VecDeque;

    /// `crossbeam_queue::ArrayQueue` by contract: bounded, first in first out, a pop synchronises
    /// with the push of what it returns. The mutex also orders what the real queue leaves unordered,
    /// so a model may not rely on the order between two pushes.
    #[derive(Debug)]
    pub(crate) struct ArrayQueue<T> {
        items: Mutex<VecDeque<T>>,
        capacity: usize,
    }

    impl<T> ArrayQueue<T> {
        pub(crate) fn new(capacity: usize) -> Self {
            Self { items: Mutex::new(VecDeque::new()), capacity }
        }

        pub(crate) fn push(&self, item: T) -> Result<(), T> {
            let mut items = self.items.lock().unwrap();
            if items.len() == self.capacity {
                return Err(item);
            }
            items.push_back(item);
            Ok(())
        }

        pub(crate) fn pop(&self) -> Option<T> {
            self.items.lock().unwrap().pop_front()
        }

        pub(crate) fn len(&self) -> usize {
            self.items.lock().unwrap().len()
        }
    }
}
