//! One backtest at work: reads, leaves out what is not meant, gives the rest to the threads that judge, tells how far it is.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    judge::Bench,
    report::{Backtest, Request},
};
use crate::{
    log::{Log, LogResult},
    model::time::{Clock, Timestamp},
    runtime::replay::{seen::Seen, source::Merge},
    topics::{
        event::{Origin, OriginKind},
        record::Record,
        replay::State,
    },
};

/// Records of one batch: a few milliseconds' work.
const BATCH: usize = 128;
/// Between two words of how far it has come.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// Nobody has asked for so long: whoever began it is gone.
const ABANDONED: Duration = Duration::from_mins(1);

/// One backtest at work.
pub(super) struct Worker {
    pub log: Log,
    pub clock: Arc<dyn Clock>,
    pub topics: Vec<String>,
    pub wanted: Wanted,
    pub bench: Bench,
    pub backtest: Backtest,
    pub progress: watch::Sender<Backtest>,
    pub stop: CancellationToken,
    /// When somebody asked last, in milliseconds of the clock.
    pub asked: Arc<AtomicU64>,
}

/// Which records are judged, by their headers alone.
pub(super) struct Wanted {
    pub request: Request,
    /// The types of events that any flow of either side is about.
    pub types: BTreeSet<&'static str>,
    pub seen: Seen,
}

impl Wanted {
    /// Nothing when an event is to be judged, else why not. `None` inside: it does not lie in the range at all.
    fn leaves_out(&mut self, record: &Record) -> Result<(), Option<&'static str>> {
        let text = |name: &str| record.headers.text(name).unwrap_or_default();
        let arrived: Timestamp = text("ce_arrived").parse().map_err(|_| Some("unreadable"))?;
        let request = &self.request;
        if request.since.is_some_and(|since| arrived < since) || request.until.is_some_and(|until| arrived >= until) {
            return Err(None);
        }
        let kind = text("ce_type");
        let asked = request.event_type.as_deref().is_none_or(|wanted| wanted == kind);
        let source = text("ce_source").strip_prefix("/spojka/").unwrap_or_default();
        if !asked || request.connection.as_ref().is_some_and(|wanted| wanted.as_str() != source) {
            return Err(None);
        }
        if !self.types.contains(kind) {
            return Err(Some("no flow is about it"));
        }
        let origin = record.headers.get("ce_origin").and_then(|bytes| serde_json::from_slice::<Origin>(bytes).ok());
        match origin.unwrap_or_default().kind {
            OriginKind::Import => return Err(Some("a row of an import")),
            OriginKind::Repeat => return Err(Some("repeated by a replay")),
            OriginKind::Live | OriginKind::Replay => {}
        }
        if self.seen.add(text("ce_id")) { Ok(()) } else { Err(Some("told again")) }
    }
}

impl Worker {
    /// Works to the end, and tells everybody how it ended and what was found.
    pub async fn run(mut self) {
        let begun = self.clock.elapsed();
        let end = self.read_all(begun).await;
        let Self { bench, mut backtest, progress, clock, .. } = self;
        let counted = bench.end().await;
        backtest.state = match (&end, &counted) {
            (Ok(true), Ok(_)) => State::Done,
            (Ok(false), Ok(_)) => State::Stopped,
            _ => State::Failed,
        };
        backtest.took_ms = milliseconds(clock.elapsed().saturating_sub(begun));
        match (end, counted) {
            (Err(error), _) | (_, Err(error)) => backtest.error = Some(error.to_string()),
            (Ok(_), Ok((tally, judge))) => {
                backtest.read.events = tally.events;
                if tally.unreadable > 0 {
                    *backtest.read.left_out.entry("unreadable".to_owned()).or_default() += tally.unreadable;
                }
                (backtest.read.first, backtest.read.last) = tally.span();
                backtest.found = tally.into_findings(&judge.scale);
            }
        }
        progress.send_replace(backtest);
    }

    /// Answers whether it came to the end.
    async fn read_all(&mut self, begun: Duration) -> LogResult<bool> {
        let mut told = begun;
        for topic in std::mem::take(&mut self.topics) {
            let mut merge = Merge::open(&self.log, &topic, self.wanted.request.since, &[]).await?;
            loop {
                let (batch, ended) = self.batch(&mut merge).await?;
                if !batch.is_empty() && !self.bench.take(batch).await {
                    return Ok(false);
                }
                let now = self.clock.elapsed();
                if self.stop.is_cancelled() || self.is_abandoned(now) {
                    return Ok(false);
                }
                if now >= told + TELL_EVERY {
                    told = now;
                    self.backtest.read.of = self.backtest.read.records + merge.ahead();
                    self.backtest.took_ms = milliseconds(now.saturating_sub(begun));
                    self.progress.send_replace(self.backtest.clone());
                }
                if ended {
                    break;
                }
            }
        }
        self.backtest.read.of = self.backtest.read.records;
        Ok(true)
    }

    /// The next records, those that are meant of them; and whether the topic has come to its end.
    async fn batch(&mut self, merge: &mut Merge) -> LogResult<(Vec<Record>, bool)> {
        let mut batch = Vec::with_capacity(BATCH);
        for _ in 0..BATCH {
            let Some(record) = merge.next().await? else { return Ok((batch, true)) };
            let read = &mut self.backtest.read;
            read.records += 1;
            match self.wanted.leaves_out(&record) {
                Ok(()) => {
                    read.events += 1;
                    batch.push(record);
                }
                Err(why) => {
                    if let Some(why) = why {
                        *read.left_out.entry(why.to_owned()).or_default() += 1;
                    }
                }
            }
        }
        Ok((batch, false))
    }

    fn is_abandoned(&self, now: Duration) -> bool {
        let asked = Duration::from_millis(self.asked.load(Ordering::Relaxed));
        now.saturating_sub(asked) > ABANDONED
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
