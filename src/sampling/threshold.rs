//! Rejection thresholds on the low 56 bits of a trace id.

use std::fmt;

/// How many of a trace id's low bits are random (W3C Trace Context level 2, section "trace-id").
pub(super) const RANDOM_BITS: u32 = 56;

/// One more than the greatest value of the random bits.
const RANDOM_LIMIT: u64 = 1 << RANDOM_BITS;

/// The random bits.
pub(super) const RANDOM_MASK: u64 = RANDOM_LIMIT - 1;

/// How many hexadecimal digits of a probability sampler's threshold count, beyond leading `f`s
/// (OpenTelemetry specification, "TraceState: Probability Sampling": "SDKs are recommended to use 4 digits
/// of precision by default").
const PRECISION: i32 = 4;

/// The *T* of `R >= T`, at most [`RANDOM_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threshold(u64);

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

    /// The threshold that an `ot=th` states.
    pub(super) fn of(value: u64) -> Self {
        Self(value.min(RANDOM_LIMIT))
    }

    /// The threshold of a probability sampler, rounded so that it is written in few digits: four, after
    /// as many leading `f`s as the ratio brings (OpenTelemetry specification, "TraceState: Probability
    /// Sampling", section "Converting floating-point probability to threshold value").
    pub(super) fn for_probability(ratio: f64) -> Result<Self, InvalidProbability> {
        Self::with_precision(ratio, PRECISION)
    }

    fn with_precision(ratio: f64, precision: i32) -> Result<Self, InvalidProbability> {
        if !(MIN_PROBABILITY..=1.0).contains(&ratio) {
            return Err(InvalidProbability { ratio });
        }
        // Exact for every power of two; a ratio near 1 may round to it.
        let rejected = RANDOM_LIMIT - (ratio * RANDOM_LIMIT as f64).round() as u64;
        // A ratio below 2^-4n has n leading digits `f`, which say nothing but its magnitude.
        let exponent = (ratio.to_bits() >> 52) as i32 - 1022;
        let leading = -exponent / 4;
        let digits = (precision + leading).clamp(1, RANDOM_BITS as i32 / 4);
        let unit = 1 << (RANDOM_BITS as i32 - 4 * digits);
        // Never up to the limit, which would reject all.
        let rounded = (rejected + unit / 2) / unit * unit;
        Ok(Self(if rounded < RANDOM_LIMIT { rounded } else { RANDOM_LIMIT - unit }))
    }

    /// As `ot=th` has it: hexadecimal, without trailing zeros.
    pub(super) fn digits(self) -> String {
        let digits = format!("{:014x}", self.0);
        match digits.trim_end_matches('0') {
            "" => "0".to_owned(),
            digits => digits.to_owned(),
        }
    }

    /// Whether a trace of this randomness is kept.
    pub(super) fn keeps_random(self, randomness: u64) -> bool {
        randomness >= self.0
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
        self.keeps_random(trace_id() as u64 & RANDOM_MASK)
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

/// The least probability (OpenTelemetry's Trace SDK, section "ProbabilitySampler"): one trace in 2⁵⁶.
const MIN_PROBABILITY: f64 = 1.0 / RANDOM_LIMIT as f64;

/// A probability that is not between 2⁻⁵⁶ and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidProbability {
    ratio: f64,
}

impl fmt::Display for InvalidProbability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sampling probability is a number from 2^-56 to 1, found {}", self.ratio)
    }
}

impl std::error::Error for InvalidProbability {}

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

    /// The specification's table of 1-in-N sampling, whole: N, and the digits at precisions of 3, 4 and 5.
    #[test]
    fn probabilities_have_the_digits_of_the_specifications_table() {
        let table = [
            (1.0, ["0", "0", "0"]),
            (2.0, ["8", "8", "8"]),
            (3.0, ["aab", "aaab", "aaaab"]),
            (4.0, ["c", "c", "c"]),
            (5.0, ["ccd", "cccd", "ccccd"]),
            (8.0, ["e", "e", "e"]),
            (10.0, ["e66", "e666", "e6666"]),
            (16.0, ["f", "f", "f"]),
            (100.0, ["fd71", "fd70a", "fd70a4"]),
            (1e3, ["ffbe7", "ffbe77", "ffbe76d"]),
            (1e4, ["fff972", "fff9724", "fff97247"]),
            (1e5, ["ffff584", "ffff583a", "ffff583a5"]),
            (1e6, ["ffffef4", "ffffef39", "ffffef391"]),
        ];
        for (n, digits) in table {
            for (precision, expected) in [3, 4, 5].into_iter().zip(digits) {
                let threshold = Threshold::with_precision(1.0 / n, precision).unwrap();
                assert_eq!(threshold.digits(), expected, "1 in {n}, precision {precision}");
            }
        }
    }

    #[test]
    fn probabilities_reach_from_one_trace_in_all_to_every_one() {
        let least = Threshold::for_probability(MIN_PROBABILITY).unwrap();
        assert_eq!(least.digits(), "ffffffffffffff");
        assert_eq!(Threshold::for_probability(1.0).unwrap(), Threshold::ALWAYS);
        assert_eq!(
            Threshold::for_probability(f64::from_bits(1.0_f64.to_bits() - 1)).unwrap(),
            Threshold::ALWAYS
        );
        for bad in [0.0, MIN_PROBABILITY / 2.0, -0.5, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Threshold::for_probability(bad).is_err(), "{bad}");
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
