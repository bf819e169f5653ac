//! Every fetch against the sandbox, and every documented answer.

use serde_json::{Value, json};

use super::Account;
use crate::{
    connectors::{
        contract::{Effect, Plan, Progress, Verdict, Work},
        fapi::{
            VENDOR,
            operations::{OPERATIONS, target},
            sandbox::seed,
        },
        kit::testing::{Drive, Driven},
    },
    model::{
        code,
        http::{Auth, Reply},
        secret::Secret,
    },
};

fn run(account: &mut Account, operation: &str, parameters: Value) -> Driven {
    let drive = Drive::new(account.connector.as_ref(), OPERATIONS, operation, parameters, account.now);
    drive.run(account.sandbox.as_mut())
}

#[test]
fn each_fetch_gets_what_it_is_for_in_one_call_and_changes_nothing() {
    let mut account = Account::new(&[]);
    for (operation, parameters, member) in [
        ("get_invoice", json!({"id": seed::PAID.id}), "number"),
        ("get_invoice", json!({"id": seed::PAID.id.to_string()}), "number"),
        ("get_sequence", json!({"id": seed::FOLLOW_UP.id}), "invoices"),
        ("get_instalments", json!({"id": seed::INSTALMENTS[0].id}), "invoices"),
        ("get_voucher", json!({"id": seed::VOUCHER}), "code"),
        ("get_item_template", json!({"code": seed::TEMPLATE_CODE}), "item_templates"),
        ("get_client", json!({"id": 5_500_123}), "email"),
    ] {
        let driven = run(&mut account, operation, parameters);
        assert!(matches!(driven.verdict, Verdict::Done(_)), "{operation}: {:?}", driven.verdict);
        assert_eq!(driven.calls, 1);
        let body: Value = serde_json::from_slice(&driven.reply.expect("a reply").body).expect("json");
        assert!(body.get(member).is_some(), "{operation}");
    }
    assert!(account.sandbox.effects().is_empty());
}

#[test]
fn what_is_gone_or_not_ours_is_refused_except_where_that_is_an_answer() {
    let mut account = Account::new(&[]);
    for (id, why) in [(999, "404 RequestException"), (seed::FOREIGN, "401 AuthorizationException")] {
        let driven = run(&mut account, "get_invoice", json!({"id": id}));
        assert_eq!(driven.verdict, Verdict::Refused(why.to_owned()));
        for (operation, parameters) in
            [("get_client", json!({"id": id})), ("get_invoice", json!({"id": id, "may_be_missing": true}))]
        {
            assert!(matches!(run(&mut account, operation, parameters).verdict, Verdict::Done(_)), "{operation} {id}");
        }
    }
}

#[test]
fn a_wrong_key_is_unauthorized() {
    let mut account = Account::new(&[]);
    account.connector = Account::new(&[("api_key", "wrong")]).connector;
    assert_eq!(run(&mut account, "get_invoice", json!({"id": 1})).verdict, Verdict::Unauthorized);
    assert_eq!(run(&mut account, "get_client", json!({"id": 1})).verdict, Verdict::Unauthorized);
}

#[test]
fn bad_parameters_never_reach_fapi() {
    let mut account = Account::new(&[]);
    for parameters in [json!({}), json!({"id": "1/../2"}), json!({"id": 1.5}), json!({"id": null}), json!({"id": -1})] {
        let driven = run(&mut account, "get_invoice", parameters.clone());
        assert_eq!(
            (driven.verdict, driven.calls),
            (Verdict::Refused("parameter `id` takes a whole number".to_owned()), 0)
        );
        let Value::Object(parameters) = parameters else { panic!("an object") };
        assert!(target(&OPERATIONS[0], &parameters).is_err());
    }
}

#[test]
fn each_thing_read_waits_in_a_line_of_its_own() {
    let account = Account::new(&[]);
    let object = |operation: usize, parameters: Value| {
        let Value::Object(parameters) = parameters else { panic!("an object") };
        account.connector.target(&OPERATIONS[operation], &parameters).expect("a target").object
    };
    assert_eq!(object(0, json!({"id": 7})), "get_invoice:7");
    assert_eq!(object(4, json!({"code": "A B"})), "get_item_template:A B");
    assert_eq!(OPERATIONS[4].name, "get_item_template");
}

