//! The files of a config, read and put together: the order of files means nothing.

use std::{path::Path, sync::Arc};

use super::{
    encoding,
    report::Problems,
    source::{Place, SourceFile},
    tree::{self, Entry, Node, Value},
};
use crate::model::code;

/// What to do where there is nothing.
const BEGIN: &str = "begin with an example: `spojka init` lists them";

/// What all files say together.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub connections: Vec<Entry>,
    pub flows: Vec<Entry>,
    pub tests: Vec<Entry>,
    pub lookups: Vec<Entry>,
    pub field_sets: Vec<Entry>,
    /// All other keys, each once.
    pub service: Vec<Entry>,
    /// The files that hold what flows are made of, by their paths, sorted.
    pub with_flows: Vec<(String, String)>,
}

/// Reads a file, or all `*.yaml` and `*.yml` of a directory.
pub(crate) fn find(path: &Path, problems: &mut Problems) -> Vec<Arc<SourceFile>> {
    let paths = if path.is_dir() { list(path) } else { Ok(vec![path.to_owned()]) };
    let Ok(paths) = paths else {
        problems.add_global(code::UNREADABLE_FILE, format!("`{}` cannot be listed", path.display()));
        return Vec::new();
    };
    if paths.is_empty() {
        let message = format!("`{}` holds no `*.yaml` files", path.display());
        problems.add_global(code::NO_CONFIG, message).hint(instead_of_yaml(path));
    }
    let root = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let mut files = Vec::new();
    for path in paths {
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        match std::fs::read(&path) {
            Ok(bytes) => files.extend(encoding::read(&name, bytes, problems)),
            Err(error) => {
                let message = format!("`{}` cannot be read: {}", path.display(), error.kind());
                problems.add_global(code::UNREADABLE_FILE, message);
            }
        }
    }
    files
}

fn list(directory: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// What may have become of the config of a directory that has none.
fn instead_of_yaml(directory: &Path) -> String {
    let mut entries: Vec<_> = std::fs::read_dir(directory).into_iter().flatten().flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let lower = name.to_lowercase();
        if path.is_dir() && list(&path).is_ok_and(|inside| !inside.is_empty()) {
            return format!("folders inside are not read: name the folder, `{}`", path.display());
        }
        if path.is_file() && (lower.contains(".yaml") || lower.contains(".yml")) {
            return format!("rename `{name}` so that it ends in `.yaml`");
        }
    }
    BEGIN.to_owned()
}

/// Parses files and puts them together.
pub(crate) fn merge(files: &[Arc<SourceFile>], problems: &mut Problems) -> Files {
    let mut merged = Files::default();
    for file in files {
        let Some(root) = tree::read(file, problems) else { continue };
        let Value::Map(entries) = root.value else {
            let message = format!("a config is a mapping, found {}", root.value.describe());
            problems
                .add(&root.place, code::WRONG_KIND, message)
                .hint("begin with `connections:` or `flows:`, as deploy/examples do");
            continue;
        };
        if entries.iter().any(shapes_flows) {
            merged.with_flows.push((file.path.clone(), file.text.clone()));
        }
        for entry in entries {
            match entry.key.text.as_str() {
                "connections" => add_members(&mut merged.connections, entry.value, "connections", problems),
                "flows" => add_members(&mut merged.flows, entry.value, "flows", problems),
                "lookups" => add_members(&mut merged.lookups, entry.value, "lookups", problems),
                "field_sets" => add_members(&mut merged.field_sets, entry.value, "field_sets", problems),
                // No part of the flow set: a new test changes nothing that is in force.
                "tests" => add_members(&mut merged.tests, entry.value, "tests", problems),
                _ => add(&mut merged.service, entry, problems),
            }
        }
    }
    merged.with_flows.sort();
    merged
}

/// Complains about a config that says nothing. (A stored flow set may: then no flows were in force.)
pub(crate) fn refuse_empty(merged: &Files, files: &[Arc<SourceFile>], problems: &mut Problems) {
    let parts =
        [&merged.connections, &merged.flows, &merged.lookups, &merged.field_sets, &merged.tests, &merged.service];
    let empty = parts.into_iter().all(Vec::is_empty);
    if let Some(file) = files.first().filter(|_| empty && problems.count() == 0) {
        problems.add(&Place::start(file), code::NO_CONFIG, "the config is empty").hint(BEGIN);
    }
}

/// Whether an entry of a file says what flows do: then the file is part of the flow set.
fn shapes_flows(entry: &Entry) -> bool {
    let gives_defaults = |connection: &Entry| member(&connection.value, "defaults").is_some();
    match (entry.key.text.as_str(), &entry.value.value) {
        ("flows" | "lookups" | "field_sets", _) => true,
        ("connections", Value::Map(connections)) => connections.iter().any(gives_defaults),
        _ => false,
    }
}

/// A member of a mapping.
pub(crate) fn member<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key.text == name).map(|entry| &entry.value)
}

fn add_members(all: &mut Vec<Entry>, node: Node, what: &str, problems: &mut Problems) {
    match node.value {
        Value::Map(entries) => entries.into_iter().for_each(|entry| add(all, entry, problems)),
        Value::Null => {}
        other => {
            let message = format!("`{what}` must be a mapping, found {}", other.describe());
            let hint = "write each name as a key, without `- `, and what belongs to it under it";
            problems.add(&node.place, code::WRONG_KIND, message).hint(hint);
        }
    }
}

fn add(all: &mut Vec<Entry>, entry: Entry, problems: &mut Problems) {
    match all.iter().find(|other| other.key.text == entry.key.text) {
        None => all.push(entry),
        Some(first) => {
            let place = &first.key.place;
            problems.add(&entry.key.place, code::DUPLICATE_KEY, format!("`{}` stands twice", entry.key.text)).hint(
                format!("first given in {}:{}: leave one of them out, or rename it", place.file.path, place.line),
            );
        }
    }
}
