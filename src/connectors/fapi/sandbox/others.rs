//! The sandbox's clients, vouchers, products and connections.

use serde_json::{Map, Value, json};

use super::{
    Fapi, Filters,
    answers::{Answer, created, invalid, missing, ok},
    body, find, id_of, merge,
};
use crate::{
    connectors::contract::sandbox::SandboxRequest,
    model::{http::Method, time::Timestamp},
};

const CLIENT: &[&str] =
    &["email", "first_name", "last_name", "phone", "company", "ic", "dic", "address", "shipping_address"];

pub(super) fn clients(
    fapi: &mut Fapi,
    method: Method,
    path: &[&str],
    filters: &Filters,
    request: &SandboxRequest,
) -> Answer {
    match (method, path) {
        (Method::Get, []) => {
            filters.allow(&["email", "limit", "offset"])?;
            let wanted = |client: &&Map<String, Value>| {
                filters.get("email").is_none_or(|email| client.get("email").and_then(Value::as_str) == Some(email))
            };
            let rows = fapi.clients.values().filter(wanted).cloned().map(Value::Object).collect();
            Ok(ok(&json!({"clients": filters.page(rows)?})))
        }
        (Method::Get, [id]) => find(&fapi.clients, id).map(|(_, client)| ok(&Value::Object(client.clone()))),
        (Method::Post, []) => create_client(fapi, body(request, CLIENT)?),
        (Method::Put, [id]) => {
            let (id, _) = find(&fapi.clients, id)?;
            let fields = body(request, CLIENT)?;
            let changed = fapi.clients.get_mut(&id).is_some_and(|client| merge(client, fields));
            fapi.effect("client_updated", "client", id, changed);
            Ok(ok(&Value::Object(fapi.clients[&id].clone())))
        }
        (Method::Delete, [id]) => {
            let (id, _) = find(&fapi.clients, id)?;
            fapi.clients.remove(&id);
            fapi.effect("client_deleted", "client", id, true);
            Ok(ok(&Value::Null))
        }
        _ => Err(missing()),
    }
}

fn create_client(fapi: &mut Fapi, mut client: Map<String, Value>) -> Answer {
    if !client.get("email").and_then(Value::as_str).is_some_and(|email| email.contains('@')) {
        return Err(invalid("Field \"email\" is required."));
    }
    let id = fapi.next_id();
    client.insert("id".to_owned(), json!(id));
    client.insert("tax_payer".to_owned(), json!(false));
    let reply = created(&Value::Object(client.clone()));
    fapi.clients.insert(id, client);
    fapi.effect("client_created", "client", id, true);
    Ok(reply)
}

pub(super) fn vouchers(
    fapi: &mut Fapi,
    method: Method,
    path: &[&str],
    request: &SandboxRequest,
    now: Timestamp,
) -> Answer {
    match (method, path) {
        (Method::Get, [id]) => find(&fapi.vouchers, id).map(|(_, voucher)| ok(&Value::Object(voucher.clone()))),
        (Method::Put, [code, "apply"]) => {
            let applicant = body(request, &["applicant"])?.remove("applicant").unwrap_or(Value::Null);
            let has_code = |voucher: &&Map<String, Value>| voucher.get("code").and_then(Value::as_str) == Some(*code);
            let id = fapi.vouchers.values().find(has_code).map(id_of).ok_or_else(missing)?;
            if !apply(fapi, id, applicant, now) {
                return Err(invalid("The voucher is not valid."));
            }
            fapi.effect("voucher_applied", "voucher", id, true);
            Ok(ok(&json!({"applied": true, "voucher": fapi.vouchers[&id]})))
        }
        _ => Err(missing()),
    }
}

/// Applies a voucher, once.
pub(super) fn apply(fapi: &mut Fapi, id: u64, applicant: Value, now: Timestamp) -> bool {
    let written = fapi.local().write(now);
    let has_email = applicant.get("email").is_some_and(Value::is_string);
    let Some(voucher) = fapi.vouchers.get_mut(&id) else { return false };
    if !has_email || voucher.get("status") != Some(&json!("valid")) {
        return false;
    }
    voucher.insert("status".to_owned(), json!("applied"));
    voucher.insert("applied_on".to_owned(), json!(written));
    voucher.insert("applicant".to_owned(), applicant);
    true
}

pub(super) fn templates(fapi: &Fapi, filters: &Filters) -> Answer {
    filters.allow(&["code", "limit", "offset"])?;
    let wanted = |template: &&Value| filters.get("code").is_none_or(|code| template.get("code") == Some(&json!(code)));
    let rows = fapi.templates.iter().filter(wanted).cloned().collect();
    Ok(ok(&json!({"item_templates": filters.page(rows)?})))
}

pub(super) fn connections(fapi: &mut Fapi, method: Method, path: &[&str], request: &SandboxRequest) -> Answer {
    match (method, path) {
        (Method::Post, []) => {
            let mut connection = body(request, &["application", "credentials", "meta_data"])?;
            if !connection.contains_key("application") || !connection.contains_key("credentials") {
                return Err(invalid("Fields \"application\" and \"credentials\" are required."));
            }
            // The recorded answer leaves `meta_data` out.
            connection.remove("meta_data");
            let id = 77 + fapi.connections.len() as u64;
            connection.insert("id".to_owned(), json!(id));
            let reply = created(&Value::Object(connection.clone()));
            fapi.connections.insert(id, connection);
            fapi.effect("connection_created", "connection", id, true);
            Ok(reply)
        }
        (Method::Delete, [id]) => {
            let (id, _) = find(&fapi.connections, id)?;
            fapi.connections.remove(&id);
            fapi.effect("connection_deleted", "connection", id, true);
            Ok(ok(&json!({"status": "success"})))
        }
        _ => Err(missing()),
    }
}
