//! What the gateway lets in.

use proptest::prelude::*;

use super::*;
use crate::connectors::kit::hmac::{self, Encoding};

const BODY: &str = r#"{"type":"order.paid","timestamp":"2025-10-09T08:53:20Z","data":{"order_id":"A-1042"}}"#;
const SIGNATURES: &str =
    "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= v1,rFchHA396PUNDH/MNHhcAIY101Z07kKgbQ+TsIpyPr4=";

fn signed() -> Headers {
    Headers::new()
        .with("Content-Type", "application/json")
        .with("webhook-id", "msg_demo0001")
        .with("webhook-timestamp", "1760000000")
        .with("webhook-signature", SIGNATURES)
}

fn judge(connector: &dyn Connector, request: &Inbound) -> &'static str {
    word(&connector.accept(request))
}

/// The exchange that the sheet prints.
#[test]
fn the_printed_exchange_is_stored_under_its_id_and_answered_with_204() {
    let connector = connector(&[("secret", SECRET)]);
    assert_eq!(
        connector.accept(&post(&[], signed(), BODY)),
        Accept::Store {
            delivery: Some("msg_demo0001".to_owned()),
            key: "delivery/msg_demo0001".to_owned(),
            event: None,
            query: Vec::new(),
            answer: Reply::new(204),
        }
    );
}

#[test]
fn what_is_not_proved_is_refused() {
    let source = connector(&[("secret", SECRET)]);
    let without = |name: &str| Headers(signed().0.into_iter().filter(|(known, _)| known != name).collect());
    let with = |name: &str, value: &str| without(name).with(name, value);
    for (headers, expected) in [
        (signed(), "stored"),
        (without("webhook-id"), "signature-missing"),
        (without("webhook-signature"), "signature-missing"),
        (with("webhook-signature", "v1,"), "signature-mismatch"),
        (with("webhook-timestamp", "soon"), "malformed-request"),
        (with("webhook-timestamp", "1759999699"), "time-mismatch"),
        (with("webhook-timestamp", "1760000301"), "time-mismatch"),
        (signed().with("webhook-id", "msg_demo0001"), "signature-mismatch"),
    ] {
        assert_eq!(judge(source.as_ref(), &post(&[], headers.clone(), BODY)), expected, "{headers:?}");
    }
    assert_eq!(judge(source.as_ref(), &post(&[], signed(), format!("{BODY}\n"))), "signature-mismatch");
    assert_eq!(judge(source.as_ref(), &post(&["x"], signed(), BODY)), "unknown-event");
    for method in [Method::Get, Method::Head, Method::Put, Method::Delete] {
        assert_eq!(judge(source.as_ref(), &Inbound { method, ..post(&[], signed(), BODY) }), "method-not-allowed");
    }
    let target_only = connector(&[("base_url", URL)]);
    assert_eq!(judge(target_only.as_ref(), &post(&[], signed(), BODY)), "no-secret");
}

#[test]
fn the_prefix_and_the_tolerance_are_settings() {
    let svix =
        Headers(signed().0.into_iter().map(|(name, value)| (name.replace("webhook-", "svix-"), value)).collect());
    let strict = connector(&[("secret", SECRET), ("header_prefix", "svix-"), ("tolerance", "10s")]);
    assert_eq!(judge(strict.as_ref(), &post(&[], svix.clone(), BODY)), "stored");
    assert_eq!(judge(strict.as_ref(), &post(&[], signed(), BODY)), "signature-missing");
    let late = |seconds| Inbound {
        received_at: now() + std::time::Duration::from_secs(seconds),
        ..post(&[], svix.clone(), BODY)
    };
    assert_eq!((judge(strict.as_ref(), &late(10)), judge(strict.as_ref(), &late(11))), ("stored", "time-mismatch"));
}

