use proptest::prelude::*;
use serde_json::json;

use super::{super::Scope, *};
use crate::{
    expr::Results,
    model::{
        connection::ConnectionName,
        id::{EventId, KeyHash, WebhookId},
        time::{Since, Timestamp},
    },
    topics::{
        body::Body,
        event::{Entity, Event, ORDER_PAID, Origin},
    },
};

fn facts() -> Facts {
    let order = json!({
        "number": "N-42", "status": "ORDER_STATUS_PROCESSING", "total": {"amount": "1210", "currency": "CZK"},
        "customer": {"email": "eva@example.cz"}, "items": [{"code": "BOOK-1"}, {"code": "BOOK-2"}],
        "vendorIds": {"fapi.id": "7"}, "customFields": [{"name": "Size", "value": "M"}],
    });
    let event = Event {
        id: EventId::from_text("e-1"),
        event_type: ORDER_PAID,
        connection: ConnectionName::parse("eshop").expect("name"),
        entity: KeyHash::from_text("k-1"),
        subject: "42".to_owned(),
        since: Since::arrival(Timestamp::UNIX_EPOCH),
        version: 1,
        arrived: Timestamp::UNIX_EPOCH,
        webhook: WebhookId::from_text("w-1"),
        origin: Origin::default(),
        traceparent: None,
        body: Body::from_json(Entity::Order, order.to_string().as_bytes()).expect("a body"),
    };
    Facts::of(&event, &Results::new())
}

fn explained(condition: &str) -> Vec<Clause> {
    let scope = Scope::new(Some(Entity::Order), &BTreeMap::new());
    Expression::condition(condition, &scope).expect("a condition").explain(&facts())
}

fn values(condition: &str) -> Vec<(String, Value)> {
    explained(condition).into_iter().flat_map(|clause| clause.values).collect()
}

#[test]
fn each_clause_says_whether_it_holds() {
    let clauses =
        explained("order.number != '' && (order.paid && order.items.size() == 2)\n  && order.status == 'completed'");
    let told: Vec<_> = clauses.iter().map(|clause| (clause.text.as_str(), clause.holds)).collect();
    assert_eq!(
        told,
        [
            ("order.number != ''", Some(true)),
            ("order.paid", Some(false)),
            ("order.items.size() == 2", Some(true)),
            ("order.status == 'completed'", Some(false)),
        ]
    );
}

#[test]
fn a_clause_shows_what_it_reads() {
    assert_eq!(values("order.status == 'pending'"), [("order.status".to_owned(), json!("processing"))]);
    assert_eq!(
        values("order.items.exists(i, i.code.startsWith('COURSE-') && i.quantity != '')"),
        [
            ("order.items[].code".to_owned(), json!(["BOOK-1", "BOOK-2"])),
            ("order.items[].quantity".to_owned(), json!(["", ""]))
        ]
    );
    assert_eq!(
        values("decimal_cmp(order.total, '5000') >= 0"),
        [("order.total".to_owned(), json!({"amount": "1210", "currency": "CZK"}))]
    );
    assert_eq!(
        values("lookup(order.custom_fields, 'Size') == 'L'"),
        [("order.custom_fields".to_owned(), json!([{"name": "Size", "value": "M"}]))]
    );
    assert_eq!(
        values("size(order.vendor_ids) > 3 || false"),
        [("order.vendor_ids".to_owned(), json!({"fapi.id": "7"}))]
    );
}

#[test]
fn what_fails_is_told_apart_from_what_does_not_hold() {
    let clauses = explained("order.paid && decimal_cmp(order.number, '1') > 0");
    assert_eq!([clauses[0].holds, clauses[1].holds], [Some(false), None]);
    assert_eq!(clauses[1].values, [("order.number".to_owned(), json!("N-42"))]);
}

#[test]
fn only_an_and_outside_of_brackets_and_quotes_splits() {
    assert_eq!(split("a && b"), ["a ", " b"]);
    assert_eq!(split("a.exists(i, i.x && i.y) && b == \"&&\" && '\\'&&' == c").len(), 3);
    assert_eq!(split("a && b || c"), ["a && b || c"]);
    assert_eq!(split_all("(a || b) && c"), ["a || b", "c"]);
    assert_eq!(split_all("(a && (b && c)) && d"), ["a", "b", "c", "d"]);
    assert_eq!(split_all("(a) || (b)"), ["(a) || (b)"]);
}

proptest! {
    #[test]
    fn any_text_is_split(text in "[a&|?()'\"\\\\é ]{0,30}") {
        let clauses = split(&text);
        prop_assert_eq!(clauses.join("&&"), text.clone());
        prop_assert!(!split_all(&text).is_empty());
    }
}
