use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    model::{
        code,
        connection::ConnectionName,
        id::{EventId, KeyHash, WebhookId},
        time::{How, Since, Timestamp},
    },
    topics::{
        body::{Body, v1},
        event::{Entity, Event, ORDER_PAID, Origin},
    },
};

fn order() -> v1::Order {
    let money = |amount: &str| Some(v1::Money { amount: amount.to_owned(), currency: "CZK".to_owned() });
    let item = |code: &str, quantity: &str| v1::Item {
        code: code.to_owned(),
        quantity: quantity.to_owned(),
        kind: v1::ItemKind::Product.into(),
        ..Default::default()
    };
    v1::Order {
        id: "42".to_owned(),
        number: "2025-0042".to_owned(),
        status: v1::OrderStatus::OnHold.into(),
        paid: true,
        paid_at: "2025-10-09T08:53:20+02:00".to_owned(),
        total: money("1210.50"),
        customer: Some(v1::Party { email: "eva@example.cz".to_owned(), ..Default::default() }),
        items: vec![item("COURSE-1", "1"), item("BOOK", "2.5")],
        instalment: Some(v1::Instalment { number: 2, ..Default::default() }),
        custom_fields: vec![v1::CustomField { name: "VAT".to_owned(), value: "CZ1".to_owned(), ..Default::default() }],
        vendor_ids: [("fapi.id".to_owned(), "7".to_owned())].into(),
        ..Default::default()
    }
}

fn event() -> Event {
    let at: Timestamp = "2025-10-09T06:53:20Z".parse().expect("time");
    Event {
        id: EventId::from_text("e-1"),
        event_type: ORDER_PAID,
        connection: ConnectionName::parse("eshop").expect("name"),
        entity: KeyHash::from_text("k-1"),
        subject: "42".to_owned(),
        since: Since { at, how: How::Stated },
        version: 1,
        arrived: at,
        webhook: WebhookId::from_text("w-1"),
        origin: Origin::default(),
        traceparent: None,
        body: Body::Order(Box::new(order())),
    }
}

fn scope() -> Scope {
    let steps: BTreeMap<_, _> = [
        ("crm.upsert_contact".to_owned(), StepScope::Earlier(vec!["contact_id".to_owned()])),
        ("note".to_owned(), StepScope::Earlier(vec!["note_id".to_owned()])),
        ("last".to_owned(), StepScope::Later),
    ]
    .into();
    Scope::new(Some(Entity::Order), &steps)
}

fn facts() -> Facts {
    let results = [("crm.upsert_contact".to_owned(), [("contact_id".to_owned(), "C7".to_owned())].into())].into();
    Facts::of(&event(), &results)
}

fn value(text: &str) -> Value {
    let expression = Expression::compile(text, &scope()).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
    expression.evaluate(&facts()).unwrap_or_else(|failed| panic!("{text}: {failed}"))
}

/// Each line: the expression, a mark under what is meant, the message, the hint.
fn complaints(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        let problems = Expression::condition(text, &scope()).expect_err(text);
        out.push_str(text);
        out.push('\n');
        for problem in problems {
            let before = text.get(..problem.offset).expect("a boundary").chars().count();
            let mark = format!("{}{}", " ".repeat(before), "^".repeat(problem.length));
            let hint = problem.hint.map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
            out.extend([&mark, " ", problem.code.as_str(), ": ", &problem.message, &hint, "\n"]);
        }
    }
    out
}

