//! The bodies of events: messages of `proto/spojka/v1`, in canonical proto3 JSON.

#[expect(clippy::pedantic, clippy::allow_attributes, reason = "made by prost and pbjson from `proto/`")]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/spojka.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/spojka.v1.serde.rs"));
}

/// The compiled descriptors of `proto/`, with comments: what the checker and the generated pages read.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// What an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Order(Box<v1::Order>),
    Invoice(Box<v1::Invoice>),
    Payment(Box<v1::Payment>),
    Customer(Box<v1::Customer>),
    Subscriber(Box<v1::Subscriber>),
    Step(Box<v1::Step>),
}

impl Body {
    /// Canonical proto3 JSON.
    pub fn to_json(&self) -> serde_json::Value {
        let value = match self {
            Self::Order(body) => serde_json::to_value(body),
            Self::Invoice(body) => serde_json::to_value(body),
            Self::Payment(body) => serde_json::to_value(body),
            Self::Customer(body) => serde_json::to_value(body),
            Self::Subscriber(body) => serde_json::to_value(body),
            Self::Step(body) => serde_json::to_value(body),
        };
        value.expect("our messages hold nothing that JSON cannot")
    }

    /// Reads canonical proto3 JSON as the body of an entity. Unknown members are ignored: a newer Spojka may have written it.
    ///
    /// # Errors
    /// What the JSON reader says, which names places but no content.
    pub fn from_json(entity: super::event::Entity, bytes: &[u8]) -> Result<Self, serde_json::Error> {
        use super::event::Entity;
        Ok(match entity {
            Entity::Order => Self::Order(serde_json::from_slice(bytes)?),
            Entity::Invoice => Self::Invoice(serde_json::from_slice(bytes)?),
            Entity::Payment => Self::Payment(serde_json::from_slice(bytes)?),
            Entity::Customer => Self::Customer(serde_json::from_slice(bytes)?),
            Entity::Subscriber => Self::Subscriber(serde_json::from_slice(bytes)?),
            Entity::Step => Self::Step(serde_json::from_slice(bytes)?),
        })
    }
}
