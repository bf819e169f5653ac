//! The thread that polls: it takes records and rebalances from librdkafka and puts them into the mailbox. It keeps polling
//! while the reader is slow, because whoever does not poll is thrown out of the group.

use std::time::Duration;

use rdkafka::{consumer::Consumer as _, error::KafkaError, types::RDKafkaErrorCode as Code};

use super::{
    super::{
        error,
        message::{self, TopicNames},
    },
    member::{Member, News, Rebalance, list},
};
use crate::{
    log::{LogError, TopicPartition},
    topics::record::Record,
};

/// Records in one signal, at most.
const BATCH_RECORDS: usize = 500;
/// Bytes in one signal, about.
const BATCH_BYTES: usize = 1 << 20;
/// How long one poll may wait: how quickly the thread notices that it is to end.
const POLL: Duration = Duration::from_millis(100);
/// How long the thread waits for a slow reader before it pauses fetching. Pausing drops what was fetched ahead, so not at
/// once; and while it waits, rebalances wait too, so not for long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Polls until the member closes.
pub(super) fn run(member: &Member) {
    let mut poller = Poller { member, topics: TopicNames::default(), backlog: Vec::new(), fetching: true };
    while !member.is_closing() {
        if member.reader_is_gone() {
            // Without polls librdkafka leaves the group by itself.
            std::thread::sleep(POLL);
            continue;
        }
        poller.turn();
    }
    poller.yield_everything();
}

struct Poller<'a> {
    member: &'a Member,
    topics: TopicNames,
    /// What did not fit into the mailbox yet, in order.
    backlog: Vec<News>,
    /// Not paused by us.
    fetching: bool,
}

impl Poller<'_> {
    fn turn(&mut self) {
        self.collect();
        for rebalance in self.member.client.context().take() {
            self.handle(rebalance);
        }
        self.give_up_what_is_overdue();
        self.deliver();
    }

    /// Takes what librdkafka holds, up to the first rebalance.
    fn collect(&mut self) {
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let mut patience = POLL;
        while records.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            match self.member.client.poll(patience) {
                None => break,
                Some(Ok(message)) => {
                    let record = message::record(&message, &mut self.topics);
                    bytes += record.bytes().len();
                    records.push(record);
                    patience = Duration::ZERO;
                }
                Some(Err(error)) => {
                    self.complain(&error);
                    break;
                }
            }
            if self.member.client.context().is_pending() {
                break;
            }
        }
        if !records.is_empty() {
            self.backlog.push(News::Records(records));
        }
    }

    fn complain(&mut self, error: &KafkaError) {
        let meaning = match error {
            KafkaError::MessageConsumptionFatal(_) => LogError::Broken(error.to_string()),
            // The loss of the partitions is reported as such.
            error if error::code(error) == Some(Code::PollExceeded) => return,
            error => error::of_topic(error, "?"),
        };
        match meaning {
            LogError::Unavailable(why) => tracing::info!(why, "a member goes on"),
            lasting => self.backlog.push(News::Failed(lasting)),
        }
    }

    fn handle(&mut self, rebalance: Rebalance) {
        match rebalance {
            Rebalance::Assigned(partitions) => self.assign(&partitions),
            Rebalance::Revoked(partitions) if partitions.is_empty() => self.member.give_up(&partitions),
            Rebalance::Revoked(partitions) => {
                let deadline = self.member.clock.elapsed() + self.member.settings.release_timeout;
                self.member.holdings(|holdings| holdings.revoke(partitions.clone(), deadline));
                self.backlog.push(News::Revoked(partitions));
            }
            Rebalance::Lost(partitions) => self.lose(&partitions),
        }
    }

    fn assign(&mut self, partitions: &[TopicPartition]) {
        let terms = self.member.holdings(|holdings| holdings.assign(partitions));
        let list = list(partitions);
        let assigned = self.member.client.incremental_assign(&list);
        // librdkafka remembers that a partition was paused when it was here before.
        if let Err(error) = assigned.and_then(|()| self.member.client.resume(&list)) {
            self.backlog.push(News::Failed(LogError::Unavailable(format!("partitions were not taken over: {error}"))));
        }
        if !self.fetching {
            self.pause_all();
        }
        if !terms.is_empty() {
            self.backlog.push(News::Assigned(terms));
        }
    }

    fn lose(&mut self, partitions: &[TopicPartition]) {
        let terms: Vec<_> = self
            .member
            .holdings(|holdings| partitions.iter().filter_map(|at| Some((at.clone(), holdings.term(at)?))).collect());
        self.member.give_up(partitions);
        if !terms.is_empty() {
            self.backlog.push(News::Lost(terms));
        }
    }

    fn give_up_what_is_overdue(&mut self) {
        let now = self.member.clock.elapsed();
        let overdue = self.member.holdings(|holdings| holdings.overdue(now));
        if !overdue.is_empty() {
            tracing::warn!(count = overdue.len(), "partitions were not released in time and are given up");
            self.lose(&overdue);
        }
    }

    /// Answers what librdkafka still waits for; it does not end before.
    fn yield_everything(&mut self) {
        for rebalance in self.member.client.context().take() {
            match rebalance {
                Rebalance::Assigned(partitions) => self.assign(&partitions),
                Rebalance::Revoked(partitions) | Rebalance::Lost(partitions) => self.member.give_up(&partitions),
            }
        }
        let revoked = self.member.holdings(|holdings| holdings.revoked());
        if !revoked.is_empty() {
            self.member.give_up(&revoked);
        }
    }

    /// Puts the backlog into the mailbox. Pauses fetching when the reader is slow, goes on when it has caught up.
    fn deliver(&mut self) {
        let patience = if self.fetching { PATIENCE } else { Duration::ZERO };
        let mut backlog = std::mem::take(&mut self.backlog).into_iter();
        while let Some(news) = backlog.next() {
            if let Err(news) = self.member.mailbox.put(news, patience) {
                self.backlog = std::iter::once(news).chain(backlog).collect();
                break;
            }
        }
        if self.backlog.is_empty() && !self.fetching {
            self.fetching = true;
            let all = self.member.holdings(|holdings| holdings.all(false));
            warn_of(self.member.client.resume(&list(&all)));
        } else if !self.backlog.is_empty() && self.fetching {
            self.fetching = false;
            self.pause_all();
        }
    }

    fn pause_all(&self) {
        let all = self.member.holdings(|holdings| holdings.all(true));
        warn_of(self.member.client.pause(&list(&all)));
    }
}

fn warn_of(result: rdkafka::error::KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "fetching could not be paused or resumed");
    }
}
