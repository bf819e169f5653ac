//! What a person does at the vendor's screen, and which of the undocumented ways the vendor takes.

use serde_json::{Map, Value, json};

use super::{
    Anabix,
    schema::{self, CONTACTS, Component, LISTS},
    store::ShowBasis,
};
use crate::model::{secret::Secret, time::Timestamp};

const KNOWN: &str = "expected one of `add_contact` (fields), `update_contact` (fields with `idContact`), \
                     `delete_contact` (id), `add_list` (title), `delete_list` (id), `add_to_list` (`idContact`, \
                     `idList`), `add_custom_field` (definition), `set_token` (text), `show_basis` (`nowhere`, \
                     `as_written`, `gdpr`), `strict_removal` (true or false)";

/// Runs one command: an object with its name and its argument.
pub(super) fn run(sandbox: &mut Anabix, command: &Value, now: Timestamp) -> Result<Value, String> {
    let Some((name, argument)) = command.as_object().and_then(|command| command.iter().next()) else {
        return Err(KNOWN.to_owned());
    };
    let store = &mut sandbox.store;
    let done = match name.as_str() {
        "add_contact" => store.create(component(CONTACTS), &object(argument)?, now)?,
        "update_contact" => store.update(component(CONTACTS), &object(argument)?, now)?,
        "delete_contact" => store.delete(component(CONTACTS), &named("idContact", argument))?,
        "add_list" => store.create(component(LISTS), &named("title", argument), now)?,
        "delete_list" => store.delete(component(LISTS), &named("idList", argument))?,
        "add_to_list" => {
            let of = |key: &str| argument.get(key).cloned().unwrap_or_default();
            let data = json!({"idContact": of("idContact"), "addTo": [of("idList")]});
            store.manage_lists(&object(&data)?)?;
            Value::Null
        }
        "add_custom_field" => {
            store.define(component(CONTACTS), Value::Object(object(argument)?));
            Value::Null
        }
        "show_basis" => {
            store.show_basis = match argument.as_str() {
                Some("nowhere") => ShowBasis::Nowhere,
                Some("as_written") => ShowBasis::AsWritten,
                Some("gdpr") => ShowBasis::InGdpr,
                _ => return Err(KNOWN.to_owned()),
            };
            Value::Null
        }
        "strict_removal" => {
            store.strict_removal = argument.as_bool().ok_or(KNOWN)?;
            Value::Null
        }
        "set_token" => {
            sandbox.token = Secret::new(argument.as_str().ok_or(KNOWN)?);
            Value::Null
        }
        _ => return Err(KNOWN.to_owned()),
    };
    Ok(done)
}

fn component(name: &str) -> &'static Component {
    schema::find(name).expect("a component of the schema")
}

fn object(argument: &Value) -> Result<Map<String, Value>, String> {
    argument.as_object().cloned().ok_or_else(|| KNOWN.to_owned())
}

fn named(name: &str, argument: &Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), argument.clone())])
}
