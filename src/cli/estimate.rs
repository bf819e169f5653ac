//! `spojka check --against-log`: how many actions an activation will cause, as the recorded events tell, with calls and price.

use std::{collections::BTreeMap, io, path::Path, time::Duration};

use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    backtest::{backtest, print::in_currency},
    output::Output,
};
use crate::{
    config::{Config, ConnectionConfig},
    connectors::contract::limits::Window,
    dispatcher::limits::{LaneLimit, QuotaSettings, Span},
    model::time::{Clock as _, SystemClock, Timestamp},
    runtime::backtest::report::{Backtest, CallsRow, QuotaRow, Request},
};

/// So far back recorded events are looked at.
const DAYS: u32 = 30;
const DAY: Duration = Duration::from_hours(24);
/// The longest month.
const MONTH: u64 = 31;

/// What an activation will cause.
#[derive(Debug, Serialize)]
pub struct Estimate {
    pub events: u64,
    /// So many days the events are of: fewer than asked for where the log is younger.
    pub days: u64,
    pub flows: Vec<FlowEstimate>,
    pub connections: Vec<ConnectionEstimate>,
    /// What would go over a quota.
    pub warnings: Vec<String>,
}

/// What one flow will cause.
#[derive(Debug, Default, Serialize)]
pub struct FlowEstimate {
    pub flow: String,
    pub actions: u64,
    pub a_day: u64,
    /// Facts of the past that its earlier `start` claims, and that the present flows do not act on.
    pub due_at_once: u64,
}

/// What a connection will have to bear.
#[derive(Debug, Serialize)]
pub struct ConnectionEstimate {
    pub connection: String,
    pub calls: u64,
    pub a_day: u64,
    pub due_at_once: u64,
    pub quotas: Vec<QuotaEstimate>,
}

/// A quota, and what of it will be used in one window.
#[derive(Debug, Serialize)]
pub struct QuotaEstimate {
    pub limit: String,
    pub window: String,
    pub calls: u64,
    pub free: u64,
    pub cap: Option<u64>,
    /// For one such window, with its currency.
    pub cost: Option<String>,
}

/// Asks the log: what the last days' events would have caused, and what an earlier `start` claims of those before.
pub fn estimate(path: &Path, config: &Config, output: &mut Output<'_>) -> anyhow::Result<Estimate> {
    let now = SystemClock.now();
    let since = now - DAY * DAYS;
    let request = |since, until| Request { since, until, samples: 0, ..Request::default() };
    let recent = backtest(path, path, request(Some(since), None), output)?;
    let first_start = config.flows.flows().iter().filter_map(|flow| flow.start).min();
    let earlier = match first_start.filter(|start| *start < since) {
        Some(start) => Some(backtest(path, path, request(Some(start), Some(since)), output)?),
        None => None,
    };
    Ok(of(config, &recent, earlier.as_ref(), now))
}

fn of(config: &Config, recent: &Backtest, earlier: Option<&Backtest>, now: Timestamp) -> Estimate {
    let days = days(recent, now);
    let mut flows: BTreeMap<&str, FlowEstimate> = BTreeMap::new();
    for (step, is_recent) in rows(recent, earlier) {
        let flow = flows.entry(step.flow.as_str()).or_default();
        let counts = step.counts;
        flow.actions += if is_recent { counts.same + counts.new + counts.changed } else { 0 };
        flow.due_at_once += counts.due;
    }
    let mut warnings = Vec::new();
    let due = |row: &CallsRow| -> u64 {
        let earlier = earlier.into_iter().flat_map(|earlier| &earlier.found.calls);
        row.due + earlier.filter(|other| other.connection == row.connection).map(|other| other.due).sum::<u64>()
    };
    let connections = recent.found.calls.iter().map(|row| connection(config, row, days, due(row), &mut warnings));
    let connections = connections.collect();
    let name = |(name, flow): (&str, FlowEstimate)| FlowEstimate {
        flow: name.to_owned(),
        a_day: flow.actions.div_ceil(days),
        ..flow
    };
    Estimate { events: recent.read.events, days, flows: flows.into_iter().map(name).collect(), connections, warnings }
}

fn rows<'a>(
    recent: &'a Backtest,
    earlier: Option<&'a Backtest>,
) -> impl Iterator<Item = (&'a crate::runtime::backtest::report::StepRow, bool)> {
    let earlier = earlier.into_iter().flat_map(|earlier| &earlier.found.steps).map(|step| (step, false));
    recent.found.steps.iter().map(|step| (step, true)).chain(earlier)
}

