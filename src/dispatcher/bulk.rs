//! The lane's second topic beside its first: replays, imports, repairs, and what a person tells the lane.
//!
//! Nobody joins a group for it: the role asks the log once a second where the bulk topics of all its lanes end, and a lane
//! that is behind reads on from its own position, which it keeps in memory. What it reads twice, memory settles. Controls are
//! heard ahead of everything that waits before them: a person who stops a lane does not wait behind a replay.
//!
//! What it must not do: hold up live records. Reading is a task of its own, so many actions at most are held, and attempts
//! go on a budget.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    context::{BulkDelivery, LaneContext},
    ledger::read_as,
};
use crate::{
    log::{Bound, LogError, LogResult, Reader, TrimRule},
    model::time::Timestamp,
    topics::{
        control::Control,
        memory::{self, BulkPosition, key},
        record::Record,
    },
};

/// Whole bulk actions that a lane holds at a time.
pub(super) const MOST_LOADED: usize = 100;
/// The position is written at most so often while it moves: what a crash makes the lane read again.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Between two tries to read while the log is away.
const RETRY: Duration = Duration::from_secs(1);
const TRIM_EVERY: Duration = Duration::from_hours(1);

/// What a reading task brings home.
pub(super) struct Read {
    reader: Box<dyn Reader>,
    records: Vec<Record>,
    to: u64,
}

/// What a look ahead brings home: controls with their offsets, and how far it looked.
pub(super) struct Heard {
    controls: Vec<Control>,
    to: u64,
}

/// What is to be read next.
pub(super) enum Errand {
    /// The next records.
    Read { reader: Option<Box<dyn Reader>>, from: u64, to: u64 },
    /// Only what a person has told the lane.
    Hear { from: u64, to: u64 },
    /// What was settled long ago may go.
    Trim(TrimRule),
}

/// How far the bulk topic was read.
pub(super) struct BulkIntake {
    topic: String,
    ends: watch::Receiver<u64>,
    reader: Option<Box<dyn Reader>>,
    /// The next offset to read.
    from: u64,
    /// Read, and not yet in line.
    records: VecDeque<Record>,
    /// An errand is under way.
    busy: bool,
    not_before: Option<Timestamp>,
    /// As it stands in memory, and as it should.
    written: BulkPosition,
    position: BulkPosition,
    writing: bool,
    write_after: Timestamp,
    keep_for: Duration,
    trim_after: Timestamp,
}

impl BulkIntake {
    /// Begins where the last owner was.
    pub fn open(context: &LaneContext, ends: watch::Receiver<u64>) -> LogResult<Self> {
        let written = read_as::<BulkPosition>(context.memory.as_ref(), key::BULK)?.unwrap_or_default();
        Ok(Self {
            topic: context.shared.names.bulk(&context.connection.name),
            ends,
            reader: None,
            from: written.next,
            records: VecDeque::new(),
            busy: false,
            not_before: None,
            written,
            position: written,
            writing: false,
            write_after: context.now(),
            keep_for: context.connection.delivery.bulk.keep_for,
            trim_after: context.now() + TRIM_EVERY,
        })
    }

    /// Waits until the topic has grown.
    pub async fn grown(&mut self) {
        if self.ends.changed().await.is_err() {
            // The role is gone, and the lane with it.
            std::future::pending::<()>().await;
        }
    }

    /// What is to be read now: more records, when none are left and the lane has room for them; else what stands behind them.
    pub fn errand(&mut self, now: Timestamp, has_room: bool) -> Option<Errand> {
        let end = *self.ends.borrow_and_update();
        if self.busy || self.not_before.is_some_and(|at| at > now) {
            return None;
        }
        let errand = if self.from < end && self.records.is_empty() && has_room {
            Errand::Read { reader: self.reader.take(), from: self.from, to: end }
        } else if self.position.heard < end && self.from < end {
            Errand::Hear { from: self.position.heard.max(self.from), to: end }
        } else if self.trim_after <= now && self.written.next > 0 {
            self.trim_after = now + TRIM_EVERY;
            let keep_for = Some(self.keep_for);
            Errand::Trim(TrimRule { keep_for, position: Some(self.written.next), ..TrimRule::default() })
        } else {
            return None;
        };
        self.busy = true;
        Some(errand)
    }

