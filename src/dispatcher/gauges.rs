//! What a lane tells about itself: how much waits, how much is under way, how long the oldest has waited.

use std::{sync::Arc, time::Duration};

use super::{board::Entry, bulk::BulkIntake, ends::ROLE, line::Line};
use crate::{
    model::{connection::ConnectionName, time::Timestamp},
    telemetry::Metrics,
};

/// The oldest is looked for among all keys, so not at every turn.
const OLDEST_EVERY: Duration = Duration::from_secs(10);

/// A lane's gauges. They are gone with the lane: its next owner tells them.
pub(super) struct Gauges {
    metrics: Arc<Metrics>,
    name: ConnectionName,
    oldest_after: Timestamp,
    /// What was told last: most turns of a lane change little.
    told: Option<(usize, usize, u64)>,
    board: Entry,
}

impl Gauges {
    pub fn new(metrics: &Arc<Metrics>, name: &ConnectionName, board: Entry, now: Timestamp) -> Self {
        board.quotas().iter().for_each(|quota| quota.tell(metrics, name));
        Self { metrics: Arc::clone(metrics), name: name.clone(), oldest_after: now, told: None, board }
    }

    /// At this moment of the lane's timeline, and at this time of day.
    pub fn tell(&mut self, line: &Line, running: usize, bulk: &BulkIntake, (moment, now): (Timestamp, Timestamp)) {
        let (topic, lag) = bulk.lag();
        let tells = (line.len(), running, lag);
        if self.told.replace(tells) != Some(tells) {
            self.metrics.set_waiting(&self.name, line.len());
            self.metrics.set_in_flight(&self.name, running);
            self.metrics.set_lag(ROLE, topic, lag);
            self.board.stands(line.len(), running);
        }
        if self.oldest_after <= moment || line.is_empty() {
            self.oldest_after = moment + OLDEST_EVERY;
            let oldest = line.oldest();
            self.board.oldest(oldest);
            let age = oldest.map(|since| Duration::try_from(now.duration_since(since)).unwrap_or_default());
            self.metrics.set_oldest_waiting(&self.name, age.unwrap_or_default());
        }
    }

    /// An action came to its end.
    pub fn settled(&self) {
        self.board.settled();
    }

    /// When they are to be told again although nothing happens.
    pub fn next_due(&self, line: &Line) -> Option<Timestamp> {
        (!line.is_empty()).then_some(self.oldest_after)
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        self.metrics.forget_lane(&self.name);
        self.board.quotas().iter().for_each(|quota| quota.forget(&self.metrics, &self.name));
    }
}
