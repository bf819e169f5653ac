//! `spojka flows`: the versions of the flows.

mod diff;

use std::{collections::BTreeMap, io, path::Path};

use serde_json::json;

use super::{
    Exit,
    arguments::FlowsCommand,
    client,
    output::{Output, table},
};
use crate::{
    config::Mode,
    model::id::Ids,
    runtime::{admin::Question, operator::versions::Version},
    topics::flows::FlowSet,
};

pub fn run(path: &Path, command: FlowsCommand, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    match command {
        FlowsCommand::List => list(path, output),
        FlowsCommand::Show { hash } => {
            let set: FlowSet = client::ask(path, Question::Version { hash })?;
            output.show(&set, |out, set| {
                writeln!(out, "{}", set.hash)?;
                set.files.iter().try_for_each(|(path, text)| writeln!(out, "\n--- {path}\n{}", text.trim_end()))
            })?;
            Ok(Exit::Done)
        }
        FlowsCommand::Diff { from, to } => {
            let from: FlowSet = client::ask(path, Question::Version { hash: from })?;
            let to = match to {
                Some(hash) => client::ask(path, Question::Version { hash: Some(hash) })?,
                None => present(path)?,
            };
            diff(&from, &to, output)
        }
    }
}

fn list(path: &Path, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let versions: Vec<Version> = client::ask(path, Question::Versions)?;
    output.show(&versions, |out, versions| {
        if versions.is_empty() {
            return writeln!(out, "no flows have ever been in force");
        }
        let row = |version: &Version| {
            let Version { flow_set, since, state, files } = version;
            vec![flow_set.clone(), since.to_string(), state.clone(), files.join(", ")]
        };
        table(out, &["flows", "since", "state", "files"], &versions.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(Exit::Done)
}

/// The flows of a config as they stand. Which hash they would have, only the installation's key tells: nobody asks here.
fn present(path: &Path) -> anyhow::Result<FlowSet> {
    Ok(client::load(path, Mode::CheckOnly)?.flows.record(&Ids::new(b"")))
}

fn diff(from: &FlowSet, to: &FlowSet, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let files: BTreeMap<&str, (&str, &str)> = both(from, to);
    let changed: Vec<(&str, Vec<diff::Line<'_>>)> = files
        .into_iter()
        .filter(|(_, (one, other))| one != other)
        .map(|(path, (one, other))| (path, diff::lines(one, other)))
        .collect();
    let told: Vec<_> = changed
        .iter()
        .map(
            |(path, lines)| json!({ "file": path, "lines": lines.iter().map(ToString::to_string).collect::<Vec<_>>() }),
        )
        .collect();
    output.show(&told, |out, _| {
        if changed.is_empty() {
            return writeln!(out, "no difference");
        }
        changed.iter().try_for_each(|(path, lines)| print(out, path, lines))
    })?;
    Ok(Exit::Done)
}

fn both<'a>(from: &'a FlowSet, to: &'a FlowSet) -> BTreeMap<&'a str, (&'a str, &'a str)> {
    let mut files: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for (path, text) in &from.files {
        files.entry(path).or_default().0 = text;
    }
    for (path, text) in &to.files {
        files.entry(path).or_default().1 = text;
    }
    files
}

fn print(out: &mut dyn io::Write, path: &str, lines: &[diff::Line<'_>]) -> io::Result<()> {
    writeln!(out, "--- {path}")?;
    diff::near_changes(lines).into_iter().try_for_each(|line| match line {
        Some(line) => writeln!(out, "{line}"),
        None => writeln!(out, "…"),
    })
}
