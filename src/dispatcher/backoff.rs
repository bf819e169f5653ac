//! When to try again: full jitter over a list of waits, or over one that doubles up to its cap.

use std::{sync::Arc, time::Duration};

/// Waits that double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait.
    pub first: Duration,
    /// No wait is longer.
    pub cap: Duration,
}

/// A connection's schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    Exponential(Backoff),
    /// One wait after the other; the last one again and again.
    List(Arc<[Duration]>),
}

impl Backoff {
    /// The wait after the `attempts`-th failed attempt (counted from 1), spread by `unit` from 0 to 1. A vendor's own wish is
    /// honoured in full: the wait is never shorter.
    pub fn wait(&self, attempts: u32, unit: f64, wished: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
        spread(doubled.min(self.cap), unit, wished)
    }
}

impl Schedule {
    /// As [`Backoff::wait`].
    pub fn wait(&self, attempts: u32, unit: f64, wished: Option<Duration>) -> Duration {
        match self {
            Self::Exponential(backoff) => backoff.wait(attempts, unit, wished),
            Self::List(waits) => {
                let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
                let longest = waits.get(place).or(waits.last()).copied().unwrap_or_default();
                spread(longest, unit, wished)
            }
        }
    }
}

fn spread(longest: Duration, unit: f64, wished: Option<Duration>) -> Duration {
    let own = longest.mul_f64(unit.clamp(0.0, 1.0));
    wished.map_or(own, |wished| wished.max(own))
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

    #[test]
    fn a_list_is_followed_to_its_end_and_its_last_wait_stays() {
        let list = Schedule::List([60, 300, 3600].map(Duration::from_secs).into());
        let longest = |attempts| list.wait(attempts, 1.0, None).as_secs();
        assert_eq!([1, 2, 3, 4, u32::MAX].map(longest), [60, 300, 3600, 3600, 3600]);
        assert_eq!(list.wait(2, 0.5, None), Duration::from_secs(150), "full jitter");
        assert_eq!(list.wait(2, 0.5, Some(Duration::from_secs(200))), Duration::from_secs(200));
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
