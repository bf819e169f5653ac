//! What replays, imports and repairs may use of a lane, beside live traffic.

use crate::config::{fields::Fields, report::Problems};

/// A connection whose vendor names no limit is called by bulk so often.
const UNLIMITED_PER_SECOND: u32 = 5;

/// The budget of a lane's bulk topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// Actions at the same time.
    pub concurrency: u32,
    /// Requests a second; `None`: no limit but the lane's own.
    pub per_second: Option<u32>,
}

impl Bulk {
    /// A fifth of what the lane may, at least one request a second.
    pub fn beside(per_second: Option<u32>) -> Self {
        let per_second = per_second.map_or(UNLIMITED_PER_SECOND, |live| (live / 5).max(1));
        Self { concurrency: 1, per_second: Some(per_second) }
    }

    pub(super) fn read(fields: &mut Fields<'_>, default: Self, problems: &mut Problems) -> Self {
        let Some(mut fields) = fields.fields("bulk", problems) else { return default };
        let bulk = Self {
            concurrency: fields.count("concurrency", default.concurrency, 1000, problems),
            per_second: super::per_second(&mut fields, default.per_second, problems),
        };
        fields.finish(problems);
        bulk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_takes_a_fifth_and_never_nothing() {
        assert_eq!(Bulk::beside(Some(10)).per_second, Some(2));
        assert_eq!(Bulk::beside(Some(3)).per_second, Some(1));
        assert_eq!(Bulk::beside(None).per_second, Some(5));
    }
}
