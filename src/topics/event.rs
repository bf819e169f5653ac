//! Events: normalized facts, as CloudEvents 1.0 in the Kafka binding's binary mode.

use std::fmt;

use bytes::Bytes;

use super::{
    Unreadable,
    body::Body,
    record::{Append, KEY_ID, PLAIN, Record, RecordHeaders, TRACEPARENT},
};
use crate::model::{
    connection::ConnectionName,
    id::{EventId, KeyHash, WebhookId},
    time::{How, Since, Timestamp, Version},
};

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    Order,
    Invoice,
    Payment,
    Customer,
    Subscriber,
    Step,
}

impl Entity {
    pub const ALL: [Self; 6] =
        [Self::Order, Self::Invoice, Self::Payment, Self::Customer, Self::Subscriber, Self::Step];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Invoice => "invoice",
            Self::Payment => "payment",
            Self::Customer => "customer",
            Self::Subscriber => "subscriber",
            Self::Step => "step",
        }
    }

    /// The full name of the message that carries it.
    pub fn message(self) -> &'static str {
        match self {
            Self::Order => "spojka.v1.Order",
            Self::Invoice => "spojka.v1.Invoice",
            Self::Payment => "spojka.v1.Payment",
            Self::Customer => "spojka.v1.Customer",
            Self::Subscriber => "spojka.v1.Subscriber",
            Self::Step => "spojka.v1.Step",
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often a fact of a type can be true of one entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// Once in the entity's life.
    Once,
    /// Often, each numbered by the vendor.
    Counted,
    /// A state, told by version and content.
    State,
}

/// A type of event.
#[derive(Debug, PartialEq, Eq)]
pub struct EventType {
    pub name: &'static str,
    pub entity: Entity,
    pub occurrence: Occurrence,
    pub doc: &'static str,
}

impl EventType {
    /// Finds a type by its name.
    pub fn find(name: &str) -> Option<&'static Self> {
        TYPES.iter().copied().find(|event_type| event_type.name == name)
    }
}

macro_rules! event_types {
    ($($constant:ident = $name:literal, $entity:ident, $occurrence:ident, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub const $constant: &EventType = &EventType {
                name: $name, entity: Entity::$entity, occurrence: Occurrence::$occurrence, doc: $doc,
            };
        )*

        /// Every type of event there is.
        pub const TYPES: &[&EventType] = &[$($constant),*];
    };
}

event_types! {
    ORDER_CREATED = "order.created", Order, Once, "An order exists. It may already be further: look at its status.";
    ORDER_UPDATED = "order.updated", Order, State, "An order as it is now. Comes with every snapshot whose content is new.";
    ORDER_PAID = "order.paid", Order, Once, "An order was paid for the first time.";
    ORDER_COMPLETED = "order.completed", Order, Once, "An order was fulfilled for the first time.";
    ORDER_CANCELLED = "order.cancelled", Order, State, "An order is cancelled.";
    ORDER_REFUNDED = "order.refunded", Order, State, "An order's money has been given back, all of it.";
    ORDER_DELETED = "order.deleted", Order, State, "An order was deleted or moved to the bin. The source may tell no more than its id.";
    INVOICE_ISSUED = "invoice.issued", Invoice, Once, "A document exists: pro forma, invoice, credit note (see its kind).";
    INVOICE_UPDATED = "invoice.updated", Invoice, State, "A document as it is now.";
    INVOICE_PAID = "invoice.paid", Invoice, Once, "A document was paid for the first time.";
    INVOICE_CANCELLED = "invoice.cancelled", Invoice, State, "A document is cancelled.";
    PAYMENT_RECEIVED = "payment.received", Payment, Counted, "Money came in: one instalment, or the whole sum.";
    PAYMENT_REFUNDED = "payment.refunded", Payment, Counted, "Money was given back, in part or in full.";
    CUSTOMER_CREATED = "customer.created", Customer, Once, "A customer exists.";
    CUSTOMER_UPDATED = "customer.updated", Customer, State, "A customer as it is now.";
    SUBSCRIBER_SUBSCRIBED = "subscriber.subscribed", Subscriber, State, "Somebody is on a list.";
    SUBSCRIBER_UNSUBSCRIBED = "subscriber.unsubscribed", Subscriber, State, "Somebody is no longer on a list.";
    SUBSCRIBER_UPDATED = "subscriber.updated", Subscriber, State, "A subscriber as it is now.";
    VOUCHER_APPLIED = "subscriber.voucher_applied", Subscriber, Counted, "Somebody used a voucher.";
    STEP_DONE = "step.done", Step, Once, "A step of a flow is done; the flow goes on from here.";
    STEP_FAILED = "step.failed", Step, Once, "A step of a flow will not be done; it is a dead letter, or was left out.";
}

/// Where a record comes from: live traffic, or a run that repeats or imports.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// Live, replay or import.
    pub kind: OriginKind,
    /// The run's name; empty for live traffic.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run: String,
    /// It, or what it comes from, was a dead letter that a person sent on its way again: flows that failed by their words of
    /// then are judged by their present ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retried: bool,
}

impl Origin {
    /// What comes of a run.
    pub fn of_run(kind: OriginKind, run: impl Into<String>) -> Self {
        Self { kind, run: run.into(), retried: false }
    }
}

/// The kinds of [`Origin`]. All but live travel on the bulk topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    #[default]
    Live,
    Replay,
    Import,
    /// A replay of everything: what was done is done again, so its actions have ids of their own.
    Repeat,
}

