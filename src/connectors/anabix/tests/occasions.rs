//! Values for new contacts only, and for those only that are there.

use serde_json::{Value, json};

use super::{Bench, EVA, bench, names};
use crate::{
    connectors::{contract::Done, contract::Verdict, kit::testing::Driven},
    topics::occasion::{Occasion, Occasions},
};

fn occasions() -> Occasions {
    let mut only = Occasions::default();
    only.set("source", Occasion::Create);
    only.set("legal_basis", Occasion::Create);
    only.set("phone", Occasion::Update);
    only.set_member("custom_fields", "Velikost", Occasion::Create);
    only.set_member("custom_fields", "13", Occasion::Update);
    only
}

fn eva() -> Value {
    json!({
        "email": EVA, "first_name": "Eva", "phone": "+420 601 000 111", "source": "FAPI", "legal_basis": "contract",
        "custom_fields": {"Velikost": "M", "13": "volat", "14": 3},
    })
}

fn upsert(bench: &mut Bench, parameters: Value) -> Driven {
    bench.run("upsert_contact", parameters, |drive| drive.only = occasions())
}

fn done(driven: Driven) -> Done {
    match driven.verdict {
        Verdict::Done(done) => done,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_contact_gets_what_is_for_creating_and_not_what_is_for_updating() {
    let mut bench = bench(&[("overwrite", "always")]);
    let done = done(upsert(&mut bench, eva()));
    assert_eq!(done.result.get("created").map(String::as_str), Some("true"));
    let contact = bench.contact(9041);
    assert_eq!(contact.get("source"), Some(&json!("FAPI")));
    assert_eq!(contact.get("gdprReason"), Some(&json!(4)));
    assert_eq!(contact.get("phoneNumber"), None);
    assert_eq!(contact.get("customFields"), Some(&json!({"12": "102", "14": "3"})));
    let unwritten: Vec<_> = done.unwritten.iter().map(String::as_str).collect();
    assert_eq!(unwritten, ["custom:13", "phoneNumber"], "the ledger must not take them for written");
}

#[test]
fn a_contact_that_is_there_gets_it_the_other_way_round() {
    let mut bench = bench(&[("overwrite", "always"), ("overwrite_legal_basis", "empty")]);
    let id = bench.add_contact(&json!({"email": EVA, "source": "hand", "phoneNumber": "1"}));
    let driven = upsert(&mut bench, eva());
    let done = done(driven);
    assert_eq!(done.result.get("created").map(String::as_str), Some("false"));
    assert!(done.unwritten.is_empty());
    let contact = bench.contact(id);
    assert_eq!(contact.get("source"), Some(&json!("hand")));
    assert_eq!(contact.get("gdprReason"), None);
    assert_eq!(contact.get("phoneNumber"), Some(&json!("+420 601 000 111")));
    assert_eq!(contact.get("customFields"), Some(&json!({"13": "volat", "14": "3"})));
}

#[test]
fn titles_that_only_a_new_contact_needs_are_looked_up_for_a_new_one_only() {
    let mut bench = bench(&[("overwrite", "always")]);
    bench.add_contact(&json!({"email": EVA}));
    let wrong = json!({"email": EVA, "first_name": "Eva", "custom_fields": {"Neznámé": "x"}});
    let run = |bench: &mut Bench, parameters: Value| {
        bench.run("upsert_contact", parameters, |drive| {
            drive.only.set("custom_fields", Occasion::Create);
        })
    };
    let there = run(&mut bench, wrong.clone());
    assert_eq!(there.calls, 2, "found, updated");
    let mut other = wrong;
    other["email"] = json!("nova@example.cz");
    let driven = run(&mut bench, other);
    assert!(matches!(&driven.verdict, Verdict::Refused(why) if why.contains("Neznámé")), "{driven:?}");
    assert_eq!(bench.count("contacts"), 2, "nothing was made");
}

/// What is for creating only is no state of the contact: no register asks for an update because of it.
#[test]
fn what_is_for_creating_has_no_register() {
    let bench = bench(&[]);
    let Value::Object(parameters) = eva() else { panic!("an object") };
    let standing = Value::Object(occasions().standing(&parameters).into_owned());
    let registers = bench.registers("upsert_contact", standing);
    assert_eq!(names(&registers), ["email", "firstName", "phoneNumber", "custom:13", "custom:14"]);
}
