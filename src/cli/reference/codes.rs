//! The page of codes.

use crate::model::code::{self, Class};

const CLASSES: [(Class, &str); 5] = [
    (Class::Config, "The config's mistakes (`spojka check` tells most of them)"),
    (Class::Permanent, "What needs a person"),
    (Class::Transient, "What passes by itself"),
    (Class::Caller, "The caller's mistakes"),
    (Class::Ours, "Our mistakes"),
];

pub(super) fn page() -> String {
    let mut page = "`spojka explain <code>` prints one of them.\n\n".to_owned();
    for (class, title) in CLASSES {
        page.extend([format!("## {title}\n\n")]);
        for code in code::ALL.iter().filter(|code| code.page().class == class) {
            let about = code.page();
            page.extend([format!("- `{}`: {}. {}\n", about.code, about.title, about.text)]);
        }
        page.push('\n');
    }
    page
}
