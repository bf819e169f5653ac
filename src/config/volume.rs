//! How much is expected, `volume: 5000 a month`, and whether the targets' limits allow for it.
//!
//! On a flow it says how often the flow fires; on a connection, how many events of each type the connection gives. What is
//! certain to be too much is an error. Where conditions may make it less, it is a warning.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{
    connections::{ConnectionConfig, Connections},
    fields::scalar,
    flows::CheckedFlow,
    report::Problems,
    source::Place,
    tree::Node,
};
use crate::{
    connectors::contract::{Operation, limits::Window},
    dispatcher::limits::{LaneLimit, OnExhausted, Span},
    model::{code, connection::ConnectionName},
    router::Step,
};

/// So many in so long.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    count: Decimal,
    seconds: u32,
    place: Place,
}

/// How it is written, for editors.
pub(super) const FORM: &str = "^[1-9][0-9]* +(a|an|per) +(hour|day|week|month|year)$";

const HOUR: u32 = 3600;
/// A month is the twelfth part of a year of 365.25 days.
const MONTH: u32 = 2_629_800;
const SPANS: [(&str, u32); 5] =
    [("hour", HOUR), ("day", 24 * HOUR), ("week", 7 * 24 * HOUR), ("month", MONTH), ("year", 12 * MONTH)];

impl Volume {
    /// Reads `5000 a month`.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let (count, seconds) = scalar(node, problems, read)?;
        Some(Self { count: Decimal::from(count), seconds, place: node.place.clone() })
    }

    fn within(&self, seconds: Decimal) -> Decimal {
        self.count * seconds / Decimal::from(self.seconds)
    }
}

fn read(text: &str) -> Result<(u64, u32), String> {
    let expected = || "expected how often, such as `5000 a month`, `200 a day` or `30 an hour`".to_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    let &[count, "a" | "an" | "per", span] = words.as_slice() else { return Err(expected()) };
    let count = count.parse().ok().filter(|count| (1..=1_000_000_000_000).contains(count));
    let seconds = SPANS.iter().find(|(name, _)| *name == span).map(|(_, seconds)| *seconds);
    count.zip(seconds).ok_or_else(expected)
}

/// One step's part of what its target gets.
struct Part<'a> {
    flow: &'a CheckedFlow<'a>,
    operation: &'static Operation,
    volume: &'a Volume,
    /// No condition makes it less.
    certain: bool,
    optional: bool,
}

/// Complains where more is expected than a target's limits allow.
pub(super) fn check(flows: &[CheckedFlow<'_>], connections: &Connections, problems: &mut Problems) {
    let mut by_target: BTreeMap<&ConnectionName, Vec<Part<'_>>> = BTreeMap::new();
    for flow in flows {
        let volumes = volumes_of(flow, connections);
        for step in &flow.flow.steps {
            let parts = by_target.entry(&step.connection).or_default();
            parts.extend(volumes.iter().map(|(volume, certain)| part(flow, step, volume, *certain)));
        }
    }
    for (name, config) in &connections.good {
        if let Some(parts) = by_target.get(config.identity(name)) {
            check_target(name, config, parts, problems);
        }
    }
}

fn part<'a>(flow: &'a CheckedFlow<'a>, step: &Step, volume: &'a Volume, certain: bool) -> Part<'a> {
    let certain = certain && step.when.is_none();
    Part { flow, operation: step.operation, volume, certain, optional: step.optional }
}

/// How often a flow fires, and whether that is certain: as it says itself, or as its sources do.
fn volumes_of<'a>(flow: &'a CheckedFlow<'_>, connections: &'a Connections) -> Vec<(&'a Volume, bool)> {
    if let Some(volume) = &flow.volume {
        return vec![(volume, true)];
    }
    let gives = |config: &ConnectionConfig| flow.flow.types.iter().any(|given| config.vendor.events.contains(given));
    let is_source = |name: &ConnectionName, config: &ConnectionConfig| {
        gives(config) && flow.flow.from.as_ref().is_none_or(|from| from.contains(config.identity(name)))
    };
    let sources = connections.good.iter().filter(|(name, config)| is_source(name, config));
    let volumes = sources.filter_map(|(name, _)| connections.volumes.get(name));
    volumes.map(|volume| (volume, flow.flow.when.is_none())).collect()
}

