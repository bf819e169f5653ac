//! Actions that wait for a person: list, show, approve, refuse. They lie among the dead letters and are none: nothing failed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Operator, OperatorError,
    dead::{DeadFilter, Moved, Retried, chosen_of},
};
use crate::topics::{
    dead::DeadLetter,
    hold::{Answer, Verdict},
};

/// A held action in one line: no content.
#[derive(Debug, Serialize, Deserialize)]
pub struct HeldRow {
    pub id: String,
    pub action: String,
    /// Since when it is held.
    pub at: String,
    pub connection: String,
    pub operation: String,
    /// Flow and step.
    pub what: String,
    /// Why it is held.
    pub why: String,
    pub webhook: String,
}

/// A held action, whole: its parameters are content.
#[derive(Debug, Serialize, Deserialize)]
pub struct HeldAction {
    #[serde(flatten)]
    pub row: HeldRow,
    pub parameters: Value,
}

/// Which held actions are meant, and what becomes of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answering {
    pub which: DeadFilter,
    pub verdict: Verdict,
}

impl HeldAction {
    fn of(letter: &DeadLetter) -> Self {
        // One that a newer version wrote is shown as far as its letter tells.
        let action = letter.action().ok();
        let text = |of: &dyn Fn(&crate::topics::action::Action) -> String| action.as_ref().map(of).unwrap_or_default();
        let row = HeldRow {
            id: letter.id.to_string(),
            action: text(&|action| action.id.to_string()),
            at: letter.at.to_string(),
            connection: letter.connection.as_ref().map(ToString::to_string).unwrap_or_default(),
            operation: text(&|action| action.operation.clone()),
            what: letter.what.clone().unwrap_or_default(),
            why: letter.message.clone(),
            webhook: letter.webhook.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        let parameters = action.as_ref().map_or(Value::Null, |action| Value::Object(action.parameters.clone()));
        Self { row, parameters }
    }
}

impl Operator {
    /// Held actions in short.
    pub async fn held_list(&self, which: &DeadFilter) -> Result<Vec<HeldRow>, OperatorError> {
        Ok(self.held(which).await?.iter().map(|letter| HeldAction::of(letter).row).collect())
    }

    /// One held action, whole.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`] when nothing of this id is held.
    pub async fn held_show(&self, id: &str) -> Result<HeldAction, OperatorError> {
        let which = DeadFilter { id: Some(id.to_owned()), ..DeadFilter::default() };
        let found = self.held(&which).await?.first().map(HeldAction::of);
        found.ok_or_else(|| OperatorError::NotFound(format!("nothing is held under `{id}`")))
    }

    /// Gives a person's answer to held actions: each goes to its lane once more with the answer in it, and its owner does
    /// the rest. As with a retried letter, a crash in between leaves the copy that was put aside, and an answer that is given
    /// twice counts once: both carry the same retry.
    pub async fn answer(&self, answering: &Answering) -> Result<Moved, OperatorError> {
        let table = self.dead_table().await?;
        let mut moved = Moved::default();
        for letter in self.held(&answering.which).await? {
            let answer = Answer { verdict: answering.verdict, at: self.clock.now() };
            let Ok(append) = letter.answered(answer, &self.names) else {
                moved.unreadable += 1;
                continue;
            };
            moved.actions.extend(Retried::of(&append));
            self.send_on(table.as_ref(), letter, append).await?;
            moved.moved += 1;
        }
        Ok(moved)
    }

    /// A held action is known by its letter's id and by its own.
    async fn held(&self, which: &DeadFilter) -> Result<Vec<DeadLetter>, OperatorError> {
        let table = self.dead_table().await?;
        let by_action = which.id.as_ref().filter(|id| id.starts_with("a-"));
        let any_id = DeadFilter { id: None, limit: 0, ..which.clone() };
        let mut found = chosen_of(table.as_ref(), if by_action.is_some() { &any_id } else { which }, true)?;
        if let Some(id) = by_action {
            found.retain(|letter| letter.action().is_ok_and(|action| action.id.as_str() == id));
        }
        Ok(found)
    }
}
