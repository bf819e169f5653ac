//! Which facts come, with which ids.

use proptest::prelude::*;

use super::*;
use crate::{
    model::{
        code,
        time::{How, version_of},
    },
    topics::body::v1::{OrderStatus, PaymentKind},
};

const PAID: &str = "2026-11-22T05:30:01Z";

#[test]
fn a_new_order_exists_and_is_as_it_is() {
    let facts = prove(&order("on-hold", PAID), PAID);
    assert_eq!(names(&facts), ["order.created", "order.updated"]);
    let created = find(&facts, "order.created");
    assert_eq!((created.since.at, created.since.how), (at("2026-11-22T05:29:59Z"), How::Stated));
    assert_eq!(find(&facts, "order.updated").version, version_of(at(PAID)));
    assert!(!order_of(created).paid);
}

#[test]
fn a_paid_order_was_paid_once_and_its_money_came_in_once() {
    let facts = prove(&order("processing", PAID), "2026-11-22T05:31:00Z");
    assert_eq!(names(&facts), ["order.created", "order.updated", "order.paid", "payment.received"]);
    assert_eq!(find(&facts, "order.paid").since.at, at(PAID));
    let payment = payment_of(find(&facts, "payment.received"));
    assert_eq!(payment.kind, PaymentKind::Payment as i32);
    assert_eq!(payment.amount.as_ref().map(|amount| amount.amount.as_str()), Some("2299.00"));
    assert_eq!(payment.order.as_ref().map(|order| order.id.as_str()), Some("19"));
}

#[test]
fn a_transaction_id_that_comes_later_is_no_second_payment() {
    let mut later = order("processing", PAID);
    later["transaction_id"] = json!("TX-1");
    let (first, second) = (prove(&order("processing", PAID), PAID), prove(&later, PAID));
    assert_eq!(event_id(find(&first, "payment.received")), event_id(find(&second, "payment.received")));
    assert_eq!(payment_of(find(&second, "payment.received")).id, "TX-1");
}

#[test]
fn what_costs_nothing_is_paid_without_money() {
    let mut free = order("processing", PAID);
    free["total"] = json!("0.00");
    assert_eq!(names(&prove(&free, PAID)), ["order.created", "order.updated", "order.paid"]);
}

#[test]
fn cash_on_delivery_is_not_paid_while_it_is_processing() {
    let mut cash = order("processing", PAID);
    cash["payment_method"] = json!("cod");
    cash["date_paid_gmt"] = json!(null);
    assert_eq!(names(&prove(&cash, PAID)), ["order.created", "order.updated"]);
}

#[test]
fn a_status_that_a_plugin_made_is_unknown_and_never_paid() {
    let facts = prove(&order("awaiting-pickup", PAID), PAID);
    assert_eq!(names(&facts), ["order.created", "order.updated"]);
    assert_eq!(order_of(&facts[1]).status, OrderStatus::Unknown as i32);
    assert_eq!(order_of(&facts[1]).source_status, "awaiting-pickup");
}

#[test]
fn completed_cancelled_and_refunded() {
    let completed = prove(&order("completed", PAID), PAID);
    assert_eq!(find(&completed, "order.completed").since.at, at(PAID));
    let cancelled = prove(&order("cancelled", PAID), PAID);
    assert_eq!(names(&cancelled), ["order.created", "order.updated", "order.cancelled"]);
    assert!(order_of(find(&cancelled, "order.cancelled")).cancelled);
    assert!(names(&prove(&order("refunded", PAID), PAID)).contains(&"order.refunded"));
}

#[test]
fn a_draft_is_no_order_yet() {
    for status in ["auto-draft", "checkout-draft"] {
        let facts = prove(&order(status, PAID), PAID);
        assert_eq!(names(&facts), ["order.updated"], "{status}");
        assert_eq!(order_of(&facts[0]).status, OrderStatus::Draft as i32);
    }
}

#[test]
fn what_lies_in_the_bin_is_deleted_and_nothing_else() {
    let mut binned = order("processing", PAID);
    binned["status"] = json!("trash");
    let facts = prove(&binned, "2026-11-22T05:40:00Z");
    assert_eq!(names(&facts), ["order.deleted"]);
    assert_eq!(facts[0].version, version_of(at(PAID)));
    assert_eq!(order_of(&facts[0]).number, "19");
}

#[test]
fn created_and_updated_with_equal_bodies_are_the_same_facts() {
    let body = order("processing", PAID).to_string();
    let created = facts(shop().normalize(&pushed("order.created", body.as_bytes(), at("2026-11-22T05:31:00Z"))));
    let updated = facts(shop().normalize(&pushed("order.updated", body.as_bytes(), at("2026-11-22T05:31:01Z"))));
    let row = facts(shop().normalize(&polled(body.as_bytes(), at("2026-11-22T05:45:00Z"))));
    assert_eq!(event_ids(&created), event_ids(&updated));
    assert_eq!(event_ids(&created), event_ids(&row));
}

