//! When each of a lane's polls is due.

use std::time::Duration;

use super::{context::LaneContext, polls::PollReport};
use crate::{connectors::contract::Poll, model::time::Timestamp};

/// A poll that fails is not repeated sooner.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

pub(super) struct PollClocks(Vec<PollClock>);

struct PollClock {
    poll: Poll,
    due: Timestamp,
    running: bool,
    failures: u32,
}

impl PollClocks {
    /// All are due now, on the lane's timeline.
    pub fn new(polls: Vec<Poll>, now: Timestamp) -> Self {
        Self(polls.into_iter().map(|poll| PollClock { poll, due: now, running: false, failures: 0 }).collect())
    }

    /// Takes one that is due.
    pub fn take(&mut self, now: Timestamp) -> Option<(usize, Poll)> {
        let due = |clock: &PollClock| !clock.running && clock.due <= now;
        let (index, clock) = self.0.iter_mut().enumerate().find(|(_, clock)| due(clock))?;
        clock.running = true;
        Some((index, clock.poll.clone()))
    }

    pub fn next_due(&self) -> Option<Timestamp> {
        self.0.iter().filter(|clock| !clock.running).map(|clock| clock.due).min()
    }

    /// One has come to its end.
    pub fn heard(&mut self, context: &LaneContext, report: &PollReport, index: usize) {
        let now = context.circuit.timeline.now();
        let Some(clock) = self.0.get_mut(index) else { return };
        clock.running = false;
        clock.failures = if matches!(report, PollReport::Failed(..)) { clock.failures + 1 } else { 0 };
        clock.due = match report {
            PollReport::Done => now + clock.poll.every,
            PollReport::More | PollReport::Halted => now,
            PollReport::Failed(code, wished) => {
                tracing::warn!(
                    connection.id = %context.connection.name, poll = clock.poll.name, code = code.as_str(), "poll failed"
                );
                let wait = context.wait(&context.connection.delivery.backoff, clock.failures, *wished);
                now + wait.max(SHORTEST_WAIT)
            }
        };
    }
}
