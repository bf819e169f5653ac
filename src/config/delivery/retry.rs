//! When what failed is tried again.

use std::time::Duration;

use super::DAY;
use crate::{
    config::{fields::Fields, report::Problems},
    model::code,
};

/// The schedule of what failed and may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first pause; each next one is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// After this the action becomes a dead letter.
    pub max_age: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), cap: Duration::from_mins(10), max_age: 3 * DAY }
    }
}

impl Retry {
    pub(super) fn read(fields: &mut Fields<'_>, default: Self, problems: &mut Problems) -> Self {
        let Some(mut fields) = fields.fields("retry", problems) else { return default };
        let cap_place = fields.node("cap").map(|node| node.place.clone());
        let retry = Self {
            first: fields.duration("first", default.first, problems),
            cap: fields.duration("cap", default.cap, problems),
            max_age: fields.duration("max_age", default.max_age, problems),
        };
        if let Some(place) = cap_place.filter(|_| retry.cap < retry.first) {
            problems.add(&place, code::WRONG_KIND, "`cap` is the longest pause and cannot be shorter than `first`");
        }
        fields.finish(problems);
        retry
    }
}
