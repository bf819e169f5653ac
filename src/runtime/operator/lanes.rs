//! The lanes as they stand: what topics and memory tell, and what only a lane's owner knows where that is this process.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::{Operator, OperatorError};
use crate::{
    connectors::contract::limits::Vat,
    dispatcher::{
        LaneReport,
        circuit::CircuitState,
        limits::{LaneLimit, QuotaReport, Span, report_of},
    },
    log::{Bound, Fencing, LogResult, Offsets, Table, TopicPartition},
    model::{connection::ConnectionName, time::Timestamp},
    topics::{
        control::Control,
        memory::{self, BulkPosition, Claim, Halt, Parked, key},
    },
};

/// Lanes that are looked at together.
const AT_ONCE: usize = 16;
/// Keys with waiting actions that are looked at for the oldest one, where the owner does not tell.
const MOST_LOOKED_AT: usize = 2_000;

/// One lane, for people. What is not known is `None`.
#[derive(Debug, Serialize, Deserialize)]
pub struct LaneRow {
    /// The connection's first name, which is what topics carry.
    pub connection: String,
    /// Nobody, where the lane was never taken or was given back.
    pub owner: Option<String>,
    pub epoch: u64,
    /// Records of the live topic that are not settled or parked yet.
    pub backlog: u64,
    /// The same of the bulk topic.
    pub bulk: u64,
    /// Actions in line, those that wait in memory included.
    pub waiting: Option<usize>,
    pub in_flight: Option<usize>,
    /// Actions settled a minute, over the last five.
    pub per_minute: Option<f64>,
    /// Age of the action that waits longest.
    pub oldest_s: Option<u64>,
    /// Not known where the owner is another process, unless memory tells why the lane stands still.
    pub circuit: Option<CircuitState>,
    pub quotas: Vec<QuotaRow>,
    /// A quota stops the lane until then.
    pub stands_until: Option<Timestamp>,
}

/// One quota of a lane.
#[derive(Debug, Serialize, Deserialize)]
pub struct QuotaRow {
    pub limit: String,
    pub window: String,
    pub used: u64,
    /// Those that cost nothing, where more cost something.
    pub calls: u64,
    /// Requests are refused from here on, if at all.
    pub cap: Option<u64>,
    pub cost: Option<CostRow>,
    pub next_window: Timestamp,
}

/// What a quota has cost in its window.
#[derive(Debug, Serialize, Deserialize)]
pub struct CostRow {
    /// A decimal number.
    pub amount: String,
    pub currency: String,
    pub vat: String,
}

impl CostRow {
    /// `2000 HUF + VAT`.
    pub fn text(&self) -> String {
        let vat = if self.vat == Vat::Excluded.as_str() { " + VAT" } else { "" };
        format!("{} {}{vat}", self.amount, self.currency)
    }
}

impl From<QuotaReport> for QuotaRow {
    fn from(report: QuotaReport) -> Self {
        let cost = report.cost.map(|(amount, price)| CostRow {
            amount: amount.normalize().to_string(),
            currency: price.currency,
            vat: price.vat.as_str().to_owned(),
        });
        Self {
            limit: report.name,
            window: report.window.as_str().to_owned(),
            used: report.used,
            calls: report.calls,
            cap: report.cap,
            cost,
            next_window: report.ends,
        }
    }
}

impl Operator {
    /// All lanes, or one of them.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`] when the config has no such connection.
    pub async fn lanes(&self, only: Option<&str>) -> Result<Vec<LaneRow>, OperatorError> {
        let wanted: Vec<_> = self.connections.iter().filter(|name| only.is_none_or(|o| name.as_str() == o)).collect();
        if let (Some(only), true) = (only, wanted.is_empty()) {
            return Err(OperatorError::NotFound(format!("there is no connection `{only}`")));
        }
        let offsets = self.log.offsets(&self.names.group("dispatcher")).await?;
        let rows = stream::iter(wanted.into_iter().map(|name| self.lane(name, &offsets)));
        rows.buffered(AT_ONCE).try_collect().await
    }

    /// Tells a lane's owner something, through the lane's bulk topic.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`] when the config has no such connection.
    pub async fn control(&self, connection: &str, control: Control) -> Result<(), OperatorError> {
        let name = self.connections.iter().find(|name| name.as_str() == connection);
        let name = name.ok_or_else(|| OperatorError::NotFound(format!("there is no connection `{connection}`")))?;
        self.log.append(vec![control.to_append(self.names.bulk(name), self.clock.now())]).await?;
        Ok(())
    }

