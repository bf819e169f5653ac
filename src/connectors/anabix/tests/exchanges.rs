//! The exchanges printed in the vendor's documentation, sent as they are: not made by our own code.

use serde_json::{Value, json};

use super::{Bench, TOKEN, bench, now};
use crate::{
    connectors::contract::sandbox::SandboxRequest,
    model::http::{Headers, Method},
};

const FORMS: &[&str] = &["json", "form"];

fn request(form: &str, envelope: &str) -> SandboxRequest {
    let (kind, body) = match form {
        "json" => ("application/json", envelope.to_owned()),
        _ => (
            "multipart/form-data; boundary=----X7",
            format!("------X7\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{envelope}\r\n------X7--\r\n"),
        ),
    };
    SandboxRequest {
        method: Method::Post,
        path: "/api".to_owned(),
        query: String::new(),
        headers: Headers::new().with("Content-Type", kind),
        body: body.into(),
    }
}

fn answer(bench: &mut Bench, form: &str, component: &str, method: &str, data: &str) -> Value {
    let envelope = format!(
        r#"{{"username":"router","token":"{TOKEN}","requestType":"{component}","requestMethod":"{method}",
            "data":{data}}}"#
    );
    let reply = bench.sandbox.answer(&request(form, &envelope), now());
    assert_eq!(reply.status, 200);
    serde_json::from_slice(&reply.body).expect("JSON")
}

const FIND: &str =
    r#"{"criteria":{"email":"eva.mala@example.cz"},"limit":10,"offset":0,"includeMetadata":1,"idAsKey":0}"#;
const CREATE: &str = r#"{"firstName":"Eva","lastName":"Malá","email":"eva.mala@example.cz",
    "phoneNumber":"+420 601 000 111","source":"FAPI","gdprReason":4,"gdprAcceptanceDate":"2025-10-09",
    "customFields":{"12":"M"}}"#;
const MOVE: &str = r#"{"idContact":9041,"addTo":[57],"removeFrom":[31]}"#;

#[test]
fn a_search_that_finds_nothing() {
    for form in FORMS {
        let found = answer(&mut bench(&[]), form, "contacts", "getAll", FIND);
        let expected =
            json!({"status": "SUCCESS", "data": [], "metadata": {"totalRecords": "0", "offset": 0, "limit": 10}});
        assert_eq!(found, expected);
    }
}

#[test]
fn a_contact_is_created() {
    for form in FORMS {
        let created = answer(&mut bench(&[]), form, "contacts", "create", CREATE);
        assert_eq!(created.get("status"), Some(&json!("SUCCESS")));
        let data = created.get("data").expect("the record");
        for (field, value) in [
            ("idContact", json!(9041)),
            ("title", json!("Eva Malá")),
            ("firstName", json!("Eva")),
            ("lastName", json!("Malá")),
            ("email", json!("eva.mala@example.cz")),
        ] {
            assert_eq!(data.get(field), Some(&value), "{field}");
        }
        assert_eq!(data.pointer("/revisionInfo/createdTimestamp"), Some(&json!(1_760_000_005)));
        assert_eq!(data.pointer("/revisionInfo/createdUsername"), Some(&json!("router")));
    }
}

