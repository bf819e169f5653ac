//! When what failed is tried again.

use std::time::Duration;

use super::DAY;
use crate::{
    config::{
        fields::{Fields, texts},
        report::Problems,
        tree::Node,
    },
    connectors::contract::settings::read_duration,
    model::code,
};

/// More pauses than anybody lists by hand.
const MOST_PAUSES: usize = 100;

/// The schedule of what failed and may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    pub pauses: Pauses,
    /// After this the action becomes a dead letter.
    pub max_age: Duration,
}

/// The pauses between tries. Each is the longest that it can be: jitter makes it shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pauses {
    /// Each next one is twice as long, up to the cap.
    Exponential { first: Duration, cap: Duration },
    /// One after the other; the last one again and again.
    List(Vec<Duration>),
}

impl Retry {
    /// What failed: tried again for three days.
    pub fn of_failures() -> Self {
        Self { pauses: Self::doubling(), max_age: 3 * DAY }
    }

    /// What is not there yet: looked for a day.
    pub fn of_not_there() -> Self {
        Self { pauses: Self::doubling(), max_age: DAY }
    }

    fn doubling() -> Pauses {
        Pauses::Exponential { first: Duration::from_secs(1), cap: Duration::from_mins(10) }
    }

    pub(super) fn read(fields: &mut Fields<'_>, name: &'static str, default: Self, problems: &mut Problems) -> Self {
        let Some(mut fields) = fields.fields(name, problems) else { return default };
        let list = fields.node("list");
        let exponential = pair(&mut fields, &default.pauses, problems);
        let max_age = fields.duration("max_age", default.max_age, problems);
        fields.finish(problems);
        let pauses = match (list, exponential) {
            (Some(list), Some((place, _))) => {
                let message = "`list` names every pause: `first` and `cap` have no place beside it";
                problems.add(&place.place, code::WRONG_KIND, message);
                read_list(list, problems)
            }
            (Some(list), None) => read_list(list, problems),
            (None, Some((_, pauses))) => pauses,
            (None, None) => default.pauses,
        };
        Self { pauses, max_age }
    }
}

/// `first` and `cap`, where one of them is written, and where.
fn pair<'a>(fields: &mut Fields<'a>, default: &Pauses, problems: &mut Problems) -> Option<(&'a Node, Pauses)> {
    let (first_at, cap_at) = (fields.node("first"), fields.node("cap"));
    let (first, cap) = match default {
        Pauses::Exponential { first, cap } => (*first, *cap),
        Pauses::List(_) => unreachable!("no default is a list"),
    };
    let (first, cap) = (fields.duration("first", first, problems), fields.duration("cap", cap, problems));
    if let Some(node) = cap_at.or(first_at).filter(|_| cap < first) {
        problems.add(&node.place, code::WRONG_KIND, "`cap` is the longest pause and cannot be shorter than `first`");
    }
    Some((first_at.or(cap_at)?, Pauses::Exponential { first, cap }))
}

fn read_list(node: &Node, problems: &mut Problems) -> Pauses {
    let mut pauses = Vec::new();
    for (text, node) in texts(node, problems) {
        match read_duration(text) {
            Ok(pause) => pauses.push(pause),
            Err(message) => {
                problems.add(&node.place, code::WRONG_KIND, message);
            }
        }
    }
    if pauses.is_empty() || pauses.len() > MOST_PAUSES {
        problems.add(&node.place, code::WRONG_KIND, format!("expected from 1 to {MOST_PAUSES} pauses"));
    }
    Pauses::List(pauses)
}
