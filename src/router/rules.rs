//! Which flow set judges which fact: flows are not retroactive.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::flow::{Flow, FlowSet};
use crate::{
    model::{
        id::{FlowSetHash, Ids},
        time::Timestamp,
    },
    topics::flows::Activation,
};

/// All flow sets that may be asked for, and which one was in force since when.
#[derive(Debug, Default)]
pub struct Rules {
    sets: BTreeMap<FlowSetHash, Arc<FlowSet>>,
    /// Sorted by time.
    activations: Vec<Activation>,
}

impl Rules {
    /// One flow set, in force since a moment: a log's first start.
    pub fn first(set: Arc<FlowSet>, ids: &Ids, since: Timestamp) -> Self {
        let mut rules = Self::default();
        let hash = set.hash(ids);
        rules.add_set(hash.clone(), set);
        rules.activate(Activation { hash, since });
        rules
    }

    /// One flow set, as if it had been in force for ever.
    pub fn always(hash: FlowSetHash, set: Arc<FlowSet>) -> Self {
        let mut rules = Self::default();
        rules.add_set(hash.clone(), set);
        rules.activate(Activation { hash, since: Timestamp::MIN });
        rules
    }

    /// Makes a flow set known, under the hash by which the log knows it.
    pub fn add_set(&mut self, hash: FlowSetHash, set: Arc<FlowSet>) {
        self.sets.insert(hash, set);
    }

    /// Makes an activation known. One of the same moment replaces the other, as in the log.
    pub fn activate(&mut self, activation: Activation) {
        self.activations.retain(|other| other.since != activation.since);
        let at = self.activations.partition_point(|other| other.since < activation.since);
        self.activations.insert(at, activation);
    }

    /// What was in force at a moment.
    pub fn in_force(&self, at: Timestamp) -> Option<&FlowSetHash> {
        let count = self.activations.partition_point(|activation| activation.since <= at);
        self.activations.get(count.checked_sub(1)?).map(|activation| &activation.hash)
    }

    pub fn set(&self, hash: &FlowSetHash) -> Option<&Arc<FlowSet>> {
        self.sets.get(hash)
    }

    /// All flows of all sets.
    pub fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.sets.values().flat_map(|set| set.flows())
    }

    /// The types of events that any flow of any set is about.
    pub fn types(&self) -> BTreeSet<&'static str> {
        self.flows().flat_map(|flow| flow.types.iter().map(|event_type| event_type.name)).collect()
    }

    pub fn activations(&self) -> &[Activation] {
        &self.activations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_activation_before_a_moment_is_in_force() {
        let at =
            |day: i8| jiff::civil::date(2025, 10, day).to_zoned(jiff::tz::TimeZone::UTC).expect("time").timestamp();
        let mut rules = Rules::default();
        for (day, hash) in [(20, "f-2"), (10, "f-1"), (20, "f-3")] {
            rules.activate(Activation { hash: FlowSetHash::from_text(hash), since: at(day) });
        }
        let in_force = |day| rules.in_force(at(day)).map(FlowSetHash::as_str);
        assert_eq!(
            [in_force(9), in_force(10), in_force(19), in_force(20)],
            [None, Some("f-1"), Some("f-1"), Some("f-3")]
        );
    }
}
