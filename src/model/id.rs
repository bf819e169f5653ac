//! All ids are built here, from length-prefixed parts under the installation's key. Test vectors below hold the recipe:
//! changing one is a migration.
//!
//! No id contains an offset, and none is a hash of a webhook's body: a vendor may say the same twice and mean it.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{
    connection::ConnectionName,
    hash::{ContentHash, push_hex},
    time::Version,
};

/// So much of a digest is an id.
const ID_BYTES: usize = 16;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes an id that was built here once and came back from the log or from a person.
            pub fn from_text(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type!(
    /// One thing that a vendor told us. Begins with `w-`.
    WebhookId
);
id_type!(
    /// One fact. Begins with `e-`.
    EventId
);
id_type!(
    /// One operation to be performed. Begins with `a-`.
    ActionId
);
id_type!(
    /// The keyed hash of something that waits in order with its equals: an entity, a conflict key. Begins with `k-`.
    KeyHash
);
id_type!(
    /// The hash of a checked flow set. Begins with `f-`.
    FlowSetHash
);
id_type!(
    /// A dead letter, named after what died. Begins with `d-`.
    DeadId
);

/// What makes a fact this fact and no other.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// It can happen once: created, issued, first paid.
    Once,
    /// It can happen often, and the vendor numbers it: a payment, a refund.
    Counted(String),
    /// It is a state, told by its version and its content.
    State(Version, ContentHash),
}

/// Builds ids under the installation's key, so that nobody outside can compute an e-mail's hash.
#[derive(Clone)]
pub struct Ids {
    key: Hmac<Sha256>,
}

impl Ids {
    pub fn new(key: &[u8]) -> Self {
        Self { key: Hmac::new_from_slice(key).expect("HMAC takes a key of any length") }
    }

    /// A webhook with the vendor's documented delivery id.
    pub fn delivered(&self, connection: &ConnectionName, delivery: &str) -> WebhookId {
        WebhookId(self.build("w", "delivered", &[connection.as_str(), delivery]))
    }

    /// A webhook without one: new at arrival, from random bytes.
    pub fn arrived(&self, connection: &ConnectionName, random: [u8; 16]) -> WebhookId {
        WebhookId(self.build("w", "arrived", &[connection.as_str(), &super::hash::hex(&random)]))
    }

    /// A row that a poll found: the same row in the same state is the same webhook.
    pub fn polled(&self, connection: &ConnectionName, poll: &str, row: &str, state: &str) -> WebhookId {
        WebhookId(self.build("w", "polled", &[connection.as_str(), poll, row, state]))
    }

    /// The fetch that a webhook asks for, by its purpose. `run` is empty except where a person asks for a fresh fetch.
    pub fn fetch(&self, webhook: &WebhookId, purpose: &str, run: &str) -> ActionId {
        ActionId(self.build("a", "fetch", &[webhook.as_str(), purpose, run]))
    }

    /// A fact about an entity.
    pub fn event(
        &self,
        connection: &ConnectionName,
        entity: &str,
        id: &str,
        kind: &str,
        identity: &Identity,
    ) -> EventId {
        let common = [connection.as_str(), entity, id, kind];
        let text = match identity {
            Identity::Once => self.build("e", "once", &common),
            Identity::Counted(counted) => self.build("e", "counted", &[&common[..], &[counted.as_str()]].concat()),
            Identity::State(version, content) => {
                let version = version.to_string();
                self.build("e", "state", &[&common[..], &[version.as_str(), content.as_str()]].concat())
            }
        };
        EventId(text)
    }

    /// The event that says that an action came to its end.
    pub fn step_event(&self, action: &ActionId) -> EventId {
        EventId(self.build("e", "step", &[action.as_str()]))
    }

    /// What a step does because of an event. `run` is empty except in a replay of everything.
    pub fn action(&self, event: &EventId, flow: &str, step: &str, run: &str) -> ActionId {
        ActionId(self.build("a", "step", &[event.as_str(), flow, step, run]))
    }

    /// An entity at its source: the key of its events, and the source that the ledger remembers.
    pub fn entity(&self, connection: &ConnectionName, entity: &str, id: &str) -> KeyHash {
        KeyHash(self.build("k", "entity", &[connection.as_str(), entity, id]))
    }

    /// What an action must wait in line with at its target, and what the ledger is kept by.
    pub fn conflict(&self, connection: &ConnectionName, object: &str) -> KeyHash {
        KeyHash(self.build("k", "conflict", &[connection.as_str(), object]))
    }

    /// What a webhook is kept in order with.
    pub fn partition(&self, connection: &ConnectionName, key: &str) -> KeyHash {
        KeyHash(self.build("k", "partition", &[connection.as_str(), key]))
    }

    /// The dead letter of something; dying again makes the same letter again.
    pub fn dead(&self, of: &str) -> DeadId {
        DeadId(self.build("d", "dead", &[of]))
    }

    /// What tells one set of a connection's credentials from another, without telling them.
    pub fn credentials(&self, connection: &ConnectionName, parts: &[&str]) -> KeyHash {
        KeyHash(self.build("k", "credentials", &[&[connection.as_str()], parts].concat()))
    }

    /// A flow set, by the content of its files.
    pub fn flow_set(&self, content: &ContentHash) -> FlowSetHash {
        FlowSetHash(self.build("f", "flows", &[content.as_str()]))
    }

    fn build(&self, prefix: &str, recipe: &str, parts: &[&str]) -> String {
        let mut mac = self.key.clone();
        for part in std::iter::once(&recipe).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let mut id = String::with_capacity(prefix.len() + 1 + 2 * ID_BYTES);
        id.push_str(prefix);
        id.push('-');
        push_hex(&mut id, &mac.finalize().into_bytes()[..ID_BYTES]);
        id
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids([secret])")
    }
}

#[cfg(test)]
mod tests;
