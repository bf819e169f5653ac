//! Ten lanes under equal load. One target falls silent: what do the other nine notice?

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use spojka::model::time::{Clock as _, SystemClock};

use crate::{count, stage::Stage, target::Target};

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    lanes: usize,
    /// Actions for each lane.
    actions: usize,
    /// Between two actions of one lane.
    every: Duration,
    pairs: usize,
}

pub(crate) const WHOLE: Load = Load { lanes: 10, actions: 400, every: Duration::from_millis(20), pairs: 5 };
pub(crate) const SMOKE: Load = Load { lanes: 3, actions: 20, every: Duration::from_millis(5), pairs: 1 };

/// The lane whose target is silent.
const SILENT: usize = 0;
const AT_ONCE: usize = 8;
const KEYS: usize = 50;
/// What the others may notice at most: half as much again, or so much.
const MOST_RATIO: f64 = 1.5;
const MOST_MORE: f64 = 5.0;

pub(crate) async fn run(load: Load) -> anyhow::Result<()> {
    let target = Target::start(Duration::from_millis(5))?;
    println!(
        "isolation: {} lanes, an action each {:?}, {} pairs; delay from the action's record to its answer, other lanes",
        load.lanes, load.every, load.pairs
    );
    let mut pairs = Vec::new();
    for pair in 0..load.pairs {
        // Who goes first alternates too.
        let first = pair % 2 == 1;
        let one = p99(&target, load, first).await?;
        let other = p99(&target, load, !first).await?;
        let (quiet, beside) = if first { (other, one) } else { (one, other) };
        println!("  p99 undisturbed {quiet:>6.1} ms, beside a silent target {beside:>6.1} ms");
        pairs.push((beside / quiet, beside - quiet));
    }
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, more) = pairs[pairs.len() / 2];
    println!("  median of {}: x{ratio:.2}, {more:+.1} ms\n", load.pairs);
    ensure!(load.pairs == 1 || ratio <= MOST_RATIO || more <= MOST_MORE, "one silent target delays the others");
    Ok(())
}

async fn p99(target: &Target, load: Load, silent: bool) -> anyhow::Result<f64> {
    let stage = Stage::with_silent(target, load.lanes, AT_ONCE, silent.then_some(SILENT)).await?;
    let mut sent: Vec<Duration> = Vec::new();
    stage.run(drive(&stage, load, &mut sent)).await?;
    let mut delays = Histogram::<u64>::new(3).context("a histogram")?;
    for answers in stage.answers.iter().skip(SILENT + 1) {
        for (number, at) in answers.lock().values().flatten() {
            let begun = sent[usize::try_from(*number).context("a small number")?];
            delays.record(u64::try_from(at.saturating_sub(begun).as_micros())?)?;
        }
    }
    ensure!(delays.len() == u64::try_from((load.lanes - 1) * load.actions)?, "actions are missing");
    Ok(count(usize::try_from(delays.value_at_quantile(0.99))?) / 1000.0)
}

/// Gives every lane an action again and again, and waits for the answers of all lanes but the silent one.
async fn drive(stage: &Stage, load: Load, sent: &mut Vec<Duration>) -> anyhow::Result<()> {
    let begin = SystemClock.elapsed();
    for number in 0..load.actions {
        let due = begin + load.every * u32::try_from(number)?;
        SystemClock.sleep(due.saturating_sub(SystemClock.elapsed())).await;
        sent.push(SystemClock.elapsed());
        let appends = (0..load.lanes).map(|lane| stage.append(lane, std::iter::once(stage.action(lane, number, KEYS))));
        futures_util::future::try_join_all(appends).await?;
    }
    for lane in SILENT + 1..load.lanes {
        stage.answered(lane, load.actions).await?;
    }
    Ok(())
}
