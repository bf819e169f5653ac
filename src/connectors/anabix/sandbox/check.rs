//! What a record may hold: only fields of its component, only values that they take.

use serde_json::{Map, Value, json};

use super::{
    schema::{self, CONTACTS, Component},
    store::{Store, flat, id_in, refuse},
};

impl Store {
    /// The fields sent, each allowed and of an allowed value.
    pub(super) fn checked(
        &self,
        component: &Component,
        data: &Map<String, Value>,
    ) -> Result<Map<String, Value>, String> {
        let mut record = Map::new();
        for (field, value) in data {
            if !component.fields.contains(&field.as_str()) {
                return refuse(&format!("unknown field of {}", component.name), field);
            }
            let choices = component.choices.iter().find(|(name, _)| name == field);
            if choices.is_some_and(|(_, choices)| !choices.contains(&flat(value).as_str())) {
                return refuse(&format!("bad value of {field}"), &flat(value));
            }
            let value = match field.as_str() {
                "customFields" => self.checked_custom(component, value)?,
                "lists" => json!(self.lists_in(data, field, true)?),
                "gdprAcceptanceDate" | "completedDate" => checked_date(field, value)?,
                "idContact" => {
                    let contacts = schema::find(CONTACTS).expect("a component of the schema");
                    let id = id_in(contacts, data)?;
                    self.stored(contacts, id).map(|_| json!(id))?
                }
                _ => value.clone(),
            };
            record.insert(field.clone(), value);
        }
        Ok(record)
    }

    fn checked_custom(&self, component: &Component, value: &Value) -> Result<Value, String> {
        let Value::Object(custom) = value else { return Err("customFields must be an object".to_owned()) };
        let definitions = self.definitions(component);
        let mut checked = Map::new();
        for (id, value) in custom {
            let definition = definitions.iter().find(|field| field.get("idCustomField").map(flat).as_ref() == Some(id));
            let definition = definition.ok_or_else(|| format!("there is no custom field {id}"))?;
            checked.insert(id.clone(), checked_value(definition, value)?);
        }
        Ok(Value::Object(checked))
    }
}

fn checked_date(field: &str, value: &Value) -> Result<Value, String> {
    let text = flat(value);
    let is_date = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    if is_date { Ok(json!(text)) } else { refuse(&format!("bad value of {field}"), &text) }
}

/// A custom field's value, as its type takes it; an option of a select box by key or title, kept as the key.
fn checked_value(definition: &Value, value: &Value) -> Result<Value, String> {
    let text = flat(value);
    let kind = definition.get("type").map(flat).unwrap_or_default();
    let fits = match kind.as_str() {
        "number" => text.parse::<rust_decimal::Decimal>().is_ok(),
        "checkbox" => matches!(text.as_str(), "0" | "1"),
        "date" => return checked_date("customFields", value),
        "selectbox" => return checked_option(definition, &text),
        _ => true,
    };
    if fits { Ok(json!(text)) } else { refuse("bad value of customFields", &text) }
}

fn checked_option(definition: &Value, text: &str) -> Result<Value, String> {
    let options = definition.get("options").and_then(Value::as_array).into_iter().flatten();
    for option in options {
        let (key, title) = (option.get("key").map(flat), option.get("title").map(flat));
        if [&key, &title].into_iter().flatten().any(|name| name == text) {
            return Ok(json!(key));
        }
    }
    refuse("no such option", text)
}
