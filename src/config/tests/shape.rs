//! What flows are written with: mapping tables, field sets, defaults of connections.

use serde_json::{Value, json};

use super::routing::{config, ended, event, ids, order, routed_by};
use crate::{
    config::{
        stored_flows,
        testing::{CONNECTIONS, load_files, load_one},
    },
    expr::lookup::Then,
    model::code,
    router::{Routed, Why},
    topics::{
        body::v1,
        event::{ORDER_PAID, STEP_DONE},
    },
};

fn numbered(number: &str) -> v1::Order {
    v1::Order { number: number.to_owned(), ..order() }
}

/// What becomes of an order with a number, where the flow looks its number up in a table.
fn looked_up(table: &str, expression: &str, number: &str) -> Routed {
    let text = format!(
        "{CONNECTIONS}lookups:\n  statuses: {table}\nflows:\n  one:\n    on: order.paid\n    do:\n      - crm.add_note: {{ contact: a, text: '{expression}' }}\n"
    );
    let config = load_one(&text).unwrap_or_else(|report| panic!("{report}"));
    routed_by(&config, &event(ORDER_PAID, numbered(number)))
}

fn text_of(routed: &Routed) -> Option<&str> {
    routed.actions.first().and_then(|action| action.parameters.get("text")).and_then(Value::as_str)
}

const BY_NUMBER: &str = "${lookup(\"statuses\", order.number)}";

#[test]
fn a_row_gives_its_value_however_the_table_was_written() {
    for table in [
        "{ rows: { Új: Nou, Fizetve: Plătit } }",
        "{ rows: {”Új” : ”Nou”, ”Fizetve”: ”Plătit”} }",
        "{ rows: {”Új”:”Nou”,”Fizetve”:”Plătit”} }",
        "{ rows: {\"Új\":\"Nou\", \"Fizetve\" : \"Plătit\"} }",
        "\n    rows: |\n      {”Új” : ”Nou”,\n       ”Fizetve”: ”Plătit”}",
        "\n    rows:\n      ”Új”: ”Nou”\n      Fizetve: Plătit",
    ] {
        for (number, expected) in [("Új", "Nou"), (" Fizetve ", "Plătit")] {
            let routed = looked_up(table, BY_NUMBER, number);
            assert_eq!(text_of(&routed), Some(expected), "{table}: {routed:?}");
            assert!(routed.missed.is_empty());
        }
    }
}

#[test]
fn numbers_stay_as_they_were_written() {
    assert_eq!(text_of(&looked_up("{ rows: { \"7\": 007 } }", BY_NUMBER, "7")), Some("007"));
    assert_eq!(text_of(&looked_up("{ rows: '{\"7\": 1.50}' }", BY_NUMBER, "7")), Some("1.50"));
    let by_number = "${lookup(\"statuses\", size(order.items))}";
    assert_eq!(text_of(&looked_up("{ rows: { 1: one } }", by_number, "")), Some("one"));
}

#[test]
fn a_value_without_a_row_is_a_dead_letter_that_names_table_and_value() {
    let routed = looked_up("{ rows: { a: b } }", BY_NUMBER, "Kifizetve");
    let failure = &routed.failed[0];
    assert_eq!((failure.code, failure.field.as_deref()), (code::NO_SUCH_ROW, Some("text")));
    assert_eq!(failure.message, "the lookup `statuses` has no row for `Kifizetve`");
    assert_eq!((failure.flow.as_str(), failure.step.as_deref()), ("one", Some("crm.add_note")));
    assert!(routed.actions.is_empty());
    let empty = looked_up("{ rows: { a: b } }", BY_NUMBER, "");
    assert_eq!(empty.failed[0].message, "the lookup `statuses` has no row for the empty value");
    let long = looked_up("{ rows: { a: b } }", BY_NUMBER, &"x".repeat(1000));
    assert!(long.failed[0].message.len() < 200, "values are told in part");
    assert_eq!(text_of(&looked_up("{ rows: { '': none } }", BY_NUMBER, "")), Some("none"));
}

