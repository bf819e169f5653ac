//! `spojka dead`: list, show, retry, discard. What moves is counted first.

use std::path::Path;

use super::{
    Exit,
    arguments::{DeadArguments, DeadCommand},
    client,
    output::{Output, table},
};
use crate::{
    runtime::{
        admin::Question,
        operator::dead::{DeadFilter, DeadRow, Moved},
    },
    topics::dead::DeadLetter,
};

pub fn run(config: &Path, command: DeadCommand, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    match command {
        DeadCommand::List(arguments) => {
            let rows = list(config, &filter(&arguments))?;
            output.show(&rows, |out, rows| {
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
            move_them(config, &arguments, "retried", Question::DeadRetry(filter(&arguments)), output)
        }
        DeadCommand::Discard(arguments) => {
            move_them(config, &arguments, "discarded", Question::DeadDiscard(filter(&arguments)), output)
        }
    }
}

fn filter(arguments: &DeadArguments) -> DeadFilter {
    DeadFilter {
        id: arguments.id.clone(),
        kind: arguments.kind.clone(),
        code: arguments.code.clone(),
        connection: arguments.connection.clone(),
        limit: arguments.limit,
    }
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
    question: Question,
    output: &mut Output<'_>,
) -> anyhow::Result<Exit> {
    let count = list(config, &filter(arguments))?.len();
    if count == 0 {
        output.complain("no dead letter fits")?;
        return Ok(Exit::NotFound);
    }
    if !arguments.yes {
        output.complain(&format!("{count} dead letters would be {done}; nothing was done\nhint: add --yes"))?;
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
