//! Configs that are wrong in the ways in which people get them wrong, one file or folder each under `tests/it/broken`, with
//! what they read about it beside them. `INSTA_UPDATE=always cargo test --test it broken` writes the reports anew; each is to
//! be read by somebody who pretends to have made the mistake.

use std::path::{Path, PathBuf};

use spojka::{
    config::{FixedEnvironment, Mode, Problem, Report, load},
    connectors::VENDORS,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/broken")
}

/// Every broken config: its name, and where it is.
fn configs() -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut configs: Vec<_> = entries
        .filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    configs.sort();
    configs
}

/// What checking says. A config that begins with these words is read as `spojka run` does, which needs its secrets.
fn check(path: &Path) -> Vec<Problem> {
    let as_run = std::fs::read(path).is_ok_and(|text| text.starts_with(b"# As `spojka run` reads it."));
    let mode = if as_run { Mode::Resolve } else { Mode::CheckOnly };
    match load(path, &FixedEnvironment::default(), VENDORS, mode) {
        Ok(config) => config.warnings,
        Err(Report { problems }) => problems,
    }
}

#[test]
fn every_report_helps_whoever_made_the_mistake() {
    let configs = configs();
    assert!(configs.len() >= 60, "{} broken configs", configs.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, path) in configs {
            let problems = check(&path);
            assert!(!problems.is_empty(), "{name} is wrong, and nobody says so");
            let report: Vec<String> = problems.iter().map(Problem::to_string).collect();
            let report = report.join("\n").replace(&format!("{}/", folder().display()), "");
            for problem in &problems {
                let says = ["expected ", " takes "].iter().any(|word| problem.message.contains(word));
                assert!(problem.hint.is_some() || says, "what to do about `{}` in {name}?\n{report}", problem.message);
                assert!(problem.line.is_some() || path.is_dir(), "where is it in {name}?\n{report}");
            }
            insta::assert_snapshot!(name.as_str(), report);
        }
    });
}

/// A report must not spread what it complains about.
#[test]
fn no_report_tells_a_secret() {
    for (name, path) in configs() {
        let report: String = check(&path).iter().map(Problem::to_string).collect();
        for secret in ["7f3b0c2d9e8a4f51", "5a6b7c8d9e", "old-token-1234", "hunter2"] {
            assert!(!report.contains(secret), "{name}: {report}");
        }
    }
}
