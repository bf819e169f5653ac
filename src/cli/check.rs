//! `spojka check`: every problem of a config at once. Pure: no network, and secrets need not be there; only with
//! `--against-log` it reads the log.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

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
    after_help = "Exit codes: 0 nothing wrong, or warnings only; 2 errors (with --deny-warnings also: warnings).\n\
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
    let path = arguments.path.as_deref().unwrap_or(path);
    let checked = config::load(path, &ProcessEnvironment, VENDORS, Mode::CheckOnly);
    let (config, problems) = match checked {
        Ok(config) => {
            let warnings = config.warnings.clone();
            (Some(config), warnings)
        }
        Err(Report { problems }) => (None, problems),
    };
    let right = config.as_ref().filter(|_| arguments.against_log);
    let estimate = right.map(|config| estimate::estimate(path, config, output)).transpose()?;
    tell(config.as_ref(), &problems, estimate.as_ref(), output)?;
    let wrong = config.is_none() || arguments.deny_warnings && !problems.is_empty();
    Ok(if wrong { Exit::Usage } else { Exit::Done })
}

fn tell(
    config: Option<&Config>,
    problems: &[Problem],
    estimate: Option<&Estimate>,
    output: &mut Output<'_>,
) -> io::Result<()> {
    let (connections, flows) = config.map_or((0, 0), |config| (config.connections.len(), config.flows.flows().len()));
    let mut answer = match config {
        Some(_) => json!({ "problems": problems, "connections": connections, "flows": flows }),
        None => json!({ "problems": problems }),
    };
    if let Some(estimate) = estimate {
        answer["estimate"] = json!(estimate);
    }
    output.show(&answer, |out, _| {
        for problem in problems {
            writeln!(out, "{problem}")?;
        }
        match config {
            Some(_) => writeln!(out, "{}: {connections} connections, {flows} flows", summary(problems))?,
            None => writeln!(out, "{}", summary(problems))?,
        }
        estimate.map_or(Ok(()), |estimate| estimate::print(out, estimate))
    })
}

/// `2 errors, 1 warning`.
fn summary(problems: &[Problem]) -> String {
    let count = |severity, one: &str| {
        let count = problems.iter().filter(|problem| problem.severity == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {one}{plural}"))
    };
    let parts: Vec<String> =
        [count(Severity::Error, "error"), count(Severity::Warning, "warning")].into_iter().flatten().collect();
    if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") }
}
