//! Lost answers, forgotten ids, bad credentials, refusals.

use serde_json::{Value, json};

use super::{Bench, EVA, bench, now, refused};
use crate::{
    connectors::{
        contract::{Effect, Repeat, Sandbox, Verdict, sandbox::SandboxRequest},
        kit::testing::{Drive, Driven},
    },
    model::{code, http::Reply, time::Timestamp},
};

/// Lets the vendor act, but spoils its answer to one call.
struct Spoiled<'a> {
    vendor: &'a mut dyn Sandbox,
    at: usize,
    answer: Reply,
    requests: Vec<SandboxRequest>,
}

impl Sandbox for Spoiled<'_> {
    fn answer(&mut self, request: &SandboxRequest, now: Timestamp) -> Reply {
        let reply = self.vendor.answer(request, now);
        let place = self.requests.len();
        self.requests.push(request.clone());
        if place == self.at { self.answer.clone() } else { reply }
    }

    fn effects(&self) -> &[Value] {
        self.vendor.effects()
    }

    fn state(&self) -> Value {
        self.vendor.state()
    }

    fn command(&mut self, command: &Value, now: Timestamp) -> Result<Value, String> {
        self.vendor.command(command, now)
    }
}

/// Runs an operation with the answer to one call spoiled; also how it dispatched the calls.
fn spoil(
    bench: &mut Bench,
    operation: &str,
    parameters: Value,
    vendor_id: Option<u64>,
    at: usize,
    answer: Reply,
) -> (Driven, Vec<String>) {
    let connector = std::sync::Arc::clone(&bench.connector);
    let mut drive = Drive::new(connector.as_ref(), super::OPERATIONS, operation, parameters, now());
    drive.vendor_id = vendor_id.map(|id| id.to_string());
    let mut spoiled = Spoiled { vendor: bench.sandbox.as_mut(), at, answer, requests: Vec::new() };
    let driven = drive.run(&mut spoiled);
    let methods = spoiled.requests.iter().map(|request| {
        let envelope: Value = serde_json::from_slice(&request.body).expect("a call");
        let text = |name: &str| envelope.get(name).and_then(Value::as_str).expect("a name").to_owned();
        format!("{}.{}", text("requestType"), text("requestMethod"))
    });
    (driven, methods.collect())
}

fn everything() -> Value {
    json!({
        "email": EVA, "first_name": "Eva", "list": "Kurz", "create_list": true, "note": "Order 1001",
        "legal_basis": "contract", "custom_fields": {"Velikost": "M"},
    })
}

fn error(text: &str) -> Reply {
    Reply::new(200).json(&json!({"status": "ERROR", "data": text}))
}

fn success(data: &Value) -> Reply {
    Reply::new(200).json(&json!({"status": "SUCCESS", "data": data}))
}

#[test]
fn whichever_answer_is_lost_nothing_is_done_twice() {
    let mut calls = Vec::new();
    for at in 0..8 {
        let mut bench = bench(&[]);
        let (driven, methods) = spoil(&mut bench, "add_to_list", everything(), None, at, Reply::new(504));
        let writes = methods
            .last()
            .is_some_and(|method| [".create", ".update", ".manageLists"].iter().any(|write| method.ends_with(write)));
        let effect = if writes { Effect::Possible } else { Effect::None };
        assert_eq!(driven.verdict, Verdict::Retry { code: code::VENDOR_ERROR, effect, after: None }, "{methods:?}");
        bench.run("add_to_list", everything(), |drive| drive.maybe_done = writes);
        assert_eq!(
            (bench.count("contacts"), bench.count("lists"), bench.count("activities")),
            (2, 3, 1),
            "{methods:?}"
        );
        assert_eq!(bench.contact(9041).get("lists"), Some(&json!([58])), "{methods:?}");
        calls = methods;
    }
    let expected = [
        "lists.getAll",
        "lists.create",
        "contacts.getCustomFields",
        "contacts.getAll",
        "contacts.create",
        "contacts.manageLists",
        "activities.getAll",
        "activities.create",
    ];
    assert_eq!(calls, expected, "every call of the operation was lost once");
}

#[test]
fn a_contact_behind_a_remembered_id_may_be_gone() {
    for (operation, parameters) in [
        ("upsert_contact", json!({"email": EVA, "first_name": "Eva"})),
        ("upsert_contact", json!({"email": EVA, "custom_fields": {"12": "M"}})),
        ("add_to_list", json!({"email": EVA, "list": "57"})),
        ("add_to_list", json!({"email": EVA, "list": "57", "note": "Order 1001"})),
    ] {
        let mut bench = bench(&[]);
        let gone = bench.add_contact(&json!({"email": EVA}));
        bench.command(&json!({"delete_contact": gone}));
        let driven = bench.run(operation, parameters.clone(), |drive| drive.vendor_id = Some(gone.to_string()));
        assert_eq!(driven.verdict, Verdict::Forgotten, "{operation}");
        let done = bench.done(operation, parameters);
        assert_eq!(done.vendor_id, Some((gone + 1).to_string()), "{operation}");
    }
}

