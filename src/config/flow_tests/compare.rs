//! What differs between what came and what was expected, each at the place of its expectation.
//!
//! Actions are compared in full number and in part: every action must be expected, but of its parameters only those count
//! that the expectation names. Values may be shown: they are the owner's own, from his own test.

use serde_json::Value as Json;

use super::{
    super::{
        Config,
        report::Problems,
        source::Place,
        tree::{Node, Value},
    },
    FlowTest,
    expected::{Expected, ExpectedAction, ExpectedParameter, What},
    given::Given,
    run::Outcome,
};
use crate::{
    connectors::contract::FieldKind,
    expr::{Clause, suggest},
    model::code::{self, Code},
    router::{Failure, Routed, Skip, rehearse},
    topics::{action::Action, event::Event},
};

/// The longest value that a message shows, in characters.
const LONGEST: usize = 200;

/// Complains about everything that differs.
pub(super) fn compare(test: &FlowTest, outcome: &Outcome, config: &Config, problems: &mut Problems) {
    let comparison = Comparison::new(test, outcome, config);
    comparison.webhook(problems);
    comparison.actions(problems);
    comparison.failures(problems);
    comparison.skips(problems);
}

struct Comparison<'a> {
    test: &'a FlowTest,
    outcome: &'a Outcome,
    config: &'a Config,
    actions: Vec<&'a Action>,
    skipped: Vec<(&'a Event, &'a Skip)>,
    failed: Vec<&'a Failure>,
}

/// One value that differs: the way to it inside a parameter, and both sides.
struct Difference {
    way: Vec<String>,
    expected: Option<Json>,
    got: Option<Json>,
}

