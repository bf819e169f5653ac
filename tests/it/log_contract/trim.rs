//! Deleting the oldest records: by age, by size, and never what somebody has still to read.

use std::time::Duration;

use spojka::{
    log::{Bound, Log, TrimRule},
    topics::record::Append,
};

use crate::support::{
    logs::{Logs, contract},
    records::{
        append_numbers, at, create, join, numbers, partition, read_partition, read_texts, receive, record, soon,
    },
};

contract! {
    what_is_older_goes
    what_is_beyond_the_size_goes
    a_rule_without_bounds_deletes_nothing
    trimming_never_passes_a_reader
    a_group_that_has_read_nothing_holds_everything
    trimming_never_passes_a_reader_without_a_group
    either_bound_is_enough
    offsets_go_on_after_everything_is_gone
    each_partition_is_trimmed
    a_consumer_begins_at_what_is_left
}

fn older_than(seconds: u64) -> TrimRule {
    TrimRule { keep_for: Some(Duration::from_secs(seconds)), ..TrimRule::default() }
}

fn beyond(bytes: u64) -> TrimRule {
    TrimRule { keep_bytes: Some(bytes), ..TrimRule::default() }
}

async fn trim(log: &Log, topic: &str, rule: TrimRule, now: i64) -> u64 {
    soon(log.trim(topic, &rule, at(now))).await.expect("trimmed")
}

/// The numbers 10 to 19, one byte short of three each, one second apart.
async fn ten(logs: &dyn Logs) -> (Log, String) {
    let (log, topic) = (logs.open().await, logs.name("ten"));
    create(&log, &topic, 1).await;
    append_numbers(&log, &topic, 10..20).await;
    (log, topic)
}

async fn commit(log: &Log, group: &str, topic: &str, next: u64) {
    let (mut consumer, _) = join(log, group, &[topic]).await;
    consumer.store(&partition(topic, 0), next);
    soon(consumer.leave()).await.unwrap();
}

async fn what_is_older_goes(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    assert_eq!(trim(&log, &topic, older_than(6), 20).await, 4);
    assert_eq!(read_texts(&log, &topic).await, numbers(14..20));
    assert_eq!(soon(log.describe(&topic)).await.unwrap().partitions, [(4, 10)]);
    assert_eq!(trim(&log, &topic, older_than(6), 20).await, 0, "nothing more is old");
}

async fn what_is_beyond_the_size_goes(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    assert_eq!(trim(&log, &topic, beyond(20), 20).await, 0);
    assert_eq!(trim(&log, &topic, beyond(7), 20).await, 7);
    assert_eq!(read_texts(&log, &topic).await, numbers(17..20));
    append_numbers(&log, &topic, 20..22).await;
    assert_eq!(trim(&log, &topic, beyond(6), 20).await, 2);
    assert_eq!(read_texts(&log, &topic).await, numbers(19..22));
}

async fn a_rule_without_bounds_deletes_nothing(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    assert_eq!(trim(&log, &topic, TrimRule::default(), 1_000_000).await, 0);
    assert_eq!(read_texts(&log, &topic).await, numbers(10..20));
}

async fn trimming_never_passes_a_reader(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    let (slow, fast) = (logs.name("slow"), logs.name("fast"));
    commit(&log, &slow, &topic, 3).await;
    commit(&log, &fast, &topic, 8).await;
    let readers = vec![slow.clone(), fast.clone()];
    assert_eq!(trim(&log, &topic, TrimRule { readers: readers.clone(), ..older_than(0) }, 1000).await, 3);
    assert_eq!(read_texts(&log, &topic).await, numbers(13..20));
    commit(&log, &slow, &topic, 10).await;
    assert_eq!(trim(&log, &topic, TrimRule { readers, ..beyond(0) }, 1000).await, 5);
    assert_eq!(read_texts(&log, &topic).await, numbers(18..20));
}

async fn a_group_that_has_read_nothing_holds_everything(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    let rule = TrimRule { readers: vec![logs.name("never-came")], ..older_than(0) };
    assert_eq!(trim(&log, &topic, rule, 1000).await, 0);
    assert_eq!(read_texts(&log, &topic).await, numbers(10..20));
}

async fn trimming_never_passes_a_reader_without_a_group(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    assert_eq!(trim(&log, &topic, TrimRule { position: Some(0), ..older_than(0) }, 1000).await, 0);
    assert_eq!(trim(&log, &topic, TrimRule { position: Some(4), ..older_than(0) }, 1000).await, 4);
    assert_eq!(read_texts(&log, &topic).await, numbers(14..20));
    assert_eq!(trim(&log, &topic, TrimRule { position: Some(9), ..older_than(6) }, 20).await, 0, "younger is kept");
}

async fn either_bound_is_enough(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    let by_size = TrimRule { keep_bytes: Some(16), ..older_than(100) };
    assert_eq!(trim(&log, &topic, by_size, 20).await, 2);
    let by_age = TrimRule { keep_bytes: Some(100), ..older_than(5) };
    assert_eq!(trim(&log, &topic, by_age, 20).await, 3);
    assert_eq!(read_texts(&log, &topic).await, numbers(15..20));
}

async fn offsets_go_on_after_everything_is_gone(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    assert_eq!(trim(&log, &topic, older_than(0), 1000).await, 10);
    assert_eq!(read_texts(&log, &topic).await, Vec::<String>::new());
    assert_eq!(soon(log.describe(&topic)).await.unwrap().partitions, [(10, 10)]);
    drop(log);
    let log = logs.open().await;
    let positions = soon(log.append(vec![record(&topic, "k", "next")])).await.unwrap();
    assert_eq!(positions[0].offset, 10);
}

async fn each_partition_is_trimmed(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("wide"));
    create(&log, &topic, 3).await;
    let records = (0..30).map(|n| {
        let record = record(&topic, "k", "12345");
        Append { partition: Some(n % 3), timestamp: at(n.into()), ..record }
    });
    soon(log.append(records.collect())).await.unwrap();
    assert_eq!(trim(&log, &topic, older_than(15), 30).await, 15);
    for number in 0..3 {
        assert_eq!(read_partition(&log, &topic, number, Bound::Edge, Bound::Edge).await.len(), 5);
    }
}

async fn a_consumer_begins_at_what_is_left(logs: &dyn Logs) {
    let (log, topic) = ten(logs).await;
    let behind = logs.name("behind");
    commit(&log, &behind, &topic, 2).await;
    assert_eq!(trim(&log, &topic, older_than(5), 20).await, 5);
    for group in [behind, logs.name("new")] {
        let (mut consumer, _) = join(&log, &group, &[&topic]).await;
        let records = receive(&mut *consumer, 5).await;
        assert_eq!(records[0].offset, 5, "{group}");
    }
}
