//! The exchanges that the vendor's sheet prints, sent to the simulated vendor as they stand, and its rules.

use bytes::Bytes;

use super::*;
use crate::{
    connectors::contract::sandbox::SandboxRequest,
    model::http::{Headers, Method, Reply},
};

const CREDENTIALS: &str = "Basic ZGVtb3VzZXI6ZGVtb3Bhc3M=";

fn raw(method: Method, path: &str, body: &str) -> SandboxRequest {
    SandboxRequest {
        method,
        path: path.to_owned(),
        query: String::new(),
        headers: Headers::new().with("Authorization", CREDENTIALS).with("Content-Type", "application/json"),
        body: Bytes::from(body.to_owned()),
    }
}

fn send(pair: &mut Pair, method: Method, path: &str, body: &str) -> (u16, String) {
    let Reply { status, body, .. } = pair.sandbox.answer(&raw(method, path, body), now());
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

const PERSON: &str = include_str!("../fixtures/subscribe.json");

const ORDER: &str = include_str!("../fixtures/order.json");

const SETTLED: &str = include_str!("../fixtures/settlement.json");

#[test]
fn a_subscription_is_added_once() {
    let mut pair = Pair::new();
    let first = send(&mut pair, Method::Post, "/subscribe/51234/form/88001", PERSON);
    assert_eq!(first, (200, "90413".to_owned()));
    let second = send(&mut pair, Method::Post, "/subscribe/51234/form/88001", PERSON);
    assert_eq!(second, (200, "-1".to_owned()));
}

#[test]
fn an_order_and_its_settlement() {
    let mut pair = Pair::new();
    let (status, _) = send(&mut pair, Method::Post, "/processWebshopOrder/51300/ns_id/88120", ORDER);
    assert_eq!(status, 200);
    let path = "/update/51300/form/88130/field/mssys_shoprenter_id/value/4711";
    assert_eq!(send(&mut pair, Method::Post, path, SETTLED), (200, "1".to_owned()));
    assert_eq!(send(&mut pair, Method::Post, path, SETTLED), (200, "0".to_owned()));
    let (_, found) = send(&mut pair, Method::Get, "/list/51300/field/mssys_shoprenter_id/value/4711", "");
    let found: Value = serde_json::from_str(&found).expect("json");
    assert_eq!(found[0]["mssys_order_status"], "2");
    assert_eq!(found[0]["products"][0]["oi_sku"], "SZAPPAN-01");
    assert_eq!(found[0]["mssys_order_brutto_sum"], "6985.00");
}

#[test]
fn a_settlement_of_an_unknown_order_changes_nothing() {
    let mut pair = Pair::new();
    let path = "/update/51300/form/88130/field/mssys_shoprenter_id/value/4711";
    assert_eq!(send(&mut pair, Method::Post, path, SETTLED), (200, "0".to_owned()));
    assert!(pair.sandbox.effects().is_empty());
}

#[test]
fn what_we_send_for_the_printed_order_is_the_printed_order_but_for_the_categories() {
    let mut order = order();
    order["customer"]["phone"] = json!("");
    order["customer"]["address"]["street2"] = json!("");
    order["customer"]["shippingAddress"] = json!(null);
    order["note"] = json!("");
    let pair = Pair::new();
    let ours = first_request(&pair.drive("record_order", json!({ "order": order })));
    let ours: Value = serde_json::from_slice(&ours.body).expect("json");
    let mut printed: Value = serde_json::from_str(ORDER).expect("json");
    printed["products"][0].as_object_mut().expect("line").remove("categories");
    for (name, value) in printed.as_object().expect("object") {
        let same = match name.as_str() {
            "products" | "netshippingcost" | "grossshippingcost" => continue,
            _ => value == &ours[name],
        };
        assert!(same, "{name}");
    }
    assert_eq!(printed.as_object().expect("object").len(), ours.as_object().expect("object").len());
}

#[test]
fn errors_are_the_documented_ones() {
    let mut pair = Pair::new();
    for (method, path, body, status) in [
        (Method::Get, "/nothing", "", 404),
        (Method::Get, "/list/1", "", 404),
        (Method::Get, "/list/51234/record/1", "", 404),
        (Method::Post, "/subscribe/51234/form/1", PERSON, 404),
        (Method::Delete, "/getlists", "", 405),
        (Method::Put, "/subscribe/51234/form/88001", PERSON, 405),
        (Method::Post, "/subscribe/51234/form/88002", PERSON, 406),
        (Method::Post, "/subscribe/51234/form/88001", "not json", 406),
        (Method::Post, "/subscribe/51234/form/88001", r#"{"email":"a@b.hu","colour":"x"}"#, 406),
        (Method::Post, "/update/51300/form/88001/field/email/value/x", "{}", 404),
        (Method::Post, "/update/51234/form/88002/field/colour/value/x", "{}", 406),
        (Method::Post, "/update/51234/form/88002/record/90412", r#"{"points":"many"}"#, 406),
        (Method::Post, "/processWebshopOrder/51300/ns_id/88120", r#"{"order_id":"1"}"#, 406),
        (Method::Get, "/list/51234/field/colour/value/x", "", 406),
    ] {
        assert_eq!(send(&mut pair, method, path, body).0, status, "{} {path}", method.as_str());
    }
    let mut request = raw(Method::Get, "/getlists", "");
    request.headers = Headers::new();
    assert_eq!(pair.sandbox.answer(&request, now()).status, 401);
    assert!(pair.sandbox.effects().is_empty());
    assert_eq!(pair.sandbox.state()["calls"], json!({"2025-10": 15}), "every call counts");
}

#[test]
fn an_order_with_a_wrong_line_is_refused() {
    for (from, to) in [("\"qty\":3", "\"qty\":1.5"), ("\"tax\":27,", ""), ("1500.0", "1500.123"), ("\"hu\"", "\"HU\"")]
    {
        let mut pair = Pair::new();
        let body = ORDER.replace(from, to);
        assert_eq!(send(&mut pair, Method::Post, "/processWebshopOrder/51300/ns_id/88120", &body).0, 406, "{to}");
    }
}

#[test]
fn an_order_may_be_answered_with_a_text() {
    let mut pair = Pair::new();
    pair.command(&json!({"order_answer": "OK"}));
    let driven = pair.run("record_order", json!({"order": order()}));
    assert_eq!(result(&driven), json!({"order_id": "4711", "already": "false"}));
}

#[test]
fn lists_forms_and_fields_can_be_read() {
    let mut pair = Pair::new();
    for (path, expected) in [
        ("/getlists", json!([{"nl_id": 51234, "list_name": "Hírlevél"}, {"nl_id": 51300, "list_name": "Rendelések"}])),
        ("/zapier/getlists/11", json!([{"nl_id": 51300, "list_name": "Rendelések"}])),
        ("/getforms/51300", json!([{"ns_id": 88120, "form_name": "Megrendelés"}])),
        (
            "/zapier/getforms/51300/2",
            json!([{"ns_id": 88131, "form_name": "Állapotváltás"}, {"ns_id": 88130, "form_name": "Fizetve"}]),
        ),
    ] {
        let (status, body) = send(&mut pair, Method::Get, path, "");
        assert_eq!((status, serde_json::from_str::<Value>(&body).expect("json")), (200, expected), "{path}");
    }
    let (_, fields) = send(&mut pair, Method::Get, "/listfields/51234/extended", "");
    let fields: Value = serde_json::from_str(&fields).expect("json");
    assert_eq!(fields["last_purchase"], "date");
}

#[test]
fn commands_that_do_not_fit_say_which_there_are() {
    let mut pair = Pair::new();
    for command in [json!("x"), json!({}), json!({"fly": 1}), json!({"unsubscribe": "a", "delete": "b"})] {
        assert!(pair.sandbox.command(&command, now()).expect_err("wrong").contains("`unsubscribe`"));
    }
    for command in [json!({"unsubscribe": "nobody@example.hu"}), json!({"delete": "nobody@example.hu"})] {
        assert!(pair.sandbox.command(&command, now()).is_err());
    }
}
