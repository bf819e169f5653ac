//! `spojka approve`: what waits for a person is listed, shown, approved, refused. What moves is counted first.

use std::path::Path;

use super::{
    Exit,
    arguments::approve::{ApproveArguments, ApproveCommand},
    client,
    confirm::{Answer, confirm},
    dead::{identity, wait_for},
    output::{Output, table},
    times,
};
use crate::{
    model::time::{Clock as _, SystemClock},
    runtime::{
        admin::Question,
        operator::{
            dead::{DeadFilter, Moved},
            held::{Answering, HeldAction, HeldRow},
        },
    },
    topics::hold::Verdict,
};

pub fn run(config: &Path, command: ApproveCommand, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    match command {
        ApproveCommand::List(arguments) => list(config, &arguments, output),
        ApproveCommand::Show { id } => show(config, id, output),
        ApproveCommand::Approve { which, wait } => match answer(config, &which, Verdict::Approved, output)? {
            Ok(moved) if wait => wait_for(config, &moved, Verdict::Approved.as_str(), output),
            Ok(moved) => tell(&moved, Verdict::Approved, output),
            Err(exit) => Ok(exit),
        },
        ApproveCommand::Refuse(which) => match answer(config, &which, Verdict::Refused, output)? {
            Ok(moved) => tell(&moved, Verdict::Refused, output),
            Err(exit) => Ok(exit),
        },
    }
}

fn filter(config: &Path, arguments: &ApproveArguments) -> anyhow::Result<DeadFilter> {
    let now = SystemClock.now();
    let time = |text: &Option<String>| text.as_deref().map(|text| times::read(text, now)).transpose();
    Ok(DeadFilter {
        id: arguments.id.clone(),
        connection: arguments.connection.as_deref().map(|name| identity(config, name)).transpose()?,
        flow: arguments.flow.clone(),
        since: time(&arguments.since)?,
        until: time(&arguments.until)?,
        limit: arguments.limit,
        ..DeadFilter::default()
    })
}

fn list(config: &Path, arguments: &ApproveArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let rows: Vec<HeldRow> = client::ask(config, Question::HeldList(filter(config, arguments)?))?;
    output.show(&rows, |out, rows| {
        if rows.is_empty() {
            return writeln!(out, "nothing is held");
        }
        let row = |row: &HeldRow| {
            let operation = format!("{}.{}", row.connection, row.operation);
            vec![row.id.clone(), row.at.clone(), operation, row.what.clone(), row.why.clone()]
        };
        table(out, &["id", "since", "operation", "what", "why"], &rows.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(Exit::Done)
}

fn show(config: &Path, id: String, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let held: HeldAction = client::ask(config, Question::HeldShow { id })?;
    output.show(&held, |out, HeldAction { row, parameters }| {
        writeln!(out, "{} ({}.{})\n{}", row.id, row.connection, row.operation, row.why)?;
        for (name, value) in
            [("action", &row.action), ("what", &row.what), ("webhook", &row.webhook), ("since", &row.at)]
        {
            writeln!(out, "{name}: {value}")?;
        }
        writeln!(out, "\nparameters:\n{parameters:#}")?;
        writeln!(out, "\ndo it: spojka approve approve {0} --yes\ndo not: spojka approve refuse {0} --yes", row.id)
    })?;
    Ok(Exit::Done)
}

/// Counts, asks, and answers; or tells why nothing was answered.
fn answer(
    config: &Path,
    arguments: &ApproveArguments,
    verdict: Verdict,
    output: &mut Output<'_>,
) -> anyhow::Result<Result<Moved, Exit>> {
    let which = filter(config, arguments)?;
    let rows: Vec<HeldRow> = client::ask(config, Question::HeldList(which.clone()))?;
    if rows.is_empty() {
        output.complain("error: nothing that is held fits\nhint: `spojka approve list` shows all of it")?;
        return Ok(Err(Exit::NotFound));
    }
    let what = if rows.len() == 1 { "action" } else { "actions" };
    let would = format!("{} held {what} would be {}", rows.len(), verdict.as_str());
    match confirm(arguments.yes, &format!("{would}: go on?"), output)? {
        Answer::Yes => Ok(Ok(client::ask(config, Question::Answer(Answering { which, verdict }))?)),
        Answer::No => {
            output.complain("nothing was done")?;
            Ok(Err(Exit::Usage))
        }
        Answer::NobodyThere => {
            output.complain(&format!("{would}; nothing was done\nhint: add --yes"))?;
            Ok(Err(Exit::Usage))
        }
    }
}

fn tell(moved: &Moved, verdict: Verdict, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    output.show(moved, |out, moved| {
        writeln!(out, "{} {}", moved.moved, verdict.as_str())?;
        if moved.unreadable > 0 {
            writeln!(out, "{} cannot be read by this version: another one wrote them", moved.unreadable)?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}
