//! What it takes to carry actions out: `cargo bench --bench delivery`.
//!
//!     cargo bench --bench delivery                            everything
//!     cargo bench --bench delivery -- keys instant isolation  some of it
//!
//! | part | what it asks |
//! |---|---|
//! | `keys` | 10,000 actions on 200 conflict keys, one lane, 64 at a time, a target that answers in 5 ms: how long beside a bare reqwest loop with 64 under way |
//! | `instant` | the same against a target that answers at once: processor time for each action beside the bare loop |
//! | `isolation` | ten lanes under equal load, one target that never answers: the delay of the other nine beside a run without it |
//!
//! The target is a process of its own (this program again). Lanes run on the embedded log, and every outcome is durable; the
//! bare loop keeps nothing. Bare and lane alternate, because the machine's other work comes and goes.
#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod bare;
mod isolation;
mod stage;
mod target;
#[path = "../usage.rs"]
#[expect(dead_code, reason = "other benchmarks ask for memory too")]
mod usage;
mod vendor;

use std::{process::ExitCode, time::Duration};

use anyhow::ensure;
use spojka::model::time::{Clock as _, SystemClock};

use stage::Stage;
use target::Target;
use usage::Usage;

/// Alternations of each pair; the median counts.
const PAIRS: usize = 5;

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    actions: usize,
    keys: usize,
    at_once: usize,
    pairs: usize,
}

const WHOLE: Size = Size { actions: 10_000, keys: 200, at_once: 64, pairs: PAIRS };
const SMOKE: Size = Size { actions: 200, keys: 20, at_once: 8, pairs: 1 };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some(target::ARGUMENT) => target::serve(),
        // Tests of all targets run this program without `--bench`: then it only shows that it works.
        _ if !arguments.iter().any(|argument| argument == "--bench") => run(SMOKE, isolation::SMOKE, &[]),
        _ => {
            let parts: Vec<&str> = arguments.iter().map(String::as_str).filter(|it| !it.starts_with('-')).collect();
            run(WHOLE, isolation::WHOLE, &parts)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(size: Size, load: isolation::Load, parts: &[&str]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("keys") {
        runtime.block_on(compare("keys", size, Duration::from_millis(5)))?;
    }
    if wanted("instant") {
        runtime.block_on(compare("instant", size, Duration::ZERO))?;
    }
    if wanted("isolation") {
        runtime.block_on(isolation::run(load))?;
    }
    Ok(())
}

/// What one run came to.
#[derive(Clone, Copy)]
struct Took {
    time: Duration,
    cpu: Duration,
}

impl Took {
    fn each(self, size: Size) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count(size.actions)
    }
}

async fn compare(title: &str, size: Size, delay: Duration) -> anyhow::Result<()> {
    let target = Target::start(delay)?;
    let mut ratios = Vec::new();
    println!(
        "{title}: {} actions, {} keys, {} at a time, answers after {delay:?}",
        size.actions, size.keys, size.at_once
    );
    for _ in 0..size.pairs {
        let bare = measured(bare::run(&target, size)).await?;
        let stage = Stage::new(&target, 1, size.at_once).await?;
        stage.fill(0, size.actions, size.keys).await?;
        let lane = measured(stage.work_off(0, size.actions)).await?;
        stage.check(0, size.actions, size.keys)?;
        println!(
            "  bare {:>7.1?} {:>5.0} us CPU each    lane {:>7.1?} {:>5.0} us CPU each",
            bare.time,
            bare.each(size),
            lane.time,
            lane.each(size)
        );
        ratios.push((lane.time.as_secs_f64() / bare.time.as_secs_f64(), lane.each(size) / bare.each(size)));
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (time, cpu): (Vec<f64>, Vec<f64>) = ratios.into_iter().unzip();
    println!("  median of {}: time x{:.2}, CPU x{:.2}\n", size.pairs, median(time), median(cpu));
    Ok(())
}

async fn measured(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<Took> {
    let me = Usage(std::process::id());
    let (begun, cpu) = (SystemClock.elapsed(), me.cpu()?);
    work.await?;
    let took = Took { time: SystemClock.elapsed().saturating_sub(begun), cpu: me.cpu()?.saturating_sub(cpu) };
    ensure!(!took.time.is_zero(), "nothing was done");
    Ok(took)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
fn count(number: usize) -> f64 {
    number as f64
}
