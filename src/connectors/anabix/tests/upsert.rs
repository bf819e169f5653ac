//! `upsert_contact`.

use serde_json::json;

use super::{EVA, bench, names, only, refused};
use crate::connectors::contract::Verdict;

fn eva() -> serde_json::Value {
    json!({
        "email": EVA, "first_name": "Eva", "last_name": "Malá", "phone": "+420 601 000 111", "source": "FAPI",
        "legal_basis": "contract", "legal_basis_date": "2025-10-09", "custom_fields": {"12": "M"},
    })
}

#[test]
fn a_new_contact_is_created_with_everything() {
    let mut bench = bench(&[]);
    let done = bench.done("upsert_contact", eva());
    assert_eq!(done.result.get("created").map(String::as_str), Some("true"));
    assert_eq!(done.vendor_id.as_deref(), Some("9041"));
    let contact = bench.contact(9041);
    for (field, value) in [
        ("email", json!(EVA)),
        ("firstName", json!("Eva")),
        ("lastName", json!("Malá")),
        ("phoneNumber", json!("+420 601 000 111")),
        ("source", json!("FAPI")),
        ("gdprReason", json!(4)),
        ("gdprAcceptanceDate", json!("2025-10-09")),
        ("customFields", json!({"12": "102"})),
    ] {
        assert_eq!(contact.get(field), Some(&value), "{field}");
    }
}

#[test]
fn an_empty_value_is_no_value_and_an_e_mail_alone_is_enough() {
    let mut bench = bench(&[]);
    let parameters =
        json!({"email": format!(" {EVA} "), "first_name": " ", "phone": null, "custom_fields": {"13": ""}});
    assert_eq!(names(&bench.registers("upsert_contact", parameters.clone())), ["email"]);
    bench.done("upsert_contact", parameters);
    let contact = bench.contact(9041);
    assert_eq!(contact.get("email"), Some(&json!(EVA)));
    assert_eq!(contact.get("firstName"), None);
}

#[test]
fn of_an_existing_contact_only_empty_fields_are_filled_and_custom_ones_are_set() {
    let mut bench = bench(&[]);
    let id = bench.add_contact(&json!({
        "firstName": "Evička", "phoneNumber": "", "email": "EVA.MALA@example.cz",
        "customFields": {"12": "S", "13": "volat ráno"},
    }));
    let done = bench.done("upsert_contact", eva());
    assert_eq!(done.result.get("created").map(String::as_str), Some("false"));
    assert_eq!(bench.count("contacts"), 2);
    let contact = bench.contact(id);
    assert_eq!(contact.get("firstName"), Some(&json!("Evička")));
    assert_eq!(contact.get("lastName"), Some(&json!("Malá")));
    assert_eq!(contact.get("phoneNumber"), Some(&json!("+420 601 000 111")));
    assert_eq!(contact.get("customFields"), Some(&json!({"12": "102", "13": "volat ráno"})));
}

#[test]
fn the_second_time_nothing_changes() {
    let mut bench = bench(&[("overwrite", "always")]);
    bench.done("upsert_contact", eva());
    let before = bench.sandbox.effects().len();
    bench.done("upsert_contact", eva());
    assert!(bench.sandbox.effects().iter().skip(before).all(|effect| effect.get("changed") == Some(&json!(false))));
    assert_eq!(bench.count("contacts"), 2);
}

#[test]
fn the_setting_overwrites_what_is_there() {
    let mut bench = bench(&[("overwrite", "always")]);
    let id = bench.add_contact(&json!({"firstName": "Evička", "email": EVA}));
    bench.done("upsert_contact", eva());
    assert_eq!(bench.contact(id).get("firstName"), Some(&json!("Eva")));
}

#[test]
fn what_needs_no_change_is_not_written() {
    let mut bench = bench(&[]);
    bench.add_contact(&json!({"firstName": "Evička", "email": EVA}));
    let before = bench.sandbox.effects().len();
    bench.done("upsert_contact", json!({"email": EVA, "first_name": "Eva"}));
    assert!(bench.effects_since(before).is_empty());
}

#[test]
fn a_consent_is_never_overwritten() {
    for shown in ["nowhere", "as_written", "gdpr"] {
        for policy in ["empty", "unless_consent", "never"] {
            let mut bench = bench(&[("overwrite_legal_basis", policy)]);
            bench.command(&json!({"show_basis": shown}));
            let id = bench.add_contact(&json!({"email": EVA, "gdprReason": 5, "gdprAcceptanceDate": "2024-01-02"}));
            bench.done("upsert_contact", eva());
            let contact = bench.contact(id);
            assert_eq!(contact.get("gdprReason"), Some(&json!(5)), "{shown} {policy}");
            assert_eq!(contact.get("gdprAcceptanceDate"), Some(&json!("2024-01-02")), "{shown} {policy}");
            assert_eq!(contact.get("lastName"), Some(&json!("Malá")), "{shown} {policy}");
        }
    }
}

