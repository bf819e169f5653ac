//! How fast a lane may call: one request each so often. A lane has one owner, so this is exact.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::model::time::Clock;

/// Spaces requests evenly.
pub struct Pacer {
    clock: Arc<dyn Clock>,
    interval: Duration,
    next: Mutex<Duration>,
}

impl Pacer {
    /// `per_second`: requests a second, or no limit.
    pub fn new(clock: Arc<dyn Clock>, per_second: Option<u32>) -> Self {
        let interval = per_second.filter(|n| *n > 0).map_or(Duration::ZERO, |n| Duration::from_secs(1) / n);
        Self { clock, interval, next: Mutex::new(Duration::ZERO) }
    }

    /// Waits for the next free slot.
    pub async fn slot(&self) {
        if self.interval.is_zero() {
            return;
        }
        let now = self.clock.elapsed();
        let mine = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = (*next).max(now);
            *next = mine + self.interval;
            mine
        };
        if mine > now {
            self.clock.sleep(mine.saturating_sub(now)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{ManualClock, Timestamp};

    #[tokio::test]
    async fn the_third_request_waits_its_turn() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let pacer = Pacer::new(Arc::clone(&clock) as Arc<dyn Clock>, Some(2));
        pacer.slot().await;
        let both = async { tokio::join!(pacer.slot(), pacer.slot()) };
        let (_, ()) = tokio::join!(both, async {
            clock.advance(Duration::from_millis(500));
            clock.advance(Duration::from_millis(500));
        });
        assert_eq!(*pacer.next.lock().expect("lock"), Duration::from_millis(1500));
    }
}
