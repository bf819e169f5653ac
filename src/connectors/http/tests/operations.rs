//! The operations against the simulated website, and the website against raw requests.

use super::*;
use crate::{
    connectors::contract::{Effect, Plan, Progress, Register, RegisterRule, Repeat, Target, sandbox::SandboxRequest},
    model::{code, http::Request},
};

fn eva() -> Value {
    json!({"path": "users", "key": "eva@example.cz",
        "fields": {"email": "eva@example.cz", "first_name": "Eva", "address.city": "Brno", "newsletter": true, "points": 5}})
}

fn target(pair: &Pair, operation: &str, parameters: Value) -> Result<Target, String> {
    let drive = Drive::new(pair.connector.as_ref(), CATALOGUE, operation, parameters, now());
    pair.connector.target(drive.operation, &drive.parameters)
}

fn repeat_of(given: &[(&str, &str)], operation: &str) -> Repeat {
    let operation = CATALOGUE.iter().find(|known| known.name == operation).expect("an operation");
    connector(&[&[("base_url", URL)], given].concat()).repeat(operation)
}

/// What the other side answers to the first request of an action.
fn answered(pair: &mut Pair, operation: &str, parameters: Value, reply: Reply) -> Verdict {
    struct Fixed(Reply);
    impl Sandbox for Fixed {
        fn answer(&mut self, _request: &SandboxRequest, _now: Timestamp) -> Reply {
            self.0.clone()
        }
        fn effects(&self) -> &[Value] {
            &[]
        }
        fn state(&self) -> Value {
            Value::Null
        }
        fn command(&mut self, _command: &Value, _now: Timestamp) -> Result<Value, String> {
            Err(String::new())
        }
    }
    pair.sandbox = Box::new(Fixed(reply));
    pair.run(operation, parameters).verdict
}

#[test]
fn a_user_is_created_with_nested_fields_and_its_id_returned() {
    let mut pair = Pair::new(&[]);
    let driven = pair.run("create", eva());
    assert_eq!((result(&driven), driven.calls), (json!({"id": "1", "already": "false"}), 1));
    let expected = json!([{"id": 1, "email": "eva@example.cz", "first_name": "Eva", "address": {"city": "Brno"},
        "newsletter": true, "points": 5}]);
    assert_eq!(pair.users(), expected);
}

#[test]
fn refusals_name_the_status_and_nothing_of_the_answer() {
    let mut pair = Pair::new(&[]);
    pair.command(&json!({"refuse_users": "example.cz"}));
    let driven = pair.run("create", eva());
    assert_eq!(refusal(&driven), "it answered with status 422");
    pair.command(&json!({"refuse_users": null}));
    result(&pair.run("create", eva()));
    let again = pair.run("create", eva());
    assert!(refusal(&again).contains("409") && !refusal(&again).contains('@'), "{}", refusal(&again));
    let mut odd = eva();
    odd["fields"]["colour"] = json!("red");
    assert!(refusal(&pair.run("create", odd)).contains("422"));
    let elsewhere = json!({"path": "people", "key": "x", "fields": {"email": "x@y.cz"}});
    assert!(refusal(&pair.run("create", elsewhere)).contains("404"));
    assert_eq!(pair.effects("create_user"), 1);
}

#[test]
fn what_is_there_is_done_where_the_owner_says_so_and_its_id_is_looked_up() {
    let mut pair = Pair::new(&[("already_exists", "done")]);
    pair.command(&json!({"add_user": {"email": "Eva@example.cz"}}));
    assert_eq!(result(&pair.run("create", eva())), json!({"already": "true"}));
    let mut pair = Pair::new(&[("already_exists", "done"), ("find", "{path}?email={key}")]);
    pair.command(&json!({"add_user": {"email": "eva@example.cz"}}));
    let driven = pair.run("create", eva());
    assert_eq!((result(&driven), driven.calls), (json!({"id": "1", "already": "true"}), 2));
    let taken = answered(&mut pair, "create", eva(), Reply::new(409));
    assert!(matches!(taken, Verdict::Refused(_)), "a look-up that is answered with 409 too: {taken:?}");
}

