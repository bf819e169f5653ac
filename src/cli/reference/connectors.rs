//! The page of vendors.

use super::{code, table};
use crate::connectors::{
    VENDORS,
    contract::{Limit, Operation, Parameter, Vendor, operation::OperationKind},
};

pub(super) fn page() -> String {
    VENDORS.iter().map(|vendor| of_vendor(vendor)).collect()
}

fn of_vendor(vendor: &Vendor) -> String {
    let mut page = format!("## {}: `{}`\n\n{}\n\n### Settings of `{1}`\n\n", vendor.title, vendor.name, vendor.doc);
    let settings = vendor.settings.iter().map(|setting| {
        vec![code(setting.name), setting.kind.describe(), setting.need.describe().to_owned(), setting.doc.to_owned()]
    });
    page.push_str(&table(&["setting", "takes", "by itself", "for"], settings));
    if !vendor.limits.is_empty() {
        page.extend([format!("### Limits of `{}`\n\n", vendor.name)]);
        page.push_str(&table(&["limit", "calls", "of", "shared by", "what"], vendor.limits.iter().map(limit)));
    }
    if !vendor.events.is_empty() {
        page.extend([format!("### Events of `{}`\n\n", vendor.name)]);
        let events = vendor.events.iter().map(|event| vec![code(event.name), event.doc.to_owned()]);
        page.push_str(&table(&["type", "meaning"], events));
    }
    for operation in vendor.operations.iter().filter(|operation| operation.kind == OperationKind::Write) {
        page.push_str(&of_operation(vendor, operation));
    }
    page
}

fn limit(limit: &Limit) -> Vec<String> {
    vec![
        code(limit.name),
        format!("{} a {}", limit.calls, limit.window.as_str()),
        limit.class.unwrap_or("all").to_owned(),
        limit.scope.as_str().to_owned(),
        limit.doc.to_owned(),
    ]
}

fn of_operation(vendor: &Vendor, operation: &Operation) -> String {
    let mut page = format!("### `{}` of `{}`\n\n{}\n\n", operation.name, vendor.name, operation.doc);
    let calls = if operation.calls == 1 { "1 call".to_owned() } else { format!("about {} calls", operation.calls) };
    page.extend([format!("It takes {calls}; repeated as `{}`.\n\n", operation.repeat.as_str())]);
    page.push_str(&table(&["parameter", "takes", "", "for"], operation.parameters.iter().map(parameter)));
    let results = operation.results.iter().map(|result| vec![code(result.name), result.doc.to_owned()]);
    page.push_str(&table(&["result for later steps", "what"], results));
    page
}

fn parameter(parameter: &Parameter) -> Vec<String> {
    let required = if parameter.required { "required" } else { "" };
    vec![code(parameter.name), parameter.kind.describe(), required.to_owned(), parameter.doc.to_owned()]
}
