//! Every metric there is: its name, its help, its labels. `spojka` exposes these and no others.
//!
//! Labels are bounded: by the config (connections, flows, topics) or by this program (codes, operations, roles). To add a
//! metric, add a line here and a method in [`super::metrics`].

use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector, histogram_opts,
    opts,
};

/// One metric: what its page and its dashboards are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// What a metric measures with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Bounds of the time histograms in seconds: from a local write to the longest wait for a vendor.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

trait Vector: Collector + Clone + Sized + 'static {
    const KIND: Kind;

    fn make(family: &Family) -> prometheus::Result<Self>;

    fn register(family: &Family, registry: &Registry) -> Self {
        let vector = Self::make(family).expect("names and labels of the list are well-formed");
        registry.register(Box::new(vector.clone())).expect("names of the list are unique");
        vector
    }
}

fn options(family: &Family) -> Opts {
    opts!(family.name, family.help)
}

impl Vector for IntCounterVec {
    const KIND: Kind = Kind::Counter;

    fn make(family: &Family) -> prometheus::Result<Self> {
        Self::new(options(family), family.labels)
    }
}

impl Vector for IntGaugeVec {
    const KIND: Kind = Kind::Gauge;

    fn make(family: &Family) -> prometheus::Result<Self> {
        Self::new(options(family), family.labels)
    }
}

impl Vector for GaugeVec {
    const KIND: Kind = Kind::Gauge;

    fn make(family: &Family) -> prometheus::Result<Self> {
        Self::new(options(family), family.labels)
    }
}

impl Vector for HistogramVec {
    const KIND: Kind = Kind::Histogram;

    fn make(family: &Family) -> prometheus::Result<Self> {
        let options: HistogramOpts = histogram_opts!(family.name, family.help, SECONDS.to_vec());
        Self::new(options, family.labels)
    }
}

macro_rules! families {
    ($($field:ident: $vector:ty = $name:literal, [$($label:literal),*], $help:literal;)*) => {
        /// All metrics.
        pub const FAMILIES: &[Family] = &[$(
            Family { name: $name, kind: <$vector as Vector>::KIND, labels: &[$($label),*], help: $help },
        )*];

        /// The registered metrics.
        pub(super) struct Families {
            $(pub(super) $field: $vector,)*
        }

        impl Families {
            pub(super) fn register(registry: &Registry) -> Self {
                let mut families = FAMILIES.iter();
                let mut next = || families.next().expect("the list and the fields are one macro");
                Self { $($field: <$vector>::register(next(), registry),)* }
            }
        }
    };
}

