//! How often and how long to try.

use std::time::Duration;

/// The waits between attempts to deliver one request.
///
/// The first wait is about [`initial`](RetryPolicy::initial), and each is
/// [`multiplier`](RetryPolicy::multiplier) times as long as the one before, up to
/// [`max`](RetryPolicy::max). Half of each wait is random, so that many services do not come back at
/// once to a receiver that was down. What the receiver itself asks for is the least that is waited.
///
/// The attempts end with the export's time-out, its deadline or its cancellation, whichever comes
/// first. They are not counted.
///
/// ```
/// use std::time::Duration;
/// use nanospan::otlp::RetryPolicy;
///
/// let patient = RetryPolicy::new().initial(Duration::from_secs(1)).max(Duration::from_secs(30));
/// assert_ne!(patient, RetryPolicy::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct RetryPolicy {
    pub(super) enabled: bool,
    pub(super) initial: Duration,
    pub(super) max: Duration,
    pub(super) multiplier: f64,
}

impl RetryPolicy {
    /// 100 ms at first, twice as long each time, at most 5 s.
    pub const fn new() -> Self {
        Self {
            enabled: true,
            initial: Duration::from_millis(100),
            max: Duration::from_secs(5),
            multiplier: 2.0,
        }
    }

    /// One attempt; whatever goes wrong is final.
    pub const fn disabled() -> Self {
        let mut policy = Self::new();
        policy.enabled = false;
        policy
    }

    /// The first wait. 100 ms by default; more than zero.
    pub const fn initial(mut self, initial: Duration) -> Self {
        self.initial = initial;
        self
    }

    /// The longest wait, unless the receiver asks for a longer one. 5 s by default; not less than
    /// the first wait.
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// How many times as long as the wait before each wait is. 2 by default; at least 1.
    pub const fn multiplier(mut self, multiplier: f64) -> Self {
        self.multiplier = multiplier;
        self
    }

    /// What is out of range, if anything is. A policy that is disabled is not looked at.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if !self.enabled {
            Ok(())
        } else if self.initial.is_zero() {
            // Nothing would keep the attempts from following each other as fast as they fail.
            Err("the first wait is zero")
        } else if self.max < self.initial {
            Err("the longest wait is shorter than the first one")
        } else if !(self.multiplier.is_finite() && self.multiplier >= 1.0) {
            Err("the multiplier is not a number of at least 1")
        } else {
            Ok(())
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_would_never_wait_or_shrink_its_waits_is_refused() {
        let policy = RetryPolicy::new();
        assert_eq!(policy.check(), Ok(()));
        assert_eq!(policy.initial(Duration::from_secs(5)).check(), Ok(()));
        assert_eq!(policy.multiplier(1.0).check(), Ok(()));
        assert!(policy.initial(Duration::ZERO).check().is_err());
        assert!(policy.initial(Duration::from_millis(5001)).check().is_err());
        assert!(policy.max(Duration::from_millis(99)).check().is_err());
        for multiplier in [0.0, 0.99, -2.0, f64::NAN, f64::INFINITY] {
            assert!(policy.multiplier(multiplier).check().is_err(), "{multiplier}");
        }
    }

    #[test]
    fn what_a_disabled_policy_does_not_use_is_not_checked() {
        assert_eq!(RetryPolicy::disabled().initial(Duration::ZERO).check(), Ok(()));
    }
}
