use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    connectors::{
        contract::{Refusal, settings::settings_of},
        woocommerce::settings::LIST,
    },
    model::time::Timestamp,
};

const BODY_A: &str = r#"{"id":4711,"number":"4711","status":"processing","currency":"HUF","total":"12700.00"}"#;
const BODY_B: &str = r#"{"id":4712,"billing":{"first_name":"Zsófia","last_name":"Őri","city":"Pécs"}}"#;
const BODY_B_ESCAPED: &str =
    r#"{"id":4712,"billing":{"first_name":"Zs\u00f3fia","last_name":"\u0150ri","city":"P\u00e9cs"}}"#;
const SIGNED_A: &str = "N4e/6t8/jI9oXlYskSPIKIbLsWXWMJNhDQnlQbWNXTA=";
const SIGNED_B: &str = "vOF8z9egMDznPjvocma5yF1nNqpivy3t0ZHpgC/4Pvs=";
const SIGNED_B_ESCAPED: &str = "Cv7TvsyOJl9zmRzRdrY/wxfiBvln1XbfeSQ0x9oi4JE=";
const SECRET: &str = "wc-demo-secret-77";

fn account(given: &[(&str, &str)]) -> Account {
    Account::read(&settings_of(LIST, given)).unwrap_or_else(|_| panic!("good settings"))
}

fn post(headers: Headers, body: &[u8]) -> Inbound {
    Inbound {
        method: Method::Post,
        path: Vec::new(),
        query: Vec::new(),
        headers,
        body: Bytes::copy_from_slice(body),
        received_at: Timestamp::UNIX_EPOCH,
    }
}

fn headers(topic: &str, signature: &str) -> Headers {
    Headers::new()
        .with("Content-Type", "application/json")
        .with("X-WC-Webhook-Topic", topic)
        .with("X-WC-Webhook-ID", "3")
        .with("X-WC-Webhook-Signature", signature)
}

fn signed(topic: &str, body: &str) -> Inbound {
    post(headers(topic, &hmac::sha256_base64(SECRET.as_bytes(), body.as_bytes())), body.as_bytes())
}

fn ping() -> Inbound {
    post(Headers::new().with("Content-Type", "application/x-www-form-urlencoded"), b"webhook_id=1")
}

/// The one-word result of a decision, for tables.
fn word(accept: &Accept) -> &'static str {
    match accept {
        Accept::Refuse(Refusal { code, .. }) | Accept::Answer { code, .. } => code.as_str(),
        Accept::Store { .. } => "stored",
    }
}

fn judge(account: &Account, request: &Inbound) -> &'static str {
    word(&accept(account, request))
}

#[test]
fn the_published_vectors_hold() {
    for (secret, body, signature, result) in [
        (SECRET, BODY_A, SIGNED_A, "stored"),
        (SECRET, BODY_B, SIGNED_B, "stored"),
        (SECRET, BODY_B_ESCAPED, SIGNED_B_ESCAPED, "stored"),
        (SECRET, BODY_B_ESCAPED, SIGNED_B, "signature-mismatch"),
        ("wc&demo<77", BODY_A, "6czAMRGIg3dE8r0tABw5S+iIFaRgJ8C73SRI/zH57W8=", "stored"),
        ("wc&amp;demo&lt;77", BODY_A, "6czAMRGIg3dE8r0tABw5S+iIFaRgJ8C73SRI/zH57W8=", "stored"),
        ("wc&amp;demo&lt;77", BODY_A, "LP9Lw2NRZEp+ttpt9dwGw6qz/EJ+HR4ny9ubfZazQQw=", "signature-mismatch"),
    ] {
        let account = account(&[("secret", secret)]);
        assert_eq!(judge(&account, &post(headers("order.updated", signature), body.as_bytes())), result, "{signature}");
    }
}

