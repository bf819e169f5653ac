//! How actions are carried out at one connection.

mod bulk;
mod circuit;
mod limits;
mod loops;
mod retry;

use std::time::Duration;

use jiff::tz::TimeZone;

pub use bulk::Bulk;
pub use circuit::Circuit;
pub(super) use limits::divide;
pub use limits::{LimitConfig, QuotaConfig, SpanConfig};
pub use loops::Loops;
pub use retry::{Pauses, Retry};

use super::{fields::Fields, report::Problems};
use crate::connectors::contract::{
    Vendor,
    settings::{SettingKind, SettingValue},
};

const DAY: Duration = Duration::from_hours(24);

/// How actions are carried out at one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Requests at the same time.
    pub concurrency: u32,
    /// Requests a second; `None`: no limit.
    pub per_second: Option<u32>,
    /// The vendor's and the owner's.
    pub limits: Vec<LimitConfig>,
    /// For one request, until the end of its answer.
    pub timeout: Duration,
    pub retry: Retry,
    /// The same while an object is not there yet.
    pub not_there: Retry,
    pub circuit: Circuit,
    /// What replays, imports and repairs may use of it.
    pub bulk: Bulk,
    /// `None`: nothing is taken for a loop.
    pub loops: Option<Loops>,
    /// Private and loopback addresses may be called: for vendors in the same house, and for sandboxes.
    pub allow_private_addresses: bool,
}

impl Delivery {
    /// As the vendor wants it.
    pub fn of(vendor: &Vendor) -> Self {
        Self {
            concurrency: vendor.pace.concurrency,
            per_second: vendor.pace.per_second,
            limits: limits::of_vendor(vendor, &zone_of(vendor)),
            timeout: Duration::from_secs(30),
            retry: Retry::of_failures(),
            not_there: Retry::of_not_there(),
            circuit: Circuit::default(),
            bulk: Bulk::beside(vendor.pace.per_second),
            loops: Some(Loops::default()),
            allow_private_addresses: false,
        }
    }

    /// As the vendor wants it, but for what the owner wrote.
    pub(crate) fn read(mut fields: Fields<'_>, vendor: &Vendor, problems: &mut Problems) -> Self {
        let default = Self::of(vendor);
        let per_second = per_second(&mut fields, default.per_second, problems);
        let delivery = Self {
            concurrency: fields.count("concurrency", default.concurrency, 1000, problems),
            per_second,
            limits: read_limits(&mut fields, vendor, problems),
            timeout: fields.duration("timeout", default.timeout, problems),
            retry: Retry::read(&mut fields, "retry", default.retry, problems),
            not_there: Retry::read(&mut fields, "not_there", default.not_there, problems),
            circuit: Circuit::read(&mut fields, problems),
            bulk: Bulk::read(&mut fields, Bulk::beside(per_second), problems),
            loops: Loops::read(&mut fields, problems),
            allow_private_addresses: fields.flag("allow_private_addresses", false, problems),
        };
        fields.finish(problems);
        delivery
    }
}

/// The zone of the vendor's accounts.
fn zone_of(vendor: &Vendor) -> TimeZone {
    TimeZone::get(vendor.time_zone).unwrap_or(TimeZone::UTC)
}

fn read_limits(fields: &mut Fields<'_>, vendor: &Vendor, problems: &mut Problems) -> Vec<LimitConfig> {
    let zone = match fields.read("time_zone", SettingKind::Zone, problems) {
        Some(SettingValue::Zone(zone)) => zone,
        _ => zone_of(vendor),
    };
    limits::read(fields.node("limits"), vendor, &zone, problems)
}

fn per_second(fields: &mut Fields<'_>, default: Option<u32>, problems: &mut Problems) -> Option<u32> {
    let Some(node) = fields.node("per_second") else { return default };
    let read = |text: &str| match text {
        "unlimited" => Ok(None),
        number => number
            .parse::<u32>()
            .ok()
            .filter(|number| *number > 0)
            .map(Some)
            .ok_or_else(|| "expected a whole number from 1, or `unlimited`".to_owned()),
    };
    super::fields::scalar(node, problems, read).unwrap_or(default)
}
