use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::*;
use crate::{
    connectors::{contract::settings::settings_of, woocommerce::settings::LIST},
    model::http::{Headers, Method},
};

fn now() -> Timestamp {
    "2026-11-22T05:30:00Z".parse().expect("time")
}

fn shop() -> Box<dyn Sandbox> {
    let given = [("secret", "s3cret"), ("base_url", "https://a.cz"), ("consumer_key", "ck"), ("consumer_secret", "cs")];
    open(&settings_of(LIST, &given), now())
}

fn request(pair: &str, path: &str, query: &str) -> SandboxRequest {
    SandboxRequest {
        method: Method::Get,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Headers::new().with("Authorization", format!("Basic {}", STANDARD.encode(pair))),
        body: Bytes::new(),
    }
}

fn get(shop: &mut dyn Sandbox, query: &str) -> (u16, Value) {
    let reply = shop.answer(&request("ck:cs", "/wp-json/wc/v3/orders", query), now());
    (reply.status, serde_json::from_slice(&reply.body).expect("json"))
}

fn topics(outcome: &Value) -> Vec<&str> {
    outcome["webhooks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|hook| hook["topic"].as_str().expect("a topic"))
        .collect()
}

#[test]
fn the_four_ways_to_give_a_moment_differ_as_in_the_real_shop() {
    let mut shop = shop();
    // The one order was changed at 04:30 UTC, which is 05:30 in the shop.
    for (query, found) in [
        ("modified_after=2026-11-22T04:29:59&dates_are_gmt=true", 1),
        ("modified_after=2026-11-22T04:29:59Z", 1),
        ("modified_after=2026-11-22T04:29:59Z&dates_are_gmt=true", 0),
        ("modified_after=2026-11-22T04:29:59", 1),
        ("modified_after=2026-11-22T05:30:00", 0),
        ("modified_after=2026-11-22T04:30:00&dates_are_gmt=true", 0),
    ] {
        assert_eq!(get(shop.as_mut(), query).1.as_array().map(Vec::len), Some(found), "{query}");
    }
}

#[test]
fn parameters_are_checked() {
    let mut shop = shop();
    for query in ["per_page=0", "per_page=101", "page=0", "orderby=total", "order=up", "modified_after=2026-11-22"] {
        let (status, body) = get(shop.as_mut(), query);
        assert_eq!((status, body["code"].as_str()), (400, Some("rest_invalid_param")), "{query}");
    }
}

#[test]
fn credentials_are_checked_as_by_the_shop() {
    let mut shop = shop();
    for (pair, code) in [
        ("ck:wrong", "woocommerce_rest_authentication_error"),
        ("other:cs", "woocommerce_rest_cannot_view"),
        ("", "woocommerce_rest_cannot_view"),
    ] {
        let reply = shop.answer(&request(pair, "/wp-json/wc/v3/orders", ""), now());
        let body: Value = serde_json::from_slice(&reply.body).expect("json");
        assert_eq!((reply.status, body["code"].as_str()), (401, Some(code)), "{pair}");
    }
}

#[test]
fn totals_and_links_tell_the_pages() {
    let mut shop = shop();
    for _ in 0..11 {
        shop.command(&json!({"create_order": {}}), now()).expect("made");
    }
    let page =
        |shop: &mut dyn Sandbox, query: &str| shop.answer(&request("ck:cs", "/wp-json/wc/v3/orders", query), now());
    let first = page(shop.as_mut(), "");
    assert_eq!(first.headers.get("X-WP-Total"), Some("12"));
    assert_eq!(first.headers.get("X-WP-TotalPages"), Some("2"));
    assert!(first.headers.get("Link").is_some_and(|link| link.contains("page=2") && link.contains("next")));
    let past = page(shop.as_mut(), "page=9");
    assert_eq!((past.status, past.body.as_ref(), past.headers.get("X-WP-Total")), (200, &b"[]"[..], Some("0")));
}

#[test]
fn one_order_and_none() {
    let mut shop = shop();
    let status = |shop: &mut dyn Sandbox, id: &str| {
        shop.answer(&request("ck:cs", &format!("/shop/wp-json/wc/v3/orders/{id}"), ""), now()).status
    };
    assert_eq!(status(shop.as_mut(), "19"), 200);
    assert_eq!(status(shop.as_mut(), "20"), 404);
    assert_eq!(shop.answer(&request("ck:cs", "/", "rest_route=/wc/v3/orders"), now()).status, 404);
}

#[test]
fn commands_send_what_the_observed_shop_sent() {
    let mut shop = shop();
    for (command, sent) in [
        (json!({"create_order": {}}), &["order.created", "order.updated"][..]),
        (json!({"pay": {"id": 20, "transaction_id": "TX-1"}}), &["order.updated"]),
        (json!({"complete": {"id": 20}}), &["order.updated"]),
        (json!({"refund": {"id": 20, "amount": "100.00"}}), &["order.updated"]),
        (json!({"delete_refund": {"id": 20, "refund": 21}}), &[]),
        (json!({"edit": {"id": 20, "note": "x"}}), &["order.updated"]),
        (json!({"trash": {"id": 20}}), &["order.deleted"]),
        (json!({"restore": {"id": 20}}), &["order.restored"]),
        (json!({"cancel": {"id": 20}}), &["order.updated"]),
        (json!({"trash": {"id": 20}}), &["order.deleted"]),
        (json!({"set_status": {"id": 20, "status": "pending"}}), &[]),
        (json!({"delete": {"id": 20}}), &[]),
        (json!({"create_order": {"status": "auto-draft"}}), &["order.created"]),
        (json!({"set_status": {"id": 22, "status": "pending"}}), &["order.created"]),
        (json!({"ping": {}}), &["ping"]),
    ] {
        let outcome = shop.command(&command, now()).unwrap_or_else(|why| panic!("{command}: {why}"));
        assert_eq!(topics(&outcome), sent, "{command}");
    }
}

#[test]
fn a_refund_above_the_total_is_refused_and_the_last_one_makes_it_refunded() {
    let mut shop = shop();
    assert!(shop.command(&json!({"refund": {"id": 19, "amount": "2299.01"}}), now()).is_err());
    shop.command(&json!({"refund": {"id": 19, "amount": "1000.00"}}), now()).expect("a part");
    assert_eq!(shop.state()["orders"][0]["status"], "processing");
    shop.command(&json!({"refund": {"id": 19, "amount": 1299}}), now()).expect("the rest");
    let order = &shop.state()["orders"][0];
    assert_eq!(order["status"], "refunded");
    assert_eq!(order["refunds"][0]["total"], "-1299.00");
    assert_eq!(order["total"], "2299.00");
}

#[test]
fn cash_on_delivery_is_paid_when_it_is_completed() {
    let mut shop = shop();
    shop.command(&json!({"create_order": {"status": "processing", "payment_method": "cod"}}), now()).expect("made");
    assert_eq!(shop.state()["orders"][1]["date_paid_gmt"], Value::Null);
    shop.command(&json!({"complete": {"id": 20}}), now()).expect("done");
    assert_eq!(shop.state()["orders"][1]["date_paid_gmt"], "2026-11-22T05:30:00");
    assert_eq!(shop.state()["orders"][1]["date_paid"], "2026-11-22T06:30:00");
}

#[test]
fn unknown_commands_name_the_known_ones() {
    let mut shop = shop();
    for bad in [
        json!({"explode": {}}),
        json!({"pay": {"id": 19, "x": 1}}),
        json!({"create_order": {"colour": "red"}}),
        json!(1),
    ] {
        let why = shop.command(&bad, now()).expect_err("no command");
        assert!(why.contains("create_order"), "{why}");
    }
}
