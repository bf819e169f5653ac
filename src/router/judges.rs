//! Which flows judge a fact, and by which words: those in force when it became true. So nothing old fires because a flow was
//! added or changed; what claims an earlier start says so by its present words, and so does what a person sent on its way
//! again after it had failed.

use std::sync::Arc;

use super::{
    flow::{Flow, FlowSet},
    plan::Routing,
    routed::{Routed, Why},
    rules::Rules,
};
use crate::{
    model::{id::FlowSetHash, time::Timestamp},
    topics::event::Event,
};

/// The flows that judge a fact, each from the right flow set. What concerns the fact but does not judge it is skipped.
pub(super) fn judges<'a>(
    event: &'a Event,
    routing: &Routing<'a>,
    routed: &mut Routed,
) -> Result<Vec<(FlowSetHash, &'a Flow)>, FlowSetHash> {
    let since = event.since.at;
    let then = find(routing.rules, since)?;
    let now = find(routing.rules, routing.now.max(since))?;
    let mut judges: Vec<(FlowSetHash, &Flow)> = Vec::new();
    let too_old = event.arrived.duration_since(since).unsigned_abs() > routing.remember;

    // A flow that claims an earlier start does so by its present words.
    for flow in interested(now, event).filter(|flow| flow.start.is_some_and(|start| start <= since)) {
        judges.extend(now.map(|(hash, _)| (hash.clone(), flow)));
    }
    for flow in interested(then, event) {
        if judges.iter().any(|(_, other)| other.identity == flow.identity) {
            continue;
        }
        match flow.start {
            Some(start) if start > since => routed.skip(flow, None, Why::BeforeStart),
            _ => judges.extend(then.map(|(hash, _)| (hash.clone(), flow))),
        }
    }
    for flow in interested(now, event) {
        let judging = judges.iter().any(|(_, other)| other.identity == flow.identity);
        let told = routed.skipped.iter().any(|skip| skip.flow == flow.name);
        if !judging && !told {
            let why = if flow.start.is_some() { Why::BeforeStart } else { Why::BeforeFlow };
            routed.skip(flow, None, why);
        }
    }
    if too_old {
        judges.drain(..).for_each(|(_, flow)| routed.skip(flow, None, Why::TooOld));
    }
    Ok(judges)
}

type Found<'a> = Option<(&'a FlowSetHash, &'a Arc<FlowSet>)>;

/// The flow set in force at a moment. An error when it is named but not known.
fn find(rules: &Rules, at: Timestamp) -> Result<Found<'_>, FlowSetHash> {
    let Some(hash) = rules.in_force(at) else { return Ok(None) };
    rules.set(hash).map(|set| Some((hash, set))).ok_or_else(|| hash.clone())
}

fn interested<'a>(found: Found<'a>, event: &'a Event) -> impl Iterator<Item = &'a Flow> {
    found.into_iter().flat_map(move |(_, set)| set.interested(event))
}

/// A flow by its present words, for a fact on which its words of then have failed. Judging is pure, so those would fail for
/// ever: when a person sends the dead letter on its way again, the flow has been mended, or the table has its row. Flows that
/// did not fail are as they were then.
pub(super) fn mended<'a>(
    failed: &Flow,
    then: &FlowSetHash,
    event: &'a Event,
    routing: &Routing<'a>,
) -> Option<(&'a FlowSetHash, &'a Flow)> {
    if !event.origin.retried {
        return None;
    }
    let since = event.since.at;
    let now = find(routing.rules, routing.now.max(since)).ok().flatten().filter(|(hash, _)| *hash != then);
    let flow = interested(now, event).find(|flow| flow.identity == failed.identity)?;
    let claimed = flow.start.is_none_or(|start| start <= since);
    now.filter(|_| claimed).map(|(hash, _)| (hash, flow))
}
