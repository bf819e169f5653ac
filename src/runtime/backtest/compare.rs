//! Two sides' actions for one event: what is new, gone, changed. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::report::{Change, Difference};
use crate::{model::id::ActionId, topics::action::Action};

/// Actions by their ids, which derive from event, flow and step: the same step on both sides has the same one.
pub(super) type Actions = BTreeMap<ActionId, Action>;

/// One action, on one side or both.
pub(super) struct Compared<'a> {
    present: Option<&'a Action>,
    proposed: Option<&'a Action>,
    /// What the action is told by: the proposed one, where there is one.
    pub action: &'a Action,
    /// `None`: both sides do the same.
    pub difference: Option<Difference>,
}

/// All actions of both sides.
pub(super) fn compare<'a>(present: &'a Actions, proposed: &'a Actions) -> Vec<Compared<'a>> {
    let ids: BTreeSet<&ActionId> = present.keys().chain(proposed.keys()).collect();
    ids.into_iter().filter_map(|id| compare_one(present.get(id), proposed.get(id))).collect()
}

fn compare_one<'a>(present: Option<&'a Action>, proposed: Option<&'a Action>) -> Option<Compared<'a>> {
    let difference = match (present, proposed) {
        (Some(one), Some(other)) => (!same(one, other)).then_some(Difference::Changed),
        (None, _) => Some(Difference::New),
        (Some(_), None) => Some(Difference::Gone),
    };
    Some(Compared { present, proposed, action: proposed.or(present)?, difference })
}

fn same(one: &Action, other: &Action) -> bool {
    one.connection == other.connection
        && one.operation == other.operation
        && one.parameters == other.parameters
        && one.optional == other.optional
        && one.hold == other.hold
        && one.conflict == other.conflict
}

impl Compared<'_> {
    /// The names of what differs: parameters, and what stands beside them.
    pub fn names(&self) -> Vec<&str> {
        let (from, to) = (self.present.map(|one| &one.parameters), self.proposed.map(|one| &one.parameters));
        let names: BTreeSet<&str> =
            [from, to].into_iter().flatten().flat_map(|parameters| parameters.keys()).map(String::as_str).collect();
        let differs = |name: &&str| from.and_then(|from| from.get(*name)) != to.and_then(|to| to.get(*name));
        let mut names: Vec<&str> = names.into_iter().filter(differs).collect();
        if let (Some(one), Some(other)) = (self.present, self.proposed) {
            if one.connection != other.connection || one.operation != other.operation {
                names.push(OPERATION);
            }
            if one.optional != other.optional {
                names.push(OPTIONAL);
            }
            if one.hold != other.hold {
                names.push(HOLD);
            }
        }
        names
    }

    /// What differs, with its values.
    pub fn changes(&self) -> Vec<Change> {
        let value = |action: Option<&Action>, name: &str| action.and_then(|action| value_of(action, name));
        let change = |name: &str| Change {
            parameter: name.to_owned(),
            from: value(self.present, name),
            to: value(self.proposed, name),
        };
        self.names().into_iter().map(change).collect()
    }
}

/// No parameter is called so: theirs are the vendors' words.
const OPERATION: &str = "(operation)";
const OPTIONAL: &str = "(optional)";
const HOLD: &str = "(hold)";

fn value_of(action: &Action, name: &str) -> Option<Value> {
    match name {
        OPERATION => Some(Value::from(format!("{}.{}", action.connection, action.operation))),
        OPTIONAL => Some(Value::from(action.optional)),
        HOLD => serde_json::to_value(action.hold.as_ref()?).ok(),
        name => action.parameters.get(name).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(id: &str, operation: &str, parameters: &Value) -> Action {
        serde_json::from_value(json!({
            "id": id, "connection": "crm", "operation": operation, "parameters": parameters, "conflict": "k-2",
            "purpose": { "step": { "flow": "f", "step": "s", "event": "e-1" } },
            "source": { "entity": "k-1", "version": 7, "arrived": "2025-10-09T08:53:20Z", "webhook": "w-1" },
        }))
        .expect("an action")
    }

    fn side(actions: &[Action]) -> Actions {
        actions.iter().map(|action| (action.id.clone(), action.clone())).collect()
    }

    #[test]
    fn each_action_is_new_gone_changed_or_the_same() {
        let present = side(&[
            action("a-1", "x", &json!({ "email": "a@b.cz" })),
            action("a-2", "x", &json!({ "list": "Old", "email": "a@b.cz", "note": "n" })),
            action("a-3", "x", &json!({})),
        ]);
        let proposed = side(&[
            action("a-1", "x", &json!({ "email": "a@b.cz" })),
            action("a-2", "y", &json!({ "list": "New", "email": "a@b.cz" })),
            action("a-4", "x", &json!({ "email": "a@b.cz" })),
        ]);
        let found = compare(&present, &proposed);
        let kinds: Vec<_> = found.iter().map(|one| one.difference).collect();
        assert_eq!(kinds, [None, Some(Difference::Changed), Some(Difference::Gone), Some(Difference::New)]);
        let changes = found[1].changes();
        assert_eq!(found[1].names(), ["list", "note", "(operation)"]);
        assert_eq!((&changes[0].from, &changes[0].to), (&Some(json!("Old")), &Some(json!("New"))));
        assert_eq!((&changes[1].to, &changes[2].to), (&None, &Some(json!("crm.y"))));
        assert!(found[0].changes().is_empty());
        assert_eq!(found[3].names(), ["email"]);
    }
}
