//! Limits: the vendor's own, as the owner knows them better, and the owner's besides.

mod divide;
mod quota;

use std::time::Duration;

use jiff::tz::TimeZone;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

pub(in crate::config) use divide::divide;
pub use quota::QuotaConfig;

use crate::{
    config::{
        fields::{Fields, list, scalar},
        report::Problems,
        tree::{Entry, Node, Value},
    },
    connectors::contract::{
        Limit, Vendor,
        limits::{Scope, Window},
    },
    dispatcher::limits::{LaneLimit, PACE, Span},
    expr::suggest,
    model::code,
};

/// More in a second or a minute is no limit worth counting, and each is a number in memory.
const MOST_IN_SHORT: u64 = 100_000;
const MOST_IN_LONG: u64 = 1_000_000_000_000;

/// A limit of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitConfig {
    pub name: String,
    pub scope: Scope,
    /// `None`: every request.
    pub class: Option<String>,
    /// Of the whole limit.
    pub calls: u64,
    /// The part of it that is this connection's. What is not said is known when all connections are.
    pub share: Option<Decimal>,
    pub span: SpanConfig,
}

/// The window of a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanConfig {
    Short(Duration),
    Long(QuotaConfig),
}

impl LimitConfig {
    /// What the vendor says, in an account of this zone.
    pub fn of_vendor(limit: &Limit, zone: &TimeZone) -> Self {
        Self {
            name: limit.name.to_owned(),
            scope: limit.scope,
            class: limit.class.map(str::to_owned),
            calls: u64::from(limit.calls),
            share: None,
            span: match limit.window.length() {
                Some(length) => SpanConfig::Short(length),
                None => SpanConfig::Long(QuotaConfig::of_vendor(limit, zone)),
            },
        }
    }

    /// The same for one lane: its share of it.
    pub fn of_lane(&self) -> LaneLimit {
        let mine = self.share_of_calls();
        let calls = whole(mine).max(1);
        let span = match &self.span {
            SpanConfig::Short(length) if whole(mine) == 0 => Span::Sliding(stretched(*length, mine)),
            SpanConfig::Short(length) => Span::Sliding(*length),
            SpanConfig::Long(quota) => Span::Calendar(quota.of_lane(calls)),
        };
        LaneLimit { name: self.name.clone(), class: self.class.clone(), calls, span }
    }

    fn share_of_calls(&self) -> Decimal {
        Decimal::from(self.calls) * self.share.unwrap_or(Decimal::ONE)
    }
}

/// Whole calls. A third has no end as a decimal number, and three thirds are one.
fn whole(calls: Decimal) -> u64 {
    calls.round_dp(9).floor().to_u64().unwrap_or(0)
}

/// How long a window must be to have one call, when it has less than one.
fn stretched(length: Duration, calls: Decimal) -> Duration {
    let nanos = Decimal::from(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)) / calls;
    Duration::from_nanos(nanos.ceil().to_u64().unwrap_or(u64::MAX))
}

/// The vendor's limits, in an account of this zone.
pub(super) fn of_vendor(vendor: &Vendor, zone: &TimeZone) -> Vec<LimitConfig> {
    vendor.limits.iter().map(|limit| LimitConfig::of_vendor(limit, zone)).collect()
}

/// The vendor's limits with what stands under `limits`.
pub(super) fn read(node: Option<&Node>, vendor: &Vendor, zone: &TimeZone, problems: &mut Problems) -> Vec<LimitConfig> {
    let mut limits = of_vendor(vendor, zone);
    let Some(node) = node else { return limits };
    let Value::Map(entries) = &node.value else {
        let message = format!("`limits` must be a mapping, found {}", node.value.describe());
        problems
            .add(&node.place, code::WRONG_KIND, message)
            .hint("write `name: { calls: 60, window: minute }` under it");
        return limits;
    };
    for entry in entries {
        let known = limits.iter().position(|limit| limit.name == entry.key.text);
        match (known, read_one(entry, known.and_then(|at| limits.get(at)), vendor, zone, problems)) {
            (Some(at), Some(Said::Unlimited)) => {
                limits.remove(at);
            }
            (Some(at), Some(Said::Limit(limit))) => {
                limits.splice(at..=at, [*limit]);
            }
            (None, Some(Said::Limit(limit))) => limits.push(*limit),
            (None, Some(Said::Unlimited)) => no_such_limit(entry, vendor, problems),
            (_, None) => {}
        }
    }
    limits
}

/// What the owner says of a limit.
enum Said {
    Unlimited,
    Limit(Box<LimitConfig>),
}

fn no_such_limit(entry: &Entry, vendor: &Vendor, problems: &mut Problems) {
    let names = || vendor.limits.iter().map(|limit| limit.name);
    let message = format!("`{}` has no limit `{}` to lift", vendor.name, entry.key.text);
    let hint = suggest::nearest(&entry.key.text, names())
        .map_or_else(|| format!("it has {}", list(names())), |near| format!("did you mean `{near}`?"));
    problems.add(&entry.key.place, code::UNKNOWN_KEY, message).hint(hint);
}

