//! The topics through which roles meet: each record's key, headers and encoding, who writes it and who reads it.
//!
//! | topic | key | written by | read by |
//! |---|---|---|---|
//! | `webhooks.<connection>` | the vendor's object, else the delivery | gateway, dispatcher | normalizer |
//! | `events.<entity>`, `events.step` | entity | normalizer, dispatcher | router |
//! | `actions.<connection>` (one partition) | conflict key | router, normalizer | the lane's owner |
//! | `actions.<connection>.bulk` (one partition) | conflict key | router, normalizer, replay, commands | the lane's owner |
//! | `memory.<connection>` (one partition, compacted) | action or object | the lane's owner | the lane's owner |
//! | `dead` (compacted) | dead letter | all | commands |
//! | `flows` (compacted) | flow set, activation | commands, runtime | router |
//! | `replays` (compacted) | replay | whoever runs it | commands |

pub mod action;
pub mod base64;
pub mod body;
pub mod control;
pub mod dead;
pub mod event;
pub mod flows;
pub mod hold;
pub mod memory;
pub mod occasion;
pub mod record;
pub mod replay;
pub mod step;
pub mod travel;
pub mod webhook;

use crate::model::connection::ConnectionName;

/// Names of topics, under the installation's prefix: one cluster may hold many installations.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
}

impl Names {
    /// `prefix` is put before every name as it is: `spojka.` gives `spojka.dead`.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    pub fn webhooks(&self, connection: &ConnectionName) -> String {
        format!("{}webhooks.{connection}", self.prefix)
    }

    pub fn events(&self, entity: event::Entity) -> String {
        format!("{}events.{}", self.prefix, entity.as_str())
    }

    pub fn actions(&self, connection: &ConnectionName) -> String {
        format!("{}actions.{connection}", self.prefix)
    }

    /// The lane's second topic: replays, imports, repairs.
    pub fn bulk(&self, connection: &ConnectionName) -> String {
        format!("{}actions.{connection}.bulk", self.prefix)
    }

    /// Where an action of this origin waits: live traffic goes before everything else.
    pub fn lane(&self, connection: &ConnectionName, origin: &event::Origin) -> String {
        if origin.kind == event::OriginKind::Live { self.actions(connection) } else { self.bulk(connection) }
    }

    pub fn memory(&self, connection: &ConnectionName) -> String {
        format!("{}memory.{connection}", self.prefix)
    }

    pub fn dead(&self) -> String {
        format!("{}dead", self.prefix)
    }

    pub fn flows(&self) -> String {
        format!("{}flows", self.prefix)
    }

    pub fn replays(&self) -> String {
        format!("{}replays", self.prefix)
    }

    /// The consumer group of a role.
    pub fn group(&self, role: &str) -> String {
        format!("{}{role}", self.prefix)
    }
}

/// A record's bytes that are not what its topic holds.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a record of `{topic}` cannot be read: {why}")]
pub struct Unreadable {
    pub topic: &'static str,
    /// What is missing or wrong, without any content.
    pub why: String,
}

impl Unreadable {
    pub(crate) fn new(topic: &'static str, why: impl Into<String>) -> Self {
        Self { topic, why: why.into() }
    }
}

#[cfg(test)]
mod tests;