#[test]
fn how_a_creation_may_be_repeated_follows_from_what_is_known_of_the_other_side() {
    assert_eq!(repeat_of(&[], "create"), Repeat::Unsafe);
    assert_eq!(repeat_of(&[("idempotency_header", "Idempotency-Key")], "create"), Repeat::Keyed);
    assert_eq!(repeat_of(&[("signing_secret", SECRET)], "create"), Repeat::Unsafe, "it may not drop what it knows");
    let settle = std::time::Duration::from_secs(5);
    assert_eq!(repeat_of(&[("find", "users/{key}"), ("settle", "5s")], "create"), Repeat::Checked { settle });
    for operation in ["update", "delete"] {
        assert_eq!(repeat_of(&[("find", "users/{key}")], operation), Repeat::Natural);
    }
}

#[test]
fn after_a_lost_answer_it_looks_before_it_writes() {
    let mut pair = Pair::new(&[("find", "{path}?email={key}")]);
    let driven = pair.again("create", eva());
    assert_eq!((result(&driven)["id"].clone(), driven.calls), (json!("1"), 2), "it was not there");
    let driven = pair.again("create", eva());
    assert_eq!((result(&driven), driven.calls), (json!({"id": "1", "already": "false"}), 1));
    assert_eq!(pair.effects("create_user"), 1);
}

#[test]
fn a_key_makes_a_repeat_harmless() {
    for given in [
        &[("idempotency_header", "Idempotency-Key")][..],
        &[("idempotency_header", "X-Once")],
        &[("idempotency_header", "webhook-id"), ("signing_secret", SECRET)],
        // Where both are known, the key is the shorter way.
        &[("idempotency_header", "X-Once"), ("find", "{path}?email={key}")],
    ] {
        let mut pair = Pair::new(given);
        for driven in [pair.run("create", eva()), pair.again("create", eva())] {
            assert_eq!((result(&driven)["id"].clone(), driven.calls), (json!("1"), 1), "{given:?}");
        }
        assert_eq!(pair.effects("create_user"), 1, "{given:?}");
    }
}

#[test]
fn an_update_sends_only_what_is_still_to_be_written() {
    let mut pair = Pair::new(&[]);
    result(&pair.run("create", eva()));
    let change =
        json!({"path": "users", "id": "1", "fields": {"last_name": "Malá", "phone": "1", "address.street": "D 5"}});
    let aimed = target(&pair, "update", change.clone()).expect("a target");
    let names: Vec<&str> = aimed.registers.iter().map(|register| register.name.as_str()).collect();
    assert_eq!((aimed.object.as_str(), names), ("users/1", vec!["field:address", "field:last_name", "field:phone"]));
    pair.run_with("update", change, |drive| {
        drive.registers = Some(["field:last_name".to_owned(), "field:address".to_owned()].into());
    });
    let user = &pair.users()[0];
    assert_eq!((&user["last_name"], &user["phone"]), (&json!("Malá"), &Value::Null));
    assert_eq!(user["address"], json!({"city": "Brno", "street": "D 5"}));
}

#[test]
fn a_replacing_update_is_one_register_which_a_deletion_shares() {
    let mut pair = Pair::new(&[("update_method", "put")]);
    result(&pair.run("create", eva()));
    let change = json!({"path": "users", "id": 1, "fields": {"email": "eva@example.cz", "phone": "1"}});
    assert_eq!(result(&pair.run("update", change.clone())), json!({}));
    assert_eq!(pair.users(), json!([{"id": 1, "email": "eva@example.cz", "phone": "1"}]));
    let put = target(&pair, "update", change).expect("a target");
    let gone = target(&pair, "delete", json!({"path": "users", "id": "1"})).expect("a target");
    assert_eq!((put.object.as_str(), put.object == gone.object), ("users/1", true));
    let [Register { name, value, rule }] = put.registers.as_slice() else { panic!("one register") };
    let [Register { name: shared, value: none, .. }] = gone.registers.as_slice() else { panic!("one register") };
    assert_eq!((name, rule, value == none), (shared, &RegisterRule::Newest, false));
}