    /// A read has come to its end. Answers what a person has told the lane in it, in order.
    pub fn has_read(&mut self, read: LogResult<Read>, now: Timestamp) -> LogResult<Vec<Control>> {
        self.busy = false;
        let Some(read) = self.or_later(read, now)? else { return Ok(Vec::new()) };
        // Without any record there is none up to the end: what stood there was trimmed.
        self.from = read.records.last().map_or(read.to, |last| last.offset + 1).max(self.from);
        let news = read.records.iter().filter(|record| record.offset >= self.position.heard);
        let controls = news.filter_map(control).collect();
        self.position.heard = self.position.heard.max(self.from);
        self.reader = (self.from < read.to).then_some(read.reader);
        self.records.extend(read.records);
        Ok(controls)
    }

    /// What was trimmed is gone; what was not is, at the next turn.
    pub fn has_trimmed(&mut self, trimmed: &LogResult<u64>) {
        self.busy = false;
        match trimmed {
            Ok(0) => {}
            Ok(records) => tracing::info!(topic = self.topic, records, "topic trimmed"),
            Err(error) => tracing::warn!(topic = self.topic, error = %error, "topic not trimmed"),
        }
    }

    /// A look ahead has come to its end. Answers the controls, in order.
    pub fn has_heard(&mut self, heard: LogResult<Heard>, now: Timestamp) -> LogResult<Vec<Control>> {
        self.busy = false;
        let Some(heard) = self.or_later(heard, now)? else { return Ok(Vec::new()) };
        self.position.heard = self.position.heard.max(heard.to);
        Ok(heard.controls)
    }