#[test]
fn a_row_read_by_rest_is_the_same_fact_though_the_shop_computes_some_of_it_anew() {
    let webhook = order("processing", PAID);
    let mut row = webhook.clone();
    row["payment_url"] = json!("https://other/");
    row["is_editable"] = json!(true);
    row["meta_data"].as_array_mut().expect("entries").reverse();
    assert_eq!(event_ids(&prove(&webhook, PAID)), event_ids(&prove(&row, "2026-11-22T06:00:00Z")));
}

#[test]
fn two_edits_in_one_second_are_two_facts() {
    let (mut one, mut other) = (order("pending", PAID), order("pending", PAID));
    one["customer_note"] = json!("n4");
    other["customer_note"] = json!("n5");
    let (one, other) = (prove(&one, PAID), prove(&other, PAID));
    assert_eq!(event_id(find(&one, "order.created")), event_id(find(&other, "order.created")));
    assert_ne!(event_id(find(&one, "order.updated")), event_id(find(&other, "order.updated")));
}

#[test]
fn two_partial_refunds_are_two_facts_also_within_one_second() {
    let mut first = order("completed", PAID);
    first["refunds"] = refunds(&[(20, "-100.00")]);
    let mut second = first.clone();
    second["refunds"] = refunds(&[(21, "-200.00"), (20, "-100.00")]);
    let (first, second) = (prove(&first, PAID), prove(&second, PAID));
    let counted = |facts: &[Fact]| {
        let refunds = facts.iter().filter(|fact| fact.event_type.name == "payment.refunded");
        refunds.map(|fact| (fact.counted.clone().unwrap_or_default(), event_id(fact))).collect::<Vec<_>>()
    };
    let (first, second) = (counted(&first), counted(&second));
    assert_eq!(second.iter().map(|(count, _)| count.as_str()).collect::<Vec<_>>(), ["21", "20"]);
    assert_eq!(first[0], second[1]);
    assert_ne!(second[0].1, second[1].1);
}

#[test]
fn refunds_are_positive_and_leave_less_of_the_total() {
    let mut order = order("completed", PAID);
    order["refunds"] = refunds(&[(21, "-200.00"), (20, "-100.00")]);
    let facts = prove(&order, PAID);
    let payment = payment_of(find(&facts, "payment.refunded"));
    assert_eq!(payment.amount.as_ref().map(|amount| amount.amount.as_str()), Some("200.00"));
    assert_eq!((payment.kind, payment.reason.as_str()), (PaymentKind::Refund as i32, "vráceno"));
    let kept = order_of(find(&facts, "order.updated")).total_kept.clone().expect("a total");
    assert_eq!((kept.amount.as_str(), kept.currency.as_str()), ("1999.00", "CZK"));
}

#[test]
fn a_snapshot_that_comes_late_has_the_older_version() {
    let old = prove(&order("pending", "2026-11-22T05:30:00Z"), "2026-11-22T06:00:00Z");
    let new = prove(&order("processing", PAID), "2026-11-22T05:31:00Z");
    assert!(find(&old, "order.updated").version < find(&new, "order.updated").version);
}

