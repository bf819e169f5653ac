//! Webhooks: what a vendor told us, byte for byte. A fetched reply is the same webhook again, grown by one reply, so that
//! normalizing is always a function of one stored record.
//!
//! The value is the exact bytes of what arrived, followed by the exact bytes of each reply; the header `meta` tells their
//! lengths and everything else.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Unreadable,
    event::Origin,
    record::{Append, ID, KEY_ID, PLAIN, Record, RecordHeaders, TRACEPARENT},
};
use crate::model::{
    connection::ConnectionName,
    http::{Headers, Method},
    id::{ActionId, KeyHash, WebhookId},
    time::{Timestamp, Version},
};

const META: &str = "meta";

/// One thing that a vendor told us, with the replies to what it made us fetch.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    pub id: WebhookId,
    pub connection: ConnectionName,
    /// When it arrived; replays keep it.
    pub arrived: Timestamp,
    pub arrival: Arrival,
    /// The bytes that arrived.
    #[serde(with = "super::base64")]
    pub body: Bytes,
    /// The replies that were fetched because of it, oldest first.
    #[serde(default)]
    pub replies: Vec<FetchedReply>,
    #[serde(default)]
    pub origin: Origin,
    #[serde(default)]
    pub traceparent: Option<String>,
    /// What its records are kept in order with.
    pub key: KeyHash,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Webhook({} of {}, {} bytes, {} replies)",
            self.id,
            self.connection,
            self.body.len(),
            self.replies.len()
        )
    }
}

/// How a webhook came.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Somebody called our URL.
    Pushed {
        method: Method,
        /// The event named in the URL, where the connection has one URL per event.
        event: Option<String>,
        /// The query without its secrets.
        query: Vec<(String, String)>,
        /// The headers that the connector wants kept.
        headers: Headers,
    },
    /// A poll found it; the body is the row.
    Polled {
        poll: String,
        row: String,
        version: Option<Version>,
        /// The row is all there is to know: nothing need be fetched.
        complete: bool,
    },
}

/// The reply to a fetch.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedReply {
    /// What it was fetched for, in the connector's words.
    pub purpose: String,
    pub action: ActionId,
    pub at: Timestamp,
    pub status: u16,
    #[serde(with = "super::base64")]
    pub body: Bytes,
}

impl Webhook {
    /// The newest reply for a purpose.
    pub fn reply(&self, purpose: &str) -> Option<&FetchedReply> {
        self.replies.iter().rev().find(|reply| reply.purpose == purpose)
    }

    /// When the newest part of it was read: the arrival, or the last reply.
    pub fn read_at(&self) -> Timestamp {
        self.replies.last().map_or(self.arrived, |reply| reply.at)
    }

    /// The record for `webhooks.<connection>`.
    pub fn to_append(&self, topic: String) -> Append {
        let meta = Meta {
            connection: Cow::Borrowed(&self.connection),
            arrived: self.arrived,
            arrival: Cow::Borrowed(&self.arrival),
            length: self.body.len(),
            replies: self.replies.iter().map(ReplyMeta::of).collect(),
            origin: Cow::Borrowed(&self.origin),
        };
        let mut headers = RecordHeaders(Vec::with_capacity(4))
            .with(ID, self.id.as_str().to_owned())
            .with(META, meta.to_json())
            .with(KEY_ID, PLAIN);
        if let Some(traceparent) = &self.traceparent {
            headers = headers.with(TRACEPARENT, traceparent.clone());
        }
        Append {
            topic,
            partition: None,
            key: Bytes::from(self.key.as_str().to_owned()),
            headers,
            value: Some(self.all_bytes()),
            timestamp: self.read_at(),
        }
    }

    fn all_bytes(&self) -> Bytes {
        if self.replies.is_empty() {
            return self.body.clone();
        }
        let mut bytes = Vec::from(self.body.as_ref());
        for reply in &self.replies {
            bytes.extend_from_slice(&reply.body);
        }
        Bytes::from(bytes)
    }

