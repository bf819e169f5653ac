//! `mark_paid`.

use super::*;
use crate::{
    connectors::contract::Effect,
    model::{code, http::Reply},
};

fn payment() -> Value {
    json!({"order_reference": "4711", "paid_on": "2025-10-09", "status": "processing"})
}

/// A vendor that has the order.
fn with_order(changed: &[(&str, &str)]) -> Pair {
    let mut pair = Pair::with(changed);
    pair.run("record_order", json!({"order": order()}));
    pair
}

#[test]
fn an_order_is_paid_with_one_call() {
    let mut pair = with_order(&[]);
    let driven = pair.run("mark_paid", payment());
    assert_eq!((driven.calls, result(&driven)), (1, json!({"already": "false"})));
    let record = pair.order("4711");
    assert_eq!((&record["mssys_order_status"], &record["mssys_pay_date"]), (&json!("2"), &json!("2025-10-09")));
    assert_eq!(record["mssys_webshop_status"], "processing");
    assert_eq!(pair.effects("invoice").len(), 1);
}

#[test]
fn the_day_of_payment_is_the_vendors() {
    let mut pair = with_order(&[]);
    pair.run("mark_paid", json!({"order_reference": "4711", "paid_on": "2025-10-09T22:30:00Z"}));
    assert_eq!(pair.order("4711")["mssys_pay_date"], "2025-10-10");
    assert_eq!(pair.order("4711")["mssys_webshop_status"], "pending", "no status was given");
}

#[test]
fn an_order_that_is_not_there_yet_is_waited_for() {
    let driven = Pair::new().run("mark_paid", payment());
    assert_eq!((driven.calls, driven.verdict), (2, Verdict::NotThere));
}

#[test]
fn after_a_lost_answer_no_second_invoice_is_issued() {
    let mut pair = with_order(&[]);
    pair.run("mark_paid", payment());
    let driven = pair.run_with("mark_paid", payment(), |drive| drive.maybe_done = true);
    assert_eq!((driven.calls, result(&driven)), (1, json!({"already": "true"})));
    assert_eq!(pair.effects("invoice").len(), 1);
}

#[test]
fn the_simulated_vendor_would_issue_a_second_one() {
    let mut pair = with_order(&[]);
    pair.run("mark_paid", payment());
    let driven = pair.run("mark_paid", payment());
    assert_eq!((driven.calls, result(&driven)), (2, json!({"already": "true"})), "0 is read back: paid");
    assert_eq!(pair.effects("invoice").len(), 2);
}

#[test]
fn after_a_lost_request_the_order_is_paid() {
    let mut pair = with_order(&[]);
    let driven = pair.run_with("mark_paid", payment(), |drive| drive.maybe_done = true);
    assert_eq!((driven.calls, result(&driven)), (2, json!({"already": "false"})));
    let driven = Pair::new().run_with("mark_paid", payment(), |drive| drive.maybe_done = true);
    assert_eq!(driven.verdict, Verdict::NotThere);
}

#[test]
fn an_invoice_without_the_payment_is_for_a_person_after_a_lost_answer() {
    let invoiced = json!({"set_invoice_number": {"order": "4711", "number": "SA-1"}});
    let mut pair = with_order(&[]);
    pair.command(&invoiced);
    let driven = pair.run_with("mark_paid", payment(), |drive| drive.maybe_done = true);
    assert!(refusal(&driven).starts_with("in doubt"));
    assert!(pair.effects("invoice").is_empty());
    // Unless it always has one before it is paid.
    let mut pair = with_order(&[("invoiced_before_payment", "true")]);
    pair.command(&invoiced);
    let driven = pair.run_with("mark_paid", payment(), |drive| drive.maybe_done = true);
    assert_eq!(result(&driven)["already"], "false");
}

#[test]
fn money_that_went_back_is_not_paid_again() {
    let mut pair = with_order(&[]);
    pair.command(&json!({"set_order_status": {"order": "4711", "status": "3"}}));
    let driven = pair.run_with("mark_paid", payment(), |drive| drive.maybe_done = true);
    assert!(refusal(&driven).contains("paid back"));
    assert_eq!(pair.order("4711")["mssys_order_status"], "3");
}

#[test]
fn an_order_may_be_found_by_its_invoice() {
    let mut pair = with_order(&[("order_found_by", "invoice_number")]);
    pair.command(&json!({"set_invoice_number": {"order": "4711", "number": "E-2025/12"}}));
    let invoice = json!({"invoice_number": "E-2025/12", "paid_on": "2025-10-09"});
    assert_eq!(result(&pair.run("mark_paid", invoice.clone()))["already"], "false");
    assert_eq!(pair.order("4711")["mssys_order_status"], "2");
    let drive = pair.drive("mark_paid", invoice);
    assert_eq!(pair.connector.target(drive.operation, &drive.parameters).expect("target").object, "invoice:E-2025/12");
    assert!(pair.refused_target("mark_paid", payment()).contains("`invoice_number`"));
    assert!(
        Pair::new()
            .refused_target("mark_paid", json!({"invoice_number": "1", "paid_on": "2025-10-09"}))
            .contains("`order_reference`")
    );
}

