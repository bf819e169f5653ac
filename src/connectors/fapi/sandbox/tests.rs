//! Every exchange that the vendor's description prints, sent as raw requests.

use bytes::Bytes;

use super::*;
use crate::{connectors::fapi::tests::settings, model::http::Headers};

const KEY: &str = "c2hvcEBleGFtcGxlLmN6OmszeQ==";

fn sandbox() -> Box<dyn Sandbox> {
    open(&settings(&[]), now())
}

fn now() -> Timestamp {
    "2025-10-10T08:00:00Z".parse().expect("a time")
}

fn send(sandbox: &mut dyn Sandbox, method: Method, target: &str, body: &str) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = Headers::new().with("Authorization", format!("Basic {KEY}")).with("Accept", "application/json");
    let body = Bytes::from(body.to_owned());
    let request = SandboxRequest { method, path: path.to_owned(), query: query.to_owned(), headers, body };
    let reply = sandbox.answer(&request, now());
    (reply.status, serde_json::from_slice(&reply.body).expect("JSON"))
}

#[test]
fn the_root_tells_whether_the_credentials_are_right() {
    let mut sandbox = sandbox();
    assert_eq!(send(sandbox.as_mut(), Method::Get, "/", ""), (200, json!({})));
    for headers in
        [Headers::new(), Headers::new().with("Authorization", "Basic eDp5"), Headers::new().with("Authorization", KEY)]
    {
        let request = SandboxRequest {
            method: Method::Get,
            path: "/".to_owned(),
            query: String::new(),
            headers,
            body: Bytes::new(),
        };
        let reply = sandbox.answer(&request, now());
        let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!((reply.status, &body["type"]), (401, &json!("AuthenticationException")));
    }
}

#[test]
fn the_printed_document_is_there() {
    let mut sandbox = sandbox();
    let (status, body) = send(sandbox.as_mut(), Method::Get, "/invoices/300100200", "");
    assert_eq!(status, 200);
    assert_eq!((&body["number"], &body["customer"]["name"]), (&json!("2025100042"), &json!("Eva Malá")));
    assert_eq!(body["items"][0]["code"], "OC-1");
    let (status, body) = send(sandbox.as_mut(), Method::Get, "/invoices/12345", "");
    assert_eq!((status, &body["type"]), (404, &json!("RequestException")));
    let (status, body) = send(sandbox.as_mut(), Method::Get, "/invoices/1", "");
    assert_eq!((status, &body["type"]), (401, &json!("AuthorizationException")));
}

