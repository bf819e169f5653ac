//! A case's changes to what its test gives: `items[0].code: BOOK-1`.

use serde_json::{Map, Value as Json};

use super::super::{
    report::Problems,
    source::Written,
    tree::{Entry, Key, Node, Value},
};
use crate::model::code;

/// One change.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The path as it was written, with its place.
    pub key: Key,
    pub path: Vec<Segment>,
    pub value: Node,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Name(String),
    /// Counted from 0.
    Index(usize),
}

/// Reads what stands under `set`.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Vec<Change> {
    let Value::Map(entries) = &node.value else {
        let text = format!("`set` is a mapping from a path to a value, found {}", node.value.describe());
        problems.add(&node.place, code::WRONG_KIND, text).hint("write `items[0].code: BOOK-1`");
        return Vec::new();
    };
    let mut changes = Vec::new();
    for Entry { key, value } in entries {
        match parse(&key.text) {
            Some(path) => changes.push(Change { key: key.clone(), path, value: value.clone() }),
            None => {
                problems
                    .add(&key.place, code::WRONG_KIND, format!("`{}` is no path", key.text))
                    .hint("write names with points between them, and `[0]` for the first of a list: `items[0].code`");
            }
        }
    }
    changes
}

fn parse(text: &str) -> Option<Vec<Segment>> {
    let mut path = Vec::new();
    for part in text.split('.') {
        let (name, mut rest) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        if name.is_empty() || name.contains(']') {
            return None;
        }
        path.push(Segment::Name(name.to_owned()));
        if part.contains('[') && rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (index, behind) = rest.split_once(']')?;
            path.push(Segment::Index(index.parse().ok()?));
            rest = match behind {
                "" => "",
                more => more.strip_prefix('[').filter(|more| !more.is_empty())?,
            };
        }
    }
    Some(path)
}

/// Puts a change into a tree, or tells what is not there.
pub(super) fn put(node: &mut Node, change: &Change, problems: &mut Problems) {
    if let Err(message) = put_at(node, &change.path, change) {
        problems.add(&change.key.place, code::UNKNOWN_FIELD, message);
    }
}

fn put_at(node: &mut Node, path: &[Segment], change: &Change) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        *node = change.value.clone();
        return Ok(());
    };
    match (first, &mut node.value) {
        (Segment::Name(_), value @ (Value::Null | Value::Scalar(_))) => {
            *value = Value::Map(Vec::new());
            put_at(node, path, change)
        }
        (Segment::Name(name), Value::Map(entries)) => {
            if !entries.iter().any(|entry| entry.key.text == *name) {
                let key = Key { text: name.clone(), place: change.key.place.clone() };
                entries.push(Entry { key, value: Node { value: Value::Null, place: change.value.place.clone() } });
            }
            let entry = entries.iter_mut().find(|entry| entry.key.text == *name);
            entry.map_or(Ok(()), |entry| put_at(&mut entry.value, rest, change))
        }
        (Segment::Index(index), value) => {
            if matches!(value, Value::Null) {
                *value = Value::List(Vec::new());
            }
            let Value::List(items) = value else { return Err(no_list(&change.key.text, *index)) };
            if *index == items.len() {
                items.push(Node { value: Value::Null, place: change.value.place.clone() });
            }
            let count = items.len();
            let item = items.get_mut(*index).ok_or_else(|| too_short(&change.key.text, count))?;
            put_at(item, rest, change)
        }
        (Segment::Name(name), Value::List(items)) => Err(in_a_list(name, items.len())),
    }
}

/// The same in JSON.
pub(super) fn put_json(value: &mut Json, path: &[Segment], change: &Change) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        *value = untyped(&change.value);
        return Ok(());
    };
    match (first, value) {
        (Segment::Name(name), Json::Array(items)) => Err(in_a_list(name, items.len())),
        (Segment::Name(name), value) => {
            if !value.is_object() {
                *value = Json::Object(Map::new());
            }
            let Some(members) = value.as_object_mut() else { return Ok(()) };
            put_json(members.entry(name.clone()).or_insert(Json::Null), rest, change)
        }
        (Segment::Index(index), Json::Array(items)) => {
            if *index == items.len() {
                items.push(Json::Null);
            }
            let count = items.len();
            put_json(items.get_mut(*index).ok_or_else(|| too_short(&change.key.text, count))?, rest, change)
        }
        (Segment::Index(index), _) => Err(no_list(&change.key.text, *index)),
    }
}

fn no_list(path: &str, index: usize) -> String {
    format!("`{path}`: there is no list to have a member [{index}]")
}

fn too_short(path: &str, count: usize) -> String {
    format!("`{path}`: the list has {count} members, counted from [0]")
}

fn in_a_list(name: &str, count: usize) -> String {
    format!("`{name}` is asked of a list of {count}: name its member, `[0].{name}`")
}

/// YAML as JSON: what stands without quotes and reads as true, false or a number, is one.
pub(super) fn untyped(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Scalar(scalar) => match (scalar.written, serde_json::from_str(&scalar.text)) {
            (Written::Plain, Ok(value @ (Json::Bool(_) | Json::Number(_)))) => value,
            _ => Json::from(scalar.text.as_str()),
        },
        Value::List(items) => items.iter().map(untyped).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.text.clone(), untyped(&entry.value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Segment {
        Segment::Name(text.to_owned())
    }

    #[test]
    fn paths_are_names_and_places() {
        assert_eq!(parse("items[0].code"), Some(vec![name("items"), Segment::Index(0), name("code")]));
        assert_eq!(parse("a[1][2]"), Some(vec![name("a"), Segment::Index(1), Segment::Index(2)]));
        for wrong in ["", ".", "a.", "a[", "a[]", "a[x]", "a[0", "a[0]b", "[0]", "a[0][", "a..b", "]", "a]"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_none(text in "[ab.\\[\\]0-9]{0,12}") {
            if let Some(path) = parse(&text) {
                let write = |segment: &Segment| match segment {
                    Segment::Name(name) => format!(".{name}"),
                    Segment::Index(index) => format!("[{index}]"),
                };
                let written: String = path.iter().map(write).collect();
                // Leading zeros of a place are as good as none.
                prop_assert_eq!(parse(written.trim_start_matches('.')), Some(path));
            }
        }
    }
}
