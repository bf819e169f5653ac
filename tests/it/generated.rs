//! What is made from the code and committed: pages and the editors' schema. Fresh, and true of the configs that we have.

mod schema;

use std::path::{Path, PathBuf};

use spojka::cli::{reference::Page, schema as schema_command};

fn committed(path: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    (path, text)
}

#[test]
fn the_pages_are_fresh() {
    for page in Page::ALL {
        let (path, text) = committed(&format!("reference/{}.md", page.name()));
        let fresh = text == page.text();
        assert!(fresh, "{} is stale: run `cargo run -- reference --write deploy/reference`", path.display());
    }
}

#[test]
fn the_schema_is_fresh() {
    let (path, text) = committed("schema/spojka.schema.json");
    let fresh = text == schema_command::text();
    assert!(fresh, "{0} is stale: run `cargo run -- schema > {0}`", path.display());
}

#[test]
fn the_pages_name_what_there_is() {
    let events = Page::Events.text();
    for event_type in spojka::topics::event::TYPES.iter().filter(|event_type| !event_type.name.starts_with("step.")) {
        assert!(events.contains(&format!("`{}`", event_type.name)), "{}", event_type.name);
    }
    assert!(
        events.contains("| `total` | `Money` | What the buyer pays, tax included. |"),
        "fields with their comments"
    );
    let connectors = Page::Connectors.text();
    for vendor in spojka::connectors::VENDORS {
        for operation in vendor.operations {
            for parameter in operation.parameters {
                assert!(connectors.contains(&format!("| `{}` |", parameter.name)), "{}", parameter.name);
            }
        }
    }
    for code in spojka::model::code::ALL {
        assert!(Page::Codes.text().contains(&format!("`{code}`")), "{code}");
    }
}
