//! Flows as they are used: checked and compiled. Only config checking makes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};

use super::preflight::Preflight;
use crate::{
    connectors::contract::{Connector, Operation, Parameter},
    expr::{Expression, Template},
    model::{
        connection::ConnectionName,
        hash::ContentHash,
        id::{FlowSetHash, Ids},
        time::Timestamp,
    },
    topics::{
        self,
        action::Action,
        event::{Event, EventType},
        occasion::Occasions,
    },
};

/// All flows of a config, as of one moment.
pub struct FlowSet {
    /// The files that hold flows: paths relative to the config's directory, with their texts, sorted.
    files: Vec<(String, String)>,
    flows: Vec<Flow>,
    by_type: BTreeMap<&'static str, Interested>,
    by_name: BTreeMap<String, usize>,
}

/// The flows on one type of event, by their places: whoever looks for them never looks at the others.
#[derive(Debug, Default)]
struct Interested {
    /// Those of the connections that any flow names, the ones from any connection among them.
    from: BTreeMap<ConnectionName, Vec<usize>>,
    from_any: Vec<usize>,
}

impl Interested {
    fn add(&mut self, place: usize, from: Option<&BTreeSet<ConnectionName>>) {
        let Some(from) = from else {
            self.from_any.push(place);
            self.from.values_mut().for_each(|places| places.push(place));
            return;
        };
        for connection in from {
            let any = &self.from_any;
            self.from.entry(connection.clone()).or_insert_with(|| any.clone()).push(place);
        }
    }

    fn of(&self, connection: &ConnectionName) -> &[usize] {
        self.from.get(connection).unwrap_or(&self.from_any)
    }
}

/// On which event, when, do what.
#[derive(Debug)]
pub struct Flow {
    pub name: String,
    /// Its first name: what ids are built from.
    pub identity: String,
    pub types: Vec<&'static EventType>,
    /// First names of connections. `None`: from any.
    pub from: Option<BTreeSet<ConnectionName>>,
    pub when: Option<Expression>,
    /// It claims to be in force since then.
    pub start: Option<Timestamp>,
    pub steps: Vec<Step>,
}

/// One thing to do.
pub struct Step {
    pub name: String,
    /// Its first name: what ids are built from.
    pub identity: String,
    pub when: Option<Expression>,
    /// Which of its actions wait for a person.
    pub hold: Option<Hold>,
    /// What is checked of the documents that it writes.
    pub preflight: Preflight,
    pub on_refusal: OnRefusal,
    /// It may be left out when a quota is used up.
    pub optional: bool,
    /// By its first name.
    pub connection: ConnectionName,
    pub connector: Arc<dyn Connector>,
    pub operation: &'static Operation,
    pub given: Vec<Given>,
    /// The steps whose results it uses, by their places in the flow.
    pub needs: BTreeSet<usize>,
    /// The step whose end starts it; `None`: it starts with the event.
    pub after: Option<usize>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Step({}: {}.{})", self.name, self.connection, self.operation.name)
    }
}

/// Which of a step's actions wait for a person.
#[derive(Debug)]
pub enum Hold {
    Always,
    /// All of them, until so many were approved.
    First(u32),
    When(Expression),
}

impl Hold {
    pub fn condition(&self) -> Option<&Expression> {
        match self {
            Self::When(condition) => Some(condition),
            Self::Always | Self::First(_) => None,
        }
    }
}

/// What becomes of the steps that wait for a step which will not be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefusal {
    /// They are not done either.
    #[default]
    Stop,
    /// They are done, with empty results of that step.
    GoOn,
}

/// A parameter, and where its value comes from.
#[derive(Debug)]
pub struct Given {
    pub parameter: &'static Parameter,
    pub source: Source,
    /// Whether it, or members of it, are for creating or for updating only.
    pub only: Occasions,
}

/// Where a value comes from.
#[derive(Debug)]
pub enum Source {
    Constant(Value),
    Template(Template),
    List(Vec<Template>),
    /// Each member a constant or a template.
    Map(Vec<(String, Source)>),
    /// A whole message: the fields that lead to it from the event's entity, by their names in JSON.
    Message(Vec<String>),
}

impl std::fmt::Debug for FlowSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.flows.iter().map(|flow| &flow.name)).finish()
    }
}

impl FlowSet {
    /// `files` are the files that the flows were read from.
    pub fn new(mut files: Vec<(String, String)>, flows: Vec<Flow>) -> Self {
        files.sort();
        let mut by_type: BTreeMap<&'static str, Interested> = BTreeMap::new();
        for (place, flow) in flows.iter().enumerate() {
            for event_type in &flow.types {
                by_type.entry(event_type.name).or_default().add(place, flow.from.as_ref());
            }
        }
        let by_name = flows.iter().enumerate().rev().map(|(place, flow)| (flow.name.clone(), place)).collect();
        Self { files, flows, by_type, by_name }
    }

    /// What the flow set is known by.
    pub fn hash(&self, ids: &Ids) -> FlowSetHash {
        let files: Vec<Value> = self.files.iter().map(|(path, text)| json!([path, text])).collect();
        ids.flow_set(&ContentHash::of(&Value::Array(files)))
    }

