//! `spojka topics`: the topics as they stand.

use std::path::Path;

use super::{
    Exit, client,
    output::{Output, table},
};
use crate::runtime::{admin::Question, operator::topics::TopicRow};

pub fn run(config: &Path, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let rows: Vec<TopicRow> = client::ask(config, Question::Topics)?;
    output.show(&rows, |out, rows| {
        let row = |row: &TopicRow| {
            let kept = if row.compacted { "latest of each key" } else { "all, until trimmed" };
            vec![row.name.clone(), row.partitions.to_string(), row.records.to_string(), kept.to_owned()]
        };
        table(out, &["topic", "partitions", "records", "kept"], &rows.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(Exit::Done)
}
