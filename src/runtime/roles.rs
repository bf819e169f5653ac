//! Each role, built from a config.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    HttpTransport,
    app::Role,
    lag::Reader,
    open::{largest_record, names_of},
};
use crate::{
    config::{Config, ConnectionConfig, Delivery as DeliveryConfig, LimitConfig, Pauses},
    connectors::contract::Connector,
    dispatcher::{
        BulkDelivery, Delivery, Dispatcher, DispatcherSettings, LaneBoard, LaneConnection, LoopRule, Shared,
        backoff::{Backoff, Schedule},
        circuit::CircuitSettings,
        limits::LaneLimit,
    },
    gateway::{
        Gateway, GatewayConnection, GatewaySettings, Parts,
        spool::{Spool, SpoolParts, SpoolSettings, Spooling},
    },
    http::{Client, Limits},
    log::{Log, LogResult, health::Health, pipeline::Pipeline},
    model::{connection::ConnectionName, id::Ids, random::Random, time::Clock},
    normalizer::Normalizer,
    telemetry::Metrics,
    topics::{Names, event::Entity},
};

/// The longest that a handled record's offset stays uncommitted: what a crash makes normalizer and router do again.
const COMMIT_EVERY: Duration = Duration::from_millis(500);
/// How long a lane may send requests on one proof of ownership. With the longest request it stays below Kafka's session
/// timeout.
pub(super) const LEASE: Duration = Duration::from_secs(2);
/// The largest answer that is read: a page of a hundred large orders. What becomes of it fits the log's largest record.
const MOST_ANSWER_BYTES: usize = 4 << 20;
/// How long a stop waits for what is in flight.
pub(super) const DRAIN: Duration = Duration::from_secs(25);

/// What all roles are built from.
#[derive(Clone)]
pub struct Ground {
    pub log: Log,
    pub health: Arc<Health>,
    pub names: Names,
    pub ids: Ids,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub metrics: Arc<Metrics>,
    pub board: LaneBoard,
    /// The flows whose changed `start` somebody has accepted, by name.
    pub accepted_starts: BTreeSet<String>,
}

/// The connections under their first names, which is what records carry.
pub(super) fn by_identity(config: &Config) -> impl Iterator<Item = (ConnectionName, &ConnectionConfig)> {
    config.connections.iter().map(|(name, connection)| (connection.identity(name).clone(), connection))
}

impl Ground {
    pub fn new(config: &Config, log: Log, ids: Ids, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let metrics = Arc::new(Metrics::new());
        let health = Arc::new(Health::new(Arc::clone(&metrics)));
        let board = LaneBoard::default();
        Self {
            log,
            health,
            names: names_of(config),
            ids,
            clock,
            random,
            metrics,
            board,
            accepted_starts: BTreeSet::new(),
        }
    }

    /// The gateway's spool, where there is one.
    ///
    /// # Errors
    /// Its folder cannot be used, or another process uses it.
    pub async fn spool(&self, config: &Config) -> LogResult<Option<(Arc<Spool>, Spooling)>> {
        let Some(spool) = &config.gateway.spool else { return Ok(None) };
        let settings = SpoolSettings {
            path: spool.path.clone(),
            max_bytes: spool.max_bytes,
            max_message_bytes: largest_record(config),
            append_timeout: GatewaySettings::default().append_timeout,
        };
        let topics: Vec<_> = by_identity(config).map(|(name, _)| self.names.webhooks(&name)).collect();
        let parts = SpoolParts {
            log: Arc::clone(&self.log),
            health: Arc::clone(&self.health),
            clock: Arc::clone(&self.clock),
            metrics: Arc::clone(&self.metrics),
        };
        Spool::open(&settings, &topics, parts).await.map(Some)
    }

    pub fn gateway(&self, config: &Config, spool: Option<Arc<Spool>>) -> Gateway {
        let settings = GatewaySettings {
            max_body_bytes: config.gateway.max_body_bytes,
            body_timeout: config.gateway.request_timeout,
            ..GatewaySettings::default()
        };
        let connections = config.connections.iter().map(|(name, connection)| GatewayConnection {
            paths: std::iter::once(name).chain(&connection.was).cloned().collect(),
            name: connection.identity(name).clone(),
            vendor: connection.vendor,
            connector: Arc::clone(&connection.connector),
        });
        let parts = Parts {
            log: Arc::clone(&self.log),
            health: Arc::clone(&self.health),
            spool,
            names: self.names.clone(),
            ids: self.ids.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            metrics: Arc::clone(&self.metrics),
        };
        Gateway::new(settings, connections.collect(), parts)
    }

