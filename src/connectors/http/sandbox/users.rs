//! The website's users.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::http::Reply;

const TEXTS: &[&str] = &["email", "first_name", "last_name", "company", "phone", "language", "source"];
const ADDRESS: &[&str] = &["street", "city", "postcode", "country"];

type User = Map<String, Value>;

/// All of them, and what was done to them.
#[derive(Default)]
pub(super) struct Users {
    by_id: BTreeMap<u64, User>,
    last_id: u64,
    pub(super) effects: Vec<Value>,
    /// The domain whose users are refused.
    refused: Option<String>,
}

impl Users {
    pub(super) fn all(&self) -> Vec<Value> {
        self.by_id.iter().map(|(id, user)| shown(*id, user)).collect()
    }

    pub(super) fn create(&mut self, body: &[u8]) -> Reply {
        match self.admit(body, None) {
            Ok(user) => Reply::new(201).json(&self.insert(user)),
            Err(refusal) => refusal,
        }
    }

    /// `?email=…`: a list, of one or of none.
    pub(super) fn find(&self, query: &str) -> Reply {
        let wanted = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "email");
        let Some((_, email)) = wanted else { return unprocessable("`email` is missing") };
        let found: Vec<Value> = self.by_email(&email).map(|id| shown(id, &self.by_id[&id])).into_iter().collect();
        Reply::new(200).json(&found.into())
    }

    pub(super) fn show(&self, id: &str) -> Reply {
        match self.known(id) {
            Some(id) => Reply::new(200).json(&shown(id, &self.by_id[&id])),
            None => Reply::new(404),
        }
    }

    pub(super) fn update(&mut self, id: &str, body: &[u8], replace: bool) -> Reply {
        let Some(id) = self.known(id) else { return Reply::new(404) };
        let given = match self.admit(body, Some((id, replace))) {
            Ok(given) => given,
            Err(refusal) => return refusal,
        };
        let before = self.by_id[&id].clone();
        let mut after = if replace { User::new() } else { before.clone() };
        merge(&mut after, given);
        let changed = before != after;
        self.effects.push(json!({ "effect": "update_user", "id": id, "changed": changed }));
        let answer = Reply::new(200).json(&shown(id, &after));
        self.by_id.insert(id, after);
        answer
    }

    pub(super) fn delete(&mut self, id: &str) -> Reply {
        let Some(id) = self.known(id) else { return Reply::new(404) };
        self.by_id.remove(&id);
        self.effects.push(json!({ "effect": "delete_user", "id": id, "changed": true }));
        Reply::new(204)
    }

    pub(super) fn command(&mut self, command: &Value) -> Result<Value, String> {
        let members =
            command.as_object().filter(|members| members.len() == 1).and_then(|members| members.iter().next());
        match members {
            Some((name, Value::String(domain))) if name == "refuse_users" => self.refused = Some(domain.clone()),
            Some((name, Value::Null)) if name == "refuse_users" => self.refused = None,
            Some((name, Value::Object(user))) if name == "add_user" => return Ok(self.insert(user.clone())),
            Some((name, Value::String(email))) if name == "delete_user" => {
                let id = self.by_email(email).ok_or("there is no such user")?;
                self.by_id.remove(&id);
            }
            _ => return Err("it knows `refuse_users`, `add_user` and `delete_user`".to_owned()),
        }
        Ok(json!({}))
    }

    fn insert(&mut self, user: User) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.effects.push(json!({ "effect": "create_user", "id": id, "email": user.get("email"), "changed": true }));
        let answer = shown(id, &user);
        self.by_id.insert(id, user);
        answer
    }

    /// A user as sent, if it may be one: a new one, or a part of one that is there, or all of it.
    fn admit(&self, body: &[u8], there: Option<(u64, bool)>) -> Result<User, Reply> {
        let Ok(Value::Object(user)) = serde_json::from_slice(body) else { return Err(Reply::new(400)) };
        if let Some(name) = user.iter().find_map(|(name, value)| wrong(name, value)) {
            return Err(unprocessable(&format!("`{name}` is unknown or of the wrong kind")));
        }
        let email = user.get("email").and_then(Value::as_str).unwrap_or("");
        let whole = there.is_none_or(|(_, replace)| replace);
        if whole && !email.contains('@') {
            return Err(unprocessable(&format!("`{email}` is no `email`")));
        }
        if self.refused.as_ref().is_some_and(|domain| email.ends_with(&format!("@{domain}"))) {
            return Err(unprocessable(&format!("we do not want {email}")));
        }
        match self.by_email(email) {
            Some(other) if there.is_none_or(|(id, _)| id != other) => {
                Err(Reply::new(409).json(&json!({ "error": format!("{email} is taken") })))
            }
            _ => Ok(user),
        }
    }

    fn known(&self, id: &str) -> Option<u64> {
        id.parse().ok().filter(|id| self.by_id.contains_key(id))
    }

    fn by_email(&self, email: &str) -> Option<u64> {
        let fits =
            |user: &User| user.get("email").and_then(Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(email));
        self.by_id.iter().find(|(_, user)| fits(user)).map(|(id, _)| *id)
    }
}

fn shown(id: u64, user: &User) -> Value {
    let mut shown = user.clone();
    shown.insert("id".to_owned(), id.into());
    shown.into()
}

/// The name of a field that cannot be taken.
fn wrong(name: &str, value: &Value) -> Option<String> {
    let fits = match (name, value) {
        ("newsletter", value) => value.is_boolean(),
        ("points", value) => value.is_i64(),
        ("address", Value::Object(address)) => {
            address.iter().all(|(name, value)| ADDRESS.contains(&name.as_str()) && value.is_string())
        }
        (name, value) => TEXTS.contains(&name) && value.is_string(),
    };
    (!fits).then(|| name.to_owned())
}

/// As a JSON merge patch (RFC 7396) has it.
fn merge(into: &mut User, patch: User) {
    for (name, value) in patch {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(into)), Value::Object(patch)) => merge(into, patch),
            (_, Value::Null) => drop(into.remove(&name)),
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

fn unprocessable(why: &str) -> Reply {
    Reply::new(422).json(&json!({ "error": why }))
}
