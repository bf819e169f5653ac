//! `subscribe` and `update_subscriber`.

use super::*;
use crate::{
    connectors::{contract::Effect, kit::testing::as_sandbox},
    model::{code, http::Reply},
};

const ANNA: &str = "anna.nagy@example.hu";

fn borbala() -> Value {
    json!({
        "email": "borbala.kis@example.hu", "first_name": "Borbála", "last_name": "Kis", "phone": "",
        "ip": "198.51.100.7",
        "fields": {"city": "Pécs", "member": true, "points": 5, "mssys_mobile": ""}
    })
}

#[test]
fn a_new_person_costs_one_call() {
    let mut pair = Pair::new();
    let driven = pair.run("subscribe", borbala());
    assert_eq!((driven.calls, result(&driven)), (1, json!({"already": "false", "record_id": "90413"})));
    let Verdict::Done(done) = driven.verdict else { panic!("done") };
    assert_eq!(done.vendor_id.as_deref(), Some("90413"));
    let record = pair.person("borbala.kis@example.hu");
    assert_eq!(record["mssys_firstname"], "Borbála");
    assert_eq!(record["city"], "Pécs");
    assert_eq!((&record["member"], &record["points"]), (&json!("1"), &json!("5")));
    assert!(record.get("mssys_phone").is_none() && record.get("mssys_mobile").is_none(), "what is empty is not sent");
}

#[test]
fn names_may_be_kept_the_other_way_round() {
    let mut pair = Pair::with(&[("names_swapped", "true")]);
    pair.run("subscribe", borbala());
    assert_eq!(pair.person("borbala.kis@example.hu")["mssys_firstname"], "Kis");
}

#[test]
fn a_person_who_is_there_gets_one_update() {
    let mut pair = Pair::new();
    let driven = pair.run("subscribe", json!({"email": ANNA, "first_name": "Panna"}));
    assert_eq!((driven.calls, result(&driven)), (3, json!({"already": "true", "record_id": "90412"})));
    assert_eq!(pair.person(ANNA)["mssys_firstname"], "Panna");
    assert_eq!(pair.effects("update").len(), 1);
}

#[test]
fn a_person_who_is_there_without_new_data_or_without_a_form_for_it_is_left_alone() {
    let mut pair = Pair::new();
    assert_eq!(result(&pair.run("subscribe", json!({"email": ANNA})))["already"], "true");
    assert!(pair.effects("update").is_empty());
    let mut pair = Pair::with(&[("update_form", "")]);
    let driven = pair.run("subscribe", json!({"email": ANNA, "first_name": "Panna"}));
    let Verdict::Done(done) = driven.verdict else { panic!("done") };
    assert_eq!((driven.calls, done.warnings.len()), (2, 1));
    assert_eq!(pair.person(ANNA)["mssys_firstname"], "Anna");
}

#[test]
fn codes_mean_the_same_in_a_200_and_in_a_406() {
    for status in [200, 406] {
        let mut pair = Pair::new();
        pair.command(&json!({ "code_status": status }));
        assert_eq!(result(&pair.run("subscribe", json!({"email": ANNA})))["already"], "true");
        let driven = pair.run("subscribe", json!({"email": "a@b@example.hu"}));
        assert!(refusal(&driven).contains("-2"), "{driven:?}");
    }
}

#[test]
fn somebody_who_unsubscribed_there_is_not_pulled_back() {
    let mut pair = Pair::new();
    pair.command(&json!({ "unsubscribe": ANNA }));
    let driven = pair.run("subscribe", json!({"email": ANNA, "first_name": "Panna"}));
    assert!(refusal(&driven).contains("unsubscribed there"));
    assert_eq!(pair.person(ANNA)["active"], "0");
    assert!(pair.effects("update").is_empty());
}

#[test]
fn unless_a_form_is_named_for_it() {
    let mut pair = Pair::with(&[("resubscribe_form", "88003")]);
    pair.command(&json!({ "unsubscribe": ANNA }));
    let driven = pair.run("subscribe", json!({"email": ANNA, "first_name": "Panna"}));
    assert_eq!(result(&driven), json!({"already": "true", "record_id": "90412"}));
    assert_eq!(pair.person(ANNA)["active"], "1");
}

