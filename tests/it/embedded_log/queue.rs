//! The queue in front of the disk. The disk is made to wait by somebody else who holds SQLite's lock for writing.

use std::{fs, time::Duration};

use futures_util::{FutureExt as _, future::join_all};
use rusqlite::Connection;
use spojka::log::{Log, LogError, embedded::EmbeddedOptions};

use crate::support::{
    logs::Embedded,
    records::{create, numbers, read_texts, record, soon},
};

/// While this lives, nothing is written.
struct Blocked(Connection);

impl Blocked {
    fn new(logs: &Embedded) -> Self {
        let connection = Connection::open(logs.path()).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

async fn open(logs: &Embedded, options: EmbeddedOptions) -> Log {
    let log = logs.open_with(options);
    create(&log, "queued", 1).await;
    log
}

#[tokio::test]
async fn what_waits_together_is_written_together() {
    let logs = Embedded::new();
    let log = open(&logs, EmbeddedOptions::default()).await;
    let wal = || fs::metadata(logs.path().with_extension("db-wal")).unwrap().len();
    let before = wal();
    let blocked = Blocked::new(&logs);
    let mut appends = Box::pin(join_all((0..200).map(|n| log.append(vec![record("queued", "k", &n.to_string())]))));
    assert!((&mut appends).now_or_never().is_none(), "nothing is acknowledged before it is written");
    drop(blocked);
    assert!(soon(appends).await.iter().all(Result::is_ok));
    assert_eq!(read_texts(&log, "queued").await, numbers(0..200));
    let pages = (wal() - before) / 4096;
    assert!(pages < 40, "{pages} pages written: one transaction each would take several hundred");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let logs = Embedded::new();
    let log = open(&logs, EmbeddedOptions { queue_bytes: 10_000, ..EmbeddedOptions::default() }).await;
    let blocked = Blocked::new(&logs);
    let mut first = log.append(vec![record("queued", "k", &"x".repeat(6000))]);
    assert!((&mut first).now_or_never().is_none());
    assert!(log.pressure().is_high());
    let refused = log.append(vec![record("queued", "k", &"x".repeat(6000))]).now_or_never();
    assert!(matches!(refused, Some(Err(LogError::Unavailable(_)))), "{refused:?}");
    drop(blocked);
    soon(first).await.unwrap();
    assert_eq!(log.pressure().queued_bytes, 0);
    soon(log.append(vec![record("queued", "k", "fits again")])).await.unwrap();
}

#[tokio::test]
async fn closing_gives_up_at_its_deadline() {
    let logs = Embedded::new();
    let log = open(&logs, EmbeddedOptions::default()).await;
    let blocked = Blocked::new(&logs);
    let mut append = log.append(vec![record("queued", "k", "late")]);
    assert!((&mut append).now_or_never().is_none());
    let closed = soon(log.close(Duration::ZERO)).await;
    assert!(matches!(closed, Err(LogError::Unavailable(_))), "{closed:?}");
    drop(blocked);
    soon(append).await.expect("what was being written is still written");
}

#[tokio::test]
async fn what_a_dropped_log_had_queued_is_there_in_order_or_not_at_all() {
    let logs = Embedded::new();
    let log = open(&logs, EmbeddedOptions::default()).await;
    let blocked = Blocked::new(&logs);
    let mut appends = Box::pin(join_all((0..50).map(|n| log.append(vec![record("queued", "k", &n.to_string())]))));
    assert!((&mut appends).now_or_never().is_none());
    drop(appends);
    drop(blocked);
    drop(log);
    let log = logs.open_with(EmbeddedOptions::default());
    let there = read_texts(&log, "queued").await;
    assert_eq!(there, numbers(0..50)[..there.len()]);
    soon(log.append(vec![record("queued", "k", "next")])).await.unwrap();
}
