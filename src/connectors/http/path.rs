//! Ways into somebody else's JSON, as settings write them: `user.mail`, `lines.0.name`.

use serde_json::{Map, Value};

/// Names, one inside the other. Without any it is the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// Reads names with full stops between them. Nothing where one of them is empty; the empty text is the whole.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Self::whole());
        }
        let names: Vec<String> = text.split('.').map(|name| name.trim().to_owned()).collect();
        names.iter().all(|name| !name.is_empty()).then_some(Self(names))
    }

    pub(super) fn whole() -> Self {
        Self(Vec::new())
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn names(&self) -> &[String] {
        &self.0
    }

    /// What stands there. In a list, a name is a number from 0 on.
    pub(super) fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, name| match value {
            Value::Object(members) => members.get(name),
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Puts a value there, and makes the objects around it. Where something else stands in the way, that stays.
    pub(super) fn put(&self, into: &mut Map<String, Value>, value: Value) {
        let Some((last, way)) = self.0.split_last() else { return };
        let mut at = into;
        for name in way {
            let Value::Object(members) = at.entry(name.as_str()).or_insert_with(|| Map::new().into()) else { return };
            at = members;
        }
        at.insert(last.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).expect("a path")
    }

    #[test]
    fn it_leads_through_objects_and_lists() {
        let value = json!({"user": {"mail": "a@b.cz", "lines": [{"name": "x"}, {"name": "y"}]}});
        assert_eq!(path("user.mail").get(&value), Some(&json!("a@b.cz")));
        assert_eq!(path("user.lines.1.name").get(&value), Some(&json!("y")));
        assert_eq!(path("").get(&value), Some(&value));
        for nowhere in ["mail", "user.mail.x", "user.lines.2.name", "user.lines.name", "user.lines.-1"] {
            assert_eq!(path(nowhere).get(&value), None, "{nowhere}");
        }
    }

    #[test]
    fn names_are_never_empty() {
        for text in [".", "a.", ".a", "a..b", "a. .b"] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_put_is_got() {
        let mut members = Map::new();
        path("user.mail").put(&mut members, json!("a"));
        path("user.name.first").put(&mut members, json!("b"));
        path("user.mail.x").put(&mut members, json!("in the way"));
        assert_eq!(Value::Object(members), json!({"user": {"mail": "a", "name": {"first": "b"}}}));
    }
}
