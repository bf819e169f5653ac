//! What a body says happened: its type in our words, the message, and the time that stands around it.

use serde_json::{Map, Value};

use super::{message, path::Path, source::Source};
use crate::{
    model::time::Timestamp,
    topics::event::{self, Entity, EventType},
};

/// What a body tells.
pub(super) struct Told {
    pub(super) event_type: &'static EventType,
    /// The message in canonical JSON.
    pub(super) message: Value,
    /// When the sender says that it happened.
    pub(super) at: Option<Timestamp>,
}

/// What an event is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) id: String,
    /// What counts it, for types that happen often.
    pub(super) counted: Option<String>,
}

impl Told {
    /// Reads a body. Nothing when it is of a type that is none of ours.
    ///
    /// # Errors
    /// What is wrong with it, without content.
    pub(super) fn read(source: &Source, body: &[u8]) -> Result<Option<Self>, String> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "the body is no JSON".to_owned())?;
        if !body.is_object() {
            return Err("the body is no JSON object".to_owned());
        }
        let place = |path: &Path| path.names().join(".");
        let name = source.type_path.get(&body).and_then(Value::as_str);
        let name = name.ok_or_else(|| format!("the body tells no type at `{}`", place(&source.type_path)))?;
        let Some(event_type) = source.mapping.event_type(name) else { return Ok(None) };
        let at = source.time_path.get(&body).map_or(Ok(None), moment);
        let at = at.map_err(|()| {
            format!("`{}` is no time with its offset (RFC 3339) and no Unix seconds", place(&source.time_path))
        })?;
        let content = content(source, &body)
            .ok_or_else(|| format!("the body has no object at `{}`", place(&source.content_path)))?;
        let given =
            if source.mapping.translates(event_type) { source.mapping.ours(event_type, &content) } else { content };
        let mut message = message::read(event_type.entity, &given)?;
        imply(event_type, &mut message)?;
        Ok(Some(Self { event_type, message: Value::Object(message), at }))
    }

    /// A text of the message, by its canonical names; empty when it is not told.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.message.pointer(pointer).and_then(Value::as_str).unwrap_or("").trim()
    }

    /// What it is about: the message's id, else a person's e-mail. A payment belongs to its sale, and is counted by its own id.
    ///
    /// # Errors
    /// Which field is missing.
    pub(super) fn entity(&self) -> Result<About, String> {
        let named = |pointer: &str| Some(self.text(pointer).to_owned()).filter(|id| !id.is_empty());
        let missing = |field: &str| format!("`{field}` is missing: nobody can tell what the event is about");
        let person = || named("/party/email").map(|email| email.to_lowercase());
        let (id, counted) = match self.event_type.entity {
            Entity::Payment => {
                let own = named("/id").ok_or_else(|| missing("id"))?;
                (named("/order/id").or_else(|| named("/document/id")).unwrap_or_else(|| own.clone()), Some(own))
            }
            Entity::Subscriber | Entity::Customer => {
                let id = named("/id").or_else(person).ok_or_else(|| missing("id` or `party.email"))?;
                let voucher = self.event_type == event::VOUCHER_APPLIED;
                let counted = voucher.then(|| named("/voucher/id").ok_or_else(|| missing("voucher.id"))).transpose()?;
                (id, counted)
            }
            Entity::Order | Entity::Invoice | Entity::Step => (named("/id").ok_or_else(|| missing("id"))?, None),
        };
        Ok(About { id, counted })
    }
}

/// What the event is about, as it stands in the body. Where that is the whole body, what is around it is no part of it.
fn content(source: &Source, body: &Value) -> Option<Value> {
    let content = source.content_path.get(body).and_then(Value::as_object)?;
    let mut content = content.clone();
    if source.content_path.is_whole() {
        let around = [&source.type_path, &source.time_path].map(|path| path.names().first());
        around.into_iter().flatten().for_each(|name| drop(content.remove(name)));
    }
    Some(Value::Object(content))
}

fn moment(value: &Value) -> Result<Option<Timestamp>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => text.parse().map(Some).map_err(drop),
        Value::Number(number) => {
            number.as_i64().and_then(|second| Timestamp::from_second(second).ok()).map(Some).ok_or(())
        }
        _ => Err(()),
    }
}

/// What a type says by itself: member of the message, and its value.
fn said(event_type: &EventType) -> Option<(&'static str, Value)> {
    Some(match event_type.name {
        "order.paid" | "invoice.paid" => ("paid", true.into()),
        "order.cancelled" | "invoice.cancelled" => ("cancelled", true.into()),
        "subscriber.subscribed" => ("subscribed", true.into()),
        "subscriber.unsubscribed" => ("subscribed", false.into()),
        "payment.received" => ("kind", "PAYMENT_KIND_PAYMENT".into()),
        "payment.refunded" => ("kind", "PAYMENT_KIND_REFUND".into()),
        _ => return None,
    })
}

/// Fills in what the type says. A message that says the contrary is not guessed at.
fn imply(event_type: &EventType, message: &mut Map<String, Value>) -> Result<(), String> {
    let Some((name, value)) = said(event_type) else { return Ok(()) };
    let told = message.entry(name).or_insert_with(|| value.clone());
    if *told == value {
        return Ok(());
    }
    Err(format!("`{name}` says the contrary of the type `{}`", event_type.name))
}
