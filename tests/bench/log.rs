//! How quick a log is: `cargo bench --bench log [folder]` for the embedded one, `cargo bench --bench log host:port [linger in
//! milliseconds]` for Kafka. The folder decides what is measured, because all of it is a disk's fsync shared by many; with
//! Kafka it is the brokers and the linger.
#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on fails")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hdrhistogram::Histogram;
use spojka::{
    log::{
        Fencing, Log, Signal, TopicSpec,
        embedded::{EmbeddedLog, EmbeddedOptions},
        kafka::{KafkaLog, KafkaSettings},
    },
    model::time::{Clock, SystemClock},
    topics::record::{Append, ID, KEY_ID, PLAIN, RecordHeaders},
};
use tokio::task::JoinSet;

const RECORDS: u64 = 100_000;
const VALUE_BYTES: usize = 1024;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let temp = std::env::temp_dir();
    let place = arguments.first().map(String::as_str);
    let brokers = place.filter(|place| place.contains(':'));
    let folder = place.filter(|_| brokers.is_none()).map_or(temp.as_path(), Path::new);
    let folder = tempfile::Builder::new().prefix("spojka-bench").tempdir_in(folder).unwrap();
    let log = match brokers {
        Some(brokers) => kafka(brokers, arguments.get(1).map(String::as_str), folder.path()),
        None => Arc::new(EmbeddedLog::open(&folder.path().join("log.db"), EmbeddedOptions::default()).unwrap()),
    };
    // Brokers keep the topics of earlier runs.
    let run = SystemClock.now().as_millisecond();
    let (records, table) = (format!("records-{run}"), format!("table-{run}"));
    let topic = |name: &str, partitions, compacted| TopicSpec { name: name.to_owned(), partitions, compacted };
    log.create_topics(&[topic(&records, 4, false), topic(&table, 1, true)]).await.unwrap();

    for in_flight in [1, 64, 256] {
        append(&log, &records, in_flight, if in_flight == 1 { RECORDS / 20 } else { RECORDS }).await;
    }
    append(&log, &table, 64, RECORDS / 2).await;
    look_up(&log, &table).await;
    consume(&log, &records, RECORDS * 2).await;
    log.close(Duration::from_mins(1)).await.unwrap();
}

fn kafka(brokers: &str, linger: Option<&str>, state_dir: &Path) -> Log {
    let mut settings = KafkaSettings::new(brokers, state_dir);
    if let Some(linger) = linger {
        settings.linger = Duration::from_secs_f64(linger.parse::<f64>().unwrap() / 1000.0);
    }
    Arc::new(KafkaLog::connect(settings, Arc::new(SystemClock)).unwrap())
}

fn record(topic: &str, n: u64, value: &Bytes) -> Append {
    Append {
        topic: topic.to_owned(),
        partition: None,
        key: Bytes::from(format!("key-{}", n % 10_000)),
        headers: RecordHeaders::default().with(ID, format!("{n:032x}")).with(KEY_ID, PLAIN),
        value: Some(value.clone()),
        timestamp: SystemClock.now(),
    }
}

/// Appends records one by one from so many tasks.
async fn append(log: &Log, topic: &str, in_flight: u64, count: u64) {
    let value = Bytes::from(vec![b'x'; VALUE_BYTES]);
    let next = Arc::new(AtomicU64::new(0));
    let start = SystemClock.elapsed();
    let mut tasks = JoinSet::new();
    for _ in 0..in_flight {
        let (log, topic, value, next) = (Arc::clone(log), topic.to_owned(), value.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut latencies = Histogram::<u64>::new(3).unwrap();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return latencies;
                }
                let begin = SystemClock.elapsed();
                log.append(vec![record(&topic, n, &value)]).await.unwrap();
                latencies += micros(since(begin));
            }
        });
    }
    let mut latencies = Histogram::<u64>::new(3).unwrap();
    while let Some(one) = tasks.join_next().await {
        latencies.add(one.unwrap()).unwrap();
    }
    say(&format!("append to {topic}, {in_flight} in flight"), count, since(start), &latencies);
}

async fn look_up(log: &Log, table: &str) {
    let table = log.table(table, Fencing::Epochs).await.unwrap();
    let mut latencies = Histogram::<u64>::new(3).unwrap();
    let (count, start) = (50_000, SystemClock.elapsed());
    for n in 0..count {
        let begin = SystemClock.elapsed();
        assert!(table.get(&format!("key-{}", n * 7919 % 10_000)).unwrap().is_some());
        latencies += micros(since(begin));
    }
    say("look up", count, since(start), &latencies);
}

async fn consume(log: &Log, topic: &str, count: u64) {
    let mut consumer = log.consumer(topic, &[topic.to_owned()]).await.unwrap();
    let (mut got, start) = (0, SystemClock.elapsed());
    while got < count {
        if let Signal::Records(records) = consumer.next().await.unwrap() {
            got += records.len() as u64;
        }
    }
    say("consume", got, since(start), &Histogram::new(3).unwrap());
}

fn since(begin: Duration) -> Duration {
    SystemClock.elapsed().saturating_sub(begin)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn say(what: &str, count: u64, took: Duration, latencies: &Histogram<u64>) {
    let rate = count as f64 / took.as_secs_f64();
    let at = |quantile| latencies.value_at_quantile(quantile);
    println!("{what}: {rate:.0}/s, p50 {} us, p99 {} us, max {} us", at(0.5), at(0.99), latencies.max());
}
