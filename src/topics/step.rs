//! The event that says that an action came to its end, for the steps that wait for it: the same whether the lane's owner
//! tells it or a replay finds it in memory.

use std::collections::BTreeMap;

use super::{
    action::{Action, Purpose},
    body::{Body, v1},
    event::{Event, STEP_DONE, STEP_FAILED},
    memory::End,
};
use crate::model::{
    code,
    id::Ids,
    time::{Since, Timestamp},
};

/// The event of an action's end; nothing where no step waits for it, or where a person has still to say what becomes of it.
pub fn ended(ids: &Ids, action: &Action, end: End, result: BTreeMap<String, String>, at: Timestamp) -> Option<Event> {
    let Purpose::Step { flow, step, continuation: Some(continuation), .. } = &action.purpose else { return None };
    let (event_type, outcome) = match end {
        End::Dropped(code) | End::Dead(code) => (STEP_FAILED, code.as_str()),
        End::Refused => (STEP_FAILED, code::REFUSED_BY_PERSON.as_str()),
        End::Held => return None,
        end => (STEP_DONE, end.as_str()),
    };
    let body = v1::Step {
        action_id: action.id.to_string(),
        flow: flow.clone(),
        step: step.clone(),
        connection: action.connection.to_string(),
        operation: action.operation.clone(),
        outcome: outcome.to_owned(),
        result,
        continuation: continuation.to_text(),
    };
    Some(Event {
        id: ids.step_event(&action.id),
        event_type,
        connection: action.connection.clone(),
        entity: action.source.entity.clone(),
        subject: action.id.to_string(),
        since: Since::arrival(at),
        version: action.source.version,
        arrived: action.source.arrived,
        webhook: action.source.webhook.clone(),
        origin: action.origin.clone(),
        traceparent: action.traceparent.clone(),
        body: Body::Step(Box::new(body)),
    })
}
