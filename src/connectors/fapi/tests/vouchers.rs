//! Vouchers, from the notification to the fact.

use serde_json::json;

use super::{Account, event_id, invalid, named, pushed, replied};
use crate::{
    connectors::{contract::Normalized, fapi::sandbox::seed},
    model::{code, time::How},
    topics::body::{Body, v1},
};

fn notified(account: &mut Account, id: u64) -> crate::topics::webhook::Webhook {
    let reply = account.command(json!({"notification": {"voucher": id}}));
    pushed(reply["body"].as_str().expect("a body").as_bytes(), account.now)
}

#[test]
fn an_applied_voucher_tells_who_used_it() {
    let mut account = Account::new(&[]);
    let mut webhook = notified(&mut account, seed::VOUCHER);
    let (end, purposes) = account.settle(&mut webhook);
    assert_eq!(purposes, ["voucher", "item_template"]);
    let Normalized::Proves { facts, .. } = end else { panic!("facts") };
    let fact = named(&facts, "subscriber.voucher_applied");
    assert_eq!((fact.entity_id.as_str(), fact.personal_id), ("eva.mala@example.cz", true));
    assert_eq!((fact.counted.as_deref(), fact.since.how), (Some("4471"), How::Stated));
    let Body::Subscriber(body) = &fact.body else { panic!("a subscriber") };
    let voucher: &v1::Voucher = body.voucher.as_ref().expect("a voucher");
    assert_eq!((voucher.code.as_str(), voucher.product_code.as_str()), ("KXWPQ8", "KURZ-01"));
    assert_eq!(voucher.applied_at, "2025-10-10T09:30:00+02:00");
    assert_eq!(body.vendor_ids["invoice"], seed::PAID.id.to_string());
    // The same voucher told of twice is used once.
    let again = account.facts_of(&mut webhook);
    assert_eq!(event_id(fact), event_id(named(&again, "subscriber.voucher_applied")));
}

#[test]
fn the_worked_digest_verifies_and_another_does_not() {
    for (digest, end) in [("46d508aacea4b65d8e1e7a731a5c0e29183bc560", None), ("46d5", Some(code::UNVERIFIED))] {
        let mut account = Account::new(&[]);
        let body = format!("voucher=4471&time=1760000300&security={digest}");
        let mut webhook = pushed(body.as_bytes(), account.now);
        assert_eq!(invalid(&account.settle(&mut webhook).0), end);
    }
}

#[test]
fn a_voucher_without_a_product_code_is_dead_unless_the_owner_accepts_it() {
    let unprovable = seed::VOUCHER + 1;
    for (setting, end) in [("dead", Some(code::UNVERIFIED)), ("accept", None)] {
        let mut account = Account::new(&[("unverifiable_vouchers", setting)]);
        account.command(json!({"apply_voucher": {"id": unprovable, "email": "Jan@Example.cz"}}));
        let mut webhook = notified(&mut account, unprovable);
        let (normalized, purposes) = account.settle(&mut webhook);
        assert_eq!((invalid(&normalized), &purposes[..]), (end, &["voucher".to_owned()][..]));
        if let Normalized::Proves { facts, .. } = normalized {
            assert_eq!(named(&facts, "subscriber.voucher_applied").entity_id, "jan@example.cz");
        }
    }
}

#[test]
fn a_voucher_that_is_not_applied_says_nothing() {
    let mut account = Account::new(&[("unverifiable_vouchers", "accept")]);
    let mut webhook = notified(&mut account, seed::VOUCHER + 1);
    assert_eq!(account.settle(&mut webhook).0, Normalized::Nothing(code::NOTHING_NEW));
}

#[test]
fn a_product_that_fapi_does_not_know_proves_nothing() {
    let account = Account::new(&[]);
    let mut webhook = pushed(b"voucher=4471&time=1760000300&security=x", account.now);
    let voucher = json!({"id": 4471, "code": "K", "status": "applied", "item_template_code": "gone"});
    webhook.replies.push(replied("voucher", 200, &voucher, account.now));
    webhook.replies.push(replied("item_template", 200, &json!({"item_templates": []}), account.now));
    assert_eq!(invalid(&account.connector.normalize(&webhook)), Some(code::UNVERIFIED));
}

#[test]
fn an_applied_voucher_without_an_e_mail_is_a_dead_letter() {
    let account = Account::new(&[("unverifiable_vouchers", "accept")]);
    let mut webhook = pushed(b"voucher=4471&time=1760000300&security=x", account.now);
    let voucher = json!({"id": 4471, "code": "K", "status": "applied", "applicant": null});
    webhook.replies.push(replied("voucher", 200, &voucher, account.now));
    assert_eq!(invalid(&account.connector.normalize(&webhook)), Some(code::UNPARSEABLE));
}
