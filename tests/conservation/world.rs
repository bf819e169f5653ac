//! What a webhook and an event ask for, derived again: the connectors' and the router's pure functions, with the flow sets
//! that the log has recorded.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use spojka::{
    config::{self, Config},
    connectors::contract::{Connector, Normalized, Target, Vendor},
    model::{
        code::Code,
        connection::ConnectionName,
        id::{ActionId, Ids},
        time::Timestamp,
    },
    normalizer::event_of,
    router::{Routed, Routing, Rules, route},
    topics::{
        action::Action,
        event::Event,
        flows::{self, ACTIVATIONS, SETS},
        webhook::Webhook,
    },
};

use super::topics::Topics;

/// What a webhook asks for.
pub enum Asked {
    Facts {
        events: Vec<Event>,
        fetches: Vec<ActionId>,
    },
    Nothing(Code),
    /// A dead letter.
    Invalid(Code),
}

/// What everything is derived by.
pub struct World {
    pub ids: Ids,
    connections: BTreeMap<ConnectionName, (&'static Vendor, Arc<dyn Connector>)>,
    /// First names by today's.
    identities: BTreeMap<String, ConnectionName>,
    rules: Rules,
    remember: Duration,
    now: Timestamp,
}

impl World {
    pub fn new(config: &Config, ids: Ids, topics: &Topics, now: Timestamp) -> Self {
        let connections = config.connections.iter().map(|(name, connection)| {
            (connection.identity(name).clone(), (connection.vendor, Arc::clone(&connection.connector)))
        });
        let identities =
            config.connections.iter().map(|(name, it)| (name.to_string(), it.identity(name).clone())).collect();
        let mut rules = Rules::default();
        for (key, bytes) in &topics.flows.entries {
            if key.starts_with(SETS)
                && let Ok(set) = flows::read::<flows::FlowSet>(bytes)
            {
                // What no longer fits is missing in it, as it is for the router.
                let (compiled, _problems) = config::stored_flows(&set.files, &config.connections);
                rules.add_set(set.hash, Arc::new(compiled));
            } else if key.starts_with(ACTIVATIONS)
                && let Ok(activation) = flows::read(bytes)
            {
                rules.activate(activation);
            }
        }
        Self { ids, connections: connections.collect(), identities, rules, remember: config.keeping.remember, now }
    }

    /// The name by which records know a connection.
    pub fn identity<'a>(&'a self, name: &'a str) -> &'a str {
        self.identities.get(name).map_or(name, ConnectionName::as_str)
    }

    pub fn vendor(&self, connection: &ConnectionName) -> Option<&'static Vendor> {
        self.connections.get(connection).map(|(vendor, _)| *vendor)
    }

    /// What a webhook asks for. Nothing is known of a connection that is gone from the config.
    pub fn asked(&self, webhook: &Webhook) -> Option<Asked> {
        let (_, connector) = self.connections.get(&webhook.connection)?;
        Some(match connector.normalize(webhook) {
            Normalized::Proves { facts, fetches } => Asked::Facts {
                events: facts.into_iter().map(|fact| event_of(&self.ids, webhook, fact)).collect(),
                fetches: fetches
                    .iter()
                    .map(|fetch| self.ids.fetch(&webhook.id, &fetch.purpose, &webhook.origin.run))
                    .collect(),
            },
            Normalized::Nothing(code) => Asked::Nothing(code),
            Normalized::Invalid { code, .. } => Asked::Invalid(code),
        })
    }

    /// What an event asks for.
    pub fn route(&self, event: &Event) -> Routed {
        route(event, &Routing { rules: &self.rules, ids: &self.ids, remember: self.remember, now: self.now })
    }

    /// What an action aims at.
    pub fn target(&self, action: &Action) -> Option<Target> {
        let (vendor, connector) = self.connections.get(&action.connection)?;
        let operation = vendor.operations.iter().find(|operation| operation.name == action.operation)?;
        connector.target(operation, &action.standing()).ok()
    }
}
