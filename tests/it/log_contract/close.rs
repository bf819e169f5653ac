//! The end.

use std::time::Duration;

use futures_util::future::join_all;
use spojka::log::LogError;

use crate::support::{
    logs::{Logs, contract},
    records::{create, read_texts, record, soon},
};

contract! {
    closing_waits_for_what_is_queued
    a_closed_log_takes_nothing
}

async fn closing_waits_for_what_is_queued(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("queued"));
    create(&log, &topic, 1).await;
    let appends = (0..100).map(|n| log.append(vec![record(&topic, "k", &format!("{n:02}"))]));
    let mut appends = Box::pin(join_all(appends));
    // Polled once: all of them are queued.
    assert!(futures_util::FutureExt::now_or_never(&mut appends).is_none_or(|done| done.iter().all(Result::is_ok)));
    soon(log.close(Duration::from_secs(30))).await.unwrap();
    drop(appends);
    drop(log);
    let log = logs.open().await;
    let mut there = read_texts(&log, &topic).await;
    there.sort();
    assert_eq!(there, (0..100).map(|n| format!("{n:02}")).collect::<Vec<_>>());
}

async fn a_closed_log_takes_nothing(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("closed"));
    create(&log, &topic, 1).await;
    soon(log.close(Duration::from_secs(30))).await.unwrap();
    let error = soon(log.append(vec![record(&topic, "k", "v")])).await.unwrap_err();
    assert!(matches!(error, LogError::Unavailable(_)), "{error:?}");
}
