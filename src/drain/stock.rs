//! Keeps blocks and chunks ready, touches their memory ahead of need, and takes blocks back.

use crate::raw::block::Block;
use crate::raw::engine::Engine;
use crate::raw::handle::Base;
use crate::raw::log::Chunk;
use crate::raw::slab::{NoShard, Slab};
use crate::raw::supply::{COLD, TIERS};
use std::collections::VecDeque;

/// Blocks and chunks kept ready, 4 MiB of each: what is taken beyond that between two passes costs
/// its taker a page fault. At 25 ns a span a thread fills as many blocks in 1.6 ms, longer than the
/// drain sleeps while anything is being recorded.
const READY: usize = 1024;

/// How far the memory of what was never used has been touched while the drain was held up.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    blocks: usize,
    chunks: usize,
}

impl Ahead {
    /// Touches what threads will take next when nothing comes back to them. It stays where it is: only
    /// the drain's [`Stock`] may hand out blocks, and its own turn is not over.
    pub(crate) fn touch(&mut self, engine: &Engine) {
        let [_, _, blocks] = engine.blocks.lens();
        let [_, _, chunks] = engine.chunks.lens();
        next(engine.memory.blocks, blocks, &mut self.blocks).iter().for_each(Block::touch);
        next(engine.memory.chunks, chunks, &mut self.chunks).iter().for_each(Chunk::touch);
    }
}

/// Of the next `READY` items, of which so many at the end were never taken, those behind `done`, which
/// moves on. Items are handed out in their order.
fn next<'m, T>(all: &'m [T], cold: usize, done: &mut usize) -> &'m [T] {
    let first = all.len().saturating_sub(cold);
    let end = (first + READY).min(all.len());
    let from = (*done).clamp(first, end);
    *done = end;
    &all[from..end]
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Stock {
    slab: Slab,
    /// Addresses of what the block queues hold, oldest first: the queues are first in, first out, so
    /// what a queue is short of is what stands at its mirror's front.
    mirrors: [VecDeque<u32>; TIERS],
}

impl Stock {
    /// Hands all blocks and chunks out, each block in its first life. To be called and used from the
    /// drain's thread only, which becomes the slab's.
    pub(crate) fn new(engine: &Engine) -> Result<Self, NoShard> {
        let mut stock = Self { slab: Slab::new()?, mirrors: Default::default() };
        for address in (1..).take(engine.memory.blocks.len()) {
            // A block's memory says generation 0 while it is all zero, and its place its address:
            // the slab's first answers agree.
            let base = Base::new(address, 0);
            if stock.slab.create() != Some(base) || !engine.blocks.give_cold(base) {
                return Err(NoShard);
            }
            stock.mirrors[COLD].push_back(address);
        }
        for chunk in engine.memory.chunks {
            if !engine.chunks.give_cold(chunk) {
                return Err(NoShard);
            }
        }
        Ok(stock)
    }

    /// Touches memory until enough is ready.
    pub(crate) fn refill(&mut self, engine: &Engine) {
        while engine.blocks.ready() < READY {
            let Some(base) = engine.blocks.take_cold() else { break };
            let address = base.address() as u32;
            // What stands before it was taken by threads, and is still to be told of by `taken`.
            let mirror = &mut self.mirrors[COLD];
            mirror.iter().position(|&held| held == address).and_then(|at| mirror.remove(at));
            self.give(engine, base);
        }
        while engine.chunks.ready() < READY {
            let Some(chunk) = engine.chunks.take_cold() else { break };
            chunk.touch();
            // There is room: no more chunks exist than the supply holds.
            let _ = engine.chunks.give(chunk);
        }
    }

    /// Begins a block's life and hands it out.
    fn give(&mut self, engine: &Engine, base: Base) {
        // Always there: the slab knows of as many addresses as there are blocks.
        if let Some(block) = engine.memory.blocks.get(base.address().wrapping_sub(1)) {
            block.renew(base);
        }
        // There is room, as for chunks.
        if let Ok(tier) = engine.blocks.give(base) {
            self.mirrors[tier].push_back(base.address() as u32);
        }
    }

    /// Calls `each` with the address of every block that was taken since this was asked last.
    pub(crate) fn taken(&mut self, engine: &Engine, mut each: impl FnMut(u32)) {
        for (mirror, held) in self.mirrors.iter_mut().zip(engine.blocks.lens()) {
            let gone = mirror.len().saturating_sub(held);
            mirror.drain(..gone).for_each(&mut each);
        }
    }

    /// Takes a block back whose life is over and hands it out again; returns the base of the new life.
    pub(crate) fn recycle(&mut self, engine: &Engine, base: Base) -> Base {
        self.slab.clear(base);
        // The address that was cleared last comes first.
        match self.slab.create() {
            Some(next) if next.address() == base.address() => {
                self.give(engine, next);
                next
            }
            _ => base,
        }
    }

    /// Bytes of blocks and chunks that have been used.
    pub(crate) fn bytes(&self, engine: &Engine) -> usize {
        let [_, _, blocks] = engine.blocks.lens();
        let [_, _, chunks] = engine.chunks.lens();
        (engine.memory.blocks.len() - blocks) * size_of::<Block>()
            + (engine.memory.chunks.len() - chunks) * size_of::<Chunk>()
    }

    /// How many blocks and chunks are out, with a thread or on their way back.
    pub(crate) fn out(engine: &Engine) -> [usize; 2] {
        let out = |all: usize, ready: [usize; TIERS]| all.saturating_sub(ready.iter().sum());
        [
            out(engine.memory.blocks.len(), engine.blocks.lens()),
            out(engine.memory.chunks.len(), engine.chunks.lens()),
        ]
    }
}
