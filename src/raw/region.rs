//! Memory for all blocks or chunks of a tracer: reserved at once, touched when it is first used.
//!
//! A burst may need the whole budget before the drain gets its turn, and most processes never need
//! more than a small part of it. So a region is one zeroed allocation, which an allocator takes from
//! the operating system as pages that cost nothing until they are written, and the types in it are
//! ready for use when all their bytes are zero.

use crate::raw::block::Block;
use crate::raw::intern::{Entry, Place};
use crate::raw::log::Chunk;

/// Types of which all-zero bytes are a value, the one that `fresh` makes.
///
/// # Safety
///
/// All-zero bytes are a valid value, and its drop does nothing.
pub(crate) unsafe trait Zeroed: Sized + 'static {
    /// The value whose bytes are all zero.
    #[cfg(loom)]
    fn fresh() -> Self;
}

// SAFETY: atomics of integers and pointers, for which zero is valid; nothing is dropped.
unsafe impl Zeroed for Block {
    #[cfg(loom)]
    fn fresh() -> Self {
        Block::new()
    }
}

// SAFETY: atomics of integers and pointers, and words, for which zero is valid; nothing is dropped.
unsafe impl Zeroed for Chunk {
    #[cfg(loom)]
    fn fresh() -> Self {
        Chunk::new()
    }
}

// SAFETY: words, for which zero is valid; nothing is dropped.
unsafe impl Zeroed for Entry {
    #[cfg(loom)]
    fn fresh() -> Self {
        Entry::new()
    }
}

// SAFETY: an atomic pointer, for which zero is valid; nothing is dropped.
unsafe impl Zeroed for Place {
    #[cfg(loom)]
    fn fresh() -> Self {
        Place::new()
    }
}

/// `count` values, for the rest of the process.
#[cfg(not(loom))]
pub(crate) fn leak<T: Zeroed>(count: usize) -> &'static [T] {
    use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
    if count == 0 {
        return &[];
    }
    // The system allocator hands out untouched zero pages only for small alignments, so the
    // alignment is made here.
    let align = align_of::<T>();
    let layout = size_of::<T>()
        .checked_mul(count)
        .and_then(|bytes| bytes.checked_add(align))
        .and_then(|bytes| Layout::from_size_align(bytes, 16).ok());
    let Some(layout) = layout else { handle_alloc_error(Layout::new::<T>()) };
    // SAFETY: the layout's size is not zero, for neither `count` nor any `T` here is.
    let start = unsafe { alloc_zeroed(layout) };
    if start.is_null() {
        handle_alloc_error(layout);
    }
    let offset = start.align_offset(align);
    // SAFETY: the allocation has `align` bytes more than the values need, and an aligned address lies
    // within the first `align` of them. Zero bytes are values of `T` by `Zeroed`. The memory is
    // never freed, and nothing else refers to it.
    unsafe { std::slice::from_raw_parts(start.add(offset).cast(), count) }
}

#[cfg(loom)]
pub(crate) fn leak<T: Zeroed>(count: usize) -> &'static [T] {
    (0..count).map(|_| T::fresh()).collect::<Vec<T>>().leak()
}
