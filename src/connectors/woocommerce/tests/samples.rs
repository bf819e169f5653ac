//! Samples and the sandbox's webhooks are what the connector takes: the whole way from the shop to the facts.

use super::*;
use crate::model::{
    code,
    http::{Inbound, Request},
};

const NOW: &str = "2026-11-22T05:30:00Z";

fn inbound(request: &Request) -> Inbound {
    let path = request.url.path().trim_start_matches("/webhooks/shop-cz").split('/');
    Inbound {
        method: request.method,
        path: path.filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        query: request.url.query_pairs().into_owned().collect(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        received_at: at(NOW),
    }
}

/// As the gateway stores it.
fn stored(request: &Inbound) -> Webhook {
    pushed(request.headers.get("x-wc-webhook-topic").unwrap_or(""), &request.body, request.received_at)
}

#[test]
fn every_sample_is_taken_and_proves_what_its_name_says() {
    let connector = connector(&[("secret", "a&amp;b"), ("url_token", "t0k")]);
    let url = "http://127.0.0.1:8080/webhooks/shop-cz".parse().expect("url");
    for doc in VENDOR.samples {
        let request = connector.sample(doc.name, &url, at(NOW)).expect(doc.name);
        let inbound = inbound(&request);
        match connector.accept(&inbound) {
            Accept::Answer { code, .. } => assert_eq!((doc.name, code), ("ping", code::PING)),
            Accept::Store { .. } => {
                let facts = facts(connector.normalize(&stored(&inbound)));
                assert!(names(&facts).contains(&doc.name), "{} proves {:?}", doc.name, names(&facts));
            }
            refused @ Accept::Refuse(_) => panic!("{}: {refused:?}", doc.name),
        }
    }
    assert!(connector.sample("order.shipped", &url, at(NOW)).is_none());
}

#[test]
fn a_sample_looks_as_the_shop_sends_it() {
    let url = "http://127.0.0.1:8080/webhooks/shop-cz".parse().expect("url");
    let request = shop().sample("order.paid", &url, at(NOW)).expect("a sample");
    let names: Vec<_> = request.headers.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "User-Agent",
            "Accept",
            "Content-Type",
            "X-WC-Webhook-Source",
            "X-WC-Webhook-Topic",
            "X-WC-Webhook-Resource",
            "X-WC-Webhook-Event",
            "X-WC-Webhook-Signature",
            "X-WC-Webhook-ID",
            "X-WC-Webhook-Delivery-ID",
        ]
    );
    assert!(request.body.is_ascii() && !request.body.windows(3).any(|bytes| bytes == b"://"));
    let body: Value = serde_json::from_slice(&request.body).expect("json");
    assert_eq!(body["date_paid_gmt"], "2026-11-22T05:30:00");
    assert_eq!(body["line_items"][0]["sku"], "COURSE-1");
    assert_eq!(body["billing"]["last_name"], "Růžičková");
}

#[test]
fn the_life_of_an_order_in_the_sandbox_gives_its_facts() {
    let connector = shop();
    let mut sandbox = (VENDOR.sandbox)(&settings_of(settings::LIST, &[SECRET]), at(NOW));
    let mut does = |command: Value| -> Vec<Vec<&'static str>> {
        let outcome = sandbox.command(&command, at(NOW)).expect("a command");
        let hooks = outcome["webhooks"].as_array().expect("a list").clone();
        hooks
            .iter()
            .map(|hook| {
                let mut request = Request::new(Method::Post, "http://a/webhooks/shop-cz".parse().expect("url"));
                request.headers = serde_json::from_value(hook["headers"].clone()).expect("headers");
                request.body = hook["body"].as_str().expect("a body").to_owned().into();
                let inbound = inbound(&request);
                match connector.accept(&inbound) {
                    Accept::Store { .. } => names(&facts(connector.normalize(&stored(&inbound)))),
                    Accept::Answer { code, .. } => vec![code.as_str()],
                    refused @ Accept::Refuse(_) => panic!("{refused:?}"),
                }
            })
            .collect()
    };
    let new = vec!["order.created", "order.updated"];
    let paid = [&new[..], &["order.paid", "payment.received"]].concat();
    let completed = vec!["order.created", "order.updated", "order.paid", "order.completed", "payment.received"];
    assert_eq!(does(json!({"create_order": {}})), [new.clone(), new]);
    assert_eq!(does(json!({"pay": {"id": 20, "transaction_id": "TX"}})), [paid]);
    assert_eq!(does(json!({"complete": {"id": 20}})), std::slice::from_ref(&completed));
    assert_eq!(
        does(json!({"refund": {"id": 20, "amount": "99.00"}})),
        [[&completed[..], &["payment.refunded"]].concat()]
    );
    assert_eq!(does(json!({"trash": {"id": 20}})), [["order.deleted"]]);
    assert_eq!(does(json!({"ping": {}})), [["ping"]]);
}
