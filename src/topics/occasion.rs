//! Parameters that count on one occasion only: when the target has to be made, or when it is there.
//!
//! Whether it is there, only the connector learns, on its way. What counts for creating only is no state of the target that a
//! later update would have to keep up, so nobody judges it ([`Occasions::standing`]): it goes along where something is made.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::Parameters;

/// When a parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Where the action makes something.
    Create,
    /// Where it is there.
    Update,
}

impl Occasion {
    /// As it is written in flows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// The parameters that count on one occasion only, by name; a member of a mapping as `fields/vip`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Occasions(BTreeMap<String, Occasion>);

impl Occasions {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn set(&mut self, parameter: &str, occasion: Occasion) {
        self.0.insert(parameter.to_owned(), occasion);
    }

    pub fn set_member(&mut self, parameter: &str, member: &str, occasion: Occasion) {
        self.0.insert(key(parameter, member), occasion);
    }

    pub fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.clone());
    }

    /// The only occasion of a parameter; `None`: both.
    pub fn of(&self, parameter: &str) -> Option<Occasion> {
        self.0.get(parameter).copied()
    }

    /// The only occasion of a member of a mapping: its own, else that of the whole.
    pub fn of_member(&self, parameter: &str, member: &str) -> Option<Occasion> {
        if self.is_empty() {
            return None;
        }
        self.0.get(&key(parameter, member)).copied().or_else(|| self.of(parameter))
    }

    /// The parameters without those that count for creating only.
    pub fn standing<'a>(&self, parameters: &'a Parameters) -> Cow<'a, Parameters> {
        if !self.0.values().any(|occasion| *occasion == Occasion::Create) {
            return Cow::Borrowed(parameters);
        }
        let mut standing = parameters.clone();
        standing.retain(|name, _| self.of(name) != Some(Occasion::Create));
        for (name, value) in &mut standing {
            if let Value::Object(members) = value {
                members.retain(|member, _| self.of_member(name, member) != Some(Occasion::Create));
            }
        }
        Cow::Owned(standing)
    }
}

/// Neither names of parameters nor their order depend on it: no parameter has a `/`.
fn key(parameter: &str, member: &str) -> String {
    format!("{parameter}/{}", member.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_is_all_but_what_is_for_creating() {
        let Value::Object(parameters) =
            json!({"email": "a", "source": "b", "phone": "c", "fields": {"x": 1, "y": 2, "z": 3}, "more": {"x": 1}})
        else {
            panic!("an object")
        };
        let mut only = Occasions::default();
        assert!(matches!(only.standing(&parameters), Cow::Borrowed(_)));
        only.set("phone", Occasion::Update);
        assert!(matches!(only.standing(&parameters), Cow::Borrowed(_)));
        only.set("source", Occasion::Create);
        only.set_member("fields", "x", Occasion::Create);
        only.set_member("fields", " y ", Occasion::Update);
        only.set("more", Occasion::Create);
        let standing = Value::Object(only.standing(&parameters).into_owned());
        assert_eq!(standing, json!({"email": "a", "phone": "c", "fields": {"y": 2, "z": 3}}));
        assert_eq!(only.of_member("fields", "y"), Some(Occasion::Update));
        assert_eq!(only.of_member("more", "y"), Some(Occasion::Create), "the whole stands for its members");
        assert_eq!(only.of_member("fields", "z"), None);
    }

    #[test]
    fn it_is_stored_as_plain_names() {
        let mut only = Occasions::default();
        only.set_member("fields", "vip", Occasion::Create);
        let text = serde_json::to_string(&only).expect("json");
        assert_eq!(text, r#"{"fields/vip":"create"}"#);
        assert_eq!(serde_json::from_str::<Occasions>(&text).expect("occasions"), only);
    }
}
