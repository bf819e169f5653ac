//! Subscribing and updating.

use serde_json::{Value, json};

use super::{
    super::wire::{ACTIVE, EMAIL, ID, INVOICE_NUMBER, IP, LAST_UPDATE, subscribed},
    Answered, Refusal,
    store::{FormKind, List, ListKind, Record, Store, holds, text_of},
};
use crate::model::time::Timestamp;

/// A subscription: the new record's id, or why there is none.
pub(super) fn subscribe(store: &mut Store, list: i64, form: i64, body: &Value, now: Timestamp) -> Answered {
    let status = store.code_status;
    let coded = |code| Refusal::Code { code, status };
    let (known, _, takes_back) = store.form(list, form, FormKind::Subscribe)?;
    let mut fields = body.as_object().cloned().ok_or_else(|| Refusal::parameters("a JSON object is expected"))?;
    fields.remove(IP);
    known.check_fields(&fields)?;
    let email = fields.get(EMAIL).and_then(text_of).unwrap_or_default();
    if !is_email(&email) && (known.unique_email || !email.is_empty()) {
        return Err(coded(subscribed::MALFORMED_EMAIL));
    }
    let there = known.records.iter_mut().find(|record| holds(record, EMAIL, &email));
    match there.filter(|_| known.unique_email) {
        Some(record) if takes_back && holds(record, ACTIVE, "0") => {
            write(record, &fields);
            record.insert(ACTIVE.to_owned(), "1".into());
            let id = number_of(record);
            store.effect(json!({ "effect": "resubscribe", "list": list, "record": id, "form": form, "changed": true }));
            Ok(json!(id))
        }
        Some(record) => {
            let id = number_of(record);
            store.effect(json!({ "effect": "subscribe", "list": list, "record": id, "form": form, "changed": false }));
            Err(coded(subscribed::ALREADY_THERE))
        }
        None => {
            let mut record = Record::new();
            write(&mut record, &fields);
            let id = store.add(list, record, now)?;
            store.effect(json!({ "effect": "subscribe", "list": list, "record": id, "form": form, "changed": true }));
            Ok(json!(id))
        }
    }
}

/// An update of all records whose field has a value: how many were changed.
pub(super) fn update(
    store: &mut Store,
    list: i64,
    form: i64,
    (field, value): (&str, &str),
    body: &Value,
    now: Timestamp,
) -> Answered {
    let (known, bills, _) = store.form(list, form, FormKind::Update)?;
    let fields = body.as_object().ok_or_else(|| Refusal::parameters("a JSON object is expected"))?;
    known.check_fields(fields)?;
    if field != ID && !known.fields.contains_key(field) {
        return Err(Refusal::parameters("unknown field"));
    }
    let ids: Vec<i64> = known.records.iter().filter(|r| holds(r, field, value)).map(number_of).collect();
    let mut changed_records = 0;
    for id in ids {
        let changed = change(store, list, id, fields, now)?;
        changed_records += i64::from(changed);
        let names: Vec<&String> = fields.keys().collect();
        store.effect(json!({
            "effect": "update", "list": list, "record": id, "form": form, "fields": names, "changed": changed,
        }));
        if bills {
            issue_invoice(store, list, id, now)?;
        }
    }
    Ok(json!(changed_records))
}

fn change(store: &mut Store, list: i64, id: i64, fields: &Record, now: Timestamp) -> Result<bool, Refusal> {
    let time = store.time(now);
    let record = record(store.list(list)?, id)?;
    let changed = write(record, fields);
    if changed {
        record.insert(LAST_UPDATE.to_owned(), time.into());
    }
    Ok(changed)
}

fn issue_invoice(store: &mut Store, list: i64, id: i64, now: Timestamp) -> Result<(), Refusal> {
    let number = store.invoice_number(now);
    let record = record(store.list(list)?, id)?;
    record.insert(INVOICE_NUMBER.to_owned(), number.clone().into());
    let order = record.get(super::super::wire::ORDER_REFERENCE).cloned();
    store.effect(json!({ "effect": "invoice", "record": id, "order": order, "number": number, "changed": true }));
    Ok(())
}

pub(super) fn record(list: &mut List, id: i64) -> Result<&mut Record, Refusal> {
    list.records.iter_mut().find(|record| number_of(record) == id).ok_or(Refusal::NotFound)
}

/// Keeps the values as texts; says whether one is new.
fn write(record: &mut Record, fields: &Record) -> bool {
    let mut changed = false;
    for (name, value) in fields {
        let text = text_of(value).unwrap_or_default();
        let before = record.insert(name.clone(), text.clone().into());
        changed |= before.as_ref().and_then(text_of).unwrap_or_default() != text;
    }
    changed
}

pub(super) fn number_of(record: &Record) -> i64 {
    record.get(ID).and_then(text_of).and_then(|id| id.parse().ok()).unwrap_or_default()
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains(['@', ' ']))
}

/// Only newsletter lists have people who can unsubscribe.
pub(super) fn set_active(list: &mut List, email: &str, active: bool) -> Result<i64, Refusal> {
    if list.kind != ListKind::Newsletter {
        return Err(Refusal::NotFound);
    }
    let record = list.records.iter_mut().find(|record| holds(record, EMAIL, email)).ok_or(Refusal::NotFound)?;
    record.insert(ACTIVE.to_owned(), if active { "1" } else { "0" }.into());
    Ok(number_of(record))
}