#[test]
fn an_order_found_by_its_invoice_is_judged_by_the_payment_alone() {
    let invoice = json!({"invoice_number": "E-1", "paid_on": "2025-10-09"});
    let mut pair = with_order(&[("order_found_by", "invoice_number")]);
    pair.command(&json!({"set_invoice_number": {"order": "4711", "number": "E-1"}}));
    let driven = pair.run_with("mark_paid", invoice.clone(), |drive| drive.maybe_done = true);
    assert_eq!((driven.calls, &result(&driven)["already"]), (2, &json!("false")));
    pair.command(&json!({"set_invoice_number": {"order": "4711", "number": "E-1"}}));
    let driven = pair.run_with("mark_paid", invoice, |drive| drive.maybe_done = true);
    assert_eq!((driven.calls, &result(&driven)["already"]), (1, &json!("true")));
}

#[test]
fn a_day_is_needed() {
    let pair = Pair::new();
    for (paid_on, part) in [(json!(null), "missing"), (json!(""), "missing"), (json!("tegnap"), "a date")] {
        let why = pair.refused_target("mark_paid", json!({"order_reference": "1", "paid_on": paid_on}));
        assert!(why.contains("`paid_on`") && why.contains(part), "{why}");
    }
}

#[test]
fn a_newer_status_stays_when_the_payment_comes_late() {
    let mut pair = with_order(&[]);
    pair.run("update_order_status", json!({"order_reference": "4711", "status": "completed"}));
    pair.run_with("mark_paid", payment(), |drive| drive.registers = Some(registers(&["paid"])));
    let record = pair.order("4711");
    assert_eq!((&record["mssys_order_status"], &record["mssys_webshop_status"]), (&json!("2"), &json!("completed")));
}

#[test]
fn a_new_status_of_a_paid_order_does_not_bill_again() {
    let mut pair = with_order(&[]);
    pair.run("mark_paid", payment());
    let shipped = json!({"order_reference": "4711", "paid_on": "2025-10-09", "status": "shipped"});
    let only_status = |drive: &mut Drive<'_>| drive.registers = Some(registers(&["mssys_webshop_status"]));
    let driven = pair.run_with("mark_paid", shipped.clone(), only_status);
    assert_eq!((driven.calls, result(&driven)), (1, json!({"already": "true"})));
    assert_eq!(pair.order("4711")["mssys_webshop_status"], "shipped");
    assert_eq!(pair.effects("invoice").len(), 1);
    let driven = Pair::with(&[("status_form", "")]).run_with("mark_paid", shipped, only_status);
    let Verdict::Done(done) = driven.verdict else { panic!("done") };
    assert_eq!((driven.calls, done.warnings.len()), (0, 1));
}

#[test]
fn several_orders_with_one_reference_are_told() {
    let mut pair = with_order(&[]);
    pair.run("record_order", json!({"order": order()}));
    let driven = pair.run("mark_paid", payment());
    let Verdict::Done(done) = driven.verdict else { panic!("done") };
    assert_eq!(done.warnings, ["more than one order has this reference"]);
}

#[test]
fn zero_for_an_order_that_stays_unpaid_is_a_refusal() {
    let pair = Pair::new();
    let drive = pair.drive("mark_paid", payment());
    let unpaid = Reply::new(200).json(&json!([{"id": 7, "mssys_shoprenter_id": "4711", "mssys_order_status": "1"}]));
    let verdict = scripted(&drive, &[Reply::new(200).text("0"), unpaid]);
    assert!(matches!(verdict, Verdict::Refused(text) if text.contains("`billing_form`")));
    let settled = Reply::new(200).json(&json!([{"id": 7, "mssys_order_status": 2}]));
    assert!(matches!(scripted(&drive, &[Reply::new(406).text("0"), settled]), Verdict::Done(_)));
}

#[test]
fn an_answer_that_is_no_number_may_have_paid() {
    let pair = Pair::new();
    let drive = pair.drive("mark_paid", payment());
    let possible = |code| Verdict::Retry { code, effect: Effect::Possible, after: None };
    assert_eq!(scripted(&drive, &[Reply::new(200).text("OK")]), possible(code::UNEXPECTED_ANSWER));
    assert_eq!(scripted(&drive, &[Reply::new(500)]), possible(code::VENDOR_ERROR));
    for status in [404, 405, 406] {
        assert!(matches!(scripted(&drive, &[Reply::new(status).text("no")]), Verdict::Refused(_)));
    }
    assert!(matches!(scripted(&drive, &[Reply::new(200).text("-1")]), Verdict::Refused(text) if text.contains("-1")));
}
