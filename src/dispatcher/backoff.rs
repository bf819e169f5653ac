//! When to try again: exponential with full jitter, capped.

use std::time::Duration;

/// A connection's schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait.
    pub first: Duration,
    /// No wait is longer.
    pub cap: Duration,
}

impl Backoff {
    /// The wait after the `attempts`-th failed attempt (counted from 1), spread by `unit` from 0 to 1. A vendor's own wish is
    /// honoured in full: the wait is never shorter.
    pub fn wait(&self, attempts: u32, unit: f64, wished: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
        let own = doubled.min(self.cap).mul_f64(unit.clamp(0.0, 1.0));
        wished.map_or(own, |wished| wished.max(own))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(10) };

    #[test]
    fn it_doubles_up_to_the_cap() {
        let longest = |attempts| BACKOFF.wait(attempts, 1.0, None).as_secs();
        assert_eq!([1, 2, 3, 4, 11, 40, u32::MAX].map(longest), [1, 2, 4, 8, 600, 600, 600]);
    }

    proptest! {
        #[test]
        fn a_wish_is_honoured_in_full(attempts in 1..100_u32, unit in 0.0..1.0_f64, wish in 0..100_000_u64) {
            let wait = BACKOFF.wait(attempts, unit, Some(Duration::from_secs(wish)));
            prop_assert!(wait >= Duration::from_secs(wish));
            prop_assert!(wait <= Duration::from_secs(wish).max(BACKOFF.cap));
        }
    }
}
