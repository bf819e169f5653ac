//! `manageLists`: membership of lists.

use serde_json::{Map, Value, json};

use super::{
    schema::{self, CONTACTS, Component, LISTS},
    store::{Store, flat, id_in, refuse},
};

impl Store {
    pub(super) fn manage_lists(&mut self, data: &Map<String, Value>) -> Result<(), String> {
        if let Some(unknown) =
            data.keys().find(|key| !["idContact", "email", "addTo", "removeFrom"].contains(&key.as_str()))
        {
            return refuse("unknown field of manageLists", unknown);
        }
        let contacts = schema::find(CONTACTS).expect("a component of the schema");
        let id = self.contact_of(contacts, data)?;
        let (add, remove) = (self.lists_in(data, "addTo", false)?, self.lists_in(data, "removeFrom", false)?);
        let mut record = self.stored(contacts, id)?.clone();
        let before: Vec<u64> =
            record.get("lists").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_u64).collect();
        if self.strict_removal && remove.iter().any(|list| !before.contains(list)) {
            return refuse("the contact is not on the list", &flat(record.get("email").unwrap_or(&Value::Null)));
        }
        let mut after: Vec<u64> = before.iter().copied().filter(|list| !remove.contains(list)).collect();
        after.extend(add.iter().filter(|list| !before.contains(list)));
        record.insert("lists".to_owned(), json!(after));
        self.records.entry(CONTACTS).or_default().insert(id, record);
        let more = Map::from_iter([("added".to_owned(), json!(add)), ("removed".to_owned(), json!(remove))]);
        self.effect("lists_managed", contacts, id, before != after, more);
        Ok(())
    }

    /// By id, or the first with the e-mail: which one the vendor takes of several is unknown.
    fn contact_of(&self, contacts: &Component, data: &Map<String, Value>) -> Result<u64, String> {
        match (data.get("idContact"), data.get("email").map(flat)) {
            (Some(_), None) => {
                let id = id_in(contacts, data)?;
                self.stored(contacts, id).map(|_| id)
            }
            (None, Some(email)) => {
                let same = |id: &u64| {
                    self.stored(contacts, *id).is_ok_and(|r| r.get("email").map(flat).as_ref() == Some(&email))
                };
                self.ids(contacts).into_iter().find(same).ok_or_else(|| format!("there is no contact \"{email}\""))
            }
            _ => Err("manageLists takes idContact or email".to_owned()),
        }
    }

    /// The ids of lists that are named by id or, where `titles` are taken, by exact title.
    pub(super) fn lists_in(&self, data: &Map<String, Value>, name: &str, titles: bool) -> Result<Vec<u64>, String> {
        match data.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(lists)) => lists.iter().map(|list| self.list_named(&flat(list), titles)).collect(),
            Some(_) => Err(format!("{name} takes a list")),
        }
    }

    fn list_named(&self, name: &str, titles: bool) -> Result<u64, String> {
        let mut all = self.records.get(LISTS).into_iter().flatten();
        let same = |id: u64, list: &Map<String, Value>| {
            id.to_string() == name || (titles && list.get("title").map(flat).as_deref() == Some(name))
        };
        let found = all.find_map(|(id, list)| same(*id, list).then_some(*id));
        found.ok_or_else(|| format!("there is no list \"{name}\""))
    }
}
