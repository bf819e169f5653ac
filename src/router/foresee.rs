//! What a fact must have given if all of it was done: ids alone, before anything is evaluated. An action's id derives from its
//! event, flow and step, so whoever remembers the id has seen the conditions hold.

use super::{
    judges::judges,
    plan::{Routing, run_of},
    routed::{Routed, Skip},
};
use crate::{
    model::{connection::ConnectionName, id::ActionId},
    topics::{body::Body, event::Event},
};

/// The actions that a fact gives where every condition holds.
#[derive(Debug, Default)]
pub struct Foreseen {
    pub steps: Vec<ForeseenStep>,
    /// What the flows do not do, whatever their conditions say.
    pub skipped: Vec<Skip>,
}

/// One of them.
#[derive(Debug)]
pub struct ForeseenStep {
    pub flow: String,
    pub connection: ConnectionName,
    pub id: ActionId,
}

/// Foresees what a fact gives; nothing where that takes more than ids: steps that wait for others, the end of a step, a flow
/// set that is not known.
pub fn foresee(event: &Event, routing: &Routing<'_>) -> Option<Foreseen> {
    if matches!(event.body, Body::Step(_)) {
        return None;
    }
    let mut routed = Routed::default();
    let judges = judges(event, routing, &mut routed).ok()?;
    let mut foreseen = Foreseen { steps: Vec::new(), skipped: routed.skipped };
    for (_, flow) in judges {
        if flow.steps.iter().any(|step| step.after.is_some()) {
            return None;
        }
        foreseen.steps.extend(flow.steps.iter().map(|step| ForeseenStep {
            flow: flow.name.clone(),
            connection: step.connection.clone(),
            id: routing.ids.action(&event.id, &flow.identity, &step.identity, run_of(event)),
        }));
    }
    Some(foreseen)
}
