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

    /// Faults that were laid out are counted when they have struck.
    pub fn count_struck(&mut self, vendor: &str, struck: &BTreeMap<&'static str, u64>) {
        for (kind, count) in struck {
            let count = u32::try_from(*count).expect("not so many");
            self.0.insert(format!("{vendor}: {kind}"), count);
        }
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
pub(super) fn of_vendor(random: &mut StdRng) -> Fault {
    let status = |status, retry_after_seconds| FaultKind::Status { status, retry_after_seconds };
    let kinds = [
        FaultKind::LostAnswer,
        FaultKind::LostAnswer,
        FaultKind::Drop,
        FaultKind::Hang,
        status(500, None),
        status(503, None),
        status(429, Some(1)),
        FaultKind::Latency(Duration::from_millis(400)),
        // Longer than anybody waits: the vendor acts when its caller is gone, or not at all.
        FaultKind::Latency(Duration::from_secs(1)),
    ];
    Fault::new(choose(random, &kinds)).times(random.random_range(1..=4))
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
