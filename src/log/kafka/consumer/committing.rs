//! The thread that commits. librdkafka's synchronous commit blocks until the group's coordinator has answered, which is the
//! point: its answer proves that the member still belongs to the group.

use std::{sync::mpsc::Receiver, time::Duration};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _},
    error::KafkaError,
    topic_partition_list::TopicPartitionListElem,
    types::RDKafkaErrorCode as Code,
};
use tokio::sync::oneshot;

use super::{
    super::{
        error,
        lookup::{native, signed, unsigned},
    },
    holdings::Offsets,
    member::Member,
};
use crate::log::{LogError, LogResult, TopicPartition};

/// How long to wait before a commit is tried again that came in the middle of a rebalance.
const PAUSE: Duration = Duration::from_millis(20);

/// What the thread is asked to do.
pub(super) enum Job {
    /// Write what was stored, or the last offsets again.
    Commit(Answer),
    /// Write what was stored of the partitions that are to be given up, and give them up.
    Release(Answer),
    /// Write what was stored, if anything.
    Finish(Answer),
}

pub(super) type Answer = oneshot::Sender<LogResult<()>>;

/// Commits until nobody can ask for it any more.
pub(super) fn run(member: &Member, jobs: &Receiver<Job>) {
    for job in jobs {
        let (answer, result) = match job {
            Job::Commit(answer) => (answer, prove(member)),
            Job::Release(answer) => (answer, release(member)),
            Job::Finish(answer) => (answer, write(member, &member.holdings(|holdings| holdings.unwritten(None)))),
        };
        // Whoever asked may have gone.
        let _unheard = answer.send(result);
    }
}

fn prove(member: &Member) -> LogResult<()> {
    let unwritten = member.holdings(|holdings| holdings.unwritten(None));
    if !unwritten.is_empty() {
        return write(member, &unwritten);
    }
    if let Some(known) = member.holdings(|holdings| holdings.written()) {
        return write(member, &vec![known]);
    }
    match member.holdings(|holdings| holdings.any()) {
        Some(partition) => {
            let offset = stored_by_anybody(member, &partition)?;
            write(member, &vec![(partition, offset)])
        }
        // Nothing is held, so there is nothing to prove.
        None => Ok(()),
    }
}

/// Where reading of a partition began for a member that has committed nothing of it yet.
fn stored_by_anybody(member: &Member, partition: &TopicPartition) -> LogResult<u64> {
    let timeout = member.settings.request_timeout;
    let wrong = |error: KafkaError| error::of_topic(&error, &partition.topic);
    let mut list = TopicPartitionList::new();
    list.add_partition(&partition.topic, native(partition.partition));
    let list = member.client.committed_offsets(list, timeout).map_err(wrong)?;
    let first = list.elements().first().map(TopicPartitionListElem::offset);
    if let Some(Offset::Offset(offset)) = first {
        return Ok(unsigned(offset));
    }
    let (low, _) =
        member.client.fetch_watermarks(&partition.topic, native(partition.partition), timeout).map_err(wrong)?;
    Ok(unsigned(low))
}

fn release(member: &Member) -> LogResult<()> {
    let revoked = member.holdings(|holdings| holdings.revoked());
    let unwritten = member.holdings(|holdings| holdings.unwritten(Some(&revoked)));
    let written = write(member, &unwritten);
    // Also when the commit failed: the group waits, and whoever is next repeats what was not committed.
    let left = member.holdings(|holdings| holdings.revoked());
    if !left.is_empty() {
        member.give_up(&left);
    }
    written
}

fn write(member: &Member, offsets: &Offsets) -> LogResult<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    let gate = member.commit_gate();
    let all_held = member.holdings(|holdings| offsets.iter().all(|(partition, _)| holdings.term(partition).is_some()));
    if !all_held {
        return Err(LogError::Lost);
    }
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        list.add_partition_offset(&partition.topic, native(partition.partition), Offset::Offset(signed(*offset)))
            .map_err(|error| error::plain(&error))?;
    }
    let result = commit(member, &list);
    // An empty group takes commits from anybody: an answer counts only when librdkafka does not know better.
    if member.client.assignment_lost() {
        return Err(LogError::Lost);
    }
    result?;
    member.holdings(|holdings| holdings.committed(offsets));
    drop(gate);
    Ok(())
}

fn commit(member: &Member, list: &TopicPartitionList) -> LogResult<()> {
    let deadline = member.clock.elapsed() + member.settings.request_timeout;
    loop {
        let Err(error) = member.client.commit(list, CommitMode::Sync) else { return Ok(()) };
        let code = error::code(&error);
        // Between the end of a rebalance and our hearing of it, the coordinator knows a newer generation than we do.
        let rebalancing = matches!(code, Some(Code::RebalanceInProgress | Code::IllegalGeneration));
        if !rebalancing || member.client.assignment_lost() || member.clock.elapsed() >= deadline {
            return Err(error::plain(&error));
        }
        std::thread::sleep(PAUSE);
    }
}
