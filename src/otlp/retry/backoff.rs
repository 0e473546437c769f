//! The waits between attempts.

use std::time::Duration;

use super::RetryPolicy;

/// The longest wait that a server can ask for. It keeps additions to the time of day far from their
/// limits; whoever waits gives up much sooner.
const ASKED_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The waits of one delivery, each longer than the one before, up to a limit.
///
/// With an interval `i` that starts as the policy's first wait and is multiplied after each, a wait
/// is `i/2` and a random part of another `i/2`. What the server asks for takes the place of the first
/// half if it is longer; from then on it is the least of every wait, until the server asks for
/// something else, and the interval goes on from there.
pub(crate) struct Backoff<R> {
    policy: RetryPolicy,
    interval: Duration,
    /// What the server asked for last.
    asked: Duration,
    random: R,
}

impl<R: FnMut() -> u64> Backoff<R> {
    /// The waits after the policy, which has been checked, with random numbers that are uniform over
    /// all of `u64`.
    pub(crate) fn new(policy: &RetryPolicy, random: R) -> Self {
        Self { policy: *policy, interval: policy.initial, asked: Duration::ZERO, random }
    }

    /// How long to wait before the next attempt, at least as long as the server `asked`; `None` if
    /// there shall be none.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if !self.policy.enabled {
            return None;
        }
        if let Some(asked) = asked {
            self.asked = asked.min(ASKED_MAX);
        }
        let half = self.interval / 2;
        let wait = self.asked.max(half).saturating_add(self.random_up_to(half));
        self.grow();
        Some(wait)
    }

    /// The policy's limit keeps the interval from growing, not from being as long as was asked for.
    fn grow(&mut self) {
        let (from, max) = (self.interval.max(self.asked), self.policy.max);
        self.interval = if from < max {
            let grown = Duration::try_from_secs_f64(from.as_secs_f64() * self.policy.multiplier);
            grown.unwrap_or(max).min(max)
        } else {
            from
        };
    }

    /// Uniform over zero to `most`, both included.
    fn random_up_to(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let scaled = u128::from((self.random)()) * (u128::from(most) + 1);
        // The upper half of a product with a factor of at most 2^64.
        Duration::from_nanos((scaled >> 64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: fn() -> u64 = || 0;
    const MOST: fn() -> u64 = || u64::MAX;
    const MS: Duration = Duration::from_millis(1);

    /// The waits for what the server asks for one time after the other.
    fn waits(policy: RetryPolicy, random: fn() -> u64, asked: &[Option<Duration>]) -> Vec<Duration> {
        let mut backoff = Backoff::new(&policy, random);
        asked.iter().map(|asked| backoff.next(*asked).expect("the policy is enabled")).collect()
    }

    #[test]
    fn waits_double_up_to_the_limit_and_half_of_each_is_random() {
        let policy = RetryPolicy::new();
        let longest: Vec<u128> = waits(policy, MOST, &[None; 9]).iter().map(Duration::as_millis).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        let shortest: Vec<u128> = waits(policy, LEAST, &[None; 9]).iter().map(Duration::as_millis).collect();
        assert_eq!(shortest, [50, 100, 200, 400, 800, 1600, 2500, 2500, 2500]);
    }

    #[test]
    fn the_random_part_is_uniform_over_its_half() {
        // Equal steps through all random numbers give equal steps through the second half.
        let mut random = 0_u64;
        let policy = RetryPolicy::new().max(100 * MS);
        let mut backoff = Backoff::new(&policy, || {
            random = random.wrapping_add(1 << 62);
            random
        });
        let waits: Vec<f64> = (0..4)
            .map(|_| backoff.next(None).expect("the policy is enabled").as_secs_f64() * 1000.0)
            .map(|wait| (wait * 1000.0).round() / 1000.0)
            .collect();
        assert_eq!(waits, [62.5, 75.0, 87.5, 50.0]);
    }

    #[test]
    fn a_multiplier_of_one_keeps_the_wait() {
        let policy = RetryPolicy::new().multiplier(1.0);
        assert_eq!(waits(policy, MOST, &[None; 3]), [100 * MS; 3]);
    }

    #[test]
    fn a_disabled_policy_gives_no_wait_even_if_the_server_asks_for_one() {
        let mut backoff = Backoff::new(&RetryPolicy::disabled(), LEAST);
        assert_eq!(backoff.next(None), None);
        assert_eq!(backoff.next(Some(MS)), None);
    }

    #[test]
    fn what_the_server_asks_for_is_the_least_when_it_is_longer_than_the_back_off() {
        let policy = RetryPolicy::new().initial(Duration::from_nanos(1)).max(Duration::from_nanos(1));
        let second = Duration::from_secs(1);
        for random in [LEAST, MOST] {
            assert_eq!(waits(policy, random, &[Some(second); 3])[0], second);
        }
    }

    #[test]
    fn the_back_off_is_waited_when_it_is_longer_than_what_the_server_asks_for() {
        let asked = [Some(Duration::ZERO), Some(MS), Some(30 * MS)];
        assert_eq!(waits(RetryPolicy::new(), LEAST, &asked), [50 * MS, 100 * MS, 200 * MS]);
    }

    #[test]
    fn the_waits_go_on_from_what_the_server_asked_for() {
        let asked = [Some(2000 * MS), None, None, None];
        let policy = RetryPolicy::new();
        assert_eq!(waits(policy, LEAST, &asked), [2000 * MS, 2000 * MS, 2500 * MS, 2500 * MS]);
        assert_eq!(waits(policy, MOST, &asked), [2050 * MS, 4000 * MS, 5000 * MS, 5000 * MS]);
    }

    #[test]
    fn no_wait_is_shorter_than_what_was_asked_for_before_even_above_the_limit() {
        let asked = [Some(30_000 * MS), None, None];
        assert_eq!(waits(RetryPolicy::new(), LEAST, &asked), [30_000 * MS; 3]);
        assert_eq!(waits(RetryPolicy::new(), MOST, &asked)[1..], [45_000 * MS; 2]);
    }

    #[test]
    fn the_newest_word_of_the_server_counts() {
        let asked = [Some(30_000 * MS), Some(20_000 * MS)];
        assert_eq!(waits(RetryPolicy::new(), LEAST, &asked), [30_000 * MS, 20_000 * MS]);
    }

    #[test]
    fn absurd_waits_are_cut_to_a_day_and_overflow_nothing() {
        let day = Duration::from_secs(86_400);
        assert_eq!(waits(RetryPolicy::new(), LEAST, &[Some(Duration::MAX), None]), [day; 2]);
        let longest = RetryPolicy::new().initial(Duration::MAX).max(Duration::MAX).multiplier(1e300);
        assert!(waits(longest, MOST, &[None; 3]).iter().all(|wait| *wait >= Duration::MAX / 2));
        let steep = RetryPolicy::new().multiplier(f64::MAX).max(Duration::MAX);
        assert_eq!(waits(steep, MOST, &[None, Some(Duration::MAX), None])[0], 100 * MS);
    }
}
