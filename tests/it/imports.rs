//! The rules of the repository that a compiler does not know: who may import whom, and which library stays behind which wall.
//! The table stands in `src/README.md`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Modules by row, and what each may use beside its own. `*`: everything below.
const ROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("topics", &["model"]),
    ("expr", &["model", "topics"]),
    ("telemetry", &["model", "topics"]),
    ("log", &["model", "topics", "expr", "telemetry"]),
    ("http", &["model", "topics", "expr", "telemetry"]),
    ("connectors", &["model", "topics", "expr"]),
    ("gateway", &["model", "topics", "telemetry", "log", "connectors"]),
    ("normalizer", &["model", "topics", "telemetry", "log", "connectors"]),
    ("router", &["model", "topics", "expr", "telemetry", "log", "connectors"]),
    ("dispatcher", &["model", "topics", "telemetry", "log", "http", "connectors"]),
    ("sandbox", &["model", "topics", "telemetry", "connectors"]),
    (
        "config",
        &[
            "model",
            "topics",
            "expr",
            "telemetry",
            "log",
            "http",
            "connectors",
            "gateway",
            "normalizer",
            "router",
            "dispatcher",
        ],
    ),
    ("runtime", &["*"]),
    ("cli", &["*"]),
];

/// A library, and the only places that may name it.
const WALLS: &[(&str, &[&str])] = &[
    ("reqwest", &["src/http/"]),
    ("rdkafka", &["src/log/kafka"]),
    ("cel", &["src/expr/"]),
    ("rusqlite", &["src/log/"]),
    ("saphyr", &["src/config/"]),
    ("clap", &["src/cli/"]),
    ("actix_web", &["src/gateway/", "src/telemetry/", "src/sandbox/", "src/runtime/"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, with their text.
fn files(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn source() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    files(&root().join("src"), &mut found);
    found
}

/// The code of a file: without comments, and with `use crate::{…}` lists flattened to `crate::name`.
fn uses(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names = Vec::new();
    for (index, _) in code.match_indices("crate::") {
        let rest = &code[index + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            names.extend(top_level_names(list));
        } else {
            names.push(name_of(rest));
        }
    }
    names
}

fn name_of(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first names of a `use` list's members, up to the brace that closes it.
fn top_level_names(list: &str) -> Vec<String> {
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (index, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name_of(&list[start..]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name_of(&list[start..]));
                start = index + 1;
            }
            _ => {}
        }
    }
    names
}

#[test]
fn nobody_imports_from_above() {
    let modules: Vec<_> = ROWS.iter().map(|(module, _)| *module).collect();
    let mut broken = Vec::new();
    for (file, text) in source() {
        let module = file.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        let Some((_, allowed)) = ROWS.iter().find(|(row, _)| *row == module) else { continue };
        // Tests may reach for what the code beside them may not.
        if allowed.contains(&"*") || file.contains("/tests") {
            continue;
        }
        for used in uses(&text) {
            let known = modules.contains(&used.as_str());
            if known && used != module && !allowed.contains(&used.as_str()) {
                broken.push(format!("{file} uses `{used}`"));
            }
        }
    }
    assert!(broken.is_empty(), "imports from above:\n{}", broken.join("\n"));
}

#[test]
fn every_module_has_a_row() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for line in lib.lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert!(ROWS.iter().any(|(row, _)| *row == module), "`{module}` has no row in the import table");
        }
    }
}

#[test]
fn libraries_stay_behind_their_walls() {
    let mut broken = Vec::new();
    for (file, text) in source() {
        for (library, homes) in WALLS {
            let named = text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
                line.match_indices(&format!("{library}::"))
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
            });
            if named && !homes.iter().any(|home| file.starts_with(home)) {
                broken.push(format!("{file} names `{library}`"));
            }
        }
    }
    assert!(broken.is_empty(), "libraries outside their walls:\n{}", broken.join("\n"));
}

/// Everything known about a vendor lives in its folder; its name may stand in the registry, in tests, in the demo, and
/// in the list of examples that `init` gives away.
#[test]
fn vendors_stay_in_their_folders() {
    let names = spojka::connectors::VENDORS.iter().map(|vendor| vendor.name);
    // `http` is no vendor's name: the protocol stands everywhere.
    let vendors: Vec<_> = names.filter(|name| *name != "http").collect();
    let mut broken = Vec::new();
    for (file, text) in source() {
        let at_home = vendors.iter().any(|vendor| file.starts_with(&format!("src/connectors/{vendor}/")));
        let may =
            ["src/connectors/mod.rs", "src/cli/demo", "src/cli/init.rs"].iter().any(|part| file.starts_with(part));
        if at_home || may || file.contains("test") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("").to_lowercase();
            for vendor in &vendors {
                if code.split(|c: char| !c.is_alphanumeric()).any(|word| word == *vendor) {
                    broken.push(format!("{file}:{} names {vendor}", number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "vendors outside their folders:\n{}", broken.join("\n"));
}
