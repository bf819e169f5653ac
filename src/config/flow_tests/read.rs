//! A test with its cases, from YAML.

use std::collections::BTreeMap;

use super::{
    super::{
        connections::Connections,
        fields::{Fields, list},
        report::Problems,
        source::Place,
        tree::{Entry, Node, Value},
    },
    FlowTest,
    expected::{self, Expected},
    given, results,
    set::{self, Change},
};
use crate::{
    expr::suggest,
    model::code,
    router::{Ending, Flow},
};

/// What the tests of a config are checked against.
struct Reader<'a> {
    connections: &'a Connections,
    flows: &'a [Flow],
    /// The names of all flows, those with problems of their own included.
    names: Vec<&'a str>,
}

/// What stands beside the cases, and counts for all of them.
struct Shared<'a> {
    name: &'a str,
    flow: Option<String>,
    event: Option<&'a Node>,
    webhook: Option<&'a Node>,
    results: Option<&'a Node>,
    expect: Option<&'a Node>,
}

/// Reads what stands under `tests`: one for each case.
pub(crate) fn read(
    entries: &[Entry],
    flow_entries: &[Entry],
    flows: &[Flow],
    connections: &Connections,
    problems: &mut Problems,
) -> Vec<FlowTest> {
    let names = flow_entries.iter().map(|entry| entry.key.text.as_str()).collect();
    let reader = Reader { connections, flows, names };
    entries.iter().flat_map(|entry| reader.test(entry, problems)).collect()
}

impl Reader<'_> {
    fn test(&self, entry: &Entry, problems: &mut Problems) -> Vec<FlowTest> {
        let name = &entry.key.text;
        let Some(mut fields) = Fields::open(&entry.value, format!("the test `{name}`"), problems) else {
            return Vec::new();
        };
        let flow = fields.node("flow");
        let (event, webhook) = (fields.node("event"), fields.entry("webhook"));
        let (results, expect) = (fields.node("results"), fields.node("expect"));
        let cases = fields.node("cases");
        fields.finish(problems);
        match (event, webhook) {
            (Some(_), Some(webhook)) => {
                problems.add(
                    &webhook.key.place,
                    code::UNKNOWN_KEY,
                    "a test begins with an `event` or a `webhook`, not both",
                );
            }
            (None, None) => {
                let text = format!("the test `{name}` needs an `event` or a `webhook`");
                problems
                    .add(&entry.key.place, code::MISSING_KEY, text)
                    .hint("such as `event: { type: order.paid, body: { customer: { email: eva@example.cz } } }`");
            }
            _ => {}
        }
        let webhook = webhook.map(|entry| &entry.value);
        let shared =
            Shared { name, flow: flow.and_then(|node| self.flow(node, problems)), event, webhook, results, expect };
        let mut tests = Vec::new();
        // Without expectations of its own, a test is what its cases make of it.
        if expect.is_some() || cases.is_none() {
            tests.extend(self.case(&shared, &entry.key.place, Case::default(), problems));
        }
        for case in cases.map_or_else(Vec::new, |node| items(node, problems)) {
            tests.extend(self.read_case(&shared, case, problems));
        }
        tests
    }

    fn flow(&self, node: &Node, problems: &mut Problems) -> Option<String> {
        let text = super::super::fields::text_of(node, problems)?;
        self.check_flow(text, &node.place, problems);
        Some(text.to_owned())
    }

    fn check_flow(&self, name: &str, place: &Place, problems: &mut Problems) {
        if self.names.contains(&name) {
            return;
        }
        let added = problems.add(place, code::NO_SUCH_FLOW, format!("there is no flow `{name}`"));
        match suggest::nearest(name, self.names.iter().copied()) {
            Some(near) => added.hint(format!("did you mean `{near}`?")),
            None => added.hint(format!("flows are {}", list(self.names.iter().copied()))),
        }
    }

    fn read_case(&self, shared: &Shared<'_>, node: &Node, problems: &mut Problems) -> Option<FlowTest> {
        let mut fields = Fields::open(node, format!("a case of the test `{}`", shared.name), problems)?;
        let name = fields.entry("name");
        let changes = fields.node("set").map_or_else(Vec::new, |node| set::read(node, problems));
        let (results, expect) = (fields.node("results"), fields.node("expect"));
        fields.finish(problems);
        let Some(name) = name else {
            problems.add(&node.place, code::MISSING_KEY, "a case needs a `name`").hint("the report calls it by that");
            return None;
        };
        let text = super::super::fields::text_of(&name.value, problems)?;
        let case = Case { name: Some(text.to_owned()), changes, results, expect };
        self.case(shared, &name.value.place, case, problems)
    }

    fn case(&self, shared: &Shared<'_>, place: &Place, case: Case<'_>, problems: &mut Problems) -> Option<FlowTest> {
        let given = given::read(shared.event, shared.webhook, &case.changes, self.connections, problems);
        let Some(expect) = case.expect.or(shared.expect) else {
            let text = "it is not said what is expected";
            problems
                .add(place, code::MISSING_KEY, text)
                .hint("add `expect:` with a list; `expect: []` expects nothing");
            return None;
        };
        let expected = expected::read(expect, self.connections, problems);
        for expected in &expected {
            self.check_names(expected, problems);
        }
        let results = case.results.or(shared.results);
        let ends = results.map_or_else(BTreeMap::new, |node| self.results(node, shared.flow.as_deref(), problems));
        Some(FlowTest {
            name: shared.name.to_owned(),
            case: case.name,
            flow: shared.flow.clone(),
            place: place.clone(),
            given: given?,
            ends,
            expected,
            expected_at: expect.place.clone(),
        })
    }

    fn results(&self, node: &Node, flow: Option<&str>, problems: &mut Problems) -> BTreeMap<String, Ending> {
        results::read(node, self.flows, flow, self.all_flows_known(), problems)
    }

    fn all_flows_known(&self) -> bool {
        self.names.len() == self.flows.len()
    }

    /// The flow and the step that an expectation names must be there.
    fn check_names(&self, expected: &Expected, problems: &mut Problems) {
        if let Some(flow) = &expected.flow {
            self.check_flow(flow, &expected.place, problems);
        }
        let Some(step) = expected.step.as_ref().filter(|_| self.all_flows_known()) else { return };
        let flows = self.flows.iter().filter(|flow| expected.flow.as_ref().is_none_or(|of| flow.name == *of));
        let steps = flows.flat_map(|flow| &flow.steps);
        if !steps.clone().any(|other| other.name == *step) {
            let key = super::super::tree::Key { text: step.clone(), place: expected.place.clone() };
            results::no_such_step(&key, steps, problems);
        }
    }
}

/// What is a case's own.
#[derive(Default)]
struct Case<'a> {
    name: Option<String>,
    changes: Vec<Change>,
    results: Option<&'a Node>,
    expect: Option<&'a Node>,
}

fn items<'a>(node: &'a Node, problems: &mut Problems) -> Vec<&'a Node> {
    match &node.value {
        Value::List(items) => items.iter().collect(),
        other => {
            let text = format!("`cases` is a list, found {}", other.describe());
            problems.add(&node.place, code::WRONG_KIND, text).hint("begin each case with `- name: …`");
            Vec::new()
        }
    }
}
