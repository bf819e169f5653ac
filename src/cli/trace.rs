//! `spojka trace`: the story of one id; without one, what there is to trace.

use std::path::Path;

use super::{
    Exit,
    client::{self, NotFound},
    output::{Output, table},
};
use crate::runtime::{admin::Question, operator::trace::Line};

/// How many webhooks are listed.
const NEWEST: usize = 20;

pub fn run(config: &Path, id: Option<&str>, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let question = match id {
        Some(id) => Question::Trace { id: id.to_owned() },
        None => Question::Newest { limit: NEWEST },
    };
    let lines: Vec<Line> = client::ask(config, question)?;
    if let (Some(id), true) = (id, lines.is_empty()) {
        let hint = "`spojka trace` lists the webhooks that arrived last";
        return Err(NotFound(format!("no topic holds `{id}`\nhint: {hint}")).into());
    }
    output.show(&lines, |out, lines| {
        if lines.is_empty() {
            return writeln!(out, "no webhooks yet");
        }
        let row = |line: &Line| vec![line.at.clone(), line.what.clone(), line.id.clone(), line.text.clone()];
        table(out, &["when", "what", "id", ""], &lines.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(Exit::Done)
}
