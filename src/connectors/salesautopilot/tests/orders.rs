//! `record_order` and `update_order_status`.

use proptest::prelude::*;

use super::*;
use crate::model::http::Reply;

#[test]
fn an_order_arrives_as_the_vendor_wants_it() {
    let pair = Pair::new();
    let drive = pair.drive("record_order", json!({"order": order(), "integration_type": "woocommerce"}));
    let request = first_request(&drive);
    assert_eq!(request.url.path(), "/processWebshopOrder/51300/ns_id/88120");
    let body: Value = serde_json::from_slice(&request.body).expect("json");
    let expected: Value = serde_json::from_str(
        r#"{
            "order_id": "4711", "email": "borbala.kis@example.hu", "mssys_firstname": "Borbála",
            "mssys_lastname": "Kis",
            "mssys_phone": "+36301234567", "shipping_method": "Futár", "payment_method": "Bankkártya",
            "payment_code": "card", "currency": "HUF", "mssys_bill_company": "Kis és Társa Kft.",
            "mssys_vat_number": "12345678-2-42", "mssys_bill_country": "hu", "mssys_bill_zip": "7621",
            "mssys_bill_city": "Pécs", "mssys_bill_address": "Fő utca 3. 2. em.", "mssys_postal_country": "hu",
            "mssys_postal_zip": "7800", "mssys_postal_city": "Siklós", "mssys_postal_address": "Alsó sor 1.",
            "netshippingcost": 1000.00, "grossshippingcost": 1270.00, "mssys_comment": "Csengessen kétszer!",
            "order_status_id": "pending", "mssys_integration_type": "woocommerce",
            "products": [
                {"prod_id": "SZAPPAN-01", "prod_name": "Levendula szappan", "qty": 3, "tax": 27, "prod_price": 1500.00}
            ]
        }"#,
    )
    .expect("json");
    assert_eq!(body, expected);
}

#[test]
fn an_order_is_recorded_with_one_call() {
    let mut pair = Pair::new();
    let driven = pair.run("record_order", json!({"order": order()}));
    let expected = json!({"order_id": "4711", "already": "false", "answer": "90413"});
    assert_eq!((driven.calls, result(&driven)), (1, expected));
    let Verdict::Done(done) = driven.verdict else { panic!("done") };
    assert_eq!(done.vendor_id, None, "nobody documents that the number is the record's id");
    let record = pair.order("4711");
    assert_eq!(record["mssys_order_status"], "1");
    assert_eq!(record["mssys_order_brutto_sum"], "6985.00");
}

#[test]
fn after_a_lost_answer_the_order_is_looked_up_and_not_sent_twice() {
    let mut pair = Pair::new();
    pair.run("record_order", json!({"order": order()}));
    let driven = pair.run_with("record_order", json!({"order": order()}), |drive| drive.maybe_done = true);
    let expected = json!({"order_id": "4711", "already": "true", "record_id": "90413"});
    assert_eq!((driven.calls, result(&driven)), (1, expected));
    assert_eq!(pair.effects("order").len(), 1);
}

#[test]
fn after_a_lost_request_the_order_is_sent() {
    let mut pair = Pair::new();
    let driven = pair.run_with("record_order", json!({"order": order()}), |drive| drive.maybe_done = true);
    assert_eq!((driven.calls, &result(&driven)["already"]), (2, &json!("false")));
    assert_eq!(pair.effects("order").len(), 1);
}

#[test]
fn the_simulated_vendor_would_take_a_second_one() {
    let mut pair = Pair::new();
    pair.run("record_order", json!({"order": order()}));
    pair.run("record_order", json!({"order": order()}));
    assert_eq!(pair.effects("order").len(), 2);
}

#[test]
fn an_order_has_one_object_whatever_aims_at_it_and_is_recorded_once() {
    use crate::connectors::contract::RegisterRule;
    let pair = Pair::new();
    let target = |operation: &str, parameters: Value| {
        let drive = pair.drive(operation, parameters);
        pair.connector.target(drive.operation, &drive.parameters).expect("a target")
    };
    let recorded = target("record_order", json!({"order": order()}));
    assert_eq!(recorded.object, "order:4711");
    assert_eq!(recorded.registers.len(), 1);
    assert_eq!(recorded.registers[0].rule, RegisterRule::Once);
    let settled = target("mark_paid", json!({"order_reference": "4711", "paid_on": "2025-10-09", "status": "x"}));
    let status = target("update_order_status", json!({"order_reference": " 4711 ", "status": "x"}));
    assert_eq!((&settled.object, &status.object), (&recorded.object, &recorded.object));
    assert_eq!(settled.registers[1], status.registers[0], "both set the shop's status");
}

