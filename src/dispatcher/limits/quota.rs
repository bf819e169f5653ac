//! A limit over an hour, a day or a month: counted in the lane's memory, reserved ahead in small blocks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{
    counter::{Counter, Take},
    period::Period,
    settings::{LaneLimit, OnExhausted, QuotaPrice, QuotaSettings},
};
use crate::{
    connectors::contract::limits::Window,
    dispatcher::ledger::read_as,
    log::{LogResult, Table},
    model::{connection::ConnectionName, time::Timestamp},
    telemetry::Metrics,
    topics::memory::{Reserved, key},
};

/// One quota of a lane.
pub(super) struct Quota {
    pub name: String,
    class: Option<String>,
    calls: u64,
    pub settings: QuotaSettings,
    counter: Mutex<Counter>,
    /// Who writes a block; others wait for it.
    pub reserving: tokio::sync::Mutex<()>,
}

/// How a quota stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaReport {
    pub name: String,
    pub window: Window,
    pub used: u64,
    pub calls: u64,
    /// Requests are refused from here on, if at all.
    pub cap: Option<u64>,
    /// What was used beyond the free requests costs this much.
    pub cost: Option<(Decimal, QuotaPrice)>,
    /// When the next window begins.
    pub ends: Timestamp,
}

impl QuotaReport {
    pub fn tell(&self, metrics: &Metrics, connection: &ConnectionName) {
        let cost = self.cost.as_ref().map(|(cost, price)| (cost.to_f64().unwrap_or(f64::MAX), price.currency.as_str()));
        metrics.set_quota(connection, &self.name, self.used, self.calls, cost);
    }

    pub fn forget(&self, metrics: &Metrics, connection: &ConnectionName) {
        metrics.forget_quota(connection, &self.name, self.cost.as_ref().map(|(_, price)| price.currency.as_str()));
    }
}

impl Quota {
    /// Goes on from what memory holds.
    pub fn open(limit: &LaneLimit, settings: &QuotaSettings, memory: &dyn Table, now: Timestamp) -> LogResult<Self> {
        let period = Period::of(settings.window, &settings.zone, now);
        let cap = settings.cap(limit.calls);
        let stored = stored(memory, &limit.name, &period)?;
        Ok(Self {
            name: limit.name.clone(),
            class: limit.class.clone(),
            calls: limit.calls,
            settings: settings.clone(),
            counter: Mutex::new(Counter::new(limit.calls, cap, period, stored)),
            reserving: tokio::sync::Mutex::new(()),
        })
    }

    pub fn is_about(&self, class: &str) -> bool {
        self.class.as_deref().is_none_or(|mine| mine == class)
    }

    /// The counter, in the window of now.
    pub fn counter(&self, memory: &dyn Table, now: Timestamp) -> LogResult<MutexGuard<'_, Counter>> {
        let mut counter = self.lock();
        let begun = counter.period();
        if !(begun.start <= now && now < begun.end) {
            let period = Period::of(self.settings.window, &self.settings.zone, now);
            let stored = stored(memory, &self.name, &period)?;
            counter.turn(period, stored);
        }
        Ok(counter)
    }

    /// A request more, if memory has room for it written already.
    pub fn take(&self, memory: &dyn Table, now: Timestamp) -> LogResult<(Take, Period)> {
        let mut counter = self.counter(memory, now)?;
        Ok((counter.take(), counter.period().clone()))
    }

    /// Memory holds this number for a window. Answers the threshold that was passed by it.
    pub fn wrote(&self, period: &Period, reserved: u64) -> Option<u32> {
        let mut counter = self.lock();
        let passed = counter.passes(&self.settings.warn_at, reserved);
        counter.wrote(period, reserved);
        passed
    }

    /// The windows of it in memory that nobody asks for any more: all before the last one.
    pub fn outlived(&self, memory: &dyn Table, present: &Period) -> LogResult<Vec<String>> {
        let present = key::quota(&self.name, &present.name);
        let page = memory.scan(&key::quotas(&self.name), None, 100)?;
        let mut past: Vec<String> = page.into_iter().map(|(key, _)| key).filter(|key| *key < present).collect();
        past.pop();
        Ok(past)
    }

    /// Until when the whole lane stands still for it.
    pub fn stops_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.class.is_some() || self.settings.on_exhausted == OnExhausted::DropOptional {
            return None;
        }
        let counter = self.lock();
        let until = counter.period().end;
        (counter.is_closed() && counter.period().start <= now && now < until).then_some(until)
    }

    /// What was spent and what is reserved for the present window, where they differ.
    pub fn unspent(&self) -> Option<(Period, u64)> {
        let counter = self.lock();
        counter.has_unspent().then(|| (counter.period().clone(), counter.used()))
    }

    pub fn report(&self, now: Timestamp) -> QuotaReport {
        let counter = self.lock();
        let used = if now < counter.period().end { counter.used() } else { 0 };
        drop(counter);
        report(&self.name, self.calls, &self.settings, used, now)
    }

    fn lock(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a quota stands by what memory holds, for whoever does not own the lane.
pub fn report_of(
    limit: &LaneLimit,
    settings: &QuotaSettings,
    memory: &dyn Table,
    now: Timestamp,
) -> LogResult<QuotaReport> {
    let period = Period::of(settings.window, &settings.zone, now);
    let used = stored(memory, &limit.name, &period)?;
    Ok(report(&limit.name, limit.calls, settings, used, now))
}

fn report(name: &str, calls: u64, settings: &QuotaSettings, used: u64, now: Timestamp) -> QuotaReport {
    QuotaReport {
        name: name.to_owned(),
        window: settings.window,
        used,
        calls,
        cap: settings.cap(calls),
        cost: settings.price.as_ref().map(|price| (price.cost(used, calls), price.clone())),
        ends: Period::of(settings.window, &settings.zone, now).end,
    }
}

fn stored(memory: &dyn Table, name: &str, period: &Period) -> LogResult<u64> {
    let stored = read_as::<Reserved>(memory, &key::quota(name, &period.name))?;
    Ok(stored.map_or(0, |reserved| reserved.calls))
}
