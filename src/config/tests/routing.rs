//! Config and router together: what flows, as people write them, make of events.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    config::{
        Config,
        testing::{CONNECTIONS, load_one},
    },
    model::{
        code,
        connection::ConnectionName,
        id::{EventId, Ids, KeyHash, WebhookId},
        time::{How, Since, Timestamp},
    },
    router::{Routed, Routing, Rules, Why, route},
    topics::{
        action::{Action, Purpose},
        body::{Body, v1},
        event::{Event, EventType, ORDER_PAID, ORDER_UPDATED, Origin, OriginKind, STEP_DONE, STEP_FAILED},
        flows::Activation,
    },
};

pub(super) fn ids() -> Ids {
    Ids::new(b"test")
}

fn day(day: i8) -> Timestamp {
    jiff::civil::date(2025, 10, day).to_zoned(jiff::tz::TimeZone::UTC).expect("time").timestamp()
}

pub(super) fn config(flows: &str) -> Config {
    load_one(&format!("{CONNECTIONS}flows:\n{flows}")).unwrap_or_else(|report| panic!("{report}"))
}

pub(super) fn order() -> v1::Order {
    v1::Order {
        id: "42".to_owned(),
        number: "N-42".to_owned(),
        paid: true,
        total: Some(v1::Money { amount: "1210.50".to_owned(), currency: "CZK".to_owned() }),
        customer: Some(v1::Party { email: "eva@example.cz".to_owned(), ..Default::default() }),
        items: vec![v1::Item { code: "COURSE-1".to_owned(), ..Default::default() }],
        paid_at: "2025-10-15T08:00:00+02:00".to_owned(),
        ..Default::default()
    }
}

pub(super) fn event(event_type: &'static EventType, order: v1::Order) -> Event {
    Event {
        id: EventId::from_text("e-42"),
        event_type,
        connection: ConnectionName::parse("eshop").expect("name"),
        entity: KeyHash::from_text("k-42"),
        subject: "42".to_owned(),
        since: Since { at: day(15), how: How::Stated },
        version: 7,
        arrived: day(16),
        webhook: WebhookId::from_text("w-42"),
        origin: Origin::default(),
        traceparent: Some("00-trace-01".to_owned()),
        body: Body::Order(Box::new(order)),
    }
}

/// In force since the 1st, now the 20th.
pub(super) fn routed_by(config: &Config, event: &Event) -> Routed {
    let rules = Rules::first(Arc::clone(&config.flows), &ids(), day(1));
    routed_under(&rules, event)
}

fn routed_under(rules: &Rules, event: &Event) -> Routed {
    route(event, &Routing { rules, ids: &ids(), remember: Duration::from_hours(24 * 400), now: day(20) })
}

pub(super) fn routed(flows: &str) -> Routed {
    routed_by(&config(flows), &event(ORDER_PAID, order()))
}

/// The event that says that an action ended.
pub(super) fn ended(action: &Action, event_type: &'static EventType, result: &[(&str, &str)]) -> Event {
    let Purpose::Step { flow, step, continuation, .. } = &action.purpose else { panic!("a step") };
    let body = v1::Step {
        action_id: action.id.to_string(),
        flow: flow.clone(),
        step: step.clone(),
        result: result.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        continuation: continuation.as_ref().map(|it| it.to_text()).unwrap_or_default(),
        ..Default::default()
    };
    Event { body: Body::Step(Box::new(body)), ..event(event_type, order()) }
}

pub(super) fn steps(routed: &Routed) -> Vec<&str> {
    routed.actions.iter().map(|action| action.step().expect("a step").1).collect()
}

fn parameters(routed: &Routed) -> Vec<Value> {
    routed.actions.iter().map(|action| Value::Object(action.parameters.clone())).collect()
}

