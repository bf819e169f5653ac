//! Loops: our own write comes back as the target's webhook, makes an action, and so on. `unchanged` ends most of them after
//! one turn; where each turn writes something new, a burst on one conflict key is stopped here, instead of being paid for.
//!
//! Counted are live actions that are about to be sent for the first time. What a person asks for again, a replay or an import
//! is no loop, and what the ledger settles costs nothing. Memory is bounded: so many keys, so many moments of each.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::{
    model::{
        id::{KeyHash, WebhookId},
        time::Timestamp,
    },
    topics::{action::Action, event::OriginKind},
};

/// Keys that are watched at the same time.
const MOST_KEYS: usize = 4_096;
/// Causes that are told.
const CAUSES: usize = 5;

/// From when on a burst is taken for a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopRule {
    /// So many actions on one conflict key are in order,
    pub actions: u32,
    /// within this time.
    pub within: Duration,
}

/// The bursts of one lane.
#[derive(Debug)]
pub struct Loops {
    rule: Option<LoopRule>,
    bursts: HashMap<KeyHash, Burst>,
}

#[derive(Debug, Default)]
struct Burst {
    times: VecDeque<Timestamp>,
    causes: VecDeque<Cause>,
}

#[derive(Debug)]
struct Cause {
    step: String,
    webhook: WebhookId,
}

impl Loops {
    pub fn new(rule: Option<LoopRule>) -> Self {
        Self { rule, bursts: HashMap::new() }
    }

    /// An action is about to be sent. Answers why it must not be, if it looks like the next turn of a loop.
    pub fn suspect(&mut self, action: &Action, now: Timestamp) -> Option<String> {
        let rule = self.rule?;
        if action.origin.kind != OriginKind::Live || action.retry > 0 {
            return None;
        }
        let (flow, step) = action.step()?;
        self.make_room(rule, now);
        let burst = self.bursts.entry(action.conflict.clone()).or_default();
        burst.forget(rule, now);
        burst.causes.push_back(Cause { step: format!("{flow}/{step}"), webhook: action.source.webhook.clone() });
        if burst.causes.len() > CAUSES {
            burst.causes.pop_front();
        }
        if burst.times.len() >= rule.actions as usize {
            return Some(burst.describe(rule));
        }
        burst.times.push_back(now);
        None
    }

    /// Forgets what is over; where that is not enough, the smallest bursts: a loop is never among them.
    fn make_room(&mut self, rule: LoopRule, now: Timestamp) {
        if self.bursts.len() < MOST_KEYS {
            return;
        }
        self.bursts.retain(|_, burst| {
            burst.forget(rule, now);
            !burst.times.is_empty()
        });
        if self.bursts.len() < MOST_KEYS {
            return;
        }
        let mut sizes: Vec<_> = self.bursts.values().map(|burst| burst.times.len()).collect();
        sizes.sort_unstable();
        let (small, mut excess) = (sizes[MOST_KEYS / 4], MOST_KEYS / 4);
        self.bursts.retain(|_, burst| {
            let goes = excess > 0 && burst.times.len() <= small;
            excess -= usize::from(goes);
            !goes
        });
    }
}

impl Burst {
    fn forget(&mut self, rule: LoopRule, now: Timestamp) {
        while self.times.front().is_some_and(|at| *at + rule.within <= now) {
            self.times.pop_front();
        }
    }

    fn describe(&self, rule: LoopRule) -> String {
        let causes = self.causes.iter().map(|cause| format!("`{}` for {}", cause.step, cause.webhook));
        format!(
            "more than {} actions on one object within {} s; the last were asked for by {}",
            rule.actions,
            rule.within.as_secs(),
            causes.collect::<Vec<_>>().join(", then ")
        )
    }
}

#[cfg(test)]
mod tests;