#[test]
fn who_is_taken_back_keeps_what_is_newer() {
    let mut pair = Pair::with(&[("resubscribe_form", "88003")]);
    pair.command(&json!({ "unsubscribe": ANNA }));
    let parameters = json!({"email": ANNA, "first_name": "Panna", "last_name": "Régi"});
    pair.run_with("subscribe", parameters, |drive| {
        drive.registers = Some(registers(&["list:51234", "mssys_firstname"]));
    });
    let record = pair.person(ANNA);
    assert_eq!((&record["active"], &record["mssys_firstname"]), (&json!("1"), &json!("Panna")));
    assert_eq!(record["mssys_lastname"], "Nagy");
}

#[test]
fn a_form_that_does_not_take_anybody_back_ends_it() {
    let mut pair = Pair::with(&[("resubscribe_form", "88001")]);
    pair.command(&json!({ "unsubscribe": ANNA }));
    assert!(refusal(&pair.run("subscribe", json!({"email": ANNA}))).contains("resubscribe_form"));
}

#[test]
fn a_repeat_adds_nobody_twice() {
    for unique in ["true", "false"] {
        let mut pair = Pair::with(&[("unique_email", unique)]);
        pair.run("subscribe", borbala());
        let driven = pair.run_with("subscribe", borbala(), |drive| drive.maybe_done = true);
        assert_eq!(result(&driven)["already"], "true");
        let added = pair.effects("subscribe").iter().filter(|effect| effect["changed"] == true).count();
        assert_eq!(added, 1, "unique_email: {unique}");
    }
}

#[test]
fn without_a_unique_email_every_subscription_is_looked_up_first() {
    let mut pair = Pair::with(&[("unique_email", "false")]);
    let driven = pair.run("subscribe", borbala());
    assert_eq!((driven.calls, &result(&driven)["already"]), (2, &json!("false")));
    pair.run("subscribe", json!({"email": "ANNA.nagy@example.hu"}));
    assert_eq!(pair.effects("subscribe").len(), 1);
}

#[test]
fn of_several_records_one_that_wants_mail_counts() {
    let mut pair = Pair::with(&[("unique_email", "false")]);
    pair.command(&json!({ "unsubscribe": ANNA }));
    pair.command(&json!({"add_record": {"list": 51234, "fields": {"email": ANNA}}}));
    assert_eq!(result(&pair.run("subscribe", json!({"email": ANNA})))["record_id"], "90413");
}

#[test]
fn whom_we_subscribed_before_only_gets_what_is_new() {
    let mut pair = Pair::new();
    let parameters = json!({"email": ANNA, "first_name": "Panna", "last_name": "Kovács"});
    let only_first = |drive: &mut Drive<'_>| drive.registers = Some(registers(&["mssys_firstname"]));
    let driven = pair.run_with("subscribe", parameters.clone(), only_first);
    assert_eq!((driven.calls, &result(&driven)["already"]), (1, &json!("true")));
    assert_eq!(pair.effects("update")[0]["fields"], json!(["mssys_firstname"]));
    assert_eq!(pair.person(ANNA)["mssys_lastname"], "Nagy");
    // The same once more: the vendor answers 0, and the record shows why.
    let driven = pair.run_with("subscribe", parameters, only_first);
    assert_eq!((driven.calls, &result(&driven)["record_id"]), (2, &json!("90412")));
}

#[test]
fn whom_somebody_deleted_there_since_comes_back_whole() {
    let mut pair = Pair::new();
    pair.run("subscribe", borbala());
    pair.command(&json!({ "delete": "borbala.kis@example.hu" }));
    let driven = pair.run_with("subscribe", borbala(), |drive| drive.registers = Some(registers(&["city"])));
    assert_eq!(result(&driven)["already"], "false");
    assert_eq!(pair.person("borbala.kis@example.hu")["mssys_lastname"], "Kis");
}

#[test]
fn a_new_yes_is_asked_of_the_vendor_again() {
    let pair = Pair::new();
    let value = |parameters: Value| {
        let drive = pair.drive("subscribe", parameters);
        let target = pair.connector.target(drive.operation, &drive.parameters).expect("a target");
        assert_eq!(target.object, format!("subscriber:{ANNA}"));
        target.registers[0].value.clone()
    };
    let first = value(json!({"email": ANNA, "subscribed_at": "2025-10-09T08:00:00Z"}));
    assert_eq!(first, value(json!({"email": "Anna.Nagy@example.hu", "subscribed_at": "2025-10-09T08:00:00Z"})));
    assert_ne!(first, value(json!({"email": ANNA, "subscribed_at": "2025-11-09T08:00:00Z"})));
}

