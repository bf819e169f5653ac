//! `update_purchase_history`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::connectors::contract::{Register, RegisterRule};

const ANNA: &str = "anna.nagy@example.hu";

fn bought(reference: &str, amount: &str, day: &str) -> Value {
    json!({"email": ANNA, "order_reference": reference, "amount": amount, "currency": "HUF", "date": day})
}

/// The engine's part: contributions by id, the newest of an id kept.
#[derive(Default)]
struct Ledger(BTreeMap<String, Value>);

impl Ledger {
    fn fold(&mut self, pair: &mut Pair, parameters: Value) -> Driven {
        let register = register(pair, parameters.clone());
        let RegisterRule::Fold { contribution } = register.rule else { panic!("a fold") };
        self.0.insert(contribution, register.value);
        pair.run_with("update_purchase_history", parameters, |drive| drive.contributions = self.0.clone())
    }
}

fn register(pair: &Pair, parameters: Value) -> Register {
    let drive = pair.drive("update_purchase_history", parameters);
    let mut target = pair.connector.target(drive.operation, &drive.parameters).expect("a target");
    assert_eq!(target.object, format!("subscriber:{ANNA}"));
    assert_eq!(target.registers.len(), 1);
    target.registers.remove(0)
}

fn kept(pair: &Pair) -> (Value, Value, Value) {
    let record = pair.person(ANNA);
    (record["purchases"].clone(), record["spent"].clone(), record["last_purchase"].clone())
}

fn history(count: &str, sum: &str, last: &str) -> (Value, Value, Value) {
    (json!(count), json!(sum), json!(last))
}

#[test]
fn purchases_add_up() {
    let (mut pair, mut ledger) = (Pair::new(), Ledger::default());
    let driven = ledger.fold(&mut pair, bought("1", "12700.00", "2025-10-01"));
    assert_eq!(driven.calls, 1);
    let driven = ledger.fold(&mut pair, bought("2", "99.90", "2025-09-30"));
    let expected = json!({"count": "2", "sum": "12799.9", "last": "2025-10-01", "written": "true"});
    assert_eq!(result(&driven), expected);
    assert_eq!(kept(&pair), history("2", "12799.9", "2025-10-01"));
}

#[test]
fn the_same_order_counts_once_however_often_it_comes() {
    let (mut pair, mut ledger) = (Pair::new(), Ledger::default());
    for _ in 0..3 {
        ledger.fold(&mut pair, bought("1", "100", "2025-10-01"));
    }
    assert_eq!(kept(&pair), history("1", "100", "2025-10-01"));
    ledger.fold(&mut pair, bought("1", "80", "2025-10-01"));
    assert_eq!(kept(&pair), history("1", "80", "2025-10-01"), "a later version replaces it");
}

#[test]
fn what_is_taken_back_counts_no_more() {
    let (mut pair, mut ledger) = (Pair::new(), Ledger::default());
    ledger.fold(&mut pair, bought("1", "100", "2025-10-01"));
    ledger.fold(&mut pair, bought("2", "50", "2025-10-02"));
    let mut removed = bought("2", "50", "2025-10-02");
    removed["remove"] = json!(true);
    ledger.fold(&mut pair, removed);
    assert_eq!(kept(&pair), history("1", "100", "2025-10-01"));
    ledger.fold(&mut pair, json!({"email": ANNA, "order_reference": "1", "remove": true}));
    assert_eq!(kept(&pair), history("0", "0", "0000-00-00"));
}

#[test]
fn a_whole_order_gives_all_of_it() {
    let pair = Pair::new();
    let register = register(&pair, json!({"email": ANNA, "order": order()}));
    assert_eq!(register.rule, RegisterRule::Fold { contribution: "4711".to_owned() });
    let day_in_budapest = json!({"amount": "6985", "currency": "HUF", "date": "2025-10-09"});
    assert_eq!(register.value, day_in_budapest);
}

#[test]
fn refunds_lower_it_and_a_cancelled_order_takes_it_away() {
    let pair = Pair::new();
    let value = |change: Value| {
        let mut order = order();
        order.as_object_mut().expect("object").extend(change.as_object().expect("object").clone());
        register(&pair, json!({"email": ANNA, "order": order})).value
    };
    assert_eq!(value(json!({"totalKept": {"amount": "5000", "currency": "HUF"}}))["amount"], "5000");
    for gone in [
        json!({"cancelled": true}),
        json!({"status": "ORDER_STATUS_CANCELLED"}),
        json!({"status": "ORDER_STATUS_REFUNDED"}),
        json!({"status": "ORDER_STATUS_FAILED"}),
        json!({"status": "ORDER_STATUS_DELETED"}),
    ] {
        assert_eq!(value(gone), json!({"removed": true}));
    }
}

