//! How many events one core routes, and how long the worst expression takes: `cargo bench --bench router`.
//!
//! First a paid order goes through the flows as the router takes it, from the event to its actions, with 100 and with 1,000
//! flows of which five match its type and source: in turn, medians. Then expressions are built from seeds (`-- --seeds=N`,
//! 2,000 unless said otherwise) that nest whatever costs, and those that pass the check are run on an order of 256 KiB, as large
//! as expressions may look at: the slowest are told with what was estimated.
#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod load;
#[path = "../../../src/expr/cost/nasty.rs"]
mod nasty;
mod worst;

use std::time::Duration;

use spojka::model::time::{Clock as _, SystemClock};

fn main() -> anyhow::Result<()> {
    // Tests of all targets run this program without `--bench`: then it only shows that it works.
    let measures = std::env::args().any(|argument| argument == "--bench");
    let asked = std::env::args().find_map(|argument| argument.strip_prefix("--seeds=")?.parse().ok());
    let (rounds, each, seeds) =
        if measures { (5, Duration::from_secs(1), asked.unwrap_or(2000)) } else { (1, Duration::from_millis(20), 5) };
    let few = load::Load::new(100)?;
    let many = load::Load::new(if measures { 1000 } else { 120 })?;
    let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        with_few.push(rate(&few, each)?);
        with_many.push(rate(&many, each)?);
    }
    println!("events per second, {} flows: {} (each: {with_few:?})", few.flows(), median(&with_few));
    println!("events per second, {} flows: {} (each: {with_many:?})", many.flows(), median(&with_many));
    worst::search(seeds)
}

fn rate(load: &load::Load, lasts: Duration) -> anyhow::Result<u64> {
    let begin = SystemClock.elapsed();
    let mut events = 0;
    loop {
        events += load.route_all()?;
        let took = SystemClock.elapsed().saturating_sub(begin);
        if took >= lasts {
            return Ok(events * 1_000_000 / u64::try_from(took.as_micros())?.max(1));
        }
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values[values.len() / 2]
}
