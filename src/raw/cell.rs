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

    /// Stores the reference if the cell holds none; else gives what it holds, loaded in the second
    /// order.
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn fill(
        &self,
        target: &'static T,
        order: Ordering,
        other: Ordering,
    ) -> Result<(), &'static T> {
        let new = ptr::from_ref(target).cast_mut();
        match self.0.compare_exchange(ptr::null_mut(), new, order, other) {
            Ok(_) => Ok(()),
            // SAFETY: not null, or the exchange had succeeded; otherwise as in `load`.
            Err(found) => Err(unsafe { &*found }),
        }
    }

    /// Whether the cell holds exactly the reference to this address.
    #[inline(always)]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn is(&self, target: *const T, order: Ordering) -> bool {
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

        /// Writes `bytes` from the start of word `at` on; what the rest of the last word holds is not
        /// said.
        ///
        /// # Safety
        ///
        /// `at + bytes.len().div_ceil(8) <= N`, and until the write is published no other thread
        /// reads or writes these words.
        #[inline(always)]
        pub(crate) unsafe fn write_bytes(&self, at: usize, bytes: &[u8]) {
            let length = bytes.len();
            debug_assert!(at + length.div_ceil(8) <= N, "{length} bytes at word {at} of {N}");
            // SAFETY: in bounds and unaliased by this function's contract. The words are initialised
            // from the start, see `raw::region`.
            let target = unsafe { self.0.get().cast::<u64>().add(at).cast::<u8>() };
            let source = bytes.as_ptr();
            // Up to twice a size is covered by two pieces of that size, which may overlap. Most keys
            // and values are that short, and a call of the C library costs more than copying them.
            // SAFETY: each piece lies within both the bytes and, by this function's contract, the words.
            unsafe {
                match length {
                    0 => {}
                    1..=3 => {
                        target.write(*source);
                        target.add(length / 2).write(*source.add(length / 2));
                        target.add(length - 1).write(*source.add(length - 1));
                    }
                    4..=8 => both_ends::<4>(source, target, length),
                    9..=16 => both_ends::<8>(source, target, length),
                    17..=32 => both_ends::<16>(source, target, length),
                    _ => copy_long(source, target, length),
                }
            }
        }

        /// The `length` bytes from word `at` on.
        ///
        /// # Safety
        ///
        /// They were written with `write_bytes`, as bytes of a `str` of this length, and no thread
        /// writes these words again.
        #[inline(always)]
        pub(crate) unsafe fn text(&'static self, at: usize, length: usize) -> &'static str {
            // SAFETY: in bounds, initialised and UTF-8 by this function's contract.
            unsafe {
                let start = self.0.get().cast::<u64>().add(at).cast::<u8>();
                std::str::from_utf8_unchecked(std::slice::from_raw_parts(start, length))
            }
        }

        /// The words `at..at + len`.
        ///
        /// # Safety
        ///
        /// `at + len <= N`, and no thread writes these words during `'a`.
        #[inline]
        pub(crate) unsafe fn lend<'a>(&'static self, at: usize, len: usize) -> &'a [u64] {
            debug_assert!(at + len <= N, "words {at}..{} of {N}", at + len);
            // SAFETY: in bounds by this function's contract; the words are initialised from
            // the start, see `raw::region`; nobody writes them while the slice lives.
            unsafe { std::slice::from_raw_parts(self.0.get().cast::<u64>().add(at), len) }
        }
    }

    /// Copies the first and the last `K` bytes.
    ///
    /// # Safety
    ///
    /// `source` may be read and `target` be written for `length` bytes, at least `K`; they do not
    /// overlap.
    #[inline(always)]
    unsafe fn both_ends<const K: usize>(source: *const u8, target: *mut u8, length: usize) {
        // SAFETY: by this function's contract.
        unsafe {
            target.copy_from_nonoverlapping(source, K);
            target.add(length - K).copy_from_nonoverlapping(source.add(length - K), K);
        }
    }

    /// # Safety
    ///
    /// As for `both_ends`.
    #[inline(never)]
    unsafe fn copy_long(source: *const u8, target: *mut u8, length: usize) {
        // SAFETY: by this function's contract.
        unsafe { target.copy_from_nonoverlapping(source, length) }
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

        /// A copy, which the model forgets.
        ///
        /// # Safety
        ///
        /// As for the real words.
        pub(crate) unsafe fn text(&'static self, at: usize, length: usize) -> &'static str {
            // SAFETY: passed on.
            let words = unsafe { self.lend(at, length.div_ceil(8)) };
            let bytes = words.iter().flat_map(|word| word.to_ne_bytes()).take(length).collect::<Vec<u8>>();
            String::from_utf8(bytes).expect("these are the bytes of a text").leak()
        }

        /// A copy, which the model forgets.
        ///
        /// # Safety
        ///
        /// As for the real words.
        pub(crate) unsafe fn lend<'a>(&'static self, at: usize, len: usize) -> &'a [u64] {
            let copy: Vec<u64> = self.0[at..at + len]
                .iter()
                // SAFETY: no writer by this function's contract, which loom checks.
                .map(|cell| cell.with(|word| unsafe { *word }))
                .collect();
            copy.leak()
        }
    }

    impl<const N: usize> fmt::Debug for Words<N> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "Words({N})")
        }
    }
}
