//! A connection's `defaults`: parameters for all of its operations that have them, and for single ones under their names.
//! Checked as a whole where they stand; what depends on a flow's event or steps, again in each step that takes them.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    super::{
        ConnectionConfig,
        connections::Connections,
        fields::list,
        report::Problems,
        tree::{Entry, Value},
    },
    parameters,
};
use crate::{
    connectors::contract::{Operation, Vendor, operation::OperationKind},
    expr::{Lookups, Scope},
    model::{code, connection::ConnectionName},
};

/// Checks the defaults of all connections.
pub(crate) fn check(connections: &Connections, lookups: &Arc<Lookups>, problems: &mut Problems) {
    let scope = Scope::new(None, &BTreeMap::new()).with_lookups(Arc::clone(lookups));
    for (name, entries) in &connections.defaults {
        if let Some(config) = connections.good.get(name) {
            entries.iter().for_each(|entry| Check { name, config, scope: &scope }.entry(entry, problems));
        }
    }
}

fn writes(vendor: &'static Vendor) -> impl Iterator<Item = &'static Operation> {
    vendor.operations.iter().filter(|operation| operation.kind == OperationKind::Write)
}

struct Check<'a> {
    name: &'a ConnectionName,
    config: &'a ConnectionConfig,
    scope: &'a Scope,
}

impl Check<'_> {
    fn entry(&self, entry: &Entry, problems: &mut Problems) {
        let key = entry.key.text.as_str();
        let vendor = self.config.vendor;
        if let Some(operation) = writes(vendor).find(|operation| operation.name == key) {
            return self.of_operation(entry, operation, problems);
        }
        let of_operation = |operation: &'static Operation| Some((operation, operation.parameter(key)?));
        let mut known = writes(vendor).filter_map(of_operation).peekable();
        if known.peek().is_none() {
            return self.unknown(entry, problems);
        }
        // Operations may take different things under one name; what several complain about alike is told once.
        for (operation, parameter) in known.filter(|_| !matches!(entry.value.value, Value::Null)) {
            parameters::read_one(parameter, operation, &entry.value, self.scope, problems);
        }
    }

    fn of_operation(&self, entry: &Entry, operation: &'static Operation, problems: &mut Problems) {
        let entries = match &entry.value.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Null => &[],
            other => {
                let message =
                    format!("the defaults of `{}` must be a mapping, found {}", operation.name, other.describe());
                problems.add(&entry.value.place, code::WRONG_KIND, message);
                return;
            }
        };
        for entry in entries {
            let Some(parameter) = operation.parameter(&entry.key.text) else {
                let known = || operation.parameters.iter().map(|parameter| parameter.name);
                let hint = hint_for(&entry.key.text, known().collect());
                let message = format!("`{}.{}` has no parameter `{}`", self.name, operation.name, entry.key.text);
                problems.add(&entry.key.place, code::NO_SUCH_PARAMETER, message).hint(hint);
                continue;
            };
            if !matches!(entry.value.value, Value::Null) {
                parameters::read_one(parameter, operation, &entry.value, self.scope, problems);
            }
        }
    }

    fn unknown(&self, entry: &Entry, problems: &mut Problems) {
        let vendor = self.config.vendor;
        let parameters = writes(vendor).flat_map(|operation| operation.parameters).map(|parameter| parameter.name);
        let mut known: Vec<&str> = writes(vendor).map(|operation| operation.name).chain(parameters).collect();
        known.sort_unstable();
        known.dedup();
        let message = format!("no operation of `{}` has a parameter `{}`", vendor.name, entry.key.text);
        let hint = if known.is_empty() {
            format!("`{}` takes no actions", vendor.name)
        } else {
            hint_for(&entry.key.text, known)
        };
        problems.add(&entry.key.place, code::NO_SUCH_PARAMETER, message).hint(hint);
    }
}

fn hint_for(key: &str, known: Vec<&str>) -> String {
    match crate::expr::suggest::nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is {}", list(known.into_iter())),
    }
}
