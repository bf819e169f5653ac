//! The rule of [`super::Fencing::Epochs`], shared by all logs so that they agree on what a claim shuts out.

use crate::topics::{
    memory::key::CLAIM,
    record::{EPOCH, RecordHeaders},
};

/// The epoch that a record carries. One without a readable epoch was not written by a lane's owner and counts as the lowest.
pub fn epoch_of(headers: &RecordHeaders) -> u64 {
    headers.text(EPOCH).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The highest claim seen so far in a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    epoch: u64,
}

impl Fence {
    /// A fence that stands at this epoch already.
    pub fn at(epoch: u64) -> Self {
        Self { epoch }
    }

    pub fn epoch(self) -> u64 {
        self.epoch
    }

    /// Whether the next record counts. A claim that does raises the fence for those behind it.
    pub fn admits(&mut self, key: &[u8], epoch: u64) -> bool {
        if epoch < self.epoch {
            return false;
        }
        if key == CLAIM.as_bytes() {
            self.epoch = epoch;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_shuts_out_lower_epochs_behind_it_only() {
        let mut fence = Fence::default();
        assert!(fence.admits(b"a/1", 3), "no claim yet");
        assert!(fence.admits(b"claim", 4));
        assert!(!fence.admits(b"a/1", 3));
        assert!(!fence.admits(b"claim", 3), "an old owner's claim comes late");
        assert!(fence.admits(b"a/1", 4));
        assert!(fence.admits(b"a/1", 5), "a higher epoch passes, but only a claim raises the fence");
        assert!(fence.admits(b"a/1", 4));
        assert_eq!(fence.epoch(), 4);
    }

    #[test]
    fn an_epoch_that_cannot_be_read_is_the_lowest() {
        assert_eq!(epoch_of(&RecordHeaders::default()), 0);
        assert_eq!(epoch_of(&RecordHeaders::default().with(EPOCH, "x")), 0);
        assert_eq!(epoch_of(&RecordHeaders::default().with(EPOCH, "12")), 12);
    }
}