#[test]
fn deleting_twice_with_the_same_bytes_is_two_facts() {
    let deleted = |when: &str| facts(shop().normalize(&pushed("order.deleted", br#"{"id":32}"#, at(when)))).remove(0);
    let (first, second) = (deleted("2026-11-22T05:30:50.790Z"), deleted("2026-11-22T05:30:54.615Z"));
    assert_eq!((first.event_type.name, first.entity_id.as_str()), ("order.deleted", "32"));
    assert_eq!((first.since.at, first.since.how), (at("2026-11-22T05:30:50.790Z"), How::Arrival));
    assert_ne!(event_id(&first), event_id(&second));
    assert_eq!(event_id(&first), event_id(&deleted("2026-11-22T05:30:50.790Z")), "a replay keeps the arrival");
}

#[test]
fn the_topic_which_nobody_signed_cannot_turn_an_order_into_a_deletion() {
    let body = order("processing", PAID).to_string();
    let facts = facts(shop().normalize(&pushed("order.deleted", body.as_bytes(), at(PAID))));
    assert!(!names(&facts).contains(&"order.deleted"));
}

#[test]
fn a_restored_order_is_an_update() {
    let body = order("pending", PAID).to_string();
    let restored = facts(shop().normalize(&pushed("order.restored", body.as_bytes(), at(PAID))));
    assert_eq!(names(&restored), ["order.created", "order.updated"]);
}

#[test]
fn an_order_without_a_change_time_has_the_arrival_as_its_version() {
    let mut order = order("pending", PAID);
    order["date_modified_gmt"] = json!(null);
    order["date_created_gmt"] = json!(null);
    let facts = prove(&order, "2026-11-22T05:31:00.5Z");
    assert_eq!(facts[1].version, version_of(at("2026-11-22T05:31:00.5Z")));
    assert_eq!(facts[0].since.how, How::Arrival);
}

#[test]
fn a_shop_with_a_fast_clock_cannot_date_a_fact_into_the_future() {
    let facts = prove(&order("processing", "2026-11-22T06:00:00Z"), "2026-11-22T05:31:00Z");
    assert!(facts.iter().all(|fact| fact.since.at <= at("2026-11-22T05:31:00Z")));
}

#[test]
fn an_error_in_the_place_of_an_order_proves_nothing() {
    for code in ["woocommerce_rest_shop_order_invalid_id", "woocommerce_rest_cannot_view"] {
        let body = json!({"code": code, "message": "x", "data": {"status": 404}}).to_string();
        let normalized = shop().normalize(&pushed("order.created", body.as_bytes(), at(PAID)));
        assert_eq!(normalized, Normalized::Nothing(code::SOURCE_ERROR));
    }
}

#[test]
fn what_is_no_order_goes_to_the_dead_letters() {
    let nested = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for body in
        ["", "x", "[]", "null", "{}", r#"{"id":"x","status":"pending"}"#, r#"{"id":19}"#, "webhook_id=1", &nested]
    {
        let normalized = shop().normalize(&pushed("order.updated", body.as_bytes(), at(PAID)));
        assert!(
            matches!(&normalized, Normalized::Invalid { code, .. } if *code == code::UNPARSEABLE),
            "{normalized:?}"
        );
    }
}

#[test]
fn of_members_given_twice_the_last_one_counts() {
    let body = br#"{"id":1,"id":19,"status":"pending","status":"on-hold"}"#;
    let facts = facts(shop().normalize(&pushed("order.updated", body, at(PAID))));
    assert_eq!((facts[0].entity_id.as_str(), order_of(&facts[0]).source_status.as_str()), ("19", "on-hold"));
}

#[test]
fn what_lets_strangers_in_or_is_needlessly_personal_is_left_out() {
    let facts = prove(&order("processing", PAID), PAID);
    let text: String = facts.iter().map(|fact| fact.body.to_json().to_string()).collect();
    for left_out in ["wc_order_", "203.0.113.7", "Mozilla"] {
        assert!(!text.contains(left_out), "{left_out}");
    }
    assert!(text.contains("Růžičková"));
}

/// JSON of any shape, with the names that matter in it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "19",
            "trash",
            "processing",
            "1e28",
            "-79228162514264337593543950335",
            "0.0000000000000000000000000001",
            "2026-11-22T05:30:01",
            "\u{0}"
        ])
        .prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "id",
        "status",
        "total",
        "total_tax",
        "subtotal",
        "quantity",
        "line_items",
        "taxes",
        "tax_lines",
        "refunds",
        "meta_data",
        "key",
        "value",
        "billing",
        "date_paid_gmt",
        "date_modified_gmt",
        "rate_id",
        "rate_percent",
        "code",
        "data",
        "$serde_json::private::Number",
    ]);
    leaf.prop_recursive(4, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(body: Vec<u8>, topic in "order\\.(created|deleted|x)") {
        let _whatever = shop().normalize(&pushed(&topic, &body, at(PAID)));
    }

    #[test]
    fn no_json_panics(body in any_json()) {
        let _whatever = shop().normalize(&pushed("order.updated", body.to_string().as_bytes(), at(PAID)));
    }

    #[test]
    fn no_member_of_an_order_panics(
        member in any_json(),
        name in "id|total|total_tax|line_items|tax_lines|refunds|meta_data|billing|status",
    ) {
        let mut order = order("processing", PAID);
        order[name] = member;
        let _whatever = shop().normalize(&pushed("order.updated", order.to_string().as_bytes(), at(PAID)));
    }

    #[test]
    fn amounts_of_any_size_do_not_panic(amount in "-?[0-9]{1,40}(\\.[0-9]{0,30})?(e-?[0-9]{1,12})?") {
        let mut order = order("processing", PAID);
        for pointer in ["/total", "/line_items/0/total", "/line_items/0/quantity", "/line_items/0/subtotal_tax"] {
            *order.pointer_mut(pointer).expect("a member") = json!(amount);
        }
        order["refunds"] = refunds(&[(20, &amount), (21, &amount)]);
        let _whatever = shop().normalize(&pushed("order.updated", order.to_string().as_bytes(), at(PAID)));
    }
}
