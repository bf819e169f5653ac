//! `spojka connectors`: what each vendor takes and does, from the same lists that checking reads.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{
    Exit, client,
    output::{Output, table},
};
use crate::connectors::{
    self,
    contract::{Limit, Parameter, Vendor, operation::OperationKind},
};

/// Lists all vendors, or describes one.
pub fn run(vendor: Option<&str>, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let Some(name) = vendor else {
        let list: Vec<_> = connectors::VENDORS.iter().map(|vendor| describe(vendor)).collect();
        output.show(&list, |out, _| {
            let row = |vendor: &&Vendor| vec![vendor.name.to_owned(), vendor.title.to_owned(), vendor.doc.to_owned()];
            table(out, &["vendor", "title", "what it is"], &connectors::VENDORS.iter().map(row).collect::<Vec<_>>())
        })?;
        return Ok(Exit::Done);
    };
    let vendor = client::find_vendor(name)?;
    output.show(&describe(vendor), |out, _| print(out, vendor))?;
    Ok(Exit::Done)
}

fn print(out: &mut dyn Write, vendor: &Vendor) -> io::Result<()> {
    writeln!(out, "{} ({})\n{}\n\nsettings", vendor.title, vendor.name, vendor.doc)?;
    let rows: Vec<_> = vendor
        .settings
        .iter()
        .map(|setting| {
            vec![
                setting.name.to_owned(),
                setting.kind.describe(),
                setting.need.describe().to_owned(),
                setting.doc.to_owned(),
            ]
        })
        .collect();
    table(out, &["name", "takes", "default", "for"], &rows)?;
    if !vendor.limits.is_empty() {
        writeln!(out, "\nlimits (change them under `delivery: {{ limits: … }}`)")?;
        let rows: Vec<_> = vendor.limits.iter().map(limit_cells).collect();
        table(out, &["name", "calls", "of", "shared by", "what"], &rows)?;
    }
    writeln!(out, "\nevents")?;
    let rows: Vec<_> = vendor.events.iter().map(|event| vec![event.name.to_owned(), event.doc.to_owned()]).collect();
    table(out, &["type", "meaning"], &rows)?;
    for operation in vendor.operations.iter().filter(|operation| operation.kind == OperationKind::Write) {
        let repeat = operation.repeat.as_str();
        writeln!(
            out,
            "\noperation {} (repeat: {repeat}, calls: {})\n{}",
            operation.name, operation.calls, operation.doc
        )?;
        let rows: Vec<_> = operation
            .parameters
            .iter()
            .map(|parameter| {
                let required = match parameter {
                    Parameter { required: true, .. } => "required",
                    Parameter { occasional: true, .. } => "on",
                    _ => "",
                };
                vec![
                    parameter.name.to_owned(),
                    parameter.kind.describe(),
                    required.to_owned(),
                    parameter.doc.to_owned(),
                ]
            })
            .collect();
        table(out, &["parameter", "takes", "", "for"], &rows)?;
        if operation.parameters.iter().any(|parameter| parameter.occasional) {
            writeln!(out, "on: may be for creating or for updating only, `{{ value: …, on: create | update }}`")?;
        }
        for field in operation.results {
            writeln!(out, "gives `{}`: {}", field.name, field.doc)?;
        }
    }
    writeln!(out, "\nsamples for `spojka send`")?;
    let rows: Vec<_> =
        vendor.samples.iter().map(|sample| vec![sample.name.to_owned(), sample.doc.to_owned()]).collect();
    table(out, &["name", "what"], &rows)
}

fn limit_cells(limit: &Limit) -> Vec<String> {
    vec![
        limit.name.to_owned(),
        format!("{} a {}", limit.calls, limit.window.as_str()),
        limit.class.unwrap_or("all").to_owned(),
        limit.scope.as_str().to_owned(),
        limit.doc.to_owned(),
    ]
}

fn describe_limit(limit: &Limit) -> Value {
    let price = limit.price.map(|price| {
        json!({
            "block": price.block, "amount": price.amount, "currency": price.currency, "vat": price.vat.as_str(),
            "charged": price.charged.as_str(),
        })
    });
    json!({
        "name": limit.name, "doc": limit.doc, "scope": limit.scope.as_str(), "class": limit.class, "calls": limit.calls,
        "window": limit.window.as_str(), "price": price,
    })
}

fn describe(vendor: &Vendor) -> Value {
    json!({
        "vendor": vendor.name, "title": vendor.title, "doc": vendor.doc,
        "settings": vendor.settings.iter().map(|setting| json!({
            "name": setting.name, "takes": setting.kind.describe(), "default": setting.need.describe(), "doc": setting.doc,
        })).collect::<Vec<_>>(),
        "events": vendor.events.iter().map(|event| json!({ "type": event.name, "doc": event.doc })).collect::<Vec<_>>(),
        "url_events": vendor.url_events,
        "pace": { "per_second": vendor.pace.per_second, "concurrency": vendor.pace.concurrency },
        "limits": vendor.limits.iter().map(describe_limit).collect::<Vec<_>>(), "time_zone": vendor.time_zone,
        "operations": vendor.operations.iter().map(|operation| json!({
            "name": operation.name, "doc": operation.doc, "repeat": operation.repeat.as_str(), "calls": operation.calls,
            "limit_class": operation.limit_class, "for_flows": operation.kind == OperationKind::Write,
            "parameters": operation.parameters.iter().map(|parameter| json!({
                "name": parameter.name, "takes": parameter.kind.describe(), "required": parameter.required,
                "create_or_update": parameter.occasional,
                "doc": parameter.doc,
            })).collect::<Vec<_>>(),
            "results": operation.results.iter().map(|field| json!({ "name": field.name, "doc": field.doc }))
                .collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "samples": vendor.samples.iter().map(|sample| json!({ "name": sample.name, "doc": sample.doc }))
            .collect::<Vec<_>>(),
    })
}