#[test]
fn a_table_may_leave_the_step_out() {
    let routed = looked_up("{ rows: { a: b }, missing: skip }", BY_NUMBER, "c");
    assert!(routed.actions.is_empty() && routed.failed.is_empty(), "{routed:?}");
    assert_eq!((routed.skipped[0].why, routed.skipped[0].step.as_deref()), (Why::NoRow, Some("crm.add_note")));
    assert_eq!((routed.missed[0].miss.value.as_str(), routed.missed[0].miss.then), ("c", Then::Skipped));
}

#[test]
fn a_default_is_taken_and_told() {
    for (table, expression, expected) in [
        ("{ rows: { a: b }, missing: default, default: x }", BY_NUMBER, "x"),
        ("{ rows: { a: b }, default: x }", BY_NUMBER, "x"),
        ("{ rows: { a: b }, missing: skip }", "${lookup(\"statuses\", order.number, \"y\")}", "y"),
        ("{ rows: { a: b }, default: x }", "${lookup(\"statuses\", order.number, \"y\")}", "y"),
    ] {
        let routed = looked_up(table, expression, "c");
        assert_eq!(text_of(&routed), Some(expected), "{table}");
        let missed = &routed.missed[0];
        assert_eq!((missed.miss.lookup.as_str(), missed.miss.then), ("statuses", Then::Default));
        assert_eq!((missed.field.as_str(), missed.step.as_deref()), ("text", Some("crm.add_note")));
        assert!(looked_up(table, expression, "a").missed.is_empty());
    }
}

#[test]
fn tables_go_into_conditions_of_flows_and_steps_and_into_loops() {
    let flow = |missing: &str, flow: &str| {
        let text = format!(
            "{CONNECTIONS}lookups:\n  lists: {{ rows: {{ COURSE-1: Buyers }}, missing: {missing} }}\nflows:\n{flow}"
        );
        load_one(&text).unwrap_or_else(|report| panic!("{report}"))
    };
    let by_condition = "  one:\n    on: order.paid\n    when: lookup(\"lists\", order.number) == \"Buyers\"\n    do: [crm.add_note: { contact: a, text: b }]\n";
    let routed =
        |missing: &str, text: &str, number: &str| routed_by(&flow(missing, text), &event(ORDER_PAID, numbered(number)));
    assert_eq!(routed("error", by_condition, "COURSE-1").actions.len(), 1);
    let failed = routed("error", by_condition, "x");
    assert_eq!((failed.failed[0].code, failed.failed[0].field.as_deref()), (code::NO_SUCH_ROW, Some("when")));
    let skipped = routed("skip", by_condition, "x");
    assert_eq!((skipped.skipped[0].why, skipped.skipped[0].step.as_deref()), (Why::NoRow, None));

    let by_step = "  one:\n    on: order.paid\n    do:\n      - crm.add_note: { contact: a, text: b }\n        when: lookup(\"lists\", order.number) == \"Buyers\"\n      - crm.upsert_contact: { email: a@b.cz }\n";
    let skipped = routed("skip", by_step, "x");
    assert_eq!((skipped.actions.len(), skipped.skipped[0].why), (1, Why::NoRow));

    let in_loop = "  one:\n    on: order.paid\n    do: [crm.upsert_contact: { email: a@b.cz, tags: \"${order.items.map(i, lookup('lists', i.code))}\" }]\n";
    assert_eq!(routed("error", in_loop, "x").actions[0].parameters["tags"], json!(["Buyers"]));
}

/// What decides without the missing row is not held up by it; it is told all the same.
#[test]
fn a_missing_row_that_does_not_matter_stops_nothing() {
    let expression = "${lookup(\"statuses\", order.number) == \"x\" || order.paid}";
    let routed = looked_up("{ rows: { a: b } }", expression, "c");
    assert_eq!((text_of(&routed), routed.missed.len()), (Some("true"), 1));
}

