//! Why an action waits for a person, and what that person has said. The router writes the one into the action; whoever
//! answers writes the other, and sends the action on its way again.

use serde::{Deserialize, Serialize};

use crate::model::time::Timestamp;

/// The most approvals that `first N` may ask for: the lane's owner counts them before each action of such a step.
pub const MOST_FIRST: u32 = 1_000;

/// An action that is not done before a person has agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub rule: Rule,
    /// Nobody has said anything yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// Why it is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Its step holds all of its actions.
    Always,
    /// Its step's condition said so.
    Condition,
    /// Fewer than so many actions of its step have been approved.
    First {
        count: u32,
        /// The first names of flow and step, under which approvals are counted.
        of: String,
    },
}

/// What a person has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub verdict: Verdict,
    pub at: Timestamp,
}

/// What a person may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is done.
    Approved,
    /// It is not done, and its flow hears that it was refused.
    Refused,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}

impl Rule {
    /// Why, for people.
    pub fn in_words(&self) -> String {
        match self {
            Self::Always => "the step holds all of its actions".to_owned(),
            Self::Condition => "the step's condition holds it".to_owned(),
            Self::First { count, .. } => format!("the step holds its actions until {count} were approved"),
        }
    }
}

impl Hold {
    /// Held by this rule, and nobody has said anything.
    pub fn by(rule: Rule) -> Self {
        Self { rule, answer: None }
    }

    pub fn verdict(&self) -> Option<Verdict> {
        self.answer.map(|answer| answer.verdict)
    }
}
