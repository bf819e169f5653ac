//! The topics that a replay reads: one after the other, each with its partitions merged by time, so that what was told
//! first comes first.

use std::collections::VecDeque;

use super::super::operator::OperatorError;
use crate::{
    log::{Bound, Log, LogResult, Reader},
    model::{connection::ConnectionName, time::Timestamp},
    topics::{
        Names,
        event::{Entity, EventType},
        record::Record,
        replay::{Begin, Mode, Request},
    },
};

/// The topics that a request means, sorted.
///
/// # Errors
/// [`OperatorError::NotFound`] when it names a connection or a type that there is not.
pub(super) fn topics(
    request: &Request,
    names: &Names,
    connections: &[ConnectionName],
) -> Result<Vec<String>, OperatorError> {
    let meant = |connection: &&ConnectionName| request.connection.as_ref().is_none_or(|wanted| wanted == *connection);
    let chosen: Vec<_> = connections.iter().filter(meant).collect();
    if let (Some(name), []) = (&request.connection, chosen.as_slice()) {
        return Err(OperatorError::NotFound(format!("the config has no connection `{name}`")));
    }
    let mut topics: Vec<String> = match request.begin {
        Begin::Webhooks => chosen.into_iter().map(|name| names.webhooks(name)).collect(),
        Begin::Events => entities(request)?.map(|entity| names.events(entity)).collect(),
        Begin::Actions => chosen.into_iter().flat_map(|name| [names.actions(name), names.bulk(name)]).collect(),
    };
    topics.sort();
    Ok(topics)
}

/// A finished step may be about any entity. When everything is done again, steps finish again.
fn entities(request: &Request) -> Result<impl Iterator<Item = Entity> + use<>, OperatorError> {
    let wanted = request.event_type.as_deref().map(find_type).transpose()?.map(|event_type| event_type.entity);
    let all_again = request.mode == Mode::All;
    Ok(Entity::ALL.into_iter().filter(move |entity| match entity {
        Entity::Step => !all_again,
        entity => wanted.is_none_or(|wanted| wanted == *entity),
    }))
}

/// A type by its name.
pub(in crate::runtime) fn find_type(name: &str) -> Result<&'static EventType, OperatorError> {
    EventType::find(name).ok_or_else(|| OperatorError::NotFound(format!("there is no event `{name}`")))
}

/// One topic's partitions, merged by the time of their records.
pub(in crate::runtime) struct Merge {
    parts: Vec<Part>,
}

struct Part {
    reader: Box<dyn Reader>,
    waiting: VecDeque<Record>,
    /// The offset behind the last record that was given out.
    next: Option<u64>,
    /// Where the partition ended when the read began.
    end: u64,
    ended: bool,
}

impl Merge {
    /// Begins where it was left, or at a moment, or at the beginning; ends where the topic ends now. A record never stands
    /// before its time, so nothing of the range stands before the first record of its first moment; but behind its last one
    /// much may stand: replies, and what was kept in a spool.
    pub async fn open(log: &Log, topic: &str, since: Option<Timestamp>, offsets: &[Option<u64>]) -> LogResult<Self> {
        let partitions = log.describe(topic).await?.partitions;
        let mut parts = Vec::with_capacity(partitions.len());
        for (partition, (_, end)) in partitions.into_iter().enumerate() {
            let next = offsets.get(partition).copied().flatten();
            let from = next.map(Bound::Offset).or(since.map(Bound::Time)).unwrap_or(Bound::Edge);
            let partition = u32::try_from(partition).unwrap_or(u32::MAX);
            let reader = log.read(topic, partition, from, Bound::Edge).await?;
            parts.push(Part { reader, waiting: VecDeque::new(), next, end, ended: false });
        }
        Ok(Self { parts })
    }

    /// The next record of all, in the order of time as far as each partition keeps it.
    pub async fn next(&mut self) -> LogResult<Option<Record>> {
        for part in &mut self.parts {
            if part.waiting.is_empty() && !part.ended {
                part.waiting = part.reader.next().await?.into();
                part.ended = part.waiting.is_empty();
            }
        }
        let first = |part: &&mut Part| part.waiting.front().map(|record| record.timestamp);
        let heads = self.parts.iter_mut().filter(|part| !part.waiting.is_empty());
        let Some(part) = heads.min_by_key(first) else { return Ok(None) };
        let record = part.waiting.pop_front();
        part.next = record.as_ref().map(|record| record.offset + 1).or(part.next);
        Ok(record)
    }

    /// How many records are still to come, at the most: known once [`Merge::next`] was asked.
    pub fn ahead(&self) -> u64 {
        let of = |part: &Part| part.waiting.front().map_or(0, |record| part.end.saturating_sub(record.offset));
        self.parts.iter().map(of).sum()
    }

    /// Where to go on.
    pub fn offsets(&self) -> Vec<Option<u64>> {
        self.parts.iter().map(|part| part.next).collect()
    }
}