impl<'a> Comparison<'a> {
    fn new(test: &'a FlowTest, outcome: &'a Outcome, config: &'a Config) -> Self {
        let concerns = |flow: &str| test.flow.as_ref().is_none_or(|of| of == flow);
        let routed = || outcome.routed.iter();
        let of_event = |routed: &'a Routed| {
            let concerned = routed.actions.iter();
            let mut actions: Vec<_> =
                concerned.filter(|action| action.step().is_some_and(|(flow, _)| concerns(flow))).collect();
            actions.sort_by_key(|action| config.flows.place_of(action));
            actions
        };
        Self {
            test,
            outcome,
            config,
            actions: routed().flat_map(|(_, routed)| of_event(routed)).collect(),
            skipped: routed()
                .flat_map(|(event, routed)| routed.skipped.iter().map(move |skip| (event, skip)))
                .filter(|(_, skip)| concerns(&skip.flow))
                .collect(),
            failed: routed()
                .flat_map(|(_, routed)| &routed.failed)
                .filter(|failure| failure.flow.is_empty() || concerns(&failure.flow))
                .collect(),
        }
    }

    fn fail(&self, problems: &mut Problems, place: &Place, message: &str, hint: Option<String>) {
        let added = problems.add(place, code::TEST_FAILED, format!("{}: {message}", self.test.title()));
        if let Some(hint) = hint {
            added.hint(hint);
        }
    }

    /// What becomes of the webhook itself.
    fn webhook(&self, problems: &mut Problems) {
        let expected = &self.test.expected;
        for Expected { place, what, .. } in expected {
            match what {
                What::Fetch { purpose } if !self.outcome.fetches.contains(purpose) => {
                    self.fail(problems, place, &format!("`{purpose}` is not asked for"), self.what_it_was());
                }
                What::Nothing { code } if self.outcome.nothing != Some(*code) => {
                    let text = format!("expected that the webhook proves nothing (`{code}`)");
                    self.fail(problems, place, &text, self.what_it_was());
                }
                _ => {}
            }
        }
        for purpose in &self.outcome.fetches {
            let told =
                |expected: &Expected| matches!(&expected.what, What::Fetch { purpose: other } if other == purpose);
            if !expected.iter().any(told) {
                let text = format!("the connector asks for `{purpose}` first");
                if let Some((place, given)) = self.misspelled(purpose) {
                    let hint = format!("did you mean `{purpose}`, where `{given}` stands?");
                    self.fail(problems, place, &text, Some(hint));
                    continue;
                }
                let hint = format!(
                    "give the reply: `replies: {{ {purpose}: {{ file: … }} }}`; or expect `- fetch: {purpose}`"
                );
                self.fail(problems, &self.test.place, &text, Some(hint));
            }
        }
        if let Some((code, message)) = &self.outcome.dead {
            let told = |expected: &Expected| matches!(&expected.what, What::Dead { code: other, .. } if other == code);
            if !expected.iter().any(told) {
                let text = format!("the webhook becomes a dead letter (`{code}`): {message}");
                self.fail(problems, &self.test.place, &text, Some(mend_or_expect(*code)));
            }
        }
    }

    /// A reply that is given under nearly the name that is asked for.
    fn misspelled(&self, purpose: &str) -> Option<(&Place, &str)> {
        let Given::Webhook(webhook) = &self.test.given else { return None };
        let near = suggest::nearest(purpose, webhook.replies.iter().map(|reply| reply.purpose.as_str()))?;
        webhook.replies.iter().find(|reply| reply.purpose == near).map(|reply| (&reply.place, near))
    }

    /// What a webhook amounted to, for hints.
    fn what_it_was(&self) -> Option<String> {
        let outcome = self.outcome;
        if matches!(self.test.given, Given::Event(_)) {
            return self.what_was_done();
        }
        if let Some((code, message)) = &outcome.dead {
            return Some(format!("it becomes a dead letter (`{code}`): {message}"));
        }
        if let Some(code) = outcome.nothing {
            return Some(format!("the webhook proves nothing (`{code}`): {}", code.page().title));
        }
        if let Some(first) = outcome.fetches.first() {
            return Some(format!("`{first}` is asked for first"));
        }
        let types: Vec<_> = outcome.routed.iter().map(|(event, _)| format!("`{}`", event.event_type.name)).collect();
        (!types.is_empty()).then(|| format!("it proves {}", types.join(", ")))
    }

    fn actions(&self, problems: &mut Problems) {
        let wanted: Vec<(&Expected, &ExpectedAction)> = self
            .test
            .expected
            .iter()
            .filter_map(|expected| match &expected.what {
                What::Action(action) => Some((expected, action.as_ref())),
                _ => None,
            })
            .collect();
        let found = self.pair(&wanted);
        for ((expected, action), found) in wanted.iter().zip(&found) {
            if let Some(got) = found.and_then(|at| self.actions.get(at)) {
                self.parameters(action, got, problems);
                self.hold(expected, action, got, problems);
            } else {
                let text = format!("`{}` is not done{}", action.call, of(expected));
                self.fail(problems, &expected.place, &text, self.why_not(expected, action));
            }
        }
        self.order(&wanted, &found, problems);
        for (at, got) in self.actions.iter().enumerate() {
            if !found.contains(&Some(at)) {
                self.unexpected(got, problems);
            }
        }
    }

    /// Which action each expectation means: those that fit in full first, then what is nearest.
    fn pair(&self, wanted: &[(&Expected, &ExpectedAction)]) -> Vec<Option<usize>> {
        let mut found: Vec<Option<usize>> = vec![None; wanted.len()];
        for most in [0, usize::MAX] {
            for (index, (expected, action)) in wanted.iter().enumerate() {
                if found.get(index).is_some_and(Option::is_some) {
                    continue;
                }
                let free = self
                    .actions
                    .iter()
                    .enumerate()
                    .filter(|(at, got)| !found.contains(&Some(*at)) && is_meant(expected, action, got));
                let weighed = free.map(|(at, got)| (differences(action, got).len(), at));
                let best = weighed.filter(|(weight, _)| *weight <= most).min().map(|(_, at)| at);
                if let Some(slot) = found.get_mut(index) {
                    *slot = best;
                }
            }
        }
        found
    }

    fn parameters(&self, action: &ExpectedAction, got: &Action, problems: &mut Problems) {
        for (wanted, difference) in differences(action, got) {
            let place = place_of(&wanted.node, &difference.way);
            let mut name = wanted.parameter.name.to_owned();
            difference.way.iter().for_each(|part| name.extend([".", part]));
            let text = match (&difference.expected, &difference.got) {
                (Some(expected), Some(got)) => {
                    format!("`{name}`: expected `{}`, got `{}`", short(expected), short(got))
                }
                (Some(expected), None) => format!("`{name}`: expected `{}`, and it is not given", short(expected)),
                (None, got) => {
                    format!("`{name}` shall not be given, got `{}`", got.as_ref().map(short).unwrap_or_default())
                }
            };
            let near = match (&difference.expected, &difference.got) {
                (Some(Json::String(expected)), Some(Json::String(got))) => suggest::nearest(expected, [got.as_str()]),
                _ => None,
            };
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            self.fail(problems, &place, &text, hint);
        }
    }

    /// Whether it waits for a person.
    fn hold(&self, expected: &Expected, action: &ExpectedAction, got: &Action, problems: &mut Problems) {
        let text = match (action.held, got.hold.is_some()) {
            (Some(true), false) => "is done at once, and does not wait for a person",
            (Some(false), true) => "waits for a person",
            _ => return,
        };
        self.fail(problems, &expected.place, &format!("`{}` {text}", action.call), None);
    }

    /// The steps of one flow shall be expected in their order.
    fn order(&self, wanted: &[(&Expected, &ExpectedAction)], found: &[Option<usize>], problems: &mut Problems) {
        let flow = |at: usize| self.actions.get(at).and_then(|action| action.step()).map(|(flow, _)| flow);
        let placed: Vec<_> = wanted.iter().zip(found).filter_map(|(wanted, at)| Some((wanted, (*at)?))).collect();
        for pair in placed.windows(2) {
            if let [((_, one), first), ((expected, other), second)] = pair
                && first > second
                && flow(*first) == flow(*second)
            {
                let text = format!("`{}` is done before `{}`, not after it", other.call, one.call);
                self.fail(problems, &expected.place, &text, None);
            }
        }
    }

    fn unexpected(&self, got: &Action, problems: &mut Problems) {
        let (flow, step) = got.step().unwrap_or_default();
        let call = format!("{}.{}", self.config.name_of(&got.connection), got.operation);
        let named = if step == call { String::new() } else { format!(", step `{step}`") };
        let text = format!("`{call}` is done (flow `{flow}`{named}), and not expected");
        let parameters: Vec<_> =
            got.parameters.iter().take(3).map(|(name, value)| format!("{name}: {}", short(value))).collect();
        let hint = format!("add `- {call}: {{ {} }}`", parameters.join(", "));
        self.fail(problems, &self.test.expected_at, &text, Some(hint));
    }

    /// Why an expected action was not made.
    fn why_not(&self, expected: &Expected, action: &ExpectedAction) -> Option<String> {
        let does = |skip: &Skip| {
            let flow = self.config.flows.find(&skip.flow);
            let steps = flow.into_iter().flat_map(|flow| &flow.steps);
            steps
                .filter(|step| skip.step.as_ref().is_none_or(|name| *name == step.name))
                .any(|step| step.connection == action.connection && step.operation.name == action.operation.name)
        };
        let skipped = self.skipped.iter().find(|(_, skip)| does(skip) && is_of(expected, skip));
        if let Some((event, skip)) = skipped {
            return Some(self.why_skipped(event, skip));
        }
        if self.outcome.routed.is_empty() {
            return self.what_it_was();
        }
        let nobody = self.actions.is_empty() && self.skipped.is_empty() && self.failed.is_empty();
        let (event, _) = self.outcome.routed.first().filter(|_| nobody)?;
        let from = self.config.name_of(&event.connection);
        Some(format!("no flow is about `{}` from `{from}`", event.event_type.name))
    }

    fn why_skipped(&self, event: &Event, skip: &Skip) -> String {
        let step = skip.step.as_ref().map(|step| format!(", step `{step}`,")).unwrap_or_default();
        let clauses = rehearse::clauses(skip, &self.config.flows, event, &self.test.ends);
        let no: Vec<String> = clauses.iter().filter(|clause| clause.holds == Some(false)).map(describe).collect();
        let colon = if no.is_empty() { "" } else { ": " };
        format!("the flow `{}`{step} does nothing ({}){colon}{}", skip.flow, skip.why.as_str(), no.join("; "))
    }

    fn failures(&self, problems: &mut Problems) {
        let fits = |expected: &Expected, failure: &Failure| {
            let What::Dead { code, field } = &expected.what else { return false };
            *code == failure.code
                && expected.flow.as_ref().is_none_or(|flow| *flow == failure.flow)
                && expected.step.as_ref().is_none_or(|step| Some(step) == failure.step.as_ref())
                && field.as_ref().is_none_or(|field| Some(field) == failure.field.as_ref())
        };
        for expected in &self.test.expected {
            let What::Dead { code, .. } = &expected.what else { continue };
            let webhook = self.outcome.dead.as_ref().is_some_and(|(dead, _)| dead == code);
            if !webhook && !self.failed.iter().any(|failure| fits(expected, failure)) {
                let text = format!("expected a dead letter (`{code}`){}", of(expected));
                let hint = self.failed.first().map(|failure| format!("it is {}", dead(failure)));
                self.fail(problems, &expected.place, &text, hint.or_else(|| self.what_it_was()));
            }
        }
        for failure in &self.failed {
            if !self.test.expected.iter().any(|expected| fits(expected, failure)) {
                let text = format!("the event becomes {}", dead(failure));
                let hint = self.missing_result(failure).unwrap_or_else(|| mend_or_expect(failure.code));
                self.fail(problems, &self.test.place, &text, Some(hint));
            }
        }
    }

    /// Where what failed uses a step whose results the test does not give.
    fn missing_result(&self, failure: &Failure) -> Option<String> {
        let flow = self.config.flows.find(&failure.flow)?;
        let step = flow.steps.iter().find(|step| Some(&step.name) == failure.step.as_ref())?;
        let needed = step.needs.iter().filter_map(|at| flow.steps.get(*at));
        let missing = needed.into_iter().find(|needed| !self.test.ends.contains_key(&needed.name))?;
        let result = missing.operation.results.first().map_or("…", |field| field.name);
        Some(format!("say what the step before it returned: `results: {{ {}: {{ {result}: … }} }}`", missing.name))
    }

    fn skips(&self, problems: &mut Problems) {
        for expected in &self.test.expected {
            let What::Skipped { why } = &expected.what else { continue };
            let about = || self.skipped.iter().filter(|(_, skip)| is_of(expected, skip));
            if about().any(|(_, skip)| why.is_none_or(|why| why == skip.why)) {
                continue;
            }
            let reason = why.map(|why| format!(" ({})", why.as_str())).unwrap_or_default();
            let text = format!("expected that nothing is done{}{reason}", of(expected));
            let hint =
                about().next().map(|(event, skip)| self.why_skipped(event, skip)).or_else(|| self.what_was_done());
            self.fail(problems, &expected.place, &text, hint);
        }
    }

    fn what_was_done(&self) -> Option<String> {
        let done: Vec<_> = self
            .actions
            .iter()
            .map(|action| format!("`{}.{}`", self.config.name_of(&action.connection), action.operation))
            .collect();
        (!done.is_empty()).then(|| format!("done is {}", done.join(", ")))
    }
}

