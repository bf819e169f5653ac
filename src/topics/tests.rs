//! What stands in the log may have been written by another version, or by another program: it is read or refused.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    action::{Action, Continuation},
    dead::DeadLetter,
    event::Event,
    flows,
    memory::{self, ActionState, Waiting},
    record::{Record, RecordHeaders},
    webhook::Webhook,
};
use crate::model::time::Timestamp;

const AT: &str = "2025-10-09T08:53:20Z";

fn record(value: Vec<u8>, headers: Vec<(String, Vec<u8>)>) -> Record {
    Record {
        topic: "t".into(),
        partition: 0,
        offset: 0,
        key: Bytes::from_static(b"k-1"),
        headers: RecordHeaders(headers.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect()),
        value: Some(Bytes::from(value)),
        timestamp: Timestamp::UNIX_EPOCH,
    }
}

fn event_headers() -> Vec<(String, Vec<u8>)> {
    let headers = [
        ("ce_id", "e-1"),
        ("ce_type", "order.paid"),
        ("ce_source", "/spojka/shop"),
        ("ce_subject", "42"),
        ("ce_time", AT),
        ("ce_how", "stated"),
        ("ce_version", "7"),
        ("ce_arrived", AT),
        ("ce_webhook", "w-1"),
    ];
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

fn action() -> Value {
    json!({
        "id": "a-1", "connection": "crm", "operation": "add_to_list", "parameters": { "email": "a@b.cz" },
        "conflict": "k-2", "purpose": { "step": { "flow": "f", "step": "s", "event": "e-1" } },
        "source": { "entity": "k-1", "version": 7, "arrived": AT, "webhook": "w-1" },
    })
}

fn webhook_meta() -> Value {
    json!({
        "connection": "shop", "arrived": AT, "length": 4,
        "arrival": { "pushed": { "method": "POST", "event": null, "query": [], "headers": [] } },
        "replies": [{ "purpose": "p", "action": "a-1", "at": AT, "status": 200, "length": 2 }],
    })
}

#[test]
fn the_examples_read() {
    let meta = webhook_meta().to_string().into_bytes();
    let headers = vec![("id".to_owned(), b"w-1".to_vec()), ("meta".to_owned(), meta)];
    assert_eq!(Webhook::from_record(&record(b"id=1{}".to_vec(), headers)).expect("a webhook").replies.len(), 1);
    Event::from_record(&record(b"{}".to_vec(), event_headers())).expect("an event");
    Action::from_record(&record(action().to_string().into_bytes(), Vec::new())).expect("an action");
}

/// A value near to an example: one member is something else.
fn odd(example: Value) -> impl Strategy<Value = Value> {
    let names: Vec<String> = example.as_object().expect("an object").keys().cloned().collect();
    let other = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({ "step": {} })),
        Just(json!({ "fetch": { "purpose": "p", "webhook": {} } })),
        Just(json!(u64::MAX)),
    ];
    (proptest::sample::select(names), other).prop_map(move |(name, value)| {
        let mut odd = example.clone();
        odd[name] = value;
        odd
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(value: Vec<u8>, headers in prop::collection::vec(("\\PC{0,8}|id|meta|ce_id", any::<Vec<u8>>()), 0..4)) {
        let record = record(value.clone(), headers);
        prop_assert!(Webhook::from_record(&record).is_err(), "no `meta` is arbitrary");
        prop_assert!(Event::from_record(&record).is_err());
        prop_assert!(Action::from_record(&record).is_err());
        prop_assert!(DeadLetter::from_bytes(&value).is_err());
        prop_assert!(Continuation::from_text(&String::from_utf8_lossy(&value)).is_err());
        prop_assert!(memory::read::<ActionState>(&value).is_err());
        prop_assert!(memory::read::<Waiting>(&value).is_err());
        prop_assert!(flows::read::<flows::FlowSet>(&value).is_err());
    }

    #[test]
    fn an_odd_webhook_is_whole_or_refused(meta in odd(webhook_meta()), body: Vec<u8>) {
        let headers = vec![("id".to_owned(), b"w-1".to_vec()), ("meta".to_owned(), meta.to_string().into_bytes())];
        if let Ok(webhook) = Webhook::from_record(&record(body.clone(), headers)) {
            let read: usize = webhook.replies.iter().map(|reply| reply.body.len()).sum();
            prop_assert!(webhook.body.len() + read <= body.len());
        }
    }

    #[test]
    fn an_odd_event_is_read_or_refused(at in 0_usize..9, text in "\\PC{0,20}|-?[0-9]{1,22}|[0-9]{4}-[0-9]{2}-[0-9]{2}T00:00:00Z", body in "\\PC{0,20}|\\{\\}") {
        let mut headers = event_headers();
        headers[at].1 = text.into_bytes();
        if let Ok(event) = Event::from_record(&record(body.into_bytes(), headers)) {
            let append = event.to_append("t".to_owned());
            let again = Record { headers: append.headers, value: append.value, ..record(Vec::new(), Vec::new()) };
            prop_assert_eq!(Event::from_record(&again).expect("what was written reads"), event);
        }
    }

    #[test]
    fn an_odd_action_is_read_or_refused(odd in odd(action())) {
        if let Ok(action) = Action::from_record(&record(odd.to_string().into_bytes(), Vec::new())) {
            let again = record(action.to_append("t".to_owned()).value.expect("a value").to_vec(), Vec::new());
            prop_assert_eq!(Action::from_record(&again).expect("what was written reads"), action);
        }
    }
}
