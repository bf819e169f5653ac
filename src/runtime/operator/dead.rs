//! Dead letters: list, show, send on their way again, discard.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Operator, OperatorError};
use crate::{
    log::{Fencing, Table},
    model::id::DeadId,
    topics::dead::DeadLetter,
};

/// What the id of a letter ends with while it is sent on its way again.
const ASIDE: &str = "+retry";

/// Which dead letters are meant. Everything that is given must fit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadFilter {
    /// One letter's id, whole.
    pub id: Option<String>,
    pub kind: Option<String>,
    pub code: Option<String>,
    pub connection: Option<String>,
    /// At the most so many; 0: all.
    pub limit: usize,
}

impl DeadFilter {
    fn fits(&self, letter: &DeadLetter) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        same(&self.id, letter.id.as_str())
            && same(&self.kind, letter.kind.as_str())
            && same(&self.code, letter.code.as_str())
            && same(&self.connection, letter.connection.as_ref().map_or("", |name| name.as_str()))
    }
}

/// A dead letter in one line: no content.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeadRow {
    pub id: String,
    pub kind: String,
    pub code: String,
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
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub moved: usize,
    /// Letters whose original cannot be read: they can only be discarded.
    pub unreadable: usize,
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

    /// Sends dead letters on their way again. Each is kept beside its place until it is written to its topic: a crash in
    /// between leaves that copy, which sends it twice at the most, and everything downstream takes that. Its own place is
    /// free before, because what dies again may lie there before we would have removed it.
    pub async fn dead_retry(&self, filter: &DeadFilter) -> Result<Moved, OperatorError> {
        let table = self.dead_table().await?;
        let mut moved = Moved { moved: 0, unreadable: 0 };
        for letter in chosen(table.as_ref(), filter)? {
            let Ok(append) = letter.revival() else {
                moved.unreadable += 1;
                continue;
            };
            let beside = self.put_aside(table.as_ref(), letter).await?;
            self.log.append(vec![append]).await?;
            self.remove(table.as_ref(), &beside).await?;
            moved.moved += 1;
        }
        Ok(moved)
    }

    /// Removes dead letters for good.
    pub async fn dead_discard(&self, filter: &DeadFilter) -> Result<Moved, OperatorError> {
        let table = self.dead_table().await?;
        let mut moved = Moved { moved: 0, unreadable: 0 };
        for letter in chosen(table.as_ref(), filter)? {
            self.remove(table.as_ref(), &letter.id).await?;
            moved.moved += 1;
        }
        Ok(moved)
    }

    async fn dead_table(&self) -> Result<Arc<dyn Table>, OperatorError> {
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
    let mut letters = Vec::new();
    for_each(table, |letter| {
        if filter.fits(&letter) && (filter.limit == 0 || letters.len() < filter.limit) {
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
