//! The slab: gives each block its address and its generations.
//!
//! An element stands for the block of the same address in the tracer's region. The slab is the
//! drain's alone: one thread creates and clears, no other calls in. That settles three things about
//! sharded-slab: pages are allocated and registered on the drain's thread, its limit of threads
//! cannot be met by a caller, and no reader's guard can ever put off a clear.

use crate::raw::handle::{ADDRESS_BITS, Base, GENERATION_BITS, SLOT_BITS, TAG_BITS};
use sharded_slab::{Clear, Config, Pool};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The slab's shape: pages of 32, 64, ... 16,384 addresses, 32,736 in all.
#[derive(Debug)]
struct Shape;

const FIRST_PAGE: usize = 32;
const PAGES: usize = 10;
const SHARD_BITS: u32 = 13;

/// The most blocks a tracer can have: 32,735, since address 0 is not used.
pub(crate) const MAX_BLOCKS: usize = FIRST_PAGE * ((1 << PAGES) - 1) - 1;

impl Config for Shape {
    const INITIAL_PAGE_SIZE: usize = FIRST_PAGE;
    const MAX_PAGES: usize = PAGES;
    // The key holds address, shard and generation; what a handle needs besides is reserved: the
    // slot, and the tag less the bits that leaving out the shard saves.
    const RESERVED_BITS: usize = (SLOT_BITS + TAG_BITS - SHARD_BITS) as usize;
}

const _: () = assert!(MAX_BLOCKS < 1 << ADDRESS_BITS, "every address fits into its field");
const _: () = assert!(
    ADDRESS_BITS + SHARD_BITS + GENERATION_BITS + Shape::RESERVED_BITS as u32 == 64,
    "address, shard, generation and the reserved bits fill the key"
);

/// What the slab stores: nothing. A block's memory is found by its address.
#[derive(Debug, Default)]
struct Element;

impl Clear for Element {
    fn clear(&mut self) {}
}

/// See the module.
pub(crate) struct Slab {
    pool: Pool<Element, Shape>,
    /// The shard's bits in every key.
    shard: usize,
}

/// The slab cannot be used from this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoShard;

impl Slab {
    /// A slab to be used from the calling thread only.
    ///
    /// Fails when sharded-slab has given out all its thread ids: 4,096 threads of the process are
    /// alive that use the crate, by way of another library.
    pub(crate) fn new() -> Result<Self, NoShard> {
        let pool = Pool::<Element>::new_with_config::<Shape>();
        // The crate panics past its limit of threads. Address 0 is taken here and never given out:
        // it is what makes the id 0 impossible.
        let first = catch_unwind(AssertUnwindSafe(|| pool.create().map(|element| element.key())));
        let key = first.ok().flatten().ok_or(NoShard)?;
        let shard = key & (((1 << SHARD_BITS) - 1) << ADDRESS_BITS);
        Ok(Self { pool, shard })
    }

    /// An address at the start of a new life. Addresses that were cleared come first, the last one
    /// first of all; new ones follow each other from 1 on, at generation 0. `None` when all
    /// [`MAX_BLOCKS`] are in use.
    pub(crate) fn create(&mut self) -> Option<Base> {
        let key = self.pool.create()?.key() as u64;
        let address = key & ((1 << ADDRESS_BITS) - 1);
        let generation = key >> (ADDRESS_BITS + SHARD_BITS) & ((1 << GENERATION_BITS) - 1);
        Some(Base::new(address as u32, generation as u32))
    }

    /// Ends a block's life: its address gets the next generation.
    pub(crate) fn clear(&mut self, base: Base) {
        let generation = (base.generation() as usize) << (ADDRESS_BITS + SHARD_BITS);
        self.pool.clear(base.address() | self.shard | generation);
    }
}

impl std::fmt::Debug for Slab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slab").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn new_addresses_follow_each_other_from_1_at_generation_0() {
        let mut slab = Slab::new().unwrap();
        for address in 1..=5000 {
            assert_eq!(slab.create(), Some(Base::new(address, 0)));
        }
    }

    #[test]
    fn a_cleared_address_comes_back_first_with_the_next_generation() {
        let mut slab = Slab::new().unwrap();
        let mut last = slab.create().unwrap();
        for _ in 0..1000 {
            slab.clear(last);
            let again = slab.create().unwrap();
            assert_eq!(again, Base::new(last.address() as u32, last.generation() + 1));
            last = again;
        }
    }

    #[test]
    fn there_are_as_many_addresses_as_promised_and_no_two_are_the_same() {
        let mut slab = Slab::new().unwrap();
        let bases: std::collections::HashSet<usize> =
            std::iter::from_fn(|| slab.create()).map(Base::address).collect();
        assert_eq!(bases.len(), MAX_BLOCKS);
    }
}
