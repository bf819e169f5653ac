//! The topic `replays` as whoever runs or watches a replay sees it.

use std::sync::Arc;

use super::super::operator::OperatorError;
use crate::{
    log::{Fencing, Log, LogResult, Table},
    model::time::Timestamp,
    topics::{
        Names,
        replay::{self, RUNS, Replay, run_key, stop_key},
    },
};

/// The topic, opened.
pub(super) struct Store {
    table: Arc<dyn Table>,
    topic: String,
}

impl Store {
    pub async fn open(log: &Log, names: &Names) -> LogResult<Self> {
        let topic = names.replays();
        let table = log.table(&topic, Fencing::None).await?;
        table.catch_up().await?;
        Ok(Self { table, topic })
    }

    /// One replay.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`] when there is none of this name.
    pub fn get(&self, id: &str) -> Result<Replay, OperatorError> {
        let bytes = self.table.get(&run_key(id))?;
        let bytes = bytes.ok_or_else(|| {
            OperatorError::NotFound(format!("there is no replay `{id}`\nhint: `spojka replay list` shows them"))
        })?;
        Ok(Replay::from_bytes(&bytes)?)
    }

    /// All replays, in the order of their names, which is that of their beginnings.
    pub fn list(&self) -> Result<Vec<Replay>, OperatorError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.table.scan(RUNS, after.as_deref(), 200)?;
            let Some((last, _)) = page.last() else { return Ok(all) };
            after = Some(last.clone());
            all.extend(page.iter().filter_map(|(_, bytes)| Replay::from_bytes(bytes).ok()));
        }
    }

    pub async fn save(&self, replay: &Replay) -> LogResult<()> {
        self.table.write(vec![replay.to_append(self.topic.clone())]).await
    }

    /// Asks whoever runs a replay to stop.
    pub async fn ask_to_stop(&self, id: &str, at: Timestamp) -> LogResult<()> {
        self.table.write(vec![replay::stop(self.topic.clone(), id, at)]).await
    }

    /// Takes the wish back: somebody wants it to go on.
    pub async fn want(&self, id: &str, at: Timestamp) -> LogResult<()> {
        self.table.write(vec![replay::forget(self.topic.clone(), stop_key(id), at)]).await
    }

    /// Forgets a replay.
    pub async fn forget(&self, id: &str, at: Timestamp) -> LogResult<()> {
        let keys = [run_key(id), stop_key(id)];
        self.table.write(keys.map(|key| replay::forget(self.topic.clone(), key, at)).into()).await
    }

    /// Whether this runner shall go on: nobody has asked it to stop, and nobody else has taken the replay over.
    pub async fn goes_on(&self, replay: &Replay) -> LogResult<bool> {
        self.table.catch_up().await?;
        if self.table.get(&stop_key(&replay.id))?.is_some() {
            return Ok(false);
        }
        self.is_ours(replay).await
    }

    /// Whether nobody else has taken the replay over.
    pub async fn is_ours(&self, replay: &Replay) -> LogResult<bool> {
        self.table.catch_up().await?;
        let stored = self.table.get(&run_key(&replay.id))?.and_then(|bytes| Replay::from_bytes(&bytes).ok());
        Ok(stored.is_none_or(|stored| stored.runner == replay.runner))
    }
}
