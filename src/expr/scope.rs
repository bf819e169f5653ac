//! What an expression can see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    lookup::Lookups,
    schema::{self, Record, RecordKind, Type},
};
use crate::topics::event::Entity;

/// The variables of an expression.
#[derive(Clone, Debug)]
pub struct Scope {
    variables: BTreeMap<String, Type>,
    lookups: Arc<Lookups>,
}

/// A step that an expression can name.
#[derive(Clone, Debug)]
pub enum StepScope {
    /// It stands before: the names of its results.
    Earlier(Vec<String>),
    /// It stands behind, or is this very step.
    Later,
    /// What it returns is not known, because its operation is not.
    Unknown,
}

const EVENT_FIELDS: [&str; 5] = ["id", "type", "source", "subject", "time"];

impl Scope {
    /// What expressions of a flow on events of an entity see: the entity (none, while the flow's types are not known), the
    /// event, and its steps by their names.
    pub fn new(entity: Option<Entity>, steps: &BTreeMap<String, StepScope>) -> Self {
        let mut variables = BTreeMap::new();
        if let Some(entity) = entity {
            variables.insert(entity.as_str().to_owned(), Type::Message(schema::entity(entity)));
        } else {
            let unknown = |entity: &Entity| (entity.as_str().to_owned(), Type::Unknown);
            variables.extend(Entity::ALL.iter().map(unknown));
        }
        let event = EVENT_FIELDS.map(|name| (name.to_owned(), Type::Text)).into();
        variables.insert("event".to_owned(), record(RecordKind::Event, event));
        variables.insert("steps".to_owned(), steps_type(steps));
        Self { variables, lookups: Arc::default() }
    }

    /// The same, with the owner's mapping tables.
    #[must_use]
    pub fn with_lookups(self, lookups: Arc<Lookups>) -> Self {
        Self { lookups, ..self }
    }

    pub(super) fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Type> {
        self.variables.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}

fn record(kind: RecordKind, fields: BTreeMap<String, Type>) -> Type {
    Type::Record(Arc::new(Record { kind, fields }))
}

/// Steps without a name of their own are called `connection.operation`: `steps.crm.add_to_list.id`.
fn steps_type(steps: &BTreeMap<String, StepScope>) -> Type {
    let mut fields: BTreeMap<String, Type> = BTreeMap::new();
    for (name, step) in steps.iter().filter(|(name, _)| !name.contains('.')) {
        fields.insert(name.clone(), step_type(name, step));
    }
    let prefixes: BTreeSet<&str> =
        steps.keys().filter_map(|name| name.split_once('.')).map(|(first, _)| first).collect();
    for prefix in prefixes {
        let within = steps.iter().filter_map(|(name, step)| match name.split_once('.') {
            Some((first, rest)) if first == prefix => Some((rest.to_owned(), step_type(name, step))),
            _ => None,
        });
        fields.insert(prefix.to_owned(), record(RecordKind::Steps(format!("{prefix}.")), within.collect()));
    }
    record(RecordKind::Steps(String::new()), fields)
}

fn step_type(name: &str, step: &StepScope) -> Type {
    match step {
        StepScope::Later => Type::LaterStep(name.to_owned()),
        StepScope::Unknown => Type::Unknown,
        StepScope::Earlier(results) => {
            let fields = results.iter().map(|result| (result.clone(), Type::Text)).collect();
            record(RecordKind::Step(name.to_owned()), fields)
        }
    }
}