#[test]
fn a_mapping_of_the_event_is_looked_into_as_before_and_takes_a_default() {
    let custom = v1::CustomField { name: "VAT".to_owned(), value: "CZ1".to_owned(), ..Default::default() };
    let order = v1::Order { custom_fields: vec![custom], ..order() };
    let text = |expression: &str| {
        let flow = format!(
            "  one:\n    on: order.paid\n    do:\n      - crm.add_note: {{ contact: a, text: '{expression}' }}\n"
        );
        let routed = routed_by(&config(&flow), &event(ORDER_PAID, order.clone()));
        text_of(&routed).map(str::to_owned)
    };
    assert_eq!(text("${lookup(order.custom_fields, \"VAT\")}").as_deref(), Some("CZ1"));
    assert_eq!(text("${lookup(order.custom_fields, \"VAT\", \"none\")}").as_deref(), Some("CZ1"));
    assert_eq!(text("${lookup(order.custom_fields, \"IBAN\", \"none\")}").as_deref(), Some("none"));
}

const LAYERED: &str = "connections:
  eshop: { shop: { user: shop@example.cz, api_key: env:SHOP_KEY } }
  crm:
    crm: { token: env:CRM_TOKEN }
    defaults:
      legal_basis: contract
      email: default@example.cz
      priority: 1
      add_to_list: { list: Buyers, priority: 2 }