fn check_target(name: &ConnectionName, config: &ConnectionConfig, parts: &[Part<'_>], problems: &mut Problems) {
    for limit in config.delivery.limits.iter().map(super::delivery::LimitConfig::of_lane) {
        let Some(bound) = Bound::of(&limit) else { continue };
        let calls = |certain_only: bool| -> Decimal {
            let counted = parts.iter().filter(|part| part.certain || !certain_only).filter(|part| bound.counts(part));
            counted.map(|part| part.volume.within(bound.seconds) * Decimal::from(part.operation.calls)).sum()
        };
        let allowed = Decimal::from(bound.allowed);
        let (certain, possible) = (calls(true), calls(false));
        if certain > allowed {
            bound.complain(name, &limit, certain, parts, true, problems);
        } else if possible > allowed {
            bound.complain(name, &limit, possible, parts, false, problems);
        }
    }
}

/// What a limit allows in its window.
struct Bound<'a> {
    seconds: Decimal,
    allowed: u64,
    class: Option<&'a str>,
    drops_optional: bool,
    window: &'static str,
    priced: bool,
}

impl<'a> Bound<'a> {
    /// `None` where it allows any number, because more is paid for.
    fn of(limit: &'a LaneLimit) -> Option<Self> {
        let class = limit.class.as_deref();
        let base = Self {
            seconds: Decimal::ONE,
            allowed: limit.calls,
            class,
            drops_optional: false,
            window: "",
            priced: false,
        };
        match &limit.span {
            Span::Sliding(length) => {
                let hour = Decimal::from(HOUR);
                let windows =
                    hour / Decimal::from(u64::try_from(length.as_nanos()).ok()?) * Decimal::from(1_000_000_000);
                let allowed = (windows * Decimal::from(limit.calls)).to_u64()?;
                Some(Self { seconds: hour, allowed, window: "an hour", ..base })
            }
            Span::Calendar(quota) => {
                let (seconds, window) = match quota.window {
                    Window::Hour => (HOUR, "an hour"),
                    Window::Day => (24 * HOUR, "a day"),
                    Window::Month => (MONTH, "a month"),
                    Window::Second | Window::Minute => return None,
                };
                let priced = quota.price.is_some();
                let goes_on = quota.on_exhausted != OnExhausted::Pause && priced;
                let allowed = if goes_on { quota.most? } else { limit.calls };
                let drops_optional = quota.on_exhausted == OnExhausted::DropOptional;
                Some(Self { seconds: Decimal::from(seconds), allowed, drops_optional, window, priced, ..base })
            }
        }
    }

    fn counts(&self, part: &Part<'_>) -> bool {
        self.class.is_none_or(|class| class == part.operation.limit_class) && !(part.optional && self.drops_optional)
    }

    fn complain(
        &self,
        name: &ConnectionName,
        limit: &LaneLimit,
        calls: Decimal,
        parts: &[Part<'_>],
        certain: bool,
        problems: &mut Problems,
    ) {
        let counted = || parts.iter().filter(|part| (part.certain || !certain) && self.counts(part));
        let allowed_to = |part: &&Part<'_>| certain || !part.flow.allows(code::OVER_QUOTA);
        let weight = |part: &&Part<'_>| part.volume.within(self.seconds) * Decimal::from(part.operation.calls);
        let Some(largest) = counted().filter(allowed_to).max_by_key(weight) else { return };
        let (up_to, calls, window) = (if certain { "" } else { "up to " }, calls.ceil().normalize(), self.window);
        let message = format!(
            "`{name}` would get {up_to}{calls} calls {window}, and its limit `{}` allows {}",
            limit.name, self.allowed
        );
        let place = &largest.volume.place;
        if certain {
            problems.add(place, code::OVER_QUOTA, message).hint(self.way_out(name, limit));
        } else {
            let flow = &largest.flow.flow.name;
            problems.warn(place, code::OVER_QUOTA, message).hint(format!(
                "conditions may make it less: say how often the flow `{flow}` fires with a `volume:` of its own, or \
                 `allow: over-quota` in it"
            ));
        }
    }

    fn way_out(&self, name: &ConnectionName, limit: &LaneLimit) -> String {
        let at = format!("under `{name}: {{ delivery: {{ limits: {{ {}: … }} }} }}`", limit.name);
        if self.priced {
            format!("{at} raise `calls`, `max_calls` or `budget`, or say `on_exhausted: continue`")
        } else {
            format!("{at} raise `calls`, or say what more calls cost with a `price`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_read_as_people_say_them() {
        assert_eq!(read("5000 a month"), Ok((5000, MONTH)));
        assert_eq!(read("30 an hour"), Ok((30, HOUR)));
        assert_eq!(read("1  per year"), Ok((1, 12 * MONTH)));
        for bad in
            ["", "5000", "a month", "5000 month", "-1 a day", "0 a day", "1.5 a day", "5 a fortnight", "5 a day x"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
