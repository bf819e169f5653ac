//! The disk's own speed: no log can answer sooner than an fsync of its batch.

use std::{fs::File, io::Write as _, path::Path, time::Duration};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use spojka::model::time::{Clock as _, SystemClock};

/// One size of batch.
pub(crate) struct Fsync {
    pub(crate) bytes: usize,
    /// In microseconds.
    pub(crate) times: Histogram<u64>,
}

/// Batches of one webhook, and of as many as wait at the same time.
const BATCHES: &[usize] = &[1 << 10, 64 << 10, 256 << 10];
const ROUNDS: usize = 200;

pub(crate) fn measure(folder: &Path) -> anyhow::Result<Vec<Fsync>> {
    BATCHES.iter().map(|bytes| one(folder, *bytes)).collect()
}

/// Appends and syncs as a write-ahead log does.
fn one(folder: &Path, bytes: usize) -> anyhow::Result<Fsync> {
    let mut file = File::create(folder.join(format!("fsync-{bytes}"))).context("no file to write to")?;
    let batch = vec![b'x'; bytes];
    let mut times = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    for _ in 0..ROUNDS {
        let begun = SystemClock.elapsed();
        file.write_all(&batch)?;
        file.sync_data()?;
        times.saturating_record(micros(SystemClock.elapsed().saturating_sub(begun)));
    }
    Ok(Fsync { bytes, times })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
