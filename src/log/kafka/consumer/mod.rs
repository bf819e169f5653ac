//! A member of a group. Two threads serve it, one that polls and one that commits; the reader meets them through a mailbox
//! and a queue of jobs, both bounded.
//!
//! While a revocation waits for [`Consumer::released`], librdkafka fetches nothing for the other partitions either (it
//! pauses the whole assignment until the revocation is carried out); what was fetched before is still delivered.

mod committing;
mod holdings;
mod mailbox;
mod member;
mod polling;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use futures_util::future::BoxFuture;
use rdkafka::consumer::Consumer as _;
use tokio::sync::oneshot;

use self::{
    committing::{Answer, Job},
    holdings::Term,
    member::{Member, News, Rebalances, list},
};
use super::{Parts, client::Complaints, error};
use crate::{
    log::{Consumer, LogError, LogResult, Signal, TopicPartition},
    topics::record::Record,
};

/// Signals that may wait for the reader.
const SIGNALS: usize = 4;
/// Jobs that may wait for the thread that commits.
const JOBS: usize = 4;

/// A member, as its reader sees it.
pub(super) struct KafkaConsumer {
    member: Arc<Member>,
    /// There until the member leaves.
    jobs: Option<SyncSender<Job>>,
    /// Which terms the reader knows of: it was told that they began, and not that they ended.
    known: HashMap<TopicPartition, Term>,
    /// Records of partitions that the reader has paused, in order.
    withheld: VecDeque<Record>,
    /// Signals that wait behind withheld records which were released together.
    ready: VecDeque<Record>,
    ended: oneshot::Receiver<()>,
    complaints: Complaints,
}

impl KafkaConsumer {
    /// Joins the group.
    pub(super) fn join(parts: &Arc<Parts>, group: &str, topics: &[String]) -> LogResult<Self> {
        let settings = parts.configs.settings().clone();
        let client = parts
            .configs
            .member(group)
            .create_with_context(Rebalances::new(parts.context()))
            .map_err(|error| error::plain(&error))?;
        let member = Arc::new(Member::new(client, SIGNALS, Arc::clone(&parts.clock), settings));
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        member.client.subscribe(&names).map_err(|error| error::plain(&error))?;
        let (jobs, waiting) = sync_channel(JOBS);
        let (end, ended) = oneshot::channel();
        serve(Arc::clone(&member), waiting, end)?;
        Ok(Self {
            member,
            jobs: Some(jobs),
            known: HashMap::new(),
            withheld: VecDeque::new(),
            ready: VecDeque::new(),
            ended,
            complaints: parts.complaints.clone(),
        })
    }

    async fn job(&self, job: impl FnOnce(Answer) -> Job + Send) -> LogResult<()> {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().expect("there until the member leaves");
        if jobs.try_send(job(answer)).is_err() {
            return Err(LogError::Unavailable("earlier commits are still under way".to_owned()));
        }
        // A coordinator that is away keeps librdkafka waiting for longer than any caller should.
        let patience = self.member.settings.request_timeout * 2;
        tokio::select! {
            result = answered => result
                .unwrap_or_else(|_| Err(LogError::Broken("the thread that commits died".to_owned())))
                .map_err(|error| self.complaints.explain(error)),
            () = self.member.clock.sleep(patience) => {
                Err(self.complaints.explain(LogError::Unavailable("the group's coordinator does not answer".to_owned())))
            }
        }
    }

    /// All that the reader believes to hold is held, in the same terms.
    fn belief_holds(&self) -> bool {
        self.member.holdings(|holdings| self.known.iter().all(|(at, term)| holdings.term(at) == Some(*term)))
    }

    /// The signal that news make, unless nothing is left of them.
    fn signal(&mut self, news: News) -> Option<LogResult<Signal>> {
        match news {
            News::Assigned(terms) => {
                let partitions = terms.iter().map(|(partition, _)| partition.clone()).collect();
                self.known.extend(terms);
                Some(Ok(Signal::Assigned(partitions)))
            }
            News::Revoked(partitions) => Some(Ok(Signal::Revoked(partitions))),
            News::Lost(terms) => {
                let lost: Vec<_> = terms
                    .into_iter()
                    .filter(|(partition, term)| self.known.get(partition) == Some(term))
                    .map(|(partition, _)| partition)
                    .collect();
                self.forget(&lost);
                (!lost.is_empty()).then_some(Ok(Signal::Lost(lost)))
            }
            News::Records(records) => self.admit(records).map(|records| Ok(Signal::Records(records))),
            News::Failed(error) => Some(Err(self.complaints.explain(error))),
        }
    }

