//! The page of the config's keys.

use super::{code, table};
use crate::config::keys::{Key, mappings};

pub(super) fn page() -> String {
    let mut page =
        "A config is a directory of YAML files; what is in which file does not matter. Secrets are references, \
                    `env:NAME` or `file:/path`. Durations are written `250ms`, `30s`, `15m`, `6h`, `2d`.\n\n"
            .to_owned();
    for mapping in mappings() {
        page.extend([format!("## {}\n\n{}\n\n", code(mapping.name), mapping.doc)]);
        page.push_str(&table(&["key", "takes", "by itself", "for"], mapping.keys.iter().map(row)));
    }
    page
}

fn row(key: &Key) -> Vec<String> {
    let default = match (key.required, key.default) {
        (true, _) => "required".to_owned(),
        (false, default) if default.contains(' ') || default.contains('`') => default.to_owned(),
        (false, default) => code(default),
    };
    vec![code(key.name), key.takes.describe(), default, key.doc.to_owned()]
}