families! {
    // Is it receiving?
    webhooks_accepted: IntCounterVec = "spojka_webhooks_accepted_total", ["connection"],
        "Webhooks that were stored durably and acknowledged.";
    webhooks_refused: IntCounterVec = "spojka_webhooks_refused_total", ["connection", "code"],
        "Requests that the gateway did not take, by reason; connection `unknown` where the URL named none.";
    webhooks_answered: IntCounterVec = "spojka_webhooks_answered_total", ["connection", "code"],
        "Requests that were answered without storing anything: pings, challenges, checks of the URL.";
    webhook_ack: HistogramVec = "spojka_webhook_ack_seconds", ["connection"],
        "From a webhook's head to its acknowledgement, reading and durable writing included.";
    webhook_body_bytes: IntCounterVec = "spojka_webhook_body_bytes_total", ["connection"],
        "Bytes of accepted bodies.";
    gateway_queue_bytes: IntGaugeVec = "spojka_gateway_queue_bytes", [],
        "Bytes of bodies that the gateway holds: being read, or waiting to be durable.";
    webhooks_spooled: IntCounterVec = "spojka_webhooks_spooled_total", ["connection"],
        "Webhooks that were stored in the spool and acknowledged, because the log was away or earlier ones wait there.";
    spool_records: IntGaugeVec = "spojka_spool_records", [],
        "Webhooks that wait in the spool for the log.";
    spool_bytes: IntGaugeVec = "spojka_spool_bytes", [],
        "Bytes of the webhooks that wait in the spool.";
    spool_oldest: GaugeVec = "spojka_spool_oldest_seconds", [],
        "Age of the webhook that waits longest in the spool; 0 when none does.";

    // What came of it?
    facts: IntCounterVec = "spojka_facts_total", ["connection", "type"],
        "Facts that webhooks proved, repeated ones included.";
    nothing: IntCounterVec = "spojka_webhooks_without_facts_total", ["code"],
        "Webhooks that proved nothing, by reason.";
    dead_letters: IntCounterVec = "spojka_dead_letters_total", ["kind", "code"],
        "Records that became dead letters.";
    actions: IntCounterVec = "spojka_actions_total", ["flow"],
        "Actions that flows asked for, repeated ones included.";
    events_skipped: IntCounterVec = "spojka_events_skipped_total", ["reason"],
        "Times that an event did not fire a flow that listens to it, by reason.";
    steps_failed: IntCounterVec = "spojka_steps_failed_total", ["flow", "code"],
        "Steps that could not be mapped to an action.";
    lookup_misses: IntCounterVec = "spojka_lookup_misses_total", ["lookup"],
        "Values that had no row in a lookup, whatever became of them.";

    // Is it keeping up?
    lag: IntGaugeVec = "spojka_lag_records", ["role", "topic"],
        "Records that a role has not settled yet.";
    waiting: IntGaugeVec = "spojka_actions_waiting", ["connection"],
        "Actions that wait for their time or for the circuit.";
    in_flight: IntGaugeVec = "spojka_actions_in_flight", ["connection"],
        "Actions that are being carried out.";
    oldest_waiting: GaugeVec = "spojka_oldest_waiting_seconds", ["connection"],
        "Age of the action that waits longest.";
    held: IntGaugeVec = "spojka_actions_held", ["connection"],
        "Actions that wait until a person has agreed: `spojka approve list`.";

    // Is it delivering?
    attempts: IntCounterVec = "spojka_attempts_total", ["connection", "operation", "code"],
        "Attempts, by what came of them; code `ok` where the vendor did it.";
    attempt_seconds: HistogramVec = "spojka_attempt_seconds", ["connection"],
        "How long attempts take.";
    outcomes: IntCounterVec = "spojka_outcomes_total", ["connection", "operation", "end"],
        "Ends of actions: done, unchanged, superseded, adopted, dropped, dead, held, refused.";
    circuit_open: IntGaugeVec = "spojka_circuit_open", ["connection"],
        "1 while a lane stands still because its target fails or rejects our credentials.";
    loops: IntCounterVec = "spojka_loops_suspected_total", ["connection"],
        "Bursts of actions on one object that were taken for a loop and stopped.";

    // What does it cost?
    calls: IntCounterVec = "spojka_vendor_calls_total", ["connection", "class"],
        "Requests sent to vendors, by the class that limits speak of.";
    webhooks_missed: IntCounterVec = "spojka_webhooks_missed_total", ["connection"],
        "Rows that a poll found and of which no webhook had told by then, where the vendor sends webhooks.";
    quota_used: IntGaugeVec = "spojka_quota_used", ["connection", "limit"],
        "Requests that count against a quota in its present window.";
    quota_limit: IntGaugeVec = "spojka_quota_limit", ["connection", "limit"],
        "Requests of a quota's window; where more cost something, those that cost nothing.";
    quota_cost: GaugeVec = "spojka_quota_cost", ["connection", "limit", "currency"],
        "What the requests of a quota's present window cost so far.";
    poll_rows: IntCounterVec = "spojka_poll_rows_total", ["connection", "poll"],
        "Rows that polls found and that were not known yet.";

    // Is the log well?
    log_append: HistogramVec = "spojka_log_append_seconds", [],
        "How long it takes until appended records are durable.";
    log_errors: IntCounterVec = "spojka_log_errors_total", ["operation"],
        "Calls of the log that failed.";
    log_available: IntGaugeVec = "spojka_log_available", [],
        "1 while the log takes and gives records, as far as this process knows; 0 while it does not.";

    flow_set_info: IntGaugeVec = "spojka_flow_set_info", ["flow_set"],
        "Always 1; the label is the hash of the flow set in force, as `spojka flows list` shows it.";
    reloads: IntCounterVec = "spojka_reloads_total", ["result"],
        "Reloads of the flows: done, unchanged, refused because the config is wrong, failed because the log is away.";
    build_info: IntGaugeVec = "spojka_build_info", ["version"],
        "Always 1; the label says what is running.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_prometheus() {
        for family in FAMILIES {
            let unit = match family.kind {
                Kind::Counter => family.name.ends_with("_total"),
                Kind::Histogram => family.name.ends_with("_seconds"),
                Kind::Gauge => !family.name.ends_with("_total"),
            };
            assert!(family.name.starts_with("spojka_") && unit, "{}", family.name);
            assert!(family.help.ends_with('.'), "{}", family.name);
        }
    }
}
