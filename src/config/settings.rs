//! A vendor's settings, checked against the vendor's own list.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    fields::{scalar, text_of, texts, unknown_key},
    report::Problems,
    secrets::Secrets,
    tree::{Entry, Node, Value},
};
use crate::{
    connectors::contract::{
        Connector, Need, Setting, SettingKind, SettingProblem, Settings, Vendor,
        settings::{SettingValue, read_default, read_scalar},
    },
    model::code,
};

/// Checks what stands under a vendor's key and opens the connector.
pub(crate) fn open(
    vendor: &'static Vendor,
    entry: &Entry,
    secrets: &Secrets<'_>,
    problems: &mut Problems,
) -> Option<(Settings, Arc<dyn Connector>)> {
    let before = problems.count();
    let entries = entries_of(vendor, &entry.value, problems)?;
    let known = || vendor.settings.iter().map(|setting| setting.name);
    for given in entries.iter().filter(|given| !known().any(|name| name == given.key.text)) {
        unknown_key(&given.key, &format!("`{}`", vendor.name), known(), problems);
    }
    let mut values = BTreeMap::new();
    for setting in vendor.settings {
        let given = entries.iter().find(|given| given.key.text == setting.name);
        let misspelled = given.is_none() && is_misspelled(setting, vendor, entries);
        let value = if misspelled { None } else { value_of(setting, given, entry, secrets, problems) };
        values.extend(value.map(|value| (setting.name, value)));
    }
    if problems.count() > before {
        return None;
    }
    let settings = Settings::new(values);
    match (vendor.open)(settings.clone()) {
        Ok(connector) => Some((settings, connector)),
        Err(found) => {
            for problem in &found {
                place_problem(problem, entries, entry, problems);
            }
            None
        }
    }
}

/// It is given under a name that is nearly its own: that has been told already.
fn is_misspelled(setting: &Setting, vendor: &Vendor, entries: &[Entry]) -> bool {
    let known = || vendor.settings.iter().map(|known| known.name);
    let unknown = entries.iter().map(|entry| entry.key.text.as_str()).filter(|key| !known().any(|name| name == *key));
    unknown.into_iter().any(|key| crate::expr::suggest::nearest(key, known()) == Some(setting.name))
}

fn entries_of<'a>(vendor: &Vendor, node: &'a Node, problems: &mut Problems) -> Option<&'a [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        Value::Null => Some(&[]),
        other => {
            let message = format!("the settings of `{}` must be a mapping, found {}", vendor.name, other.describe());
            problems.add(&node.place, code::WRONG_KIND, message);
            None
        }
    }
}

fn value_of(
    setting: &'static Setting,
    given: Option<&Entry>,
    vendor: &Entry,
    secrets: &Secrets<'_>,
    problems: &mut Problems,
) -> Option<SettingValue> {
    let given = given.filter(|given| !matches!(given.value.value, Value::Null));
    match (given, setting.need) {
        (Some(given), _) => read(setting.kind, &given.value, secrets, problems),
        (None, Need::Default(default)) => {
            Some(read_default(setting.kind, default).expect("a vendor's own default fits its kind"))
        }
        (None, Need::Optional) => None,
        (None, Need::Required) => {
            let message = format!("`{}` needs the setting `{}`", vendor.key.text, setting.name);
            problems.add(&vendor.key.place, code::MISSING_KEY, message).hint(hint_for(setting));
            None
        }
    }
}

fn hint_for(setting: &Setting) -> String {
    let example = match setting.kind {
        SettingKind::Secret | SettingKind::Secrets => "env:NAME",
        _ => "…",
    };
    format!("add `{}: {example}`: {}", setting.name, lower_first(setting.doc))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let acronym = text.chars().take(2).all(char::is_uppercase);
    match chars.next() {
        Some(first) if !acronym => first.to_lowercase().chain(chars).collect(),
        _ => text.trim_end_matches('.').to_owned(),
    }
}

fn read(kind: SettingKind, node: &Node, secrets: &Secrets<'_>, problems: &mut Problems) -> Option<SettingValue> {
    match kind {
        SettingKind::Secret => secrets.resolve(node, problems).map(|secret| SettingValue::Secrets(vec![secret])),
        SettingKind::Secrets => {
            let nodes = match &node.value {
                Value::List(items) => items.as_slice(),
                _ => std::slice::from_ref(node),
            };
            // All of them first: one that is missing must not hide the next.
            let found: Vec<_> = nodes.iter().map(|node| secrets.resolve(node, problems)).collect();
            found.into_iter().collect::<Option<_>>().map(SettingValue::Secrets)
        }
        SettingKind::Texts => {
            Some(SettingValue::Texts(texts(node, problems).into_iter().map(|(text, _)| text.to_owned()).collect()))
        }
        SettingKind::TextMap => text_map(node, problems).map(SettingValue::TextMap),
        scalar_kind => scalar(node, problems, |text| read_scalar(scalar_kind, text)),
    }
}

fn text_map(node: &Node, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    let Value::Map(entries) = &node.value else {
        problems.add(&node.place, code::WRONG_KIND, format!("expected a mapping, found {}", node.value.describe()));
        return None;
    };
    let pair = |entry: &Entry, problems: &mut Problems| {
        text_of(&entry.value, problems).map(|text| (entry.key.text.clone(), text.to_owned()))
    };
    let pairs: Vec<_> = entries.iter().map(|entry| pair(entry, problems)).collect();
    pairs.into_iter().collect()
}

/// A connector's own complaint, where its setting stands.
fn place_problem(problem: &SettingProblem, entries: &[Entry], vendor: &Entry, problems: &mut Problems) {
    let given = entries.iter().find(|given| given.key.text == problem.setting);
    let place = given.map_or(&vendor.key.place, |given| &given.key.place);
    let added = problems.add(place, code::BAD_SETTING, format!("`{}`: {}", problem.setting, problem.message));
    if let Some(hint) = &problem.hint {
        added.hint(hint.clone());
    }
}
