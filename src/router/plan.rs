//! From an event to actions. Pure: no sockets, no clock, no memory.

use std::{cell::OnceCell, collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    coerce::coerce,
    flow::{Flow, Given, Hold, OnRefusal, Source, Step},
    judges::{judges, mended},
    preflight,
    routed::{Failure, Routed, Why},
    rules::Rules,
};
use crate::{
    expr::{Facts, Failed, Results},
    model::{
        code,
        id::{FlowSetHash, Ids},
        time::Timestamp,
    },
    topics::{
        action::{self, Action, Continuation, Parameters, Purpose, StoredEvent},
        body::{Body, v1},
        event::{Event, OriginKind, STEP_DONE},
        hold,
        memory::End,
        occasion::Occasions,
    },
};

/// What routing goes by, besides the event.
#[derive(Clone, Copy, Debug)]
pub struct Routing<'a> {
    pub rules: &'a Rules,
    pub ids: &'a Ids,
    /// Facts older than this when they arrived are too old.
    pub remember: Duration,
    /// For flows that claim an earlier `start`: those of the set in force now count.
    pub now: Timestamp,
}

/// Judges an event and plans what is to be done.
pub fn route(event: &Event, routing: &Routing<'_>) -> Routed {
    route_with(event, &OnceCell::new(), routing)
}

/// The same for an event that is judged more than once: its facts are built once, which takes longer than anything else.
pub fn route_with(event: &Event, facts: &OnceCell<Facts>, routing: &Routing<'_>) -> Routed {
    match &event.body {
        Body::Step(step) => go_on(event, step, routing),
        _ => begin(event, facts, routing),
    }
}

/// A new fact: every flow that concerns it begins.
fn begin(event: &Event, facts: &OnceCell<Facts>, routing: &Routing<'_>) -> Routed {
    let mut routed = Routed::default();
    let judges = match judges(event, routing, &mut routed) {
        Ok(judges) if judges.is_empty() => return routed,
        Ok(judges) => judges,
        Err(hash) => {
            routed.failed.push(set_missing(&hash));
            return routed;
        }
    };
    let facts = facts.get_or_init(|| Facts::of(event, &Results::new()));
    for (hash, flow) in judges {
        let run =
            |hash, flow| Run { flow, hash, event, traceparent: &event.traceparent, ids: routing.ids, adopt: false };
        let before = routed.mark();
        run(&hash, flow).begin(facts, &mut routed);
        if routed.failed_since(&before)
            && let Some((hash, flow)) = mended(flow, &hash, event, routing)
        {
            routed.back_to(&before);
            run(hash, flow).begin(facts, &mut routed);
        }
    }
    routed
}

/// A step came to its end: its flow goes on, by the flow set that began it.
fn go_on(event: &Event, step: &v1::Step, routing: &Routing<'_>) -> Routed {
    let mut routed = Routed::default();
    if step.continuation.is_empty() {
        return routed;
    }
    let read = Continuation::from_text(&step.continuation).and_then(|it| it.event.event().map(|first| (it, first)));
    let (continuation, first) = match read {
        Ok(read) => read,
        Err(error) => {
            routed.failed.push(Failure::of(code::UNREADABLE_RECORD, &step.flow, Some(&step.step), error.why));
            return routed;
        }
    };
    let Some(set) = routing.rules.set(&continuation.flow_set) else {
        routed.failed.push(Failure { flow: step.flow.clone(), ..set_missing(&continuation.flow_set) });
        return routed;
    };
    let flow = set.find(&step.flow);
    let ended = flow.and_then(|flow| flow.steps.iter().position(|other| other.name == step.step));
    let (Some(flow), Some(ended)) = (flow, ended) else {
        let message = "the flow set has no such step".to_owned();
        routed.failed.push(Failure::of(code::FLOW_SET_MISSING, &step.flow, Some(&step.step), message));
        return routed;
    };
    let mut results = continuation.results;
    let done = event.event_type == STEP_DONE;
    if let Some(ended) = flow.steps.get(ended).filter(|ended| done || ended.on_refusal == OnRefusal::GoOn) {
        results.insert(ended.name.clone(), with_all_results(ended, &step.result));
    }
    let traceparent = event.traceparent.clone().or_else(|| first.traceparent.clone());
    // What comes behind a step that was adopted is adopted too: it happened before we knew of it, or never will.
    let adopt = step.outcome == End::Adopted.as_str();
    let hash = &continuation.flow_set;
    let run = |hash, flow| Run { flow, hash, event: &first, traceparent: &traceparent, ids: routing.ids, adopt };
    let before = routed.mark();
    run(hash, flow).start(Some(ended), &results, &mut routed);
    if routed.failed_since(&before)
        && let Some((hash, flow)) = mended(flow, hash, &first, routing)
        && let Some(ended) = flow.steps.iter().position(|other| other.name == step.step)
    {
        routed.back_to(&before);
        run(hash, flow).start(Some(ended), &results, &mut routed);
    }
    routed
}

