//! Memory for all blocks or chunks of a tracer: reserved at once, touched when it is first used.
//!
//! A burst may need the whole budget before the drain gets its turn, and most processes never need
//! more than a small part of it. So a region is one zeroed allocation, which an allocator takes from
//! the operating system as pages that cost nothing until they are written, and the types in it are
//! ready for use when all their bytes are zero.

#[cfg(any(feature = "bext", loom))]
use crate::raw::beside::Mate;
use crate::raw::block::Block;
use crate::raw::intern::{Entry, Place};
use crate::raw::log::Chunk;
use std::alloc::Layout;
#[cfg(not(loom))]
use std::alloc::alloc_zeroed;

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

// SAFETY: an atomic integer, for which zero is valid; nothing is dropped.
#[cfg(any(feature = "bext", loom))]
unsafe impl Zeroed for Mate {
    #[cfg(loom)]
    fn fresh() -> Self {
        Mate::new()
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

/// `count` values, for the rest of the process; which ends when the system does not give the memory.
pub(crate) fn leak<T: Zeroed>(count: usize) -> &'static [T] {
    try_leak(count).unwrap_or_else(|| {
        std::alloc::handle_alloc_error(layout_of::<T>(count).unwrap_or(Layout::new::<T>()))
    })
}

/// What is allocated for `count` values. The system allocator hands out untouched zero pages only for
/// small alignments, so that of the values is made within.
fn layout_of<T>(count: usize) -> Option<Layout> {
    let bytes = size_of::<T>().checked_mul(count)?.checked_add(align_of::<T>())?;
    Layout::from_size_align(bytes, 16).ok()
}

/// `count` values, for the rest of the process, unless the system does not give the memory.
#[cfg(not(loom))]
pub(crate) fn try_leak<T: Zeroed>(count: usize) -> Option<&'static [T]> {
    if count == 0 {
        return Some(&[]);
    }
    // SAFETY: the layout's size is not zero, for neither `count` nor any `T` here is.
    let start = unsafe { alloc_zeroed(layout_of::<T>(count)?) };
    if start.is_null() {
        return None;
    }
    let offset = start.align_offset(align_of::<T>());
    // SAFETY: the allocation has an alignment's bytes more than the values need, and an aligned address
    // lies within the first of them. Zero bytes are values of `T` by `Zeroed`. The memory is never
    // freed, and nothing else refers to it.
    Some(unsafe { std::slice::from_raw_parts(start.add(offset).cast(), count) })
}

#[cfg(loom)]
pub(crate) fn try_leak<T: Zeroed>(count: usize) -> Option<&'static [T]> {
    Some((0..count).map(|_| T::fresh()).collect::<Vec<T>>().leak())
}
