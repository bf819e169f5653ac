//! Limits are kept: no request goes out that a limit of its connection does not allow.
//!
//! | file | what |
//! |---|---|
//! | `settings` | a limit as the config has checked it, what a quota costs |
//! | `sliding` | seconds and minutes: counted in memory, exact because a lane has one owner |
//! | `period`, `counter`, `quota` | hours, days and months: counted durably, reserved ahead |
//! | `keep` | where a lane asks: before an action begins, and before each request |
//!
//! Every request counts, whatever comes of it: the first, the repeated, the poll and the login.

mod counter;
mod keep;
mod period;
mod quota;
mod settings;
mod sliding;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub use period::Period;
pub use quota::{QuotaReport, report_of};
pub use settings::{LaneLimit, OnExhausted, QuotaPrice, QuotaSettings, Span};

pub(super) use keep::Allowance;
use quota::Quota;
use sliding::{Counts, Place, Sliding};

use crate::{
    log::{LogResult, Table},
    model::time::{Clock, Timestamp},
    topics::memory::{Handover, key},
};

/// The name of the pace among the limits.
pub const PACE: &str = "pace";

/// All limits of a lane, and how much of each is taken.
pub(super) struct Limits {
    short: Vec<Short>,
    quotas: Vec<Quota>,
}

/// A limit of a second or a minute, or the pace.
struct Short {
    name: String,
    class: Option<String>,
    places: Arc<Sliding>,
}

impl Short {
    fn is_about(&self, class: &str) -> bool {
        self.class.as_deref().is_none_or(|mine| mine == class)
    }
}

/// A request's places in the short limits, until it has ended.
pub(super) struct Permit(Vec<Place>);

impl Permit {
    /// The request goes out now.
    pub fn sent(&mut self) {
        self.0.iter_mut().for_each(Place::sent);
    }
}

impl Limits {
    /// Goes on where the last owner stood. Who does not know what it had sent (it was killed) takes it that everything was
    /// used up just now.
    ///
    /// # Errors
    /// Memory that cannot be read.
    pub fn open(
        clock: &Arc<dyn Clock>,
        per_second: Option<u32>,
        limits: &[LaneLimit],
        memory: &dyn Table,
        epoch: u64,
    ) -> LogResult<Self> {
        let before = Before::read(memory, epoch)?;
        let pace = per_second.filter(|calls| *calls > 0).map(|calls| Short {
            name: PACE.to_owned(),
            class: None,
            places: Sliding::new(
                Arc::clone(clock),
                1,
                Duration::from_secs(1) / calls,
                Counts::FromSending,
                before.taken(PACE),
            ),
        });
        let mut this = Self { short: pace.into_iter().collect(), quotas: Vec::new() };
        for limit in limits {
            match &limit.span {
                Span::Sliding(length) => this.short.push(Short {
                    name: limit.name.clone(),
                    class: limit.class.clone(),
                    places: Sliding::new(
                        Arc::clone(clock),
                        limit.calls,
                        *length,
                        Counts::FromItsEnd,
                        before.taken(&limit.name),
                    ),
                }),
                Span::Calendar(settings) => this.quotas.push(Quota::open(limit, settings, memory, clock.now())?),
            }
        }
        Ok(this)
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { short: Vec::new(), quotas: Vec::new() }
    }

    /// Until when nothing may be begun, because a quota over everything is used up.
    pub fn stands_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quotas.iter().filter_map(|quota| quota.stops_until(now)).max()
    }

    pub fn reports(&self, now: Timestamp) -> Vec<QuotaReport> {
        self.quotas.iter().map(|quota| quota.report(now)).collect()
    }

    /// What the successor must know. Only with nothing in flight.
    fn handover(&self, epoch: u64) -> Option<Handover> {
        let taken = self.short.iter().map(|short| (short.name.clone(), short.places.taken())).collect();
        (!self.short.is_empty()).then_some(Handover { epoch, taken })
    }
}

/// What the last owner may have sent shortly before now.
enum Before {
    /// There was no owner.
    Nobody,
    Told(BTreeMap<String, u64>),
    /// It did not come to say.
    Unknown,
}

impl Before {
    fn read(memory: &dyn Table, epoch: u64) -> LogResult<Self> {
        if epoch <= 1 {
            return Ok(Self::Nobody);
        }
        let handover = super::ledger::read_as::<Handover>(memory, key::HANDOVER)?;
        let told = handover.filter(|handover| handover.epoch + 1 == epoch);
        Ok(told.map_or(Self::Unknown, |handover| Self::Told(handover.taken)))
    }

    fn taken(&self, name: &str) -> u64 {
        match self {
            Self::Nobody => 0,
            Self::Told(taken) => taken.get(name).copied().unwrap_or(u64::MAX),
            Self::Unknown => u64::MAX,
        }
    }
}
