//! Random numbers: seeds from the operating system, trace ids from a generator of the thread's own.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Steele, Lea and Flood's SplitMix64: expands one seed into a stream.
#[derive(Debug)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
const fn mix(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// A thread's source of trace ids.
///
/// Two SplitMix64 streams with seeds of their own give 128 random bits, more than the 56 that W3C
/// Trace Context level 2 asks of an id with the random flag. Written by its own thread alone.
#[derive(Debug)]
pub(crate) struct TraceIds {
    high: AtomicU64,
    low: AtomicU64,
}

impl TraceIds {
    pub(crate) fn new(seed: [u64; 2]) -> Self {
        Self { high: AtomicU64::new(seed[0]), low: AtomicU64::new(seed[1]) }
    }

    /// An id with 64 random bits, its low half, at half the price; the high half is not zero.
    #[inline]
    pub(crate) fn next_short(&self) -> u128 {
        let low = self.low.load(Ordering::Relaxed).wrapping_add(STEP);
        self.low.store(low, Ordering::Relaxed);
        let bits = mix(low);
        u128::from(bits.rotate_left(32) | 1) << 64 | u128::from(bits)
    }

    /// The next id; never zero.
    #[inline]
    pub(crate) fn next(&self) -> u128 {
        loop {
            // Relaxed: only this thread touches the state.
            let high = self.high.load(Ordering::Relaxed).wrapping_add(STEP);
            let low = self.low.load(Ordering::Relaxed).wrapping_add(STEP);
            self.high.store(high, Ordering::Relaxed);
            self.low.store(low, Ordering::Relaxed);
            let id = u128::from(mix(high)) << 64 | u128::from(mix(low));
            if id != 0 {
                return id;
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_of_differently_seeded_threads_do_not_meet() {
        let a = TraceIds::new([1, 2]);
        let b = TraceIds::new([3, 4]);
        let seen: HashSet<u128> = (0..50_000).flat_map(|_| [a.next(), b.next()]).collect();
        assert_eq!(seen.len(), 100_000);
    }

    #[test]
    fn the_low_56_bits_are_spread_evenly() {
        let ids = TraceIds::new([5, 6]);
        let n = 40_000u32;
        for bit in 0..56 {
            let ones: u32 = (0..n).map(|_| (ids.next() >> bit) as u32 & 1).sum();
            let deviation = (i64::from(ones) - i64::from(n / 2)).abs();
            // Six standard deviations of a fair coin: sqrt(n) / 2 * 6 = 600.
            assert!(deviation < 600, "bit {bit} was set {ones} times in {n}");
        }
    }
}
