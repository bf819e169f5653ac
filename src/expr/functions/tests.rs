use std::collections::BTreeSet;

use super::*;
use crate::expr::{Facts, Scope, Template, tests::event};

/// Every example, through a template and with an event at hand, as a flow would run it.
#[test]
fn every_example_is_true() {
    let scope = Scope::new(None, &std::collections::BTreeMap::new());
    let facts = Facts::of(&event(), &std::collections::BTreeMap::new());
    for Function { name, doc, example: Example(text, expected), .. } in all() {
        assert!(text.contains(name), "the example of `{name}` does not call it");
        assert!(doc.ends_with('.'), "{name}: {doc}");
        let template =
            Template::compile(&format!("${{{text}}}"), &scope).unwrap_or_else(|found| panic!("{text}: {found:?}"));
        let found = match template.evaluate(&facts).unwrap_or_else(|failed| panic!("{text}: {failed}")) {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        assert_eq!(found, *expected, "{text}");
    }
}

#[test]
fn every_form_stands_once() {
    let forms: Vec<String> =
        all().map(|function| format!("{} {:?} {:?}", function.name, function.on, function.takes)).collect();
    assert_eq!(forms.iter().collect::<BTreeSet<_>>().len(), forms.len());
}