#[test]
fn an_empty_answer_to_get_is_a_contact_that_is_gone() {
    let mut bench = bench(&[]);
    let id = bench.add_contact(&json!({"email": EVA}));
    for nothing in [json!([]), json!(null)] {
        let parameters = json!({"email": EVA, "first_name": "Eva"});
        let (driven, methods) = spoil(&mut bench, "upsert_contact", parameters, Some(id), 0, success(&nothing));
        assert_eq!((driven.verdict, methods), (Verdict::Forgotten, vec!["contacts.get".to_owned()]));
    }
}

#[test]
fn data_that_is_refused_stays_refused_after_the_id_was_looked_up_again() {
    let mut bench = bench(&[]);
    let id = bench.add_contact(&json!({"email": EVA}));
    let parameters = json!({"email": EVA, "custom_fields": {"14": "hodně"}});
    let first = bench.run("upsert_contact", parameters.clone(), |drive| drive.vendor_id = Some(id.to_string()));
    assert_eq!(first.verdict, Verdict::Forgotten);
    let second = bench.run("upsert_contact", parameters, |_| {});
    assert_eq!(refused(&second), "the vendor answered ERROR to contacts.update");
}

#[test]
fn a_refusal_never_repeats_what_was_sent() {
    let mut bench = bench(&[]);
    let parameters = json!({"email": EVA, "first_name": "Eva", "custom_fields": {"14": "hodně"}});
    let driven = bench.run("upsert_contact", parameters, |_| {});
    let reply = driven.reply.as_ref().expect("a reply");
    assert!(reply.is_success(), "the last call proves the credentials");
    assert_eq!(refused(&driven), "the vendor answered ERROR to contacts.create");
    assert_eq!(bench.count("contacts"), 1);
}

#[test]
fn a_wrong_token_is_found_out_by_a_call_of_its_own() {
    for (operation, parameters) in [
        ("upsert_contact", json!({"email": EVA})),
        ("add_to_list", json!({"email": EVA, "list": "57"})),
        ("remove_from_list", json!({"email": EVA, "list": "57"})),
    ] {
        let mut bench = bench(&[]);
        bench.command(&json!({"set_token": "another"}));
        let driven = bench.run(operation, parameters, |_| {});
        assert_eq!((driven.verdict, driven.calls), (Verdict::Unauthorized, 2), "{operation}");
    }
}

#[test]
fn a_text_that_the_owner_knows_saves_that_call() {
    let mut bench = bench(&[("credential_errors", "something else, BAD USER")]);
    bench.command(&json!({"set_token": "another"}));
    let driven = bench.run("upsert_contact", json!({"email": EVA}), |_| {});
    assert_eq!((driven.verdict, driven.calls), (Verdict::Unauthorized, 1));
}

#[test]
fn the_text_of_an_error_may_stand_in_three_places() {
    for name in ["data", "message", "errorMessage"] {
        let mut bench = bench(&[("credential_errors", "neplatný token")]);
        let answer = Reply::new(200).json(&json!({"status": "ERROR", name: "Neplatný token."}));
        let (driven, _) = spoil(&mut bench, "upsert_contact", json!({"email": EVA}), None, 0, answer);
        assert_eq!(driven.verdict, Verdict::Unauthorized, "{name}");
    }
}

#[test]
fn a_check_that_fails_says_nothing_about_the_credentials() {
    let mut bench = bench(&[]);
    let parameters = json!({"email": EVA, "custom_fields": {"14": "hodně"}});
    let (driven, methods) = spoil(&mut bench, "upsert_contact", parameters, None, 2, Reply::new(502));
    assert_eq!(methods, ["contacts.getAll", "contacts.create", "lists.getAll"]);
    assert_eq!(driven.verdict, Verdict::Retry { code: code::VENDOR_ERROR, effect: Effect::None, after: None });
}

#[test]
fn a_basis_that_cannot_be_asked_for_is_left() {
    let mut bench = bench(&[]);
    let id = bench.add_contact(&json!({"email": EVA}));
    let parameters = json!({"email": EVA, "first_name": "Eva", "legal_basis": "contract"});
    let (driven, methods) = spoil(&mut bench, "upsert_contact", parameters, None, 1, error("unknown criterion"));
    assert_eq!(methods, ["contacts.getAll", "contacts.getAll", "lists.getAll", "contacts.update"]);
    let Verdict::Done(done) = driven.verdict else { panic!("{driven:?}") };
    assert_eq!(done.warnings.len(), 1);
    assert_eq!(bench.contact(id).get("gdprReason"), None);
    assert_eq!(bench.contact(id).get("firstName"), Some(&json!("Eva")));
}

