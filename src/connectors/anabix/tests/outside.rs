//! The edges: requests as bytes, webhooks, the probe, settings, and whatever else may come from outside.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Bench, EVA, SETTINGS, TOKEN, USER, VENDOR, bench, now};
use crate::{
    connectors::{
        contract::{Accept, Plan, Progress, Verdict, Work, settings::settings_of},
        kit::testing::as_sandbox,
    },
    model::{
        code,
        http::{Headers, Inbound, Method, Reply},
    },
    topics::occasion::Occasions,
};

/// What each operation looks like with everything in it.
fn everything() -> [(&'static str, Value); 3] {
    let contact = json!({
        "email": EVA, "first_name": "Eva", "phone": "+420 601 000 111", "legal_basis": "contract", "list": "FAPI",
        "note": "Order 1001", "custom_fields": {"Velikost": "M"},
    });
    [
        ("upsert_contact", contact.clone()),
        ("add_to_list", contact),
        ("remove_from_list", json!({"email": EVA, "list": "FAPI"})),
    ]
}

/// Drives an operation by hand, and shows each call's progress and request.
fn steps(bench: &mut Bench, operation: &str, parameters: Value, mut see: impl FnMut(&Bench, &Work<'_>, &Progress)) {
    let connector = std::sync::Arc::clone(&bench.connector);
    let drive = bench.drive(operation, parameters);
    let (operation, parameters) = (drive.operation, drive.parameters.clone());
    let target = connector.target(operation, &parameters).expect("a target");
    let registers = target.registers.into_iter().map(|register| register.name).collect();
    let contributions = std::collections::BTreeMap::new();
    let work = Work {
        operation,
        parameters: &parameters,
        only: &Occasions::default(),
        registers: &registers,
        vendor_id: None,
        contributions: &contributions,
        maybe_done: false,
        reference: "a-test",
        now: now(),
        session: None,
    };
    let mut progress = Progress::default();
    while let Plan::Send(request) = connector.plan(&work, &progress) {
        see(bench, &work, &progress);
        let reply = bench.sandbox.answer(&as_sandbox(&request), now());
        match connector.interpret(&work, &progress, &reply) {
            Verdict::Next(next) => progress = next,
            Verdict::Done(_) => return,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn progress_holds_nothing_personal() {
    for (operation, parameters) in everything() {
        let mut bench = bench(&[("overwrite", "always")]);
        bench.add_contact(&json!({"email": EVA, "firstName": "Evička", "phoneNumber": "+420 777"}));
        let mut seen = 0;
        steps(&mut bench, operation, parameters, |_, _, progress| {
            let text = progress.0.to_string();
            for personal in ["eva.mala", "Eva", "420", "1001"] {
                assert!(!text.contains(personal), "{operation}: {text}");
            }
            seen += 1;
        });
        assert!(seen >= 3, "{operation} took {seen} calls");
    }
}

#[test]
fn results_are_those_of_the_catalogue() {
    for (name, parameters) in everything() {
        let mut bench = bench(&[]);
        let done = bench.done(name, parameters.clone());
        let operation = bench.drive(name, parameters).operation;
        for result in done.result.keys() {
            assert!(operation.results.iter().any(|field| field.name == result), "{name}: {result}");
        }
        assert!(name == "remove_from_list" || done.result.len() == operation.results.len(), "{name}");
    }
}

#[test]
fn both_body_forms_reach_the_vendor() {
    for form in ["json", "form_json"] {
        for (operation, parameters) in everything() {
            let mut bench = bench(&[("body", form)]);
            bench.done(operation, parameters);
        }
    }
}

#[test]
fn requests_go_to_the_one_url_and_hide_their_secrets() {
    let bench = bench(&[("base_url", "http://127.0.0.1:9/crm")]);
    let request = bench.connector.probe().expect("a probe");
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "http://127.0.0.1:9/crm"));
    assert!(String::from_utf8_lossy(&request.body).contains(TOKEN));
    assert!(!format!("{request:?}").contains(TOKEN));
}

#[test]
fn the_probe_says_what_to_do() {
    let mut bench = bench(&[]);
    let request = as_sandbox(&bench.connector.probe().expect("a probe"));
    let good = bench.sandbox.answer(&request, now());
    assert_eq!(bench.connector.read_probe(&good), Ok(()));
    bench.command(&json!({"set_token": "another"}));
    let bad = bench.sandbox.answer(&request, now());
    let why = bench.connector.read_probe(&bad).expect_err("a wrong token");
    assert!(why.contains("`token`") && !why.contains(TOKEN), "{why}");
    let elsewhere = bench.connector.read_probe(&Reply::new(404).text("not here")).expect_err("a wrong URL");
    assert!(elsewhere.contains("404") && elsewhere.contains("`base_url`"), "{elsewhere}");
}

#[test]
fn webhooks_are_refused() {
    let bench = bench(&[]);
    let request = Inbound {
        method: Method::Post,
        path: vec!["contact-joined-fapi".to_owned()],
        query: vec![("k".to_owned(), "71be".to_owned())],
        headers: Headers::new(),
        body: r#"{"idTrriger":15,"eventOptions":{},"actionOptions":{"webhookUrl":
            "https://router.example/hooks/anabix/contact-joined-fapi?k=71be","title":"NotifyWebhook"},
            "eventData":{"idNode":9041,"hookData":{}}}"#
            .into(),
        received_at: now(),
    };
    assert_eq!(bench.connector.accept(&request), Accept::refuse(404, code::UNKNOWN_CONNECTION));
    assert!(bench.connector.polls().is_empty());
}

#[test]
fn blank_credentials_are_reported_together() {
    let problems = (VENDOR.open)(settings_of(SETTINGS, &[("user", " "), ("token", "")])).err().expect("problems");
    assert_eq!(problems.iter().map(|problem| problem.setting).collect::<Vec<_>>(), ["user", "token"]);
    assert!((VENDOR.open)(settings_of(SETTINGS, &[("user", USER), ("token", TOKEN)])).is_ok());
}

#[test]
fn progress_of_another_version_begins_again() {
    let mut bench = bench(&[]);
    let mut calls = 0;
    steps(&mut bench, "upsert_contact", json!({"email": EVA}), |bench, work, progress| {
        for odd in [json!("x"), json!({"contacts": 5}), json!([1])] {
            assert!(matches!(bench.connector.plan(work, &Progress(odd)), Plan::Send(_)));
        }
        calls += usize::from(!progress.0.is_null());
    });
    assert_eq!(calls, 1);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        "idContact|idList|idActivity|idCustomField|title|email|gdpr|gdprReason|options|key|type|body".boxed(),
        "[a-z0-9]{1,6}".boxed()
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Shows a reply to every step of every operation.
fn at_every_step(reply: &Reply, mut judge: impl FnMut(&str, Verdict)) {
    for (operation, parameters) in everything() {
        let mut bench = bench(&[("search_other_emails", "true")]);
        bench.add_contact(&json!({"email": EVA}));
        steps(&mut bench, operation, parameters, |bench, work, progress| {
            judge(operation, bench.connector.interpret(work, progress, reply));
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_that_are_no_answer_are_never_a_success(
        status in 100_u16..600,
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut reply = Reply::new(status);
        reply.body = body.into();
        at_every_step(&reply, |operation, verdict| {
            let fails = matches!(verdict, Verdict::Retry { .. } | Verdict::Unauthorized);
            assert!(fails, "{operation}: {verdict:?}");
        });
    }

    #[test]
    fn the_simulated_vendor_survives_any_bytes(
        body in prop::collection::vec(any::<u8>(), 0..200),
        form in any::<bool>(),
    ) {
        let mut bench = bench(&[]);
        let kind = if form { "multipart/form-data; boundary=" } else { "application/json" };
        let mut request = as_sandbox(&bench.connector.probe().expect("a probe"));
        request.headers = Headers::new().with("content-type", kind);
        request.body = body.into();
        let reply = bench.sandbox.answer(&request, now());
        assert!(String::from_utf8_lossy(&reply.body).contains("ERROR"));
    }

    #[test]
    fn any_data_in_an_answer_is_survived(status in "SUCCESS|ERROR|error|", data in any_json()) {
        let reply = Reply::new(200).json(&json!({"status": status, "data": data}));
        at_every_step(&reply, |operation, verdict| {
            let done = matches!(verdict, Verdict::Done(_));
            assert!(!done || status == "SUCCESS", "{operation}: {verdict:?}");
        });
    }
}
