//! An event taken through its flows with made-up ends of their steps: what tests beside the flows and `simulate` show. The
//! router itself decides everything; only what a vendor would have answered is given.

use std::collections::BTreeMap;

use super::{
    flow::{FlowSet, Step},
    plan::{Routing, route, with_all_results},
    routed::{Routed, Skip, Why},
};
use crate::{
    expr::{Clause, Facts, Results},
    model::code::Code,
    topics::{event::Event, memory::End, step},
};

/// How a step is said to have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With these results; those not named are empty.
    Done(BTreeMap<String, String>),
    Failed(Code),
}

/// Routes an event and whatever follows from the ends of its steps, in order. A step whose end is not given is done, with
/// empty results.
pub fn rehearse(event: &Event, routing: &Routing<'_>, ends: &BTreeMap<String, Ending>) -> Routed {
    let mut routed = route(event, routing);
    let mut next = 0;
    while let Some(action) = routed.actions.get(next) {
        next += 1;
        let ending = action.step().and_then(|(_, step)| ends.get(step)).cloned();
        let (end, results) = match ending {
            Some(Ending::Done(results)) => (End::Done, results),
            Some(Ending::Failed(code)) => (End::Dead(code), BTreeMap::new()),
            None => (End::Done, BTreeMap::new()),
        };
        if let Some(ended) = step::ended(routing.ids, action, end, results, event.arrived) {
            let more = route(&ended, routing);
            routed.actions.extend(more.actions);
            routed.skipped.extend(more.skipped);
            routed.failed.extend(more.failed);
            routed.missed.extend(more.missed);
        }
    }
    routed
}

/// The condition that skipped something, in clauses with the values that they read. Empty where no condition did.
pub fn clauses(skip: &Skip, set: &FlowSet, event: &Event, ends: &BTreeMap<String, Ending>) -> Vec<Clause> {
    let flow = set.find(&skip.flow).filter(|_| skip.why == Why::Condition);
    let when = flow.and_then(|flow| match &skip.step {
        None => flow.when.as_ref(),
        Some(step) => flow.steps.iter().find(|other| other.name == *step)?.when.as_ref(),
    });
    let results: Results = flow.into_iter().flat_map(|flow| &flow.steps).map(|step| ended(step, ends)).collect();
    when.map_or_else(Vec::new, |when| when.explain(&Facts::of(event, &results)))
}

fn ended(step: &Step, ends: &BTreeMap<String, Ending>) -> (String, BTreeMap<String, String>) {
    let given = match ends.get(&step.name) {
        Some(Ending::Done(results)) => results.clone(),
        Some(Ending::Failed(_)) | None => BTreeMap::new(),
    };
    (step.name.clone(), with_all_results(step, &given))
}