field_sets:
  buyer: { email: \"${order.customer.email}\", priority: 3, active: true }
  vip: { priority: 4, active: true }
";

/// The parameters of a step behind [`LAYERED`].
fn layered(step: &str) -> Value {
    // Both sets are used somewhere.
    let second = "      - crm.add_to_list: { email: x@example.cz }\n        name: second\n        use: [buyer, vip]\n";
    let text = format!("{LAYERED}flows:\n  one:\n    on: order.paid\n    do:\n      - {step}\n{second}");
    let config = load_one(&text).unwrap_or_else(|report| panic!("{report}"));
    let routed = routed_by(&config, &event(ORDER_PAID, order()));
    Value::Object(routed.actions[0].parameters.clone())
}

#[test]
fn the_step_wins_over_its_sets_and_those_over_the_connections_defaults() {
    assert_eq!(
        layered("crm.add_to_list:"),
        json!({"email": "default@example.cz", "list": "Buyers", "legal_basis": "contract", "priority": 2})
    );
    assert_eq!(
        layered("crm.add_to_list: { priority: 5 }\n        use: buyer"),
        json!({"email": "eva@example.cz", "list": "Buyers", "legal_basis": "contract", "priority": 5, "active": true})
    );
    assert_eq!(
        layered("crm.add_to_list: { list: Others }\n        use: [buyer, vip]"),
        json!({"email": "eva@example.cz", "list": "Others", "legal_basis": "contract", "priority": 4, "active": true})
    );
}

#[test]
fn nothing_behind_a_name_takes_away_what_comes_from_further_back() {
    let given = layered("crm.add_to_list: { legal_basis: , priority: ~ }\n        use: buyer");
    assert_eq!(given, json!({"email": "eva@example.cz", "list": "Buyers", "active": true}));
}

#[test]
fn an_operation_takes_only_those_defaults_that_it_knows() {
    assert_eq!(layered("crm.upsert_contact: { name: Eva }"), json!({"email": "default@example.cz", "name": "Eva"}));
}

/// A stored flow set is judged by the tables, sets and defaults of its own time.
#[test]
fn what_shapes_flows_is_stored_with_them() {
    let service = "remember: 400d\n";
    let connections = |list: &str| {
        format!(
            "connections:\n  eshop: {{ shop: {{ user: shop@example.cz, api_key: env:SHOP_KEY }} }}\n  crm: {{ crm: {{ token: env:CRM_TOKEN }}, defaults: {{ list: {list} }} }}\n"
        )
    };
    let lookups = "lookups:\n  bases: { rows: { N-42: consent } }\n";
    let sets = "field_sets:\n  buyer: { email: \"${order.customer.email}\" }\n";
    let flows = "flows:\n  one: { on: order.paid, do: [{ crm.add_to_list: { legal_basis: \"${lookup('bases', order.number)}\" }, use: buyer }] }\n";
    let load = |list: &str| {
        let files = [
            ("a.yaml", service),
            ("b.yaml", &connections(list)),
            ("c.yaml", lookups),
            ("d.yaml", sets),
            ("e.yaml", flows),
        ];
        load_files(&files).unwrap_or_else(|report| panic!("{report}"))
    };
    let (before, after) = (load("Buyers"), load("Others"));
    assert_ne!(before.flows.hash(&ids()), after.flows.hash(&ids()), "a default is part of the set");
    let stored = before.flows.record(&ids()).files;
    let names: Vec<_> = stored.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b.yaml", "c.yaml", "d.yaml", "e.yaml"]);

    let (again, problems) = stored_flows(&stored, &after.connections);
    assert!(problems.is_none(), "{problems:?}");
    let again = crate::config::Config { flows: again.into(), ..after };
    let routed = routed_by(&again, &event(ORDER_PAID, order()));
    let expected = json!({"email": "eva@example.cz", "list": "Buyers", "legal_basis": "consent"});
    assert_eq!(Value::Object(routed.actions[0].parameters.clone()), expected);
}

/// The action of a contact that is made or updated.
fn upsert(parameters: &str) -> crate::topics::action::Action {
    let flow = format!(
        "  one:\n    on: order.paid\n    do:\n      - crm.upsert_contact:\n          email: ${{order.customer.email}}\n{parameters}"
    );
    let mut routed = routed_by(&config(&flow), &event(ORDER_PAID, order()));
    assert!(routed.failed.is_empty(), "{:?}", routed.failed);
    routed.actions.remove(0)
}

#[test]
fn parameters_and_members_may_be_for_one_occasion_only() {
    let action = upsert(
        "          name: { value: \"Order ${order.number}\", on: create }\n          fields:\n            source: { value: eshop, on: create }\n            last: { value: \"${order.number}\", on: update }\n            on: x\n",
    );
    assert_eq!(
        json!([action.parameters, action.only]),
        json!([
            {"email": "eva@example.cz", "name": "Order N-42", "fields": {"source": "eshop", "last": "N-42", "on": "x"}},
            {"name": "create", "fields/source": "create", "fields/last": "update"},
        ])
    );
    assert_eq!(
        Value::Object(action.standing().into_owned()),
        json!({"email": "eva@example.cz", "fields": {"last": "N-42", "on": "x"}})
    );
}

#[test]
fn a_whole_mapping_may_be_for_one_occasion_and_fields_may_have_any_name() {
    let action = upsert("          fields: { value: { source: eshop }, on: create }\n");
    assert_eq!(json!([action.parameters["fields"], action.only]), json!([{"source": "eshop"}, {"fields": "create"}]));
    let action = upsert("          fields: { value: '7', on: monday }\n");
    assert_eq!(json!([action.parameters["fields"], action.only]), json!([{"value": "7", "on": "monday"}, {}]));
    assert!(!serde_json::to_string(&action).expect("json").contains("\"only\""), "plain actions look as ever");
}

/// What the first connection's step returned is there for a step at the second, which starts with its end.
#[test]
fn results_cross_connections() {
    let text = format!(
        "{CONNECTIONS}  mail: {{ crm: {{ token: env:CRM_TOKEN }} }}
flows:
  one:
    on: order.paid
    do:
      - mail.add_note: {{ contact: first, text: at once }}
      - crm.upsert_contact: {{ email: \"${{order.customer.email}}\" }}
        name: find
      - mail.add_note: {{ contact: \"${{steps.find.contact_id}}\", text: \"${{order.number}}: ${{steps.find.state}}\" }}
        name: tell
"
    );
    let config = load_one(&text).unwrap_or_else(|report| panic!("{report}"));
    let first = routed_by(&config, &event(ORDER_PAID, order()));
    let targets = |routed: &Routed| -> Vec<String> {
        let target = |action: &crate::topics::action::Action| {
            format!("{}/{}", action.connection, action.step().expect("a step").1)
        };
        routed.actions.iter().map(target).collect()
    };
    assert_eq!(targets(&first), ["mail/mail.add_note", "crm/find"]);
    let done = ended(&first.actions[1], STEP_DONE, &[("contact_id", "C7"), ("state", "new")]);
    let then = routed_by(&config, &done);
    assert_eq!(targets(&then), ["mail/tell"]);
    assert_eq!(Value::Object(then.actions[0].parameters.clone()), json!({"contact": "C7", "text": "N-42: new"}));
}
