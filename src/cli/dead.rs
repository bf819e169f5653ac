//! `spojka dead`: list, show, retry, discard. What moves is counted first.

use std::path::Path;

use super::{
    Exit,
    arguments::{DeadArguments, DeadCommand},
    client,
    output::{Output, table},
};
use crate::{
    config::Mode,
    runtime::{
        admin::Question,
        operator::dead::{DeadFilter, DeadRow, Moved},
    },
    topics::dead::DeadLetter,
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
                        row.connection.clone(),
                        row.what.clone(),
                        row.message.clone(),
                    ]
                };
                table(out, &["id", "when", "code", "connection", "what", ""], &rows.iter().map(row).collect::<Vec<_>>())
            })?;
            Ok(Exit::Done)
        }
        DeadCommand::Show { id } => show(config, &id, output),
        DeadCommand::Retry(arguments) => {
            let filter = filter(config, &arguments)?;
            move_them(config, &arguments, "retried", (filter.clone(), Question::DeadRetry(filter)), output)
        }
        DeadCommand::Discard(arguments) => {
            let filter = filter(config, &arguments)?;
            move_them(config, &arguments, "discarded", (filter.clone(), Question::DeadDiscard(filter)), output)
        }
    }
}

/// Letters know a connection by its first name, people by today's. One that is gone from the config keeps its letters.
fn filter(path: &Path, arguments: &DeadArguments) -> anyhow::Result<DeadFilter> {
    let connection = match &arguments.connection {
        None => None,
        Some(name) => {
            let config = client::load(path, Mode::CheckOnly)?;
            let found = config.connections.get_key_value(name.as_str());
            Some(found.map_or_else(|| name.clone(), |(name, connection)| connection.identity(name).to_string()))
        }
    };
    Ok(DeadFilter {
        id: arguments.id.clone(),
        kind: arguments.kind.map(|kind| kind.as_str().to_owned()),
        code: arguments.code.clone(),
        connection,
        limit: arguments.limit,
    })
}

fn list(config: &Path, filter: &DeadFilter) -> anyhow::Result<Vec<DeadRow>> {
    client::ask(config, Question::DeadList(filter.clone()))
}

fn show(config: &Path, id: &str, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let letter: DeadLetter = client::ask(config, Question::DeadShow { id: id.to_owned() })?;
    output.show(&letter, |out, letter| {
        writeln!(out, "{} ({} {})\n{}", letter.id, letter.kind.as_str(), letter.code, letter.message)?;
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

fn move_them(
    config: &Path,
    arguments: &DeadArguments,
    done: &str,
    (filter, question): (DeadFilter, Question),
    output: &mut Output<'_>,
) -> anyhow::Result<Exit> {
    let count = list(config, &filter)?.len();
    if count == 0 {
        output.complain("error: no dead letter fits\nhint: `spojka dead list` shows all of them")?;
        return Ok(Exit::NotFound);
    }
    if !arguments.yes {
        let what = if count == 1 { "letter" } else { "letters" };
        output.complain(&format!("{count} dead {what} would be {done}; nothing was done\nhint: add --yes"))?;
        return Ok(Exit::Usage);
    }
    let moved: Moved = client::ask(config, question)?;
    output.show(&moved, |out, moved| {
        writeln!(out, "{} {done}", moved.moved)?;
        if moved.unreadable > 0 {
            writeln!(out, "{} cannot be read any more: only `discard` is left for them", moved.unreadable)?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}
