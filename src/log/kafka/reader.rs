//! Reads a range of one partition, outside any group.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};
use tokio::sync::Notify;

use super::{
    Parts,
    client::Context,
    error,
    lookup::{native, signed},
    message::{self, TopicNames},
    retire::Retiring,
};
use crate::{
    log::{LogError, LogResult, Reader},
    topics::record::Record,
};

/// Records that one call answers with at most.
const BATCH: usize = 1000;
/// How often librdkafka is asked though it did not say that it has something: an event of another kind hides what is behind.
const TICK: Duration = Duration::from_millis(2);

/// A read that is under way.
pub(super) struct KafkaReader {
    parts: Arc<Parts>,
    client: Retiring<BaseConsumer<Context>>,
    /// librdkafka has something for us.
    filled: Arc<Notify>,
    topics: TopicNames,
    range: Range,
    progress: Progress,
}

/// What is read.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub(super) topic: String,
    pub(super) partition: u32,
    /// Included. Moves on.
    pub(super) from: u64,
    /// Not included.
    pub(super) to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Reading,
    /// A broker says that the log ends before the range does.
    EndsEarly,
    /// It said so before, and was asked again.
    Rereading,
    Done,
}

impl KafkaReader {
    pub(super) fn open(parts: &Arc<Parts>, range: Range) -> LogResult<Self> {
        let wrong = |error: KafkaError| error::of_topic(&error, &range.topic);
        let mut client: BaseConsumer<Context> =
            parts.configs.reader().create_with_context(parts.context()).map_err(wrong)?;
        let filled = Arc::new(Notify::new());
        let waker = Arc::clone(&filled);
        client.set_nonempty_callback(move || waker.notify_one());
        let progress = if range.from < range.to { Progress::Reading } else { Progress::Done };
        let (parts, client, topics) = (Arc::clone(parts), parts.retirement.holds(client), TopicNames::default());
        let reader = Self { parts, client, filled, topics, range, progress };
        if progress == Progress::Reading {
            reader.assign()?;
        }
        Ok(reader)
    }

    /// How far the range was read.
    pub(super) fn position(&self) -> u64 {
        self.range.from
    }

    fn assign(&self) -> LogResult<()> {
        let Range { topic, partition, from, .. } = &self.range;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, native(*partition), Offset::Offset(signed(*from)))
            .and_then(|()| self.client.assign(&list))
            .map_err(|error| error::of_topic(&error, topic))
    }

    /// What librdkafka holds now, up to the end of the range.
    fn take(&mut self) -> LogResult<Vec<Record>> {
        let mut records = Vec::new();
        while records.len() < BATCH && matches!(self.progress, Progress::Reading | Progress::Rereading) {
            match self.client.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let record = message::record(&message, &mut self.topics);
                    if record.offset < self.range.to {
                        self.range.from = record.offset + 1;
                        records.push(record);
                    } else {
                        self.range.from = self.range.to;
                    }
                    if self.range.from == self.range.to {
                        self.progress = Progress::Done;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    let again = self.progress == Progress::Rereading;
                    self.progress = if again { Progress::Done } else { Progress::EndsEarly };
                }
                Some(Err(error)) if passes(&error) => tracing::debug!(%error, "a read goes on"),
                Some(Err(error)) => return Err(error::of_topic(&error, &self.range.topic)),
            }
        }
        Ok(records)
    }

    /// The log ends early either because the rest was compacted away, or because a broker that has just become the leader
    /// does not know yet how far the log was acknowledged. Such a broker does not answer for the end of the log (KIP-207):
    /// when it does, what is read after that is everything.
    async fn ask_again(&mut self) -> LogResult<()> {
        let (_, end) = self.parts.lookup.watermarks(&self.range.topic, self.range.partition).await?;
        if end < self.range.to {
            return Err(LogError::Broken(format!("`{}` lost records that were acknowledged", self.range.topic)));
        }
        self.progress = Progress::Rereading;
        self.assign()
    }
}

/// librdkafka tries again by itself. (Readers commit nothing, so that they may not use their group does not matter.)
fn passes(error: &KafkaError) -> bool {
    let lasting = matches!(error, KafkaError::MessageConsumptionFatal(_));
    !lasting
        && error::code(error).is_some_and(|code| {
            code == Code::GroupAuthorizationFailed || matches!(error::of_code(code, ""), LogError::Unavailable(_))
        })
}

impl Reader for KafkaReader {
    fn next(&mut self) -> BoxFuture<'_, LogResult<Vec<Record>>> {
        Box::pin(async move {
            let clock = Arc::clone(&self.parts.clock);
            let mut out_of_patience = clock.sleep(self.parts.configs.settings().request_timeout * 3);
            loop {
                let records = self.take()?;
                if self.progress == Progress::Done || !records.is_empty() {
                    return Ok(records);
                }
                if self.progress == Progress::EndsEarly {
                    self.ask_again().await?;
                    continue;
                }
                tokio::select! {
                    () = self.filled.notified() => {}
                    () = clock.sleep(TICK) => {}
                    () = &mut out_of_patience => {
                        let silent = format!("the brokers are silent about `{}`", self.range.topic);
                        return Err(self.parts.complaints.explain(LogError::Unavailable(silent)));
                    }
                }
            }
        })
    }
}
