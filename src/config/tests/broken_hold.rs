//! What can be wrong about what is held for a person, and about what is checked before a document is written.

use crate::{
    config::testing::{CONNECTIONS, load_one},
    router::{flow::Hold, preflight::Strictness},
};

fn step(beside: &str) -> String {
    format!(
        "{CONNECTIONS}flows:\n  note:\n    on: order.created\n    do:\n      - crm.add_note: {{ contact: \"${{order.id}}\", text: new }}\n{beside}"
    )
}

fn report(text: &str) -> String {
    let report = load_one(text).expect_err("the config is wrong");
    format!("{text}\n-----\n{report}")
}

#[test]
fn hold_that_is_none() {
    for (name, hold) in [
        ("hold_first_nothing", "first"),
        ("hold_first_words", "first ten"),
        ("hold_first_zero", "first 0"),
        ("hold_first_too_many", "first 1001"),
        ("hold_first_signed", "first +5"),
        ("hold_true", "true"),
        ("hold_never", "never"),
        ("hold_list", "[always]"),
        ("hold_empty", "\"\""),
    ] {
        insta::assert_snapshot!(name, report(&step(&format!("        hold: {hold}\n"))));
    }
}

#[test]
fn hold_conditions() {
    for (name, hold) in [
        ("hold_unknown_variable", "amount > 50000"),
        ("hold_unknown_field", "order.totl == \"50000\""),
        ("hold_no_condition", "order.total"),
        ("hold_later_step", "steps.later.contact_id != \"\""),
        ("hold_syntax", "order.paid &&"),
    ] {
        let hold = serde_json::to_string(hold).expect("a text");
        insta::assert_snapshot!(name, report(&step(&format!("        hold: {hold}\n"))));
    }
}

#[test]
fn hold_beside_the_wrong_thing() {
    let flow = step("").replace("    on: order.created\n", "    on: order.created\n    hold: always\n");
    insta::assert_snapshot!("hold_of_a_flow", report(&flow));
    insta::assert_snapshot!("hold_misspelled", report(&step("        holds: always\n")));
}

/// A connection that says this, and a step that writes an order, and says that.
fn record(connection: &str, step: &str) -> String {
    let connections = CONNECTIONS.replace("  crm: { crm: { token: env:CRM_TOKEN } }\n", "");
    format!(
        "{connections}  crm:\n    crm: {{ token: env:CRM_TOKEN }}\n{connection}flows:\n  record:\n    on: order.created\n    do:\n      - crm.record_order: {{ order: \"${{order}}\" }}\n{step}"
    )
}

#[test]
fn preflight_of_a_connection() {
    for (name, preflight) in [
        ("preflight_strictness", "{ totals: strict, company_ids: yes }"),
        ("preflight_tolerance", "{ tolerance: 5% }"),
        ("preflight_tolerance_negative", "{ tolerance: -0.05 }"),
        ("preflight_unknown_key", "{ total: warn, vat: off }"),
        ("preflight_kind", "warn"),
        ("preflight_tax_codes", "{ tax_codes: { hu: [27] } }"),
    ] {
        insta::assert_snapshot!(name, report(&record(&format!("    preflight: {preflight}\n"), "")));
    }
}

#[test]
fn preflight_of_a_step() {
    insta::assert_snapshot!("preflight_step", report(&record("", "        preflight: { totals: maybe }\n")));
    insta::assert_snapshot!("preflight_no_document", report(&step("        preflight: { totals: warn }\n")));
}

#[test]
fn what_is_said_is_what_is_used() {
    let connection = "    preflight: { totals: warn, tolerance: \"0.50\", tax_codes: [21.0, 0, REDUCED] }\n";
    let config = load_one(&record(connection, "        hold: first 10\n        preflight: { totals: refuse }\n"))
        .unwrap_or_else(|report| panic!("{report}"));
    let step = &config.flows.find("record").expect("the flow").steps[0];
    assert!(matches!(step.hold, Some(Hold::First(10))));
    assert_eq!((step.preflight.totals, step.preflight.company_ids), (Strictness::Refuse, Strictness::Warn));
    assert_eq!(step.preflight.tolerance.map(|amount| amount.to_string()).as_deref(), Some("0.50"));
    let codes: Vec<_> = step.preflight.tax_codes.iter().flatten().map(String::as_str).collect();
    assert_eq!(codes, ["0", "21", "REDUCED"]);
    let off = load_one(&record("    preflight: off\n", "        hold: order.paid\n")).expect("a config");
    let step = &off.flows.find("record").expect("the flow").steps[0];
    assert!(matches!(step.hold, Some(Hold::When(_))));
    assert_eq!((step.preflight.totals, step.preflight.company_ids), (Strictness::Off, Strictness::Off));
}
