//! The slab: gives each block its address and its generations.
//!
//! An element owns a block's memory, made when the address is first used and kept from then on. The
//! slab is the drain's alone: one thread creates and clears, no other calls in. That settles three
//! things about sharded-slab: pages are allocated and registered on the drain's thread, its limit
//! of threads cannot be met by a caller, and no reader's guard can ever put off a clear.

use crate::raw::block::Block;
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

/// What the slab stores.
#[derive(Debug, Default)]
struct Element(Option<&'static Block>);

impl Clear for Element {
    /// Keeps the memory: the next life uses it again.
    fn clear(&mut self) {}
}

/// See the module.
pub(crate) struct Slab {
    pool: Pool<Element, Shape>,
    /// The shard's bits in every key.
    shard: usize,
    /// Blocks whose memory exists.
    made: usize,
    max: usize,
}

/// The slab cannot be used from this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoShard;

impl Slab {
    /// A slab for at most `max` blocks, to be used from the calling thread only.
    ///
    /// Fails when sharded-slab has given out all its thread ids: 4,096 threads of the process are
    /// alive that use the crate, by way of another library.
    pub(crate) fn new(max: usize) -> Result<Self, NoShard> {
        let pool = Pool::<Element>::new_with_config::<Shape>();
        // The crate panics past its limit of threads. Address 0 is taken here and never given out:
        // it is what makes the id 0 impossible.
        let first = catch_unwind(AssertUnwindSafe(|| pool.create().map(|element| element.key())));
        let key = first.ok().flatten().ok_or(NoShard)?;
        let shard = key & (((1 << SHARD_BITS) - 1) << ADDRESS_BITS);
        Ok(Self { pool, shard, made: 0, max: max.min(MAX_BLOCKS) })
    }

    /// A block at the start of a new life; `None` when there are as many as there may be. The flag
    /// says whether its memory is new.
    pub(crate) fn create(&mut self) -> Option<(&'static Block, Base, bool)> {
        let mut element = self.pool.create()?;
        let fresh = element.0.is_none();
        if fresh && self.made == self.max {
            let key = element.key();
            drop(element);
            self.pool.clear(key);
            return None;
        }
        let block = *element.0.get_or_insert_with(|| Box::leak(Box::new(Block::new())));
        self.made += usize::from(fresh);
        let key = element.key() as u64;
        let address = key & ((1 << ADDRESS_BITS) - 1);
        let generation = key >> (ADDRESS_BITS + SHARD_BITS) & ((1 << GENERATION_BITS) - 1);
        let base = Base::new(address as u32, generation as u32);
        block.renew(base);
        Some((block, base, fresh))
    }

    /// Ends a block's life: its address gets the next generation.
    pub(crate) fn clear(&mut self, base: Base) {
        let generation = (base.generation() as usize) << (ADDRESS_BITS + SHARD_BITS);
        self.pool.clear(base.address() | self.shard | generation);
    }

    /// Blocks whose memory exists.
    pub(crate) fn made(&self) -> usize {
        self.made
    }
}

impl std::fmt::Debug for Slab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slab").field("made", &self.made).field("max", &self.max).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_with_the_next_generation_and_the_same_memory() {
        let mut slab = Slab::new(1).unwrap();
        let (block, mut last, _) = slab.create().unwrap();
        assert_ne!(last.address(), 0);
        for _ in 0..1000 {
            slab.clear(last);
            let (again, base, fresh) = slab.create().unwrap();
            assert!(std::ptr::eq(block, again) && !fresh);
            assert_eq!(base.address(), last.address());
            assert_eq!(base.generation(), last.generation() + 1);
            last = base;
        }
    }

    #[test]
    fn there_are_as_many_blocks_as_asked_for_and_no_two_share_an_address() {
        let mut slab = Slab::new(1000).unwrap();
        let bases: std::collections::HashSet<u64> =
            std::iter::from_fn(|| slab.create()).map(|(_, base, _)| base.bits()).collect();
        assert_eq!(bases.len(), 1000);
        assert_eq!(slab.made(), 1000);
    }
}