    /// What is kept of it in the topic `flows`.
    pub fn record(&self, ids: &Ids) -> topics::flows::FlowSet {
        topics::flows::FlowSet { hash: self.hash(ids), files: self.files.clone() }
    }

    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    pub fn find(&self, name: &str) -> Option<&Flow> {
        self.flows.get(*self.by_name.get(name)?)
    }

    /// Where an action's step stands among all steps: for showing actions in the order in which they are written.
    pub fn place_of(&self, action: &Action) -> Option<(usize, usize)> {
        let (flow, step) = action.step()?;
        let at = self.flows.iter().position(|other| other.name == flow)?;
        let steps = &self.flows.get(at)?.steps;
        Some((at, steps.iter().position(|other| other.name == step)?))
    }

    /// The flows that an event concerns, by its type and connection.
    pub fn interested<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a Flow> {
        let interested = self.by_type.get(event.event_type.name);
        let places = interested.map_or(&[][..], |interested| interested.of(&event.connection));
        places.iter().filter_map(|place| self.flows.get(*place))
    }
}

impl Source {
    /// Adds all expressions in it.
    fn add_expressions<'a>(&'a self, all: &mut Vec<&'a Expression>) {
        match self {
            Self::Constant(_) | Self::Message(_) => {}
            Self::Template(template) => all.extend(template.expressions()),
            Self::List(items) => all.extend(items.iter().flat_map(Template::expressions)),
            Self::Map(members) => members.iter().for_each(|(_, source)| source.add_expressions(all)),
        }
    }
}

impl Flow {
    /// All its expressions.
    pub fn expressions(&self) -> Vec<&Expression> {
        let mut all: Vec<&Expression> = self.when.iter().collect();
        for step in &self.steps {
            all.extend(step.when.iter().chain(step.hold.as_ref().and_then(Hold::condition)));
            step.given.iter().for_each(|given| given.source.add_expressions(&mut all));
        }
        all
    }

    /// The steps that the end of a step starts, or that start with the event.
    pub fn after(&self, step: Option<usize>) -> impl Iterator<Item = (usize, &Step)> {
        self.steps.iter().enumerate().filter(move |(_, other)| other.after == step)
    }
}

/// Decides which step's end starts each step.
///
/// The router has no memory: what a step's end brings along is what was done in one line before it. So a step that needs two
/// others makes the later of them wait for the earlier one: then its end knows both results.
pub fn schedule(needs: &[BTreeSet<usize>]) -> Vec<Option<usize>> {
    let mut waits: Vec<BTreeSet<usize>> = needs.to_vec();
    for step in (0..waits.len()).rev() {
        let mut before = waits.get(step).cloned().unwrap_or_default();
        if let Some(last) = before.pop_last()
            && let Some(waits_of_last) = waits.get_mut(last)
        {
            waits_of_last.extend(before);
        }
    }
    waits.iter().map(|waits| waits.last().copied()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn needs(lists: &[&[usize]]) -> Vec<BTreeSet<usize>> {
        lists.iter().map(|list| list.iter().copied().collect()).collect()
    }

    /// The index gives what trying every flow in turn would give, in the same order.
    #[test]
    fn flows_are_found_by_connection() {
        let name = |name: &str| ConnectionName::parse(name).expect("name");
        let from = |names: &[&str]| Some(names.iter().map(|each| name(each)).collect::<BTreeSet<_>>());
        let flows = [from(&["a"]), None, from(&["b", "a"]), from(&["c"]), None, from(&["a"])];
        let mut index = Interested::default();
        flows.iter().enumerate().for_each(|(place, from)| index.add(place, from.as_ref()));
        for connection in ["a", "b", "c", "d"].map(name) {
            let takes = |from: &Option<BTreeSet<_>>| from.as_ref().is_none_or(|from| from.contains(&connection));
            let tried: Vec<usize> = (0..flows.len()).filter(|place| takes(&flows[*place])).collect();
            assert_eq!(index.of(&connection), tried, "{connection}");
        }
    }

    #[test]
    fn independent_steps_start_at_once_and_the_others_in_lines() {
        assert_eq!(schedule(&needs(&[&[], &[], &[]])), [None, None, None]);
        assert_eq!(schedule(&needs(&[&[], &[0], &[]])), [None, Some(0), None]);
        assert_eq!(schedule(&needs(&[&[], &[], &[0, 1]])), [None, Some(0), Some(1)]);
        assert_eq!(schedule(&needs(&[&[], &[0], &[0], &[1, 2]])), [None, Some(0), Some(1), Some(2)]);
    }

    proptest! {
        /// Whatever a step needs has been done in the line that leads to it.
        #[test]
        fn every_line_holds_what_its_steps_need(
            lists in prop::collection::vec(prop::collection::vec(0_usize..8, 0..3), 1..8)
        ) {
            let needs: Vec<BTreeSet<usize>> =
                lists.iter().enumerate().map(|(step, list)| list.iter().copied().filter(|n| *n < step).collect()).collect();
            let after = schedule(&needs);
            for (step, needed) in needs.iter().enumerate() {
                let line: BTreeSet<usize> = std::iter::successors(after[step], |before| after[*before]).collect();
                prop_assert!(line.is_superset(needed), "{needs:?} {after:?}");
                prop_assert!(line.iter().all(|before| *before < step));
            }
        }
    }
}