#[test]
fn fields_and_functions() {
    for (text, expected) in [
        ("order.customer.email", json!("eva@example.cz")),
        ("order.status", json!("on_hold")),
        ("order.status in ['on_hold', 'pending']", json!(true)),
        ("order.items.exists(i, i.code.startsWith(\"COURSE-\"))", json!(true)),
        ("order.items.filter(i, decimal_cmp(i.quantity, 1) > 0).map(i, i.code)", json!(["BOOK"])),
        ("order.items.all(i, i.kind == 'product')", json!(true)),
        ("order.items.exists_one(i, i.code == 'BOOK')", json!(true)),
        ("order.items.map(i, i.code).join(', ')", json!("COURSE-1, BOOK")),
        ("size(order.items) + order.items.size()", json!(4)),
        ("order.instalment.number == 2", json!(true)),
        ("decimal_cmp(order.total, \"1210.5\")", json!(0)),
        ("decimal_cmp(order.total, 1211)", json!(-1)),
        ("decimal_cmp(order.total.amount, \"999\") > 0 && order.paid", json!(true)),
        ("date(order.paid_at)", json!("2025-10-09")),
        ("date(order.completed_at)", json!("")),
        ("timestamp(order.paid_at) < timestamp('2026-01-01T00:00:00Z')", json!(true)),
        ("lookup(order.custom_fields, 'VAT') + lookup(order.vendor_ids, 'fapi.id')", json!("CZ17")),
        ("lookup(order.custom_fields, 'none')", json!("")),
        ("order.vendor_ids['fapi.id'] + order.vendor_ids.`fapi.id`", json!("77")),
        ("has(order.vendor_ids.none)", json!(false)),
        ("event.type + ' ' + event.source + ' ' + event.time", json!("order.paid eshop 2025-10-09T06:53:20Z")),
        ("steps.crm.upsert_contact.contact_id", json!("C7")),
        ("steps['crm']['upsert_contact'].contact_id", json!("C7")),
        ("order.paid ? order.number : ''", json!("2025-0042")),
        ("' A b '.trim().lowerAscii().replace('a', 'x').split(' ')", json!(["x", "b"])),
        ("int('7') * 6 - -1", json!(43)),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_told_is_empty_and_never_missing() {
    for text in [
        "order.note == ''",
        "order.shipping_total.amount == ''",
        "order.customer.address.country == ''",
        "order.refunds == []",
        "order.taxes.size() == 0",
        "order.cancelled == false",
        "order.instalment.count == 0",
        "order.customer.shipping_address.street == order.note",
    ] {
        assert_eq!(value(text), json!(true), "{text}");
    }
}

#[test]
fn steps_are_known_by_use() {
    let used = |text: &str| Template::compile(text, &scope()).expect(text).steps().into_iter().collect::<Vec<_>>();
    assert_eq!(used("${steps.crm.upsert_contact.contact_id} ${steps.note.note_id}"), ["crm.upsert_contact", "note"]);
    assert!(used("steps.note ${order.number}").is_empty());
}

#[test]
fn constant_conditions_are_known() {
    let constant = |text: &str| Expression::condition(text, &scope()).expect(text).constant();
    for text in [
        "true",
        "1 == 1",
        "order.paid || true",
        "'a' in ['a', 'b']",
        "[1, 2].all(i, i > 0)",
        "!(order.paid && false)",
        "order.paid ? true : 1 < 2",
    ] {
        assert_eq!(constant(text), Some(true), "{text}");
    }
    for text in [
        "false",
        "order.paid && 1 > 2",
        "order.paid && (order.number == '1' && '2' == order.number)",
        "order.status == 'draft' && order.paid && order.status == 'failed'",
        "order.number == '1' && order.number != '1'",
        "order.number in []",
        "'x'.startsWith('y') ? order.paid : false",
    ] {
        assert_eq!(constant(text), Some(false), "{text}");
    }
    for text in [
        "order.paid",
        "order.paid || false",
        "order.number == '1' || order.number == '2'",
        "order.number == '1' && order.id == '2'",
        "order.items.exists(i, i.code == 'x')",
        "order.paid ? true : false",
        "1 / 0 == 1",
    ] {
        assert_eq!(constant(text), None, "{text}");
    }
}

#[test]
fn names_and_fields_are_checked() {
    insta::assert_snapshot!(complaints(&[
        "odrer.paid",
        "žluť == order.number",
        "order.custmer.email == ''",
        "order.customer.address.cuontry == 'CZ'",
        "order.items.exists(i, i.cod == 'x')",
        "order.items.exists(i, j.code == 'x')",
        "order.items.code == 'x'",
        "order.number.length == 1",
        "event.typ == ''",
        "steps.crm.upsert_contct.contact_id == ''",
        "steps.note.id == ''",
        "steps.last.id == ''",
        "invoice.paid",
        "order.paid && order.x == '' || order.y == ''",
    ]));
}

#[test]
fn types_are_checked() {
    insta::assert_snapshot!(complaints(&[
        "order.number",
        "order.paid == 'true'",
        "order.number == 42",
        "order.total > 1000",
        "order.total.amount > '1000'",
        "order.total.amount == '1000'",
        "order.total.amount + 1 == 2",
        "order.status == 'proccessing'",
        "order.status in ['paid']",
        "order.items",
        "order.customer && order.paid",
        "!order.note",
        "has(order.note)",
        "has(order.customer.address)",
        "order.items[0] == order.items['x']",
        "order.paid ? 1 : 'x'",
        "'x' in order.number",
        "order.number.matches('[')",
        "order.number.startWith('x')",
        "order.number.startsWith(1)",
        "double(order.total.amount) > 1.0",
        "decimal_cmp(order.items, 1) > 0",
        "exists(order.items, i)",
        "spojka.v1.Order{id: 'x'}.paid",
    ]));
}

#[test]
fn syntax_is_told_in_plain_words() {
    insta::assert_snapshot!(complaints(&[
        "",
        "order.paid &&",
        "order.paid = true",
        "order.paid and order.cancelled",
        "(order.paid",
        "order.paid)",
        "order.number == 'žluť",
        "order..paid",
        "order.items.exists(i.x, true)",
        "order.?paid",
        &"(".repeat(30),
        &"[1].exists(a, ".repeat(4),
        "[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))",
    ]));
}

#[test]
fn failures_tell_no_values() {
    let failed = |text: &str| {
        let expression = Expression::compile(text, &scope()).expect(text);
        expression.evaluate(&facts()).expect_err(text).to_string()
    };
    assert_eq!(failed("order.vendor_ids['none'] == ''"), "a mapping has no such member");
    assert_eq!(failed("order.items[5].code"), "a list is shorter than that");
    assert_eq!(failed("1 / (size(order.items) - 2)"), "division by zero");
    assert_eq!(failed("int(order.customer.email)"), "`int` failed");
    assert_eq!(failed("decimal_cmp(order.shipping_total, 1)"), "`decimal_cmp`: an amount is not told");
    assert_eq!(failed("decimal_cmp(order.number, 1)"), "`decimal_cmp`: an amount is no decimal number");
    assert_eq!(failed("date(order.number)"), "`date`: expected a date or an RFC 3339 time");
}

#[test]
fn templates() {
    let filled = |text: &str| {
        let template = Template::compile(text, &scope()).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        template.evaluate(&facts()).expect(text)
    };
    assert_eq!(filled("Order ${order.number}, ${size(order.items)}×"), json!("Order 2025-0042, 2×"));
    assert_eq!(filled("${order.paid}"), json!(true));
    assert_eq!(filled("${order.items.map(i, i.code)}"), json!(["COURSE-1", "BOOK"]));
    assert_eq!(filled("$${x} costs $5 {y}"), json!("${x} costs $5 {y}"));
    assert_eq!(filled("${'}' + \"{\"} ${ {'a': 'b'}.a }"), json!("}{ b"));
    assert_eq!(Template::compile("plain", &scope()).expect("plain").constant(), Some("plain"));
    assert_eq!(Template::compile("", &scope()).expect("empty").constant(), Some(""));
}

#[test]
fn templates_tell_where_they_are_wrong() {
    let problems = |text: &str| {
        let problems = Template::compile(text, &scope()).expect_err(text);
        problems.into_iter().map(|p| (p.offset, p.message, p.hint.unwrap_or_default())).collect::<Vec<_>>()
    };
    let one = |offset, message: &str, hint: &str| vec![(offset, message.to_owned(), hint.to_owned())];
    assert_eq!(problems("žl ${order.x}")[0].0, "žl ${order.".len());
    assert_eq!(problems("a ${order.x} ${order.y}").len(), 2);
    assert_eq!(problems("a ${order.id"), one(2, "`${` has no `}`", "write `$${` for a plain `${`"));
    let total = one(8, "a whole `Money` cannot be part of a text", "write `${order.total.amount}`");
    assert_eq!(problems("total ${order.total}"), total);
}

/// An expression of the largest size that the bounds allow must not overflow any stack.
#[test]
fn the_largest_expressions_fit_the_stack() {
    let chain = |terms| vec!["1"; terms].join(" + ");
    assert_eq!(value(&chain(40)), json!(40));
    let nested = format!("{}order.paid{}", "!(".repeat(20), ")".repeat(20));
    assert_eq!(value(&nested), json!(true));
    let ternaries = |count| format!("{} 1", "order.cancelled ? 0 : ".repeat(count));
    assert_eq!(value(&ternaries(38)), json!(1));
    for too_deep in [chain(41), chain(150), ternaries(40), ternaries(80)] {
        let problems = Expression::compile(&too_deep, &scope()).expect_err("too deep");
        assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [code::TOO_COMPLEX]);
    }
}

proptest! {
    #[test]
    fn any_text_compiles_or_is_refused(
        text in "(order|steps|\\.|\\(|\\)|\\[|\\]|\\{|\\}|items|exists|map|has|'|\"|\\\\|\\?|:|=|<|&&|\\||!|-|[0-9]|i|,| |é|`|\\$|@|\u{0}){0,14}"
    ) {
        if let Err(problems) = Template::compile(&format!("a ${{{text}}}"), &scope()) {
            prop_assert!(!problems.is_empty());
        }
        if let Err(problems) = Expression::compile(&text, &scope()) {
            prop_assert!(problems.iter().all(|problem| problem.offset <= text.len()));
        }
    }

    #[test]
    fn any_characters_compile_or_are_refused(text in "\\PC{0,40}") {
        let compiled = Expression::compile(&text, &scope());
        prop_assert!(compiled.is_ok() || compiled.is_err_and(|problems| !problems.is_empty()));
    }
}
