//! What can go wrong, and how often it did.

use std::{collections::BTreeMap, fmt, time::Duration};

use rand::{RngExt as _, rngs::StdRng};
use spojka::sandbox::{Fault, FaultKind};

use crate::support::proxy::Network;

/// How often each kind of fault was injected.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<String, u32>);

impl Tally {
    pub fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    pub fn total(&self) -> u32 {
        self.0.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(|(what, count)| format!("{what} {count}")).collect();
        f.write_str(&parts.join(", "))
    }
}

/// One of several.
pub(super) fn choose<T: Copy>(random: &mut StdRng, from: &[T]) -> T {
    from[random.random_range(0..from.len())]
}

/// Something that a vendor does wrong, a few times.
pub(super) fn of_vendor(random: &mut StdRng) -> (&'static str, Fault) {
    let status = |status, retry_after_seconds| FaultKind::Status { status, retry_after_seconds };
    let (name, kind) = choose(
        random,
        &[
            ("vendor: answer lost after the effect", FaultKind::LostAnswer),
            ("vendor: answer lost after the effect", FaultKind::LostAnswer),
            ("vendor: connection dropped", FaultKind::Drop),
            ("vendor: silent", FaultKind::Hang),
            ("vendor: 500", status(500, None)),
            ("vendor: 503", status(503, None)),
            ("vendor: 429", status(429, Some(1))),
            ("vendor: slow", FaultKind::Latency(Duration::from_millis(400))),
            ("vendor: answer later than anybody waits", FaultKind::Latency(Duration::from_millis(1_000))),
        ],
    );
    (name, Fault::new(kind).times(random.random_range(1..=4)))
}

/// Something that the network does wrong, until it is healed.
pub(super) fn of_network(random: &mut StdRng) -> (&'static str, Network) {
    match random.random_range(0..4) {
        0 => ("slow", Network::Slow(Duration::from_millis(random.random_range(20..300)))),
        1 => ("cutting", Network::Cutting(random.random_range(0..2_000))),
        2 => ("black hole", Network::BlackHole),
        _ => ("down", Network::Down),
    }
}
