//! One connection's way in: its connector, and what is looked up once instead of at every webhook.

use std::sync::Arc;

use crate::{
    connectors::contract::{Connector, Vendor},
    model::{connection::ConnectionName, http::Headers},
    telemetry::metrics::{Intake, Metrics},
    topics::Names,
};

/// Headers that carry credentials: connectors may look at them, nobody keeps them.
const NEVER_KEPT: &[&str] = &["authorization", "proxy-authorization", "cookie"];

/// A connection that takes webhooks.
pub struct GatewayConnection {
    /// The name that its records carry.
    pub name: ConnectionName,
    /// The names that its URL may have: today's and earlier ones, which vendors go on calling after a rename.
    pub paths: Vec<ConnectionName>,
    pub vendor: &'static Vendor,
    pub connector: Arc<dyn Connector>,
}

impl std::fmt::Debug for GatewayConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.vendor.name)
    }
}

pub(super) struct Inlet {
    pub(super) name: ConnectionName,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) topic: String,
    pub(super) intake: Intake,
    kept: Vec<&'static str>,
}

impl Inlet {
    pub(super) fn new(connection: GatewayConnection, names: &Names, metrics: &Metrics) -> Self {
        let kept = connection.vendor.headers.iter().copied().filter(|name| !is_one_of(NEVER_KEPT, name)).collect();
        Self {
            topic: names.webhooks(&connection.name),
            intake: metrics.intake(&connection.name),
            name: connection.name,
            connector: connection.connector,
            kept,
        }
    }

    /// The headers worth keeping, repeated ones too.
    pub(super) fn keep(&self, mut headers: Headers) -> Headers {
        headers.0.retain(|(name, _)| is_one_of(&self.kept, name));
        headers
    }
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}
