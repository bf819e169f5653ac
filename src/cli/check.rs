//! `spojka check`: every problem of a config at once. Pure: no network, and secrets need not be there.

use std::path::Path;

use serde_json::json;

use super::{Exit, output::Output};
use crate::{
    config::{self, Mode, ProcessEnvironment},
    connectors::VENDORS,
};

pub fn run(path: &Path, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    match config::load(path, &ProcessEnvironment, VENDORS, Mode::CheckOnly) {
        Ok(config) => {
            let (connections, flows) = (config.connections.len(), config.flows.flows().len());
            let answer = json!({ "problems": [], "connections": connections, "flows": flows });
            output.show(&answer, |out, _| writeln!(out, "no problems: {connections} connections, {flows} flows"))?;
            Ok(Exit::Done)
        }
        Err(report) => {
            output.show(&report, |out, report| {
                let count = report.problems.len();
                writeln!(out, "{report}\n{count} {}", if count == 1 { "problem" } else { "problems" })
            })?;
            Ok(Exit::Usage)
        }
    }
}
