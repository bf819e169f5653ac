//! Commands that touch nothing: `check`, `connectors`, `explain`, `simulate`, and the demo, which brings all it needs.

use std::fs;

use serde_json::{Value, json};
use spojka::model::time::{Clock as _, SystemClock};

use super::{example, spojka, with};
use crate::support::stage::paid_order;

#[test]
fn the_demo_arrives() {
    let people = spojka(&["demo", "--exit"]).exits(0);
    assert!(people.out.trim_end().lines().last().is_some_and(|line| line.contains("everything arrived")), "{people:?}");
    let summary = spojka(&["demo", "--exit", "--json"]).exits(0).json();
    assert_eq!((&summary["arrived"], &summary["webhooks"], &summary["dead"]), (&json!(true), &json!(3), &json!(0)));
    assert_eq!(summary["done"], summary["actions"], "nothing is told before it is settled: {summary}");
    assert!(summary["actions"].as_u64().is_some_and(|actions| actions >= 4), "{summary}");
}

#[test]
fn a_right_config_is_told_so() {
    let answer = spojka(&["check", &example("fapi-to-anabix")]).exits(0);
    assert_eq!(
        (answer.out.as_str(), answer.err.as_str()),
        ("no problems: 2 connections, 6 flows, 15 tests passed\n", "")
    );
}

#[test]
fn a_broken_config_gets_every_problem_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "connections:\n  crm: { anabyx: {} }\nflows:\n  one: { on: order.payed }\nremembr: 3d\n";
    fs::write(folder.path().join("spojka.yaml"), text).unwrap();
    let answer = with(folder.path(), &["check"]).exits(2);
    for part in ["did you mean `anabix`?", "did you mean `order.paid`?", "did you mean `remember`?", "spojka.yaml:2:10"]
    {
        assert!(answer.out.contains(part), "{part}: {}", answer.out);
    }
    assert!(answer.out.ends_with("4 errors\n") && answer.err.is_empty(), "{answer:?}");
    let problems = with(folder.path(), &["check", "--json"]).exits(2).json();
    assert_eq!(problems["problems"].as_array().map(Vec::len), Some(4));
    let run = with(folder.path(), &["run"]).exits(2);
    assert!(run.out.is_empty() && run.err.contains("did you mean `anabix`?"), "{run:?}");
    with(&folder.path().join("nowhere"), &["check"]).exits(2);
}

#[test]
fn vendors_tell_what_they_take() {
    let all = spojka(&["connectors"]).exits(0).out;
    assert!(["anabix", "fapi", "salesautopilot", "woocommerce"].iter().all(|name| all.contains(name)), "{all}");
    let one = spojka(&["connectors", "fapi", "--json"]).exits(0).json();
    assert_eq!((&one["vendor"], &one["settings"][0]["name"]), (&json!("fapi"), &json!("user")));
    assert!(spojka(&["connectors", "anabix"]).exits(0).out.contains("operation add_to_list"));
    assert!(spojka(&["connectors", "anabyx"]).exits(3).err.contains("did you mean `anabix`?"));
}

#[test]
fn codes_are_explained() {
    assert!(spojka(&["explain", "unauthorized"]).exits(0).out.starts_with("unauthorized: "));
    assert!(spojka(&["explain"]).exits(0).out.lines().count() > 20);
    let unknown = spojka(&["explain", "unauthorised"]).exits(3);
    assert_eq!(unknown.err, "error: there is no code `unauthorised`\nhint: did you mean `unauthorized`?\n");
    assert!(spojka(&["explain", "zzz"]).exits(3).err.contains("`spojka explain` lists them"));
}

#[test]
fn the_command_line_is_checked() {
    assert!(spojka(&["--help"]).exits(0).out.contains("Exit codes: 0 done"));
    assert!(spojka(&["chekc"]).exits(2).err.contains("check"));
    spojka(&["simulate"]).exits(2);
}

#[test]
fn an_event_shows_its_actions_and_the_clause_that_said_no() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.json");
    let order = json!({"id": "42", "number": "N-42", "customer": {"email": "eva@example.cz"},
        "items": [{"code": "COURSE-RUST"}], "paidAt": "2025-10-09T08:00:00Z"});
    fs::write(&file, order.to_string()).unwrap();
    let simulate = |more: &[&str]| {
        spojka(&[&["simulate", "-c", &example("fapi-to-anabix"), file.to_str().unwrap(), "--event"], more].concat())
    };
    let people = simulate(&["order.paid"]).exits(0).out;
    assert!(people.contains("flow `rust-course-paid` would do crm.add_to_list"), "{people}");
    assert!(people.contains("list: Rust course, participants"), "{people}");
    let no = "flow `any-e-book-paid` does nothing (condition)\n      \
              order.items.exists(i, i.code.startsWith(\"EBOOK-\")): NO\n          \
              order.items[].code is [\"COURSE-RUST\"]\n";
    assert!(people.contains(no), "{people}");
    let told = simulate(&["order.paid", "--json"]).exits(0).json();
    assert_eq!(told[0]["actions"][0]["parameters"]["email"], "eva@example.cz");
    assert!(simulate(&["order.refunded", "--connection", "eshop"]).exits(0).out.contains("no flow is about it"));
    let only = simulate(&["order.paid", "--flow", "ordered"]).exits(0).out;
    assert!(
        only.contains("`ordered` is not concerned: it is about order.created") && !only.contains("e-book"),
        "{only}"
    );
    assert!(simulate(&["order.paid", "--flow", "orderd"]).exits(3).err.contains("did you mean `ordered`?"));
    assert!(simulate(&["order.payed"]).exits(3).err.contains("did you mean `order.paid`?"));
    assert!(simulate(&["order.paid", "--connection", "eshp"]).exits(3).err.contains("did you mean `eshop`?"));
}

