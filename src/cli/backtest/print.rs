//! A backtest's answer for people: the difference first, then its samples, what it costs, and what was left out.

use std::io::{self, Write};

use serde_json::Value;

use crate::{
    cli::output::table,
    connectors::contract::limits::Vat,
    runtime::backtest::report::{Backtest, CallsRow, Cost, FailureRow, Pair, QuotaRow, Sample, SkipRow, StepRow},
    topics::replay::State,
};

/// So much of a value is shown.
const LONGEST: usize = 60;

pub fn all(out: &mut dyn Write, backtest: &Backtest) -> io::Result<()> {
    head(out, backtest)?;
    let found = &backtest.found;
    steps(out, &found.steps)?;
    found.steps.iter().try_for_each(|step| samples(out, step))?;
    found.failures.iter().try_for_each(|row| failure(out, row))?;
    for row in &found.depends {
        let numbers = pair(row.of);
        writeln!(
            out,
            "flow `{}`, step `{}` would depend on `{}`, whose end is not recorded: {numbers}",
            row.flow, row.step, row.on
        )?;
    }
    skipped(out, backtest)?;
    found.calls.iter().try_for_each(|row| calls(out, row))?;
    if backtest.state == State::Done && !found.differs() && found.depends.is_empty() {
        writeln!(out, "no difference")?;
    }
    Ok(())
}

fn head(out: &mut dyn Write, backtest: &Backtest) -> io::Result<()> {
    let read = &backtest.read;
    let flows = match &backtest.present {
        Some(present) => format!("{} beside {present}, which is in force", backtest.proposed),
        None => format!("{}; no flows are in force", backtest.proposed),
    };
    writeln!(out, "flows: {flows}")?;
    let seconds = backtest.took_ms / 1_000;
    let tenths = backtest.took_ms % 1_000 / 100;
    let stopped = if backtest.state == State::Done { "" } else { ", stopped before the end" };
    writeln!(out, "read: {} records, {} events judged, in {seconds}.{tenths} s{stopped}", read.records, read.events)?;
    if let (Some(first), Some(last)) = (read.first, read.last) {
        writeln!(out, "events arrived from {first} to {last}")?;
    }
    for (why, count) in &read.left_out {
        writeln!(out, "left out: {count} ({why})")?;
    }
    Ok(())
}

fn steps(out: &mut dyn Write, steps: &[StepRow]) -> io::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let row = |step: &StepRow| {
        let counts = step.counts;
        let numbers = [counts.same, counts.new, counts.gone, counts.changed].map(|count| count.to_string());
        let names: Vec<_> = step.parameters.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        let mut row = vec![step.flow.clone(), step.step.clone()];
        row.push(format!("{}.{}", step.connection, step.operation));
        row.extend(numbers);
        row.push(names.join(", "));
        row
    };
    let rows: Vec<_> = steps.iter().map(row).collect();
    writeln!(out)?;
    table(out, &["flow", "step", "does", "same", "new", "gone", "changed", "in"], &rows)
}

fn samples(out: &mut dyn Write, step: &StepRow) -> io::Result<()> {
    step.samples.iter().try_for_each(|sample| one_sample(out, step, sample))
}

fn one_sample(out: &mut dyn Write, step: &StepRow, sample: &Sample) -> io::Result<()> {
    let Sample { event_type, subject, event, .. } = sample;
    writeln!(
        out,
        "\n{}: flow `{}`, step `{}`, {event_type} {subject} ({event})",
        sample.kind.as_str(),
        step.flow,
        step.step
    )?;
    for change in &sample.changes {
        let line = match (&change.from, &change.to) {
            (Some(from), Some(to)) => format!("{} -> {}", value(from), value(to)),
            (None, Some(to)) => format!("+ {}", value(to)),
            (Some(from), None) => format!("- {}", value(from)),
            (None, None) => String::new(),
        };
        writeln!(out, "    {}: {line}", change.parameter)?;
    }
    Ok(())
}

fn value(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() { format!("{short} …") } else { short }
}

fn failure(out: &mut dyn Write, row: &FailureRow) -> io::Result<()> {
    let step = row.step.as_ref().map(|step| format!(", step `{step}`")).unwrap_or_default();
    let field = row.field.as_ref().map(|field| format!(", `{field}`")).unwrap_or_default();
    writeln!(
        out,
        "\nfails: flow `{}`{step}{field}: {} ({}): {}, as with {}",
        row.flow,
        row.message,
        row.code,
        pair(row.of),
        row.event
    )
}

fn skipped(out: &mut dyn Write, backtest: &Backtest) -> io::Result<()> {
    let row = |row: &SkipRow| {
        let step = row.step.clone().unwrap_or_else(|| "(all)".to_owned());
        vec![row.flow.clone(), step, row.why.clone(), row.of.present.to_string(), row.of.proposed.to_string()]
    };
    let rows: Vec<_> = backtest.found.skipped.iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    table(out, &["not done by", "step", "because of", "now", "then"], &rows)
}

fn calls(out: &mut dyn Write, row: &CallsRow) -> io::Result<()> {
    writeln!(out, "\n{}: actions {}, calls {} at the most", row.connection, pair(row.actions), pair(row.calls))?;
    row.quotas.iter().try_for_each(|row| quota(out, row))
}

fn quota(out: &mut dyn Write, row: &QuotaRow) -> io::Result<()> {
    let cost = row.cost.as_ref().map(|cost| format!(", {}", price(cost))).unwrap_or_default();
    writeln!(out, "    {}: up to {} of {} calls a {}{cost}", row.limit, row.peak(), row.free, row.window)?;
    if let (Some(first), Some(cap)) = (row.exceeded.first(), row.cap) {
        let more = row.exceeded.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(out, "    warning: {first}{more}: more than the {cap} calls that are allowed")?;
    }
    Ok(())
}

fn price(cost: &Cost) -> String {
    let (now, then) = (&cost.present, &cost.proposed);
    let amount = if now == then { then.clone() } else { format!("{now} -> {then}") };
    in_currency(&amount, &cost.currency, &cost.vat)
}

/// `2000 HUF + VAT`.
pub fn in_currency(amount: &str, currency: &str, vat: &str) -> String {
    let vat = if vat == Vat::Excluded.as_str() { " + VAT" } else { "" };
    format!("{amount} {currency}{vat}")
}

fn pair(pair: Pair) -> String {
    if pair.differs() { format!("{} -> {}", pair.present, pair.proposed) } else { pair.proposed.to_string() }
}