    pub fn normalizer(&self, config: &Config) -> (Pipeline, Normalizer) {
        let connectors: BTreeMap<ConnectionName, Arc<dyn Connector>> =
            by_identity(config).map(|(name, connection)| (name, Arc::clone(&connection.connector))).collect();
        let topics = connectors.keys().map(|name| self.names.webhooks(name)).collect();
        let normalizer = Normalizer {
            names: self.names.clone(),
            ids: self.ids.clone(),
            connectors,
            metrics: Arc::clone(&self.metrics),
        };
        (self.pipeline("normalizer", topics), normalizer)
    }

    pub(super) fn router_pipeline(&self) -> Pipeline {
        self.pipeline("router", Entity::ALL.iter().map(|entity| self.names.events(*entity)).collect())
    }

    /// The roles among these whose lag this process tells, with what they read.
    pub(super) fn readers(&self, config: &Config, chosen: &BTreeSet<Role>) -> Vec<Reader> {
        let webhooks = by_identity(config).map(|(name, _)| self.names.webhooks(&name)).collect();
        let events = Entity::ALL.iter().map(|entity| self.names.events(*entity)).collect();
        let reader = |role, topics| Reader { role, group: self.names.group(role), topics };
        let readers = [(Role::Normalizer, reader("normalizer", webhooks)), (Role::Router, reader("router", events))];
        readers.into_iter().filter(|(role, _)| chosen.contains(role)).map(|(_, reader)| reader).collect()
    }

    fn pipeline(&self, role: &str, topics: Vec<String>) -> Pipeline {
        Pipeline {
            log: Arc::clone(&self.log),
            clock: Arc::clone(&self.clock),
            group: self.names.group(role),
            topics,
            commit_every: COMMIT_EVERY,
        }
    }

    pub fn dispatcher(&self, config: &Config, client: &Client, owner: &str) -> Dispatcher {
        let connections = by_identity(config).map(|(name, connection)| LaneConnection {
            credentials: self.ids.credentials(&name, &connection.settings.identifying(connection.vendor.settings)),
            name,
            vendor: connection.vendor,
            connector: Arc::clone(&connection.connector),
            delivery: delivery_of(&connection.delivery, config.keeping.retention),
            limits: limits_of_lane(connection),
            transport: Arc::new(HttpTransport { client: client.clone(), limits: limits_of(&connection.delivery) }),
        });
        let shared = Shared {
            log: Arc::clone(&self.log),
            names: self.names.clone(),
            ids: self.ids.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            metrics: Arc::clone(&self.metrics),
            board: self.board.clone(),
            owner: owner.to_owned(),
        };
        Dispatcher::new(DispatcherSettings { lease: LEASE, drain: DRAIN }, shared, connections.collect())
    }
}

/// What the connection's lane keeps to.
pub(super) fn limits_of_lane(connection: &ConnectionConfig) -> Vec<LaneLimit> {
    connection.delivery.limits.iter().map(LimitConfig::of_lane).collect()
}

fn delivery_of(config: &DeliveryConfig, retention: Duration) -> Delivery {
    Delivery {
        concurrency: usize::try_from(config.concurrency).unwrap_or(1).max(1),
        per_second: config.per_second,
        request_timeout: config.timeout,
        backoff: schedule_of(&config.retry.pauses),
        max_age: config.retry.max_age,
        not_there: schedule_of(&config.not_there.pauses),
        not_there_max_age: config.not_there.max_age,
        circuit: CircuitSettings {
            failures: config.circuit.failures,
            backoff: Backoff { first: config.circuit.first, cap: config.circuit.cap },
        },
        bulk: BulkDelivery {
            concurrency: usize::try_from(config.bulk.concurrency).unwrap_or(1),
            per_second: config.bulk.per_second,
            keep_for: retention,
        },
        loops: config.loops.map(|loops| LoopRule { actions: loops.actions, within: loops.within }),
    }
}

fn schedule_of(pauses: &Pauses) -> Schedule {
    match pauses {
        Pauses::Exponential { first, cap } => Schedule::Exponential(Backoff { first: *first, cap: *cap }),
        Pauses::List(list) => Schedule::List(list.as_slice().into()),
    }
}

/// The HTTP client's limits for one connection.
pub fn limits_of(config: &DeliveryConfig) -> Limits {
    Limits {
        timeout: config.timeout,
        max_answer_bytes: MOST_ANSWER_BYTES,
        allow_private_addresses: config.allow_private_addresses,
    }
}