/// What a connector makes of an answer to `get_invoice`.
fn verdict(status: u16, body: &str) -> Verdict {
    let account = Account::new(&[]);
    let (parameters, registers, contributions) = Default::default();
    let work = Work {
        operation: &OPERATIONS[0],
        parameters: &parameters,
        only: &crate::topics::occasion::Occasions::default(),
        registers: &registers,
        vendor_id: None,
        contributions: &contributions,
        maybe_done: false,
        reference: "a-test",
        now: account.now,
        session: None,
    };
    let mut reply = Reply::new(status);
    reply.body = body.to_owned().into();
    account.connector.interpret(&work, &Progress::default(), &reply)
}

#[test]
fn every_answer_has_a_meaning() {
    let retry = |code, effect| Verdict::Retry { code, effect, after: None };
    assert_eq!(verdict(429, ""), retry(code::RATE_LIMITED, Effect::None));
    assert_eq!(verdict(503, ""), retry(code::VENDOR_ERROR, Effect::Possible));
    for odd in [(200, ""), (200, "<html>"), (200, "[]"), (200, "null"), (302, "{}"), (100, "{}")] {
        assert_eq!(verdict(odd.0, odd.1), retry(code::UNEXPECTED_ANSWER, Effect::Possible), "{odd:?}");
    }
    let refused = |text: &str| Verdict::Refused(text.to_owned());
    assert_eq!(verdict(400, r#"{"type":"ValidationException"}"#), refused("400 ValidationException"));
    assert_eq!(verdict(404, ""), refused("404 without a type that we know"));
    // The vendor's text never passes, not even dressed as a type.
    assert_eq!(verdict(400, r#"{"type":"eva@example.cz"}"#), refused("400 without a type that we know"));
    assert_eq!(verdict(401, "{}"), Verdict::Unauthorized);
}

#[test]
fn requests_show_who_we_are_and_go_where_the_connection_says() {
    let account = Account::new(&[("base_url", "http://127.0.0.1:9/fapi/"), ("user", "a@b.cz")]);
    let request = account.connector.probe().expect("a probe");
    assert_eq!(
        (request.url.as_str(), request.headers.get("accept")),
        ("http://127.0.0.1:9/fapi/", Some("application/json"))
    );
    let Auth::Basic { user, password } = &request.auth else { panic!("basic") };
    assert_eq!((user.as_str(), password.matches("k3y")), ("a@b.cz", true));
    let parameters = json!({"code": "A&B=č/"}).as_object().cloned().expect("an object");
    let (registers, contributions) = Default::default();
    let work = Work {
        operation: &OPERATIONS[4],
        parameters: &parameters,
        only: &crate::topics::occasion::Occasions::default(),
        registers: &registers,
        vendor_id: None,
        contributions: &contributions,
        maybe_done: false,
        reference: "a-test",
        now: account.now,
        session: None,
    };
    let Plan::Send(request) = account.connector.plan(&work, &Progress::default()) else { panic!("a request") };
    assert_eq!(request.url.as_str(), "http://127.0.0.1:9/fapi/item_templates/?code=A%26B%3D%C4%8D%2F");
}

#[test]
fn the_probe_says_what_to_do() {
    let mut account = Account::new(&[]);
    let request = crate::connectors::kit::testing::as_sandbox(&account.connector.probe().expect("a probe"));
    let reply = account.sandbox.answer(&request, account.now);
    assert_eq!(account.connector.read_probe(&reply), Ok(()));
    let wrong = Account::new(&[("api_key", "other")]).sandbox.answer(&request, account.now);
    let told = account.connector.read_probe(&wrong).expect_err("wrong key");
    assert!(told.contains("401") && told.contains("api_key") && !told.contains("k3y"), "{told}");
    assert!(account.connector.read_probe(&Reply::new(502)).is_err());
}

#[test]
fn all_problems_of_settings_are_told_at_once() {
    let given = [
        ("user", " "),
        ("api_key", ""),
        ("url_token", ""),
        ("max_age", "0s"),
        ("base_url", "https://api.fapi.cz/?x"),
        ("events", "a/b"),
    ];
    let Err(problems) = (VENDOR.open)(super::settings(&given)) else { panic!("problems") };
    let named: Vec<_> = problems.iter().map(|problem| problem.setting).collect();
    assert_eq!(named, ["user", "api_key", "url_token", "max_age", "base_url", "events"]);
    let secret = Secret::new("k3y");
    assert!(problems.iter().all(|problem| !problem.message.contains(secret.expose())));
}