/// A result that the operation declares but did not return is empty, never missing.
pub(super) fn with_all_results(step: &Step, returned: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let empty = step.operation.results.iter().map(|field| (field.name.to_owned(), String::new()));
    empty.chain(returned.clone()).collect()
}

/// One flow at work on one event.
struct Run<'a> {
    flow: &'a Flow,
    hash: &'a FlowSetHash,
    event: &'a Event,
    traceparent: &'a Option<String>,
    ids: &'a Ids,
    /// The actions go into the ledger only.
    adopt: bool,
}

impl Run<'_> {
    /// Starts the flow on a new fact, if its condition agrees.
    fn begin(&self, facts: &Facts, routed: &mut Routed) {
        let holds = self.flow.when.as_ref().map_or(Ok(true), |when| when.holds(facts));
        routed.note(self.flow, None, "when", facts);
        match holds {
            Ok(true) => self.start_with(None, &Results::new(), facts, routed),
            Ok(false) => routed.skip(self.flow, None, Why::Condition),
            Err(failed) => routed.stop(self.flow, None, "when", &failed),
        }
    }

    /// Starts the steps that wait for the end of a step, or for the event itself.
    fn start(&self, ended: Option<usize>, results: &Results, routed: &mut Routed) {
        if self.flow.after(ended).next().is_some() {
            self.start_with(ended, results, &Facts::of(self.event, results), routed);
        }
    }

    /// The same, with the facts at hand: they take longer to build than anything else here.
    fn start_with(&self, ended: Option<usize>, results: &Results, facts: &Facts, routed: &mut Routed) {
        for (index, step) in self.flow.after(ended) {
            let planned = if self.adopt {
                self.plan_adopted(step, index, facts, results, routed)
            } else {
                self.plan(step, index, facts, results, routed)
            };
            match planned {
                Some(action) => routed.actions.push(action),
                // What stands in line behind it, but does not need it, is not held up.
                None => self.start_with(Some(index), results, facts, routed),
            }
        }
    }

    /// A step that cannot be told without the ids which the vendor gave in an earlier one cannot be adopted, and is left out:
    /// that is no failure.
    fn plan_adopted(
        &self,
        step: &Step,
        index: usize,
        facts: &Facts,
        results: &Results,
        routed: &mut Routed,
    ) -> Option<Action> {
        let failed = routed.failed.len();
        let planned = self.plan(step, index, facts, results, routed);
        if routed.failed.len() > failed {
            routed.failed.truncate(failed);
            routed.skip(self.flow, Some(step), Why::Adopted);
        }
        planned
    }

    fn plan(&self, step: &Step, index: usize, facts: &Facts, results: &Results, routed: &mut Routed) -> Option<Action> {
        let done = |needed: &usize| self.flow.steps.get(*needed).is_some_and(|step| results.contains_key(&step.name));
        if !step.needs.iter().all(done) {
            routed.skip(self.flow, Some(step), Why::WaitsInVain);
            return None;
        }
        let holds = step.when.as_ref().map_or(Ok(true), |when| when.holds(facts));
        routed.note(self.flow, Some(step), "when", facts);
        match holds {
            Ok(true) => {}
            Ok(false) => {
                routed.skip(self.flow, Some(step), Why::Condition);
                return None;
            }
            Err(failed) => {
                routed.stop(self.flow, Some(step), "when", &failed);
                return None;
            }
        }
        let parameters = self.parameters(step, facts, routed)?;
        if !self.may_be_written(step, &parameters, routed) {
            return None;
        }
        let mut only = Occasions::default();
        step.given.iter().for_each(|given| only.extend(&given.only));
        let target = match step.connector.target(step.operation, &only.standing(&parameters)) {
            Ok(target) => target,
            Err(message) => {
                routed.fail(self.flow, Some(step), None, code::BAD_PARAMETER, message);
                return None;
            }
        };
        let hold = self.hold(step, facts);
        routed.note(self.flow, Some(step), "hold", facts);
        let hold = match hold {
            Ok(hold) => hold,
            Err(failed) => {
                routed.stop(self.flow, Some(step), "hold", &failed);
                return None;
            }
        };
        let event = self.event;
        Some(Action {
            id: self.ids.action(&event.id, &self.flow.identity, &step.identity, run_of(event)),
            connection: step.connection.clone(),
            operation: step.operation.name.to_owned(),
            parameters,
            only,
            conflict: self.ids.conflict(&step.connection, &target.object),
            purpose: Purpose::Step {
                flow: self.flow.name.clone(),
                step: step.name.clone(),
                event: event.id.clone(),
                flow_set: Some(self.hash.clone()),
                continuation: self.continuation(index, results),
            },
            source: action::Source {
                entity: event.entity.clone(),
                version: event.version,
                arrived: event.arrived,
                webhook: event.webhook.clone(),
            },
            not_before: None,
            retry: 0,
            optional: step.optional,
            adopt: self.adopt,
            hold,
            origin: event.origin.clone(),
            traceparent: self.traceparent.clone(),
        })
    }

    /// Whether the documents among the parameters pass what is checked before they are written. What the vendor holds
    /// already is not written.
    fn may_be_written(&self, step: &Step, parameters: &Parameters, routed: &mut Routed) -> bool {
        let mut passes = true;
        for given in step.given.iter().filter(|_| !self.adopt) {
            let (name, kind) = (given.parameter.name, given.parameter.kind);
            let findings = parameters.get(name).map(|value| preflight::check(&step.preflight, kind, value));
            for finding in findings.unwrap_or_default() {
                passes &= !finding.refused;
                if finding.refused {
                    routed.fail(self.flow, Some(step), Some(name), finding.code, finding.message);
                } else {
                    routed.warn(self.flow, step, name, finding.code, finding.message);
                }
            }
        }
        passes
    }

    /// Why the action waits for a person, if it does. Approvals are counted by its lane's owner: there is no memory here.
    fn hold(&self, step: &Step, facts: &Facts) -> Result<Option<hold::Hold>, Failed> {
        if self.adopt {
            // Nothing is sent that anybody could refuse.
            return Ok(None);
        }
        let rule = match &step.hold {
            Some(Hold::Always) => hold::Rule::Always,
            Some(Hold::When(condition)) if condition.holds(facts)? => hold::Rule::Condition,
            None | Some(Hold::When(_)) => return Ok(None),
            Some(Hold::First(count)) => {
                let of = format!("{}/{}", self.flow.identity, step.identity);
                hold::Rule::First { count: *count, of }
            }
        };
        Ok(Some(hold::Hold::by(rule)))
    }

    /// What the flow needs to go on after a step, where any step waits for it.
    fn continuation(&self, step: usize, results: &Results) -> Option<Box<Continuation>> {
        self.flow.after(Some(step)).next()?;
        Some(Box::new(Continuation {
            flow_set: self.hash.clone(),
            event: StoredEvent::of(self.event),
            results: results.clone(),
        }))
    }

    /// All parameters, or every failure. Nothing at all when a table says that the step is left out.
    fn parameters(&self, step: &Step, facts: &Facts, routed: &mut Routed) -> Option<Parameters> {
        let mut parameters = Parameters::new();
        let (mut complete, mut skipped) = (true, false);
        for given in &step.given {
            let name = given.parameter.name;
            let value = value_of(given, facts, self.event);
            routed.note(self.flow, Some(step), name, facts);
            match value {
                Ok(None) if given.parameter.required => {
                    complete = false;
                    let message = "is needed, and empty".to_owned();
                    routed.fail(self.flow, Some(step), Some(name), code::BAD_PARAMETER, message);
                }
                Ok(value) => parameters.extend(value.map(|value| (name.to_owned(), value))),
                Err(Unfit::Failed(failed)) if failed.skips() => skipped = true,
                Err(Unfit::Failed(failed)) => {
                    complete = false;
                    routed.stop(self.flow, Some(step), name, &failed);
                }
                Err(Unfit::Refused(message)) => {
                    complete = false;
                    routed.fail(self.flow, Some(step), Some(name), code::BAD_PARAMETER, message);
                }
            }
        }
        if skipped && complete {
            routed.skip(self.flow, Some(step), Why::NoRow);
        }
        (complete && !skipped).then_some(parameters)
    }
}

