//! Taking over a lane: claim, wait, and only then read what the predecessor left.

use std::{sync::Arc, time::Duration};

use crate::{
    log::{Log, LogError, LogResult, Table},
    model::time::Clock,
    telemetry::{bug, killpoint},
    topics::{
        memory::{self, Claim, key},
        record::Append,
    },
};

use super::ledger::read_as;

/// What it takes to take over.
pub struct TakeOver<'a> {
    pub log: &'a Log,
    pub memory: &'a Arc<dyn Table>,
    pub topic: &'a str,
    /// This process, for people.
    pub owner: &'a str,
    pub clock: &'a Arc<dyn Clock>,
    /// How long a predecessor's last request may still be under way.
    pub request_timeout: Duration,
}

impl TakeOver<'_> {
    /// Claims the lane under a higher epoch, waits until no predecessor can be writing or calling, and reads memory to its
    /// end. Answers the epoch.
    ///
    /// # Errors
    /// [`LogError::Lost`] when somebody claimed it meanwhile.
    pub async fn run(&self) -> LogResult<u64> {
        self.memory.catch_up().await?;
        let before = read_as::<Claim>(self.memory.as_ref(), key::CLAIM)?;
        let epoch = before.as_ref().map_or(1, |claim| claim.epoch + 1);
        self.memory.write(vec![self.claim(epoch, false)]).await?;
        killpoint::reached("claim-written");
        let predecessor_may_live = before.is_some_and(|claim| !claim.released) && !self.log.is_exclusive();
        if predecessor_may_live && !bug::is("no-wait-after-claim") {
            self.clock.sleep(self.request_timeout).await;
        }
        self.memory.catch_up().await?;
        let now = read_as::<Claim>(self.memory.as_ref(), key::CLAIM)?;
        if now.is_none_or(|claim| claim.epoch != epoch || claim.owner != self.owner) {
            return Err(LogError::Lost);
        }
        self.write_over(epoch).await?;
        Ok(epoch)
    }

    /// Gives the lane back. Only with nothing in flight.
    pub async fn release(&self, epoch: u64) -> LogResult<()> {
        self.memory.write(vec![self.claim(epoch, true)]).await
    }

    fn claim(&self, epoch: u64, released: bool) -> Append {
        let at = self.clock.now();
        let claim = Claim { epoch, owner: self.owner.to_owned(), at, released };
        memory::put(self.topic, key::CLAIM, &claim, epoch, at)
    }

    /// What a predecessor wrote behind our claim was ignored; compaction must not keep it.
    async fn write_over(&self, epoch: u64) -> LogResult<()> {
        let at = self.clock.now();
        let mut records = Vec::new();
        for key in self.memory.ignored() {
            records.push(match self.memory.get(&key)? {
                Some(value) => memory::put_bytes(self.topic, &key, value, epoch, at),
                None => memory::forget(self.topic, &key, epoch, at),
            });
        }
        if records.is_empty() { Ok(()) } else { self.memory.write(records).await }
    }
}