#[test]
fn clients_live_as_recorded() {
    let mut sandbox = sandbox();
    let sandbox = sandbox.as_mut();
    let client = r#"{"email":"eva.nova@example.cz","first_name":"Eva","last_name":"Malá","company":"Malá s.r.o.","ic":"09876543",
        "address":{"street":"Dlouhá 5","city":"Brno","zip":"602 00","country":"CZ"}}"#;
    let (status, made) = send(sandbox, Method::Post, "/clients", client);
    assert_eq!((status, &made["email"], &made["tax_payer"]), (201, &json!("eva.nova@example.cz"), &json!(false)));
    let path = format!("/clients/{}", made["id"]);
    let (_, found) = send(sandbox, Method::Get, "/clients?email=eva.nova%40example.cz&limit=1", "");
    assert_eq!(found["clients"], json!([made]));
    assert_eq!(send(sandbox, Method::Get, &path, ""), (200, made));
    let (status, changed) = send(sandbox, Method::Put, &path, r#"{"email":"eva2@example.cz"}"#);
    assert_eq!(
        (status, &changed["email"], &changed["company"]),
        (200, &json!("eva2@example.cz"), &json!("Malá s.r.o."))
    );
    send(sandbox, Method::Put, &path, r#"{"email":"eva2@example.cz"}"#);
    assert_eq!(send(sandbox, Method::Delete, &path, ""), (200, Value::Null));
    assert_eq!(send(sandbox, Method::Get, &path, "").0, 404);
    assert_eq!(send(sandbox, Method::Get, "/clients/1", "").1["type"], "AuthorizationException");
    let kinds: Vec<_> =
        sandbox.effects().iter().map(|effect| (effect["effect"].clone(), effect["changed"].clone())).collect();
    let expected =
        [("client_created", true), ("client_updated", true), ("client_updated", false), ("client_deleted", true)];
    assert_eq!(kinds, expected.map(|(kind, changed)| (json!(kind), json!(changed))));
}

#[test]
fn a_document_is_created_changed_and_marked_paid() {
    let mut sandbox = sandbox();
    let sandbox = sandbox.as_mut();
    let body = r#"{"client":5500123,"items":[{"name":"Sample Item","price":10}],"iban":"CZ6520100000001234567890","swift":"FIOBCZPPXXX"}"#;
    let (status, made) = send(sandbox, Method::Post, "/invoices", body);
    assert_eq!(
        (status, &made["type"], &made["paid"], &made["total"]),
        (201, &json!("proforma"), &json!(false), &json!(10))
    );
    assert_eq!(made["items"][0].get("invoice"), None, "as recorded");
    let path = format!("/invoices/{}", made["id"]);
    assert_eq!(send(sandbox, Method::Get, &path, "").1["items"][0]["invoice"], made["id"]);
    let (status, paid) = send(sandbox, Method::Put, &path, r#"{"paid":true}"#);
    assert_eq!((status, &paid["paid"], &paid["paid_on"]), (200, &json!(true), &json!("2025-10-10 00:00:00")));
    assert_eq!(send(sandbox, Method::Delete, &path, ""), (200, Value::Null));
    assert_eq!(send(sandbox, Method::Get, &path, "").0, 404);
}

#[test]
fn lists_are_filtered_and_paged() {
    let mut sandbox = sandbox();
    let sandbox = sandbox.as_mut();
    let mut list = |target: &str| {
        let (status, body) = send(sandbox, Method::Get, target, "");
        assert_eq!(status, 200, "{target}");
        body["invoices"].as_array().expect("documents").iter().map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(list("/invoices?limit=1"), [json!(300_100_232)]);
    assert_eq!(list("/invoices?limit=2&offset=6"), [json!(300_100_210), json!(300_100_200)]);
    assert_eq!(list("/invoices/?partial_parent=300100230").len(), 3);
    assert_eq!(list("/invoices?last_modified_after=2025-10-10%2009:30:00"), Vec::<Value>::new());
    assert_eq!(list("/invoices?last_modified_after=2025-10-10%2009:29:59").len(), 7);
    assert_eq!(list("/invoices/get-invoices-sequence/300100221"), [json!(300_100_220), json!(300_100_221)]);
    let (_, count) = send(sandbox, Method::Get, "/invoices/count?status=issued&created_on_from=2025-10-10", "");
    assert_eq!(count, json!({"count": 7}));
}

#[test]
fn vouchers_and_products_are_there() {
    let mut sandbox = sandbox();
    let sandbox = sandbox.as_mut();
    let (_, voucher) = send(sandbox, Method::Get, "/vouchers/4472", "");
    assert_eq!((&voucher["status"], &voucher["applicant"]), (&json!("valid"), &Value::Null));
    let applicant = r#"{"applicant":{"email":"a@example.cz","form_url":"https://form.example.cz"}}"#;
    let (status, applied) = send(sandbox, Method::Put, "/vouchers/ABCDEF/apply", applicant);
    assert_eq!((status, &applied["voucher"]["status"]), (200, &json!("applied")));
    assert_eq!(send(sandbox, Method::Put, "/vouchers/ABCDEF/apply", applicant).0, 400);
    for path in ["/item_templates/?code=KURZ-01", "/item-templates?code=KURZ-01"] {
        assert_eq!(send(sandbox, Method::Get, path, "").1["item_templates"][0]["id"], 9100);
    }
    assert_eq!(send(sandbox, Method::Get, "/item_templates/?code=x", "").1, json!({"item_templates": []}));
}

#[test]
fn a_global_webhook_is_registered_as_printed() {
    let mut sandbox = sandbox();
    let body = r#"{"application":"global-webhook","credentials":{"event":"paid","url":"https://router.example/hooks/fapi/paid?k=9f2c"},
        "meta_data":{"description":"Event router"}}"#;
    let (status, made) = send(sandbox.as_mut(), Method::Post, "/connections", body);
    let credentials = json!({"event": "paid", "url": "https://router.example/hooks/fapi/paid?k=9f2c"});
    assert_eq!((status, made), (201, json!({"id": 77, "application": "global-webhook", "credentials": credentials})));
    assert_eq!(send(sandbox.as_mut(), Method::Delete, "/connections/77", ""), (200, json!({"status": "success"})));
    assert_eq!(send(sandbox.as_mut(), Method::Delete, "/connections/77", "").0, 404);
}

#[test]
fn what_fapi_does_not_know_is_refused() {
    let mut sandbox = sandbox();
    let sandbox = sandbox.as_mut();
    for (method, target, body) in [
        (Method::Post, "/clients", r#"{"email":"a@example.cz","nick":"x"}"#),
        (Method::Post, "/clients", r#"{"first_name":"Eva"}"#),
        (Method::Post, "/clients", "email=a@example.cz"),
        (Method::Post, "/invoices", r#"{"client":5500123,"items":[]}"#),
        (Method::Post, "/invoices", r#"{"client":5500123,"items":[{"name":"x"}]}"#),
        (Method::Post, "/invoices", r#"{"client":5500123,"items":[{"name":"x","price":1,"sku":"y"}]}"#),
        (Method::Post, "/invoices", r#"{"items":[{"name":"x","price":1}]}"#),
        (Method::Put, "/invoices/300100210", r#"{"total":1}"#),
        (Method::Get, "/invoices?changed=1", ""),
        (Method::Get, "/invoices?limit=x", ""),
        (Method::Post, "/connections", "{}"),
    ] {
        let (status, answer) = send(sandbox, method, target, body);
        assert_eq!((status, &answer["type"]), (400, &json!("ValidationException")), "{target} {body}");
    }
    for target in ["/nothing", "/invoices/300100210/x", "/vouchers"] {
        assert_eq!(send(sandbox, Method::Get, target, "").0, 404, "{target}");
    }
    assert!(sandbox.effects().is_empty());
}

#[test]
fn commands_say_what_they_know() {
    let mut sandbox = sandbox();
    for command in [json!({}), json!(1), json!({"fly": 1}), json!({"pay_invoice": 1, "cancel_invoice": 1})] {
        assert!(sandbox.command(&command, now()).expect_err("unknown").contains("pay_invoice"));
    }
    assert_eq!(sandbox.command(&json!({"pay_invoice": 5}), now()), Err("there is no document 5".to_owned()));
    let body =
        sandbox.command(&json!({"notification": {"id": 300_100_200, "time": 1_760_000_000}}), now()).expect("a body");
    let printed = "id=300100200&time=1760000000&security=0dc61a85c005d7c5eb868738517fed066dfde9fa";
    assert_eq!(body["body"], printed);
    assert!(sandbox.effects().is_empty(), "what a person does is no effect of ours");
}