#[test]
fn a_full_page_of_consents_leaves_the_basis_in_doubt() {
    let mut bench = bench(&[]);
    let id = bench.add_contact(&json!({"email": EVA}));
    let others: Vec<Value> = (0..50).map(|id| json!({"idContact": id, "email": EVA})).collect();
    let parameters = json!({"email": EVA, "legal_basis": "contract"});
    let (driven, _) = spoil(&mut bench, "upsert_contact", parameters, None, 1, success(&json!(others)));
    assert!(matches!(driven.verdict, Verdict::Done(_)));
    assert_eq!(bench.contact(id).get("gdprReason"), None);
}

#[test]
fn a_remembered_contact_that_lost_the_e_mail_keeps_its_basis() {
    let mut bench = bench(&[]);
    let id = bench.add_contact(&json!({"email": "new@example.cz"}));
    let parameters = json!({"email": EVA, "legal_basis": "contract"});
    bench.run("upsert_contact", parameters, |drive| drive.vendor_id = Some(id.to_string()));
    assert_eq!(bench.contact(id).get("gdprReason"), None);
}

#[test]
fn a_search_that_cannot_be_read_creates_nothing() {
    for answer in [
        Reply::new(200).json(&json!({"status": "SUCCESS"})),
        success(&json!("none")),
        success(&json!([{"title": "no id"}])),
        Reply::new(200).text("<html>maintenance</html>"),
        Reply::new(404),
        Reply::new(302),
    ] {
        let mut bench = bench(&[]);
        let (driven, _) = spoil(&mut bench, "upsert_contact", json!({"email": EVA}), None, 0, answer);
        let expected = Verdict::Retry { code: code::UNEXPECTED_ANSWER, effect: Effect::None, after: None };
        assert_eq!(driven.verdict, expected);
        assert_eq!(bench.count("contacts"), 1);
    }
}

/// Answers every call with the same records.
struct Deaf(Vec<Value>);
impl Sandbox for Deaf {
    fn answer(&mut self, _request: &SandboxRequest, _now: Timestamp) -> Reply {
        success(&json!(self.0))
    }
    fn effects(&self) -> &[Value] {
        &[]
    }
    fn state(&self) -> Value {
        Value::Null
    }
    fn command(&mut self, _command: &Value, _now: Timestamp) -> Result<Value, String> {
        Ok(Value::Null)
    }
}

#[test]
fn a_search_that_does_not_look_at_our_criteria_ends() {
    let strangers: Vec<Value> = (0..50).map(|id| json!({"idContact": id, "email": "other@example.cz"})).collect();
    let bench = bench(&[]);
    let driven = bench.drive("upsert_contact", json!({"email": EVA})).run(&mut Deaf(strangers));
    assert_eq!((refused(&driven), driven.calls), ("a search by e-mail found more than 500 contacts", 10));
}

#[test]
fn a_creation_without_an_id_is_looked_up_later() {
    let mut bench = bench(&[]);
    let (driven, _) = spoil(&mut bench, "upsert_contact", json!({"email": EVA}), None, 1, success(&json!(null)));
    let expected = Verdict::Retry { code: code::UNEXPECTED_ANSWER, effect: Effect::Possible, after: None };
    assert_eq!(driven.verdict, expected);
    let done = bench.run("upsert_contact", json!({"email": EVA}), |drive| drive.maybe_done = true);
    assert!(matches!(done.verdict, Verdict::Done(_)));
    assert_eq!(bench.count("contacts"), 2);
}

#[test]
fn the_body_is_believed_before_the_http_status_except_for_429() {
    let mut bench = bench(&[]);
    let found = json!({"status": "SUCCESS", "data": [{"idContact": "7", "email": EVA}]});
    let odd = Reply::new(500).json(&found);
    let (driven, _) = spoil(&mut bench, "upsert_contact", json!({"email": EVA}), None, 0, odd);
    assert!(matches!(&driven.verdict, Verdict::Done(done) if done.vendor_id.as_deref() == Some("7")), "{driven:?}");
    let slow = Reply::new(429).header("retry-after", "7").json(&json!({"status": "ERROR", "data": "slow down"}));
    let (driven, _) = spoil(&mut bench, "upsert_contact", json!({"email": EVA}), None, 0, slow);
    let after = Some(std::time::Duration::from_secs(7));
    assert_eq!(driven.verdict, Verdict::Retry { code: code::RATE_LIMITED, effect: Effect::None, after });
    let (driven, _) = spoil(&mut bench, "upsert_contact", json!({"email": EVA}), None, 0, Reply::new(401));
    assert_eq!(driven.verdict, Verdict::Unauthorized);
}

#[test]
fn settle_is_the_connections() {
    let bench = bench(&[("settle", "2m")]);
    let settle = |operation: &str| bench.connector.repeat(bench.drive(operation, json!({})).operation);
    let two_minutes = Repeat::Checked { settle: std::time::Duration::from_mins(2) };
    assert_eq!(settle("upsert_contact"), two_minutes);
    assert_eq!(settle("add_to_list"), two_minutes);
    assert_eq!(settle("remove_from_list"), Repeat::Natural);
}
