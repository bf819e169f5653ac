//! How much of a quota is used. Pure: what is durable is written by the caller, ahead of what is spent.
//!
//! Requests are spent out of blocks that were written to memory before. A crash loses what was left of a block, which then
//! counts as used: never less is counted than was sent.

use super::period::Period;

/// A block is this part of the quota …
const BLOCKS: u64 = 100;
/// … but never more requests than these: what a crash may cost.
const LARGEST_BLOCK: u64 = 50;

/// The counter of one quota.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    calls: u64,
    cap: Option<u64>,
    period: Period,
    /// Written to memory.
    reserved: u64,
    used: u64,
    closed: bool,
}

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// It is counted, and may go.
    Spent,
    /// Write this number first, then tell by [`Counter::wrote`].
    Reserve(u64),
    /// Not in this window any more.
    Exhausted,
}

impl Counter {
    /// Goes on from what memory holds for the window.
    pub fn new(calls: u64, cap: Option<u64>, period: Period, stored: u64) -> Self {
        Self { calls, cap, period, reserved: stored, used: stored, closed: false }
    }

    pub fn period(&self) -> &Period {
        &self.period
    }

    pub fn used(&self) -> u64 {
        self.used
    }

    /// Part of what is written was not sent.
    pub fn has_unspent(&self) -> bool {
        self.used < self.reserved
    }

    /// Another window has begun (or a clock was put back): what memory holds for it counts.
    pub fn turn(&mut self, period: Period, stored: u64) {
        *self = Self::new(self.calls, self.cap, period, stored);
    }

    /// One request more.
    pub fn take(&mut self) -> Take {
        if self.left() == Some(0) {
            return Take::Exhausted;
        }
        if self.used < self.reserved {
            self.used += 1;
            return Take::Spent;
        }
        let block = (self.calls / BLOCKS).clamp(1, LARGEST_BLOCK);
        Take::Reserve((self.reserved + block).min(self.cap.unwrap_or(u64::MAX)))
    }

    /// So many requests of this window may be spent: memory holds the number.
    pub fn wrote(&mut self, period: &Period, reserved: u64) {
        if self.period == *period {
            self.reserved = self.reserved.max(reserved);
        }
    }

    /// How many requests are left under the cap, if there is one.
    pub fn left(&self) -> Option<u64> {
        self.cap.map(|cap| cap.saturating_sub(self.used))
    }

    /// What comes next needs more than is left: nothing more of this window.
    pub fn close(&mut self) {
        self.closed = true;
    }

    pub fn is_closed(&self) -> bool {
        self.closed || self.left() == Some(0)
    }

    /// How many free requests are left.
    pub fn free_left(&self) -> u64 {
        self.calls.saturating_sub(self.used)
    }

    /// Whether so many requests can be made in this window. An action that needs more than the window ever has may begin
    /// while there is one.
    pub fn has_room_for(&self, calls: u64) -> bool {
        let (Some(left), Some(cap)) = (self.left(), self.cap) else { return true };
        left >= calls.min(cap).max(1)
    }

    /// The same, out of the free ones.
    pub fn is_free_for(&self, calls: u64) -> bool {
        self.free_left() >= calls.min(self.calls).max(1)
    }

