//! Settings, the door, and the probe.

use bytes::Bytes;

use super::*;
use crate::{
    connectors::{contract::Accept, kit::testing::as_sandbox},
    model::{
        code,
        http::{Headers, Inbound, Method, Reply},
    },
};

#[test]
fn one_form_cannot_both_bill_and_change_the_status() {
    let settings =
        settings_of(SETTINGS, &[("user", "u"), ("password", "p"), ("status_form", "7"), ("billing_form", "7")]);
    let problems = (VENDOR.open)(settings).err().expect("problems");
    assert_eq!(problems.iter().map(|problem| problem.setting).collect::<Vec<_>>(), ["status_form"]);
}

#[test]
fn all_problems_are_told_at_once() {
    let given = [("user", "a:b"), ("password", ""), ("purchase_date_field", "x"), ("purchase_sum_field", "x")];
    let problems = (VENDOR.open)(settings_of(SETTINGS, &given)).err().expect("problems");
    let names: Vec<_> = problems.iter().map(|problem| problem.setting).collect();
    assert_eq!(names, ["user", "password", "purchase_sum_field"]);
}

#[test]
fn an_operation_without_its_list_or_form_names_the_setting() {
    let person = json!({"email": "a@example.hu", "first_name": "A"});
    let payment = json!({"order_reference": "1", "paid_on": "2025-10-09"});
    let status = json!({"order_reference": "1", "status": "x"});
    let history = json!({"email": "a@example.hu", "order": order()});
    for (missing, operation, parameters) in [
        ("newsletter_list", "subscribe", &person),
        ("subscribe_form", "subscribe", &person),
        ("newsletter_list", "update_subscriber", &person),
        ("update_form", "update_subscriber", &person),
        ("newsletter_list", "update_purchase_history", &history),
        ("update_form", "update_purchase_history", &history),
        ("order_list", "record_order", &json!({"order": order()})),
        ("order_form", "record_order", &json!({"order": order()})),
        ("order_list", "mark_paid", &payment),
        ("billing_form", "mark_paid", &payment),
        ("order_list", "update_order_status", &status),
        ("status_form", "update_order_status", &status),
    ] {
        let pair = Pair::with(&[(missing, "")]);
        let why = pair.refused_target(operation, parameters.clone());
        assert!(why.contains(&format!("`{missing}`")), "{operation}: {why}");
    }
}

#[test]
fn nothing_comes_in() {
    let request = Inbound {
        method: Method::Post,
        path: Vec::new(),
        query: Vec::new(),
        headers: Headers::new(),
        body: Bytes::from_static(br#"{"nl_id":1,"nud_id":2}"#),
        received_at: now(),
    };
    let accepted = Pair::new().connector.accept(&request);
    assert_eq!(accepted, Accept::refuse(404, code::UNKNOWN_CONNECTION));
}

#[test]
fn a_probe_proves_the_key_pair_and_the_lists() {
    let mut pair = Pair::new();
    let request = pair.connector.probe().expect("a probe");
    let reply = pair.sandbox.answer(&as_sandbox(&request), now());
    assert_eq!(pair.connector.read_probe(&reply), Ok(()));
    assert!(pair.connector.read_probe(&Reply::new(401)).is_err());
    assert!(pair.connector.read_probe(&Reply::new(200).text("<html>")).is_err());
    let other = Reply::new(200).json(&json!([{"nl_id": "51234", "list_name": "x"}]));
    assert!(pair.connector.read_probe(&other).expect_err("no order list").contains("`order_list`"));
}

#[test]
fn a_rejected_key_pair_stops_the_lane() {
    let mut pair = Pair::new();
    let other = Pair::with(&[("password", "other")]);
    let driven = other.drive("subscribe", json!({"email": "a@example.hu"})).run(pair.sandbox.as_mut());
    assert_eq!(driven.verdict, Verdict::Unauthorized);
    assert!(pair.sandbox.effects().is_empty());
}

#[test]
fn the_catalogue_and_the_handlers_know_the_same_operations() {
    let pair = Pair::new();
    for operation in CATALOGUE {
        let why = pair.connector.target(operation, &serde_json::Map::new()).expect_err("nothing is given");
        assert!(!why.contains("no operation"), "{}", operation.name);
    }
}

#[test]
fn the_account_says_what_may_be_repeated() {
    use crate::connectors::contract::Repeat;
    let settle = std::time::Duration::from_secs(5);
    let of = |pair: &Pair, name: &str| pair.connector.repeat(CATALOGUE.iter().find(|o| o.name == name).expect("known"));
    let pair = Pair::with(&[("settle", "5s")]);
    assert_eq!(of(&pair, "subscribe"), Repeat::Natural);
    assert_eq!(of(&pair, "record_order"), Repeat::Checked { settle });
    assert_eq!(of(&pair, "mark_paid"), Repeat::Checked { settle });
    assert_eq!(of(&pair, "update_purchase_history"), Repeat::Natural);
    let pair = Pair::with(&[("settle", "5s"), ("unique_email", "false")]);
    assert_eq!(of(&pair, "subscribe"), Repeat::Checked { settle });
    assert_eq!(of(&pair, "update_subscriber"), Repeat::Natural);
}
