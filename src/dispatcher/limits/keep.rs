//! Where a lane asks its limits: before an action begins, before each request, and at the end.

use super::{super::context::LaneContext, OnExhausted, Permit, counter::Take, period::Period, quota::Quota};
use crate::{
    connectors::contract::Operation,
    log::LogResult,
    model::time::Timestamp,
    topics::memory::{self, Reserved, key},
};

/// What the limits say of an action that is about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    Go,
    /// Not before this.
    Later(Timestamp),
    /// It is optional, and what is left is for others.
    Drop,
}

impl LaneContext {
    /// Whether an action may begin: there is room for all the requests that it usually takes, and for the first one now. Asked
    /// before its intent is written, so that nothing is in doubt only because it waited.
    pub async fn admit(&self, operation: &Operation, optional: bool) -> LogResult<Allowance> {
        let (now, memory) = (self.now(), self.memory.as_ref());
        let mut later = None;
        for quota in self.limits.quotas.iter().filter(|quota| quota.is_about(operation.limit_class)) {
            let calls = u64::from(operation.calls);
            let mut counter = quota.counter(memory, now)?;
            let drops = quota.settings.on_exhausted == OnExhausted::DropOptional;
            if optional && drops && !counter.is_free_for(calls) {
                return Ok(Allowance::Drop);
            }
            if !counter.has_room_for(calls) {
                counter.close();
                later = later.max(Some(counter.period().end));
            }
        }
        if let Some(until) = later {
            return Ok(Allowance::Later(until));
        }
        for short in self.limits.short.iter().filter(|short| short.is_about(operation.limit_class)) {
            tokio::select! {
                () = short.places.vacancy() => {}
                () = self.stop.cancelled() => return Ok(Allowance::Later(self.now())),
            }
        }
        Ok(Allowance::Go)
    }

    /// Waits until a request of a class may go out, and counts it. Or answers when to ask again: in the next window of a quota
    /// that has no more, or when the lane is stopped before anything was sent (what is `under_way` is finished).
    pub async fn permit(&self, class: &str, under_way: bool) -> LogResult<Result<Permit, Timestamp>> {
        let mut places = Vec::new();
        for short in self.limits.short.iter().filter(|short| short.is_about(class)) {
            tokio::select! {
                place = short.places.place() => places.push(place),
                () = self.stop.cancelled(), if !under_way => return Ok(Err(self.now())),
            }
        }
        for quota in self.limits.quotas.iter().filter(|quota| quota.is_about(class)) {
            if let Err(until) = self.spend(quota).await? {
                return Ok(Err(until));
            }
        }
        Ok(Ok(Permit(places)))
    }

    async fn spend(&self, quota: &Quota) -> LogResult<Result<(), Timestamp>> {
        loop {
            match quota.take(self.memory.as_ref(), self.now())? {
                (Take::Spent, _) => break,
                (Take::Exhausted, period) => return Ok(Err(period.end)),
                (Take::Reserve(_), _) => self.reserve(quota).await?,
            }
        }
        quota.report(self.now()).tell(&self.shared.metrics, &self.connection.name);
        Ok(Ok(()))
    }

    /// Writes the next block to memory, unless somebody else has just done so.
    async fn reserve(&self, quota: &Quota) -> LogResult<()> {
        let _turn = quota.reserving.lock().await;
        let (next, period) = {
            let counter = quota.counter(self.memory.as_ref(), self.now())?;
            (counter.clone().take(), counter.period().clone())
        };
        let Take::Reserve(calls) = next else { return Ok(()) };
        let mut records = vec![self.reserved(quota, &period, calls)];
        let outlived = quota.outlived(self.memory.as_ref(), &period)?;
        records.extend(outlived.iter().map(|key| memory::forget(&self.memory_topic, key, self.epoch, self.now())));
        self.remember(records).await?;
        if let Some(percent) = quota.wrote(&period, calls) {
            self.warn_of_quota(quota, percent);
        }
        Ok(())
    }

    fn reserved(&self, quota: &Quota, period: &Period, calls: u64) -> crate::topics::record::Append {
        let key = key::quota(&quota.name, &period.name);
        memory::put(&self.memory_topic, &key, &Reserved { calls }, self.epoch, self.now())
    }

    fn warn_of_quota(&self, quota: &Quota, percent: u32) {
        let report = quota.report(self.now());
        let cost = report.cost.as_ref().map(|(cost, price)| format!("{cost} {}", price.currency)).unwrap_or_default();
        tracing::warn!(
            connection.id = %self.connection.name, limit = quota.name, percent, calls = report.calls, cost,
            next_window = %report.ends, on_exhausted = quota.settings.on_exhausted.as_str(), "quota is being used up"
        );
    }

    /// Tells the successor what was really sent. Only with nothing in flight.
    pub async fn hand_over_limits(&self) -> LogResult<()> {
        let mut records = Vec::new();
        for quota in &self.limits.quotas {
            records.extend(quota.unspent().map(|(period, used)| self.reserved(quota, &period, used)));
        }
        if let Some(handover) = self.limits.handover(self.epoch) {
            records.push(memory::put(&self.memory_topic, key::HANDOVER, &handover, self.epoch, self.now()));
        }
        if records.is_empty() { Ok(()) } else { self.remember(records).await }
    }
}