#[test]
fn a_plain_hmac_is_written_as_the_owner_says() {
    let digest = hmac::sha256(b"plain secret", BODY.as_bytes());
    let hex = Encoding::Hex.write(&digest);
    let base64 = Encoding::Base64.write(&digest);
    let common = [("scheme", "hmac"), ("secret", "plain secret")];
    let prefixed =
        [&common[..], &[("signature_header", "X-Hub-Signature-256"), ("signature_prefix", "sha256=")]].concat();
    let in_base64 = [&common[..], &[("signature_encoding", "base64"), ("delivery_header", "X-Delivery")]].concat();
    for (given, header, value, expected) in [
        (&common[..], "X-Signature", hex.clone(), "stored"),
        (&common, "x-signature", hex.to_uppercase(), "stored"),
        (&common, "X-Signature", base64.clone(), "signature-mismatch"),
        (&common, "X-Signature", String::new(), "signature-mismatch"),
        (&common, "X-Other", hex.clone(), "signature-missing"),
        (&prefixed, "X-Hub-Signature-256", format!("sha256={hex}"), "stored"),
        (&prefixed, "X-Hub-Signature-256", hex.clone(), "signature-mismatch"),
        (&in_base64, "X-Signature", base64.clone(), "stored"),
        (&in_base64, "X-Signature", hex.clone(), "signature-mismatch"),
    ] {
        let request = post(&[], Headers::new().with(header, value.clone()), BODY);
        assert_eq!(judge(connector(given).as_ref(), &request), expected, "{header}: {value}");
    }
    let twice = Headers::new().with("X-Signature", hex.clone()).with("X-Signature", hex.clone());
    assert_eq!(judge(connector(&common).as_ref(), &post(&[], twice, BODY)), "signature-mismatch");
    let named = Headers::new().with("X-Signature", base64).with("X-Delivery", "d-7");
    let Accept::Store { delivery, .. } = connector(&in_base64).accept(&post(&[], named, BODY)) else {
        panic!("stored")
    };
    assert_eq!(delivery.as_deref(), Some("d-7"));
}

#[test]
fn a_token_alone_proves_only_where_the_owner_says_so() {
    let by_token = connector(&[("scheme", "token"), ("url_token", "t0k")]);
    assert_eq!(judge(by_token.as_ref(), &post(&["t0k"], Headers::new(), BODY)), "stored");
    for path in [&[][..], &["other"], &["t0k", "more"]] {
        assert_eq!(judge(by_token.as_ref(), &post(path, Headers::new(), BODY)), "token-mismatch");
    }
    let both = connector(&[("secret", SECRET), ("url_token", "t0k")]);
    assert_eq!(judge(both.as_ref(), &post(&["t0k"], signed(), BODY)), "stored");
    assert_eq!(judge(both.as_ref(), &post(&["t0k"], Headers::new(), BODY)), "signature-missing");
    assert_eq!(judge(both.as_ref(), &post(&[], signed(), BODY)), "token-mismatch");
}

#[test]
fn webhooks_about_one_thing_are_kept_in_order() {
    let connector = connector(&[("scheme", "token"), ("url_token", "t")]);
    let key = |body: Value| match connector.accept(&post(&["t"], Headers::new(), body.to_string())) {
        Accept::Store { key, .. } => key,
        other => panic!("{other:?}"),
    };
    assert_eq!(key(json!({"type": "order.paid", "data": {"id": 7}})), "order/7");
    assert_eq!(key(json!({"type": "order.updated", "data": {"id": "7"}})), "order/7");
    let person = json!({"type": "subscriber.subscribed", "data": {"party": {"email": "Eva@Example.cz"}}});
    assert_eq!(key(person), "subscriber/eva@example.cz");
    assert_eq!(key(json!({"type": "something.else"})), "delivery/");
}

proptest! {
    /// What is authentic is stored, whatever it says; normalizing tells what is wrong with it.
    #[test]
    fn any_bytes_are_decided_over(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let by_token = connector(&[("scheme", "token"), ("url_token", "t")]);
        prop_assert_eq!(judge(by_token.as_ref(), &post(&["t"], Headers::new(), body.clone())), "stored");
        let by_signature = connector(&[("secret", SECRET)]);
        prop_assert_eq!(judge(by_signature.as_ref(), &post(&[], signed(), body.clone())), "signature-mismatch");
        let _amounts = normalized(by_token.as_ref(), body);
    }
}
