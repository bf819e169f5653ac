//! The sandbox's documents.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    Fapi, Filters,
    answers::{Answer, created, invalid, missing, ok},
    body, find, merge, seed,
};
use crate::{
    connectors::{contract::sandbox::SandboxRequest, kit::number},
    model::{
        http::{Method, Reply},
        time::Timestamp,
    },
};

const WRITABLE: &[&str] = &[
    "client",
    "items",
    "iban",
    "swift",
    "notes",
    "form",
    "proforma",
    "payment_type",
    "currency",
    "language",
    "paid",
    "vat_date",
];
const ITEM: &[&str] = &["name", "price", "count", "vat", "including_vat"];
const FILTERS: &[&str] = &[
    "limit",
    "offset",
    "partial_parent",
    "last_modified_after",
    "number",
    "variable_symbol",
    "client",
    "form",
    "project",
    "parent",
];

pub(super) fn answer(
    fapi: &mut Fapi,
    method: Method,
    path: &[&str],
    filters: &Filters,
    request: &SandboxRequest,
    now: Timestamp,
) -> Answer {
    match (method, path) {
        (Method::Get, []) => list(fapi, filters),
        (Method::Get, ["count"]) => count(fapi, filters),
        (Method::Get, ["get-invoices-sequence", id]) => sequence(fapi, id),
        (Method::Get, [id]) => find(&fapi.invoices, id).map(|(_, invoice)| ok(&Value::Object(invoice.clone()))),
        (Method::Post, []) => create(fapi, body(request, WRITABLE)?, now),
        (Method::Put, [id]) => update(fapi, id, body(request, WRITABLE)?, now),
        (Method::Delete, [id]) => delete(fapi, id),
        _ => Err(missing()),
    }
}

/// Newest first, and strictly after `last_modified_after`: both are undocumented, and this is the harder way for a reader.
fn list(fapi: &Fapi, filters: &Filters) -> Answer {
    filters.allow(FILTERS)?;
    let after = filters.get("last_modified_after").unwrap_or("");
    let exact = ["partial_parent", "number", "variable_symbol", "client", "form", "project", "parent"];
    let wanted = |invoice: &&Map<String, Value>| {
        let text = |name: &str| invoice.get(name).and_then(number::id).unwrap_or_default();
        text("last_modified_on").as_str() > after || after.is_empty()
    };
    let matches = |invoice: &&Map<String, Value>| {
        let text = |name: &str| invoice.get(name).and_then(number::id).unwrap_or_default();
        exact.iter().all(|name| filters.get(name).is_none_or(|value| value == text(name)))
    };
    let invoices = fapi.invoices.values().rev().filter(wanted).filter(matches);
    let rows = invoices.cloned().map(Value::Object).collect();
    Ok(ok(&json!({"invoices": filters.page(rows)?})))
}

fn count(fapi: &Fapi, filters: &Filters) -> Answer {
    filters.allow(&["status", "created_on_from", "created_on_to"])?;
    let within = |invoice: &&Map<String, Value>| {
        let created = invoice.get("created_on").and_then(Value::as_str).unwrap_or("");
        filters.get("created_on_from").is_none_or(|from| created >= from)
            && filters.get("created_on_to").is_none_or(|to| created <= to)
    };
    Ok(ok(&json!({"count": fapi.invoices.values().filter(within).count()})))
}

/// From the first document down, each followed by those made from it.
fn sequence(fapi: &Fapi, id: &str) -> Answer {
    let (mut root, _) = find(&fapi.invoices, id)?;
    while let Some(parent) = parent(fapi, root).filter(|parent| fapi.invoices.contains_key(parent)) {
        root = parent;
    }
    let mut chain = vec![root];
    let mut at = 0;
    while let Some(id) = chain.get(at).copied() {
        chain.extend(fapi.invoices.keys().copied().filter(|child| parent(fapi, *child) == Some(id)));
        at += 1;
    }
    let row = |id: &u64| json!({"id": id, "type": fapi.invoices[id].get("type")});
    Ok(ok(&json!({"invoices": chain.iter().map(row).collect::<Vec<_>>()})))
}

fn parent(fapi: &Fapi, id: u64) -> Option<u64> {
    fapi.invoices.get(&id)?.get("parent")?.as_u64()
}

fn create(fapi: &mut Fapi, fields: Map<String, Value>, now: Timestamp) -> Answer {
    check_items(fields.get("items").ok_or_else(|| invalid("Field \"items\" is required."))?)?;
    let client = fields.get("client").ok_or_else(|| invalid("Field \"client\" is required."))?;
    find(&fapi.clients, &client.to_string())?;
    let id = issue(fapi, fields, now);
    fapi.effect("invoice_created", "invoice", id, true);
    Ok(created(&recorded(&fapi.invoices[&id])))
}

/// The recorded answers to POST and PUT lack the lines' `invoice`.
fn recorded(invoice: &Map<String, Value>) -> Value {
    let mut invoice = invoice.clone();
    for item in invoice.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        item.as_object_mut().map(|item| item.remove("invoice"));
    }
    Value::Object(invoice)
}