/// Whether a skip is of the flow and the step that an expectation names.
fn is_of(expected: &Expected, skip: &Skip) -> bool {
    let step = match (&expected.what, &expected.step, &skip.step) {
        // Nobody named a step: the whole flow is meant.
        (What::Skipped { .. }, None, Some(_)) => expected.flow.is_none(),
        (_, Some(step), Some(skipped)) => step == skipped,
        (What::Skipped { .. }, Some(_), None) => false,
        _ => true,
    };
    step && expected.flow.as_ref().is_none_or(|flow| *flow == skip.flow)
}

fn is_meant(expected: &Expected, action: &ExpectedAction, got: &Action) -> bool {
    let (flow, step) = got.step().unwrap_or_default();
    got.connection == action.connection
        && got.operation == action.operation.name
        && expected.flow.as_ref().is_none_or(|of| of == flow)
        && expected.step.as_ref().is_none_or(|of| of == step)
}

fn of(expected: &Expected) -> String {
    let flow = expected.flow.as_ref().map(|flow| format!(" by the flow `{flow}`")).unwrap_or_default();
    let step = expected.step.as_ref().map(|step| format!(" in the step `{step}`")).unwrap_or_default();
    format!("{flow}{step}")
}

fn dead(failure: &Failure) -> String {
    let step = failure.step.as_ref().map(|step| format!(", step `{step}`")).unwrap_or_default();
    let field = failure.field.as_ref().map(|field| format!(", `{field}`")).unwrap_or_default();
    format!("a dead letter (`{}`): flow `{}`{step}{field}: {}", failure.code, failure.flow, failure.message)
}