#[test]
fn an_action_carries_everything_that_its_lane_needs() {
    let routed = routed(
        r"
  paid-course:
    on: order.paid
    from: eshop
    when: order.items.exists(i, i.code.startsWith('COURSE-'))
    do:
      - crm.add_to_list:
          email: ${order.customer.email}
          list: Course participants
          priority: ${size(order.items)}
          active: ${order.paid}
          on: ${order.paid_at}
          legal_basis: contract
",
    );
    assert!(routed.failed.is_empty() && routed.skipped.is_empty());
    let [action] = routed.actions.as_slice() else { panic!("one action") };
    assert_eq!(action.id, ids().action(&EventId::from_text("e-42"), "paid-course", "crm.add_to_list", ""));
    assert_eq!((action.connection.as_str(), action.operation.as_str()), ("crm", "add_to_list"));
    assert_eq!(action.conflict, ids().conflict(&action.connection, "contact:eva@example.cz"));
    assert_eq!((action.source.version, action.source.arrived), (7, day(16)));
    assert_eq!(action.traceparent.as_deref(), Some("00-trace-01"));
    assert!(matches!(&action.purpose, Purpose::Step { continuation: None, .. }));
    assert_eq!(
        Value::Object(action.parameters.clone()),
        json!({
            "email": "eva@example.cz", "list": "Course participants", "priority": 1, "active": true,
            "on": "2025-10-15", "legal_basis": "contract",
        })
    );
}

#[test]
fn lists_mappings_and_messages_are_passed_whole() {
    let routed = routed(
        r#"
  one:
    on: order.paid
    do:
      - crm.upsert_contact:
          email: ${order.customer.email}
          name: ${order.customer.name}
          tags: [customer, "order ${order.number}"]
          fields: { total: "${order.total.amount}", vip: true, points: 5, zip: 007, note: "${order.note}" }
      - crm.record_order: { order: "${order}", buyer: "${order.customer}" }
      - crm.upsert_contact: { email: a@b.cz, tags: "${order.items.map(i, i.code)}" }
        name: second
"#,
    );
    assert!(routed.failed.is_empty(), "{:?}", routed.failed);
    let [contact, record, second] = <[Value; 3]>::try_from(parameters(&routed)).expect("three");
    assert_eq!(
        contact,
        json!({
            "email": "eva@example.cz", "tags": ["customer", "order N-42"],
            "fields": { "total": "1210.50", "vip": true, "points": 5, "zip": "007" },
        }),
        "what is empty is not given"
    );
    assert_eq!(record["order"], Body::Order(Box::new(order())).to_json());
    assert_eq!(record["buyer"], json!({"email": "eva@example.cz"}));
    assert_eq!(second["tags"], json!(["COURSE-1"]));
}

#[test]
fn a_step_waits_for_the_result_that_it_uses() {
    let config = config(
        r#"
  one:
    on: order.paid
    do:
      - crm.upsert_contact: { email: "${order.customer.email}" }
      - crm.add_to_list: { email: "${order.customer.email}", list: all }
      - crm.add_note:
          contact: ${steps.crm.upsert_contact.contact_id}
          text: Order ${order.number} (${steps.crm.upsert_contact.state})
"#,
    );
    let first = routed_by(&config, &event(ORDER_PAID, order()));
    assert_eq!(steps(&first), ["crm.upsert_contact", "crm.add_to_list"]);
    let rules = Rules::first(Arc::clone(&config.flows), &ids(), day(1));
    let then = routed_under(&rules, &ended(&first.actions[0], STEP_DONE, &[("contact_id", "C7")]));
    assert_eq!(parameters(&then), [json!({"contact": "C7", "text": "Order N-42 ()"})]);
    assert_eq!(then.actions[0].id, ids().action(&EventId::from_text("e-42"), "one", "crm.add_note", ""));
    assert_eq!(then.actions[0].source, first.actions[0].source, "the source stays the first event");
    let nothing = routed_under(&rules, &ended(&first.actions[1], STEP_DONE, &[]));
    assert!(nothing.actions.is_empty() && nothing.failed.is_empty(), "nobody waits for the list");
}

const TWO_RESULTS: &str = r#"
  one:
    on: order.paid
    do:
      - crm.upsert_contact: { email: "${order.customer.email}" }
        name: contact
        ON_REFUSAL
      - crm.add_to_list: { email: "${order.customer.email}", list: all }
        name: list
      - crm.add_note: { contact: "c${steps.contact.contact_id}", text: "m${steps.list.membership_id}" }
"#;

