//! Quantiles of many durations in little memory.

use std::collections::BTreeMap;

/// Each power of two is divided into this many buckets, as a power of two.
const BITS: u32 = 7;

/// Counts durations in buckets that are at most 1/128 of their lower bound wide, so the middle of a
/// bucket is within 1/256 (0.4 %) of everything in it. Durations below 256 ns are exact.
///
/// There are at most 7,424 buckets, and those that nothing fell into take no memory.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    buckets: BTreeMap<u16, u64>,
    count: u64,
    min: u64,
    max: u64,
}

impl Durations {
    /// Counts a duration in nanoseconds.
    pub(crate) fn add(&mut self, nanos: u64) {
        *self.buckets.entry(bucket_of(nanos)).or_default() += 1;
        self.min = if self.count == 0 { nanos } else { self.min.min(nanos) };
        self.max = self.max.max(nanos);
        self.count += 1;
    }

    /// The longest duration; `None` if there is none at all.
    pub(crate) fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The duration that `percent` of all durations do not exceed, by the nearest-rank method.
    pub(crate) fn percentile(&self, percent: u8) -> Option<u64> {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1);
        let mut below = 0;
        for (&bucket, &count) in &self.buckets {
            below += u128::from(count);
            if below >= rank {
                return Some(middle_of(bucket).clamp(self.min, self.max));
            }
        }
        None
    }
}

fn bucket_of(nanos: u64) -> u16 {
    let bits = u64::BITS - nanos.leading_zeros();
    // The first two powers of two worth of buckets are one nanosecond wide.
    let shift = bits.saturating_sub(BITS + 1);
    ((u64::from(shift) << BITS) + (nanos >> shift)) as u16
}

fn middle_of(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    let shift = (bucket >> BITS).saturating_sub(1);
    let lowest = (bucket - (shift << BITS)) << shift;
    lowest + (((1 << shift) - 1) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bucket_is_within_0_4_percent_of_what_falls_into_it(
            bits in 0_u32..64,
            random in any::<u64>(),
        ) {
            let nanos = random >> bits;
            let middle = middle_of(bucket_of(nanos));
            prop_assert!(u128::from(middle.abs_diff(nanos)) * 256 <= u128::from(nanos));
            prop_assert_eq!(bucket_of(middle), bucket_of(nanos));
        }

        #[test]
        fn percentiles_are_those_of_the_sorted_list(
            mut list in proptest::collection::vec(any::<u64>(), 1..300),
            percent in 0_u8..=100,
        ) {
            let mut durations = Durations::default();
            list.iter().for_each(|&nanos| durations.add(nanos));
            list.sort_unstable();
            let rank = (list.len() * usize::from(percent)).div_ceil(100).max(1);
            let exact = list[rank - 1];
            let found = durations.percentile(percent).expect("there are durations");
            prop_assert_eq!(bucket_of(found), bucket_of(exact));
            prop_assert_eq!(durations.max(), list.last().copied());
        }
    }

    #[test]
    fn no_durations_have_no_percentile() {
        assert_eq!(Durations::default().percentile(50), None);
        assert_eq!(Durations::default().max(), None);
    }

    #[test]
    fn the_number_of_buckets_is_as_documented() {
        assert_eq!(bucket_of(u64::MAX), 7_423);
    }
}