#[test]
fn a_bad_email_or_a_field_of_the_system_is_refused_before_any_call() {
    let pair = Pair::new();
    for (parameters, part) in [
        (json!({}), "`email` is missing"),
        (json!({"email": "anna"}), "e-mail address"),
        (json!({"email": ANNA, "fields": {"active": "1"}}), "`active`"),
        (json!({"email": ANNA, "fields": {"email": "x@y.hu"}}), "`email`"),
        (json!({"email": ANNA, "fields": {"spent": 1}}), "`update_purchase_history`"),
        (json!({"email": ANNA, "phone": "1", "fields": {"mssys_phone": "2"}}), "`mssys_phone`"),
        (json!({"email": ANNA, "fields": {"city": ["a"]}}), "`fields.city`"),
        (json!({"email": ANNA, "fields": "city"}), "mapping"),
    ] {
        let why = pair.refused_target("subscribe", parameters);
        assert!(why.contains(part) && !why.contains(ANNA), "{why}");
    }
    assert!(pair.refused_target("update_subscriber", json!({"email": ANNA, "phone": ""})).contains("nothing to set"));
}

#[test]
fn an_update_sends_only_the_registers_that_are_left() {
    let mut pair = Pair::new();
    let parameters = json!({"email": ANNA, "first_name": "Panna", "last_name": "Kovács", "fields": {"city": "Sopron"}});
    let driven = pair.run_with("update_subscriber", parameters, |drive| {
        drive.registers = Some(registers(&["mssys_lastname", "city"]));
    });
    assert_eq!((driven.calls, result(&driven)), (1, json!({"changed": "true"})));
    assert_eq!(pair.effects("update")[0]["fields"], json!(["city", "mssys_lastname"]));
    assert_eq!(pair.person(ANNA)["mssys_firstname"], "Anna");
}

#[test]
fn an_update_may_go_by_put() {
    for method in ["post", "put"] {
        let mut pair = Pair::with(&[("update_method", method)]);
        assert_eq!(result(&pair.run("update_subscriber", json!({"email": ANNA, "phone": "1"})))["changed"], "true");
    }
}

#[test]
fn an_update_goes_by_record_id_where_it_is_known() {
    let mut pair = Pair::new();
    let parameters = json!({"email": "anna.moved@example.hu", "first_name": "Panna"});
    pair.run_with("update_subscriber", parameters, |drive| drive.vendor_id = Some("90412".to_owned()));
    assert_eq!(pair.person(ANNA)["mssys_firstname"], "Panna");
}

#[test]
fn zero_means_unchanged_or_absent_and_a_look_tells_which() {
    let mut pair = Pair::new();
    let driven = pair.run("update_subscriber", json!({"email": ANNA, "first_name": "Anna"}));
    assert_eq!((driven.calls, result(&driven)), (2, json!({"changed": "false"})));
    let driven = pair.run("update_subscriber", json!({"email": "nobody@example.hu", "first_name": "A"}));
    assert_eq!((driven.calls, driven.verdict), (2, Verdict::NotThere));
    let driven = pair.run_with("update_subscriber", json!({"email": ANNA, "first_name": "A"}), |drive| {
        drive.vendor_id = Some("1".to_owned());
    });
    assert_eq!(driven.verdict, Verdict::Forgotten);
}

#[test]
fn an_unknown_resource_may_be_the_record_that_we_remember() {
    let pair = Pair::new();
    let mut drive = pair.drive("update_subscriber", json!({"email": ANNA, "first_name": "Panna"}));
    assert!(matches!(scripted(&drive, &[Reply::new(404)]), Verdict::Refused(_)), "by e-mail it is list or form");
    drive.vendor_id = Some("7".to_owned());
    assert_eq!(scripted(&drive, &[Reply::new(404), Reply::new(404)]), Verdict::Forgotten);
    let there = Reply::new(200).json(&json!({"id": 7, "email": ANNA, "mssys_firstname": "Anna"}));
    assert!(matches!(scripted(&drive, &[Reply::new(404), there]), Verdict::Refused(_)));
}

#[test]
fn zero_and_other_values_is_a_refusal() {
    let pair = Pair::new();
    let drive = pair.drive("update_subscriber", json!({"email": ANNA, "first_name": "Panna"}));
    let verdict =
        scripted(&drive, &[Reply::new(200).text("0"), Reply::new(200).json(&json!([{"id": 1, "email": ANNA}]))]);
    assert!(matches!(verdict, Verdict::Refused(text) if text.contains("other values") && !text.contains(ANNA)));
}

