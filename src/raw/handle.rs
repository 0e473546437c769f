//! What a span is called: a slab index, a slot and a generation in one word, and the keyed
//! permutation that turns the word into a span id.
//!
//! ```text
//!  63            44 43         28 27            6 5         0
//! ┌────────────────┬─────────────┬───────────────┬───────────┐
//! │ tag            │ address     │ generation    │ slot      │   Raw
//! └────────────────┴─────────────┴───────────────┴───────────┘
//!   20 bits          16 bits       22 bits         6 bits
//! ```
//!
//! *Address* and *generation* are sharded-slab's own, taken out of the key that `Pool::create`
//! returned. The key's third part, the shard, is left out: one thread makes all blocks of a tracer,
//! so it is one constant per tracer, and leaving it out pays for a wider tag. *Slot* is the place in
//! the block.
//!
//! The lower 44 bits are a [`Place`]. In memory they stand six bits higher, below a bit that is always
//! set, so that no part of the word has to be moved where every call needs it: the word is what a
//! slot holds at its end while the span lives, the slot's number is the slot's offset in bytes, and the
//! generation is where a slot's `meta` has it.
//!
//! ```text
//!  63 62     50 49         34 33           12 11        6 5     0
//! ┌──┬─────────┬─────────────┬───────────────┬───────────┬───────┐
//! │ 1│ 0       │ address     │ generation    │ slot      │ 0     │   Place
//! └──┴─────────┴─────────────┴───────────────┴───────────┴───────┘
//! ```
//!
//! The *tag* is a keyed hash of the place and the trace id. A handle whose tag does not fit was not
//! made by this tracer (or not for this trace), and is turned away before any of our memory is
//! looked at. One random id in 2^20 passes; it then still has to name a block that exists, the
//! block's current generation, and its 128-bit trace id. The tag is a guard against mistakes, not
//! against somebody who knows the key.
//!
//! The permutation is a bijection that maps 0 to 0; address 0 is never handed out, so no span has
//! the id 0 that W3C Trace Context reserves for "invalid".
//!
//! The entries of a table (`raw::table`) are named likewise: there an entry's number, from 1 on,
//! is the lower 22 bits of the place, and the generation the upper ones.

use crate::raw::ids::SplitMix;
use crate::seeded::{Bug, seeded};
use crate::sync::atomic::{AtomicU64, Ordering};

/// Bits of sharded-slab's address: with an initial page of 32 and 10 pages, 16 bits.
pub(crate) const ADDRESS_BITS: u32 = 16;
/// 64 slots a block.
pub(crate) const SLOT_BITS: u32 = 6;
/// What the slab's `Config` leaves for the generation.
pub(crate) const GENERATION_BITS: u32 = 22;
/// What remains.
pub(crate) const TAG_BITS: u32 = 64 - ADDRESS_BITS - SLOT_BITS - GENERATION_BITS;

const _: () = assert!(TAG_BITS >= 20, "a forged handle must fail the tag a million times to pass it once");
const _: () = assert!(GENERATION_BITS >= 20, "at 100 recycles a second a block's generation lasts for hours");

pub(crate) const PLACE_BITS: u32 = ADDRESS_BITS + SLOT_BITS + GENERATION_BITS;
const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;

/// How far up a place stands in its word: a slot has 64 bytes.
const SHIFT: u32 = 6;
const GENERATION_SHIFT: u32 = SHIFT + SLOT_BITS;
const ADDRESS_SHIFT: u32 = GENERATION_SHIFT + GENERATION_BITS;
const SLOT_MASK: u64 = ((1 << SLOT_BITS) - 1) << SHIFT;

/// The top bit, which every place has: no time is as late.
pub(crate) const LIVE: u64 = 1 << 63;

/// Where a span lives: address, slot and generation, without the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u64);

impl Place {
    /// Nobody's.
    pub(crate) const NONE: Self = Self(0);

    #[inline]
    pub(crate) const fn new(base: Base, slot: u32) -> Self {
        Self(LIVE | base.0 | (slot as u64) << SHIFT)
    }

    /// The same place out of a log record.
    #[inline]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn slot(self) -> u32 {
        (self.0 & SLOT_MASK) as u32 >> SHIFT
    }

    /// The next slot's place. That of the last one is slot 0 of another base, and no place at all.
    #[inline]
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + (1 << SHIFT))
    }

    #[inline]
    pub(crate) const fn base(self) -> Base {
        Base(self.0 & !(LIVE | SLOT_MASK))
    }

    /// As it stands in a `Raw`: the lower [`PLACE_BITS`].
    #[inline]
    pub(crate) const fn raw(self) -> u64 {
        self.0 >> SHIFT & PLACE_MASK
    }

    #[inline]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(LIVE | (raw & PLACE_MASK) << SHIFT)
    }
}

