//! What a webhook costs: the gateway on its log, against a bare server that does nothing but check the same signature.
//!
//!     cargo bench --bench gateway                       all servers, all scenarios, 10 seconds each
//!     cargo bench --bench gateway -- --seconds 3 --servers bare,gateway --scenarios trickle
//!
//! Each server is a process of its own (this program again), so that its processor time and memory are its own. The load is
//! open: requests start when the schedule says, whether or not earlier ones were answered, and latency counts from that
//! moment; a server that stalls cannot hide it. Only `flood` has no schedule: it asks how much there is.
//!
//! | server | what it is |
//! |---|---|
//! | `bare` | actix-web, body read, HMAC checked, 200 |
//! | `gateway-nolog` | our gateway before a log that keeps nothing: what we add to `bare` before the disk |
//! | `gateway` | our gateway on the embedded log: every answer stands behind an fsync |
//! | `gateway-kafka` | our gateway on the brokers that `SPOJKA_TEST_KAFKA_BROKERS` names, if it does |
//!
//! It must not be believed on a busy machine: compare the ratios, which the machine's other work touches less, and the
//! fsync times, which were taken on the same disk in the same minute.

mod child;
mod disk;
mod load;
mod options;
mod report;
mod server;
mod signed;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::{
    child::Child,
    options::{Options, SCENARIOS, Scenario},
    report::{Measured, Report},
    server::Kind,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some(server::ARGUMENT) => server::run(&arguments[1..]),
        // Tests of all targets run this program without `--bench`: then it only shows that it works.
        _ if !arguments.iter().any(|argument| argument == "--bench") => run(&Options::smoke()),
        _ => Options::parse(&arguments).and_then(|options| run(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let mut report = Report::new(options.seconds);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder")?;
    report.fsync(&disk::measure(folder.path())?)?;
    for scenario in SCENARIOS.iter().filter(|scenario| options.wants(scenario)) {
        for kind in &options.servers {
            let measured = measure(*kind, scenario, options.seconds)
                .with_context(|| format!("{} under {}", kind.as_str(), scenario.name))?;
            report.row(*kind, scenario, &measured)?;
        }
    }
    Ok(())
}

/// One server under one scenario: started afresh, warmed up, loaded, and asked what it kept.
fn measure(kind: Kind, scenario: &Scenario, seconds: u64) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder")?;
    let child = Child::start(kind, folder.path())?;
    let requests = signed::requests(scenario.body_bytes);
    let warm_up = load::run(child.address(), &requests, scenario, 1)?;
    let before = child.cpu()?;
    let load = load::run(child.address(), &requests, scenario, seconds)?;
    let cpu = child.cpu()?.saturating_sub(before);
    let peak_memory = child.peak_memory()?;
    child.stop()?;
    let acknowledged = warm_up.answered + load.answered;
    if let Some(kept) = server::count_records(kind, folder.path())? {
        anyhow::ensure!(kept >= acknowledged, "{acknowledged} were acknowledged, but only {kept} kept");
    }
    Ok(Measured { load, cpu, peak_memory })
}
