//! `spojka trace`: the story of one id.

use std::path::Path;

use super::{
    Exit, client,
    output::{Output, table},
};
use crate::runtime::{admin::Question, operator::trace::Line};

pub fn run(config: &Path, id: &str, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let lines: Vec<Line> = client::ask(config, Question::Trace { id: id.to_owned() })?;
    if lines.is_empty() {
        output.complain(&format!("error: no topic holds `{id}`"))?;
        return Ok(Exit::NotFound);
    }
    output.show(&lines, |out, lines| {
        let row = |line: &Line| vec![line.at.clone(), line.what.clone(), line.id.clone(), line.text.clone()];
        table(out, &["when", "what", "id", ""], &lines.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(Exit::Done)
}
