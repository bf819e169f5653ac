//! `spojka lanes`: how the lanes stand; `pause` and `resume` tell one of them to stop and to go on.

use std::{io, io::Write, path::Path};

use super::{
    Exit,
    arguments::{LanesArguments, LanesCommand},
    client,
    output::{Output, table},
};
use crate::{
    config::{Config, Mode},
    dispatcher::circuit::CircuitState,
    model::time::Timestamp,
    runtime::{
        admin::Question,
        operator::lanes::{CostRow, LaneRow, QuotaRow},
    },
    topics::control::Control,
};

pub fn run(path: &Path, arguments: &LanesArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let config = client::load(path, Mode::CheckOnly)?;
    match &arguments.command {
        Some(LanesCommand::Pause { connection }) => tell(path, &config, connection, Control::Pause, output),
        Some(LanesCommand::Resume { connection }) => tell(path, &config, connection, Control::Resume, output),
        None => list(path, &config, arguments.connection.as_deref(), output),
    }
}

/// Topics know a connection by its first name, people by today's.
fn identity(config: &Config, name: &str) -> Result<String, client::NotFound> {
    let (name, connection) = client::find_connection(config, name)?;
    Ok(connection.identity(name).to_string())
}

fn tell(path: &Path, config: &Config, name: &str, control: Control, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let connection = identity(config, name)?;
    let (): () = client::ask(path, Question::LaneControl { connection, control })?;
    output.say(&match control {
        Control::Pause => format!(
            "told the owner of `{name}` to pause: what is under way ends, and nothing more is sent until `spojka lanes \
             resume {name}`; webhooks and actions are kept meanwhile"
        ),
        Control::Resume => format!(
            "told the owner of `{name}` to go on: its circuit closes, whatever opened it; a credential that is still \
             rejected opens it again"
        ),
    })?;
    Ok(Exit::Done)
}

fn list(path: &Path, config: &Config, only: Option<&str>, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let connection = only.map(|name| identity(config, name)).transpose()?;
    let mut rows: Vec<LaneRow> = client::ask(path, Question::Lanes { connection })?;
    for row in &mut rows {
        let today = config.connections.iter().find(|(name, it)| it.identity(name).as_str() == row.connection);
        if let Some((name, _)) = today {
            row.connection = name.to_string();
        }
    }
    output.show(&rows, |out, rows| print(out, rows))?;
    Ok(Exit::Done)
}

fn print(out: &mut dyn Write, rows: &[LaneRow]) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no connections");
    }
    let head =
        ["connection", "backlog", "bulk", "in line", "in flight", "a minute", "oldest", "circuit", "epoch", "owner"];
    table(out, &head, &rows.iter().map(cells).collect::<Vec<_>>())?;
    let quotas: Vec<_> = rows.iter().flat_map(quota_cells).collect();
    if quotas.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    table(out, &["connection", "quota", "used", "free", "at most", "cost so far", "next window"], &quotas)
}

fn cells(row: &LaneRow) -> Vec<String> {
    vec![
        row.connection.clone(),
        row.backlog.to_string(),
        row.bulk.to_string(),
        known(row.waiting),
        known(row.in_flight),
        known(row.per_minute.map(|rate| format!("{rate:.1}"))),
        row.oldest_s.map_or_else(|| "-".to_owned(), age),
        circuit(row),
        row.epoch.to_string(),
        row.owner.clone().unwrap_or_else(|| "no process owns it".to_owned()),
    ]
}

/// What only the owner knows.
fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "?".to_owned(), |value| value.to_string())
}

fn circuit(row: &LaneRow) -> String {
    let circuit = match &row.circuit {
        Some(CircuitState::Closed) => "closed".to_owned(),
        Some(CircuitState::Open { since, until, code }) => {
            format!("open since {} ({code}), next probe {}", whole(*since), whole(*until))
        }
        Some(CircuitState::Halted { since, code }) => format!("halted since {} ({code})", whole(*since)),
        Some(CircuitState::Paused { since }) => format!("paused since {}", whole(*since)),
        None => "?".to_owned(),
    };
    // Until when stands beside the quota.
    if row.stands_until.is_some() { format!("{circuit}, quota used up") } else { circuit }
}

fn quota_cells(row: &LaneRow) -> Vec<Vec<String>> {
    let cells = |quota: &QuotaRow| {
        vec![
            row.connection.clone(),
            quota.limit.clone(),
            quota.used.to_string(),
            format!("{} a {}", quota.calls, quota.window),
            quota.cap.map_or_else(|| "-".to_owned(), |cap| cap.to_string()),
            quota.cost.as_ref().map_or_else(|| "-".to_owned(), CostRow::text),
            whole(quota.next_window),
        ]
    };
    row.quotas.iter().map(cells).collect()
}

/// To the second.
fn whole(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// In its largest whole unit.
fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code;

    fn row(connection: &str) -> LaneRow {
        LaneRow {
            connection: connection.to_owned(),
            owner: None,
            epoch: 0,
            backlog: 3,
            bulk: 0,
            waiting: None,
            in_flight: None,
            per_minute: None,
            oldest_s: Some(7_300),
            circuit: None,
            quotas: Vec::new(),
            stands_until: None,
        }
    }

    #[test]
    fn what_is_not_known_is_a_question_mark_and_quotas_follow() {
        let quota = QuotaRow {
            limit: "monthly-calls".to_owned(),
            window: "month".to_owned(),
            used: 1204,
            calls: 1000,
            cap: None,
            cost: Some(CostRow { amount: "2000".to_owned(), currency: "HUF".to_owned(), vat: "excluded".to_owned() }),
            next_window: "2025-10-31T23:00:00Z".parse().expect("a time"),
        };
        let owned = LaneRow {
            owner: Some("host/1".to_owned()),
            epoch: 4,
            waiting: Some(3),
            in_flight: Some(1),
            per_minute: Some(12.25),
            circuit: Some(CircuitState::Halted {
                since: "2025-10-09T08:00:00.5Z".parse().expect("a time"),
                code: code::UNAUTHORIZED,
            }),
            quotas: vec![quota],
            ..row("news")
        };
        let mut out = Vec::new();
        print(&mut out, &[row("crm"), owned]).expect("written");
        insta::assert_snapshot!(String::from_utf8(out).expect("text"));
    }
}
