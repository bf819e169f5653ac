//! What one side makes of an event: its actions, those of later steps included as far as their ends are recorded.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::compare::Actions;
use crate::{
    expr::Facts,
    log::{Fencing, Log, LogResult, Table},
    model::{
        connection::ConnectionName,
        id::Ids,
        time::{Clock, Timestamp},
    },
    router::{Failure, Flow, Routed, Routing, Rules, Skip, route, route_with},
    topics::{
        Names,
        action::{Action, Continuation, Purpose},
        event::Event,
        memory::{self, ActionState, Outcome, key},
        step,
    },
};

/// What one side makes of an event.
#[derive(Default)]
pub(super) struct Made {
    pub actions: Actions,
    pub skipped: Vec<Skip>,
    pub failed: Vec<Failure>,
    pub depends: Vec<Depends>,
}

/// A step that waits for another one, of whose end nothing is recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Depends {
    pub flow: String,
    pub step: String,
    pub on: String,
}

/// What judges: one side's rules.
pub(super) struct Side {
    pub rules: Rules,
    pub ids: Ids,
    pub remember: Duration,
    pub now: Timestamp,
}

impl Side {
    pub fn new(rules: Rules, ids: &Ids, remember: Duration, clock: &dyn Clock) -> Self {
        Self { rules, ids: ids.clone(), remember, now: clock.now() }
    }

    /// All that comes of an event.
    pub fn judge(&self, event: &Event, facts: &OnceCell<Facts>, recorded: &Recorded) -> LogResult<Made> {
        let routing = Routing { rules: &self.rules, ids: &self.ids, remember: self.remember, now: self.now };
        let mut made = Made::default();
        let mut queue = VecDeque::from([route_with(event, facts, &routing)]);
        while let Some(routed) = queue.pop_front() {
            let Routed { actions, skipped, failed, .. } = routed;
            made.skipped.extend(skipped);
            made.failed.extend(failed);
            for action in actions {
                queue.extend(self.go_on(&action, recorded, &routing, &mut made)?);
                made.actions.insert(action.id.clone(), action);
            }
        }
        Ok(made)
    }

    /// The steps that wait for an action: by what is recorded of its end, else only that they would depend on it.
    fn go_on(
        &self,
        action: &Action,
        recorded: &Recorded,
        routing: &Routing<'_>,
        made: &mut Made,
    ) -> LogResult<Option<Routed>> {
        let Purpose::Step { flow, step, continuation: Some(continuation), .. } = &action.purpose else {
            return Ok(None);
        };
        let recorded = recorded.end(action)?;
        let ended =
            recorded.and_then(|Outcome { end, result, at, .. }| step::ended(&self.ids, action, end, result, at));
        if let Some(ended) = ended {
            return Ok(Some(route(&ended, routing)));
        }
        made.depends.extend(self.behind(continuation, flow, step));
        Ok(None)
    }

    /// All steps that stand in line behind one.
    fn behind(&self, continuation: &Continuation, flow: &str, step: &str) -> Vec<Depends> {
        let Some(flow) = self.rules.set(&continuation.flow_set).and_then(|set| set.find(flow)) else {
            return Vec::new();
        };
        let first = flow.steps.iter().position(|other| other.name == step);
        let depends = |later: &str| Depends { flow: flow.name.clone(), step: later.to_owned(), on: step.to_owned() };
        first.map_or_else(Vec::new, |first| line(flow, first).into_iter().map(depends).collect())
    }
}

fn line(flow: &Flow, first: usize) -> Vec<&str> {
    let (mut names, mut open) = (Vec::new(), vec![first]);
    while let Some(ended) = open.pop() {
        for (index, step) in flow.after(Some(ended)) {
            names.push(step.name.as_str());
            open.push(index);
        }
    }
    names
}

/// What lanes remember of actions' ends.
#[derive(Default)]
pub(super) struct Recorded(HashMap<ConnectionName, Arc<dyn Table>>);

impl Recorded {
    /// Opens the memories of the lanes at which any side has a step that others wait for.
    pub async fn open(log: &Log, names: &Names, sides: [&Rules; 2], known: &[ConnectionName]) -> LogResult<Self> {
        let flows = sides.into_iter().flat_map(Rules::flows);
        let waited_for: BTreeSet<&ConnectionName> = flows.flat_map(waited_for).collect();
        let mut open = HashMap::new();
        for connection in known.iter().filter(|connection| waited_for.contains(connection)) {
            let memory = log.table(&names.memory(connection), Fencing::Epochs).await?;
            memory.catch_up().await?;
            open.insert(connection.clone(), memory);
        }
        Ok(Self(open))
    }

    fn end(&self, action: &Action) -> LogResult<Option<Outcome>> {
        let Some(memory) = self.0.get(&action.connection) else { return Ok(None) };
        let state = memory.get(&key::action(&action.id))?.and_then(|bytes| memory::read(&bytes).ok());
        Ok(match state {
            Some(ActionState::Settled(outcome)) => Some(outcome),
            Some(ActionState::Begun { .. }) | None => None,
        })
    }
}

fn waited_for(flow: &Flow) -> impl Iterator<Item = &ConnectionName> {
    let before = flow.steps.iter().filter_map(|step| step.after);
    before.filter_map(|index| flow.steps.get(index)).map(|step| &step.connection)
}

/// The flows of a side that claim an earlier start, with it.
pub(super) fn starts(rules: &Rules) -> BTreeMap<String, Timestamp> {
    rules.flows().filter_map(|flow| Some((flow.name.clone(), flow.start?))).collect()
}
