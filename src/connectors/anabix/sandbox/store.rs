//! What the simulated account holds, and what was done to it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema::{self, COMPONENTS, CONTACTS, Component, LISTS};
use crate::model::time::Timestamp;

/// How a read contact shows its legal basis: the manual says that it has `gdpr`, and not what is in it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum ShowBasis {
    Nowhere,
    AsWritten,
    InGdpr,
}

pub(super) struct Store {
    user: String,
    pub(super) records: BTreeMap<&'static str, BTreeMap<u64, Map<String, Value>>>,
    next_ids: BTreeMap<&'static str, u64>,
    /// By component.
    definitions: BTreeMap<&'static str, Vec<Value>>,
    pub effects: Vec<Value>,
    pub show_basis: ShowBasis,
    /// Whether taking a contact off a list that it is not on is an error: undocumented.
    pub strict_removal: bool,
}

/// The text of an ERROR, which repeats what was sent.
pub(super) fn refuse<T>(why: &str, sent: &str) -> Result<T, String> {
    Err(format!("{why}: \"{sent}\""))
}

/// A scalar as text; nothing for the rest.
pub(super) fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

pub(super) fn id_in(component: &Component, data: &Map<String, Value>) -> Result<u64, String> {
    let sent = data.get(component.id_key).map(flat).unwrap_or_default();
    sent.parse().or_else(|_| refuse(&format!("{} is missing", component.id_key), &sent))
}

impl Store {
    /// An account with two lists, a few custom fields and one contact.
    pub(super) fn new(user: &str, now: Timestamp) -> Self {
        let mut store = Self {
            user: user.to_owned(),
            records: BTreeMap::new(),
            next_ids: BTreeMap::from([(CONTACTS, 9_040), (LISTS, 31), ("activities", 5_001)]),
            definitions: BTreeMap::new(),
            effects: Vec::new(),
            show_basis: ShowBasis::Nowhere,
            strict_removal: false,
        };
        store.put("lists", &json!({"title": "Zájemci"}), now);
        store.next_ids.insert(LISTS, 57);
        store.put("lists", &json!({"title": "FAPI"}), now);
        store.put("contacts", &json!({"firstName": "Jan", "lastName": "Novák", "email": "jan.novak@example.cz"}), now);
        store.definitions.insert(CONTACTS, seed_definitions());
        store.effects.clear();
        store
    }

    fn put(&mut self, component: &str, data: &Value, now: Timestamp) {
        let component = schema::find(component).expect("a component of the schema");
        let data = data.as_object().expect("seed records are objects");
        self.create(component, data, now).expect("seed records fit the schema");
    }

    pub(super) fn ids(&self, component: &Component) -> Vec<u64> {
        self.records.get(component.name).map(|all| all.keys().copied().collect()).unwrap_or_default()
    }

    pub(super) fn definitions(&self, component: &Component) -> Vec<Value> {
        self.definitions.get(component.name).cloned().unwrap_or_default()
    }

    pub(super) fn define(&mut self, component: &'static Component, definition: Value) {
        self.definitions.entry(component.name).or_default().push(definition);
    }

    pub(super) fn stored(&self, component: &Component, id: u64) -> Result<&Map<String, Value>, String> {
        let record = self.records.get(component.name).and_then(|all| all.get(&id));
        record.ok_or_else(|| format!("there is no {} {id}", component.noun))
    }

    /// A record as it is read: with its id as text, and a contact's basis where this account shows it.
    pub(super) fn shown(&self, component: &Component, id: u64) -> Result<Value, String> {
        let mut record = self.stored(component, id)?.clone();
        record.insert(component.id_key.to_owned(), json!(id.to_string()));
        record.remove("lists");
        if component.name == CONTACTS && self.show_basis != ShowBasis::AsWritten {
            let (reason, date) = (record.remove("gdprReason"), record.remove("gdprAcceptanceDate"));
            if self.show_basis == ShowBasis::InGdpr {
                record.insert("gdpr".to_owned(), json!({"reason": reason, "acceptance": date}));
            }
        }
        Ok(Value::Object(record))
    }