#[test]
fn what_is_deleted_may_be_gone_already() {
    let mut pair = Pair::new(&[]);
    result(&pair.run("create", eva()));
    for _ in 0..2 {
        assert_eq!(result(&pair.run("delete", json!({"path": "users", "id": "1"}))), json!({}));
    }
    assert_eq!((pair.users(), pair.effects("delete_user")), (json!([]), 1));
    assert!(
        refusal(&pair.run("update", json!({"path": "users", "id": "1", "fields": {"phone": "1"}}))).contains("404")
    );
}

#[test]
fn a_creation_is_known_by_its_path_and_key_once() {
    let pair = Pair::new(&[]);
    let of = |key: &str, path: &str| {
        target(&pair, "create", json!({"path": path, "key": key, "fields": {"a": 1}})).expect("a target")
    };
    let one = of("Eva@Example.cz", "/users");
    assert_eq!(one, of("eva@example.cz", "users"));
    assert_ne!(one.object, of("eva@example.cz", "customers").object);
    assert_ne!(of("A-1", "orders").object, of("a-1", "orders").object);
    assert_eq!((one.registers[0].name.as_str(), &one.registers[0].rule), ("created", &RegisterRule::Once));
}

#[test]
fn parameters_that_lead_elsewhere_are_refused_without_being_told() {
    let pair = Pair::new(&[]);
    for (operation, parameters, told) in [
        ("create", json!({"path": "users/../secret", "key": "k", "fields": {"a": 1}}), "`path`"),
        ("create", json!({"path": "users//secret", "key": "k", "fields": {"a": 1}}), "`path`"),
        ("create", json!({"path": "users", "fields": {"a": 1}}), "`key`"),
        ("create", json!({"path": "users", "key": "k"}), "`fields`"),
        ("create", json!({"path": "users", "key": "k", "fields": {"a": "secret", "a.b": 1}}), "`fields`"),
        ("update", json!({"path": "users", "id": "..", "fields": {"a": 1}}), "`id`"),
        ("delete", json!({"path": "users"}), "`id`"),
        ("delete", json!({"path": "", "id": "1"}), "`path`"),
    ] {
        let why = target(&pair, operation, parameters).expect_err("refused");
        assert!(why.contains(told) && !why.contains("secret"), "{why}");
    }
    let source_only = connector(&[("secret", SECRET)]);
    let drive = Drive::new(source_only.as_ref(), CATALOGUE, "create", eva(), now());
    let why = source_only.target(drive.operation, &drive.parameters).expect_err("no address");
    assert!(why.contains("`base_url`"), "{why}");
}

#[test]
fn each_way_of_showing_who_we_are_is_understood_and_needed() {
    for given in [
        &[("authentication", "bearer"), ("token", "t")][..],
        &[("authentication", "basic"), ("user", "u"), ("password", "p")],
        &[("authentication", "header"), ("token", "t"), ("token_header", "X-Key")],
    ] {
        let mut pair = Pair::new(given);
        result(&pair.run("create", eva()));
        let mut stranger = Pair::new(&[]);
        stranger.sandbox = pair.sandbox;
        assert_eq!(stranger.run("create", eva()).verdict, Verdict::Unauthorized, "{given:?}");
    }
    let mut signed = Pair::new(&[("signing_secret", SECRET), ("find", "{path}?email={key}")]);
    result(&signed.again("create", eva()));
    result(&signed.run("update", json!({"path": "users", "id": "1", "fields": {"phone": "1"}})));
    result(&signed.run("delete", json!({"path": "users", "id": "1"})));
    let mut unsigned = Pair::new(&[]);
    unsigned.sandbox = signed.sandbox;
    assert_eq!(unsigned.run("create", eva()).verdict, Verdict::Unauthorized);
}

#[test]
fn a_look_up_has_another_id_than_the_write_behind_it() {
    let pair = Pair::new(&[("signing_secret", SECRET), ("find", "{path}/{key}")]);
    let mut drive = Drive::new(pair.connector.as_ref(), CATALOGUE, "create", eva(), now());
    drive.maybe_done = true;
    let sent = |progress: Value| -> Request {
        let (registers, contributions) = (["created".to_owned()].into(), std::collections::BTreeMap::new());
        let work = crate::connectors::contract::Work {
            operation: drive.operation,
            parameters: &drive.parameters,
            only: &drive.only,
            registers: &registers,
            vendor_id: None,
            contributions: &contributions,
            maybe_done: true,
            reference: "a-1",
            now: now(),
            session: None,
        };
        match pair.connector.plan(&work, &Progress(progress)) {
            Plan::Send(request) => request,
            other => panic!("{other:?}"),
        }
    };
    let (look, make) = (sent(Value::Null), sent(json!({"step": "make"})));
    assert_eq!((look.method, look.url.path()), (Method::Get, "/users/eva%40example.cz"));
    assert_eq!((make.method, make.url.path()), (Method::Post, "/users"));
    assert_eq!((look.headers.get("webhook-id"), make.headers.get("webhook-id")), (Some("a-1-find"), Some("a-1")));
}

