//! Names are labels: what a rename changes, and what it does not.

use std::{sync::Arc, time::Duration};

use crate::{
    config::{
        Config, stored_flows,
        testing::{CONNECTIONS, load_one},
    },
    model::{
        connection::ConnectionName,
        id::{EventId, Ids, KeyHash, WebhookId},
        time::{How, Since, Timestamp},
    },
    router::{FlowSet, Routed, Routing, Rules, Why, route},
    topics::{
        action::Purpose,
        body::{Body, v1},
        event::{Event, ORDER_PAID, Origin, STEP_DONE},
    },
};

const RENAMED: &str = "connections:
  laden: { shop: { user: shop@example.cz, api_key: env:SHOP_KEY }, was: eshop }
  kunden: { crm: { token: env:CRM_TOKEN }, was: crm }
";

fn ids() -> Ids {
    Ids::new(b"test")
}

fn config(connections: &str, source: &str, target: &str) -> Config {
    let flows = format!(
        "flows:\n  one:\n    on: order.paid\n    from: {source}\n    do:\n      - {target}.upsert_contact: {{ email: \"${{order.customer.email}}\" }}\n      - {target}.add_note: {{ contact: \"${{steps.{target}.upsert_contact.contact_id}}\", text: hi }}\n"
    );
    load_one(&format!("{connections}{flows}")).unwrap_or_else(|report| panic!("{report}"))
}

fn old() -> Config {
    config(CONNECTIONS, "eshop", "crm")
}

fn new() -> Config {
    config(RENAMED, "laden", "kunden")
}

fn name(text: &str) -> ConnectionName {
    ConnectionName::parse(text).expect("name")
}

/// A fact of the connection whose first name was `eshop`.
fn event() -> Event {
    let customer = Some(v1::Party { email: "eva@example.cz".to_owned(), ..Default::default() });
    let at: Timestamp = "2025-10-15T08:00:00Z".parse().expect("time");
    Event {
        id: EventId::from_text("e-42"),
        event_type: ORDER_PAID,
        connection: name("eshop"),
        entity: KeyHash::from_text("k-42"),
        subject: "42".to_owned(),
        since: Since { at, how: How::Stated },
        version: 7,
        arrived: at,
        webhook: WebhookId::from_text("w-42"),
        origin: Origin::default(),
        traceparent: None,
        body: Body::Order(Box::new(v1::Order { id: "42".to_owned(), customer, ..Default::default() })),
    }
}

fn routed(flows: Arc<FlowSet>, event: &Event) -> Routed {
    let rules = Rules::first(flows, &ids(), Timestamp::UNIX_EPOCH);
    let now = "2025-10-16T08:00:00Z".parse().expect("time");
    route(event, &Routing { rules: &rules, ids: &ids(), remember: Duration::from_hours(24 * 400), now })
}

/// The event that says that the first step of `routed` is done.
fn first_step_done(routed: &Routed) -> Event {
    let Purpose::Step { flow, step, continuation, .. } = &routed.actions[0].purpose else { panic!("a step") };
    let body = v1::Step {
        flow: flow.clone(),
        step: step.clone(),
        result: [("contact_id".to_owned(), "C7".to_owned())].into(),
        continuation: continuation.as_ref().expect("a step waits").to_text(),
        ..Default::default()
    };
    Event { event_type: STEP_DONE, body: Body::Step(Box::new(body)), ..event() }
}

#[test]
fn a_renamed_connection_does_nothing_again() {
    let (before, after) = (routed(old().flows, &event()), routed(new().flows, &event()));
    let (before, after) = (&before.actions[0], &after.actions[0]);
    assert_eq!((&after.id, &after.conflict), (&before.id, &before.conflict));
    assert_eq!(after.connection, name("crm"), "which names the topic of its lane");
    assert_eq!(after.step(), Some(("one", "kunden.upsert_contact")), "people see today's name");
    assert_eq!(new().name_of(&after.connection), &name("kunden"));
}

#[test]
fn a_flow_hears_a_renamed_source() {
    assert_eq!(routed(new().flows, &event()).actions.len(), 1);
    let elsewhere = Event { connection: name("laden"), ..event() };
    assert!(routed(new().flows, &elsewhere).actions.is_empty(), "no record carries today's name");
}

#[test]
fn a_flow_set_from_before_the_rename_goes_on() {
    let (old, new) = (old(), new());
    let begun = routed(Arc::clone(&old.flows), &event());
    let (stored, problems) = stored_flows(&old.flows.record(&ids()).files, &new.connections);
    assert!(problems.is_none(), "{problems:?}");
    let stored = Arc::new(stored);
    assert_eq!(stored.hash(&ids()), old.flows.hash(&ids()));
    assert_eq!(routed(Arc::clone(&stored), &event()).actions, begun.actions);

    let went_on = |flows: &Arc<FlowSet>| routed(Arc::clone(flows), &first_step_done(&begun));
    let (by_old, by_stored) = (went_on(&old.flows), went_on(&stored));
    assert_eq!(by_old.actions.len(), 1);
    assert_eq!(by_stored.actions, by_old.actions);
}

#[test]
fn an_undeclared_rename_is_another_connection() {
    let undeclared = config(&RENAMED.replace(", was: crm", "").replace(", was: eshop", ""), "laden", "kunden");
    let routed = routed(undeclared.flows, &event());
    assert!(routed.actions.is_empty() && !routed.skipped.iter().any(|skip| skip.why == Why::Condition));
}
