//! Which offset may be committed: the end of the contiguous prefix of settled or parked actions, and never more.

use std::collections::BTreeSet;

use crate::telemetry::bug;

/// The offsets of one partition that are under way.
#[derive(Debug, Default)]
pub struct OffsetTracker {
    open: BTreeSet<u64>,
    /// One more than the highest offset seen.
    next: Option<u64>,
    stored: Option<u64>,
}

impl OffsetTracker {
    /// A record was read.
    pub fn begin(&mut self, offset: u64) {
        self.open.insert(offset);
        self.next = Some(self.next.map_or(offset + 1, |next| next.max(offset + 1)));
    }

    /// Its action was settled, or parked durably.
    pub fn finish(&mut self, offset: u64) {
        self.open.remove(&offset);
    }

    /// The offset to store, when it has moved.
    pub fn advance(&mut self) -> Option<u64> {
        let end = self.open.first().copied().filter(|_| !bug::is("gap-committed")).or(self.next)?;
        if self.stored == Some(end) {
            return None;
        }
        self.stored = Some(end);
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_holds_everything_back() {
        let mut tracker = OffsetTracker::default();
        for offset in [5, 6, 9] {
            tracker.begin(offset);
        }
        assert_eq!(tracker.advance(), Some(5));
        tracker.finish(6);
        tracker.finish(9);
        assert_eq!(tracker.advance(), None);
        tracker.finish(5);
        assert_eq!(tracker.advance(), Some(10));
        assert_eq!(tracker.advance(), None);
    }

    #[test]
    fn nothing_read_is_nothing_to_store() {
        assert_eq!(OffsetTracker::default().advance(), None);
    }
}
