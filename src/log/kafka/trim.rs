//! What may be deleted of a topic. Kafka does not tell how many bytes stand before an offset, so a topic that is trimmed by
//! size is weighed: each record is read once, when it is first asked about.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use super::{
    Parts,
    reader::{KafkaReader, Range},
};
use crate::{
    log::{LogError, LogResult, Reader as _, TopicPartition, TrimRule},
    model::time::Timestamp,
};

/// Places that are remembered per partition. With more records than this, places stand further apart, and up to one gap
/// more than asked is kept.
const PLACES: usize = 4096;

/// What was weighed so far.
#[derive(Default)]
pub(super) struct Weights(tokio::sync::Mutex<HashMap<TopicPartition, Weight>>);

/// One partition's weight.
#[derive(Debug, Default, PartialEq, Eq)]
struct Weight {
    /// Weighed up to here.
    next: u64,
    /// Bytes of values of all that was weighed.
    total: u64,
    /// Offsets with the bytes that were weighed before them.
    places: VecDeque<(u64, u64)>,
    /// Records between two places, and since the last one.
    gap: u64,
    since: u64,
}

impl Weight {
    fn add(&mut self, offset: u64, bytes: u64) {
        if self.since == 0 {
            self.places.push_back((offset, self.total));
            self.thin_out();
        }
        self.since = (self.since + 1) % self.gap.max(1);
        self.total += bytes;
        self.next = offset + 1;
    }

    fn thin_out(&mut self) {
        if self.places.len() <= PLACES {
            return;
        }
        self.gap = self.gap.max(1) * 2;
        let mut keep = false;
        self.places.retain(|_| {
            keep = !keep;
            keep
        });
    }

    fn forget_before(&mut self, offset: u64) {
        while self.places.get(1).is_some_and(|(second, _)| *second <= offset) {
            self.places.pop_front();
        }
    }

    /// The first offset such that what stands from there on weighs no more than `bytes`, or less far where places are rare.
    fn keeping(&self, bytes: u64) -> u64 {
        let excess = self.total.saturating_sub(bytes);
        if excess == 0 {
            return 0;
        }
        let at = self.places.partition_point(|(_, before)| *before < excess);
        // The place found is the first whose rest fits; with gaps the true one may lie before it, which keeps less.
        match self.places.get(at) {
            Some((offset, _)) if self.gap <= 1 => *offset,
            None if self.gap <= 1 => self.next,
            _ => self.places.get(at.saturating_sub(1)).map_or(0, |(offset, _)| *offset),
        }
    }
}

/// Carries the rule out. Answers how many records went.
pub(super) async fn trim(parts: &Arc<Parts>, topic: &str, rule: &TrimRule, now: Timestamp) -> LogResult<u64> {
    let known = parts.lookup.topic(topic).await?.ok_or_else(|| LogError::NoSuchTopic(topic.to_owned()))?;
    if parts.admin.config(topic).await?.compacted {
        return Err(LogError::Broken(format!("`{topic}` is a table and cannot be trimmed")));
    }
    let read = read_by_all(parts, topic, known.partitions, rule).await?;
    let mut cuts = Vec::new();
    let mut begins = HashMap::new();
    for partition in 0..known.partitions {
        let (low, high) = parts.lookup.watermarks(topic, partition).await?;
        let wanted = wanted(parts, topic, partition, (low, high), rule, now).await?;
        let cut = wanted.min(read.get(&partition).copied().unwrap_or(high)).min(high);
        if cut > low {
            cuts.push((partition, cut));
            begins.insert(partition, low);
        }
    }
    if cuts.is_empty() {
        return Ok(0);
    }
    let ends = parts.admin.delete_before(topic, &cuts).await?;
    Ok(ends.iter().map(|(partition, end)| end.saturating_sub(begins.get(partition).copied().unwrap_or(*end))).sum())
}

/// Up to where every reader has read, of each partition that somebody reads. A group that has stored nothing has read nothing.
async fn read_by_all(
    parts: &Arc<Parts>,
    topic: &str,
    partitions: u32,
    rule: &TrimRule,
) -> LogResult<BTreeMap<u32, u64>> {
    let mut read = BTreeMap::new();
    for group in &rule.readers {
        let offsets = parts.lookup.offsets(group).await?;
        for partition in 0..partitions {
            let at = TopicPartition { topic: topic.into(), partition };
            let next = offsets.get(&at).copied().unwrap_or(0);
            read.entry(partition).and_modify(|least: &mut u64| *least = (*least).min(next)).or_insert(next);
        }
    }
    if let Some(position) = rule.position {
        read.entry(0).and_modify(|least| *least = (*least).min(position)).or_insert(position);
    }
    Ok(read)
}

/// Up to where the rule's bounds say that records may go.
async fn wanted(
    parts: &Arc<Parts>,
    topic: &str,
    partition: u32,
    (low, high): (u64, u64),
    rule: &TrimRule,
    now: Timestamp,
) -> LogResult<u64> {
    let mut cut = 0;
    if let Some(age) = rule.keep_for {
        // A bound before all time keeps everything.
        if let Ok(oldest) = now.checked_sub(age) {
            cut = parts.lookup.offset_at(topic, partition, oldest).await?.unwrap_or(high);
        }
    }
    if let Some(bytes) = rule.keep_bytes {
        cut = cut.max(weigh(parts, topic, partition, (low, high), bytes).await?);
    }
    Ok(cut)
}

async fn weigh(parts: &Arc<Parts>, topic: &str, partition: u32, (low, high): (u64, u64), bytes: u64) -> LogResult<u64> {
    let mut weights = parts.weights.0.lock().await;
    let weight = weights.entry(TopicPartition { topic: topic.into(), partition }).or_default();
    if weight.next > high || weight.next < low {
        *weight = Weight { next: low, ..Weight::default() };
    }
    let range = Range { topic: topic.to_owned(), partition, from: weight.next, to: high };
    let mut reader = KafkaReader::open(parts, range)?;
    loop {
        let records = reader.next().await?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            weight.add(record.offset, record.bytes().len() as u64);
        }
    }
    weight.forget_before(low);
    Ok(weight.keeping(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_records_that_fit_are_kept() {
        let mut weight = Weight::default();
        for offset in 0..10 {
            weight.add(offset, 10);
        }
        assert_eq!(weight.keeping(100), 0);
        assert_eq!(weight.keeping(99), 1);
        assert_eq!(weight.keeping(30), 7);
        assert_eq!(weight.keeping(5), 10);
        weight.forget_before(4);
        assert_eq!(weight.keeping(30), 7);
        assert_eq!(weight.places.len(), 6);
    }

    #[test]
    fn with_many_records_little_more_than_asked_is_kept_and_never_less() {
        let mut weight = Weight::default();
        let records = 50_000;
        for offset in 0..records {
            weight.add(offset, 1);
        }
        assert!(weight.places.len() <= PLACES + 1);
        for bytes in [1, 777, 25_000, 49_999] {
            let kept = records - weight.keeping(bytes);
            assert!(kept >= bytes && kept <= bytes + 2 * weight.gap, "{kept} for {bytes}");
        }
    }
}
