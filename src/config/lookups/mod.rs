//! `lookups`: the owner's mapping tables.
//!
//! Rows are a mapping, or a text with a JSON object; both as people paste them from help pages, typographic quotes included
//! ([`pasted`]). Keys and values are texts; numbers keep the form in which they were written, so `007` stays what it is.

mod pasted;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    fields::{Fields, list, scalar, text_of},
    report::Problems,
    source::{self, Place, Written},
    tree::{Entry, Node, Scalar, Value},
};
use crate::{
    expr::lookup::{Lookup, Lookups, Missing},
    model::code,
};

/// Reads what stands under `lookups`.
pub(crate) fn read(entries: &[Entry], problems: &mut Problems) -> Arc<Lookups> {
    Arc::new(entries.iter().map(|entry| (entry.key.text.clone(), Arc::new(read_one(entry, problems)))).collect())
}

fn read_one(entry: &Entry, problems: &mut Problems) -> Lookup {
    let name = &entry.key.text;
    let before = problems.count();
    if !super::flows::is_name(name, "-_") {
        let longest = super::flows::LONGEST_NAME;
        let message =
            format!("a lookup's name is up to {longest} of `a-z`, `0-9`, `-` and `_`, beginning with a letter");
        problems.add(&entry.key.place, code::BAD_NAME, message);
    }
    let read = read_table(entry, problems);
    if problems.count() > before {
        // It has been told what is wrong; whoever looks into it shall not complain about rows that could not be read.
        return Lookup { name: name.clone(), rows: BTreeMap::new(), missing: Missing::Gives(String::new()) };
    }
    let (rows, missing) = read.unwrap_or((BTreeMap::new(), Missing::Fails));
    Lookup { name: name.clone(), rows, missing }
}

fn read_table(entry: &Entry, problems: &mut Problems) -> Option<(BTreeMap<String, String>, Missing)> {
    let name = &entry.key.text;
    // The rows in the table's place are one mistake, not one for each.
    if let Value::Map(entries) = &entry.value.value
        && entries.len() > 1
        && !entries.iter().any(|entry| ["rows", "missing", "default"].contains(&entry.key.text.as_str()))
    {
        let message = format!("the lookup `{name}` has no `rows`");
        let hint = "the rows stand under `rows:`, beside `missing:` and `default:`";
        problems.add(&entry.key.place, code::MISSING_KEY, message).hint(hint);
        return None;
    }
    let mut fields = Fields::open(&entry.value, format!("the lookup `{name}`"), problems)?;
    let (rows, missing, default) = (fields.node("rows"), fields.node("missing"), fields.entry("default"));
    fields.finish(problems);
    let missing = read_missing(missing, default, problems);
    let before = problems.count();
    let rows = rows.map(|rows| read_rows(rows, problems)).unwrap_or_default();
    if rows.is_empty() && problems.count() == before {
        problems
            .add(&entry.key.place, code::EMPTY_LOOKUP, format!("the lookup `{name}` has no rows"))
            .hint("write them under `rows:`, such as `rows: { Új: Nou, Fizetve: Plătit }`");
    }
    Some((to_table(rows, problems), missing))
}

/// What becomes of a value without a row. A default alone says it too.
fn read_missing(missing: Option<&Node>, default: Option<&Entry>, problems: &mut Problems) -> Missing {
    let kind = missing.and_then(|node| {
        scalar(node, problems, |text| match text {
            "error" | "skip" | "default" => Ok(text.to_owned()),
            _ => Err("expected `error`, `skip` or `default`".to_owned()),
        })
    });
    let given = default.and_then(|default| value_of(&default.value, problems));
    match (kind.as_deref(), default) {
        (Some("default"), None) => {
            let place = missing.map(|node| &node.place).expect("it was read");
            problems.add(place, code::BAD_DEFAULT, "there is no `default`").hint("add `default: …` beside it");
        }
        (Some(kind @ ("error" | "skip")), Some(default)) => {
            let message = format!("`missing: {kind}` leaves no use for a default");
            let hint = "write `missing: default`, or remove one of the two";
            problems.add(&default.key.place, code::BAD_DEFAULT, message).hint(hint);
        }
        _ => {}
    }
    match (kind.as_deref(), given) {
        (Some("skip"), _) => Missing::Skips,
        (None | Some("default"), Some(default)) => Missing::Gives(default),
        _ => Missing::Fails,
    }
}

/// A row, with the place of its key.
struct Row {
    key: String,
    value: String,
    place: Place,
}

fn read_rows(node: &Node, problems: &mut Problems) -> Vec<Row> {
    match &node.value {
        Value::Map(entries) => entries.iter().filter_map(|entry| read_row(entry, problems)).collect(),
        Value::Scalar(text) => read_pasted(text, node, pasted::object, problems),
        other => {
            let message = format!("rows are a mapping, or a text with a JSON object, found {}", other.describe());
            problems.add(&node.place, code::WRONG_KIND, message);
            Vec::new()
        }
    }
}

/// YAML takes typographic quotes for letters, and `”a”:”b”` for one text.
fn read_row(entry: &Entry, problems: &mut Problems) -> Option<Row> {
    let key = &entry.key;
    if matches!(entry.value.value, Value::Null) && pasted::is_pair(&key.text) {
        let text = Scalar { text: key.text.clone(), written: Written::Plain };
        let node = Node { value: Value::Null, place: key.place.clone() };
        return read_pasted(&text, &node, pasted::pair, problems).pop();
    }
    let value = value_of(&entry.value, problems)?;
    Some(Row { key: pasted::unquoted(&key.text).trim().to_owned(), value, place: key.place.clone() })
}

/// A text or a number.
fn value_of(node: &Node, problems: &mut Problems) -> Option<String> {
    if let Value::Null = node.value {
        problems
            .add(&node.place, code::WRONG_KIND, "expected a text or a number, found nothing")
            .hint("write `''` for an empty text");
        return None;
    }
    let text = text_of(node, problems)?;
    match &node.value {
        Value::Scalar(Scalar { written: Written::Plain, .. }) => Some(pasted::unquoted(text).to_owned()),
        _ => Some(text.to_owned()),
    }
}

type Pasted = fn(&str) -> Result<Vec<pasted::Pair>, pasted::Unread>;

fn read_pasted(text: &Scalar, node: &Node, read: Pasted, problems: &mut Problems) -> Vec<Row> {
    let place = |offset, length| source::find(&node.place, text.written, &text.text, offset, length);
    match read(&text.text) {
        Ok(pairs) => {
            let row = |pair: pasted::Pair| Row {
                place: place(pair.offset, pair.length),
                key: pair.key.trim().to_owned(),
                value: pair.value,
            };
            pairs.into_iter().map(row).collect()
        }
        Err(unread) => {
            let added = problems.add(&place(unread.offset, 1), code::LOOKUP_SYNTAX, unread.message);
            if let Some(hint) = unread.hint {
                added.hint(hint);
            }
            Vec::new()
        }
    }
}

/// One row for each key.
fn to_table(rows: Vec<Row>, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut table: BTreeMap<String, (String, Place)> = BTreeMap::new();
    for Row { key, value, place } in rows {
        match table.get(&key) {
            Some((_, first)) => {
                let message = format!("{} has two rows", list(std::iter::once(key.as_str())));
                let hint = format!("first given in line {}", first.line);
                problems.add(&place, code::DUPLICATE_KEY, message).hint(hint);
            }
            None => {
                table.insert(key, (value, place));
            }
        }
    }
    table.into_iter().map(|(key, (value, _))| (key, value)).collect()
}