/// The example of the vendor's sheet, as it stands there.
#[test]
fn the_printed_example_is_stored() {
    let headers = Headers::new()
        .with("Content-Type", "application/json")
        .with("User-Agent", "WooCommerce/9.4.2 Hookshot (WordPress/6.7)")
        .with("X-WC-Webhook-Source", "https://bolt.example.hu/")
        .with("X-WC-Webhook-Topic", "order.updated")
        .with("X-WC-Webhook-Resource", "order")
        .with("X-WC-Webhook-Event", "updated")
        .with("X-WC-Webhook-Signature", SIGNED_A)
        .with("X-WC-Webhook-ID", "3")
        .with("X-WC-Webhook-Delivery-ID", "0f3c1b7a9d2e4f60");
    let accepted = accept(&account(&[("secret", SECRET)]), &post(headers, BODY_A.as_bytes()));
    assert_eq!(
        accepted,
        Accept::Store {
            delivery: None,
            key: "order/4711".to_owned(),
            event: None,
            query: Vec::new(),
            answer: Reply::new(200),
        }
    );
}

#[test]
fn what_is_not_proved_is_refused_with_401() {
    let account = account(&[("secret", SECRET)]);
    let unsigned = post(Headers::new().with("X-WC-Webhook-Topic", "order.updated"), BODY_A.as_bytes());
    assert_eq!(accept(&account, &unsigned), Accept::refuse(401, code::SIGNATURE_MISSING));
    let twice = post(headers("order.updated", SIGNED_A).with("x-wc-webhook-signature", SIGNED_A), BODY_A.as_bytes());
    for signature in ["", "x", &format!(" {SIGNED_A}"), &format!("{SIGNED_A}, {SIGNED_A}"), SIGNED_B] {
        let wrong = post(headers("order.updated", signature), BODY_A.as_bytes());
        assert_eq!(accept(&account, &wrong), Accept::refuse(401, code::SIGNATURE_MISMATCH), "{signature}");
    }
    assert_eq!(accept(&account, &twice), Accept::refuse(401, code::SIGNATURE_MISMATCH));
}

#[test]
fn without_a_secret_nothing_is_stored_unless_the_owner_says_so() {
    let rest = [("base_url", "https://shop.example.cz"), ("consumer_key", "ck"), ("consumer_secret", "cs")];
    assert_eq!(accept(&account(&rest), &signed("order.updated", BODY_A)), Accept::refuse(503, code::NO_SECRET));
    let open = account(&[("unverified_webhooks", "true")]);
    assert_eq!(judge(&open, &post(Headers::new(), BODY_A.as_bytes())), "stored");
    let both = account(&[("unverified_webhooks", "true"), ("secret", SECRET)]);
    assert_eq!(judge(&both, &post(Headers::new(), BODY_A.as_bytes())), "signature-missing");
}

#[test]
fn a_ping_is_answered_in_exactly_its_form_and_no_other() {
    let account = account(&[("secret", SECRET)]);
    assert_eq!(accept(&account, &ping()), Accept::Answer { reply: Reply::new(200), code: code::PING });
    for body in
        [&b"webhook_id="[..], b"webhook_id=1&x=2", b"webhook_id=1x", b"webhook_id=-1", b"webhook_id=1\n", b"id=1", b""]
    {
        assert_eq!(judge(&account, &Inbound { body: Bytes::from(body), ..ping() }), "signature-missing", "{body:?}");
    }
    let json = Inbound { headers: Headers::new().with("Content-Type", "application/json"), ..ping() };
    assert_eq!(judge(&account, &json), "signature-missing");
    let with_topic = Inbound { headers: ping().headers.with("X-WC-Webhook-Topic", "order.updated"), ..ping() };
    assert_eq!(judge(&account, &with_topic), "signature-missing");
}

