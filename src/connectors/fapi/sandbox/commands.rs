//! What a person could do at FAPI's screen, and the notifications that FAPI would then send.

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::{
    Fapi,
    documents::{edit, issue},
    others::apply,
    seed,
};
use crate::{
    connectors::{
        fapi::{
            digest, sample,
            wire::{Invoice, ItemTemplate, Voucher},
        },
        kit::number,
    },
    model::time::Timestamp,
};

const KNOWN: &str = "known commands: `create_invoice` with fields, `edit_invoice` with `id` and fields, `pay_invoice`, \
    `cancel_invoice`, `follow_up`, `credit_note` and `delete_invoice` with an id, `apply_voucher` with `id` and `email`, \
    `notification` with `id` or `voucher`, and `time`";

/// Does what a command of one member says.
pub(super) fn run(fapi: &mut Fapi, command: &Value, now: Timestamp) -> Result<Value, String> {
    let only = command.as_object().filter(|members| members.len() == 1).and_then(|members| members.iter().next());
    let (name, value) = only.ok_or(KNOWN)?;
    match name.as_str() {
        "create_invoice" => {
            let id = issue(fapi, fields(value)?, now);
            shown(fapi, id)
        }
        "edit_invoice" => {
            let mut fields = fields(value)?;
            let id = document(fapi, &fields.remove("id").unwrap_or(Value::Null))?;
            edited(fapi, id, fields, now)
        }
        "pay_invoice" => {
            let id = document(fapi, value)?;
            let paid_on = format!("{} 00:00:00", seed::day(fapi.local(), now));
            edited(fapi, id, seed::object(json!({"paid": true, "paid_on": paid_on})), now)
        }
        "cancel_invoice" => {
            let id = document(fapi, value)?;
            edited(fapi, id, seed::object(json!({"cancelled": true})), now)
        }
        "delete_invoice" => {
            let id = document(fapi, value)?;
            Ok(fapi.invoices.remove(&id).map_or(Value::Null, Value::Object))
        }
        "follow_up" => {
            let id = document(fapi, value)?;
            let changes = json!({"type": "invoice", "proforma": false, "parent": id});
            made_from(fapi, id, changes, now)
        }
        "credit_note" => credit_note(fapi, document(fapi, value)?, now),
        "apply_voucher" => apply_voucher(fapi, value, now),
        "notification" => notification(fapi, value, now),
        _ => Err(KNOWN.to_owned()),
    }
}

fn fields(value: &Value) -> Result<Map<String, Value>, String> {
    value.as_object().cloned().ok_or_else(|| KNOWN.to_owned())
}

fn document(fapi: &Fapi, id: &Value) -> Result<u64, String> {
    let id = number::id(id).and_then(|id| id.parse().ok()).ok_or(KNOWN)?;
    if fapi.invoices.contains_key(&id) { Ok(id) } else { Err(format!("there is no document {id}")) }
}

fn shown(fapi: &Fapi, id: u64) -> Result<Value, String> {
    fapi.invoices.get(&id).cloned().map(Value::Object).ok_or_else(|| format!("there is no document {id}"))
}

fn edited(fapi: &mut Fapi, id: u64, fields: Map<String, Value>, now: Timestamp) -> Result<Value, String> {
    edit(fapi, id, fields, now);
    shown(fapi, id)
}

/// A document with the lines and the people of another.
fn made_from(fapi: &mut Fapi, id: u64, changes: Value, now: Timestamp) -> Result<Value, String> {
    let mut fields = seed::object(shown(fapi, id)?);
    let own =
        ["id", "number", "variable_symbol", "created_on", "last_modified_on", "create_date", "payday_date", "path"];
    for name in own {
        fields.remove(name);
    }
    fields.extend(seed::object(changes));
    let made = issue(fapi, fields, now);
    shown(fapi, made)
}

/// Takes back the whole of a document.
fn credit_note(fapi: &mut Fapi, id: u64, now: Timestamp) -> Result<Value, String> {
    let invoice = shown(fapi, id)?;
    let minus = |name: &str| {
        let amount = invoice.get(name).and_then(number::decimal).map(|amount| (-amount).to_string());
        amount.and_then(|amount| serde_json::from_str::<Value>(&amount).ok()).unwrap_or(Value::Null)
    };
    let changes = json!({
        "type": "credit_note", "credit_note": true, "proforma": false, "parent": id, "paid": false, "paid_on": null,
        "total": minus("total"), "total_vat": minus("total_vat"), "total_czk": minus("total_czk"),
        "total_vat_czk": minus("total_vat_czk"),
    });
    edit(fapi, id, seed::object(json!({"has_credit_note": true})), now);
    made_from(fapi, id, changes, now)
}

fn apply_voucher(fapi: &mut Fapi, value: &Value, now: Timestamp) -> Result<Value, String> {
    let id = value.get("id").and_then(Value::as_u64).ok_or(KNOWN)?;
    let email = value.get("email").and_then(Value::as_str).ok_or(KNOWN)?;
    let applicant = json!({"email": email, "form_url": "https://form.example.cz/kurz"});
    if apply(fapi, id, applicant, now) {
        Ok(json!(fapi.vouchers.get(&id)))
    } else {
        Err(format!("there is no valid voucher {id}"))
    }
}

/// The body that FAPI would post now, with its digest.
fn notification(fapi: &Fapi, value: &Value, now: Timestamp) -> Result<Value, String> {
    let time = match value.get("time") {
        Some(time) => time.as_u64().ok_or(KNOWN)?,
        None => u64::try_from(now.as_second()).unwrap_or(0),
    };
    let body = match value.get("voucher") {
        Some(id) => about_voucher(fapi, id, time)?,
        None => about_invoice(fapi, value.get("id").unwrap_or(&Value::Null), time)?,
    };
    Ok(json!({"body": body, "content_type": "application/x-www-form-urlencoded"}))
}

fn about_invoice(fapi: &Fapi, id: &Value, time: u64) -> Result<String, String> {
    let invoice = shown(fapi, document(fapi, id)?)?;
    let invoice = Invoice::deserialize(&invoice).map_err(|_| "the document cannot be read".to_owned())?;
    Ok(sample::form("id", &invoice.id, time, &digest::of_invoice(time, &invoice, &invoice.number)))
}

fn about_voucher(fapi: &Fapi, id: &Value, time: u64) -> Result<String, String> {
    let unknown = || "there is no such voucher".to_owned();
    let voucher = id.as_u64().and_then(|id| fapi.vouchers.get(&id)).ok_or_else(unknown)?;
    let voucher = Voucher::deserialize(&Value::Object(voucher.clone())).map_err(|_| unknown())?;
    let has_code =
        |template: &&Value| template.get("code").and_then(Value::as_str) == Some(&voucher.item_template_code);
    let template = fapi.templates.iter().find(has_code).and_then(|value| ItemTemplate::deserialize(value).ok());
    let template = template.unwrap_or_default();
    Ok(sample::form("voucher", &voucher.id, time, &digest::of_voucher(time, &voucher, &template)))
}