    /// Reads a record of `webhooks.<connection>`.
    ///
    /// # Errors
    /// [`Unreadable`] when a header is missing or the lengths do not fit.
    pub fn from_record(record: &Record) -> Result<Self, Unreadable> {
        let wrong = |what: &str| Unreadable::new("webhooks", what);
        let id = record.headers.text(ID).ok_or_else(|| wrong("header `id` is missing"))?;
        let meta = record.headers.get(META).ok_or_else(|| wrong("header `meta` is missing"))?;
        let meta: Meta<'_> = serde_json::from_slice(meta).map_err(|_| wrong("header `meta` is wrong"))?;
        let mut rest = record.value.clone().unwrap_or_default();
        let mut take = |length: usize| {
            if length > rest.len() {
                Err(wrong("the value is shorter than its `meta` says"))
            } else {
                Ok(rest.split_to(length))
            }
        };
        let body = take(meta.length)?;
        let mut replies = Vec::with_capacity(meta.replies.len());
        for reply in meta.replies {
            let body = take(reply.length)?;
            replies.push(FetchedReply {
                purpose: reply.purpose,
                action: reply.action,
                at: reply.at,
                status: reply.status,
                body,
            });
        }
        Ok(Self {
            id: WebhookId::from_text(id),
            connection: meta.connection.into_owned(),
            arrived: meta.arrived,
            arrival: meta.arrival.into_owned(),
            body,
            replies,
            origin: meta.origin.into_owned(),
            traceparent: record.headers.text(TRACEPARENT).map(str::to_owned),
            key: KeyHash::from_text(String::from_utf8_lossy(&record.key)),
        })
    }
}

/// Borrowed when it is written: every webhook that is taken passes here.
#[derive(Serialize, Deserialize)]
struct Meta<'a> {
    connection: Cow<'a, ConnectionName>,
    arrived: Timestamp,
    arrival: Cow<'a, Arrival>,
    length: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replies: Vec<ReplyMeta>,
    #[serde(default)]
    origin: Cow<'a, Origin>,
}

impl Meta<'_> {
    fn to_json(&self) -> Vec<u8> {
        /// What a shop's headers take.
        const USUAL_BYTES: usize = 768;
        let mut json = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut json, self).expect("meta is plain data");
        json
    }
}

#[derive(Serialize, Deserialize)]
struct ReplyMeta {
    purpose: String,
    action: ActionId,
    at: Timestamp,
    status: u16,
    length: usize,
}

impl ReplyMeta {
    fn of(reply: &FetchedReply) -> Self {
        Self {
            purpose: reply.purpose.clone(),
            action: reply.action.clone(),
            at: reply.at,
            status: reply.status,
            length: reply.body.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_comes_back_to_the_byte() {
        let at: Timestamp = "2025-10-09T08:53:20Z".parse().expect("time");
        let reply = |purpose: &str, body: &'static [u8]| FetchedReply {
            purpose: purpose.to_owned(),
            action: ActionId::from_text("a-1"),
            at,
            status: 200,
            body: Bytes::from_static(body),
        };
        let webhook = Webhook {
            id: WebhookId::from_text("w-1"),
            connection: ConnectionName::parse("shop").expect("name"),
            arrived: at,
            arrival: Arrival::Pushed {
                method: Method::Post,
                event: Some("paid".to_owned()),
                query: vec![("a".to_owned(), "b".to_owned())],
                headers: Headers::new().with("content-type", "x"),
            },
            body: Bytes::from_static(b"\xff\x00id=1"),
            replies: vec![reply("invoice", b"{\"a\":1}"), reply("sequence", b"")],
            origin: Origin::default(),
            traceparent: None,
            key: KeyHash::from_text("k-1"),
        };
        let append = webhook.to_append("webhooks.shop".to_owned());
        let mut record = Record {
            topic: "webhooks.shop".into(),
            partition: 0,
            offset: 0,
            key: append.key,
            headers: append.headers,
            value: append.value,
            timestamp: append.timestamp,
        };
        assert_eq!(Webhook::from_record(&record).expect("readable"), webhook);
        record.value = Some(Bytes::from_static(b"short"));
        assert!(Webhook::from_record(&record).is_err());
    }
}