fn days(recent: &Backtest, now: Timestamp) -> u64 {
    let seconds = recent.read.first.map_or(0, |first| now.duration_since(first).as_secs().max(0).cast_unsigned());
    seconds.div_ceil(DAY.as_secs()).clamp(1, u64::from(DAYS))
}

fn connection(config: &Config, row: &CallsRow, days: u64, due: u64, warnings: &mut Vec<String>) -> ConnectionEstimate {
    let known = config.connections.iter().find(|(name, it)| it.identity(name) == &row.connection);
    let limits = known.map_or_else(Vec::new, |(_, it)| quotas_of(it));
    let mut quotas = Vec::new();
    for quota in &row.quotas {
        let Some((limit, settings)) = limits.iter().find(|(limit, _)| limit.name == quota.limit) else { continue };
        let calls = in_one_window(quota, settings, days) + due;
        let told = QuotaEstimate {
            limit: quota.limit.clone(),
            window: quota.window.clone(),
            calls,
            free: limit.calls,
            cap: quota.cap,
            cost: cost(limit, settings, calls),
        };
        warnings.extend(warning(row, &told));
        quotas.push(told);
    }
    let calls = row.calls.proposed;
    let connection = known.map_or(&row.connection, |(name, _)| name).to_string();
    ConnectionEstimate { connection, calls, a_day: calls.div_ceil(days), due_at_once: due, quotas }
}

fn quotas_of(connection: &ConnectionConfig) -> Vec<(LaneLimit, QuotaSettings)> {
    let limits = connection.delivery.limits.iter().map(crate::config::LimitConfig::of_lane);
    let calendar = limits.filter_map(|limit| match limit.span.clone() {
        Span::Calendar(settings) => Some((limit, settings)),
        Span::Sliding(_) => None,
    });
    calendar.collect()
}

/// Calls in one window to come: a whole month of days as they were, else the window that needed most.
fn in_one_window(quota: &QuotaRow, settings: &QuotaSettings, days: u64) -> u64 {
    let all: u64 = quota.windows.values().map(|pair| pair.proposed).sum();
    match settings.window {
        Window::Month => (all * MONTH).div_ceil(days),
        Window::Day | Window::Hour | Window::Minute | Window::Second => quota.peak(),
    }
}

fn cost(limit: &LaneLimit, settings: &QuotaSettings, calls: u64) -> Option<String> {
    let price = settings.price.as_ref()?;
    let amount: Decimal = price.cost(calls, limit.calls);
    Some(in_currency(&amount.normalize().to_string(), &price.currency, price.vat.as_str()))
}

fn warning(row: &CallsRow, quota: &QuotaEstimate) -> Option<String> {
    let QuotaEstimate { limit, window, calls, free, cap, cost } = quota;
    let name = &row.connection;
    match (cap, cost) {
        (Some(cap), _) if calls > cap => Some(format!(
            "`{name}`: about {calls} calls a {window} would go over the limit `{limit}` of {cap}: the rest would wait"
        )),
        (_, Some(cost)) if calls > free => Some(format!(
            "`{name}`: about {calls} calls a {window} are more than the {free} that cost nothing (`{limit}`): {cost}"
        )),
        _ => None,
    }
}

/// For people.
pub fn print(out: &mut dyn io::Write, estimate: &Estimate) -> io::Result<()> {
    let Estimate { events, days, flows, connections, warnings } = estimate;
    writeln!(out, "estimated from {events} recorded events of {days} days")?;
    for flow in flows {
        writeln!(out, "flow `{}`: about {} actions a day ({} in all)", flow.flow, flow.a_day, flow.actions)?;
        if flow.due_at_once > 0 {
            let count = flow.due_at_once;
            writeln!(out, "    due by its earlier `start`: {count} actions, done by a replay or when told of again")?;
        }
    }
    for row in connections {
        let due = if row.due_at_once > 0 { format!(", and {} at once", row.due_at_once) } else { String::new() };
        writeln!(out, "{}: about {} calls a day{due}, besides its polls and fetches", row.connection, row.a_day)?;
        for quota in &row.quotas {
            let cost = quota.cost.as_ref().map(|cost| format!(": {cost}")).unwrap_or_default();
            let QuotaEstimate { limit, window, calls, free, .. } = quota;
            writeln!(out, "    {limit}: about {calls} of {free} calls a {window}{cost}")?;
        }
    }
    warnings.iter().try_for_each(|warning| writeln!(out, "warning: {warning}"))
}
