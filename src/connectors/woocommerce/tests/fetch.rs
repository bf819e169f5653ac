//! Orders that are read back, and the probe.

use super::*;
use crate::{
    connectors::{
        contract::{Done, Effect, Sandbox},
        kit::testing::{Drive, as_sandbox},
    },
    model::{code, id::ActionId, time::version_of},
    topics::webhook::FetchedReply,
};

const NOW: &str = "2026-11-22T05:30:00Z";

fn with_rest() -> Arc<dyn Connector> {
    connector(&[&[SECRET], &REST[..]].concat())
}

fn sandbox_shop() -> Box<dyn Sandbox> {
    (VENDOR.sandbox)(&settings_of(settings::LIST, &[&[SECRET], &REST[..]].concat()), at(NOW))
}

fn thin() -> Webhook {
    pushed("order.updated", br#"{"id":19}"#, at(NOW))
}

fn with_reply(status: u16, body: &[u8]) -> Webhook {
    let reply = FetchedReply {
        purpose: operations::PURPOSE.to_owned(),
        action: ActionId::from_text("a-1"),
        at: at("2026-11-22T05:30:02Z"),
        status,
        body: Bytes::copy_from_slice(body),
    };
    Webhook { replies: vec![reply], ..thin() }
}

#[test]
fn a_thin_webhook_is_read_back() {
    let connector = with_rest();
    let Normalized::Proves { facts, fetches } = connector.normalize(&thin()) else { panic!("a fetch") };
    assert!(facts.is_empty());
    let fetch = &fetches[0];
    let parameters = Value::Object(fetch.parameters.clone());
    let driven = Drive::new(connector.as_ref(), VENDOR.operations, fetch.operation, parameters, at(NOW))
        .run(sandbox_shop().as_mut());
    assert_eq!((driven.verdict, driven.calls), (Verdict::Done(Done::default()), 1));
    let reply = driven.reply.expect("a reply");
    let proved = super::facts(connector.normalize(&with_reply(reply.status, &reply.body)));
    assert_eq!(names(&proved), ["order.created", "order.updated", "order.paid", "payment.received"]);
    assert_eq!(proved[1].version, version_of(at("2026-11-22T04:30:00Z")));
}

#[test]
fn an_order_that_is_gone_when_it_is_read_back_proves_nothing() {
    let connector = with_rest();
    let parameters = json!({"id": "999"});
    let driven = Drive::new(connector.as_ref(), VENDOR.operations, "get_order", parameters, at(NOW))
        .run(sandbox_shop().as_mut());
    assert_eq!(driven.verdict, Verdict::Done(Done::default()));
    let reply = driven.reply.expect("a reply");
    assert_eq!(reply.status, 404);
    assert_eq!(connector.normalize(&with_reply(404, &reply.body)), Normalized::Nothing(code::SOURCE_ERROR));
}

#[test]
fn another_order_than_the_one_asked_for_proves_nothing() {
    let normalized = with_rest().normalize(&with_reply(200, br#"{"id":20,"status":"completed"}"#));
    assert!(matches!(normalized, Normalized::Invalid { .. }), "{normalized:?}");
}

#[test]
fn without_credentials_a_thin_webhook_is_a_dead_letter() {
    assert!(matches!(shop().normalize(&thin()), Normalized::Invalid { .. }));
}

#[test]
fn every_answer_to_a_fetch_has_its_meaning() {
    let error = |status, code: &str| Reply::new(status).json(&json!({"code": code, "message": "eva@example.cz"}));
    let unexpected = Verdict::Retry { code: code::UNEXPECTED_ANSWER, effect: Effect::Possible, after: None };
    for (reply, verdict) in [
        (error(401, "woocommerce_rest_cannot_view"), Verdict::Unauthorized),
        (error(401, "woocommerce_rest_authentication_error"), Verdict::Unauthorized),
        (error(400, "rest_invalid_param"), Verdict::Refused("400: `rest_invalid_param`".to_owned())),
        (Reply::new(404).text("<html>"), unexpected.clone()),
        (Reply::new(200).text("<html>"), unexpected.clone()),
        (Reply::new(301), unexpected),
        (Reply::new(503), Verdict::Retry { code: code::VENDOR_ERROR, effect: Effect::Possible, after: None }),
    ] {
        assert_eq!(operations::interpret(&reply), verdict, "{reply:?}");
    }
}

#[test]
fn a_fetch_aims_at_its_order_and_takes_numbers_only() {
    let connector = with_rest();
    let target = |id: Value| {
        let Value::Object(parameters) = json!({ "id": id }) else { panic!("an object") };
        connector.target(&VENDOR.operations[0], &parameters)
    };
    assert_eq!(target(json!("19")).map(|target| target.object), Ok("order:19".to_owned()));
    for bad in [json!(""), json!("../19"), json!(null)] {
        assert!(target(bad).is_err());
    }
}

#[test]
fn the_probe_reads_one_order_and_says_what_is_wrong() {
    let connector = with_rest();
    let request = connector.probe().expect("a probe");
    assert_eq!(request.url.as_str(), "https://shop.example.cz/wp-json/wc/v3/orders?per_page=1");
    let mut sandbox = sandbox_shop();
    assert_eq!(connector.read_probe(&sandbox.answer(&as_sandbox(&request), at(NOW))), Ok(()));
    for (name, value, hint) in
        [("consumer_secret", "wrong", "does not fit"), ("consumer_key", "wrong", "does not know")]
    {
        let mut given = [&[SECRET], &REST[..]].concat();
        given.retain(|(known, _)| *known != name);
        given.push((name, value));
        let wrong = self::connector(&given);
        let reply = sandbox.answer(&as_sandbox(&wrong.probe().expect("a probe")), at(NOW));
        assert!(wrong.read_probe(&reply).expect_err("an error").contains(hint), "{name}");
    }
    assert!(shop().probe().is_none());
    assert!(shop().polls().is_empty());
}