/// Bits of the number of a table's entry.
#[cfg(any(feature = "bext", loom))]
pub(crate) const ENTRY_BITS: u32 = ADDRESS_BITS + SLOT_BITS;

#[cfg(any(feature = "bext", loom))]
impl Place {
    /// Where a table's entry is in one of its lives.
    #[inline]
    pub(crate) const fn of_entry(number: u32, generation: u32) -> Self {
        debug_assert!(number != 0 && number >> ENTRY_BITS == 0 && generation >> GENERATION_BITS == 0);
        Self::from_raw(number as u64 | (generation as u64) << ENTRY_BITS)
    }

    #[inline]
    pub(crate) const fn entry(self) -> u32 {
        self.raw() as u32 & ((1 << ENTRY_BITS) - 1)
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        (self.raw() >> ENTRY_BITS) as u32
    }
}

/// A block in one of its lives: address and generation, with slot 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Base(u64);

impl Base {
    #[inline]
    pub(crate) const fn new(address: u32, generation: u32) -> Self {
        Self((address as u64) << ADDRESS_SHIFT | (generation as u64) << GENERATION_SHIFT)
    }

    #[inline]
    pub(crate) const fn address(self) -> usize {
        (self.0 >> ADDRESS_SHIFT) as usize & ((1 << ADDRESS_BITS) - 1)
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32 & ((1 << GENERATION_BITS) - 1)
    }
}

/// A handle that a thread remembers, as trace id and span id; zeros at first. All accesses are Relaxed:
/// only the thread itself looks here.
#[derive(Debug)]
pub(crate) struct HandleCell {
    trace_high: AtomicU64,
    trace_low: AtomicU64,
    span_id: AtomicU64,
}

impl HandleCell {
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { trace_high: zero(), trace_low: zero(), span_id: zero() }
    }

    /// Whether it is this one.
    #[inline(always)]
    pub(crate) fn is(&self, trace_id: u128, span_id: u64) -> bool {
        let differs = self.trace_high.load(Ordering::Relaxed) ^ (trace_id >> 64) as u64
            | self.trace_low.load(Ordering::Relaxed) ^ trace_id as u64
            | self.span_id.load(Ordering::Relaxed) ^ span_id;
        differs == 0
    }

    #[inline(always)]
    pub(crate) fn set(&self, trace_id: u128, span_id: u64) {
        self.trace_high.store((trace_id >> 64) as u64, Ordering::Relaxed);
        self.trace_low.store(trace_id as u64, Ordering::Relaxed);
        self.span_id.store(span_id, Ordering::Relaxed);
    }
}

/// The tracer's secret: what makes its ids its own.
///
/// Drawn from the operating system for each tracer, so that two tracers in one process do not mint
/// equal ids although their places are the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    multiply: [u64; 2],
    inverse: [u64; 2],
    tag: [u64; 2],
}