#[test]
fn a_step_that_needs_two_results_gets_both() {
    let config = config(&TWO_RESULTS.replace("ON_REFUSAL", ""));
    let rules = Rules::first(Arc::clone(&config.flows), &ids(), day(1));
    let one = routed_under(&rules, &event(ORDER_PAID, order()));
    assert_eq!(steps(&one), ["contact"]);
    let two = routed_under(&rules, &ended(&one.actions[0], STEP_DONE, &[("contact_id", "7")]));
    assert_eq!(steps(&two), ["list"]);
    let three = routed_under(&rules, &ended(&two.actions[0], STEP_DONE, &[("membership_id", "8")]));
    assert_eq!(parameters(&three), [json!({"contact": "c7", "text": "m8"})]);
}

#[test]
fn what_does_not_need_a_refused_step_goes_on() {
    let config = config(&TWO_RESULTS.replace("ON_REFUSAL", ""));
    let rules = Rules::first(Arc::clone(&config.flows), &ids(), day(1));
    let one = routed_under(&rules, &event(ORDER_PAID, order()));
    let two = routed_under(&rules, &ended(&one.actions[0], STEP_FAILED, &[]));
    assert_eq!(steps(&two), ["list"]);
    let three = routed_under(&rules, &ended(&two.actions[0], STEP_DONE, &[("membership_id", "8")]));
    assert!(three.actions.is_empty());
    assert_eq!(three.skipped.iter().map(|skip| skip.why).collect::<Vec<_>>(), [Why::WaitsInVain]);
}

#[test]
fn on_refusal_go_on_gives_empty_results() {
    let config = config(&TWO_RESULTS.replace("ON_REFUSAL", "on_refusal: go_on"));
    let rules = Rules::first(Arc::clone(&config.flows), &ids(), day(1));
    let one = routed_under(&rules, &event(ORDER_PAID, order()));
    let two = routed_under(&rules, &ended(&one.actions[0], STEP_FAILED, &[]));
    let three = routed_under(&rules, &ended(&two.actions[0], STEP_DONE, &[("membership_id", "8")]));
    assert_eq!(parameters(&three), [json!({"contact": "c", "text": "m8"})]);
}

#[test]
fn conditions_of_flows_and_steps_skip() {
    let routed = routed(
        r#"
  no: { on: order.paid, when: order.cancelled, do: [crm.add_note: { contact: a, text: b }] }
  some:
    on: order.paid
    do:
      - crm.upsert_contact: { email: "${order.customer.email}" }
        name: contact
        when: order.cancelled
      - crm.add_note: { contact: "${steps.contact.contact_id}", text: b }
      - crm.add_to_list: { email: a@b.cz, list: all }
"#,
    );
    assert_eq!(steps(&routed), ["crm.add_to_list"]);
    let skipped: Vec<_> = routed.skipped.iter().map(|it| (it.flow.as_str(), it.step.as_deref(), it.why)).collect();
    assert_eq!(
        skipped,
        [
            ("no", None, Why::Condition),
            ("some", Some("contact"), Why::Condition),
            ("some", Some("crm.add_note"), Why::WaitsInVain),
        ]
    );
}

#[test]
fn failures_name_the_field_and_hold_no_content() {
    let flows = r#"
  one:
    on: order.paid
    do:
      - crm.add_to_list: { email: "${order.number}", list: "${order.note}", on: "${order.number}" }
      - crm.add_note: { contact: "${order.vendor_ids['x']}", text: b, amount: "${order.number}" }
      - crm.upsert_contact: { email: "${order.customer.email}" }
  two: { on: order.paid, when: "decimal_cmp(order.total, order.number) > 0", do: [crm.add_note: { contact: a, text: b }] }
  three: { on: order.paid, do: [crm.add_to_list: { email: a@b.cz, list: "${'for' + 'bidden'}" }] }
"#;
    let routed = routed(flows);
    assert_eq!(steps(&routed), ["crm.upsert_contact"], "one bad step does not stop the others");
    let failed: Vec<_> = routed
        .failed
        .iter()
        .map(|it| {
            let step = it.step.as_deref().unwrap_or("-");
            format!("{} {} {} {}: {}", it.code, it.flow, step, it.field.as_deref().unwrap_or("-"), it.message)
        })
        .collect();
    assert_eq!(
        failed,
        [
            "bad-parameter one crm.add_to_list email: expected e-mail address",
            "bad-parameter one crm.add_to_list list: is needed, and empty",
            "bad-parameter one crm.add_to_list on: expected date",
            "evaluation-failed one crm.add_note contact: a mapping has no such member",
            "bad-parameter one crm.add_note amount: expected decimal number",
            "evaluation-failed two - when: `decimal_cmp`: an amount is no decimal number",
            "bad-parameter three crm.add_to_list -: `list` is not for flows",
        ]
    );
}