#[test]
fn statuses_are_read_alike_by_all_operations() {
    let mut pair = Pair::new(&[]);
    let by_id = || json!({"path": "users", "id": "1", "fields": {"phone": "1"}});
    for (operation, parameters) in
        [("create", eva()), ("update", by_id()), ("delete", json!({"path": "users", "id": "1"}))]
    {
        let mut verdict = |status| answered(&mut pair, operation, parameters.clone(), Reply::new(status));
        assert_eq!(verdict(401), Verdict::Unauthorized);
        let retry = |code, effect| Verdict::Retry { code, effect, after: None };
        assert_eq!(verdict(429), retry(code::RATE_LIMITED, Effect::None));
        assert_eq!(verdict(503), retry(code::VENDOR_ERROR, Effect::Possible));
        for status in [301, 400, 403, 422] {
            assert!(matches!(verdict(status), Verdict::Refused(_)), "{operation} {status}");
        }
        for status in [200, 201, 202, 204] {
            assert!(matches!(verdict(status), Verdict::Done(_)), "{operation} {status}");
        }
    }
}

/// The website by itself, asked with raw requests.
#[test]
fn the_website_keeps_its_rules() {
    let mut pair = Pair::new(&[]);
    let mut ask = |method, path: &str, query: &str, key: &str, body: Value| {
        let mut headers = Headers::new();
        if !key.is_empty() {
            headers = headers.with("Idempotency-Key", key);
        }
        let body = Bytes::from(body.to_string());
        let request = SandboxRequest { method, path: path.to_owned(), query: query.to_owned(), headers, body };
        let reply = pair.sandbox.answer(&request, now());
        (reply.status, serde_json::from_slice::<Value>(&reply.body).unwrap_or_default())
    };
    let eva = || json!({"email": "eva@example.cz"});
    let shown = json!({"id": 1, "email": "eva@example.cz"});
    for _ in 0..2 {
        assert_eq!(ask(Method::Post, "/users", "", "k1", eva()), (201, shown.clone()), "the same key, the same answer");
    }
    assert_eq!(ask(Method::Post, "/users", "", "k2", eva()).0, 409);
    assert_eq!(ask(Method::Post, "/users", "", "", json!({})).0, 422);
    assert_eq!(ask(Method::Post, "/users", "", "", json!({"email": "a@b.cz", "x": 1})).0, 422);
    assert_eq!(ask(Method::Post, "/users", "", "", json!({"email": 7})).0, 422);
    assert_eq!(ask(Method::Post, "/users", "", "", json!([])).0, 400);
    assert_eq!(ask(Method::Get, "/users", "email=EVA%40example.cz", "", json!(null)), (200, json!([shown])));
    assert_eq!(ask(Method::Get, "/users", "email=b%40example.cz", "", json!(null)), (200, json!([])));
    assert_eq!(ask(Method::Get, "/users/1", "", "", json!(null)), (200, shown));
    assert_eq!(ask(Method::Patch, "/users/1", "", "", json!({"phone": "1"})).1["phone"], "1");
    assert_eq!(ask(Method::Put, "/users/1", "", "", eva()).1["phone"], Value::Null);
    assert_eq!(ask(Method::Delete, "/users/1", "", "", json!(null)).0, 204);
    for (method, status) in [(Method::Get, 404), (Method::Patch, 404), (Method::Delete, 404), (Method::Post, 405)] {
        assert_eq!(ask(method, "/users/1", "", "", json!({})).0, status, "{method:?}");
    }
    assert_eq!(pair.effects("create_user"), 1);
}
