//! The two memory cells that the engine is built from: a reference that can be replaced, and words
//! that one thread writes before it publishes them.

use crate::sync::atomic::{AtomicPtr, Ordering};
use std::fmt;
use std::ptr;

/// An optional `&'static T` that can be replaced atomically.
///
/// What it points to is never freed: blocks and chunks live as long as the process. That is what
/// lets a stale handle look at memory that has long been reused without any guard.
pub(crate) struct AtomicRef<T: 'static>(AtomicPtr<T>);

impl<T> AtomicRef<T> {
    pub(crate) fn none() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn load(&self, order: Ordering) -> Option<&'static T> {
        let pointer = self.0.load(order);
        // SAFETY: the only non-null pointers ever stored come from a `&'static T` (`store`), so the
        // target is aligned, initialised, never freed and only ever shared. Initialisation is
        // visible because every store of a reference to another thread's eyes is `Release` and
        // every load on behalf of another thread is `Acquire`; relaxed loads are made only by the
        // thread that stored the value.
        unsafe { pointer.as_ref() }
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn store(&self, target: Option<&'static T>, order: Ordering) {
        self.0.store(target.map_or(ptr::null_mut(), |t| ptr::from_ref(t).cast_mut()), order);
    }

    /// Whether the cell holds exactly this reference.
    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn is(&self, target: &'static T, order: Ordering) -> bool {
        ptr::eq(self.0.load(order), target)
    }
}

impl<T> fmt::Debug for AtomicRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtomicRef(..)")
    }
}

pub(crate) use words::Words;

#[cfg(not(loom))]
mod words {
    use std::cell::UnsafeCell;
    use std::fmt;

    /// A run of 64-bit words with one writer at a time; readers stay behind a published position.
    ///
    /// The caller's protocol keeps every access to one word ordered: see `raw::log`. Under loom each
    /// word is a cell of its own and loom checks exactly that.
    pub(crate) struct Words<const N: usize>(UnsafeCell<[u64; N]>);

    // SAFETY: `Words` itself gives no synchronisation. Its two accessors are unsafe functions whose
    // callers promise that no word is written while another thread reads or writes it.
    unsafe impl<const N: usize> Sync for Words<N> {}

    impl<const N: usize> Words<N> {
        /// Writes `values` from word `at` on.
        ///
        /// # Safety
        ///
        /// `at + values.len() <= N`, and until the write is published no other thread reads or
        /// writes these words.
        #[inline(always)]
        pub(crate) unsafe fn write<const K: usize>(&self, at: usize, values: [u64; K]) {
            debug_assert!(at + K <= N, "words {at}..{} of {N}", at + K);
            // SAFETY: in bounds and unaliased by this function's contract; `u64` words are aligned.
            unsafe { self.0.get().cast::<u64>().add(at).cast::<[u64; K]>().write(values) }
        }

        /// Writes `bytes` from the start of word `at` on; the rest of the last word is zero.
        ///
        /// # Safety
        ///
        /// `at + bytes.len().div_ceil(8) <= N`, and until the write is published no other thread
        /// reads or writes these words.
        #[inline]
        pub(crate) unsafe fn write_bytes(&self, at: usize, bytes: &[u8]) {
            let words = bytes.len().div_ceil(8);
            debug_assert!(at + words <= N, "words {at}..{} of {N}", at + words);
            if words == 0 {
                return;
            }
            // SAFETY: in bounds and unaliased by this function's contract. The last word is zeroed
            // first, so every byte of every word is initialised.
            unsafe {
                let first = self.0.get().cast::<u64>().add(at);
                first.add(words - 1).write(0);
                first.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
        }

        /// Lends the words `at..at + len` to `f`.
        ///
        /// # Safety
        ///
        /// `at + len <= N`, and no thread writes these words before `f` returns.
        #[inline]
        pub(crate) unsafe fn with<R>(&self, at: usize, len: usize, f: impl FnOnce(&[u64]) -> R) -> R {
            debug_assert!(at + len <= N, "words {at}..{} of {N}", at + len);
            // SAFETY: in bounds by this function's contract; the words are initialised from
            // the start, see `raw::region`; nobody writes them while the slice lives.
            f(unsafe { std::slice::from_raw_parts(self.0.get().cast::<u64>().add(at), len) })
        }
    }

    impl<const N: usize> fmt::Debug for Words<N> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "Words({N})")
        }
    }
}

#[cfg(loom)]
mod words {
    use loom::cell::UnsafeCell;
    use std::fmt;

    /// The same words, each a cell that loom watches.
    pub(crate) struct Words<const N: usize>(Vec<UnsafeCell<u64>>);

    // SAFETY: as for the real words; loom reports any access that breaks the promise.
    unsafe impl<const N: usize> Sync for Words<N> {}

    impl<const N: usize> Words<N> {
        pub(crate) fn zeroed() -> Self {
            Self((0..N).map(|_| UnsafeCell::new(0)).collect())
        }

        /// # Safety
        ///
        /// As for the real words.
        pub(crate) unsafe fn write<const K: usize>(&self, at: usize, values: [u64; K]) {
            for (cell, value) in self.0[at..at + K].iter().zip(values) {
                // SAFETY: exclusive by this function's contract, which loom checks.
                cell.with_mut(|word| unsafe { *word = value });
            }
        }

        /// # Safety
        ///
        /// As for the real words.
        pub(crate) unsafe fn write_bytes(&self, at: usize, bytes: &[u8]) {
            for (i, part) in bytes.chunks(8).enumerate() {
                let mut word = [0; 8];
                word[..part.len()].copy_from_slice(part);
                // SAFETY: passed on from this function's contract.
                unsafe { self.write(at + i, [u64::from_ne_bytes(word)]) };
            }
        }

        /// # Safety
        ///
        /// As for the real words.
        pub(crate) unsafe fn with<R>(&self, at: usize, len: usize, f: impl FnOnce(&[u64]) -> R) -> R {
            let copy: Vec<u64> = self.0[at..at + len]
                .iter()
                // SAFETY: no writer by this function's contract, which loom checks.
                .map(|cell| cell.with(|word| unsafe { *word }))
                .collect();
            f(&copy)
        }
    }

    impl<const N: usize> fmt::Debug for Words<N> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "Words({N})")
        }
    }
}
