//! How much all lanes of a process hold together: the one thing that they share.
//!
//! A lane that holds little may always take in more, so that no lane waits for another; only what goes beyond is taken from
//! the common bound. Whoever is refused has work of its own in hand, and asks again when some of it is done.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes of records that all lanes hold together, beyond what each may always hold.
const MOST_TOGETHER: usize = 16 << 20;
/// Bytes that one lane holds at most. The last record may go beyond.
const MOST_ALONE: usize = 4 << 20;
/// Bytes that each lane may hold, whatever the others do.
const ALWAYS: usize = 64 << 10;

/// What all lanes hold.
#[derive(Debug, Default)]
pub struct Bound(AtomicUsize);

/// What one lane holds.
#[derive(Debug)]
pub struct Held {
    all: Arc<Bound>,
    own: usize,
}

impl Held {
    pub fn new(all: Arc<Bound>) -> Self {
        Self { all, own: 0 }
    }

    /// Whether the lane may take in one more record.
    pub fn has_room(&self) -> bool {
        self.own < ALWAYS || (self.own < MOST_ALONE && self.all.0.load(Ordering::Relaxed) < MOST_TOGETHER)
    }

    pub fn add(&mut self, bytes: usize) {
        self.own += bytes;
        self.all.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn give_back(&mut self, bytes: usize) {
        self.own -= bytes;
        self.all.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(self.own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_process_leaves_each_lane_its_own_and_no_more() {
        let all = Arc::new(Bound::default());
        let mut large: Vec<_> = (0..5).map(|_| Held::new(Arc::clone(&all))).collect();
        for lane in &mut large {
            lane.add(MOST_ALONE);
            assert!(!lane.has_room());
        }
        let mut small = Held::new(Arc::clone(&all));
        small.add(ALWAYS - 1);
        assert!(small.has_room());
        small.add(1);
        assert!(!small.has_room(), "beyond its own, it waits for the others");
        large.clear();
        assert!(small.has_room(), "who is gone holds nothing");
        small.give_back(ALWAYS);
        drop(small);
        assert_eq!(all.0.load(Ordering::Relaxed), 0);
    }
}