#[test]
fn a_missing_basis_is_filled_and_another_one_goes_by_the_setting() {
    for (policy, shown, held, expected) in [
        ("empty", "nowhere", None, 4),
        ("empty", "as_written", Some(2), 2),
        ("empty", "gdpr", Some(2), 2),
        ("unless_consent", "as_written", Some(2), 4),
        ("unless_consent", "gdpr", Some(2), 4),
        ("unless_consent", "nowhere", Some(2), 4),
        ("never", "as_written", Some(2), 2),
    ] {
        let mut bench = bench(&[("overwrite_legal_basis", policy)]);
        bench.command(&json!({"show_basis": shown}));
        let id = bench.add_contact(&match held {
            Some(basis) => json!({"email": EVA, "gdprReason": basis}),
            None => json!({"email": EVA}),
        });
        bench.done("upsert_contact", eva());
        assert_eq!(bench.contact(id).get("gdprReason"), Some(&json!(expected)), "{policy} {shown}");
    }
}

#[test]
fn a_basis_is_never_written_where_the_setting_says_so() {
    let mut bench = bench(&[("overwrite_legal_basis", "never")]);
    let id = bench.add_contact(&json!({"email": EVA}));
    bench.done("upsert_contact", eva());
    assert_eq!(bench.contact(id).get("gdprReason"), None);
}

#[test]
fn a_basis_is_dated_by_the_zone_or_not_at_all() {
    // 2025-10-09T22:30Z is the tenth in Prague.
    let parameters = |date: &str| json!({"email": EVA, "legal_basis": "contract", "legal_basis_date": date});
    let mut dated = bench(&[]);
    dated.done("upsert_contact", parameters("2025-10-09T22:30:00Z"));
    assert_eq!(dated.contact(9041).get("gdprAcceptanceDate"), Some(&json!("2025-10-10")));
    let mut undated = bench(&[("legal_basis_date", "never")]);
    undated.done("upsert_contact", parameters("2025-10-09"));
    assert_eq!(undated.contact(9041).get("gdprAcceptanceDate"), None);
    let mut today = bench(&[]);
    today.done("upsert_contact", json!({"email": EVA, "legal_basis": "contract"}));
    assert_eq!(today.contact(9041).get("gdprAcceptanceDate"), Some(&json!("2025-10-09")));
}

#[test]
fn several_contacts_go_by_the_setting() {
    for setting in ["lowest", "all", "fail"] {
        let mut bench = bench(&[("several_contacts", setting)]);
        let first = bench.add_contact(&json!({"email": EVA}));
        let second = bench.add_contact(&json!({"email": "Eva.Mala@Example.cz"}));
        let driven = bench.run("upsert_contact", json!({"email": EVA, "first_name": "Eva"}), |_| {});
        let written = |id| bench.contact(id).get("firstName").is_some();
        if setting == "fail" {
            assert_eq!(refused(&driven), "2 contacts share the e-mail");
            assert!(!written(first) && !written(second));
            continue;
        }
        let Verdict::Done(done) = driven.verdict else { panic!("{driven:?}") };
        assert!(written(first));
        assert_eq!(written(second), setting == "all");
        assert_eq!(done.warnings.is_empty(), setting == "all");
        assert_eq!(done.vendor_id.is_some(), setting == "lowest");
    }
}

#[test]
fn other_e_mail_fields_are_searched_when_the_setting_asks() {
    let mut with = bench(&[("search_other_emails", "true")]);
    let id = with.add_contact(&json!({"email": "work@example.cz", "email3": EVA, "gdprReason": 5}));
    assert_eq!(with.done("upsert_contact", eva()).vendor_id, Some(id.to_string()));
    assert_eq!(with.contact(id).get("gdprReason"), Some(&json!(5)), "asked by the field that fits");
    let mut without = bench(&[]);
    without.add_contact(&json!({"email": "work@example.cz", "email3": EVA}));
    assert_eq!(without.done("upsert_contact", eva()).result.get("created").map(String::as_str), Some("true"));
}

