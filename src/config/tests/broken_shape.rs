//! One snapshot for each way to be wrong in lookups, field sets and defaults.

use super::broken::{check, check_flow};
use crate::config::testing::{CONNECTIONS, load_files, load_one};

fn check_lookup(name: &str, lookups: &str) {
    check(name, &format!("lookups:\n{lookups}{CONNECTIONS}"));
}

#[test]
fn lookups() {
    check_lookup(
        "lookup_form",
        "  Bad Name: { rows: { a: b } }\n  list: [a, b]\n  text: a\n  without_rows: { a: b }\n  keys: { rows: { a: b }, mising: skip }\n",
    );
    check_lookup(
        "lookup_empty",
        "  nothing:\n  none: { rows: {} }\n  pasted: { rows: '{}' }\n  listed: { rows: [a] }\n",
    );
    check_lookup(
        "lookup_missing",
        "  one: { rows: { a: b }, missing: explode }\n  two: { rows: { a: b }, missing: default }\n  three: { rows: { a: b }, missing: error, default: x }\n  four: { rows: { a: b }, missing: skip, default: x }\n  five: { rows: { a: b }, default: [x] }\n",
    );
    check_lookup("lookup_values", "  one:\n    rows:\n      a: [b]\n      c: { d: e }\n      f:\n      g: 7\n");
    check_lookup(
        "lookup_two_rows",
        "  one:\n    rows: { ”Új”: Nou, Új: Alt }\n  two:\n    rows: |\n      {”Új” : ”Nou”,\n       ”Fizetve”: ”Plătit”,\n       ” Új”: ”Alt”}\n",
    );
    check_lookup(
        "lookup_pasted",
        "  one:\n    rows: |\n      {”Új” : ”Nou”,\n       ”Fizetve” ”Plătit”}\n  two:\n    rows: '{”Új” : true}'\n  three:\n    rows: >-\n      ”Új” : ”Nou”\n  four:\n    rows: |\n      {\"Új\": \"Nou\n",
    );
}

#[test]
fn a_lookup_stands_once_over_all_files() {
    let lookups = "lookups:\n  one: { rows: { a: b } }\n";
    let report = load_files(&[("a.yaml", lookups), ("b.yaml", lookups), ("c.yaml", CONNECTIONS)]).expect_err("twice");
    insta::assert_snapshot!("lookup_in_two_files", report);
}

/// A flow behind a table.
fn check_with_lookups(name: &str, flow: &str) {
    let lookups = "lookups:\n  statuses: { rows: { Új: Nou, Fizetve: Plătit } }\n  countries: { rows: { CZ: '203' }, default: '0' }\n";
    let report = load_one(&format!("{CONNECTIONS}{lookups}flows:\n{flow}")).expect_err("the flow is wrong");
    insta::assert_snapshot!(name, format!("{lookups}{flow}\n-----\n{report}"));
}

#[test]
fn expressions_with_lookups() {
    check_with_lookups(
        "lookup_unknown",
        "  one:\n    on: order.paid\n    when: lookup(\"contries\", order.number) == \"203\"\n    do:\n      - crm.add_note: { contact: a, text: \"${lookup('zzz', order.number)}\" }\n",
    );
    check_with_lookups(
        "lookup_constant_key",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_note:\n          contact: ${lookup(\"statuses\", \"Fizetv\")}\n          text: ${lookup(\"countries\", \"XX\")}${lookup(\"statuses\", \"x\", \"y\")}\n",
    );
    check_with_lookups(
        "lookup_arguments",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_note:\n          contact: ${lookup(\"statuses\")} ${lookup(\"statuses\", order.items)}\n          text: ${lookup(order.number, \"a\")} ${lookup(\"statuses\", order.number, order.paid)}\n",
    );
}

#[test]
fn a_broken_lookup_is_told_once() {
    let config = format!(
        "{CONNECTIONS}lookups:\n  statuses: {{ rows: [a] }}\nflows:\n  one: {{ on: order.paid, when: 'lookup(\"statuses\", \"x\") == \"\"', do: [crm.add_note: {{ contact: a, text: b }}] }}\n"
    );
    let report = load_one(&config).expect_err("broken");
    assert_eq!(report.problems.len(), 2, "{report}");
    assert!(report.problems.iter().all(|problem| problem.line == Some(5)), "{report}");
}

#[test]
fn field_sets() {
    let flow = |sets: &str, step: &str| {
        format!("{CONNECTIONS}field_sets:\n{sets}flows:\n  one:\n    on: order.paid\n    do:\n      - {step}\n")
    };
    let check_sets = |name: &str, sets: &str, step: &str| {
        let text = flow(sets, step);
        let report = load_one(&text).expect_err("wrong");
        insta::assert_snapshot!(name, format!("{text}\n-----\n{report}"));
    };
    check_sets(
        "field_set_unknown_parameter",
        "  buyer:\n    email: ${order.customer.email}\n    emial: a@b.cz\n    phone: '1'\n",
        "crm.upsert_contact:\n        use: buyer",
    );
    check_sets(
        "field_set_unknown",
        "  buyer: { email: a@b.cz }\n",
        "crm.upsert_contact: { name: x }\n        use: [bayer, zzz, buyer]",
    );
    check_sets(
        "field_set_value",
        "  buyer: { email: \"${order.custmer.email}\", name: \"${order.items}\" }\n",
        "crm.upsert_contact: {}\n        use: buyer",
    );
    check_sets(
        "field_set_form",
        "  Bad Set: { email: a@b.cz }\n  list: [email]\n  spare: { email: a@b.cz }\n",
        "crm.upsert_contact: { email: a@b.cz, use: list }\n        use: list",
    );
}

#[test]
fn defaults() {
    let connection = |defaults: &str| {
        format!("connections:\n  crm:\n    crm: {{ token: env:CRM_TOKEN }}\n    defaults:\n{defaults}")
    };
    check("defaults_not_a_mapping", &connection("      - list\n"));
    check(
        "defaults_unknown",
        &connection(
            "      lst: Buyers\n      zzz: 1\n      add_to_list: { emial: a@b.cz, contact: x }\n      add_note: text\n      read_contact: {}\n",
        ),
    );
    check(
        "defaults_values",
        &connection(
            "      legal_basis: contrakt\n      email: ${order.custmer.email}\n      add_to_list: { priority: high, active: \"${[1]}\" }\n",
        ),
    );
    check(
        "defaults_of_a_source",
        "connections:\n  eshop: { shop: { user: a@b.cz, api_key: env:SHOP_KEY }, defaults: { email: a@b.cz } }\n",
    );
}

#[test]
fn occasions() {
    check_flow(
        "occasion_form",
        "  one:\n    on: order.paid\n    do:\n      - crm.upsert_contact:\n          email: { value: a@b.cz, on: create }\n          name: { value: x, on: never }\n          tags: { on: create }\n          fields:\n            a: { value: x, on: delete }\n            b: { value: x, on: create, of: y }\n            c: { value: [x], on: update }\n",
    );
    check_flow(
        "occasion_unknown_to_the_operation",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_to_list: { email: a@b.cz, list: x, legal_basis: { value: contract, on: create } }\n",
    );
}
