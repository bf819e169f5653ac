use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::expr::{
    Facts, Scope, Template,
    lookup::{Lookup, Missing},
    tests::event,
};

/// Every example, through a template and with an event at hand, as a flow would run it.
#[test]
fn every_example_is_true() {
    let rows = [("Új", "Nou"), ("Fizetve", "Plătit")].map(|(from, to)| (from.to_owned(), to.to_owned())).into();
    let statuses = Lookup { name: "statuses".to_owned(), rows, missing: Missing::Fails };
    let lookups = Arc::new([("statuses".to_owned(), Arc::new(statuses))].into());
    let scope = Scope::new(None, &BTreeMap::new()).with_lookups(lookups);
    let facts = Facts::of(&event(), &BTreeMap::new());
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
