//! Dead letters: list, show, send on their way again, discard.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Operator, OperatorError};
use crate::{
    log::{Fencing, Table},
    model::{
        connection::ConnectionName,
        id::{ActionId, DeadId},
        time::Timestamp,
    },
    topics::{
        action::Action,
        dead::{ASIDE, DeadLetter, Kind},
        memory::{self, ActionState, End, Outcome, key},
        record::Append,
    },
};

/// Which dead letters are meant. Everything that is given must fit. What is held for a person is none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadFilter {
    /// One letter's id, whole.
    pub id: Option<String>,
    pub kind: Option<String>,
    pub code: Option<String>,
    /// The class of the code, as `explain` has it.
    pub class: Option<String>,
    pub connection: Option<String>,
    pub flow: Option<String>,
    /// Died then or later.
    pub since: Option<Timestamp>,
    /// Died before.
    pub until: Option<Timestamp>,
    /// At the most so many; 0: all.
    pub limit: usize,
}

impl DeadFilter {
    fn fits(&self, letter: &DeadLetter) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        same(&self.id, letter.id.as_str())
            && same(&self.kind, letter.kind.as_str())
            && same(&self.code, letter.code.as_str())
            && same(&self.class, letter.code.page().class.as_str())
            && same(&self.connection, letter.connection.as_ref().map_or("", |name| name.as_str()))
            && self.flow.as_deref().is_none_or(|flow| concerns(letter, flow))
            && self.since.is_none_or(|since| letter.at >= since)
            && self.until.is_none_or(|until| letter.at < until)
    }
}

/// Whether a letter is about a flow: an action names it, and an event's message names all that failed.
fn concerns(letter: &DeadLetter, flow: &str) -> bool {
    let what = letter.what.as_deref().unwrap_or_default();
    match letter.kind {
        Kind::Action => what.split_once('/').is_some_and(|(name, _)| name == flow),
        Kind::Event => letter.message.contains(&format!("flow `{flow}`")),
        Kind::Webhook => false,
    }
}

/// A dead letter in one line: no content.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeadRow {
    pub id: String,
    pub kind: String,
    pub code: String,
    /// What kind of reason that is: `transient`, `permanent`, `caller`, `config`, `ours`.
    pub class: String,
    pub message: String,
    pub connection: String,
    pub what: String,
    pub at: String,
    pub attempts: u32,
    pub webhook: String,
}

impl DeadRow {
    fn of(letter: &DeadLetter) -> Self {
        Self {
            id: letter.id.to_string(),
            kind: letter.kind.as_str().to_owned(),
            code: letter.code.to_string(),
            class: letter.code.page().class.as_str().to_owned(),
            message: letter.message.clone(),
            connection: letter.connection.as_ref().map(ToString::to_string).unwrap_or_default(),
            what: letter.what.clone().unwrap_or_default(),
            at: letter.at.to_string(),
            attempts: letter.attempts,
            webhook: letter.webhook.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// What was done to how many.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub moved: usize,
    /// Letters whose original cannot be read: they can only be discarded.
    pub unreadable: usize,
    /// The actions among what was retried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Retried>,
}

/// An action that was asked for once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    pub connection: ConnectionName,
    pub action: ActionId,
    pub retry: u32,
}

impl Retried {
    pub(super) fn of(append: &Append) -> Option<Self> {
        let action: Action = serde_json::from_slice(append.value.as_deref()?).ok()?;
        Some(Self { connection: action.connection, action: action.id, retry: action.retry })
    }
}

impl Operator {
    /// Dead letters in short, oldest id first.
    pub async fn dead_list(&self, filter: &DeadFilter) -> Result<Vec<DeadRow>, OperatorError> {
        let table = self.dead_table().await?;
        Ok(chosen(table.as_ref(), filter)?.iter().map(DeadRow::of).collect())
    }

    /// One dead letter, whole: its original bytes are content.
    pub async fn dead_show(&self, id: &str) -> Result<DeadLetter, OperatorError> {
        let bytes = self.dead_table().await?.get(id)?;
        let bytes = bytes.ok_or_else(|| OperatorError::NotFound(format!("there is no dead letter `{id}`")))?;
        Ok(DeadLetter::from_bytes(&bytes)?)
    }

