//! Three brokers, of which some are killed while records are appended: what was acknowledged is there.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use spojka::{
    log::{Log, LogError, LogStore as _, kafka::KafkaSettings},
    model::time::{Clock as _, SystemClock},
};

use crate::support::{
    kafka::{Cluster, Kafka},
    logs::Logs as _,
    records::{create, read_partition, record, soon, texts},
};

const SENDERS: u64 = 16;
const PARTITIONS: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_when_a_broker_was_killed() {
    let Some(cluster) = Cluster::start(&["3"]) else { return };
    let kafka = Kafka::at(cluster.brokers.clone());
    let (log, topic) = (Kafka::open_with(kafka.settings()) as Log, kafka.name("killed"));
    create(&log, &topic, PARTITIONS).await;
    let info = log.describe(&topic).await.unwrap();
    assert_eq!((info.replicas, info.min_insync_replicas), (Some(3), Some(2)));

    let acknowledged = AtomicU64::new(0);
    let senders = join_all((0..SENDERS).map(|sender| append_until(&log, &topic, sender, &acknowledged, 6000)));
    let killer = async {
        while acknowledged.load(Ordering::Relaxed) < 1000 {
            tokio::task::yield_now().await;
        }
        tokio::task::block_in_place(|| cluster.broker("kill", 2));
    };
    let (acknowledged, ()) = tokio::join!(senders, killer);

    let mut there = Vec::new();
    for partition in 0..PARTITIONS {
        there.extend(texts(
            &read_partition(&log, &topic, partition, spojka::log::Bound::Edge, spojka::log::Bound::Edge).await,
        ));
    }
    let unique: BTreeSet<&String> = there.iter().collect();
    let missing: Vec<_> = acknowledged.iter().flatten().filter(|value| !unique.contains(value)).collect();
    assert!(missing.is_empty(), "{} of {} are missing", missing.len(), acknowledged.iter().flatten().count());
    assert_eq!(unique.len(), there.len(), "a record was written twice in one append");

    one_of_three_is_not_enough(&kafka, &cluster, &topic).await;
}

/// Appends until all senders together have so many acknowledged; answers its own.
async fn append_until(log: &Log, topic: &str, sender: u64, acknowledged: &AtomicU64, count: u64) -> Vec<String> {
    let mut own = Vec::new();
    for n in 0.. {
        if acknowledged.load(Ordering::Relaxed) >= count {
            break;
        }
        let value = format!("{sender}.{n}");
        if log.append(vec![record(topic, &value, &value)]).await.is_ok() {
            acknowledged.fetch_add(1, Ordering::Relaxed);
            own.push(value);
        }
    }
    own
}

/// `min.insync.replicas` is 2: with one broker left, nobody hears that a record is written, and everybody hears so in time.
async fn one_of_three_is_not_enough(kafka: &Kafka, cluster: &Cluster, topic: &str) {
    let limit = Duration::from_secs(2);
    let settings = KafkaSettings { delivery_timeout: limit, ..kafka.settings() };
    let log = Kafka::open_with(settings);
    soon(log.append(vec![record(topic, "k", "two are enough")])).await.unwrap();
    tokio::task::block_in_place(|| cluster.broker("kill", 3));
    let begin = SystemClock.elapsed();
    let error = soon(log.append(vec![record(topic, "k", "one is not")])).await.unwrap_err();
    assert!(matches!(error, LogError::Unavailable(_)), "{error:?}");
    let took = SystemClock.elapsed().saturating_sub(begin);
    assert!(took < limit * 2, "took {took:?}");

    tokio::task::block_in_place(|| cluster.broker("revive", 2));
    let again = async { while log.append(vec![record(topic, "k", "two again")]).await.is_err() {} };
    soon(again).await;
}
