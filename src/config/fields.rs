//! Reads mappings: asks for keys by name, and in the end complains about those that nobody asked for.

use super::{
    report::Problems,
    tree::{Entry, Key, Node, Value},
};
use crate::{
    connectors::contract::settings::{SettingKind, SettingValue, read_scalar},
    model::code,
};

/// A mapping that is being read.
pub(crate) struct Fields<'a> {
    /// For messages: "`gateway`", "the connection `eshop`".
    what: String,
    entries: Vec<&'a Entry>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Begins to read a mapping. Nothing at all counts as an empty one.
    pub(crate) fn open(node: &'a Node, what: impl Into<String>, problems: &mut Problems) -> Option<Self> {
        let what = what.into();
        let entries = match &node.value {
            Value::Map(entries) => entries.iter().collect(),
            Value::Null => Vec::new(),
            other => {
                let message = format!("{what} must be a mapping, found {}", other.describe());
                problems.add(&node.place, code::WRONG_KIND, message);
                return None;
            }
        };
        Some(Self { what, entries, known: Vec::new() })
    }

    /// Only some of a mapping's entries: the others belong to somebody else.
    pub(crate) fn some(entries: &'a [Entry], what: impl Into<String>, which: impl Fn(&Entry) -> bool) -> Self {
        Self { what: what.into(), entries: entries.iter().filter(|entry| which(entry)).collect(), known: Vec::new() }
    }

    /// The entry under a key, if something is written there.
    pub(crate) fn entry(&mut self, name: &'static str) -> Option<&'a Entry> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.entries.iter().copied().find(|entry| entry.key.text == name && !matches!(entry.value.value, Value::Null))
    }

    pub(crate) fn node(&mut self, name: &'static str) -> Option<&'a Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    pub(crate) fn text(&mut self, name: &'static str, problems: &mut Problems) -> Option<String> {
        text_of(self.node(name)?, problems).map(str::to_owned)
    }

    /// A value of a setting's kind.
    pub(crate) fn read(
        &mut self,
        name: &'static str,
        kind: SettingKind,
        problems: &mut Problems,
    ) -> Option<SettingValue> {
        scalar(self.node(name)?, problems, |text| read_scalar(kind, text))
    }

    pub(crate) fn flag(&mut self, name: &'static str, default: bool, problems: &mut Problems) -> bool {
        match self.read(name, SettingKind::Boolean, problems) {
            Some(SettingValue::Boolean(flag)) => flag,
            _ => default,
        }
    }

    pub(crate) fn duration(
        &mut self,
        name: &'static str,
        default: std::time::Duration,
        problems: &mut Problems,
    ) -> std::time::Duration {
        match self.read(name, SettingKind::Duration, problems) {
            Some(SettingValue::Duration(duration)) => duration,
            _ => default,
        }
    }

    /// A whole number from 1 to `most`.
    pub(crate) fn count(&mut self, name: &'static str, default: u32, most: u32, problems: &mut Problems) -> u32 {
        match self.read(name, SettingKind::Integer { min: 1, max: i64::from(most) }, problems) {
            Some(SettingValue::Integer(number)) => u32::try_from(number).unwrap_or(default),
            _ => default,
        }
    }

    /// Reads a mapping under a key.
    pub(crate) fn fields(&mut self, name: &'static str, problems: &mut Problems) -> Option<Fields<'a>> {
        let what = format!("`{name}`");
        Fields::open(self.node(name)?, what, problems)
    }

    /// The entries that nobody asked for.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().copied().filter(|entry| !self.known.contains(&entry.key.text.as_str()))
    }

    /// Leaves out entries that somebody else has complained about.
    pub(crate) fn without(mut self, told: &[&Entry]) -> Self {
        self.entries.retain(|entry| !told.iter().any(|told| std::ptr::eq(*told, *entry)));
        self
    }

    /// Complains about keys that nobody asked for.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for entry in self.unknown() {
            unknown_key(&entry.key, &self.what, self.known.iter().copied(), problems);
        }
    }
}

/// Complains about a key, with the near ones or all of them.
pub(crate) fn unknown_key<'n>(
    key: &Key,
    what: &str,
    known: impl Iterator<Item = &'n str> + Clone,
    problems: &mut Problems,
) {
    let near = crate::expr::suggest::nearest(&key.text, known.clone());
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if key.text.starts_with("//") || key.text.starts_with("/*") => "comments begin with `# `".to_owned(),
        None => format!("it takes {}", list(known)),
    };
    problems.add(&key.place, code::UNKNOWN_KEY, format!("{what} has no key `{}`", key.text)).hint(hint);
}

/// A name as near to a text as the rule for names allows.
pub(crate) fn plain_name(text: &str, joint: char) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { joint };
    let name: String = text.trim().chars().map(plain).collect();
    let name = name.trim_matches(|c: char| c == joint || c.is_ascii_digit());
    if name.is_empty() { "shop".to_owned() } else { name.chars().take(40).collect() }
}

/// Names for a sentence: `a`, `b` and `c`.
pub(crate) fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match (names.pop(), names.is_empty()) {
        (None, _) => "nothing".to_owned(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} and {last}", names.join(", ")),
    }
}

/// A node that must be a text.
pub(crate) fn text_of<'a>(node: &'a Node, problems: &mut Problems) -> Option<&'a str> {
    if let Value::Scalar(scalar) = &node.value {
        return Some(&scalar.text);
    }
    problems.add(&node.place, code::WRONG_KIND, format!("expected a text, found {}", node.value.describe()));
    None
}

/// Reads a text; the reader says what it expected. The value is not repeated: it may be a secret at the wrong place.
pub(crate) fn scalar<T>(
    node: &Node,
    problems: &mut Problems,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match read(text_of(node, problems)?) {
        Ok(value) => Some(value),
        Err(message) => {
            problems.add(&node.place, code::WRONG_KIND, message);
            None
        }
    }
}

/// One text, or a list of them, with their places.
pub(crate) fn texts<'a>(node: &'a Node, problems: &mut Problems) -> Vec<(&'a str, &'a Node)> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    items.iter().filter_map(|item| text_of(item, problems).map(|text| (text, item))).collect()
}