    pub(super) fn create(
        &mut self,
        component: &'static Component,
        data: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Value, String> {
        let filled = |name: &&str| data.get(*name).is_some_and(|value| value.is_array() || !flat(value).is_empty());
        if !component.required.iter().any(|all| all.iter().all(&filled)) {
            return refuse("a required field is missing", &Value::Object(data.clone()).to_string());
        }
        let mut record = self.checked(component, data)?;
        record.insert("title".to_owned(), json!(title(component, &record)));
        let created = json!({"createdTimestamp": now.as_second(), "createdIdUser": 1, "createdUsername": self.user});
        record.insert("revisionInfo".to_owned(), created);
        let next = self.next_ids.entry(component.name).or_insert(1);
        let id = *next;
        *next += 1;
        record.insert(component.id_key.to_owned(), json!(id));
        self.records.entry(component.name).or_default().insert(id, record.clone());
        self.effect(&format!("{}_created", component.noun), component, id, true, Map::new());
        Ok(Value::Object(record))
    }

    pub(super) fn update(
        &mut self,
        component: &'static Component,
        data: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Value, String> {
        let id = id_in(component, data)?;
        let before = self.stored(component, id)?.clone();
        let mut sent = data.clone();
        sent.remove(component.id_key);
        let fields: Vec<String> = sent.keys().cloned().collect();
        let mut record = before.clone();
        merge(&mut record, self.checked(component, &sent)?);
        record.insert("title".to_owned(), json!(title(component, &record)));
        let changed = record != before;
        if let Some(Value::Object(info)) = record.get_mut("revisionInfo") {
            info.insert("updatedTimestamp".to_owned(), json!(now.as_second()));
            info.insert("updatedUsername".to_owned(), json!(self.user));
        }
        self.records.entry(component.name).or_default().insert(id, record);
        let more = Map::from_iter([("fields".to_owned(), json!(fields))]);
        self.effect(&format!("{}_updated", component.noun), component, id, changed, more);
        self.shown(component, id)
    }

    pub(super) fn delete(&mut self, component: &'static Component, data: &Map<String, Value>) -> Result<Value, String> {
        let id = id_in(component, data)?;
        let record = self.shown(component, id)?;
        self.records.entry(component.name).or_default().remove(&id);
        self.effect(&format!("{}_deleted", component.noun), component, id, true, Map::new());
        Ok(record)
    }

    pub(super) fn effect(
        &mut self,
        kind: &str,
        component: &Component,
        id: u64,
        changed: bool,
        more: Map<String, Value>,
    ) {
        let mut effect = more;
        effect.insert("effect".to_owned(), json!(kind));
        effect.insert(component.id_key.to_owned(), json!(id.to_string()));
        effect.insert("changed".to_owned(), json!(changed));
        effect.insert("object".to_owned(), self.object(component, id).into());
        self.effects.push(Value::Object(effect));
    }

    /// What an effect happened to, for whoever counts effects by it: a contact for all that hangs on it, a list by its title.
    fn object(&self, component: &Component, id: u64) -> Option<String> {
        let record = self.records.get(component.name)?.get(&id)?;
        let text = |name: &str| record.get(name).map(flat).filter(|text| !text.is_empty());
        match component.name {
            CONTACTS => text("email").map(|email| format!("contact:{}", email.to_lowercase())),
            LISTS => text("title").map(|title| format!("list:{title}")),
            _ => self.object(schema::find(CONTACTS)?, text("idContact")?.parse().ok()?),
        }
    }

    /// Everything, contacts with all that they hold.
    pub(super) fn state(&self) -> Value {
        let mut state = Map::new();
        for component in COMPONENTS {
            let all = self.records.get(component.name).into_iter().flatten();
            let all = all.map(|(_, record)| Value::Object(record.clone()));
            state.insert(component.name.to_owned(), all.collect());
        }
        state.insert("customFields".to_owned(), json!(self.definitions));
        Value::Object(state)
    }
}

fn merge(record: &mut Map<String, Value>, sent: Map<String, Value>) {
    for (field, value) in sent {
        match (record.get_mut(&field), value) {
            (Some(Value::Object(held)), Value::Object(new)) => held.extend(new),
            (_, value) => drop(record.insert(field, value)),
        }
    }
}

fn title(component: &Component, record: &Map<String, Value>) -> String {
    let text = |name: &str| record.get(name).map(flat).unwrap_or_default();
    match component.name {
        CONTACTS => format!("{} {}", text("firstName"), text("lastName")).trim().to_owned(),
        _ if !text("title").is_empty() => text("title"),
        _ => text("body").lines().next().unwrap_or("").chars().take(255).collect(),
    }
}

fn seed_definitions() -> Vec<Value> {
    let field = |id: u64, title: &str, kind: &str, options: Value| {
        json!({
            "idCustomField": id, "title": title, "type": kind, "options": options, "weight": id,
            "nodeType": "contact",
        })
    };
    let sizes = json!([{"key": "101", "title": "S"}, {"key": "102", "title": "M"}, {"key": "103", "title": "L"}]);
    vec![
        field(12, "Velikost", "selectbox", sizes),
        field(13, "Poznámka obchodníka", "textarea", json!([])),
        field(14, "Počet objednávek", "number", json!([])),
        field(15, "VIP klub", "checkbox", json!([])),
    ]
}
