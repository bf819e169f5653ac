//! What the threads of one member and its reader share.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    TopicPartitionList,
    client::ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};

use super::{
    super::{
        client::{self, Context},
        lookup::{native, number},
    },
    holdings::{Holdings, Term},
    mailbox::Mailbox,
};
use crate::{
    log::{LogError, TopicPartition},
    model::time::Clock,
    topics::record::Record,
};

/// What the thread that polls tells the reader.
pub(super) enum News {
    Assigned(Vec<(TopicPartition, Term)>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<(TopicPartition, Term)>),
    Records(Vec<Record>),
    Failed(LogError),
}

/// One member of one group.
pub(super) struct Member {
    pub(super) client: BaseConsumer<Rebalances>,
    pub(super) mailbox: Mailbox<News>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: super::super::settings::KafkaSettings,
    /// Held while a commit is under way. Partitions are given up, and the group joined again, only between commits: one
    /// that is under way would otherwise go out in the name of the member that we are next.
    committing: Mutex<()>,
    /// When the reader last asked for a signal, in milliseconds of the clock; [`ASKING`] while it waits.
    asked: AtomicU64,
}

const ASKING: u64 = u64::MAX;

impl Member {
    pub(super) fn new(
        client: BaseConsumer<Rebalances>,
        capacity: usize,
        clock: Arc<dyn Clock>,
        settings: super::super::settings::KafkaSettings,
    ) -> Self {
        let asked = AtomicU64::new(milliseconds(clock.elapsed()));
        Self { client, mailbox: Mailbox::new(capacity), clock, settings, committing: Mutex::new(()), asked }
    }

    /// What is held, for as long as the closure runs: a lock that outlives its line is soon taken twice.
    pub(super) fn holdings<T>(&self, look: impl FnOnce(&mut Holdings) -> T) -> T {
        self.client.context().holdings(look)
    }

    pub(super) fn commit_gate(&self) -> MutexGuard<'_, ()> {
        self.committing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives partitions back to the group, once no commit is under way.
    pub(super) fn give_up(&self, partitions: &[TopicPartition]) {
        let gate = self.commit_gate();
        self.holdings(|holdings| holdings.end(partitions));
        if let Err(error) = self.client.incremental_unassign(&list(partitions)) {
            tracing::warn!(%error, "partitions could not be given up");
        }
        drop(gate);
    }

    pub(super) fn reader_asks(&self) {
        self.asked.store(ASKING, Ordering::Relaxed);
    }

    pub(super) fn reader_has(&self) {
        self.asked.store(milliseconds(self.clock.elapsed()), Ordering::Relaxed);
    }

    /// The reader asked for nothing for so long that its partitions should go to others.
    pub(super) fn reader_is_gone(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        let silent = milliseconds(self.clock.elapsed()).saturating_sub(asked);
        asked != ASKING && Duration::from_millis(silent) > self.settings.poll_timeout
    }

    pub(super) fn close(&self) {
        self.client.context().closing.store(true, Ordering::Release);
        self.mailbox.close();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.client.context().closing.load(Ordering::Acquire)
    }
}

/// Hears of rebalances, on the thread that polls.
pub(super) struct Rebalances {
    base: Context,
    holdings: Mutex<Holdings>,
    /// What happened and is not handled yet.
    pending: Mutex<Vec<Rebalance>>,
    closing: AtomicBool,
}

/// What a rebalance does to this member.
pub(super) enum Rebalance {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

impl Rebalances {
    pub(super) fn new(base: Context) -> Self {
        Self { base, holdings: Mutex::default(), pending: Mutex::default(), closing: AtomicBool::new(false) }
    }

    fn holdings<T>(&self, look: impl FnOnce(&mut Holdings) -> T) -> T {
        look(&mut self.holdings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What happened since the last call.
    pub(super) fn take(&self) -> Vec<Rebalance> {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.pending.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl ClientContext for Rebalances {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.base.error(error, reason);
    }
}

impl ConsumerContext for Rebalances {
    /// Only notes what happened. librdkafka waits for our assign or unassign, which the thread that polls calls once it has
    /// told the reader, and for a revocation only once the reader has released.
    fn rebalance(&self, client: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = partitions(list);
        let assigns = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            self.holdings(|holdings| holdings.end(&partitions));
            warn_of(if assigns { client.incremental_assign(list) } else { client.incremental_unassign(list) });
            return;
        }
        let happened = if assigns {
            Rebalance::Assigned(partitions)
        } else if client.assignment_lost() {
            Rebalance::Lost(partitions)
        } else {
            Rebalance::Revoked(partitions)
        };
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).push(happened);
    }
}

fn warn_of(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "a rebalance could not be carried out");
    }
}

/// Partitions as librdkafka lists them, without offsets.
pub(super) fn list(partitions: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, native(partition.partition));
    }
    list
}

fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition { topic: element.topic().into(), partition: number(element.partition()) })
        .collect()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX - 1)
}
