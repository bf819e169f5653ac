//! The webhooks that are sent, as a WooCommerce shop sends them, and the connector that takes them.

use std::sync::{Arc, LazyLock};

use spojka::{
    connectors::{
        contract::{Connector, settings::settings_of},
        kit::hmac,
        woocommerce,
    },
    model::secret::Secret,
};

pub(crate) use woocommerce::VENDOR;

/// The header with the signature.
pub(crate) const SIGNATURE: &str = "x-wc-webhook-signature";
pub(crate) static SECRETS: LazyLock<[Secret; 1]> = LazyLock::new(|| [Secret::new(SECRET)]);
const SECRET: &str = "bench-secret";

/// As many different bodies as are sent in turn.
const DIFFERENT: usize = 256;

/// The shop's connector.
pub(crate) fn connector() -> Arc<dyn Connector> {
    (VENDOR.open)(settings_of(VENDOR.settings, &[("secret", SECRET)])).expect("the settings are right")
}

/// Whole requests, ready for the wire.
pub(crate) fn requests(body_bytes: usize) -> Vec<Vec<u8>> {
    (0..DIFFERENT).map(|number| request(number, &body(number, body_bytes))).collect()
}

/// An order as shops send them, filled up to the size.
fn body(number: usize, bytes: usize) -> String {
    let mut body = format!(
        r#"{{"id":{number},"parent_id":0,"number":"{number}","order_key":"wc_order_{number}","status":"processing","currency":"CZK","total":"1270.00","line_items":["#
    );
    let line =
        |item| format!(r#"{{"id":{item},"name":"Course","sku":"COURSE-{item}","quantity":1,"total":"127.00"}},"#);
    let end = r#"{}],"customer_note":""}"#;
    for item in 0.. {
        let line = line(item);
        if body.len() + line.len() + end.len() > bytes {
            break;
        }
        body.push_str(&line);
    }
    body.push_str(end);
    let filling = "x".repeat(bytes.saturating_sub(body.len()));
    body.insert_str(body.len() - 2, &filling);
    body
}

fn request(number: usize, body: &str) -> Vec<u8> {
    let signature = hmac::sha256_base64(SECRETS[0].expose().as_bytes(), body.as_bytes());
    let length = body.len();
    format!(
        "POST /webhooks/bench HTTP/1.1\r\nHost: hooks.example.cz\r\n\
         User-Agent: WooCommerce/9.4.2 Hookshot (WordPress/6.7.1)\r\nAccept: */*\r\nAccept-Encoding: deflate, gzip, br\r\n\
         Content-Type: application/json\r\nX-WC-Webhook-Source: https://shop.example.cz/\r\n\
         X-WC-Webhook-Topic: order.updated\r\nX-WC-Webhook-Resource: order\r\nX-WC-Webhook-Event: updated\r\n\
         X-WC-Webhook-Signature: {signature}\r\nX-WC-Webhook-ID: 3\r\n\
         X-WC-Webhook-Delivery-ID: {number:032x}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
