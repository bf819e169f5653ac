//! WooCommerce: an order at the door, as a fact, and as a row of a poll.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use spojka::{
    connectors::contract::Connector,
    model::http::{Headers, Reply},
};
use spojka_fuzz::{accept, normalize, now, open, pieces, polled, pushed, vendor};

static CONNECTORS: LazyLock<[Arc<dyn Connector>; 2]> = LazyLock::new(|| {
    let with = |settings: &[(&str, &str)]| open(vendor("woocommerce"), settings);
    [
        with(&[("secret", "abc"), ("url_token", "t0k")]),
        with(&[
            ("unverified_webhooks", "true"),
            ("base_url", "https://shop.example"),
            ("consumer_key", "ck_1"),
            ("consumer_secret", "cs_1"),
        ]),
    ]
});

fuzz_target!(|data: &[u8]| {
    let pieces = pieces(data);
    for connector in CONNECTORS.iter().map(AsRef::as_ref) {
        accept(connector, &pieces);
        for topic in ["order.updated", "order.deleted"] {
            let headers = Headers::new().with("x-wc-webhook-topic", topic);
            normalize(connector, pushed(&pieces[0], headers), &pieces[1..]);
        }
        normalize(connector, polled(&pieces[0], "orders", true), &pieces[1..]);
        for poll in connector.polls() {
            let mut reply = Reply::new(200);
            reply.body = pieces[0].clone();
            connector.read(poll.name, None, now(), &reply);
        }
    }
});
