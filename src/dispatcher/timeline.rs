//! A lane's own timeline: it starts at the time of day at which the lane was taken over, and goes on with the clock that
//! nobody sets. All that waits in a lane waits on it, so a time of day that jumps neither holds anything up nor hurries it.
//!
//! Memory holds times of day, because it outlives the process. What was parked by another owner may have been parked by
//! another clock: it waits at most as long as it was to wait when it was parked, whatever the time of day is now.

use std::{sync::Arc, time::Duration};

use crate::model::time::{Clock, Timestamp};

pub struct Timeline {
    clock: Arc<dyn Clock>,
    start: Timestamp,
    elapsed: Duration,
}

impl Timeline {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (start, elapsed) = (clock.now(), clock.elapsed());
        Self { clock, start, elapsed }
    }

    /// The moment at which the lane was taken over.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    pub fn now(&self) -> Timestamp {
        self.start + self.clock.elapsed().saturating_sub(self.elapsed)
    }

    /// The time of day that a moment of the timeline will have, as far as anybody knows.
    pub fn time_of_day(&self, moment: Timestamp) -> Timestamp {
        self.clock.now().saturating_add(moment.duration_since(self.now())).expect("a span of time fits")
    }

    /// How much is over of the wait between two times of day.
    pub fn waited(&self, parked: Timestamp, due: Timestamp) -> Duration {
        span(parked, self.clock.now()).min(span(parked, due))
    }

    /// When such a wait is over, on the timeline.
    pub fn due(&self, parked: Timestamp, due: Timestamp) -> Timestamp {
        self.now() + span(parked, due).saturating_sub(self.waited(parked, due))
    }
}

/// From one moment to a later one; nothing when it is not later.
pub fn span(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::model::time::ManualClock;

    #[test]
    fn a_time_of_day_that_jumps_moves_nothing() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let timeline = Timeline::new(Arc::clone(&clock) as Arc<dyn Clock>);
        for shift in [SignedDuration::from_hours(1000), SignedDuration::from_hours(-1000)] {
            clock.set_wall(shift);
            assert_eq!(timeline.now(), timeline.start());
            let due = timeline.now() + Duration::from_mins(1);
            assert_eq!(timeline.time_of_day(due), clock.now() + Duration::from_mins(1));
        }
        clock.advance(Duration::from_secs(7));
        assert_eq!(timeline.now(), timeline.start() + Duration::from_secs(7));
    }
}
