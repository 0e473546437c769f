//! Makes blocks and chunks ahead of need, touches their memory, and takes blocks back.

use crate::raw::block::Block;
use crate::raw::engine::Engine;
use crate::raw::handle::Base;
use crate::raw::log::Chunk;
use crate::raw::slab::{NoShard, Slab};
use crate::raw::supply::TIERS;
use std::collections::VecDeque;

/// Blocks and chunks kept ready at first, 4 MiB of each. At 25 ns a span a thread empties as many
/// blocks in 1.6 ms, longer than the drain sleeps while anything is being recorded.
const READY: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(crate) struct Stock {
    slab: Slab,
    /// Addresses of what the block queues hold, oldest first: the queues are first in, first out, so
    /// what a queue is short of is what stands at its mirror's front.
    mirrors: [VecDeque<u32>; TIERS],
    chunks: usize,
    ready_blocks: usize,
    ready_chunks: usize,
}

impl Stock {
    /// To be used from the calling thread only, which becomes the slab's.
    pub(crate) fn new(engine: &Engine) -> Result<Self, NoShard> {
        let sizes = engine.sizes;
        Ok(Self {
            slab: Slab::new(sizes.blocks)?,
            mirrors: Default::default(),
            chunks: 0,
            ready_blocks: READY.min(sizes.blocks),
            ready_chunks: READY.min(sizes.chunks),
        })
    }

    /// Fills the supplies up to what should be ready, and calls `made` with every block at the start
    /// of a new life. A supply found empty is made twice as large, as far as the budget goes.
    pub(crate) fn refill(&mut self, engine: &Engine, mut made: impl FnMut(&'static Block, Base)) {
        let sizes = engine.sizes;
        if engine.blocks.len() == 0 {
            self.ready_blocks = (self.ready_blocks * 2).min(sizes.blocks);
        }
        while engine.blocks.len() < self.ready_blocks {
            let Some((block, base, fresh)) = self.slab.create() else { break };
            if fresh {
                engine.enter(base.address(), block);
            }
            made(block, base);
            match engine.blocks.give(block) {
                Ok(tier) => self.mirrors[tier].push_back(base.address() as u32),
                Err(_) => {
                    self.slab.clear(base);
                    break;
                }
            }
        }
        if engine.chunks.len() == 0 {
            self.ready_chunks = (self.ready_chunks * 2).min(sizes.chunks);
        }
        while self.chunks < sizes.chunks && engine.chunks.len() < self.ready_chunks {
            self.chunks += 1;
            if engine.chunks.give(Box::leak(Box::new(Chunk::new()))).is_err() {
                break;
            }
        }
    }

    /// Calls `each` with the address of every block that was taken since this was asked last.
    pub(crate) fn taken(&mut self, engine: &Engine, mut each: impl FnMut(u32)) {
        for (mirror, held) in self.mirrors.iter_mut().zip(engine.blocks.lens()) {
            let gone = mirror.len().saturating_sub(held);
            mirror.drain(..gone).for_each(&mut each);
        }
    }

    /// Takes back a block whose life is over.
    pub(crate) fn recycle(&mut self, base: Base) {
        self.slab.clear(base);
    }

    /// Bytes of blocks and chunks that exist.
    pub(crate) fn bytes(&self) -> usize {
        self.slab.made() * size_of::<Block>() + self.chunks * size_of::<Chunk>()
    }
}
