//! Counting, with types instead of label texts. One [`Metrics`] per process, handed around in an `Arc`.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge, Registry, TextEncoder};

use super::names::Families;
use crate::model::{code::Code, connection::ConnectionName, id::FlowSetHash};

/// The label of what belongs to no connection.
const UNKNOWN: &str = "unknown";

/// All metrics of a process, in a registry of their own.
pub struct Metrics {
    registry: Registry,
    families: Families,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let registry = Registry::new();
        let families = Families::register(&registry);
        families.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self { registry, families }
    }

    /// All metrics in Prometheus' text format.
    pub fn text(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| format!("# not encoded: {error}\n"))
    }
}

/// What the gateway counts for one connection, looked up once: it is on the hot path.
#[derive(Clone, Debug)]
pub struct Intake {
    accepted: IntCounter,
    acknowledged: Histogram,
    body_bytes: IntCounter,
}

impl Intake {
    /// A webhook is durable and about to be acknowledged.
    pub fn accepted(&self, body_bytes: usize, took: Duration) {
        self.accepted.inc();
        self.body_bytes.inc_by(body_bytes as u64);
        self.acknowledged.observe(took.as_secs_f64());
    }
}

/// The gateway.
impl Metrics {
    pub fn intake(&self, connection: &ConnectionName) -> Intake {
        let labels = &[connection.as_str()];
        Intake {
            accepted: self.families.webhooks_accepted.with_label_values(labels),
            acknowledged: self.families.webhook_ack.with_label_values(labels),
            body_bytes: self.families.webhook_body_bytes.with_label_values(labels),
        }
    }

    /// `None`: the URL names no connection.
    pub fn webhook_refused(&self, connection: Option<&ConnectionName>, code: Code) {
        let connection = connection.map_or(UNKNOWN, ConnectionName::as_str);
        self.families.webhooks_refused.with_label_values(&[connection, code.as_str()]).inc();
    }

    pub fn webhook_answered(&self, connection: &ConnectionName, code: Code) {
        self.families.webhooks_answered.with_label_values(&[connection.as_str(), code.as_str()]).inc();
    }

    /// Also counted as accepted.
    pub fn webhook_spooled(&self, connection: &ConnectionName) {
        self.families.webhooks_spooled.with_label_values(&[connection.as_str()]).inc();
    }

    /// What waits in the spool.
    pub fn set_spool(&self, records: u64, bytes: u64, oldest: Duration) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.families.spool_records.with_label_values::<&str>(&[]).set(gauge(records));
        self.families.spool_bytes.with_label_values::<&str>(&[]).set(gauge(bytes));
        self.families.spool_oldest.with_label_values::<&str>(&[]).set(oldest.as_secs_f64());
    }

    /// The gauge of the bytes that the gateway holds.
    pub fn gateway_queue_bytes(&self) -> IntGauge {
        self.families.gateway_queue_bytes.with_label_values::<&str>(&[])
    }
}

/// The normalizer, the router, and whoever writes dead letters.
impl Metrics {
    pub fn fact(&self, connection: &ConnectionName, event_type: &'static str) {
        self.families.facts.with_label_values(&[connection.as_str(), event_type]).inc();
    }

    pub fn nothing(&self, code: Code) {
        self.families.nothing.with_label_values(&[code.as_str()]).inc();
    }

    /// `kind` is that of the dead letter: `webhook`, `event`, `action`.
    pub fn dead(&self, kind: &'static str, code: Code) {
        self.families.dead_letters.with_label_values(&[kind, code.as_str()]).inc();
    }

    /// `flow` is a name of the config.
    pub fn action(&self, flow: &str) {
        self.families.actions.with_label_values(&[flow]).inc();
    }

    /// A flow that listens to an event did not fire: its condition, its start, the event's age, …
    pub fn event_skipped(&self, reason: &'static str) {
        self.families.events_skipped.with_label_values(&[reason]).inc();
    }

    pub fn step_failed(&self, flow: &str, code: Code) {
        self.families.steps_failed.with_label_values(&[flow, code.as_str()]).inc();
    }

    /// `lookup` is a name of the config.
    pub fn lookup_miss(&self, lookup: &str) {
        self.families.lookup_misses.with_label_values(&[lookup]).inc();
    }
}

/// The dispatcher.
impl Metrics {
    /// `failed` is `None` where the vendor did it.
    pub fn attempt(&self, connection: &ConnectionName, operation: &'static str, failed: Option<Code>, took: Duration) {
        let code = failed.map_or("ok", Code::as_str);
        self.families.attempts.with_label_values(&[connection.as_str(), operation, code]).inc();
        self.families.attempt_seconds.with_label_values(&[connection.as_str()]).observe(took.as_secs_f64());
    }

    /// `end` is that of the outcome: `done`, `unchanged`, `superseded`, `adopted`, `dropped`, `dead`, `held`,
    /// `refused`.
    pub fn outcome(&self, connection: &ConnectionName, operation: &'static str, end: &'static str) {
        self.families.outcomes.with_label_values(&[connection.as_str(), operation, end]).inc();
    }