fn read_one(
    entry: &Entry,
    known: Option<&LimitConfig>,
    vendor: &Vendor,
    zone: &TimeZone,
    problems: &mut Problems,
) -> Option<Said> {
    let name = entry.key.text.as_str();
    if !is_name(name) {
        let expected = format!("expected up to 40 of `a-z`, `0-9` and `-`, beginning with a letter, and not `{PACE}`");
        problems.add(&entry.key.place, code::BAD_NAME, format!("`{name}` is no name for a limit: {expected}"));
        return None;
    }
    if matches!(&entry.value.value, Value::Scalar(scalar) if scalar.text == "unlimited") {
        return Some(Said::Unlimited);
    }
    let before = problems.count();
    let mut fields = Fields::open(&entry.value, format!("the limit `{name}`"), problems)?;
    let window = choice(&mut fields, "window", Window::ALL, Window::as_str, problems);
    let most = if window.is_some_and(|window| window.length().is_some()) { MOST_IN_SHORT } else { MOST_IN_LONG };
    let calls = number(&mut fields, "calls", most, problems);
    let scope = choice(&mut fields, "scope", Scope::ALL, Scope::as_str, problems);
    let class = fields.node("class").and_then(|node| scalar(node, problems, |text| read_class(text, vendor)));
    let share = fields.node("share").and_then(|node| scalar(node, problems, read_share));
    let span = read_span(&mut fields, window, known, zone, problems);
    fields.finish(problems);
    if problems.count() > before {
        return None;
    }
    let (calls, span) = (calls.or(known.map(|known| known.calls)), span);
    let (Some(calls), Some(span)) = (calls, span) else {
        incomplete(entry, vendor, problems);
        return None;
    };
    let limit = LimitConfig {
        name: name.to_owned(),
        scope: scope.or(known.map(|known| known.scope)).unwrap_or(Scope::Connection),
        class: class.unwrap_or_else(|| known.and_then(|known| known.class.clone())),
        calls,
        share,
        span,
    };
    is_sound(entry, &limit, problems).then(|| Said::Limit(Box::new(limit)))
}

/// The window, with what a quota says besides.
fn read_span(
    fields: &mut Fields<'_>,
    window: Option<Window>,
    known: Option<&LimitConfig>,
    zone: &TimeZone,
    problems: &mut Problems,
) -> Option<SpanConfig> {
    let long = match (window.map(|window| (window, window.length())), known.map(|known| &known.span)) {
        (Some((_, Some(length))), _) => return Some(short(fields, length, problems)),
        (None, Some(SpanConfig::Short(length))) => return Some(short(fields, *length, problems)),
        (Some((window, None)), Some(SpanConfig::Long(quota))) => QuotaConfig { window, ..quota.clone() },
        (Some((window, None)), _) => QuotaConfig::new(window, zone),
        (None, Some(SpanConfig::Long(quota))) => quota.clone(),
        (None, None) => {
            // Read all the same: what is wrong in it is told together with the missing window.
            QuotaConfig::new(Window::Month, zone).read(fields, problems);
            return None;
        }
    };
    Some(SpanConfig::Long(long.read(fields, problems)))
}

fn short(fields: &mut Fields<'_>, length: Duration, problems: &mut Problems) -> SpanConfig {
    for name in quota::KEYS {
        if let Some(entry) = fields.entry(name) {
            let message = format!("`{name}` belongs to a limit by the hour, the day or the month");
            problems.add(&entry.key.place, code::UNKNOWN_KEY, message);
        }
    }
    SpanConfig::Short(length)
}

/// What can only be judged as a whole.
fn is_sound(entry: &Entry, limit: &LimitConfig, problems: &mut Problems) -> bool {
    let before = problems.count();
    if limit.share.is_some() && limit.scope == Scope::Connection {
        let message = format!("`{}` is this connection's alone: there is nothing to share", limit.name);
        problems
            .add(&entry.key.place, code::WRONG_KIND, message)
            .hint("a limit that others share has `scope: egress` or `scope: application`");
    }
    if let SpanConfig::Long(quota) = &limit.span {
        quota.check(entry, limit.calls, problems);
    }
    problems.count() == before
}

fn incomplete(entry: &Entry, vendor: &Vendor, problems: &mut Problems) {
    let name = entry.key.text.as_str();
    let message = format!("the limit `{name}` needs `calls` and `window`");
    let hint = match suggest::nearest(name, vendor.limits.iter().map(|limit| limit.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write `{ calls: 60, window: minute }`; windows are second, minute, hour, day, month".to_owned(),
    };
    problems.add(&entry.key.place, code::MISSING_KEY, message).hint(hint);
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text != PACE && text.len() <= 40 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(fits)
}

fn read_class(text: &str, vendor: &Vendor) -> Result<Option<String>, String> {
    let mut classes: Vec<&str> = vendor.operations.iter().map(|operation| operation.limit_class).collect();
    classes.extend(["all", "login", "poll"]);
    classes.sort_unstable();
    classes.dedup();
    match text {
        "all" => Ok(None),
        text if classes.contains(&text) => Ok(Some(text.to_owned())),
        _ => Err(format!("expected one of {}", list(classes.into_iter()))),
    }
}

/// `40%` or `0.4`.
fn read_share(text: &str) -> Result<Decimal, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => Decimal::from_str_exact(percent.trim()).map(|percent| percent / Decimal::ONE_HUNDRED),
        None => Decimal::from_str_exact(text),
    };
    share
        .ok()
        .filter(|share| *share > Decimal::ZERO && *share <= Decimal::ONE)
        .ok_or_else(|| "expected a part of the whole, such as `40%` or `0.4`".to_owned())
}

/// A whole number from 1.
fn number(fields: &mut Fields<'_>, name: &'static str, most: u64, problems: &mut Problems) -> Option<u64> {
    let read = |text: &str| {
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| format!("expected a whole number from 1 to {most}"))
    };
    scalar(fields.node(name)?, problems, read)
}

/// One of several things, by its name.
fn choice<T: Copy, const N: usize>(
    fields: &mut Fields<'_>,
    name: &'static str,
    all: [T; N],
    as_str: impl Fn(T) -> &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let read = |text: &str| {
        let found = all.iter().copied().find(|one| as_str(*one) == text);
        found.ok_or_else(|| format!("expected one of {}", list(all.iter().map(|one| as_str(*one)))))
    };
    scalar(fields.node(name)?, problems, read)
}

#[cfg(test)]
mod tests;