impl Key {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut random = SplitMix::new(seed);
        let multiply = [random.next() | 1, random.next() | 1];
        Self { multiply, inverse: multiply.map(inverse_of_odd), tag: [random.next(), random.next() | 1] }
    }

    /// The span id of a place in a trace.
    #[inline]
    pub(crate) fn seal(&self, place: Place, trace_id: u128) -> u64 {
        let raw = place.raw() | u64::from(self.tag_of(place, trace_id)) << PLACE_BITS;
        let mixed = raw.wrapping_mul(self.multiply[0]);
        (mixed ^ mixed >> 32).wrapping_mul(self.multiply[1])
    }

    /// The place that a span id names, if the tag says that we minted it for this trace.
    #[inline]
    pub(crate) fn open(&self, span_id: u64, trace_id: u128) -> Option<Place> {
        let mixed = span_id.wrapping_mul(self.inverse[1]);
        let raw = (mixed ^ mixed >> 32).wrapping_mul(self.inverse[0]);
        let place = Place::from_raw(raw);
        let is_ours = (raw >> PLACE_BITS) as u32 == self.tag_of(place, trace_id);
        (is_ours || seeded(Bug::TagUnchecked)).then_some(place)
    }

    /// As [`open`](Self::open), with the proof that the place was sealed for this trace.
    #[cfg(any(feature = "bext", loom))]
    #[inline]
    pub(crate) fn open_proven(&self, span_id: u64, trace_id: u128) -> Option<(Place, u64)> {
        let mixed = span_id.wrapping_mul(self.inverse[1]);
        let raw = (mixed ^ mixed >> 32).wrapping_mul(self.inverse[0]);
        let place = Place::from_raw(raw);
        let proof = self.proof_of(place, trace_id);
        let is_ours = raw >> PLACE_BITS == proof >> (64 - TAG_BITS);
        (is_ours || seeded(Bug::TagUnchecked)).then_some((place, proof))
    }

    #[inline]
    fn tag_of(&self, place: Place, trace_id: u128) -> u32 {
        (self.proof_of(place, trace_id) >> (64 - TAG_BITS)) as u32
    }

    /// A keyed hash, two rounds of multiply and fold. Its upper bits are the tag; whoever keeps all of
    /// it with a place can tell an id that only happens to have the right tag from one that was minted.
    #[inline]
    pub(crate) fn proof_of(&self, place: Place, trace_id: u128) -> u64 {
        let first = fold(place.raw() ^ self.tag[0] ^ trace_id as u64, self.tag[1]);
        fold(first ^ (trace_id >> 64) as u64, self.tag[1])
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration: each step doubles the number of
/// correct low bits, and an odd number is its own inverse modulo 8.
const fn inverse_of_odd(n: u64) -> u64 {
    let mut inverse = n;
    let mut correct_bits = 3;
    while correct_bits < 64 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(n.wrapping_mul(inverse)));
        correct_bits *= 2;
    }
    inverse
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn places() -> impl Iterator<Item = (Place, u128)> {
        let mut random = SplitMix::new(7);
        (0..20_000).map(move |_| {
            let address = 1 + (random.next() % ((1 << ADDRESS_BITS) - 1)) as u32;
            let generation = (random.next() & ((1 << GENERATION_BITS) - 1)) as u32;
            let slot = (random.next() & 63) as u32;
            let trace_id = u128::from(random.next()) << 64 | u128::from(random.next());
            (Place::new(Base::new(address, generation), slot), trace_id)
        })
    }

    #[test]
    fn a_place_keeps_its_parts() {
        let place = Place::new(Base::new(0xabcd, 0x2f_1234), 37);
        assert_eq!(place.base().address(), 0xabcd);
        assert_eq!(place.base().generation(), 0x2f_1234);
        assert_eq!(place.slot(), 37);
        assert_eq!(Place::from_bits(place.bits()), place);
    }

    #[test]
    fn what_is_sealed_opens_for_its_own_trace_and_key_only() {
        let key = Key::from_seed(1);
        let other = Key::from_seed(2);
        let mut passed_wrongly = 0;
        for (place, trace_id) in places() {
            let id = key.seal(place, trace_id);
            assert_ne!(id, 0);
            assert_eq!(key.open(id, trace_id), Some(place));
            passed_wrongly += usize::from(key.open(id, trace_id ^ 1 << 77).is_some());
            passed_wrongly += usize::from(key.open(id, trace_id ^ 1).is_some());
            passed_wrongly += usize::from(other.open(id, trace_id).is_some());
        }
        // 60,000 tries at one in 2^20.
        assert!(passed_wrongly <= 2, "{passed_wrongly} foreign handles passed the tag");
    }

    #[cfg(feature = "bext")]
    #[test]
    fn an_entry_is_proven_for_its_own_trace_only() {
        let key = Key::from_seed(5);
        for (place, trace_id) in places() {
            let number = place.raw() as u32 & ((1 << ENTRY_BITS) - 1);
            let generation = place.base().generation();
            let entry = Place::of_entry(number, generation);
            assert_eq!((entry.entry(), entry.generation()), (number, generation));
            let (opened, proof) = key.open_proven(key.seal(entry, trace_id), trace_id).unwrap();
            assert_eq!((opened, proof), (entry, key.proof_of(entry, trace_id)));
            assert_ne!(proof, key.proof_of(entry, trace_id ^ 1));
            assert_ne!(proof, key.proof_of(Place::of_entry(number, generation ^ 1), trace_id));
        }
    }

    #[test]
    fn the_permutation_is_inverted_for_every_bit_pattern_tried() {
        let key = Key::from_seed(3);
        for shift in 0..64 {
            let n = 1u64 << shift | 1;
            assert_eq!(n.wrapping_mul(inverse_of_odd(n)), 1);
        }
        assert_eq!(key.multiply[0].wrapping_mul(key.inverse[0]), 1);
        assert_eq!(key.multiply[1].wrapping_mul(key.inverse[1]), 1);
    }
}
