//! `spojka check`: every problem of a config at once, then the tests beside its flows. Pure: no network, and secrets need not
//! be there; only with `--against-log` it reads the log.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Exit,
    estimate::{self, Estimate},
    output::Output,
};
use crate::{
    config::{self, Config, Mode, Problem, ProcessEnvironment, Report, Severity},
    connectors::VENDORS,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing wrong, or warnings only; 1 a test beside the flows failed; 2 errors (with \
                  --deny-warnings also: warnings).\n\
                  `spojka explain <code>` tells more about the code in brackets."
)]
pub struct CheckArguments {
    /// The config; instead of --config.
    pub path: Option<PathBuf>,
    /// Warnings are errors: for CI.
    #[arg(long)]
    pub deny_warnings: bool,
    /// Also estimate, from the events recorded in the last 30 days, how many actions these flows will cause, and their price.
    #[arg(long)]
    pub against_log: bool,
}

pub fn run(path: &Path, arguments: &CheckArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let (installation, path) = (path, arguments.path.as_deref().unwrap_or(path));
    let config = match config::load(path, &ProcessEnvironment, VENDORS, Mode::CheckOnly) {
        Ok(config) => config,
        Err(Report { problems }) => {
            tell(&json!({ "problems": problems }), &problems, &summary(&problems), None, output)?;
            return Ok(Exit::Usage);
        }
    };
    let tests = config.run_tests(config::directory_of(path));
    let failures = tests.report.into_iter().flat_map(|report| report.problems);
    let problems: Vec<Problem> = config.warnings.iter().cloned().chain(failures).collect();
    let estimate =
        if arguments.against_log { Some(estimate::estimate(installation, path, &config, output)?) } else { None };
    let mut answer = json!({
        "problems": problems, "connections": config.connections.len(), "flows": config.flows.flows().len(),
        "tests": { "passed": tests.passed, "failed": tests.failed },
    });
    if let Some(estimate) = &estimate {
        answer["estimate"] = serde_json::to_value(estimate)?;
    }
    let summary = format!("{}: {}{}", summary(&problems), size(&config), told(tests.passed, tests.failed));
    tell(&answer, &problems, &summary, estimate.as_ref(), output)?;
    Ok(match (tests.failed, arguments.deny_warnings && !config.warnings.is_empty()) {
        (_, true) => Exit::Usage,
        (0, false) => Exit::Done,
        (_, false) => Exit::Failed,
    })
}

fn tell(
    answer: &Value,
    problems: &[Problem],
    summary: &str,
    estimate: Option<&Estimate>,
    output: &mut Output<'_>,
) -> io::Result<()> {
    output.show(answer, |out, _| {
        for problem in problems {
            writeln!(out, "{problem}")?;
        }
        writeln!(out, "{summary}")?;
        estimate.map_or(Ok(()), |estimate| estimate::print(out, estimate))
    })
}

fn size(config: &Config) -> String {
    format!("{}, {}", count(config.connections.len(), "connection"), count(config.flows.flows().len(), "flow"))
}

fn told(passed: usize, failed: usize) -> String {
    match (passed, failed) {
        (0, 0) => String::new(),
        (passed, 0) => format!(", {} passed", count(passed, "test")),
        (passed, failed) => format!(", {failed} of {} failed", count(passed + failed, "test")),
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `2 errors, 1 warning`.
fn summary(problems: &[Problem]) -> String {
    let of = |severity, one: &str| {
        let number = problems.iter().filter(|problem| problem.severity == severity).count();
        (number > 0).then(|| count(number, one))
    };
    let parts: Vec<String> =
        [of(Severity::Error, "error"), of(Severity::Warning, "warning")].into_iter().flatten().collect();
    if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") }
}