#[test]
fn a_field_that_the_list_does_not_have_is_refused() {
    let mut pair = Pair::new();
    let driven = pair.run("update_subscriber", json!({"email": ANNA, "fields": {"colour": "kék"}}));
    assert!(refusal(&driven).starts_with("406"));
    pair.command(&json!({"add_field": {"list": 51234, "name": "colour"}}));
    pair.run("update_subscriber", json!({"email": ANNA, "fields": {"colour": "kék"}}));
    assert_eq!(pair.person(ANNA)["colour"], "kék");
}

#[test]
fn what_is_not_documented_is_tried_again_and_never_taken_for_success() {
    let pair = Pair::new();
    let subscribe = pair.drive("subscribe", json!({"email": ANNA}));
    let update = pair.drive("update_subscriber", json!({"email": ANNA, "phone": "1"}));
    for drive in [&subscribe, &update] {
        for body in ["OK", "<html>", "", "{}", "1,5"] {
            let retry = Verdict::Retry { code: code::UNEXPECTED_ANSWER, effect: Effect::Possible, after: None };
            assert_eq!(scripted(drive, &[Reply::new(200).text(body)]), retry, "{body}");
        }
        for body in ["-3", "\"-3\""] {
            assert!(
                matches!(scripted(drive, &[Reply::new(200).text(body)]), Verdict::Refused(text) if text.contains("-3"))
            );
        }
    }
    assert!(matches!(scripted(&subscribe, &[Reply::new(200).text("0")]), Verdict::Refused(_)));
}

#[test]
fn accents_and_signs_in_an_email_reach_the_vendor_whole() {
    let mut pair = Pair::new();
    let email = "őrs+bolt/a%b@példa.hu";
    pair.run("subscribe", json!({"email": email}));
    let driven = pair.run("update_subscriber", json!({"email": email, "first_name": "Őrs"}));
    assert_eq!(result(&driven)["changed"], "true");
    assert_eq!(pair.person(email)["mssys_firstname"], "Őrs");
    let drive = pair.drive("update_subscriber", json!({"email": email, "first_name": "Őrs"}));
    let path = as_sandbox(&first_request(&drive)).path;
    assert!(path.ends_with("/field/email/value/%C5%91rs%2Bbolt%2Fa%25b%40p%C3%A9lda.hu"), "{path}");
}

/// `first_name` and a field for new records only, `last_name` and another for those that are there.
fn by_occasion(drive: &mut Drive<'_>) {
    use crate::topics::occasion::Occasion;
    drive.only.set("first_name", Occasion::Create);
    drive.only.set_member("fields", "city", Occasion::Create);
    drive.only.set("last_name", Occasion::Update);
    drive.only.set_member("fields", "points", Occasion::Update);
}

#[test]
fn a_new_record_gets_what_is_for_creating_and_not_what_is_for_updating() {
    for settings in [&[][..], &[("names_swapped", "true")]] {
        let (first, last) = if settings.is_empty() { ("firstname", "lastname") } else { ("lastname", "firstname") };
        let mut pair = Pair::with(settings);
        let driven = pair.run_with("subscribe", borbala(), by_occasion);
        let record = pair.person("borbala.kis@example.hu");
        assert_eq!((&record[format!("mssys_{first}")], &record["city"]), (&json!("Borbála"), &json!("Pécs")));
        assert!(record.get(format!("mssys_{last}")).is_none_or(|name| name == ""), "{record}");
        assert!(record.get("points").is_none_or(|points| points == ""), "{record}");
        let Verdict::Done(done) = driven.verdict else { panic!("done") };
        let unwritten: Vec<_> = done.unwritten.into_iter().collect();
        assert_eq!(unwritten, [format!("mssys_{last}"), "points".to_owned()]);
    }
}

#[test]
fn a_record_that_is_there_gets_it_the_other_way_round() {
    let mut pair = Pair::new();
    let parameters = json!({
        "email": ANNA, "first_name": "Panna", "last_name": "Kis", "fields": {"city": "Pécs", "points": 5}
    });
    let before = pair.person(ANNA);
    let driven = pair.run_with("subscribe", parameters, by_occasion);
    assert_eq!(result(&driven)["already"], "true");
    let record = pair.person(ANNA);
    assert_eq!((&record["mssys_firstname"], &record["city"]), (&before["mssys_firstname"], &before["city"]));
    assert_eq!((&record["mssys_lastname"], &record["points"]), (&json!("Kis"), &json!("5")));
    let Verdict::Done(done) = driven.verdict else { panic!("done") };
    assert!(done.unwritten.is_empty());
}