    async fn lane(&self, name: &ConnectionName, offsets: &Offsets) -> Result<LaneRow, OperatorError> {
        let memory = self.log.table(&self.names.memory(name), Fencing::Epochs).await?;
        memory.catch_up().await?;
        let claim: Option<Claim> = read(memory.as_ref(), key::CLAIM)?;
        let (live, next) = self.live(name, offsets).await?;
        let position: Option<BulkPosition> = read(memory.as_ref(), key::BULK)?;
        let (bulk_first, bulk_end) = self.edges(&self.names.bulk(name)).await?;
        let bulk_next = position.map_or(bulk_first, |position| position.next.max(bulk_first));
        let epoch = claim.as_ref().map_or(0, |claim| claim.epoch);
        // Of an older epoch: the lane was lost, and its task does not know it yet.
        let owned = self.board.report(name).filter(|report| report.epoch == epoch);
        let oldest = match &owned {
            Some(lane) => lane.oldest,
            None => self.oldest(name, memory.as_ref(), next).await?,
        };
        Ok(LaneRow {
            connection: name.to_string(),
            owner: claim.filter(|claim| !claim.released).map(|claim| claim.owner),
            epoch,
            backlog: live,
            bulk: bulk_end.saturating_sub(bulk_next),
            waiting: owned.as_ref().map(|lane| lane.waiting),
            in_flight: owned.as_ref().map(|lane| lane.in_flight),
            per_minute: owned.as_ref().map(|lane| lane.per_minute),
            oldest_s: oldest.map(|at| self.age(at)),
            circuit: circuit(memory.as_ref(), owned.as_ref())?,
            stands_until: owned.as_ref().and_then(|lane| lane.stands_until),
            quotas: self.quotas(name, memory.as_ref(), owned)?,
        })
    }

    /// How many records of the live topic wait, and the first of them.
    async fn live(&self, name: &ConnectionName, offsets: &Offsets) -> Result<(u64, Option<u64>), OperatorError> {
        let topic = self.names.actions(name);
        let (first, end) = self.edges(&topic).await?;
        let partition = TopicPartition { topic: topic.into(), partition: 0 };
        let next = offsets.get(&partition).copied().unwrap_or(first).max(first);
        Ok((end.saturating_sub(next), (next < end).then_some(next)))
    }

    /// The first offset of a topic that is kept, and the one that comes next.
    async fn edges(&self, topic: &str) -> LogResult<(u64, u64)> {
        Ok(self.log.describe(topic).await?.partitions.first().copied().unwrap_or_default())
    }

    /// Since when the oldest action waits: in the topic, or in memory.
    async fn oldest(
        &self,
        name: &ConnectionName,
        memory: &dyn Table,
        next: Option<u64>,
    ) -> Result<Option<Timestamp>, OperatorError> {
        let mut oldest = None;
        if let Some(next) = next {
            let from = Bound::Offset(next);
            let mut reader = self.log.read(&self.names.actions(name), 0, from, Bound::Offset(next + 1)).await?;
            oldest = reader.next().await?.first().map(|record| record.timestamp);
        }
        for (_, bytes) in memory.scan(key::PARKED, None, MOST_LOOKED_AT)? {
            let parked: Parked = memory::read(&bytes)?;
            oldest = Some(oldest.map_or(parked.since, |oldest: Timestamp| oldest.min(parked.since)));
        }
        Ok(oldest)
    }

    fn age(&self, at: Timestamp) -> u64 {
        u64::try_from(self.clock.now().duration_since(at).as_secs()).unwrap_or(0)
    }

    /// The owner counts exactly; memory holds what is reserved.
    fn quotas(
        &self,
        name: &ConnectionName,
        memory: &dyn Table,
        owned: Option<LaneReport>,
    ) -> Result<Vec<QuotaRow>, OperatorError> {
        if let Some(lane) = owned {
            return Ok(lane.quotas.into_iter().map(QuotaRow::from).collect());
        }
        let now = self.clock.now();
        let mut rows = Vec::new();
        for limit in self.limits.get(name).map_or(&[][..], Vec::as_slice) {
            if let Span::Calendar(settings) = &limit.span {
                rows.push(report_of(limit, settings, memory, now)?.into());
            }
        }
        Ok(rows)
    }
}

/// The limits of all lanes, by their connections' first names.
pub type LimitsByLane = BTreeMap<ConnectionName, Vec<LaneLimit>>;

fn circuit(memory: &dyn Table, owned: Option<&LaneReport>) -> Result<Option<CircuitState>, OperatorError> {
    if let Some(lane) = owned {
        return Ok(Some(lane.circuit));
    }
    let halt = read::<Halt>(memory, key::HALT)?;
    Ok(halt.map(|Halt { code, at: since, credentials }| match credentials {
        Some(_) => CircuitState::Halted { since, code },
        None => CircuitState::Paused { since },
    }))
}

fn read<T: serde::de::DeserializeOwned>(memory: &dyn Table, key: &str) -> Result<Option<T>, OperatorError> {
    Ok(memory.get(key)?.map(|bytes| memory::read(&bytes)).transpose()?)
}
