use std::{collections::BTreeMap, sync::Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::*;
use crate::{
    config::testing::{CONNECTIONS, load_one},
    model::id::Ids,
};

/// A table in a map.
#[derive(Default)]
struct MapTable(Mutex<BTreeMap<String, Bytes>>);

impl Table for MapTable {
    fn get(&self, key: &str) -> LogResult<Option<Bytes>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> LogResult<Vec<(String, Bytes)>> {
        let map = self.0.lock().unwrap();
        let fits = |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
        Ok(map.iter().filter(|(key, _)| fits(key)).take(limit).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn write(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<()>> {
        let key = |record: &Append| String::from_utf8(record.key.to_vec()).unwrap();
        self.0.lock().unwrap().extend(records.into_iter().map(|record| (key(&record), record.value.unwrap())));
        Box::pin(async { Ok(()) })
    }

    fn catch_up(&self) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(async { Ok(()) })
    }

    fn ignored(&self) -> Vec<String> {
        Vec::new()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn config(flows: &[(&str, &str)]) -> Config {
    let flow = |(name, more): &(&str, &str)| {
        format!("  {name}: {{ on: order.paid, {more} do: [crm.add_note: {{ contact: a, text: b }}] }}\n")
    };
    let flows: String = flows.iter().map(flow).collect();
    load_one(&format!("{CONNECTIONS}flows:\n{flows}")).unwrap_or_else(|report| panic!("{report}"))
}

/// Puts a config in force at a second, as `runtime::flows` does.
async fn activate(table: &MapTable, config: &Config, second: i64, accepted: &[&str]) -> Vec<Change> {
    let accepted = accepted.iter().map(|name| (*name).to_owned()).collect();
    let judged = judge(table, config, &accepted).expect("a table in memory");
    if judged.refused.is_empty() {
        let set = config.flows.record(&Ids::new(b"test"));
        let activation = Activation { hash: set.hash.clone(), since: at(second) };
        let records = vec![set.to_append("flows".to_owned(), at(second)), activation.to_append("flows".to_owned())];
        table.write(records).await.unwrap();
        table.write(judged.records("flows", at(second))).await.unwrap();
    }
    judged.refused
}

#[tokio::test]
async fn a_start_is_recorded_and_another_one_is_refused_unless_accepted_by_name() {
    let table = MapTable::default();
    let with = |start: &str| config(&[("one", start), ("two", "")]);
    assert_eq!(activate(&table, &with("start: 2025-01-01,"), 10, &[]).await, []);
    assert_eq!(activate(&table, &with("start: 2025-01-01, when: order.paid,"), 20, &[]).await, [], "the same start");
    for (start, told) in [
        ("start: 2024-01-01,", "it would fire for facts as old as that"),
        ("start: 2025-06-01,", "it would leave out what lies between"),
        ("", "it would leave out facts from before it first came into force"),
    ] {
        let refused = activate(&table, &with(start), 30, &[]).await;
        assert_eq!(refused.len(), 1, "{start}");
        let text = refused[0].to_string();
        assert!(text.contains(told) && text.contains("`start: 2025-01-01T00:00:00Z`"), "{text}");
        assert!(text.contains("spojka run --accept-start one"), "{text}");
        assert_eq!(activate(&table, &with(start), 30, &["two"]).await.len(), 1, "another flow's name accepts nothing");
    }
    assert_eq!(activate(&table, &with("start: 2024-01-01,"), 40, &["one"]).await, []);
    assert_eq!(activate(&table, &with("start: 2024-01-01, when: order.paid,"), 50, &[]).await, [], "accepted for good");
    assert_eq!(activate(&table, &with("start: 2025-01-01,"), 60, &[]).await.len(), 1, "and so is the way back");
}

#[tokio::test]
async fn neither_an_absence_nor_another_name_changes_what_is_recorded() {
    let table = MapTable::default();
    assert_eq!(activate(&table, &config(&[("one", "start: 2025-01-01,"), ("two", "")]), 10, &[]).await, []);
    assert_eq!(activate(&table, &config(&[("two", "")]), 20, &[]).await, [], "a flow may be removed");
    assert_eq!(
        activate(&table, &config(&[("new", "was: one, start: 2024-01-01,"), ("two", "")]), 30, &[]).await.len(),
        1
    );
    assert_eq!(activate(&table, &config(&[("new", "was: one, start: 2025-01-01,"), ("two", "")]), 30, &[]).await, []);
    // A first start is no change, nor is one after the flow has given it up.
    assert_eq!(activate(&table, &config(&[("two", "start: 2025-02-01,")]), 40, &[]).await, []);
    assert_eq!(activate(&table, &config(&[("two", "")]), 50, &["two"]).await, []);
    assert_eq!(activate(&table, &config(&[("two", "start: 2025-03-01,")]), 60, &[]).await, []);
}

/// Flow sets that an older version put in force have their starts in their files only.
#[tokio::test]
async fn the_set_in_force_counts_where_nothing_was_recorded() {
    let table = MapTable::default();
    activate(&table, &config(&[("one", "start: 2025-01-01,")]), 10, &[]).await;
    table.0.lock().unwrap().retain(|key, _| !key.starts_with(STARTS));
    assert_eq!(activate(&table, &config(&[("one", "start: 2024-01-01,")]), 20, &[]).await.len(), 1);
}
