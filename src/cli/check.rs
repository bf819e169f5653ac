//! `spojka check`: every problem of a config at once. Pure: no network, and secrets need not be there; only with
//! `--against-log` it reads the log.

use std::path::Path;

use serde_json::json;

use super::{Exit, estimate, output::Output};
use crate::{
    config::{self, Mode, ProcessEnvironment},
    connectors::VENDORS,
};

pub fn run(path: &Path, against_log: bool, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    match config::load(path, &ProcessEnvironment, VENDORS, Mode::CheckOnly) {
        Ok(config) => {
            let (connections, flows) = (config.connections.len(), config.flows.flows().len());
            let estimate = if against_log { Some(estimate::estimate(path, &config, output)?) } else { None };
            let mut answer = json!({ "problems": [], "connections": connections, "flows": flows });
            if let Some(estimate) = &estimate {
                answer["estimate"] = serde_json::to_value(estimate)?;
            }
            output.show(&answer, |out, _| {
                writeln!(out, "no problems: {connections} connections, {flows} flows")?;
                estimate.as_ref().map_or(Ok(()), |estimate| estimate::print(out, estimate))
            })?;
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