fn mend_or_expect(code: Code) -> String {
    format!("mend what it complains about, or expect it: `- dead: {code}`")
}

/// A clause with what it reads.
fn describe(clause: &Clause) -> String {
    let values: Vec<_> = clause.values.iter().map(|(name, value)| format!("`{name}` is {}", shown(value))).collect();
    let values = if values.is_empty() { String::new() } else { format!(", {}", values.join(", ")) };
    format!("`{}` does not hold{values}", clause.text)
}

fn differences<'a>(action: &'a ExpectedAction, got: &Action) -> Vec<(&'a ExpectedParameter, Difference)> {
    let mut all = Vec::new();
    for wanted in &action.parameters {
        let got = got.parameters.get(wanted.parameter.name);
        let mut found = Vec::new();
        match &wanted.value {
            Some(value) => differ(wanted.parameter.kind, value, got, &mut Vec::new(), &mut found),
            None => found.extend(got.map(|got| Difference { way: Vec::new(), expected: None, got: Some(got.clone()) })),
        }
        all.extend(found.into_iter().map(|difference| (wanted, difference)));
    }
    all
}

/// Members of mappings are compared one by one, and only those expected; lists in full.
fn differ(kind: FieldKind, expected: &Json, got: Option<&Json>, way: &mut Vec<String>, found: &mut Vec<Difference>) {
    if let (Json::Object(members), Some(Json::Object(others))) = (expected, got) {
        for (name, member) in members {
            way.push(name.clone());
            differ(kind, member, others.get(name), way, found);
            way.pop();
        }
        return;
    }
    if let (Json::Array(items), Some(Json::Array(others))) = (expected, got)
        && items.len() == others.len()
    {
        for (index, (item, other)) in items.iter().zip(others).enumerate() {
            way.push(index.to_string());
            differ(kind, item, Some(other), way, found);
            way.pop();
        }
        return;
    }
    let same = match got {
        None => is_empty(expected),
        Some(got) if kind == FieldKind::Decimal => decimal(expected).is_some() && decimal(expected) == decimal(got),
        Some(got) => plain(expected) == plain(got),
    };
    if !same {
        found.push(Difference { way: way.clone(), expected: Some(expected.clone()), got: got.cloned() });
    }
}

fn is_empty(value: &Json) -> bool {
    matches!(value, Json::Null | Json::Bool(false)) || value.as_str() == Some("")
}

fn decimal(value: &Json) -> Option<rust_decimal::Decimal> {
    plain(value).parse().ok()
}

/// A text without quotes, everything else as JSON.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn short(value: &Json) -> String {
    cut(plain(value))
}

fn shown(value: &Json) -> String {
    cut(value.to_string())
}

fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

/// Where a value inside a parameter stands; where it was not written so, the parameter's own place.
fn place_of(node: &Node, way: &[String]) -> Place {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let mut at = node;
    for part in way {
        let next = match &at.value {
            Value::Map(entries) => {
                entries.iter().find(|entry| plain(&entry.key.text) == plain(part)).map(|entry| &entry.value)
            }
            Value::List(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
            Value::Scalar(_) | Value::Null => None,
        };
        let Some(next) = next else { break };
        at = next;
    }
    at.place.clone()
}
