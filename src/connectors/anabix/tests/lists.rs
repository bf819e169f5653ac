//! `add_to_list` and `remove_from_list`.

use serde_json::{Value, json};

use super::{Bench, EVA, bench, names, only, refused};
use crate::connectors::contract::{RegisterRule, Verdict};

fn add(list: &str) -> Value {
    json!({"email": EVA, "list": list, "note": "Order 1001, paid", "legal_basis": "contract"})
}

fn remove(list: &str) -> Value {
    json!({"email": EVA, "list": list})
}

fn lists_of(bench: &Bench, id: u64) -> Value {
    bench.contact(id).get("lists").cloned().unwrap_or_else(|| json!([]))
}

fn member(bench: &mut Bench, email: &str, list: u64) -> u64 {
    let id = bench.add_contact(&json!({"email": email}));
    bench.command(&json!({"add_to_list": {"idContact": id, "idList": list}}));
    id
}

#[test]
fn a_new_contact_is_created_and_put_on_the_list_with_a_note() {
    let mut bench = bench(&[]);
    let done = bench.done("add_to_list", add("FAPI"));
    assert_eq!(done.result.get("contact_id").map(String::as_str), Some("9041"));
    assert_eq!(done.result.get("list_id").map(String::as_str), Some("57"));
    assert_eq!(bench.effects_since(0), ["contact_created", "lists_managed", "activity_created"]);
    assert_eq!(lists_of(&bench, 9041), json!([57]));
    assert_eq!(bench.contact(9041).get("gdprReason"), Some(&json!(4)));
    let state = bench.sandbox.state();
    let note = state.pointer("/activities/0").expect("the note");
    assert_eq!(note.get("type"), Some(&json!("note")));
    assert_eq!(note.get("title"), Some(&json!("Order 1001, paid")));
    assert_eq!(note.get("body"), Some(&json!("Order 1001, paid\n\nSpojka a-test")));
}

#[test]
fn an_existing_contact_keeps_its_other_lists() {
    let mut bench = bench(&[]);
    let id = member(&mut bench, EVA, 31);
    bench.done("add_to_list", add("57"));
    assert_eq!(lists_of(&bench, id), json!([31, 57]));
    assert_eq!(bench.count("contacts"), 2);
}

#[test]
fn the_second_time_changes_nothing_and_writes_no_second_note() {
    let mut bench = bench(&[]);
    bench.done("add_to_list", add("FAPI"));
    let before = bench.sandbox.effects().len();
    bench.done("add_to_list", add("FAPI"));
    assert!(bench.sandbox.effects().iter().skip(before).all(|effect| effect.get("changed") == Some(&json!(false))));
    assert_eq!(bench.count("activities"), 1);
}

#[test]
fn a_list_is_created_only_when_asked_for() {
    let missing = "there is no list with the title `Kurz`";
    for (setting, parameter, created) in
        [("false", None, false), ("true", None, true), ("false", Some(true), true), ("true", Some(false), false)]
    {
        let mut bench = bench(&[("create_list", setting)]);
        let mut parameters = add("Kurz");
        if let (Some(flag), Value::Object(all)) = (parameter, &mut parameters) {
            all.insert("create_list".to_owned(), json!(flag));
        }
        let driven = bench.run("add_to_list", parameters, |_| {});
        match &driven.verdict {
            Verdict::Done(done) => assert_eq!(done.result.get("list_id").map(String::as_str), Some("58")),
            _ => assert_eq!(refused(&driven), missing),
        }
        assert_eq!(bench.count("lists"), if created { 3 } else { 2 });
        assert_eq!(bench.count("contacts"), if created { 2 } else { 1 }, "nothing is written before the refusal");
    }
}

#[test]
fn titles_are_compared_exactly() {
    let mut bench = bench(&[]);
    let driven = bench.run("add_to_list", add("fapi"), |_| {});
    assert!(refused(&driven).contains("`fapi`"), "the vendor's search may be looser than a title");
    bench.command(&json!({"add_list": "FAPI"}));
    let done = bench.done("add_to_list", add("FAPI"));
    assert_eq!(done.result.get("list_id").map(String::as_str), Some("57"));
    assert_eq!(done.warnings.len(), 1);
}

#[test]
fn an_unknown_list_id_is_refused() {
    let mut bench = bench(&[]);
    let driven = bench.run("add_to_list", add("99"), |_| {});
    assert_eq!(refused(&driven), "the vendor answered ERROR to contacts.manageLists");
}

#[test]
fn several_contacts_go_by_the_setting() {
    for (setting, expected) in [("lowest", [true, false]), ("all", [true, true]), ("fail", [false, false])] {
        let mut bench = bench(&[("several_contacts", setting)]);
        let ids = [bench.add_contact(&json!({"email": EVA})), bench.add_contact(&json!({"email": EVA}))];
        bench.run("add_to_list", add("57"), |_| {});
        assert_eq!(ids.map(|id| lists_of(&bench, id) == json!([57])), expected, "{setting}");
        let notes = expected.iter().filter(|written| **written).count();
        assert_eq!(bench.count("activities"), notes, "{setting}");
    }
}

#[test]
fn registers_are_shared_by_both_operations() {
    let bench = bench(&[]);
    let added = bench.registers("add_to_list", add("FAPI"));
    let removed = bench.registers("remove_from_list", remove("FAPI"));
    assert_eq!(names(&removed), ["list:FAPI"]);
    let list = added.iter().find(|register| register.name == "list:FAPI").expect("the list");
    assert_eq!((&list.value, removed.first().map(|register| &register.value)), (&json!(true), Some(&json!(false))));
}