/// Ids of all actions, by flow and step.
fn action_ids(flows: &str) -> Vec<(String, String)> {
    let routed = routed(flows);
    assert!(routed.failed.is_empty(), "{:?}", routed.failed);
    let id = |action: &Action| (action.step().expect("a step").1.to_owned(), action.id.to_string());
    routed.actions.iter().map(id).collect()
}

const NOTE: &str = "crm.add_note: { contact: a, text: b }";

#[test]
fn renames_that_are_declared_keep_ids() {
    let before = action_ids(&format!("  old: {{ on: order.paid, do: [{NOTE}] }}\n"));
    let flow = action_ids(&format!("  new: {{ on: order.paid, was: old, do: [{NOTE}] }}\n"));
    let step = action_ids(
        "  old:\n    on: order.paid\n    do:\n      - crm.add_note: { contact: a, text: b }\n        name: note\n        was: crm.add_note\n",
    );
    assert_eq!(before[0].1, flow[0].1);
    assert_eq!((step[0].0.as_str(), &step[0].1), ("note", &before[0].1));
    let undeclared = action_ids(&format!("  new: {{ on: order.paid, do: [{NOTE}] }}\n"));
    assert_ne!(before[0].1, undeclared[0].1);
}

#[test]
fn renaming_a_connection_keeps_ids() {
    let flow = |name: &str| format!("  one: {{ on: order.paid, do: [{name}.add_note: {{ contact: a, text: b }}] }}\n");
    let renamed = CONNECTIONS
        .replace("  crm: { crm: { token: env:CRM_TOKEN } }", "  kunden: { crm: { token: env:CRM_TOKEN }, was: crm }");
    let config = load_one(&format!("{renamed}flows:\n{}", flow("kunden"))).unwrap_or_else(|report| panic!("{report}"));
    let after = routed_by(&config, &event(ORDER_PAID, order()));
    assert_eq!(after.actions[0].id.as_str(), action_ids(&flow("crm"))[0].1);
}

#[test]
fn editing_a_flow_changes_no_other_id() {
    let before = action_ids(&format!("  one:\n    on: order.paid\n    when: order.paid\n    do:\n      - {NOTE}\n"));
    let after = action_ids(&format!(
        "  zero: {{ on: order.paid, do: [{NOTE}] }}\n  one:\n    on: [order.updated, order.paid]\n    when: true\n    do:\n      - crm.upsert_contact: {{ email: a@b.cz }}\n      - {NOTE}\n"
    ));
    assert!(after.contains(&before[0]), "{before:?} {after:?}");
}

#[test]
fn a_replay_gives_the_same_ids_unless_everything_is_to_be_done_again() {
    let config = config(&format!("  one: {{ on: order.paid, do: [{NOTE}] }}\n"));
    let id = |kind| {
        let origin = Origin::of_run(kind, "r1");
        let routed = routed_by(&config, &Event { origin: origin.clone(), ..event(ORDER_PAID, order()) });
        assert_eq!(routed.actions[0].origin, origin);
        routed.actions[0].id.clone()
    };
    assert_eq!(id(OriginKind::Replay), id(OriginKind::Live));
    assert_ne!(id(OriginKind::Repeat), id(OriginKind::Live));
}

/// Two sets of flows: the first in force since the 10th, the second since the 18th. The fact is of the 15th.
fn history(first: &str, second: &str) -> Rules {
    let mut rules = Rules::default();
    for (flows, since) in [(first, day(10)), (second, day(18))] {
        let set = config(flows).flows;
        let hash = set.hash(&ids());
        rules.add_set(hash.clone(), set);
        rules.activate(Activation { hash, since });
    }
    rules
}

