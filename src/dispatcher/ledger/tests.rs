use std::{collections::BTreeMap, sync::Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::*;
use crate::{
    model::{
        connection::ConnectionName,
        id::{EventId, WebhookId},
        time::{Timestamp, Version},
    },
    topics::{
        action::{Parameters, Purpose},
        event::Origin,
        occasion::Occasions,
        record::Append,
    },
};

/// A table in a map: the ledger is pure over any.
#[derive(Default)]
struct MapTable(Mutex<BTreeMap<String, Bytes>>);

impl Table for MapTable {
    fn get(&self, key: &str) -> LogResult<Option<Bytes>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> LogResult<Vec<(String, Bytes)>> {
        let map = self.0.lock().unwrap();
        let fits = |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
        let keys: Vec<_> = map.keys().filter(fits).take(limit).cloned().collect();
        Ok(keys.into_iter().map(|key| (key.clone(), map[&key].clone())).collect())
    }

    fn write(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<()>> {
        let mut map = self.0.lock().unwrap();
        for record in records {
            let key = String::from_utf8(record.key.to_vec()).unwrap();
            match record.value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
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

fn action(id: &str, entity: &str, version: Version, arrived: i64) -> Action {
    Action {
        id: ActionId::from_text(id),
        connection: ConnectionName::parse("crm").unwrap(),
        operation: "set".to_owned(),
        parameters: Parameters::new(),
        conflict: KeyHash::from_text("k-object"),
        purpose: Purpose::Step {
            flow: "f".to_owned(),
            step: "s".to_owned(),
            event: EventId::from_text("e-1"),
            flow_set: None,
            continuation: None,
        },
        source: Source {
            entity: KeyHash::from_text(entity),
            version,
            arrived: at(arrived),
            webhook: WebhookId::from_text("w-1"),
        },
        not_before: None,
        retry: 0,
        optional: false,
        adopt: false,
        only: Occasions::default(),
        hold: None,
        origin: Origin::default(),
        traceparent: None,
    }
}

fn target(registers: &[(&str, Value, RegisterRule)]) -> Target {
    let register = |(name, value, rule): &(&str, Value, RegisterRule)| Register {
        name: (*name).to_owned(),
        value: value.clone(),
        rule: rule.clone(),
    };
    Target { object: "contact:x".to_owned(), registers: registers.iter().map(register).collect() }
}

fn newest(name: &'static str, value: &str) -> (&'static str, Value, RegisterRule) {
    (name, json!(value), RegisterRule::Newest)
}

/// Judges, and where something is to be sent, writes the ledger as a success would.
fn apply(table: &MapTable, action: &Action, target: &Target) -> (Option<End>, Vec<String>) {
    let judgement = judge(table, action, target).unwrap();
    let end = judgement.end(target);
    let records = entries(action, target, &judgement, &BTreeMap::new(), &BTreeSet::new())
        .map(|(key, entry)| memory::put("memory.crm", &key, &entry, 1, at(0)))
        .collect();
    drop(table.write(records));
    (end, judgement.send.into_iter().collect())
}

#[test]
fn a_b_a_ends_at_a() {
    let table = MapTable::default();
    for (version, value) in [(1, "A"), (2, "B"), (3, "A")] {
        let (end, sent) =
            apply(&table, &action(&format!("a-{version}"), "k-1", version, version), &target(&[newest("name", value)]));
        assert_eq!((end, sent), (None, vec!["name".to_owned()]), "{value} at {version}");
    }
}

#[test]
fn an_old_snapshot_never_overwrites_a_newer_one() {
    let table = MapTable::default();
    apply(&table, &action("a-2", "k-1", 20, 20), &target(&[newest("name", "new")]));
    let late = action("a-1", "k-1", 10, 30);
    assert_eq!(apply(&table, &late, &target(&[newest("name", "old")])).0, Some(End::Superseded));
    let equal_version = action("a-3", "k-1", 20, 20);
    assert_eq!(apply(&table, &equal_version, &target(&[newest("name", "other")])).0, None, "equal counts as newer");
}

#[test]
fn what_is_equal_is_not_sent_but_its_version_moves_on() {
    let table = MapTable::default();
    apply(&table, &action("a-1", "k-1", 10, 10), &target(&[newest("name", "x")]));
    assert_eq!(apply(&table, &action("a-3", "k-1", 30, 30), &target(&[newest("name", "x")])).0, Some(End::Unchanged));
    let between = action("a-2", "k-1", 20, 20);
    assert_eq!(apply(&table, &between, &target(&[newest("name", "y")])).0, Some(End::Superseded));
}

#[test]
fn of_two_sources_the_later_webhook_wins() {
    let table = MapTable::default();
    apply(&table, &action("a-1", "k-shop", 1, 100), &target(&[newest("name", "shop")]));
    let earlier = action("a-2", "k-invoice", 999, 50);
    assert_eq!(apply(&table, &earlier, &target(&[newest("name", "invoice")])).0, Some(End::Superseded));
    let later = action("a-3", "k-invoice", 1, 101);
    assert_eq!(apply(&table, &later, &target(&[newest("name", "invoice")])).0, None);
}

#[test]
fn registers_are_judged_one_by_one() {
    let table = MapTable::default();
    apply(&table, &action("a-1", "k-1", 20, 20), &target(&[newest("phone", "1")]));
    let older_with_another_field = action("a-2", "k-1", 10, 10);
    let both = target(&[newest("phone", "0"), newest("city", "Brno")]);
    assert_eq!(apply(&table, &older_with_another_field, &both), (None, vec!["city".to_owned()]));
}

#[test]
fn once_is_settled_by_an_earlier_success_whatever_the_version() {
    let table = MapTable::default();
    let paid = |day: &str| target(&[("paid", json!(day), RegisterRule::Once)]);
    assert_eq!(apply(&table, &action("a-1", "k-shop", 10, 10), &paid("2025-10-09")).0, None);
    assert_eq!(apply(&table, &action("a-2", "k-invoice", 99, 99), &paid("2025-10-10")).0, Some(End::Unchanged));
    assert_eq!(apply(&table, &action("a-3", "k-shop", 1, 1), &paid("2025-10-08")).0, Some(End::Unchanged));
}

#[test]
fn contributions_are_kept_by_id_and_the_newest_of_each_counts() {
    let table = MapTable::default();
    let order = |id: &str, amount: &str| {
        target(&[("history", json!({ "amount": amount }), RegisterRule::Fold { contribution: id.to_owned() })])
    };
    apply(&table, &action("a-1", "k-1", 10, 10), &order("1", "100"));
    apply(&table, &action("a-2", "k-2", 10, 10), &order("2", "50"));
    assert_eq!(apply(&table, &action("a-3", "k-1", 20, 20), &order("1", "100")).0, Some(End::Unchanged), "again");
    let judgement = judge(&table, &action("a-4", "k-1", 30, 30), &order("1", "80")).unwrap();
    let amounts: Vec<_> =
        judgement.contributions.iter().map(|(id, value)| format!("{id}={}", value["amount"])).collect();
    assert_eq!(amounts, [r#"1="80""#, r#"2="50""#]);
    assert_eq!(apply(&table, &action("a-0", "k-1", 5, 5), &order("1", "1")).0, Some(End::Superseded));
}

#[test]
fn an_action_cut_off_between_ledger_and_outcome_finds_itself() {
    let table = MapTable::default();
    let action = action("a-1", "k-1", 10, 10);
    apply(&table, &action, &target(&[newest("name", "x")]));
    assert_eq!(apply(&table, &action, &target(&[newest("name", "x")])).0, Some(End::Done));
}

#[test]
fn an_operation_without_registers_is_always_sent() {
    assert_eq!(apply(&MapTable::default(), &action("a-1", "k-1", 1, 1), &target(&[])).0, None);
}

/// What a new object did not get is not taken for written: the next action of the same content sends it.
#[test]
fn what_was_left_out_on_the_way_is_not_remembered() {
    let table = MapTable::default();
    let aim = target(&[newest("name", "Eva"), newest("phone", "1")]);
    let first = action("a-1", "k-1", 1, 1);
    let judgement = judge(&table, &first, &aim).unwrap();
    let left_out = BTreeSet::from(["phone".to_owned()]);
    let records = entries(&first, &aim, &judgement, &BTreeMap::new(), &left_out)
        .map(|(key, entry)| memory::put("memory.crm", &key, &entry, 1, at(0)))
        .collect();
    drop(table.write(records));
    assert_eq!(apply(&table, &action("a-2", "k-1", 2, 2), &aim), (None, vec!["phone".to_owned()]));
    assert_eq!(apply(&table, &action("a-3", "k-1", 3, 3), &aim).0, Some(End::Unchanged));
}
