//! What the router says of holding and of documents, as owners write it.

use super::routing::{config, event, order, routed, routed_by, steps};
use crate::{
    model::code,
    topics::{
        body::v1,
        event::{ORDER_PAID, Origin, OriginKind},
        hold::{Hold, Rule},
    },
};

fn rules(flows: &str) -> Vec<Option<Rule>> {
    let routed = routed(flows);
    assert_eq!(routed.failed, []);
    routed.actions.into_iter().map(|action| action.hold.map(|hold| hold.rule)).collect()
}

#[test]
fn an_action_says_why_it_is_held() {
    let held = rules(
        r#"
  notes:
    on: order.paid
    do:
      - crm.add_note: { contact: a, text: free }
        name: free
      - crm.add_note: { contact: a, text: always }
        name: always
        hold: always
      - crm.add_note: { contact: a, text: large }
        name: large
        hold: order.number == "N-42"
      - crm.add_note: { contact: a, text: small }
        name: small
        hold: order.number == "N-43"
"#,
    );
    assert_eq!(held, [None, Some(Rule::Always), Some(Rule::Condition), None]);
}

#[test]
fn approvals_are_counted_under_first_names() {
    let held = rules(
        r"
  new-notes:
    on: order.paid
    was: notes
    do:
      - crm.add_note: { contact: a, text: one }
        name: note
        was: first
        hold: first 10
",
    );
    assert_eq!(held, [Some(Rule::First { count: 10, of: "notes/first".to_owned() })]);
}

#[test]
fn a_condition_may_use_an_earlier_step() {
    let flows = r#"
  notes:
    on: order.paid
    do:
      - crm.upsert_contact: { email: "${order.customer.email}" }
        name: contact
      - crm.add_note: { contact: a, text: one }
        name: note
        hold: steps.contact.state == "new"
"#;
    assert_eq!(steps(&routed(flows)), ["contact"], "it waits for the step that its condition needs");
}

#[test]
fn everything_again_is_held_again() {
    let flows = config(
        "  notes:\n    on: order.paid\n    do:\n      - crm.add_note: { contact: a, text: one }\n        hold: always\n",
    );
    let mut again = event(ORDER_PAID, order());
    again.origin = Origin::of_run(OriginKind::Repeat, "r-1");
    let routed = routed_by(&flows, &again);
    assert_eq!(routed.actions[0].hold, Some(Hold::by(Rule::Always)));
}

const RECORD: &str =
    "  record:\n    on: order.paid\n    do:\n      - crm.record_order: { order: \"${order}\" }\n        name: record\n";

/// An order whose one line is not its total.
fn wrong() -> v1::Order {
    let money = |amount: &str| Some(v1::Money { amount: amount.to_owned(), currency: "CZK".to_owned() });
    let item = v1::Item { gross: money("1000.50"), ..Default::default() };
    v1::Order { currency: "CZK".to_owned(), items: vec![item], ..order() }
}

#[test]
fn an_order_that_does_not_add_up_is_not_written() {
    let routed = routed_by(&config(RECORD), &event(ORDER_PAID, wrong()));
    assert!(routed.actions.is_empty());
    let failure = &routed.failed[0];
    assert_eq!(
        (failure.code, failure.step.as_deref(), failure.field.as_deref()),
        (code::TOTALS_DIFFER, Some("record"), Some("order"))
    );
    assert_eq!(
        failure.message,
        "the lines with tax are 1000.5 CZK, the total is 1210.5 CZK: a difference of 210 CZK, where 0.01 may be"
    );
    assert_eq!(
        steps(&routed_by(&config(RECORD), &event(ORDER_PAID, order()))),
        ["record"],
        "nothing told, nothing wrong"
    );
}

#[test]
fn what_the_owner_only_wants_to_hear_of_is_written() {
    let lenient = config(&format!("{RECORD}        preflight: {{ totals: warn }}\n"));
    let routed = routed_by(&lenient, &event(ORDER_PAID, wrong()));
    assert_eq!((steps(&routed), routed.failed.len()), (vec!["record"], 0));
    assert_eq!(routed.warned[0].code, code::TOTALS_DIFFER);
    let off = config(&format!("{RECORD}        preflight: off\n"));
    assert!(routed_by(&off, &event(ORDER_PAID, wrong())).warned.is_empty());
}