#[test]
fn a_contact_moves_between_lists() {
    for form in FORMS {
        let mut bench = bench(&[]);
        answer(&mut bench, form, "contacts", "create", CREATE);
        answer(&mut bench, form, "contacts", "manageLists", r#"{"idContact":9041,"addTo":[31]}"#);
        assert_eq!(answer(&mut bench, form, "contacts", "manageLists", MOVE), json!({"status": "SUCCESS"}));
        assert_eq!(bench.contact(9041).get("lists"), Some(&json!([57])));
    }
}

#[test]
fn failures_are_a_status_with_a_text() {
    for (component, method, data) in [
        ("lists", "addContact", "{}"),
        ("tags", "getAll", "{}"),
        ("contacts", "create", r#"{"phoneNumber":"1"}"#),
        ("contacts", "create", r#"{"email":"a@example.cz","tag":"x"}"#),
        ("contacts", "create", r#"{"email":"a@example.cz","gdprReason":8}"#),
        ("contacts", "create", r#"{"email":"a@example.cz","customFields":{"99":"x"}}"#),
        ("contacts", "create", r#"{"email":"a@example.cz","customFields":{"12":"XXL"}}"#),
        ("contacts", "update", r#"{"idContact":1,"firstName":"Eva"}"#),
        ("contacts", "get", r#"{"idContact":1}"#),
        ("contacts", "getAll", r#"{"changedSince":1}"#),
        ("contacts", "getAll", r#"{"limit":201}"#),
        ("contacts", "getAll", r#"{"criteria":{"nick":"x"}}"#),
        ("contacts", "manageLists", r#"{"idContact":9040,"addTo":[99]}"#),
        ("contacts", "manageLists", r#"{"idContact":9040,"email":"jan.novak@example.cz","addTo":[57]}"#),
        ("lists", "create", "{}"),
        ("activities", "create", r#"{"idContact":9040}"#),
        ("users", "create", "{}"),
    ] {
        let mut bench = bench(&[]);
        let failed = answer(&mut bench, "json", component, method, data);
        assert_eq!(failed.get("status"), Some(&json!("ERROR")), "{component}.{method} {data}");
        assert!(failed.get("data").is_some_and(Value::is_string), "{component}.{method} {data}");
        assert!(bench.sandbox.effects().is_empty(), "{component}.{method} {data}");
    }
}

#[test]
fn whoever_has_not_the_token_gets_nothing() {
    for envelope in [
        r#"{"username":"router","token":"wrong","requestType":"lists","requestMethod":"getAll","data":{}}"#,
        r#"{"requestType":"lists","requestMethod":"getAll","data":{}}"#,
        "[]",
        "nothing",
    ] {
        let reply = bench(&[]).sandbox.answer(&request("json", envelope), now());
        let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(body.get("status"), Some(&json!("ERROR")), "{envelope}");
    }
}

#[test]
fn searches_know_parts_bounds_order_pages_and_keys() {
    let mut bench = bench(&[]);
    for name in ["Adam", "Bára", "Cyril"] {
        bench
            .add_contact(&json!({"firstName": name, "email": format!("{name}@example.cz"), "customFields": {"14": 7}}));
    }
    let mut ids = |data: &str| {
        let answer = answer(&mut bench, "json", "contacts", "getAll", data);
        let data = answer.get("data").expect("records").clone();
        let names = data.as_array().expect("a list").iter().map(|record| record.get("firstName").cloned());
        names.map(|name| name.unwrap_or_default().as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(r#"{"criteria":{"firstName":"%DA%"},"idAsKey":0}"#), ["Adam"]);
    assert_eq!(ids(r#"{"criteria":{"idContact":{"from":9041,"to":9042}},"idAsKey":0}"#), ["Adam", "Bára"]);
    assert_eq!(ids(r#"{"criteria":{"customField-14":7},"offset":1,"limit":1,"idAsKey":0}"#), ["Bára"]);
    assert_eq!(ids(r#"{"orderBy":{"firstName":"DESC"},"limit":2,"idAsKey":0}"#), ["Jan", "Cyril"]);
    let keyed = answer(&mut bench, "json", "contacts", "getAll", r#"{"limit":1}"#);
    assert_eq!(keyed.pointer("/data/9040/firstName"), Some(&json!("Jan")));
}

#[test]
fn the_other_components_answer_too() {
    let mut bench = bench(&[]);
    for (component, method, data) in [
        ("organizations", "create", r#"{"title":"Firma s.r.o.","accountType":"Customer","idNumber":"12345678"}"#),
        ("organizations", "getAll", r#"{"criteria":{"idNumber":"12345678"},"idAsKey":0}"#),
        ("deals", "create", r#"{"title":"Zakázka","idContact":9040,"status":"open","amount":1200}"#),
        ("tasks", "create", r#"{"body":"Zavolat","priority":"very high"}"#),
        ("activities", "create", r#"{"body":"Poznámka","idContact":9040,"type":"note"}"#),
        ("lists", "update", r#"{"idList":57,"important":1}"#),
        ("contacts", "getCustomFields", "{}"),
        ("contacts", "delete", r#"{"idContact":9040}"#),
        ("users", "getActiveUsers", "{}"),
        ("users", "getForSelect", "{}"),
    ] {
        let good = answer(&mut bench, "json", component, method, data);
        assert_eq!(good.get("status"), Some(&json!("SUCCESS")), "{component}.{method}: {good}");
    }
}
