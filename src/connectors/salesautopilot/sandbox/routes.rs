//! Paths, methods, and the calls that only read.

use serde_json::{Value, json};

use super::{
    Answered, GET, POST, PUT, Refusal, orders, records,
    store::{FormKind, List, Store, holds},
};
use crate::model::{http::Method, time::Timestamp};

/// Answers a request whose credentials fit.
pub(super) fn answer(store: &mut Store, method: Method, path: &[&str], body: &Value, now: Timestamp) -> Answered {
    match path {
        ["getlists"] => only(method, &[GET]).map(|()| lists(store, None)),
        ["zapier", "getlists", kind] => only(method, &[GET]).and_then(|()| Ok(lists(store, Some(number(kind)?)))),
        ["getforms", list] => only(method, &[GET]).and_then(|()| forms(store, list, None)),
        ["zapier", "getforms", list, kind] => {
            only(method, &[GET]).and_then(|()| forms(store, list, Some(number(kind)?)))
        }
        ["listfields", list] => only(method, &[GET]).and_then(|()| fields(store, list, false)),
        ["listfields", list, "extended"] => only(method, &[GET]).and_then(|()| fields(store, list, true)),
        ["list", list] => only(method, &[GET]).and_then(|()| find(store, list, |_| true)),
        ["list", list, "record", id] => only(method, &[GET]).and_then(|()| one(store, list, id)),
        ["list", list, "field", field, "value", value] => {
            only(method, &[GET]).and_then(|()| by_field(store, list, field, value))
        }
        ["subscribe", list, "form", form] => {
            only(method, &[POST])?;
            records::subscribe(store, number(list)?, number(form)?, body, now)
        }
        ["update", list, "form", form, "record", id] => {
            only(method, &[POST, PUT])?;
            records::update(store, number(list)?, number(form)?, ("id", id), body, now)
        }
        ["update", list, "form", form, "field", field, "value", value] => {
            only(method, &[POST, PUT])?;
            records::update(store, number(list)?, number(form)?, (field, value), body, now)
        }
        ["processWebshopOrder", list, "ns_id", form] => {
            only(method, &[POST])?;
            orders::process(store, number(list)?, number(form)?, body, now)
        }
        _ => Err(Refusal::NotFound),
    }
}

fn only(method: Method, allowed: &[Method]) -> Result<(), Refusal> {
    if allowed.contains(&method) { Ok(()) } else { Err(Refusal::Method) }
}

fn number(segment: &str) -> Result<i64, Refusal> {
    segment.parse().map_err(|_| Refusal::NotFound)
}

fn lists(store: &Store, kind: Option<i64>) -> Value {
    let wanted = |list: &&List| kind.is_none_or(|kind| list.kind as i64 == kind);
    store.lists.iter().filter(wanted).map(|list| json!({ "nl_id": list.id, "list_name": list.name })).collect()
}

/// Without a kind: all but the update forms, as the vendor does it.
fn forms(store: &mut Store, list: &str, kind: Option<i64>) -> Answered {
    let list = store.list(number(list)?)?;
    let of_kind = |form: FormKind| kind.map_or(form != FormKind::Update, |kind| form as i64 == kind);
    let forms = list.forms.iter().filter(|form| of_kind(form.kind));
    Ok(forms.map(|form| json!({ "ns_id": form.id, "form_name": form.name })).collect())
}

fn fields(store: &mut Store, list: &str, with_types: bool) -> Answered {
    let fields = &store.list(number(list)?)?.fields;
    Ok(if with_types { json!(fields) } else { fields.keys().cloned().collect() })
}

fn find(store: &mut Store, list: &str, wanted: impl Fn(&super::store::Record) -> bool) -> Answered {
    let list = store.list(number(list)?)?;
    Ok(list.records.iter().filter(|record| wanted(record)).cloned().map(Value::Object).collect())
}

fn one(store: &mut Store, list: &str, id: &str) -> Answered {
    let list = store.list(number(list)?)?;
    let record = list.records.iter().find(|record| holds(record, "id", id));
    record.cloned().map(Value::Object).ok_or(Refusal::NotFound)
}

fn by_field(store: &mut Store, list: &str, field: &str, value: &str) -> Answered {
    let known = store.list(number(list)?)?;
    if !known.fields.contains_key(field) {
        return Err(Refusal::parameters("unknown field"));
    }
    find(store, list, |record| holds(record, field, value))
}
