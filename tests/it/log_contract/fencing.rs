//! Fenced tables: an owner that was replaced cannot change what its successor sees.

use std::sync::Arc;

use spojka::{
    log::{Fencing, Log, Table},
    topics::{
        memory::key::CLAIM,
        record::{Append, EPOCH, RecordHeaders},
    },
};

use crate::support::{
    logs::{Logs, contract},
    records::{create_table, deletion, record, soon},
};

contract! {
    a_lower_epoch_behind_a_claim_is_ignored
    a_lower_epoch_before_a_claim_counts
    an_old_claim_that_comes_late_is_ignored
    a_late_deletion_is_ignored
    an_equal_epoch_counts
    what_was_ignored_is_known_after_reopening
    a_value_that_was_written_again_stands
    an_unfenced_table_takes_what_comes_last
}

async fn fenced(logs: &dyn Logs) -> (Log, String, Arc<dyn Table>) {
    let (log, topic) = (logs.open().await, logs.name("memory"));
    create_table(&log, &topic).await;
    let table = soon(log.table(&topic, Fencing::Epochs)).await.expect("a table");
    (log, topic, table)
}

fn under(epoch: u64, record: Append) -> Append {
    Append { headers: RecordHeaders::default().with(EPOCH, epoch.to_string()), ..record }
}

/// Written past the table, as another process does.
async fn append(log: &Log, table: &Arc<dyn Table>, records: Vec<Append>) {
    soon(log.append(records)).await.unwrap();
    soon(table.catch_up()).await.unwrap();
}

fn get(table: &Arc<dyn Table>, key: &str) -> Option<String> {
    table.get(key).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

async fn a_lower_epoch_behind_a_claim_is_ignored(logs: &dyn Logs) {
    let (log, topic, table) = fenced(logs).await;
    append(&log, &table, vec![under(1, record(&topic, CLAIM, "one")), under(1, record(&topic, "a", "from 1"))]).await;
    append(&log, &table, vec![under(2, record(&topic, CLAIM, "two"))]).await;
    assert_eq!(table.ignored(), Vec::<String>::new());
    append(&log, &table, vec![under(1, record(&topic, "a", "late")), under(1, record(&topic, "b", "late"))]).await;
    assert_eq!((get(&table, "a").as_deref(), get(&table, "b")), (Some("from 1"), None));
    let scanned: Vec<_> = table.scan("", None, 10).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(scanned, ["a", CLAIM]);
    let mut ignored = table.ignored();
    ignored.sort();
    assert_eq!(ignored, ["a", "b"]);
}

async fn a_lower_epoch_before_a_claim_counts(logs: &dyn Logs) {
    let (log, topic, table) = fenced(logs).await;
    let records = vec![
        under(3, record(&topic, CLAIM, "three")),
        under(3, record(&topic, "a", "from 3")),
        under(4, record(&topic, CLAIM, "four")),
    ];
    append(&log, &table, records).await;
    assert_eq!(get(&table, "a").as_deref(), Some("from 3"));
    assert_eq!(table.ignored(), Vec::<String>::new());
}

async fn an_old_claim_that_comes_late_is_ignored(logs: &dyn Logs) {
    let (log, topic, table) = fenced(logs).await;
    append(&log, &table, vec![under(5, record(&topic, CLAIM, "five"))]).await;
    append(&log, &table, vec![under(4, record(&topic, CLAIM, "four")), under(4, record(&topic, "a", "late"))]).await;
    assert_eq!((get(&table, CLAIM).as_deref(), get(&table, "a")), (Some("five"), None));
}

async fn a_late_deletion_is_ignored(logs: &dyn Logs) {
    let (log, topic, table) = fenced(logs).await;
    append(&log, &table, vec![under(1, record(&topic, "a", "1")), under(2, record(&topic, CLAIM, ""))]).await;
    append(&log, &table, vec![under(1, deletion(&topic, "a"))]).await;
    assert_eq!(get(&table, "a").as_deref(), Some("1"));
    assert_eq!(table.ignored(), ["a"]);
}

async fn an_equal_epoch_counts(logs: &dyn Logs) {
    let (_log, topic, table) = fenced(logs).await;
    soon(table.write(vec![under(7, record(&topic, CLAIM, "")), under(7, record(&topic, "a", "1"))])).await.unwrap();
    soon(table.write(vec![under(7, record(&topic, "a", "2"))])).await.unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some("2"));
}

async fn what_was_ignored_is_known_after_reopening(logs: &dyn Logs) {
    let (log, topic, table) = fenced(logs).await;
    append(&log, &table, vec![under(1, record(&topic, "a", "right")), under(2, record(&topic, CLAIM, ""))]).await;
    append(&log, &table, vec![under(1, record(&topic, "a", "wrong"))]).await;
    drop((log, table));

    let log = logs.open().await;
    let table = soon(log.table(&topic, Fencing::Epochs)).await.unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some("right"));
    assert_eq!(table.ignored(), ["a"]);
    append(&log, &table, vec![under(1, record(&topic, "b", "still shut out"))]).await;
    assert_eq!(get(&table, "b"), None);
}

async fn a_value_that_was_written_again_stands(logs: &dyn Logs) {
    let (log, topic, table) = fenced(logs).await;
    append(&log, &table, vec![under(1, record(&topic, "a", "right")), under(2, record(&topic, CLAIM, ""))]).await;
    append(&log, &table, vec![under(1, record(&topic, "a", "wrong"))]).await;
    soon(table.write(vec![under(2, record(&topic, "a", "right"))])).await.unwrap();
    drop((log, table));

    let log = logs.open().await;
    let fenced = soon(log.table(&topic, Fencing::Epochs)).await.unwrap();
    let plain = soon(log.table(&topic, Fencing::None)).await.unwrap();
    assert_eq!((get(&fenced, "a").as_deref(), get(&plain, "a").as_deref()), (Some("right"), Some("right")));
}

async fn an_unfenced_table_takes_what_comes_last(logs: &dyn Logs) {
    let (log, topic, fenced) = fenced(logs).await;
    let records = ["a", "b", "c"].map(|key| under(1, record(&topic, key, "first")));
    append(&log, &fenced, records.to_vec()).await;
    append(&log, &fenced, vec![under(2, record(&topic, CLAIM, "two"))]).await;
    let late = vec![under(1, record(&topic, "a", "last")), under(1, deletion(&topic, "b"))];
    append(&log, &fenced, late).await;
    let plain = soon(log.table(&topic, Fencing::None)).await.unwrap();
    assert_eq!((get(&plain, "a").as_deref(), get(&plain, "b")), (Some("last"), None));
    let scanned: Vec<_> = plain.scan("", None, 10).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(scanned, ["a", "c", CLAIM]);
    assert_eq!(plain.ignored(), Vec::<String>::new());
}