#[test]
fn a_search_that_finds_many_is_read_to_its_end() {
    let mut bench = bench(&[("several_contacts", "all")]);
    for _ in 0..53 {
        bench.add_contact(&json!({"email": EVA, "firstName": "Eva"}));
    }
    let before = bench.sandbox.effects().len();
    let done = bench.done("upsert_contact", json!({"email": EVA, "first_name": "Eva"}));
    assert_eq!(done.result.get("contact_id").map(String::as_str), Some("9041"));
    assert_eq!(done.vendor_id, None);
    assert!(bench.effects_since(before).is_empty());
}

#[test]
fn custom_fields_are_named_by_id_or_title() {
    let mut bench = bench(&[]);
    let custom = json!({"Velikost": "L", "13": "volat", "Počet objednávek": 3, "VIP klub": true});
    bench.done("upsert_contact", json!({"email": EVA, "custom_fields": custom}));
    let expected = json!({"12": "103", "13": "volat", "14": "3", "15": "1"});
    assert_eq!(bench.contact(9041).get("customFields"), Some(&expected));
    bench.done("upsert_contact", json!({"email": EVA, "custom_fields": {"Velikost": "101"}}));
    assert_eq!(bench.contact(9041).pointer("/customFields/12"), Some(&json!("101")), "an option by its key");
}

#[test]
fn an_unknown_title_or_option_is_refused_before_anything_is_written() {
    for (custom, expected) in [
        (json!({"Barva": "red"}), "there is no custom field with the title `Barva`"),
        (json!({"Velikost": "XXL"}), "the custom field `Velikost` has no option of this name"),
    ] {
        let mut bench = bench(&[]);
        let driven = bench.run("upsert_contact", json!({"email": EVA, "custom_fields": custom}), |_| {});
        assert_eq!(refused(&driven), expected);
        assert!(bench.sandbox.effects().is_empty());
    }
}

#[test]
fn registers_are_the_vendors_fields() {
    let bench = bench(&[]);
    let registers = bench.registers("upsert_contact", eva());
    let expected = ["email", "firstName", "lastName", "phoneNumber", "source", "custom:12", "gdprReason"];
    assert_eq!(names(&registers), expected);
    let drive = bench.drive("upsert_contact", json!({"email": " Eva.MALA@example.cz "}));
    let target = bench.connector.target(drive.operation, &drive.parameters).expect("a target");
    assert_eq!(target.object, format!("contact:{EVA}"));
}

#[test]
fn only_the_registers_that_are_left_are_sent() {
    let mut bench = bench(&[("overwrite", "always"), ("overwrite_legal_basis", "unless_consent")]);
    let id = bench.add_contact(&json!({"email": EVA, "firstName": "A", "lastName": "B", "customFields": {"12": "S"}}));
    bench.run("upsert_contact", eva(), |drive| drive.registers = Some(only(&["lastName"])));
    let last = bench.sandbox.effects().last().expect("an effect");
    assert_eq!(last.get("fields"), Some(&json!(["lastName"])));
    assert_eq!(bench.contact(id).get("firstName"), Some(&json!("A")));
    bench.run("upsert_contact", eva(), |drive| drive.registers = Some(only(&["custom:12"])));
    let last = bench.sandbox.effects().last().expect("an effect");
    assert_eq!(last.get("fields"), Some(&json!(["customFields"])));
}

#[test]
fn a_new_contact_has_its_basis_even_when_that_register_is_not_left() {
    let mut bench = bench(&[]);
    bench.run("upsert_contact", eva(), |drive| drive.registers = Some(only(&["lastName"])));
    let contact = bench.contact(9041);
    assert_eq!(contact.get("gdprReason"), Some(&json!(4)));
    assert_eq!(contact.get("firstName"), None);
}

#[test]
fn parameters_that_do_not_fit_are_named_without_their_value() {
    let bench = bench(&[]);
    for (parameters, expected) in [
        (json!({}), "`email`"),
        (json!({"email": "secret-name"}), "`email`"),
        (json!({"email": EVA, "first_name": ["secret-name"]}), "`first_name`"),
        (json!({"email": EVA, "legal_basis": "secret-name"}), "`legal_basis`"),
        (json!({"email": EVA, "legal_basis_date": "2025-10-09"}), "`legal_basis`"),
        (json!({"email": EVA, "legal_basis": "contract", "legal_basis_date": "secret-name"}), "`legal_basis_date`"),
        (json!({"email": EVA, "custom_fields": "secret-name"}), "`custom_fields`"),
        (json!({"email": EVA, "custom_fields": {"12": ["secret-name"]}}), "`custom_fields`"),
    ] {
        let drive = bench.drive("upsert_contact", parameters);
        let why = bench.connector.target(drive.operation, &drive.parameters).expect_err("a refusal");
        assert!(why.contains(expected) && !why.contains("secret-name"), "{why}");
    }
}
