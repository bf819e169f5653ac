//! Compacted topics read by key.

use std::sync::Arc;

use spojka::log::{Fencing, Log, LogError, Table};

use crate::support::{
    logs::{Logs, contract},
    records::{append_numbers, create, create_table, deletion, record, soon},
};

contract! {
    a_key_has_its_latest_value
    a_deletion_forgets_the_key
    an_empty_value_is_a_value
    keys_come_in_the_order_of_their_bytes
    a_scan_goes_on_behind_a_key
    a_table_is_there_after_reopening
    what_others_wrote_is_seen_after_catching_up
    a_record_of_another_topic_is_refused
    only_a_compacted_topic_is_a_table
}

async fn open(log: &Log, topic: &str) -> Arc<dyn Table> {
    soon(log.table(topic, Fencing::None)).await.expect("a table")
}

async fn table(logs: &dyn Logs) -> (Log, String, Arc<dyn Table>) {
    let (log, topic) = (logs.open().await, logs.name("table"));
    create_table(&log, &topic).await;
    let table = open(&log, &topic).await;
    (log, topic, table)
}

fn get(table: &Arc<dyn Table>, key: &str) -> Option<String> {
    table.get(key).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

fn keys(table: &Arc<dyn Table>, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    table.scan(prefix, after, limit).unwrap().into_iter().map(|(key, _)| key).collect()
}

async fn a_key_has_its_latest_value(logs: &dyn Logs) {
    let (_log, topic, table) = table(logs).await;
    assert_eq!(get(&table, "a"), None);
    soon(table.write(vec![record(&topic, "a", "1"), record(&topic, "b", "2"), record(&topic, "a", "3")]))
        .await
        .unwrap();
    assert_eq!((get(&table, "a"), get(&table, "b")), (Some("3".to_owned()), Some("2".to_owned())));
    soon(table.write(vec![record(&topic, "b", "4")])).await.unwrap();
    assert_eq!(get(&table, "b").as_deref(), Some("4"));
}

async fn a_deletion_forgets_the_key(logs: &dyn Logs) {
    let (_log, topic, table) = table(logs).await;
    soon(table.write(vec![record(&topic, "a", "1"), record(&topic, "b", "2")])).await.unwrap();
    soon(table.write(vec![deletion(&topic, "a"), deletion(&topic, "never-there")])).await.unwrap();
    assert_eq!(get(&table, "a"), None);
    assert_eq!(keys(&table, "", None, 10), ["b"]);
    soon(table.write(vec![record(&topic, "a", "3")])).await.unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some("3"));
}

async fn an_empty_value_is_a_value(logs: &dyn Logs) {
    let (_log, topic, table) = table(logs).await;
    soon(table.write(vec![record(&topic, "a", "")])).await.unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some(""));
}

async fn keys_come_in_the_order_of_their_bytes(logs: &dyn Logs) {
    let (_log, topic, table) = table(logs).await;
    let sorted = ["B", "a", "a/1", "a/10", "a/2", "a\u{7f}", "b", "č", "😀"];
    let records = sorted.iter().rev().map(|key| record(&topic, key, key)).collect();
    soon(table.write(records)).await.unwrap();
    let found = table.scan("", None, 100).unwrap();
    assert_eq!(found.iter().map(|(key, _)| &**key).collect::<Vec<_>>(), sorted);
    assert!(found.iter().all(|(key, value)| key.as_bytes() == &**value));
    assert_eq!(keys(&table, "a/", None, 100), ["a/1", "a/10", "a/2"]);
    assert_eq!(keys(&table, "č", None, 100), ["č"]);
    assert_eq!(keys(&table, "x", None, 100), Vec::<String>::new());
}

async fn a_scan_goes_on_behind_a_key(logs: &dyn Logs) {
    let (_log, topic, table) = table(logs).await;
    let records = (0..25).map(|n| record(&topic, &format!("w/{n:02}"), "")).chain([record(&topic, "x", "")]);
    soon(table.write(records.collect())).await.unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = keys(&table, "w/", after.as_deref(), 10);
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        all.extend(page);
    }
    assert_eq!(all, (0..25).map(|n| format!("w/{n:02}")).collect::<Vec<_>>());
    assert_eq!(keys(&table, "w/", Some("a"), 1), ["w/00"], "a start before the prefix");
    assert_eq!(keys(&table, "w/", Some("w/05x"), 1), ["w/06"], "a start that is no key");
    assert_eq!(keys(&table, "w/", Some("x"), 1), Vec::<String>::new(), "a start behind the prefix");
}

async fn a_table_is_there_after_reopening(logs: &dyn Logs) {
    let (log, topic, written) = table(logs).await;
    let records =
        vec![record(&topic, "a", "1"), record(&topic, "b", "1"), record(&topic, "a", "2"), deletion(&topic, "b")];
    soon(written.write(records)).await.unwrap();
    drop((log, written));
    let log = logs.open().await;
    let table = open(&log, &topic).await;
    assert_eq!((get(&table, "a").as_deref(), get(&table, "b")), (Some("2"), None));
}

async fn what_others_wrote_is_seen_after_catching_up(logs: &dyn Logs) {
    let (log, topic, table) = table(logs).await;
    soon(log.append(vec![record(&topic, "a", "1"), record(&topic, "b", "1")])).await.unwrap();
    soon(table.catch_up()).await.unwrap();
    assert_eq!(keys(&table, "", None, 10), ["a", "b"]);
    soon(log.append(vec![deletion(&topic, "a"), record(&topic, "b", "2")])).await.unwrap();
    soon(table.catch_up()).await.unwrap();
    assert_eq!((get(&table, "a"), get(&table, "b").as_deref()), (None, Some("2")));
    soon(table.catch_up()).await.expect("there is nothing new");
}

async fn a_record_of_another_topic_is_refused(logs: &dyn Logs) {
    let (log, topic, table) = table(logs).await;
    let other = logs.name("other");
    create_table(&log, &other).await;
    let error = soon(table.write(vec![record(&topic, "a", "1"), record(&other, "b", "1")])).await.unwrap_err();
    assert!(matches!(error, LogError::Broken(_)), "{error:?}");
}

async fn only_a_compacted_topic_is_a_table(logs: &dyn Logs) {
    let (log, plain, missing) = (logs.open().await, logs.name("plain"), logs.name("missing"));
    create(&log, &plain, 1).await;
    append_numbers(&log, &plain, 0..1).await;
    assert!(matches!(soon(log.table(&plain, Fencing::None)).await.err(), Some(LogError::Broken(_))));
    assert_eq!(soon(log.table(&missing, Fencing::None)).await.err(), Some(LogError::NoSuchTopic(missing)));
}