#[test]
fn the_reference_is_the_number_or_the_id_or_what_the_flow_gives() {
    let object = |pair: &Pair, parameters: Value| {
        let drive = pair.drive("record_order", parameters);
        pair.connector.target(drive.operation, &drive.parameters).map(|target| target.object)
    };
    let by_id = Pair::with(&[("order_reference", "id")]);
    assert_eq!(object(&by_id, json!({"order": order()})), Ok("order:771".to_owned()));
    assert_eq!(object(&by_id, json!({"order": order(), "order_id": "S1-4711"})), Ok("order:S1-4711".to_owned()));
    let mut unnumbered = order();
    unnumbered["number"] = json!("");
    let why = object(&Pair::new(), json!({ "order": unnumbered })).expect_err("no number");
    assert!(why.contains("`order.number`") && why.contains("`order_reference`"), "{why}");
    assert!(object(&by_id, json!({"order": order(), "order_id": ".."})).is_err(), "it would change the path");
}

#[test]
fn every_success_but_a_number_below_one_is_one() {
    let pair = Pair::new();
    let drive = pair.drive("record_order", json!({"order": order()}));
    for body in ["OK", "", "1", "{\"status\":\"x\"}", "\"90412\""] {
        assert!(matches!(scripted(&drive, &[Reply::new(200).text(body)]), Verdict::Done(_)), "{body}");
    }
    for body in ["0", "-1", "\"-2\"", "0.5", " 0\n"] {
        assert!(matches!(scripted(&drive, &[Reply::new(200).text(body)]), Verdict::Refused(_)), "{body}");
    }
    let driven = { Pair::new().run("record_order", json!({"order": order(), "fields": {"colour": "kék"}})) };
    assert!(refusal(&driven).starts_with("406"));
}

#[test]
fn further_fields_go_along_but_replace_nothing() {
    let pair = Pair::new();
    let parameters = json!({"order": order(), "fields": {"mssys_postal_deliverypoint_type": "PSD"}});
    let body: Value =
        serde_json::from_slice(&first_request(&pair.drive("record_order", parameters)).body).expect("json");
    assert_eq!(body["mssys_postal_deliverypoint_type"], "PSD");
    let why = pair.refused_target("record_order", json!({"order": order(), "fields": {"currency": "EUR"}}));
    assert!(why.contains("`currency`"));
}

#[test]
fn an_order_with_numbers_and_members_of_a_newer_version_is_read() {
    let mut order = order();
    order["documents"] = json!([{"id": "5", "number": "2025-5", "type": "proforma"}]);
    order["instalment"] = json!({"number": 1, "count": 3, "of": "5"});
    order["somethingNew"] = json!({"a": 1});
    assert_eq!(result(&Pair::new().run("record_order", json!({ "order": order })))["order_id"], "4711");
}

#[test]
fn an_order_that_lacks_what_the_vendor_needs_is_refused_before_any_call() {
    let pair = Pair::new();
    let refused = |change: fn(&mut Value)| {
        let mut order = order();
        change(&mut order);
        pair.refused_target("record_order", json!({ "order": order }))
    };
    assert!(refused(|order| order["customer"]["email"] = json!("")).contains("`order.customer.email`"));
    assert!(refused(|order| order["items"] = json!([])).contains("no product"));
    assert!(refused(|order| order["items"][0]["quantity"] = json!("1.5")).contains("whole number"));
    assert!(refused(|order| order["items"][0]["code"] = json!("")).contains("`product_id`"));
    assert!(refused(|order| order["items"][0]["net"] = json!(null)).contains("net amount"));
    assert!(pair.refused_target("record_order", json!({"order": "4711"})).contains("spojka.v1.Order"));
    assert!(pair.refused_target("record_order", json!({})).contains("`order` is missing"));
}

#[test]
fn a_status_goes_through_the_form_that_does_not_bill() {
    let mut pair = Pair::new();
    let parameters = json!({"order_reference": "4711", "status": "completed"});
    assert_eq!(pair.run("update_order_status", parameters.clone()).verdict, Verdict::NotThere);
    pair.run("record_order", json!({"order": order()}));
    assert_eq!(result(&pair.run("update_order_status", parameters.clone()))["changed"], "true");
    assert_eq!(result(&pair.run("update_order_status", parameters))["changed"], "false");
    assert_eq!(pair.order("4711")["mssys_webshop_status"], "completed");
    assert!(pair.effects("invoice").is_empty());
}

proptest! {
    #[test]
    fn any_answer_to_an_order_ends_without_panic(status in 100_u16..600, body in "\\PC{0,30}") {
        let pair = Pair::new();
        let drive = pair.drive("record_order", json!({"order": order()}));
        let reply = Reply::new(status).text(body);
        let verdict = scripted(&drive, &[reply]);
        if !(200..300).contains(&status) {
            prop_assert!(!matches!(verdict, Verdict::Done(_)));
        }
    }

    #[test]
    fn any_reference_reaches_the_vendor_whole(reference in "[a-zőűÁ0-9#/%?&+ .@-]{1,12}") {
        let reference = reference.trim().to_owned();
        prop_assume!(!matches!(reference.as_str(), "" | "." | ".."));
        let mut pair = Pair::new();
        pair.run("record_order", json!({"order": order(), "order_id": reference}));
        let driven = pair.run("update_order_status", json!({"order_reference": reference, "status": "új"}));
        prop_assert_eq!(&result(&driven)["changed"], "true");
    }
}
