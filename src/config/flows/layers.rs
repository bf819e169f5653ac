//! Who gives a step's parameters: the step itself wins over the field sets that it uses (a later one over an earlier one),
//! those over the connection's defaults for the operation, and those over its defaults for all operations. A parameter is
//! taken whole from one of them. Whoever writes nothing behind a name (`phone:`) takes away what would come from further back.

use super::{
    super::{
        report::Problems,
        tree::{Entry, Value},
    },
    field_sets::UsedSet,
};
use crate::{
    connectors::contract::{Operation, Vendor},
    model::code,
};

/// Entries of one origin.
pub(super) struct Layer<'a> {
    entries: Vec<&'a Entry>,
    /// The field set that gives them.
    pub set: Option<&'a str>,
    /// What the operation does not know is a mistake here. (Of a connection's defaults, each operation takes its own.)
    strict: bool,
}

/// All that a step gives, the strongest first.
pub(super) struct Layers<'a>(Vec<Layer<'a>>);

impl<'a> Layers<'a> {
    /// `None` when the step's own parameters are no mapping.
    pub fn of(
        call: &'a Entry,
        sets: Vec<UsedSet<'a>>,
        (vendor, operation): (&Vendor, &Operation),
        defaults: &'a [Entry],
        problems: &mut Problems,
    ) -> Option<Self> {
        let own = match &call.value.value {
            Value::Map(entries) => entries.iter().collect(),
            Value::Null => Vec::new(),
            other => {
                let (name, found) = (&call.key.text, other.describe());
                let message = format!("the parameters of `{name}` must be a mapping, found {found}");
                problems.add(&call.value.place, code::WRONG_KIND, message);
                return None;
            }
        };
        let mut layers = vec![Layer { entries: own, set: None, strict: true }];
        let of_set = |set: UsedSet<'a>| Layer { entries: set.entries, set: Some(set.name), strict: true };
        layers.extend(sets.into_iter().rev().map(of_set));
        let for_operation = defaults.iter().find(|entry| entry.key.text == operation.name);
        let within = for_operation.map_or(&[][..], entries_of);
        let is_operation = |entry: &&Entry| vendor.operations.iter().any(|known| known.name == entry.key.text);
        let for_all = defaults.iter().filter(|entry| !is_operation(entry));
        layers.push(Layer { entries: within.iter().collect(), set: None, strict: false });
        layers.push(Layer { entries: for_all.collect(), set: None, strict: false });
        Some(Self(layers))
    }

    /// What the strongest layer says of a parameter.
    pub fn find(&self, parameter: &str) -> Option<&'a Entry> {
        self.0.iter().find_map(|layer| layer.entries.iter().copied().find(|entry| entry.key.text == parameter))
    }

    /// What the operation does not know, where that is a mistake.
    pub fn unknown<'s>(&'s self, operation: &'s Operation) -> impl Iterator<Item = (&'s Layer<'a>, &'a Entry)> {
        let strict = self.0.iter().filter(|layer| layer.strict);
        strict
            .flat_map(|layer| layer.entries.iter().map(move |entry| (layer, *entry)))
            .filter(|(_, entry)| operation.parameter(&entry.key.text).is_none())
    }
}

fn entries_of(entry: &Entry) -> &[Entry] {
    match &entry.value.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}