    /// Leaves out what is no longer ours and withholds what is paused.
    fn admit(&mut self, records: Vec<Record>) -> Option<Vec<Record>> {
        let mut admitted = Vec::with_capacity(records.len());
        let mut last: Option<(TopicPartition, Admission)> = None;
        for record in records {
            let admission = match &last {
                Some((at, admission)) if is_of(&record, at) => *admission,
                _ => {
                    let at = TopicPartition { topic: Arc::clone(&record.topic), partition: record.partition };
                    last.insert((at.clone(), self.admission(&at))).1
                }
            };
            match admission {
                Admission::Now => admitted.push(record),
                Admission::Later => self.withheld.push_back(record),
                Admission::Refused => {}
            }
        }
        (!admitted.is_empty()).then_some(admitted)
    }

    fn admission(&self, at: &TopicPartition) -> Admission {
        let known = self.known.get(at).copied();
        self.member.holdings(|holdings| match known {
            Some(term) if holdings.term(at) != Some(term) => Admission::Refused,
            Some(_) if holdings.is_paused(at) => Admission::Later,
            Some(_) => Admission::Now,
            None => Admission::Refused,
        })
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        let gone =
            |record: &Record| partitions.iter().any(|at| at.partition == record.partition && at.topic == record.topic);
        self.known.retain(|partition, _| !partitions.contains(partition));
        self.withheld.retain(|record| !gone(record));
        self.ready.retain(|record| !gone(record));
    }
}

fn is_of(record: &Record, at: &TopicPartition) -> bool {
    record.partition == at.partition && record.topic == at.topic
}

/// What becomes of a partition's records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admission {
    Now,
    /// The reader has paused the partition.
    Later,
    Refused,
}

impl Consumer for KafkaConsumer {
    fn next(&mut self) -> BoxFuture<'_, LogResult<Signal>> {
        Box::pin(async move {
            let ready: Vec<Record> = self.ready.drain(..).collect();
            if let Some(records) = self.admit(ready) {
                return Ok(Signal::Records(records));
            }
            loop {
                self.member.reader_asks();
                let attention = Attention(&self.member);
                let news = self.member.mailbox.take().await;
                drop(attention);
                let news = news.ok_or_else(|| LogError::Broken("the thread that polls died".to_owned()))?;
                if let Some(signal) = self.signal(news) {
                    return signal;
                }
            }
        })
    }

    fn store(&mut self, partition: &TopicPartition, next: u64) {
        if let Some(term) = self.known.get(partition) {
            self.member.holdings(|holdings| holdings.store(partition, *term, next));
        }
    }

    fn commit(&mut self) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(async move {
            if !self.belief_holds() {
                return Err(LogError::Lost);
            }
            self.job(Job::Commit).await?;
            if self.belief_holds() { Ok(()) } else { Err(LogError::Lost) }
        })
    }

    fn released(&mut self) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(async move {
            let revoked = self.member.holdings(|holdings| holdings.revoked());
            if revoked.is_empty() {
                return Ok(());
            }
            let result = self.job(Job::Release).await;
            self.forget(&revoked);
            result
        })
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> LogResult<()> {
        self.member.holdings(|holdings| holdings.pause(partitions, true));
        self.member.client.pause(&list(partitions)).map_err(|error| error::plain(&error))
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> LogResult<()> {
        self.member.holdings(|holdings| holdings.pause(partitions, false));
        self.ready.extend(self.withheld.drain(..));
        self.member.client.resume(&list(partitions)).map_err(|error| error::plain(&error))
    }

    fn leave(mut self: Box<Self>) -> BoxFuture<'static, LogResult<()>> {
        Box::pin(async move {
            let written = self.job(Job::Finish).await;
            let (member, patience) = (Arc::clone(&self.member), self.member.settings.request_timeout * 2);
            let (_, unused) = oneshot::channel();
            let ended = std::mem::replace(&mut self.ended, unused);
            let clock = Arc::clone(&member.clock);
            drop(member);
            // Closes the member; its own thread then ends librdkafka's part, which tells the group.
            drop(self);
            tokio::select! {
                _gone = ended => {}
                () = clock.sleep(patience) => tracing::warn!("the group was not told in time that a member leaves"),
            }
            written
        })
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.jobs = None;
        self.member.close();
    }
}

/// The reader waits for a signal, until this is dropped.
struct Attention<'a>(&'a Member);

impl Drop for Attention<'_> {
    fn drop(&mut self) {
        self.0.reader_has();
    }
}

/// Starts the member's threads. The one that polls is the last to hold the member: ending it blocks.
fn serve(member: Arc<Member>, jobs: Receiver<Job>, end: oneshot::Sender<()>) -> LogResult<()> {
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| -> LogResult<JoinHandle<()>> {
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(|error| LogError::Broken(format!("no thread: {error}")))
    };
    let committer = Arc::clone(&member);
    let committing = spawn("kafka-commit", Box::new(move || committing::run(&committer, &jobs)))?;
    let polling = move || {
        polling::run(&member);
        let joined = committing.join();
        drop(member);
        if joined.is_err() {
            tracing::error!("the thread that commits died");
        }
        let _unheard = end.send(());
    };
    spawn("kafka-poll", Box::new(polling)).map(drop)
}
