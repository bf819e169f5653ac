//! `field_sets`: parameters that several steps share, by a name. What they mean is known only at an operation, so they are
//! checked where steps use them; one that no step uses is told.

use std::{cell::RefCell, collections::BTreeSet};

use super::{
    super::{
        fields::list,
        report::Problems,
        tree::{Entry, Node, Value},
    },
    LONGEST_NAME, is_name,
};
use crate::model::code;

/// All field sets of a config.
pub(crate) struct FieldSets<'a> {
    sets: &'a [Entry],
    used: RefCell<BTreeSet<&'a str>>,
}

/// A field set that a step uses.
pub(super) struct UsedSet<'a> {
    pub name: &'a str,
    pub entries: Vec<&'a Entry>,
}

impl<'a> FieldSets<'a> {
    /// Begins with what stands under `field_sets`.
    pub fn read(sets: &'a [Entry], problems: &mut Problems) -> Self {
        for set in sets {
            let name = &set.key.text;
            if !is_name(name, "-_") {
                let message = format!(
                    "a field set's name is up to {LONGEST_NAME} of `a-z`, `0-9`, `-` and `_`, beginning with a letter"
                );
                problems.add(&set.key.place, code::BAD_NAME, message);
            }
            if !matches!(set.value.value, Value::Map(_)) {
                let message = format!("the field set `{name}` must be a mapping, found {}", set.value.value.describe());
                problems.add(&set.value.place, code::WRONG_KIND, message).hint("from parameters to their values");
            }
        }
        Self { sets, used: RefCell::default() }
    }

    /// The sets that a step names.
    pub(super) fn used(&self, names: &[(&str, &Node)], problems: &mut Problems) -> Vec<UsedSet<'a>> {
        let mut used = Vec::new();
        for (name, node) in names {
            let Some(set) = self.sets.iter().find(|set| set.key.text == *name) else {
                self.no_such_set(name, node, problems);
                continue;
            };
            let set_name = set.key.text.as_str();
            self.used.borrow_mut().insert(set_name);
            if let Value::Map(entries) = &set.value.value {
                used.push(UsedSet { name: set_name, entries: entries.iter().collect() });
            }
        }
        used
    }

    fn no_such_set(&self, name: &str, node: &Node, problems: &mut Problems) {
        let known = || self.sets.iter().map(|set| set.key.text.as_str());
        let hint = match crate::expr::suggest::nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.sets.is_empty() => "there are none; they stand under `field_sets`".to_owned(),
            None => format!("field sets are {}", list(known())),
        };
        let message = format!("there is no field set `{name}`");
        problems.add(&node.place, code::NO_SUCH_FIELD_SET, message).hint(hint);
    }

    /// Warns of those that no step used.
    pub fn finish(self, problems: &mut Problems) {
        let used = self.used.into_inner();
        for set in self.sets.iter().filter(|set| !used.contains(set.key.text.as_str())) {
            let message = format!("no step uses the field set `{}`, so nobody has checked it", set.key.text);
            let hint = format!("write `use: {}` beside an operation, or remove it", set.key.text);
            problems.warn(&set.key.place, code::UNUSED_FIELD_SET, message).hint(hint);
        }
    }
}
