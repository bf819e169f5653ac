//! A simulated Anabix: the one RPC endpoint over contacts, companies, lists, activities, deals, tasks and users.
//!
//! Stricter than the vendor is known to be: unknown components, methods, options and fields are errors. Where the
//! manual is silent it takes one of the possible ways, and commands switch to another: see [`command`]. Templates of
//! deals and tasks are not simulated. Error texts repeat what was sent, on purpose: nobody may pass them on.

mod body;
mod check;
mod command;
mod lists;
mod schema;
mod search;
mod store;

use serde_json::{Map, Value, json};

use self::{
    schema::Component,
    search::Options,
    store::{Store, refuse},
};
use crate::{
    connectors::contract::{Sandbox, Settings, sandbox::SandboxRequest},
    model::{
        http::{Method, Reply},
        secret::Secret,
        time::Timestamp,
    },
};

/// What a method gives: `data` and `metadata`, or the text of an ERROR.
type Answered = Result<Good, String>;

#[derive(Default)]
struct Good {
    data: Option<Value>,
    metadata: Option<Value>,
}

impl Good {
    fn data(data: Value) -> Self {
        Self { data: Some(data), metadata: None }
    }
}

pub(super) struct Anabix {
    user: String,
    token: Secret,
    store: Store,
}

impl Anabix {
    pub(super) fn new(settings: &Settings, now: Timestamp) -> Self {
        let user = settings.text("user").trim().to_owned();
        Self { store: Store::new(&user, now), user, token: settings.secret("token") }
    }

    fn call(&mut self, request: &SandboxRequest, now: Timestamp) -> Answered {
        if request.method != Method::Post {
            return Err("every call is a POST".to_owned());
        }
        let envelope = body::envelope(request)?;
        let text = |name: &str| envelope.get(name).and_then(Value::as_str).unwrap_or("");
        if text("username") != self.user || !self.token.matches(text("token")) {
            return refuse("bad user or token", text("username"));
        }
        let data = match envelope.get("data") {
            Some(Value::Object(data)) => data.clone(),
            Some(Value::Array(items)) if items.is_empty() => Map::new(),
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err("`data` must be an object".to_owned()),
        };
        let (component, method) = (text("requestType"), text("requestMethod"));
        if component == "users" {
            return self.users(method);
        }
        let known = schema::find(component).ok_or_else(|| format!("unknown requestType: {component}"))?;
        self.dispatch(known, method, &data, now)
    }

    fn dispatch(
        &mut self,
        component: &'static Component,
        method: &str,
        data: &Map<String, Value>,
        now: Timestamp,
    ) -> Answered {
        match method {
            "create" => self.store.create(component, data, now).map(Good::data),
            "update" => self.store.update(component, data, now).map(Good::data),
            "get" => {
                let options = Options::read(component, data, &[component.id_key])?;
                let id = store::id_in(component, data)?;
                let record = self.store.shown(component, id)?;
                Ok(Good::data(if options.id_as_key { json!({id.to_string(): record}) } else { record }))
            }
            "delete" => self.store.delete(component, data).map(Good::data),
            "getAll" => self.store.search(component, data),
            "getCustomFields" => Ok(Good::data(Value::Array(self.store.definitions(component)))),
            "manageLists" if component.name == "contacts" => self.store.manage_lists(data).map(|()| Good::default()),
            other => Err(format!("unknown requestMethod: {other}")),
        }
    }

    fn users(&self, method: &str) -> Answered {
        match method {
            "getForSelect" => Ok(Good::data(json!({"1": self.user}))),
            "getActiveUsers" => {
                Ok(Good::data(json!([{"idUser": 1, "username": self.user, "email": "team@crm.example"}])))
            }
            other => Err(format!("unknown requestMethod: {other}")),
        }
    }
}

impl Sandbox for Anabix {
    fn answer(&mut self, request: &SandboxRequest, now: Timestamp) -> Reply {
        let body = match self.call(request, now) {
            Ok(good) => {
                let mut body = Map::from_iter([("status".to_owned(), json!("SUCCESS"))]);
                body.extend(good.data.map(|data| ("data".to_owned(), data)));
                body.extend(good.metadata.map(|metadata| ("metadata".to_owned(), metadata)));
                Value::Object(body)
            }
            Err(text) => json!({"status": "ERROR", "data": text}),
        };
        Reply::new(200).json(&body)
    }

    fn effects(&self) -> &[Value] {
        &self.store.effects
    }

    fn state(&self) -> Value {
        self.store.state()
    }

    fn command(&mut self, command: &Value, now: Timestamp) -> Result<Value, String> {
        command::run(self, command, now)
    }
}