#[test]
fn other_topics_are_answered_200_and_not_stored() {
    let account = account(&[("secret", SECRET)]);
    for topic in ["product.deleted", "coupon.deleted", "customer.created", "action.woocommerce_x", "orders.updated"] {
        let accepted = accept(&account, &signed(topic, r#"{"id":42}"#));
        assert_eq!(accepted, Accept::Answer { reply: Reply::new(200), code: code::UNWANTED_TOPIC }, "{topic}");
    }
    let forged = post(headers("product.deleted", SIGNED_A), b"{}");
    assert_eq!(judge(&account, &forged), "signature-mismatch");
}

#[test]
fn a_topic_that_a_proxy_dropped_is_no_reason_to_lose_the_order() {
    let account = account(&[("secret", SECRET)]);
    let bare = Headers::new().with("X-WC-Webhook-Signature", SIGNED_A);
    assert_eq!(judge(&account, &post(bare.clone(), BODY_A.as_bytes())), "stored");
    let parts = bare.with("X-WC-Webhook-Resource", "product").with("X-WC-Webhook-Event", "deleted");
    assert_eq!(judge(&account, &post(parts, BODY_A.as_bytes())), "unwanted-topic");
}

#[test]
fn an_error_in_the_place_of_the_order_is_stored() {
    let body = r#"{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":404}}"#;
    let accepted = accept(&account(&[("secret", SECRET)]), &signed("order.created", body));
    assert!(matches!(accepted, Accept::Store { key, .. } if key == "webhook/3"));
}

#[test]
fn only_post_is_taken() {
    let account = account(&[("secret", SECRET)]);
    for method in [Method::Get, Method::Head, Method::Put, Method::Options] {
        let request = Inbound { method, ..signed("order.updated", BODY_A) };
        assert_eq!(accept(&account, &request), Accept::refuse(405, code::METHOD_NOT_ALLOWED));
    }
}

#[test]
fn a_token_in_the_url_is_demanded_where_one_is_set() {
    let account = account(&[("secret", SECRET), ("url_token", "t0k")]);
    let at =
        |path: &[&str], request: Inbound| Inbound { path: path.iter().map(|p| (*p).to_owned()).collect(), ..request };
    assert_eq!(judge(&account, &at(&["t0k"], signed("order.updated", BODY_A))), "stored");
    assert_eq!(judge(&account, &at(&["t0k"], ping())), "ping");
    for path in [&[][..], &["other"], &["x", "t0k"]] {
        assert_eq!(judge(&account, &at(path, signed("order.updated", BODY_A))), "token-mismatch", "{path:?}");
        assert_eq!(judge(&account, &at(path, ping())), "token-mismatch");
    }
    let plain = self::account(&[("secret", SECRET)]);
    assert_eq!(judge(&plain, &at(&["paid"], signed("order.updated", BODY_A))), "unknown-event");
}

#[test]
fn the_token_is_not_stored() {
    let account = account(&[("secret", SECRET), ("url_token", "t0k")]);
    let query = vec![("k".to_owned(), "t0k".to_owned()), ("shop".to_owned(), "2".to_owned())];
    let accepted = accept(&account, &Inbound { query, ..signed("order.updated", BODY_A) });
    assert!(matches!(accepted, Accept::Store { query, .. } if query == [("shop".to_owned(), "2".to_owned())]));
}

#[test]
fn the_signature_is_not_among_the_headers_kept() {
    assert!(KEPT.iter().all(|name| !name.eq_ignore_ascii_case(SIGNATURE)));
    assert!(KEPT.iter().any(|name| name.eq_ignore_ascii_case(TOPIC)));
}

proptest! {
    #[test]
    fn no_bytes_are_taken_without_the_key(body: Vec<u8>, signature in "[A-Za-z0-9+/=]{0,48}") {
        let account = account(&[("secret", SECRET)]);
        prop_assert_eq!(judge(&account, &post(headers("order.updated", &signature), &body)), "signature-mismatch");
    }

    #[test]
    fn whatever_is_signed_is_stored(body: Vec<u8>) {
        let account = account(&[("secret", SECRET)]);
        let signature = hmac::sha256_base64(SECRET.as_bytes(), &body);
        prop_assert_eq!(judge(&account, &post(headers("order.updated", &signature), &body)), "stored");
    }
}
