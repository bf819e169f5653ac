use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{MOST, nasty};
use crate::{
    expr::{Expression, Facts, Scope, tests::event},
    model::code,
    topics::{
        body::{Body, v1},
        event::{Entity, Event},
    },
};

fn scope() -> Scope {
    Scope::new(Some(Entity::Order), &BTreeMap::new())
}

/// As large as expressions may look at, in about 256 KiB.
fn large() -> Event {
    let field = |index: usize| v1::CustomField { value: format!("x{index}"), ..Default::default() };
    let item = |index: usize| v1::Item {
        name: format!("{index}{}", "x".repeat(100)),
        custom_fields: (0..20).map(field).collect(),
        ..Default::default()
    };
    let order = v1::Order {
        number: "x".repeat(1 << 10),
        note: "xa".repeat(32 << 10),
        items: (0..500).map(item).collect(),
        custom_fields: (0..200).map(field).collect(),
        labels: (0..50).map(|index| v1::Label { name: format!("x{index}"), ..Default::default() }).collect(),
        ..Default::default()
    };
    Event { body: Body::Order(Box::new(order)), ..event() }
}

#[test]
fn what_people_write_is_not_too_costly() {
    for text in [
        "order.items.exists(i, i.code == 'COURSE-1' && i.kind == 'product')",
        "order.items.all(i, i.code.startsWith('SKU-') || i.name.lower().contains('kurz'))",
        "order.items.exists(i, i.code.matches('^SKU-[0-9]{4}$'))",
        "order.items.exists(i, i.custom_fields.exists(f, f.name == 'size' && f.value == 'XL'))",
        "order.items.exists(i, order.labels.exists(l, l.name == i.code))",
        "order.items.filter(i, i.kind == 'product').map(i, i.name).join(', ') != ''",
        "decimal_cmp(decimal_sum(order.items.map(i, i.gross)), '1000') > 0",
        "order.note.lower().contains('dárek') && order.customer.email.matches('@example[.]cz$')",
        "lookup(order.custom_fields, 'VAT').split(',').exists(v, valid_vat_id(v.trim()))",
    ] {
        let compiled = Expression::condition(text, &scope()).unwrap_or_else(|found| panic!("{text}: {found:?}"));
        assert!(compiled.cost() < MOST, "{text}");
    }
}

#[test]
fn what_could_stall_a_router_is_refused_where_it_stands() {
    let mut told = String::new();
    for text in [
        "order.paid && order.items.exists(i, order.items.exists(j, i.code == j.code && i.id != j.id))",
        "order.items.exists(i, i.name.split('').exists(c, c in order.note.split('')))",
        "order.items.exists(i, order.note.contains(i.name))",
        "[1, 2, 3, 4, 5, 6, 7, 8].all(a, order.items.all(b, order.labels.all(c, c.name == '')))",
        "order.items.map(i, order.note).join() == ''",
    ] {
        let found = Expression::condition(text, &scope()).expect_err(text);
        let [problem] = found.as_slice() else { panic!("{text}: {found:?}") };
        assert_eq!(problem.code, code::TOO_COSTLY, "{text}");
        let (under, hint) = (" ".repeat(problem.offset), problem.hint.as_deref().unwrap_or(""));
        told.extend([text, "\n", &under, "^ ", &problem.message, "\n  ", hint, "\n"]);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn regular_expressions_are_constants_of_bounded_size() {
    let refused = |text: &str| Expression::condition(text, &scope()).expect_err(text).remove(0).message;
    assert_eq!(refused("order.number.matches(order.note)"), "a regular expression must stand here as a constant text");
    assert_eq!(refused("order.number.matches('(x{100}){100}')"), "the regular expression is too large");
    assert_eq!(refused("order.number.matches('(')"), "this is no regular expression");
}

#[test]
fn what_an_event_holds_beyond_bounds_fails_by_its_own_code() {
    let run = |text: &str, order: v1::Order| {
        let event = Event { body: Body::Order(Box::new(order)), ..event() };
        let facts = Facts::of(&event, &BTreeMap::new());
        let expression = Expression::condition(text, &scope()).expect(text);
        expression.holds(&facts).map_err(|failed| failed.code())
    };
    let items = |count| v1::Order { items: vec![v1::Item::default(); count], ..Default::default() };
    let note = |count| v1::Order { note: "x".repeat(count), ..Default::default() };
    let too_large = Err(code::EVALUATION_TOO_LARGE);
    assert_eq!(run("order.items.all(i, i.code == '')", items(500)), Ok(true));
    assert_eq!(run("order.items.all(i, i.code == '')", items(501)), too_large);
    assert_eq!(run("order.paid", items(501)), Ok(false), "nobody asked");
    assert_eq!(run("order.note.contains('y')", note(64 << 10)), Ok(false));
    assert_eq!(run("order.note.contains('y')", note((64 << 10) + 1)), too_large);
    assert_eq!(run("order.note.matches('y')", note(9 << 10)), too_large);
    assert_eq!(run("order.note.split('').size() > 0", note(501)), too_large);
    assert_eq!(run("order.note.replace('x', 'xyz') == ''", note(60 << 10)), too_large);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing that passes asks more often for the event's fields than was estimated.
    #[test]
    fn no_evaluation_takes_more_steps_than_estimated(choices in prop::collection::vec(any::<u8>(), 12..40)) {
        let text = nasty::condition(&mut choices.into_iter());
        let facts = Facts::of(&large(), &BTreeMap::new());
        match Expression::condition(&text, &scope()) {
            Err(found) => prop_assert!(found.iter().all(|problem| [code::TOO_COSTLY, code::TOO_COMPLEX].contains(&problem.code))),
            Ok(expression) => {
                let _held = expression.holds(&facts);
                prop_assert!(facts.count() <= expression.cost(), "{text}: {} of {}", facts.count(), expression.cost());
            }
        }
    }
}
