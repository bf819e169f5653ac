//! What a webhook costs: the gateway on its log, against a bare server that does nothing but check the same signature.
//!
//!     cargo bench --bench gateway                       all servers, all scenarios, the median of 3 times 5 seconds
//!     cargo bench --bench gateway -- --seconds 3 --rounds 1 --servers bare,gateway --scenarios trickle
//!
//! Each server is a process of its own (this program again), so that its processor time and memory are its own. The load is
//! open: requests start when the schedule says, whether or not earlier ones were answered, and latency counts from that
//! moment; a server that stalls cannot hide it. Only `flood` has no schedule: it asks how much there is, and `half` sends
//! half of that. Webhooks are a WooCommerce shop's, taken by the connector that takes them in production.
//!
//! | server | what it is |
//! |---|---|
//! | `bare` | actix-web, body read, the same HMAC checked by the same function, 200 |
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
mod usage;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::{
    child::Child,
    load::Pace,
    options::{Options, Rate, SCENARIOS, Scenario},
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
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder")?;
    let fsync = disk::measure(folder.path())?;
    let mut report = Report::new(&fsync);
    Report::head(options, &fsync)?;
    for scenario in SCENARIOS.iter().filter(|scenario| options.wants(scenario)) {
        let mut measured: Vec<Vec<Measured>> = options.servers.iter().map(|_| Vec::new()).collect();
        // Each round measures all servers, so that what else the machine does meets them alike.
        for _ in 0..options.rounds {
            for (kind, measured) in options.servers.iter().zip(&mut measured) {
                let pace = pace(*kind, scenario, &report)?;
                let one = measure(*kind, pace, scenario.body_bytes, options.seconds);
                measured.push(one.with_context(|| format!("{} under {}", kind.as_str(), scenario.name))?);
            }
        }
        for (kind, measured) in options.servers.iter().zip(measured) {
            report.row(*kind, scenario, &measured)?;
        }
    }
    Ok(())
}

/// A scenario's load for one server. Its most is measured now, where that was not done before.
fn pace(kind: Kind, scenario: &Scenario, report: &Report) -> anyhow::Result<Pace> {
    let pace = |rate| Pace { connections: scenario.connections, rate };
    match scenario.rate {
        Rate::Most => Ok(pace(None)),
        Rate::Of(rate) => Ok(pace(Some(rate))),
        Rate::Half => {
            let most = match report.most(kind, scenario) {
                Some(most) => most,
                None => measure(kind, pace(None), scenario.body_bytes, 2)?.per_second(),
            };
            Ok(pace(Some(report::whole(most / 2.0))))
        }
    }
}

/// One server under one load: started afresh, warmed up, loaded, and asked what it kept.
fn measure(kind: Kind, pace: Pace, body_bytes: usize, seconds: u64) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder")?;
    let child = Child::start(kind, folder.path())?;
    let requests = signed::requests(body_bytes);
    let warm_up = load::run(child.address(), &requests, pace, 1)?;
    let before = child.usage().cpu()?;
    let load = load::run(child.address(), &requests, pace, seconds)?;
    let cpu = child.usage().cpu()?.saturating_sub(before);
    let peak_memory = child.usage().peak_memory()?;
    child.stop()?;
    let acknowledged = warm_up.answered + load.answered;
    if let Some(kept) = server::count_records(kind, folder.path())? {
        anyhow::ensure!(kept >= acknowledged, "{acknowledged} were acknowledged, but only {kept} kept");
    }
    Ok(Measured { load, cpu, peak_memory })
}
