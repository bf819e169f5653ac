//! Records made and read in one line.

use std::time::Duration;

use bytes::Bytes;
use spojka::{
    log::{Bound, Consumer, Log, Signal, TopicPartition, TopicSpec},
    model::time::Timestamp,
    topics::record::{Append, Record, RecordHeaders},
};

/// Longer than anything takes that works; a test that hangs fails instead.
const PATIENCE: Duration = Duration::from_mins(1);

/// Fails the test when the future does not come to its end.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this came to its end in time")
}

/// A moment, in seconds after a fixed one.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + seconds).expect("a time")
}

pub(crate) fn record(topic: &str, key: &str, value: &str) -> Append {
    Append {
        topic: topic.to_owned(),
        partition: None,
        key: Bytes::copy_from_slice(key.as_bytes()),
        headers: RecordHeaders::default(),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        timestamp: at(0),
    }
}

pub(crate) fn deletion(topic: &str, key: &str) -> Append {
    Append { value: None, ..record(topic, key, "") }
}

pub(crate) async fn create(log: &Log, name: &str, partitions: u32) {
    log.create_topics(&[TopicSpec { name: name.to_owned(), partitions, compacted: false }]).await.expect("a topic");
}

pub(crate) async fn create_table(log: &Log, name: &str) {
    log.create_topics(&[TopicSpec { name: name.to_owned(), partitions: 1, compacted: true }]).await.expect("a topic");
}

/// Appends the texts `0`, `1`, ... to partition 0, one second apart.
pub(crate) async fn append_numbers(log: &Log, topic: &str, numbers: std::ops::Range<i64>) {
    let records = numbers.map(|n| {
        let record = record(topic, "", &n.to_string());
        Append { partition: Some(0), timestamp: at(n), ..record }
    });
    soon(log.append(records.collect())).await.expect("appended");
}

/// All records of a range of partition 0.
pub(crate) async fn read(log: &Log, topic: &str, from: Bound, to: Bound) -> Vec<Record> {
    read_partition(log, topic, 0, from, to).await
}

pub(crate) async fn read_partition(log: &Log, topic: &str, partition: u32, from: Bound, to: Bound) -> Vec<Record> {
    let mut reader = soon(log.read(topic, partition, from, to)).await.expect("a reader");
    let mut all = Vec::new();
    loop {
        let records = soon(reader.next()).await.expect("records");
        if records.is_empty() {
            return all;
        }
        all.extend(records);
    }
}

/// Everything in partition 0, as texts.
pub(crate) async fn read_texts(log: &Log, topic: &str) -> Vec<String> {
    texts(&read(log, topic, Bound::Edge, Bound::Edge).await)
}

pub(crate) fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(record.bytes()).into_owned()).collect()
}

pub(crate) fn numbers(range: std::ops::Range<i64>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

pub(crate) fn partition(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition { topic: topic.into(), partition }
}

/// Joins a group and waits for the partitions that come with it.
pub(crate) async fn join(log: &Log, group: &str, topics: &[&str]) -> (Box<dyn Consumer>, Vec<TopicPartition>) {
    let topics: Vec<_> = topics.iter().map(|&topic| topic.to_owned()).collect();
    let mut consumer = soon(log.consumer(group, &topics)).await.expect("a consumer");
    let Signal::Assigned(mut partitions) = soon(consumer.next()).await.expect("a signal") else {
        panic!("partitions come first");
    };
    partitions.sort();
    (consumer, partitions)
}

/// The next so many records.
pub(crate) async fn receive(consumer: &mut dyn Consumer, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        match soon(consumer.next()).await.expect("a signal") {
            Signal::Records(more) => {
                assert!(!more.is_empty(), "a signal with no records");
                records.extend(more);
            }
            other => panic!("not records: {other:?}"),
        }
    }
    assert_eq!(records.len(), count, "more records than expected");
    records
}