    pub fn set_waiting(&self, connection: &ConnectionName, actions: usize) {
        self.families.waiting.with_label_values(&[connection.as_str()]).set(gauge(actions));
    }

    pub fn set_held(&self, connection: &ConnectionName, actions: usize) {
        self.families.held.with_label_values(&[connection.as_str()]).set(gauge(actions));
    }

    pub fn set_in_flight(&self, connection: &ConnectionName, actions: usize) {
        self.families.in_flight.with_label_values(&[connection.as_str()]).set(gauge(actions));
    }

    /// Zero when nothing waits.
    pub fn set_oldest_waiting(&self, connection: &ConnectionName, age: Duration) {
        self.families.oldest_waiting.with_label_values(&[connection.as_str()]).set(age.as_secs_f64());
    }

    /// The lane went to another process, which reports it from now on.
    pub fn forget_lane(&self, connection: &ConnectionName) {
        let labels = &[connection.as_str()];
        let families = &self.families;
        let gauges = [&families.waiting, &families.in_flight, &families.held, &families.circuit_open];
        let mut known = gauges.map(|gauge| gauge.remove_label_values(labels).is_ok()).contains(&true);
        known |= self.families.oldest_waiting.remove_label_values(labels).is_ok();
        tracing::trace!(connection.id = %connection, known, "the lane is no longer reported here");
    }

    pub fn set_circuit_open(&self, connection: &ConnectionName, open: bool) {
        self.families.circuit_open.with_label_values(&[connection.as_str()]).set(i64::from(open));
    }

    /// One request was sent. `class` is the operation's limit class; `poll`, `probe` and `login` are classes too.
    pub fn call(&self, connection: &ConnectionName, class: &'static str) {
        self.families.calls.with_label_values(&[connection.as_str(), class]).inc();
    }

    pub fn webhooks_missed(&self, connection: &ConnectionName, rows: u64) {
        self.families.webhooks_missed.with_label_values(&[connection.as_str()]).inc_by(rows);
    }

    /// `limit` is a name of the config. The cost is an amount and its currency.
    pub fn set_quota(&self, connection: &ConnectionName, limit: &str, used: u64, of: u64, cost: Option<(f64, &str)>) {
        let labels = &[connection.as_str(), limit];
        self.families.quota_used.with_label_values(labels).set(i64::try_from(used).unwrap_or(i64::MAX));
        self.families.quota_limit.with_label_values(labels).set(i64::try_from(of).unwrap_or(i64::MAX));
        if let Some((amount, currency)) = cost {
            self.families.quota_cost.with_label_values(&[connection.as_str(), limit, currency]).set(amount);
        }
    }

    /// The quota's lane is no longer ours.
    pub fn forget_quota(&self, connection: &ConnectionName, limit: &str, currency: Option<&str>) {
        let labels = &[connection.as_str(), limit];
        let _was_known = self.families.quota_used.remove_label_values(labels);
        let _was_known = self.families.quota_limit.remove_label_values(labels);
        if let Some(currency) = currency {
            let _was_known = self.families.quota_cost.remove_label_values(&[connection.as_str(), limit, currency]);
        }
    }

    pub fn poll_rows(&self, connection: &ConnectionName, poll: &'static str, rows: usize) {
        self.families.poll_rows.with_label_values(&[connection.as_str(), poll]).inc_by(rows as u64);
    }

    pub fn loop_suspected(&self, connection: &ConnectionName) {
        self.families.loops.with_label_values(&[connection.as_str()]).inc();
    }
}

/// The flows in force.
impl Metrics {
    /// Replaces the one told before.
    pub fn set_flow_set(&self, hash: Option<&FlowSetHash>) {
        self.families.flow_set_info.reset();
        if let Some(hash) = hash {
            self.families.flow_set_info.with_label_values(&[hash.as_str()]).set(1);
        }
    }

    /// `result` is `done`, `unchanged`, `refused` or `failed`.
    pub fn reload(&self, result: &'static str) {
        self.families.reloads.with_label_values(&[result]).inc();
    }
}

/// The log, and whoever reads it.
impl Metrics {
    pub fn log_appended(&self, took: Duration) {
        self.families.log_append.with_label_values::<&str>(&[]).observe(took.as_secs_f64());
    }

    pub fn set_log_available(&self, available: bool) {
        self.families.log_available.with_label_values::<&str>(&[]).set(i64::from(available));
    }

    /// `operation` is the call that failed: `append`, `commit`, `read`, …
    pub fn log_error(&self, operation: &'static str) {
        self.families.log_errors.with_label_values(&[operation]).inc();
    }

    /// `topic` is a name of the config.
    pub fn set_lag(&self, role: &'static str, topic: &str, records: u64) {
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        self.families.lag.with_label_values(&[role, topic]).set(records);
    }

    /// The partition went to another process, which reports it from now on.
    pub fn forget_lag(&self, role: &'static str, topic: &str) {
        let _was_known = self.families.lag.remove_label_values(&[role, topic]);
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