fn flow(name: &str, more: &str) -> String {
    format!("  {name}: {{ on: order.paid, {more} do: [{NOTE}] }}\n")
}

fn fired(rules: &Rules, event: &Event) -> (Vec<String>, Vec<(String, Why)>) {
    let routed = routed_under(rules, event);
    assert!(routed.failed.is_empty(), "{:?}", routed.failed);
    let flows = routed.actions.iter().map(|action| action.step().expect("a step").0.to_owned()).collect();
    (flows, routed.skipped.into_iter().map(|skip| (skip.flow, skip.why)).collect())
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn flows_are_not_retroactive() {
    let old = flow("old", "");
    let new = flow("new", "");
    let paid = event(ORDER_PAID, order());
    let both = history(&old, &format!("{old}{new}"));
    assert_eq!(fired(&both, &paid), (names(&["old"]), vec![("new".to_owned(), Why::BeforeFlow)]));
    let removed = history(&old, &new);
    assert_eq!(fired(&removed, &paid).0, names(&["old"]), "what was in force then judges");
    let widened = history(&flow("old", "when: order.cancelled,"), &old);
    assert_eq!(fired(&widened, &paid), (names(&[]), vec![("old".to_owned(), Why::Condition)]));
    let later = Event { since: Since { at: day(19), how: How::Stated }, ..paid };
    assert_eq!(fired(&both, &later).0, names(&["old", "new"]));
}

/// Judging is pure: by its words of then, a flow that failed would fail for ever.
#[test]
fn a_retried_event_is_judged_by_the_present_words_of_what_failed_then() {
    let failing = |flow: &str| {
        format!("  {flow}: {{ on: order.paid, when: 'decimal_cmp(order.note, \"1\") > 0', do: [{NOTE}] }}\n")
    };
    let then = format!("{}{}", failing("one"), flow("two", "when: order.paid,"));
    let now = format!("{}{}{}", flow("one", ""), flow("two", "when: order.cancelled,"), flow("three", ""));
    let rules = history(&then, &now);
    let paid = Event { arrived: day(15), ..event(ORDER_PAID, order()) };
    let failed = routed_under(&rules, &paid);
    assert_eq!((failed.failed.len(), failed.actions.len()), (1, 1), "{:?}", failed.failed);

    let retried = Event { origin: Origin { retried: true, ..Origin::of_run(OriginKind::Replay, "") }, ..paid };
    let (fired, skipped) = fired(&rules, &retried);
    assert_eq!(fired, names(&["one", "two"]), "what did not fail is judged as it was");
    assert_eq!(skipped, [("three".to_owned(), Why::BeforeFlow)]);
    let mended = &routed_under(&rules, &retried).actions[0];
    let Purpose::Step { flow_set: Some(set), .. } = &mended.purpose else { panic!("a step") };
    assert_eq!(Some(set), rules.in_force(day(18)), "the action names the words that made it");
    let unmended = history(&then, &then.replace(NOTE, "crm.add_note: { contact: a, text: c }"));
    assert_eq!(routed_under(&unmended, &retried).failed.len(), 1);
    let gone = history(&then, &flow("three", ""));
    assert_eq!(routed_under(&gone, &retried).failed.len(), 1, "a flow that is gone says what it said");
}

#[test]
fn so_is_a_retried_step_that_waited_for_another() {
    let flows = |text: &str| {
        format!(
            "  one:\n    on: order.paid\n    do:\n      - crm.upsert_contact: {{ email: a@b.cz }}\n        name: contact\n      - crm.add_note: {{ contact: '${{steps.contact.contact_id}}', text: '{text}' }}\n"
        )
    };
    let rules = history(&flows("${decimal_round(order.note, 2)}"), &flows("Thanks"));
    let retried = Origin { retried: true, ..Origin::of_run(OriginKind::Replay, "") };
    let first = |origin| routed_under(&rules, &Event { origin, ..event(ORDER_PAID, order()) }).actions.remove(0);
    let then = |origin| routed_under(&rules, &ended(&first(origin), STEP_DONE, &[("contact_id", "7")]));
    assert_eq!(then(Origin::default()).failed.len(), 1);
    assert_eq!(parameters(&then(retried)), [json!({"contact": "7", "text": "Thanks"})]);
}

#[test]
fn before_the_first_activation_nothing_fires_but_what_claims_an_earlier_start() {
    let rules = history(
        &flow("old", ""),
        &format!("{}{}{}", flow("old", ""), flow("claims", "start: 2025-10-01,"), flow("late", "start: 2025-10-06,")),
    );
    let early = Event { since: Since { at: day(5), how: How::Stated }, ..event(ORDER_PAID, order()) };
    let (fired, skipped) = fired(&rules, &early);
    assert_eq!(fired, names(&["claims"]));
    assert_eq!(skipped, [("old".to_owned(), Why::BeforeFlow), ("late".to_owned(), Why::BeforeStart)]);
}

#[test]
fn a_claimed_start_judges_by_the_present_words() {
    let rules = history(&flow("one", "when: order.cancelled,"), &flow("one", "start: 2025-10-01,"));
    assert_eq!(fired(&rules, &event(ORDER_PAID, order())), (names(&["one"]), vec![]));
}

#[test]
fn facts_older_than_memory_are_too_old() {
    let config = config(&flow("one", ""));
    let rules = Rules::first(config.flows, &ids(), day(1));
    let paid = event(ORDER_PAID, order());
    let routing = Routing { rules: &rules, ids: &ids(), remember: Duration::from_hours(23), now: day(20) };
    let routed = route(&paid, &routing);
    assert!(routed.actions.is_empty());
    assert_eq!(routed.skipped.iter().map(|skip| skip.why).collect::<Vec<_>>(), [Why::TooOld]);
}

#[test]
fn other_events_and_other_connections_cost_nothing() {
    let config = config(&flow("one", "from: eshop,"));
    let other_type = routed_by(&config, &event(ORDER_UPDATED, order()));
    let elsewhere = Event { connection: ConnectionName::parse("other").expect("name"), ..event(ORDER_PAID, order()) };
    for routed in [other_type, routed_by(&config, &elsewhere)] {
        assert!(routed.actions.is_empty() && routed.skipped.is_empty() && routed.failed.is_empty());
    }
}

#[test]
fn a_flow_set_that_is_gone_is_a_failure() {
    let config = config(&TWO_RESULTS.replace("ON_REFUSAL", ""));
    let first = routed_by(&config, &event(ORDER_PAID, order()));
    let done = ended(&first.actions[0], STEP_DONE, &[]);
    let codes = |routed: Routed| routed.failed.into_iter().map(|failure| failure.code).collect::<Vec<_>>();
    assert_eq!(codes(routed_under(&Rules::default(), &done)), [code::FLOW_SET_MISSING]);
    let mut rules = Rules::default();
    rules.activate(Activation { hash: config.flows.hash(&ids()), since: day(1) });
    assert_eq!(codes(routed_under(&rules, &event(ORDER_PAID, order()))), [code::FLOW_SET_MISSING]);
}

#[test]
fn a_stored_flow_set_is_the_same_again() {
    let config = config(&format!("{}{}", flow("one", ""), flow("two", "")));
    let record = config.flows.record(&ids());
    let (again, report) = crate::config::stored_flows(&record.files, &config.connections);
    assert!(report.is_none());
    assert_eq!((again.hash(&ids()), again.flows().len()), (record.hash, 2));

    let mut fewer = config.connections.clone();
    fewer.remove("crm");
    let (left, report) = crate::config::stored_flows(&record.files, &fewer);
    assert_eq!((left.flows().len(), report.expect("a report").problems.len()), (0, 2));
}

#[test]
fn a_step_may_say_that_it_is_optional() {
    let flows = "  one:\n    on: order.paid\n    start: 2020-01-01\n    do:\n      - crm.add_note: { contact: a, text: b }\n        optional: true\n      - crm.add_note: { contact: a, text: c }\n        name: second\n";
    let optional: Vec<_> = config(flows).flows.flows()[0].steps.iter().map(|step| step.optional).collect();
    assert_eq!(optional, [true, false]);
}
