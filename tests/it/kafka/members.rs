//! Members of one group: partitions change hands, and nobody commits what is not theirs any more.

use std::{collections::BTreeSet, time::Duration};

use spojka::log::{Consumer, Log, LogError, Signal, TopicPartition, kafka::KafkaSettings};

use crate::support::{
    kafka::Kafka,
    logs::Logs as _,
    records::{create, join, partition, record, soon},
};

const PARTITIONS: u32 = 4;
/// Records in each partition.
const EACH: u64 = 10;

async fn filled(kafka: &Kafka, settings: KafkaSettings) -> (Log, String) {
    let (log, topic) = (Kafka::open_with(settings) as Log, kafka.name("shared"));
    create(&log, &topic, PARTITIONS).await;
    for number in 0..PARTITIONS {
        let records = (0..EACH).map(|n| {
            let record = record(&topic, "", &n.to_string());
            spojka::topics::record::Append { partition: Some(number), ..record }
        });
        soon(log.append(records.collect())).await.unwrap();
    }
    (log, topic)
}

/// The next signal that is no records.
async fn change(consumer: &mut dyn Consumer) -> Signal {
    loop {
        match soon(consumer.next()).await.expect("a signal") {
            Signal::Records(_) => {}
            other => return other,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_is_finished_and_then_somebody_elses() {
    let Some(kafka) = Kafka::from_env() else { return };
    let (log, topic) = filled(&kafka, kafka.settings()).await;
    let group = kafka.name("group");
    let (mut first, all) = join(&log, &group, &[&topic]).await;
    assert_eq!(all.len(), 4);
    let mut second = soon(log.consumer(&group, std::slice::from_ref(&topic))).await.unwrap();

    let Signal::Revoked(moving) = change(&mut *first).await else { panic!("nothing is revoked") };
    assert_eq!(moving.len(), 2, "half of the partitions go");
    for partition in &all {
        first.store(partition, 4);
    }
    soon(first.commit()).await.expect("what is revoked is ours until it is released");
    for partition in &moving {
        first.store(partition, 6);
    }
    soon(first.released()).await.unwrap();
    // Too late: these count for nobody.
    for partition in &moving {
        first.store(partition, 9);
    }
    soon(first.commit()).await.unwrap();

    let (Signal::Assigned(taken), _) = tokio::join!(change(&mut *second), keep_polling(&mut *first)) else {
        panic!("nothing is assigned");
    };
    assert_eq!(BTreeSet::from_iter(&taken), BTreeSet::from_iter(&moving));
    let Signal::Records(records) = soon(second.next()).await.unwrap() else { panic!("no records") };
    assert_eq!(records[0].offset, 6, "the second goes on where the first has finished");
    let offsets = soon(log.offsets(&group)).await.unwrap();
    for partition in &all {
        assert_eq!(offsets[partition], if moving.contains(partition) { 6 } else { 4 }, "{partition:?}");
    }
}

/// Polls for a moment: rebalances need every member.
async fn keep_polling(consumer: &mut dyn Consumer) -> Vec<Signal> {
    let mut signals = Vec::new();
    let poll = async {
        loop {
            signals.push(consumer.next().await.expect("a signal"));
        }
    };
    let _over: Result<(), _> = tokio::time::timeout(Duration::from_secs(2), poll).await;
    signals
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_release_in_time_loses() {
    let Some(kafka) = Kafka::from_env() else { return };
    let settings = KafkaSettings { release_timeout: Duration::from_secs(1), ..kafka.settings() };
    let (log, topic) = filled(&kafka, settings).await;
    let group = kafka.name("group");
    let (mut first, all) = join(&log, &group, &[&topic]).await;
    let mut second = soon(log.consumer(&group, std::slice::from_ref(&topic))).await.unwrap();
    let Signal::Revoked(moving) = change(&mut *first).await else { panic!("nothing is revoked") };
    for partition in &all {
        first.store(partition, 3);
    }

    let (lost, taken) = tokio::join!(change(&mut *first), change(&mut *second));
    let (Signal::Lost(lost), Signal::Assigned(taken)) = (lost, taken) else { panic!("nothing changed hands") };
    assert_eq!(BTreeSet::from_iter(&lost), BTreeSet::from_iter(&moving));
    assert_eq!(BTreeSet::from_iter(&taken), BTreeSet::from_iter(&moving));
    soon(first.released()).await.expect("there is nothing to release any more");
    soon(first.commit()).await.unwrap();
    let committed: BTreeSet<TopicPartition> = soon(log.offsets(&group)).await.unwrap().into_keys().collect();
    let kept: BTreeSet<TopicPartition> = all.into_iter().filter(|at| !moving.contains(at)).collect();
    assert_eq!(committed, kept, "nothing was committed of what was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_poll_is_thrown_out_and_cannot_commit() {
    let Some(kafka) = Kafka::from_env() else { return };
    let second = Duration::from_secs(1);
    let settings = KafkaSettings { session_timeout: second, poll_timeout: second, ..kafka.settings() };
    let (log, topic) = filled(&kafka, settings).await;
    let group = kafka.name("group");
    let (mut first, all) = join(&log, &group, &[&topic]).await;
    first.store(&all[0], 2);
    soon(first.commit()).await.unwrap();
    first.store(&all[0], 5);

    // The first is silent from here on.
    let (_successor, taken) = join(&log, &group, &[&topic]).await;
    assert!(!taken.is_empty());
    let lost = async {
        loop {
            match first.commit().await {
                Err(LogError::Lost) => return,
                // Until the group has noticed, the partitions are the first one's.
                Ok(()) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    soon(lost).await;
    // Once it listens again it hears so, too, and begins anew.
    assert!(matches!(change(&mut *first).await, Signal::Revoked(_) | Signal::Lost(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_stays_and_misses_nothing() {
    let Some(kafka) = Kafka::from_env() else { return };
    let session_timeout = Duration::from_secs(1);
    let log = Kafka::open_with(KafkaSettings { session_timeout, ..kafka.settings() }) as Log;
    let topic = kafka.name("much");
    create(&log, &topic, 1).await;
    let count = 20_000;
    for chunk in 0..20 {
        let records = (chunk * 1000..(chunk + 1) * 1000).map(|n: u64| record(&topic, "k", &n.to_string()));
        soon(log.append(records.collect())).await.unwrap();
    }
    let (mut consumer, _) = join(&log, &kafka.name("group"), &[&topic]).await;
    let mut next = 0;
    let mut slow = true;
    while next < count {
        let Signal::Records(records) = soon(consumer.next()).await.unwrap() else { panic!("something changed") };
        for record in &records {
            assert_eq!(record.offset, next);
            next += 1;
        }
        if std::mem::take(&mut slow) {
            // Several sessions, and long enough for fetching to be paused; real brokers live in real time.
            tokio::time::sleep(session_timeout * 3).await;
        }
    }
    consumer.store(&partition(&topic, 0), next);
    soon(consumer.commit()).await.expect("still a member");
}
