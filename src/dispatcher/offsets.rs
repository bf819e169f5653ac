//! Which offset may be committed: the end of the contiguous prefix of settled or parked actions, and never more. The lane's
//! two topics are counted apart.

use std::collections::BTreeSet;

use crate::telemetry::bug;

/// Which of the lane's topics something came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    Live,
    /// Replays, imports, repairs: behind everything live.
    Bulk,
}

/// Where an action stands in the lane's topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub way: Way,
    pub offset: u64,
}

/// The offsets of both topics that are under way.
#[derive(Debug, Default)]
pub struct Offsets {
    live: OffsetTracker,
    bulk: OffsetTracker,
}

impl Offsets {
    /// A record was read.
    pub fn begin(&mut self, place: Place) {
        self.of(place.way).begin(place.offset);
    }

    /// Its action was settled, or parked durably.
    pub fn finish(&mut self, place: Place) {
        self.of(place.way).finish(place.offset);
    }

    /// The offset to store for one of the topics, when it has moved.
    pub fn advance(&mut self, way: Way) -> Option<u64> {
        self.of(way).advance()
    }

    fn of(&mut self, way: Way) -> &mut OffsetTracker {
        match way {
            Way::Live => &mut self.live,
            Way::Bulk => &mut self.bulk,
        }
    }
}

/// The offsets of one partition that are under way.
#[derive(Debug, Default)]
struct OffsetTracker {
    open: BTreeSet<u64>,
    /// One more than the highest offset seen.
    next: Option<u64>,
    stored: Option<u64>,
}

impl OffsetTracker {
    fn begin(&mut self, offset: u64) {
        self.open.insert(offset);
        self.next = Some(self.next.map_or(offset + 1, |next| next.max(offset + 1)));
    }

    fn finish(&mut self, offset: u64) {
        self.open.remove(&offset);
    }

    fn advance(&mut self) -> Option<u64> {
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

    fn place(way: Way, offset: u64) -> Place {
        Place { way, offset }
    }

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

    #[test]
    fn a_gap_in_one_topic_does_not_hold_the_other() {
        let mut offsets = Offsets::default();
        for way in [Way::Live, Way::Bulk] {
            offsets.begin(place(way, 7));
        }
        offsets.finish(place(Way::Live, 7));
        assert_eq!((offsets.advance(Way::Live), offsets.advance(Way::Bulk)), (Some(8), Some(7)));
        offsets.finish(place(Way::Bulk, 7));
        assert_eq!((offsets.advance(Way::Live), offsets.advance(Way::Bulk)), (None, Some(8)));
    }
}