/// The run's name, where everything is to be done again; else an action is the same in every replay.
pub(super) fn run_of(event: &Event) -> &str {
    if event.origin.kind == OriginKind::Repeat { &event.origin.run } else { "" }
}

/// Why there is no value.
enum Unfit {
    Failed(Failed),
    /// What the parameter takes.
    Refused(String),
}

/// A parameter's value; `None` when it is empty.
fn value_of(given: &Given, facts: &Facts, event: &Event) -> Result<Option<Value>, Unfit> {
    if let Source::Constant(value) = &given.source {
        return Ok(Some(value.clone()));
    }
    let value = evaluate(&given.source, facts, event).map_err(Unfit::Failed)?;
    coerce(given.parameter.kind, value).map_err(Unfit::Refused)
}

fn evaluate(source: &Source, facts: &Facts, event: &Event) -> Result<Value, Failed> {
    match source {
        Source::Constant(value) => Ok(value.clone()),
        Source::Template(template) => template.evaluate(facts),
        Source::List(items) => items.iter().map(|item| item.evaluate(facts)).collect(),
        Source::Map(members) => {
            let member = |(name, source): &(String, Source)| Ok((name.clone(), evaluate(source, facts, event)?));
            members.iter().map(member).collect::<Result<_, _>>().map(Value::Object)
        }
        Source::Message(path) => Ok(whole_message(event, path)),
    }
}

/// A message of the event's body in canonical JSON; one that is not told is empty.
fn whole_message(event: &Event, path: &[String]) -> Value {
    let body = event.body.to_json();
    path.iter().try_fold(&body, |within, name| within.get(name)).cloned().unwrap_or(Value::Null)
}

fn set_missing(hash: &FlowSetHash) -> Failure {
    Failure::of(code::FLOW_SET_MISSING, "", None, format!("the flow set `{hash}` is not known"))
}
