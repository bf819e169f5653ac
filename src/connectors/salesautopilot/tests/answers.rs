//! Whatever the vendor answers, wherever an operation stands.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    connectors::contract::{Plan, Progress},
    model::http::Reply,
};

const STEPS: &[&str] =
    &["", "find", "subscribe", "read", "resubscribe", "update", "verify", "send", "check", "pay", "nonsense"];

fn drives(pair: &Pair) -> Vec<Drive<'_>> {
    vec![
        pair.drive("subscribe", json!({"email": "anna.nagy@example.hu", "first_name": "Panna"})),
        pair.drive("update_subscriber", json!({"email": "anna.nagy@example.hu", "first_name": "Panna"})),
        pair.drive(
            "update_purchase_history",
            json!({"email": "anna.nagy@example.hu", "order_reference": "1", "amount": 1, "currency": "HUF",
                   "date": "2025-10-09"}),
        ),
        pair.drive("record_order", json!({"order": order()})),
        pair.drive("update_order_status", json!({"order_reference": "4711", "status": "kész"})),
        pair.drive("mark_paid", json!({"order_reference": "4711", "paid_on": "2025-10-09", "status": "kész"})),
    ]
}

/// Bodies that come near to what the vendor sends.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[-0-9\". \\[\\]{}]{0,6}".prop_map(String::into_bytes),
        "\\[\\{\"(id|email|active|mssys_order_status)\":(0|2|\"x\"|null|\\[\\])\\}\\]".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_answer_makes_an_operation_panic_and_no_failure_ends_well(
        status in prop_oneof![Just(200_u16), Just(406), 100_u16..600], body in body(), lost in any::<bool>(),
    ) {
        let pair = Pair::new();
        let reply = Reply { body: Bytes::from(body), ..Reply::new(status) };
        for mut drive in drives(&pair) {
            drive.maybe_done = lost;
            for step in STEPS {
                let progress = Progress(json!({ "step": step }));
                let verdict = with_work(&drive, |work| pair.connector.interpret(work, &progress, &reply));
                if !matches!(status, 200..300) {
                    prop_assert!(!matches!(verdict, Verdict::Done(_)), "{} at `{step}`", drive.operation.name);
                }
                if let Verdict::Refused(text) = verdict {
                    prop_assert!(!text.contains('@'));
                }
            }
        }
    }

    #[test]
    fn every_step_has_a_request_or_an_end(vendor_id in proptest::option::of("[0-9]{1,6}"), lost in any::<bool>()) {
        let pair = Pair::with(&[("resubscribe_form", "88003")]);
        for mut drive in drives(&pair) {
            (drive.vendor_id, drive.maybe_done) = (vendor_id.clone(), lost);
            for step in STEPS {
                let progress = Progress(json!({ "step": step }));
                let plan = with_work(&drive, |work| pair.connector.plan(work, &progress));
                prop_assert!(!matches!(plan, Plan::Refused(_)), "{} at `{step}`", drive.operation.name);
            }
        }
    }
}