    /// The highest threshold, in percent of `calls`, that is passed when the reserved number grows to `reserved`.
    pub fn passes(&self, thresholds: &[u32], reserved: u64) -> Option<u32> {
        let at = |percent: u32| u128::from(self.calls) * u128::from(percent);
        let passed = |percent: &&u32| {
            at(**percent) > u128::from(self.reserved) * 100 && at(**percent) <= u128::from(reserved) * 100
        };
        thresholds.iter().filter(passed).max().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::time::Timestamp;

    fn period(number: u32) -> Period {
        Period { name: format!("2025-{number:02}"), start: Timestamp::UNIX_EPOCH, end: Timestamp::UNIX_EPOCH }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Request,
        /// The process dies; `true`: after the write and before anything was spent of it.
        Crash {
            in_between: bool,
        },
        Window(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => Just(Step::Request),
            1 => any::<bool>().prop_map(|in_between| Step::Crash { in_between }),
            1 => (1_u32..4).prop_map(Step::Window),
        ];
        prop::collection::vec(step, 0..400)
    }

    proptest! {
        #[test]
        fn no_window_has_more_than_its_cap_and_memory_never_counts_less(
            calls in 1_u64..400, above in prop::option::of(0_u64..50), steps in steps()
        ) {
            let cap = above.map(|above| calls + above);
            let mut memory: BTreeMap<String, u64> = BTreeMap::new();
            let mut sent: BTreeMap<String, u64> = BTreeMap::new();
            let mut crashes: BTreeMap<String, u64> = BTreeMap::new();
            let mut counter = Counter::new(calls, cap, period(1), 0);
            for step in steps {
                let stored = |memory: &BTreeMap<String, u64>, of: &Period| memory.get(&of.name).copied().unwrap_or(0);
                match step {
                    Step::Window(number) => {
                        // What was left of the block is lost as in a crash.
                        *crashes.entry(counter.period().name.clone()).or_default() += 1;
                        counter.turn(period(number), stored(&memory, &period(number)));
                    }
                    Step::Crash { in_between } => {
                        let of = counter.period().clone();
                        if let (true, Take::Reserve(number)) = (in_between, counter.clone().take()) {
                            memory.insert(of.name.clone(), number);
                        }
                        *crashes.entry(of.name.clone()).or_default() += 1;
                        counter = Counter::new(calls, cap, of.clone(), stored(&memory, &of));
                    }
                    Step::Request => {
                        let of = counter.period().clone();
                        let mut take = counter.take();
                        if let Take::Reserve(number) = take {
                            prop_assert!(number > stored(&memory, &of));
                            memory.insert(of.name.clone(), number);
                            counter.wrote(&of, number);
                            take = counter.take();
                            prop_assert_eq!(take, Take::Spent);
                        }
                        if take == Take::Spent {
                            *sent.entry(of.name.clone()).or_default() += 1;
                        }
                    }
                }
                for (name, sent) in &sent {
                    let counted = memory.get(name).copied().unwrap_or(0);
                    prop_assert!(*sent <= counted, "{sent} sent, {counted} counted");
                    prop_assert!(cap.is_none_or(|cap| counted <= cap));
                    let lost = crashes.get(name).copied().unwrap_or(0) + 1;
                    prop_assert!(counted - sent <= lost * LARGEST_BLOCK, "more is lost than blocks");
                }
            }
        }

        #[test]
        fn each_threshold_is_passed_once(calls in 1_u64..5_000, thresholds in prop::collection::btree_set(1_u32..200, 1..4)) {
            let thresholds: Vec<u32> = thresholds.into_iter().collect();
            let mut counter = Counter::new(calls, None, period(1), 0);
            let mut passed = Vec::new();
            for _request in 0..calls * 2 + 100 {
                if let Take::Reserve(number) = counter.take() {
                    passed.extend(counter.passes(&thresholds, number));
                    counter.wrote(&period(1), number);
                    prop_assert_eq!(counter.take(), Take::Spent);
                }
            }
            prop_assert_eq!(passed.last(), thresholds.last());
            prop_assert!(passed.is_sorted_by(|one, next| one < next), "{:?}", passed);
        }
    }

    #[test]
    fn an_action_that_needs_more_than_there_ever_is_may_begin_all_the_same() {
        let fresh = Counter::new(3, Some(3), period(1), 0);
        assert!(fresh.has_room_for(5) && fresh.has_room_for(2));
        let used = Counter::new(3, Some(3), period(1), 2);
        assert!(used.has_room_for(1) && !used.has_room_for(2) && !used.has_room_for(5));
    }
}
