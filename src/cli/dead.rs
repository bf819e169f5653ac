//! `spojka dead`: list, show, retry, discard. What moves is counted first.

use std::path::Path;

use serde_json::json;

use super::{
    Exit,
    arguments::{DeadArguments, DeadCommand},
    client,
    confirm::{Answer, confirm},
    output::{Output, table},
    progress::Progress,
    replay::{LOOK, with_installation},
    times,
};
use crate::{
    config::Mode,
    model::time::{Clock as _, SystemClock},
    runtime::{
        admin::Question,
        operator::dead::{DeadFilter, DeadRow, Moved},
    },
    topics::{dead::DeadLetter, memory::End},
};

pub fn run(config: &Path, command: DeadCommand, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    match command {
        DeadCommand::List(arguments) => {
            let rows = list(config, &filter(config, &arguments)?)?;
            output.show(&rows, |out, rows| {
                if rows.is_empty() {
                    return writeln!(out, "no dead letters");
                }
                let row = |row: &DeadRow| {
                    vec![
                        row.id.clone(),
                        row.at.clone(),
                        row.code.clone(),
                        row.class.clone(),
                        row.connection.clone(),
                        row.what.clone(),
                        row.message.clone(),
                    ]
                };
                table(
                    out,
                    &["id", "when", "code", "class", "connection", "what", ""],
                    &rows.iter().map(row).collect::<Vec<_>>(),
                )
            })?;
            Ok(Exit::Done)
        }
        DeadCommand::Show { id } => show(config, &id, output),
        DeadCommand::Retry { which, wait } => {
            let filter = filter(config, &which)?;
            let question = Question::DeadRetry(filter.clone());
            match move_them(config, &which, "retried", (filter, question), output)? {
                Ok(moved) if wait => wait_for(config, &moved, "retried", output),
                Ok(moved) => tell(&moved, "retried", output),
                Err(exit) => Ok(exit),
            }
        }
        DeadCommand::Discard(arguments) => {
            let filter = filter(config, &arguments)?;
            let question = Question::DeadDiscard(filter.clone());
            match move_them(config, &arguments, "discarded", (filter, question), output)? {
                Ok(moved) => tell(&moved, "discarded", output),
                Err(exit) => Ok(exit),
            }
        }
    }
}

/// Letters know a connection by its first name, people by today's. One that is gone from the config keeps its letters.
pub(super) fn identity(path: &Path, name: &str) -> anyhow::Result<String> {
    let config = client::load(path, Mode::CheckOnly)?;
    let found = config.connections.get_key_value(name);
    Ok(found.map_or_else(|| name.to_owned(), |(name, connection)| connection.identity(name).to_string()))
}

fn filter(path: &Path, arguments: &DeadArguments) -> anyhow::Result<DeadFilter> {
    let connection = arguments.connection.as_deref().map(|name| identity(path, name)).transpose()?;
    let now = SystemClock.now();
    let time = |text: &Option<String>| text.as_deref().map(|text| times::read(text, now)).transpose();
    Ok(DeadFilter {
        id: arguments.id.clone(),
        kind: arguments.kind.map(|kind| kind.as_str().to_owned()),
        code: arguments.code.clone(),
        class: arguments.class.map(|class| class.as_str().to_owned()),
        connection,
        flow: arguments.flow.clone(),
        since: time(&arguments.since)?,
        until: time(&arguments.until)?,
        limit: arguments.limit,
    })
}

fn list(config: &Path, filter: &DeadFilter) -> anyhow::Result<Vec<DeadRow>> {
    client::ask(config, Question::DeadList(filter.clone()))
}

fn show(config: &Path, id: &str, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let letter: DeadLetter = client::ask(config, Question::DeadShow { id: id.to_owned() })?;
    output.show(&letter, |out, letter| {
        let class = letter.code.page().class.as_str();
        writeln!(out, "{} ({} {}, {class})\n{}", letter.id, letter.kind.as_str(), letter.code, letter.message)?;
        let fields = [
            ("connection", letter.connection.as_ref().map(ToString::to_string)),
            ("what", letter.what.clone()),
            ("webhook", letter.webhook.as_ref().map(ToString::to_string)),
            ("when", Some(letter.at.to_string())),
            ("attempts", Some(letter.attempts.to_string())),
            ("request", letter.request.clone()),
            ("answer", letter.answer.clone()),
            ("topic", Some(letter.topic.clone())),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                writeln!(out, "{name}: {value}")?;
            }
        }
        writeln!(out, "\noriginal ({} bytes):", letter.value.len())?;
        out.write_all(&letter.value)?;
        writeln!(
            out,
            "\n\nwhat it means: spojka explain {}\nonce more: spojka dead retry {} --yes",
            letter.code, letter.id
        )
    })?;
    Ok(Exit::Done)
}

/// Counts, asks, and moves; or tells why nothing was moved.
fn move_them(
    config: &Path,
    arguments: &DeadArguments,
    done: &str,
    (filter, question): (DeadFilter, Question),
    output: &mut Output<'_>,
) -> anyhow::Result<Result<Moved, Exit>> {
    let count = list(config, &filter)?.len();
    if count == 0 {
        output.complain("error: no dead letter fits\nhint: `spojka dead list` shows all of them")?;
        return Ok(Err(Exit::NotFound));
    }
    let what = if count == 1 { "letter" } else { "letters" };
    let would = format!("{count} dead {what} would be {done}");
    match confirm(arguments.yes, &format!("{would}: go on?"), output)? {
        Answer::Yes => Ok(Ok(client::ask(config, question)?)),
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

fn tell(moved: &Moved, done: &str, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    output.show(moved, |out, moved| {
        writeln!(out, "{} {done}", moved.moved)?;
        if moved.unreadable > 0 {
            writeln!(out, "{} cannot be read any more: only `discard` is left for them", moved.unreadable)?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// Waits until all actions that were sent on their way again have ended.
pub(super) fn wait_for(config: &Path, moved: &Moved, done: &str, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let ends = with_installation(config, output, async |installation, output| {
        if !installation.is_running() {
            anyhow::bail!("nobody would do what was {done}\nhint: start `spojka run`");
        }
        let mut progress = Progress::new();
        loop {
            let ends: Vec<Option<End>> = installation.ask(Question::Ends(moved.actions.clone())).await?;
            let ended = ends.iter().flatten().count();
            if ended == ends.len() {
                progress.end(output)?;
                return Ok(ends);
            }
            progress.tell(&format!("{ended} of {} have ended", ends.len()), output)?;
            SystemClock.sleep(LOOK).await;
        }
    })?;
    let ended: Vec<_> = moved.actions.iter().zip(ends.into_iter().flatten()).collect();
    let all = ended.iter().all(|(_, end)| !matches!(end, End::Dead(_)));
    let rows: Vec<_> = ended
        .iter()
        .map(
            |(retried, end)| json!({ "action": retried.action, "connection": retried.connection, "end": end.as_str() }),
        )
        .collect();
    output.show(&json!({ "moved": moved.moved, "unreadable": moved.unreadable, "ended": rows }), |out, _| {
        writeln!(out, "{} {done}", moved.moved)?;
        ended.iter().try_for_each(|(retried, end)| writeln!(out, "{}: {}", retried.action, end.in_words()))
    })?;
    Ok(if all { Exit::Done } else { Exit::Failed })
}
