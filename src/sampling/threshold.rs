//! Rejection thresholds on the low 56 bits of a trace id.

use std::fmt;

/// How many of a trace id's low bits are random (W3C Trace Context level 2, section "trace-id").
const RANDOM_BITS: u32 = 56;

/// One more than the greatest value of the random bits.
const RANDOM_LIMIT: u64 = 1 << RANDOM_BITS;

/// The *T* of `R >= T`, at most [`RANDOM_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Threshold(u64);

impl Threshold {
    pub(super) const ALWAYS: Self = Self(0);
    pub(super) const NEVER: Self = Self(RANDOM_LIMIT);

    /// The threshold that keeps a share of `ratio` of all trace ids.
    pub(super) fn for_ratio(ratio: f64) -> Result<Self, InvalidRatio> {
        if !(0.0..=1.0).contains(&ratio) {
            return Err(InvalidRatio { ratio });
        }
        // Scaling by a power of two is exact, and rounding never lets a higher ratio keep fewer.
        let kept = (ratio * RANDOM_LIMIT as f64).round() as u64;
        Ok(Self(RANDOM_LIMIT - kept))
    }

    #[inline]
    pub(super) fn is_never(self) -> bool {
        self == Self::NEVER
    }

    #[inline]
    pub(super) fn keeps(self, trace_id: impl FnOnce() -> u128) -> bool {
        if self == Self::ALWAYS {
            return true;
        }
        if self == Self::NEVER {
            return false;
        }
        trace_id() as u64 & (RANDOM_LIMIT - 1) >= self.0
    }
}

/// A sampling ratio that is not between 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidRatio {
    ratio: f64,
}

impl fmt::Display for InvalidRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sampling ratio is a number from 0 to 1, found {}", self.ratio)
    }
}

impl std::error::Error for InvalidRatio {}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenTelemetry's table of thresholds for 1-in-N sampling, at a precision of five digits.
    #[test]
    fn thresholds_agree_with_the_th_values_of_opentelemetry_probability_sampling() {
        let rows: [(f64, u64); 7] = [
            (1.0, 0x00000),
            (2.0, 0x80000),
            (3.0, 0xaaaab),
            (4.0, 0xc0000),
            (5.0, 0xccccd),
            (10.0, 0xe6666),
            (16.0, 0xf0000),
        ];
        for (n, expected) in rows {
            let threshold = Threshold::for_ratio(1.0 / n).unwrap().0;
            let dropped_bits = RANDOM_BITS - 5 * 4;
            let rounded = (threshold + (1 << (dropped_bits - 1))) >> dropped_bits;
            assert_eq!(rounded, expected, "1 in {n}");
        }
    }

    #[test]
    fn the_threshold_itself_is_kept_and_the_bits_above_are_ignored() {
        let quarter = Threshold::for_ratio(0.25).unwrap();
        assert_eq!(quarter, Threshold(0x00c0_0000_0000_0000));
        assert!(quarter.keeps(|| 0x00c0_0000_0000_0000));
        assert!(!quarter.keeps(|| 0x00bf_ffff_ffff_ffff));
        assert!(!quarter.keeps(|| u128::MAX << RANDOM_BITS));
    }
}