fn check_items(items: &Value) -> Result<(), Reply> {
    let items = items.as_array().filter(|items| !items.is_empty()).ok_or_else(|| invalid("Items are expected."))?;
    for item in items {
        let item = item.as_object().cloned().ok_or_else(|| invalid("An item is an object."))?;
        let item = super::allow(item, ITEM)?;
        if !item.contains_key("name") || item.get("price").and_then(number::decimal).is_none() {
            return Err(invalid("An item needs \"name\" and \"price\"."));
        }
    }
    Ok(())
}

/// Makes a document of the given fields over what the account's settings decide: a pro forma, as recorded.
pub(super) fn issue(fapi: &mut Fapi, fields: Map<String, Value>, now: Timestamp) -> u64 {
    let id = fapi.next_id();
    let (written, day) = (fapi.local().write(now), seed::day(fapi.local(), now));
    let number = format!("{}{:05}", day.chars().take(4).collect::<String>(), id % 100_000);
    let mut invoice = seed::object(json!({
        "id": id, "number": number, "variable_symbol": number, "created_on": written, "last_modified_on": written,
        "create_date": day, "payday_date": day, "type": "proforma", "payment_type": "wire", "currency": "CZK",
        "language": "cs", "paid": false, "cancelled": false, "has_credit_note": false, "proforma": true,
        "credit_note": false, "path": format!("{id:0>40}"), "new_order": (id + 1_000_000).to_string(),
    }));
    if let Some((_, client)) = fields.get("client").and_then(|client| find(&fapi.clients, &client.to_string()).ok()) {
        let named = |name: &str| client.get(name).cloned().unwrap_or(Value::Null);
        invoice.insert("customer".to_owned(), json!({"name": named("email"), "email": named("email")}));
    }
    merge(&mut invoice, fields);
    number_items(fapi, id, &mut invoice);
    sum_up(&mut invoice);
    if invoice.get("paid") == Some(&Value::Bool(true)) && !invoice.contains_key("paid_on") {
        invoice.insert("paid_on".to_owned(), json!(format!("{day} 00:00:00")));
    }
    fapi.invoices.insert(id, invoice);
    id
}

fn number_items(fapi: &mut Fapi, invoice_id: u64, invoice: &mut Map<String, Value>) {
    for item in invoice.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(item) = item.as_object_mut() else { continue };
        item.entry("count").or_insert(json!(1));
        item.insert("id".to_owned(), json!(fapi.next_id()));
        item.insert("invoice".to_owned(), json!(invoice_id));
    }
}

fn sum_up(invoice: &mut Map<String, Value>) {
    if invoice.contains_key("total") {
        return;
    }
    let (mut total, mut tax) = (Decimal::ZERO, Decimal::ZERO);
    for item in invoice.get("items").and_then(Value::as_array).into_iter().flatten() {
        let value = |name: &str| item.get(name).and_then(number::decimal).unwrap_or_default();
        let line = value("price").saturating_mul(value("count"));
        let rate = value("vat");
        let including = item.get("including_vat") == Some(&Value::Bool(true));
        let share = if including { rate / (Decimal::ONE_HUNDRED + rate) } else { rate / Decimal::ONE_HUNDRED };
        let line_tax = line.saturating_mul(share).round_dp(2).normalize();
        tax = tax.saturating_add(line_tax);
        total = total.saturating_add(if including { line } else { line.saturating_add(line_tax) });
    }
    for (name, amount) in [("total", total), ("total_vat", tax), ("total_czk", total), ("total_vat_czk", tax)] {
        invoice.insert(name.to_owned(), serde_json::from_str(&amount.to_string()).unwrap_or(Value::Null));
    }
}

fn update(fapi: &mut Fapi, id: &str, fields: Map<String, Value>, now: Timestamp) -> Answer {
    let (id, _) = find(&fapi.invoices, id)?;
    if let Some(items) = fields.get("items") {
        check_items(items)?;
    }
    let paid = fields.get("paid") == Some(&Value::Bool(true));
    let changed = edit(fapi, id, fields, now);
    if paid && changed {
        let day = seed::day(fapi.local(), now);
        edit(fapi, id, seed::object(json!({"paid_on": format!("{day} 00:00:00")})), now);
    }
    fapi.effect("invoice_updated", "invoice", id, changed);
    Ok(ok(&recorded(&fapi.invoices[&id])))
}

/// Overwrites a document's fields; what changes nothing moves no time.
pub(super) fn edit(fapi: &mut Fapi, id: u64, fields: Map<String, Value>, now: Timestamp) -> bool {
    let written = fapi.local().write(now);
    let Some(invoice) = fapi.invoices.get_mut(&id) else { return false };
    let stamped = fields.contains_key("last_modified_on");
    let changed = merge(invoice, fields);
    if changed && !stamped {
        invoice.insert("last_modified_on".to_owned(), json!(written));
    }
    changed
}

fn delete(fapi: &mut Fapi, id: &str) -> Answer {
    let (id, _) = find(&fapi.invoices, id)?;
    fapi.invoices.remove(&id);
    fapi.effect("invoice_deleted", "invoice", id, true);
    Ok(ok(&Value::Null))
}
