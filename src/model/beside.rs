//! The words beside the slots of an engine.

use crate::raw::beside as real;
use crate::raw::handle::{Base, Place};

/// A word beside one slot, in which mates are numbered.
#[derive(Debug, Clone, Copy)]
pub struct Beside(&'static real::Beside);

impl Default for Beside {
    fn default() -> Self {
        Self(Box::leak(Box::new(real::Beside::new(1).expect("a block's words"))))
    }
}

/// The one slot, in one of its lives.
fn slot(life: u32) -> Place {
    Place::new(Base::new(1, life), 0)
}

impl Beside {
    /// Names the mate of a life of the slot.
    pub fn put(self, life: u32, mate: u32) {
        self.0.put(slot(life), Some(Place::new(Base::new(mate, 0), 0)));
    }

    /// The mate of a life of the slot.
    #[must_use]
    pub fn get(self, life: u32) -> Option<u32> {
        self.0.get(slot(life)).flatten().map(|mate| mate.base().address() as u32)
    }
}