#[test]
fn a_webhook_shows_what_it_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.json");
    // The account counts purchases in forints.
    let order = paid_order(727, "eva@example.cz", SystemClock.now()).to_string().replace("CZK", "HUF");
    fs::write(&file, order).unwrap();
    let config = example("webshop-to-salesautopilot");
    let arguments = ["simulate", "-c", &config, file.to_str().unwrap(), "--connection", "shop", "--json"];
    let told = spojka(&arguments).exits(0).json();
    let events = told.as_array().unwrap();
    let operations = |name: &str| -> Vec<&Value> {
        let of = events.iter().filter(|event| event["event"] == name);
        of.flat_map(|event| event["actions"].as_array().unwrap()).map(|action| &action["operation"]).collect()
    };
    assert_eq!(operations("order.created"), ["record_order"]);
    assert_eq!(operations("order.paid"), ["mark_paid", "update_purchase_history"]);
}

#[test]
fn a_notification_asks_for_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notification.txt");
    fs::write(&file, "id=300100200&time=1760000000&security=0dc61a85c005d7c5eb868738517fed066dfde9fa").unwrap();
    let config = example("fapi-to-anabix");
    let answer = spojka(&["simulate", "-c", &config, file.to_str().unwrap(), "--connection", "eshop"]).exits(0);
    assert!(answer.out.contains("--reply invoice=FILE"), "{answer:?}");
}

#[test]
fn a_body_with_an_unknown_field_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.yaml");
    let config = example("fapi-to-anabix");
    let simulate = || spojka(&["simulate", "-c", &config, file.to_str().unwrap(), "--event", "order.paid"]);
    fs::write(&file, "number: 42\ncustomer:\n  emial: eva@example.cz\nstatus: processing\n").unwrap();
    let refused = simulate().exits(2).err;
    assert!(refused.contains("order.yaml:3:3") && refused.contains("did you mean `email`?"), "{refused}");
    fs::write(&file, "items: [{ code: EBOOK-1 }]\ncustomer: { email: nobody }\n").unwrap();
    assert!(simulate().exits(1).out.contains("would fail in `email`: expected e-mail address (bad-parameter)"));
}

#[test]
fn a_sample_is_simulated_without_any_account() {
    let config = example("fapi-to-anabix");
    let simulate = |more: &[&str]| spojka(&[&["simulate", "-c", &config, "--sample"], more].concat());
    let told = simulate(&["paid", "--json"]).exits(0).json();
    let paid = told.as_array().unwrap().iter().find(|event| event["event"] == "order.paid").unwrap();
    assert_eq!(paid["actions"][0]["parameters"]["list"], "Spring campaign, buyers");
    assert!(simulate(&["payd"]).exits(3).err.contains("did you mean `paid`?"));
    assert_eq!(
        simulate(&["paid", "--connection", "eshop", "--json"]).exits(0).json().as_array().unwrap().len(),
        told.as_array().unwrap().len()
    );
    assert!(simulate(&["paid", "--connection", "crm"]).exits(3).err.contains("`anabix` has no sample `paid`"));
}

#[test]
fn a_simulation_becomes_a_test_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().to_str().unwrap();
    spojka(&["init", "fapi-to-anabix", "-c", config]).exits(0);
    let test =
        spojka(&["simulate", "-c", config, "--connection", "eshop", "--sample", "paid", "--as-test"]).exits(0).out;
    fs::write(folder.path().join("more.yaml"), &test).unwrap();
    let more = test.lines().filter(|line| line.starts_with("    event:")).count();
    assert!(more >= 2, "{test}");
    let answer = spojka(&["check", config]).exits(0);
    assert!(answer.out.ends_with(&format!(", {} tests passed\n", 15 + more)), "{answer:?}");
}

#[test]
fn a_failing_test_is_told_with_its_place_and_an_exit_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().to_str().unwrap();
    spojka(&["init", "invoice-settled-to-salesautopilot", "-c", config]).exits(0);
    let tests = folder.path().join("tests.yaml");
    let text = fs::read_to_string(&tests).unwrap().replacen(
        "order_reference: \"2025100042\"",
        "order_reference: \"2025100043\"",
        1,
    );
    fs::write(&tests, text).unwrap();
    let answer = spojka(&["check", config]).exits(1);
    assert!(answer.out.contains("`order_reference`: expected `2025100043`, got `2025100042`"), "{answer:?}");
    assert!(answer.out.contains("at tests.yaml:7:44") && answer.out.contains("1 of 4 tests failed"), "{answer:?}");
    let json = spojka(&["check", config, "--json"]).exits(1).json();
    assert_eq!((&json["tests"]["failed"], &json["problems"][0]["code"]), (&json!(1), &json!("test-failed")));
}

#[test]
fn a_config_begins_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    assert!(with(folder.path(), &["check"]).exits(2).out.contains("`spojka init` lists them"));
    assert!(spojka(&["init"]).exits(0).out.contains("fapi-to-anabix"));
    assert!(with(folder.path(), &["init", "fapi-to-anabics"]).exits(3).err.contains("did you mean `fapi-to-anabix`?"));
    with(folder.path(), &["init", "fapi-to-anabix"]).exits(0);
    with(folder.path(), &["check"]).exits(0);
    let before = fs::read_to_string(folder.path().join("flows.yaml")).unwrap();
    assert!(with(folder.path(), &["init", "webshop-to-salesautopilot"]).exits(1).err.contains("is there already"));
    assert_eq!(fs::read_to_string(folder.path().join("flows.yaml")).unwrap(), before);
}
