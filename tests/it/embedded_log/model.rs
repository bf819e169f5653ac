//! Searching by time and trimming by size, which take short cuts, against the plain way: looking at every record.

use spojka::{
    log::{Bound, Log, TrimRule, embedded::EmbeddedOptions},
    model::random::{Generator, Random as _},
    topics::record::{Append, Record},
};

use crate::support::{
    logs::Embedded,
    records::{at, create, read_partition, record, soon},
};

const PARTITIONS: u32 = 3;

fn below(random: &Generator, limit: u32) -> u32 {
    u32::from(random.bytes()[0]) % limit
}

/// Some records with times that wander to and fro, and values of many sizes.
async fn append_some(log: &Log, random: &Generator, topic: &str) {
    let mut second = 10;
    let mut records = Vec::new();
    for _ in 0..60 {
        second += i64::from(below(random, 7)) - 2;
        let value = "x".repeat(below(random, 50).try_into().unwrap());
        let partition = Some(below(random, PARTITIONS));
        records.push(Append { partition, timestamp: at(second), ..record(topic, "", &value) });
    }
    soon(log.append(records)).await.unwrap();
}

async fn read_all(log: &Log, topic: &str) -> Vec<Record> {
    let mut all = Vec::new();
    for number in 0..PARTITIONS {
        all.extend(read_partition(log, topic, number, Bound::Edge, Bound::Edge).await);
    }
    all
}

async fn check_times(log: &Log, topic: &str) {
    let all = read_all(log, topic).await;
    for number in 0..PARTITIONS {
        for second in -5..200 {
            let plain = all.iter().filter(|record| record.partition == number);
            let plain = plain.clone().find(|record| record.timestamp >= at(second)).map(|record| record.offset);
            let found = read_partition(log, topic, number, Bound::Time(at(second)), Bound::Edge).await;
            assert_eq!(found.first().map(|record| record.offset), plain, "partition {number}, second {second}");
        }
    }
}

fn bytes(records: &[Record]) -> u64 {
    records.iter().map(|record| record.bytes().len() as u64).sum()
}

#[tokio::test]
async fn a_time_is_found_as_by_looking_at_every_record() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions::default());
    for seed in 0..4 {
        let (topic, random) = (format!("times-{seed}"), Generator::seeded(seed));
        create(&log, &topic, PARTITIONS).await;
        append_some(&log, &random, &topic).await;
        check_times(&log, &topic).await;
        // Now the record that was the latest so far may be gone.
        let rule = TrimRule { keep_bytes: Some(below(&random, 200).into()), ..TrimRule::default() };
        soon(log.trim(&topic, &rule, at(0))).await.unwrap();
        append_some(&log, &random, &topic).await;
        check_times(&log, &topic).await;
    }
}

#[tokio::test]
async fn a_trim_by_size_keeps_as_much_as_fits_and_the_oldest_go_first() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions::default());
    for seed in 0..20 {
        let (topic, random) = (format!("sizes-{seed}"), Generator::seeded(100 + seed));
        create(&log, &topic, PARTITIONS).await;
        append_some(&log, &random, &topic).await;
        let before = read_all(&log, &topic).await;
        let keep_bytes = u64::from(below(&random, 250)) * 6;
        let rule = TrimRule { keep_bytes: Some(keep_bytes), ..TrimRule::default() };
        let removed = soon(log.trim(&topic, &rule, at(0))).await.unwrap();
        let after = read_all(&log, &topic).await;
        assert_eq!(removed, (before.len() - after.len()) as u64, "seed {seed}");
        check_trimmed(&before, &after, keep_bytes);
    }
}

fn check_trimmed(before: &[Record], after: &[Record], keep_bytes: u64) {
    assert!(bytes(after) <= keep_bytes, "{} bytes are left of {keep_bytes}", bytes(after));
    let gone: Vec<_> = before.iter().filter(|record| !after.contains(record)).cloned().collect();
    // The moment of a record is the latest up to it in its partition: what stands behind a late one goes after it.
    let moment = |record: &Record| {
        let earlier =
            before.iter().filter(|other| other.partition == record.partition && other.offset <= record.offset);
        earlier.map(|other| other.timestamp).max().expect("at least itself")
    };
    let Some(last_gone) = gone.iter().map(&moment).max() else { return };
    assert!(after.iter().all(|record| moment(record) >= last_gone), "a younger one went before an older one");
    let of_last: Vec<_> = gone.into_iter().filter(|record| moment(record) == last_gone).collect();
    assert!(bytes(after) + bytes(&of_last) > keep_bytes, "a whole moment went that would have fitted");
}
