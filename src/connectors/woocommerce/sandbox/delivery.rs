//! Webhooks as the shop sends them: headers, escapes and signature.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    connectors::kit::hmac,
    model::{
        hash::short_hex,
        http::{Headers, Method, Request},
        secret::Secret,
        time::Timestamp,
    },
};

/// One request that the shop sends, without its address.
pub(in crate::connectors::woocommerce) struct Delivery {
    pub(in crate::connectors::woocommerce) topic: &'static str,
    pub(in crate::connectors::woocommerce) headers: Headers,
    pub(in crate::connectors::woocommerce) body: String,
}

/// The webhooks of the simulated shop: topic and number.
const HOOKS: [(&str, u32); 4] =
    [("order.created", 22), ("order.updated", 23), ("order.deleted", 24), ("order.restored", 25)];

impl Delivery {
    /// A signed delivery. Without a key it stays unsigned.
    pub(in crate::connectors::woocommerce) fn signed(
        topic: &'static str,
        body: &Value,
        key: Option<&Secret>,
        now: Timestamp,
    ) -> Self {
        let body = as_php(&body.to_string());
        let hook = HOOKS.iter().find(|(known, _)| *known == topic).map_or(1, |(_, number)| *number);
        let (resource, event) = topic.split_once('.').unwrap_or((topic, ""));
        let mut headers = common()
            .with("Content-Type", "application/json")
            .with("X-WC-Webhook-Source", "https://shop.example.cz/")
            .with("X-WC-Webhook-Topic", topic)
            .with("X-WC-Webhook-Resource", resource)
            .with("X-WC-Webhook-Event", event);
        if let Some(key) = key {
            headers =
                headers.with("X-WC-Webhook-Signature", hmac::sha256_base64(key.expose().as_bytes(), body.as_bytes()));
        }
        headers =
            headers.with("X-WC-Webhook-ID", hook.to_string()).with("X-WC-Webhook-Delivery-ID", delivery_id(hook, now));
        Self { topic, headers, body }
    }

    /// What comes when a webhook is saved.
    pub(in crate::connectors::woocommerce) fn ping() -> Self {
        let headers = common().with("Content-Type", "application/x-www-form-urlencoded");
        Self { topic: "ping", headers, body: format!("webhook_id={}", HOOKS[0].1) }
    }

    pub(in crate::connectors::woocommerce) fn to(self, url: url::Url) -> Request {
        let mut request = Request::new(Method::Post, url);
        request.headers = self.headers;
        request.body = self.body.into();
        request
    }

    /// For whoever drives the sandbox: they send it.
    pub(super) fn to_value(&self) -> Value {
        json!({"topic": self.topic, "method": "POST", "headers": self.headers.0, "body": self.body})
    }
}

fn common() -> Headers {
    Headers::new().with("User-Agent", "WooCommerce/11.0.1 Hookshot (WordPress/7.1)").with("Accept", "*/*")
}

/// Made from the webhook and the second of sending, so two deliveries within one second share it.
fn delivery_id(hook: u32, now: Timestamp) -> String {
    short_hex(&Sha256::digest(format!("{hook}/{}", now.as_second())))
}

/// JSON as PHP prints it: slashes escaped, everything outside ASCII as `\uXXXX`. Both occur in strings only.
fn as_php(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '/' => text.push_str("\\/"),
            ascii if ascii.is_ascii() => text.push(ascii),
            other => text.extend(other.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_php_does() {
        let value = json!({"a": "ř/😀\"\n"});
        let text = as_php(&value.to_string());
        assert_eq!(text, r#"{"a":"\u0159\/\ud83d\ude00\"\n"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).expect("json"), value);
    }

    #[test]
    fn two_deliveries_in_one_second_share_their_id() {
        let at = |text: &str| text.parse::<Timestamp>().expect("time");
        let id = |now| {
            Delivery::signed("order.updated", &json!({}), None, now)
                .headers
                .get("x-wc-webhook-delivery-id")
                .map(str::to_owned)
        };
        assert_eq!(id(at("2026-11-22T05:30:00.1Z")), id(at("2026-11-22T05:30:00.9Z")));
        assert_ne!(id(at("2026-11-22T05:30:00Z")), id(at("2026-11-22T05:30:01Z")));
    }
}