    /// While the log is away, it is tried again later.
    fn or_later<T>(&mut self, result: LogResult<T>, now: Timestamp) -> LogResult<Option<T>> {
        match result {
            Ok(value) => {
                self.not_before = None;
                Ok(Some(value))
            }
            Err(LogError::Unavailable(why)) => {
                tracing::warn!(topic = self.topic, error = why, "log unavailable: the bulk topic is read later");
                self.not_before = Some(now + RETRY);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether there are records for the line.
    pub fn has_records(&self) -> bool {
        !self.records.is_empty()
    }

    /// The next record for the line.
    pub fn next(&mut self) -> Option<Record> {
        self.records.pop_front()
    }

    /// Everything before this offset is settled or parked.
    pub fn settled_to(&mut self, offset: u64) {
        self.position.next = self.position.next.max(offset);
    }

    /// The position to write now, if it has moved and was not written just before.
    pub fn take_position(&mut self, now: Timestamp) -> Option<BulkPosition> {
        if self.writing || now < self.write_after || self.position == self.written {
            return None;
        }
        self.writing = true;
        self.write_after = now + WRITE_EVERY;
        Some(self.position)
    }

    /// The last position, at the end of the lane.
    pub fn last_position(&self) -> Option<BulkPosition> {
        (self.position != self.written).then_some(self.position)
    }

    pub fn has_written(&mut self, position: BulkPosition) {
        self.writing = false;
        self.written = position;
    }

    /// The topic, and how many of its records are not settled.
    pub fn lag(&self) -> (&str, u64) {
        (&self.topic, self.ends.borrow().saturating_sub(self.position.next))
    }

    /// When there is something to do again.
    pub fn next_due(&self) -> Option<Timestamp> {
        let write = (!self.writing && self.position != self.written).then_some(self.write_after);
        let trim = (!self.busy && self.written.next > 0).then_some(self.trim_after);
        write.into_iter().chain(self.not_before).chain(trim).min()
    }
}

/// What came of an errand.
pub(super) enum Done {
    Read(LogResult<Read>),
    Heard(LogResult<Heard>),
    Trimmed(LogResult<u64>),
}

impl Errand {
    pub async fn run(self, context: &LaneContext) -> Done {
        match self {
            Self::Read { reader, from, to } => Done::Read(read(context, reader, from, to).await),
            Self::Hear { from, to } => Done::Heard(hear(context, from, to).await),
            Self::Trim(rule) => {
                let topic = context.shared.names.bulk(&context.connection.name);
                Done::Trimmed(context.shared.log.trim(&topic, &rule, context.now()).await)
            }
        }
    }
}

/// Reads the next records: on from where the last read ended, or afresh.
async fn read(context: &LaneContext, reader: Option<Box<dyn Reader>>, from: u64, to: u64) -> LogResult<Read> {
    if let Some(mut reader) = reader {
        let records = reader.next().await?;
        if !records.is_empty() {
            return Ok(Read { reader, records, to });
        }
    }
    let mut reader = open(context, from, to).await?;
    let records = reader.next().await?;
    Ok(Read { reader, records, to })
}

/// Looks through records that are not read yet for what a person has told the lane.
async fn hear(context: &LaneContext, from: u64, to: u64) -> LogResult<Heard> {
    let mut reader = open(context, from, to).await?;
    let mut controls = Vec::new();
    loop {
        let records = reader.next().await?;
        if records.is_empty() {
            return Ok(Heard { controls, to });
        }
        controls.extend(records.iter().filter_map(control));
    }
}

/// A record that cannot be read becomes a dead letter when its turn comes.
fn control(record: &Record) -> Option<Control> {
    Control::from_record(record).ok().flatten()
}

async fn open(context: &LaneContext, from: u64, to: u64) -> LogResult<Box<dyn Reader>> {
    let topic = context.shared.names.bulk(&context.connection.name);
    context.shared.log.read(&topic, 0, Bound::Offset(from), Bound::Offset(to)).await
}

/// Writes the position down.
pub(super) async fn write(context: &Arc<LaneContext>, position: BulkPosition) -> LogResult<()> {
    let record = memory::put(&context.memory_topic, key::BULK, &position, context.epoch, context.now());
    context.remember(vec![record]).await
}

/// What bulk may use of the lane: so many attempts at a time, and so many requests a second.
pub(super) struct Budget {
    interval: Duration,
    concurrency: usize,
    running: usize,
    /// On the clock that never jumps.
    free_at: Duration,
}

impl Budget {
    pub fn new(delivery: &BulkDelivery) -> Self {
        let interval = delivery.per_second.filter(|n| *n > 0).map_or(Duration::ZERO, |n| Duration::from_secs(1) / n);
        Self { interval, concurrency: delivery.concurrency.max(1), running: 0, free_at: Duration::ZERO }
    }

    pub fn allows(&self, now: Duration) -> bool {
        self.running < self.concurrency && self.free_at <= now
    }

    pub fn begin(&mut self) {
        self.running += 1;
    }

    /// An attempt has ended that took so many requests. One that the ledger settled took none, and costs nothing.
    pub fn end(&mut self, calls: u32, now: Duration) {
        self.running -= 1;
        if calls > 0 {
            self.free_at = self.free_at.max(now) + self.interval * calls;
        }
    }

    /// How long until it allows something, where only time is missing.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        (self.running < self.concurrency).then(|| self.free_at.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_paid_for_one_after_the_other_and_what_took_none_is_free() {
        let delivery = BulkDelivery { concurrency: 1, per_second: Some(2), ..BulkDelivery::default() };
        let mut budget = Budget::new(&delivery);
        let second = Duration::from_secs;
        assert!(budget.allows(second(10)));
        budget.begin();
        assert!(!budget.allows(second(10)), "one at a time");
        assert_eq!(budget.wait(second(10)), None);
        budget.end(4, second(10));
        assert!(!budget.allows(second(11)));
        assert_eq!(budget.wait(second(11)), Some(second(1)));
        assert!(budget.allows(second(12)));
        budget.begin();
        budget.end(0, second(12));
        assert!(budget.allows(second(12)));
    }
}