#[test]
fn a_note_is_a_register_of_its_own_by_its_text() {
    let bench = bench(&[]);
    let note = |text: &str| {
        let all = bench.registers("add_to_list", json!({"email": EVA, "list": "57", "note": text}));
        all.into_iter().find(|register| register.name.starts_with("note:")).expect("the note")
    };
    assert_eq!(note("Order 1001").rule, RegisterRule::Once);
    assert_eq!(note("Order 1001").name, note("Order 1001").name);
    assert_ne!(note("Order 1001").name, note("Order 1002").name);
    assert!(!note("Order 1001").name.contains("1001"));
}

#[test]
fn only_the_registers_that_are_left_are_sent() {
    let mut bench = bench(&[]);
    let id = bench.add_contact(&json!({"email": EVA}));
    let before = bench.sandbox.effects().len();
    bench.run("add_to_list", add("FAPI"), |drive| drive.registers = Some(only(&["list:FAPI"])));
    assert_eq!(bench.effects_since(before), ["lists_managed"]);
    let note = bench.registers("add_to_list", add("FAPI")).pop().expect("the note").name;
    bench.run("add_to_list", add("FAPI"), |drive| drive.registers = Some(only(&[&note])));
    assert_eq!(bench.effects_since(before + 1), ["activity_created"]);
    bench.run("add_to_list", add("FAPI"), |drive| drive.registers = Some(only(&["gdprReason"])));
    assert_eq!(bench.effects_since(before + 2), ["contact_updated"]);
    assert_eq!(bench.contact(id).get("gdprReason"), Some(&json!(4)));
}

#[test]
fn a_remembered_contact_is_written_to_at_once() {
    let mut bench = bench(&[]);
    let id = bench.add_contact(&json!({"email": EVA}));
    let parameters = json!({"email": EVA, "list": "57"});
    let driven = bench.run("add_to_list", parameters, |drive| drive.vendor_id = Some(id.to_string()));
    assert_eq!(driven.calls, 1);
    assert_eq!(lists_of(&bench, id), json!([57]));
}

#[test]
fn all_contacts_with_the_e_mail_are_removed_and_stay() {
    let mut bench = bench(&[]);
    let ids = [member(&mut bench, EVA, 57), member(&mut bench, "EVA.mala@example.cz", 57)];
    let done = bench.done("remove_from_list", remove("FAPI"));
    assert_eq!(done.result.get("contacts").map(String::as_str), Some("2"));
    assert_eq!(ids.map(|id| lists_of(&bench, id)), [json!([]), json!([])]);
    assert_eq!(bench.count("contacts"), 3);
}

#[test]
fn removal_from_several_goes_by_its_own_setting() {
    for (setting, expected) in [("lowest", [true, false]), ("all", [true, true]), ("fail", [false, false])] {
        let mut bench = bench(&[("several_contacts_removal", setting)]);
        let ids = [member(&mut bench, EVA, 57), member(&mut bench, EVA, 57)];
        bench.run("remove_from_list", remove("57"), |_| {});
        assert_eq!(ids.map(|id| lists_of(&bench, id) == json!([])), expected, "{setting}");
    }
}

#[test]
fn an_ambiguous_contact_is_remembered_only_where_the_lowest_is_the_one() {
    for (setting, remembered) in [("lowest", true), ("fail", false), ("all", false)] {
        let mut bench = bench(&[("several_contacts", setting), ("several_contacts_removal", "lowest")]);
        let ids = [member(&mut bench, EVA, 57), member(&mut bench, EVA, 57)];
        let done = bench.done("remove_from_list", remove("57"));
        assert_eq!(done.vendor_id, remembered.then(|| ids[0].to_string()), "{setting}");
    }
}

#[test]
fn others_are_removed_too_when_one_contact_is_remembered() {
    let mut bench = bench(&[]);
    let ids = [member(&mut bench, EVA, 57), member(&mut bench, EVA, 57)];
    bench.run("remove_from_list", remove("57"), |drive| drive.vendor_id = Some(ids[0].to_string()));
    assert_eq!(ids.map(|id| lists_of(&bench, id)), [json!([]), json!([])]);
}

#[test]
fn nobody_to_remove_is_as_wanted() {
    let mut bench = bench(&[]);
    let done = bench.done("remove_from_list", remove("FAPI"));
    assert_eq!(done.result.get("contacts").map(String::as_str), Some("0"));
    assert!(bench.sandbox.effects().is_empty());
    assert_eq!(bench.count("contacts"), 1);
}

#[test]
fn who_is_not_on_the_list_is_as_wanted_however_the_vendor_sees_it() {
    for strict in [false, true] {
        let mut bench = bench(&[]);
        bench.command(&json!({"strict_removal": strict}));
        let id = bench.add_contact(&json!({"email": EVA}));
        let done = bench.done("remove_from_list", remove("57"));
        assert_eq!(done.warnings.len(), usize::from(strict));
        assert_eq!(lists_of(&bench, id), json!([]));
    }
}

#[test]
fn a_refused_removal_fails_where_the_setting_says_so() {
    let mut bench = bench(&[("refused_removal", "fail")]);
    bench.command(&json!({"strict_removal": true}));
    bench.add_contact(&json!({"email": EVA}));
    let driven = bench.run("remove_from_list", remove("57"), |_| {});
    assert_eq!(refused(&driven), "the vendor answered ERROR to contacts.manageLists");
}

#[test]
fn a_removal_names_a_list_that_must_exist() {
    let mut bench = bench(&[("create_list", "true")]);
    let driven = bench.run("remove_from_list", remove("Kurz"), |_| {});
    assert!(refused(&driven).contains("`Kurz`"));
    assert_eq!(bench.count("lists"), 2);
}