    /// Sends dead letters on their way again.
    pub async fn dead_retry(&self, filter: &DeadFilter) -> Result<Moved, OperatorError> {
        let table = self.dead_table().await?;
        let mut moved = Moved::default();
        for letter in chosen(table.as_ref(), filter)? {
            let Ok(append) = letter.revival(&self.names) else {
                moved.unreadable += 1;
                continue;
            };
            if letter.kind == Kind::Action {
                moved.actions.extend(Retried::of(&append));
            }
            self.send_on(table.as_ref(), letter, append).await?;
            moved.moved += 1;
        }
        Ok(moved)
    }

    /// How retried actions ended; nothing for one that has not.
    pub async fn ends(&self, retried: &[Retried]) -> Result<Vec<Option<End>>, OperatorError> {
        let mut ends = Vec::with_capacity(retried.len());
        for Retried { connection, action, retry } in retried {
            let memory = self.log.table(&self.names.memory(connection), Fencing::Epochs).await?;
            memory.catch_up().await?;
            let state = memory.get(&key::action(action))?.map(|bytes| memory::read(&bytes)).transpose()?;
            ends.push(match state {
                // Any end but another death, or being held, settles every retry.
                Some(ActionState::Settled(Outcome { end, retry: settled, .. }))
                    if settled >= *retry || !matches!(end, End::Dead(_) | End::Held) =>
                {
                    Some(end)
                }
                _ => None,
            });
        }
        Ok(ends)
    }

    /// Removes dead letters for good.
    pub async fn dead_discard(&self, filter: &DeadFilter) -> Result<Moved, OperatorError> {
        let table = self.dead_table().await?;
        let mut moved = Moved::default();
        for letter in chosen(table.as_ref(), filter)? {
            self.remove(table.as_ref(), &letter.id).await?;
            moved.moved += 1;
        }
        Ok(moved)
    }

    /// Sends a letter's record on its way again. It is kept beside its place until it is written to its topic: a crash in
    /// between leaves that copy, which sends it twice at the most, and everything downstream takes that. Its own place is
    /// free before, because what dies again may lie there before we would have removed it.
    pub(super) async fn send_on(
        &self,
        table: &dyn Table,
        letter: DeadLetter,
        append: Append,
    ) -> Result<(), OperatorError> {
        let beside = self.put_aside(table, letter).await?;
        self.log.append(vec![append]).await?;
        self.remove(table, &beside).await
    }

    pub(super) async fn dead_table(&self) -> Result<Arc<dyn Table>, OperatorError> {
        let table = self.log.table(&self.names.dead(), Fencing::None).await?;
        table.catch_up().await?;
        Ok(table)
    }

    /// Moves a letter out of its place, in one write. One that a crash left aside stays where it is.
    async fn put_aside(&self, table: &dyn Table, letter: DeadLetter) -> Result<DeadId, OperatorError> {
        if letter.id.as_str().ends_with(ASIDE) {
            return Ok(letter.id);
        }
        let place = letter.id.clone();
        let aside = DeadLetter { id: DeadId::from_text(format!("{place}{ASIDE}")), ..letter };
        let topic = || self.names.dead();
        let free = DeadLetter::removal(&place, topic(), self.clock.now());
        table.write(vec![aside.to_append(topic()), free]).await?;
        Ok(aside.id)
    }

    async fn remove(&self, table: &dyn Table, id: &DeadId) -> Result<(), OperatorError> {
        Ok(table.write(vec![DeadLetter::removal(id, self.names.dead(), self.clock.now())]).await?)
    }
}

/// The dead letters that are meant.
fn chosen(table: &dyn Table, filter: &DeadFilter) -> Result<Vec<DeadLetter>, OperatorError> {
    chosen_of(table, filter, false)
}

/// The letters that are meant: of what is held for a person, or of what died.
pub(super) fn chosen_of(table: &dyn Table, filter: &DeadFilter, held: bool) -> Result<Vec<DeadLetter>, OperatorError> {
    let mut letters = Vec::new();
    for_each(table, |letter| {
        if letter.is_held() == held && filter.fits(&letter) && (filter.limit == 0 || letters.len() < filter.limit) {
            letters.push(letter);
        }
    })?;
    Ok(letters)
}

/// Every dead letter that can be read, in the order of ids.
fn for_each(table: &dyn Table, mut each: impl FnMut(DeadLetter)) -> Result<(), OperatorError> {
    let mut after = None;
    loop {
        let page = table.scan("", after.as_deref(), 200)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        for (_, bytes) in &page {
            if let Ok(letter) = DeadLetter::from_bytes(bytes) {
                each(letter);
            }
        }
    }
}