#[test]
fn currencies_are_never_added_to_each_other() {
    let (mut pair, mut ledger) = (Pair::new(), Ledger::default());
    ledger.fold(&mut pair, bought("1", "100", "2025-10-01"));
    let mut euros = bought("2", "10", "2025-10-02");
    euros["currency"] = json!("eur");
    let driven = ledger.fold(&mut pair, euros.clone());
    assert!(refusal(&driven).contains("several currencies"));
    assert_eq!(kept(&pair), history("1", "100", "2025-10-01"));
    let pair = Pair::with(&[("history_currency", "huf")]);
    assert!(pair.refused_target("update_purchase_history", euros).contains("HUF"));
}

#[test]
fn only_the_fields_that_the_account_keeps_are_sent() {
    let (mut pair, mut ledger) =
        (Pair::with(&[("purchase_date_field", ""), ("purchase_sum_field", "")]), Ledger::default());
    ledger.fold(&mut pair, bought("1", "100", "2025-10-01"));
    assert_eq!(pair.effects("update")[0]["fields"], json!(["purchases"]));
    let none = [("purchase_date_field", ""), ("purchase_count_field", ""), ("purchase_sum_field", "")];
    let why = Pair::with(&none).refused_target("update_purchase_history", bought("1", "1", "2025-10-01"));
    assert!(why.contains("`purchase_count_field`"));
}

#[test]
fn a_buyer_who_is_not_on_the_list_is_waited_for_or_only_remembered() {
    let mut pair = Pair::new();
    let mut stranger = bought("1", "100", "2025-10-01");
    stranger["email"] = json!("nobody@example.hu");
    assert_eq!(pair.run("update_purchase_history", stranger.clone()).verdict, Verdict::NotThere);
    stranger["when_absent"] = json!("skip");
    assert_eq!(result(&pair.run("update_purchase_history", stranger))["written"], "false");
}

#[test]
fn the_same_totals_again_are_done() {
    let (mut pair, mut ledger) = (Pair::new(), Ledger::default());
    ledger.fold(&mut pair, bought("1", "100.50", "2025-10-01"));
    let driven = ledger.fold(&mut pair, bought("1", "100.50", "2025-10-01"));
    assert_eq!((driven.calls, &result(&driven)["written"]), (2, &json!("true")));
}

#[test]
fn what_is_missing_is_named() {
    let pair = Pair::new();
    for (parameters, part) in [
        (json!({"email": ANNA}), "`order_reference`"),
        (json!({"email": ANNA, "order_reference": "1"}), "`amount`"),
        (json!({"email": ANNA, "order_reference": "1", "amount": "x"}), "`amount`"),
        (json!({"email": ANNA, "order_reference": "1", "amount": 5}), "`currency`"),
        (json!({"email": ANNA, "order_reference": "1", "amount": 5, "currency": "HUF"}), "`date`"),
        (json!({"email": ANNA, "order_reference": "1", "remove": "yes"}), "`remove`"),
        (json!({"order_reference": "1"}), "`email`"),
    ] {
        let why = pair.refused_target("update_purchase_history", parameters);
        assert!(why.contains(part), "{why}");
    }
}

proptest! {
    #[test]
    fn totals_depend_on_the_last_word_about_each_order_and_on_nothing_else(
        purchases in proptest::collection::vec((0_u8..5, 0_i64..1_000_000), 1..12),
        repeats in 1_usize..3,
    ) {
        let (mut pair, mut ledger) = (Pair::new(), Ledger::default());
        let mut last_word = BTreeMap::new();
        for (reference, coins) in &purchases {
            let amount = rust_decimal::Decimal::new(*coins, 2);
            last_word.insert(*reference, amount);
            for _ in 0..repeats {
                ledger.fold(&mut pair, bought(&reference.to_string(), &amount.to_string(), "2025-10-01"));
            }
        }
        let sum: rust_decimal::Decimal = last_word.values().sum();
        let expected = history(&last_word.len().to_string(), &sum.normalize().to_string(), "2025-10-01");
        prop_assert_eq!(kept(&pair), expected);
    }
}
