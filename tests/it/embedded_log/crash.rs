//! Killed at any moment, and its last writes torn: what was acknowledged is there.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::future::join_all;
use spojka::{
    log::{
        Bound, Log, Position, TrimRule,
        embedded::{EmbeddedLog, EmbeddedOptions},
    },
    model::random::{Generator, Random as _},
    topics::record::Append,
};

use crate::support::{
    child,
    logs::Embedded,
    records::{at, create, create_table, deletion, read, read_partition, read_texts, record, soon},
};

const ROUNDS: u32 = 30;
const SENDERS: u64 = 8;

fn open(folder: &Path) -> Log {
    Arc::new(EmbeddedLog::open(&folder.join("log.db"), EmbeddedOptions::default()).expect("a log"))
}

/// The child: appends, compacts and trims without end, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_until_killed() {
    let Some(folder) = child::folder() else { return };
    let log = open(&folder);
    create(&log, "killed", 2).await;
    create(&log, "killed-trimmed", 1).await;
    create_table(&log, "killed-table").await;
    let round = soon(log.describe("killed")).await.unwrap().partitions.iter().map(|(_, end)| end).sum();
    join_all((0..SENDERS).map(|sender| append_for_ever(&log, round, sender))).await;
}

async fn append_for_ever(log: &Log, round: u64, sender: u64) {
    for n in 0.. {
        let id = format!("{round}.{sender}.{n}");
        let size = usize::try_from((n * 7919) % 9000).unwrap();
        let value = format!("{id}|{}", "x".repeat(size));
        let records = vec![
            record("killed", &id, &value),
            record("killed-table", &sender.to_string(), &id),
            record("killed-trimmed", &id, &value),
        ];
        let position = log.append(records).await.unwrap()[0];
        child::say(&format!("ack {id} {} {}", position.partition, position.offset));
        if n % 10 == 9 {
            let rule = TrimRule { keep_bytes: Some(20_000), ..TrimRule::default() };
            log.trim("killed-trimmed", &rule, at(0)).await.unwrap();
        }
    }
}

/// Runs the child until it has said so many lines; answers all that it said.
fn run_and_kill(folder: &Path, lines: u32) -> BTreeMap<String, Position> {
    let mut child = child::command("embedded_log::crash::appends_until_killed", folder).spawn().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut killed = false;
    // What stands in the pipe when the child is dead was acknowledged, too; the last line may be torn.
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if let ["ack", id, partition, offset] = line.split(' ').collect::<Vec<_>>()[..] {
            let position = Position { partition: partition.parse().unwrap(), offset: offset.parse().unwrap() };
            acknowledged.insert(id.to_owned(), position);
        }
        if !killed && acknowledged.len() >= usize::try_from(lines).unwrap() {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the child ended by itself");
    child.wait().unwrap();
    acknowledged
}

#[tokio::test]
async fn a_killed_log_has_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let random = Generator::seeded(20_251_009);
    let mut all = BTreeMap::new();
    for round in 0..ROUNDS {
        let lines = 1 + u32::from(random.bytes()[0]);
        for (id, position) in run_and_kill(folder.path(), lines) {
            assert_eq!(all.insert(id.clone(), position), None, "round {round}: {id} was given twice");
        }
        let log = open(folder.path());
        let mut there = BTreeMap::new();
        for number in 0..2 {
            for record in read_partition(&log, "killed", number, Bound::Edge, Bound::Edge).await {
                let key = String::from_utf8(record.key.to_vec()).unwrap();
                assert!(record.bytes().starts_with(format!("{key}|").as_bytes()), "round {round}: {key} is garbled");
                there.insert(key, Position { partition: record.partition, offset: record.offset });
            }
        }
        for (id, position) in &all {
            assert_eq!(there.get(id), Some(position), "round {round}: {id}");
        }
    }
    let places: std::collections::BTreeSet<_> = all.values().map(|p| (p.partition, p.offset)).collect();
    assert_eq!(places.len(), all.len(), "an offset was used twice");
}

/// A log whose write-ahead file holds everything, and how long that file was at each acknowledgement.
async fn written(folder: &Path) -> (Log, Vec<u64>) {
    let log = open(folder);
    create(&log, "torn", 1).await;
    let mut lengths = Vec::new();
    for n in 0..40_u32 {
        let value = Bytes::from(vec![u8::try_from(n).unwrap(); usize::try_from(n * 300).unwrap()]);
        let record = Append { value: Some(value), ..record("torn", &n.to_string(), "") };
        soon(log.append(vec![record])).await.unwrap();
        lengths.push(fs::metadata(folder.join("log.db-wal")).unwrap().len());
    }
    assert!(lengths.is_sorted_by(|a, b| a < b), "nothing was carried over meanwhile");
    (log, lengths)
}

/// Copies the log as it stands on the disk, with a write-ahead file that breaks off.
fn copy_torn(from: &Path, to: &Path, break_at: u64, garbage: &[u8]) {
    fs::copy(from.join("log.db"), to.join("log.db")).unwrap();
    let wal = fs::read(from.join("log.db-wal")).unwrap();
    let mut torn = wal[..usize::try_from(break_at).unwrap()].to_vec();
    torn.extend_from_slice(garbage);
    fs::write(to.join("log.db-wal"), torn).unwrap();
}

#[tokio::test]
async fn a_torn_tail_loses_nothing_that_was_synced() {
    let folder = tempfile::tempdir().unwrap();
    let (log, lengths) = written(folder.path()).await;
    let random = Generator::seeded(7);
    let last = *lengths.last().unwrap();
    for round in 0..60 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "small"
        )]
        let break_at = (random.unit() * last as f64) as u64;
        let garbage = if round % 2 == 0 { Vec::new() } else { random.bytes().repeat(700) };
        let copy = tempfile::tempdir().unwrap();
        copy_torn(folder.path(), copy.path(), break_at, &garbage);
        let synced = lengths.iter().filter(|length| **length <= break_at).count();
        check_torn(copy.path(), synced, round).await;
    }
    drop(log);
}

async fn check_torn(folder: &Path, synced: usize, round: u32) {
    let log = open(folder);
    if synced == 0 && log.describe("torn").await.is_err() {
        return; // Broken off before the topic was made.
    }
    let records = read(&log, "torn", Bound::Edge, Bound::Edge).await;
    assert!(records.len() >= synced, "round {round}: {} of {synced} records", records.len());
    for (n, record) in (0_u8..).zip(&records) {
        assert_eq!((record.offset, &*record.key), (n.into(), n.to_string().as_bytes()), "round {round}");
        assert_eq!(record.bytes(), vec![n; usize::from(n) * 300], "round {round}");
    }
    let next = soon(log.append(vec![record("torn", "next", "")])).await.expect("it goes on")[0];
    assert_eq!(next.offset, records.len() as u64);
}

#[tokio::test]
async fn offsets_are_never_used_again_where_keys_were_deleted() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions::default());
    create_table(&log, "table").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let records = vec![record("table", "a", "1"), record("table", "a", "2"), deletion("table", "a")];
        seen.extend(soon(log.append(records)).await.unwrap().iter().map(|position| position.offset));
    }
    assert_eq!(read_texts(&log, "table").await, Vec::<String>::new());
    drop(log);
    let log = logs.open_with(EmbeddedOptions::default());
    seen.push(soon(log.append(vec![record("table", "a", "3")])).await.unwrap()[0].offset);
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
}
