//! How many conversations a lane has with its vendor at the same time. What follows a conversation needs no slot: while an
//! outcome is on its way to the log, the next action talks already.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// A lane's slots. One task takes them; any may give them back.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    taken: AtomicUsize,
    freed: Notify,
}

/// Leave to talk, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<Slots>);

impl Slots {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), taken: AtomicUsize::new(0), freed: Notify::new() })
    }

    /// Whether there is a slot, for a lane that has so many attempts under way, outcomes on their way to the log included:
    /// while the log is away, no more is done at the vendor than this.
    pub fn has_room(&self, under_way: usize) -> bool {
        self.taken.load(Ordering::Acquire) < self.most && under_way < self.most * 2
    }

    pub fn take(self: &Arc<Self>) -> Slot {
        self.taken.fetch_add(1, Ordering::AcqRel);
        Slot(Arc::clone(self))
    }

    /// Returns when a slot was given back since this was asked last.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slot_comes_back_and_says_so() {
        let slots = Slots::new(1);
        assert!(slots.has_room(0));
        let slot = slots.take();
        assert!(!slots.has_room(1));
        drop(slot);
        slots.freed().await;
        assert!(slots.has_room(1), "the outcome may still be on its way");
        assert!(!slots.has_room(2), "but not of any number of actions");
    }
}