/// A normalized fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: EventId,
    pub event_type: &'static EventType,
    /// The connection that it comes from; for a step, the one where it was done.
    pub connection: ConnectionName,
    /// The entity at its source: the record's key.
    pub entity: KeyHash,
    /// The entity's id for people; a keyed hash where it would be personal.
    pub subject: String,
    /// When it became true, and how we know.
    pub since: Since,
    /// The version of the snapshot that proved it.
    pub version: Version,
    /// When the webhook arrived that proved it.
    pub arrived: Timestamp,
    pub webhook: WebhookId,
    pub origin: Origin,
    pub traceparent: Option<String>,
    pub body: Body,
}

impl Event {
    /// The record for `events.<entity>`.
    pub fn to_append(&self, topic: String) -> Append {
        let mut headers = RecordHeaders::default()
            .with("ce_specversion", "1.0")
            .with("ce_id", self.id.to_string())
            .with("ce_type", self.event_type.name)
            .with("ce_source", format!("/spojka/{}", self.connection))
            .with("ce_subject", self.subject.clone())
            .with("ce_time", self.since.at.to_string())
            .with("ce_how", self.since.how.to_string())
            .with("ce_version", self.version.to_string())
            .with("ce_arrived", self.arrived.to_string())
            .with("ce_webhook", self.webhook.to_string())
            .with("content-type", "application/json")
            .with(KEY_ID, PLAIN);
        if self.origin != Origin::default() {
            headers = headers.with("ce_origin", serde_json::to_vec(&self.origin).expect("an origin is plain data"));
        }
        if let Some(traceparent) = &self.traceparent {
            headers = headers.with(TRACEPARENT, traceparent.clone());
        }
        Append {
            topic,
            partition: None,
            key: Bytes::from(self.entity.to_string()),
            headers,
            value: Some(Bytes::from(self.body.to_json().to_string())),
            timestamp: self.arrived,
        }
    }

    /// Reads a record of `events.<entity>`.
    ///
    /// # Errors
    /// [`Unreadable`] when a header or the body is missing or wrong.
    pub fn from_record(record: &Record) -> Result<Self, Unreadable> {
        let headers = Parts(&record.headers);
        let event_type = EventType::find(headers.text("ce_type")?).ok_or_else(|| wrong("ce_type"))?;
        let origin = match record.headers.get("ce_origin") {
            Some(bytes) => serde_json::from_slice(bytes).map_err(|_| wrong("ce_origin"))?,
            None => Origin::default(),
        };
        let source = headers.text("ce_source")?.strip_prefix("/spojka/").ok_or_else(|| wrong("ce_source"))?;
        Ok(Self {
            id: EventId::from_text(headers.text("ce_id")?),
            event_type,
            connection: ConnectionName::parse(source).map_err(|_| wrong("ce_source"))?,
            entity: KeyHash::from_text(String::from_utf8_lossy(&record.key)),
            subject: headers.text("ce_subject")?.to_owned(),
            since: Since { at: headers.parse("ce_time")?, how: headers.how()? },
            version: headers.parse("ce_version")?,
            arrived: headers.parse("ce_arrived")?,
            webhook: WebhookId::from_text(headers.text("ce_webhook")?),
            origin,
            traceparent: record.headers.text(TRACEPARENT).map(str::to_owned),
            body: Body::from_json(event_type.entity, record.bytes())
                .map_err(|error| Unreadable::new("events", format!("body: {error}")))?,
        })
    }
}

fn wrong(header: &str) -> Unreadable {
    Unreadable::new("events", format!("header `{header}` is missing or wrong"))
}

struct Parts<'a>(&'a RecordHeaders);

impl<'a> Parts<'a> {
    fn text(&self, name: &str) -> Result<&'a str, Unreadable> {
        self.0.text(name).ok_or_else(|| wrong(name))
    }

    fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, Unreadable> {
        self.text(name)?.parse().map_err(|_| wrong(name))
    }

    fn how(&self) -> Result<How, Unreadable> {
        match self.text("ce_how")? {
            "stated" => Ok(How::Stated),
            "day" => Ok(How::Day),
            "arrival" => Ok(How::Arrival),
            _ => Err(wrong("ce_how")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::body::v1;

    #[test]
    fn an_event_comes_back_as_it_went() {
        let at: Timestamp = "2025-10-09T08:53:20.123456Z".parse().expect("time");
        let event = Event {
            id: EventId::from_text("e-1"),
            event_type: ORDER_PAID,
            connection: ConnectionName::parse("shop").expect("name"),
            entity: KeyHash::from_text("k-1"),
            subject: "42".to_owned(),
            since: Since { at, how: How::Day },
            version: -7,
            arrived: at,
            webhook: WebhookId::from_text("w-1"),
            origin: Origin::of_run(OriginKind::Replay, "r1"),
            traceparent: Some("00-aa-bb-01".to_owned()),
            body: Body::Order(Box::new(v1::Order { id: "42".to_owned(), paid: true, ..Default::default() })),
        };
        let append = event.to_append("events.order".to_owned());
        let record = Record {
            topic: "events.order".into(),
            partition: 0,
            offset: 0,
            key: append.key,
            headers: append.headers,
            value: append.value,
            timestamp: append.timestamp,
        };
        assert_eq!(Event::from_record(&record).expect("readable"), event);
    }
}
