//! `spojka check`: every problem of a config at once, then the tests beside its flows. Pure: no network, no log, and secrets
//! need not be there.

use std::path::Path;

use serde_json::json;

use super::{Exit, output::Output};
use crate::{
    config::{self, Mode, ProcessEnvironment, Report},
    connectors::VENDORS,
};

pub fn run(path: &Path, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let config = match config::load(path, &ProcessEnvironment, VENDORS, Mode::CheckOnly) {
        Ok(config) => config,
        Err(report) => {
            tell(&report, count(report.problems.len(), "problem"), output)?;
            return Ok(Exit::Usage);
        }
    };
    let tests = config.run_tests(config::directory_of(path));
    let (connections, flows) = (config.connections.len(), config.flows.flows().len());
    if let Some(report) = tests.report {
        let summary = format!("{} of {} failed", tests.failed, count(tests.passed + tests.failed, "test"));
        tell(&report, summary, output)?;
        return Ok(Exit::Failed);
    }
    let answer = json!({ "problems": [], "connections": connections, "flows": flows, "tests": tests.passed });
    output.show(&answer, |out, _| {
        write!(out, "no problems: {}, {}", count(connections, "connection"), count(flows, "flow"))?;
        match tests.passed {
            0 => writeln!(out),
            passed => writeln!(out, ", {} passed", count(passed, "test")),
        }
    })?;
    Ok(Exit::Done)
}

fn tell(report: &Report, summary: String, output: &mut Output<'_>) -> std::io::Result<()> {
    output.show(report, |out, report| writeln!(out, "{report}\n{summary}"))
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
