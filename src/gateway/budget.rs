//! The bytes that the gateway may hold at the same time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prometheus::IntGauge;

/// A bound on bytes held, shared by all requests.
#[derive(Debug)]
pub(super) struct Budget {
    held: AtomicUsize,
    limit: usize,
    gauge: IntGauge,
}

impl Budget {
    pub(super) fn new(limit: usize, gauge: IntGauge) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit, gauge })
    }

    /// Begins to hold something; nothing yet.
    pub(super) fn open(self: &Arc<Self>) -> Held {
        Held { budget: Arc::clone(self), bytes: 0 }
    }

    fn take(&self, bytes: usize) -> bool {
        let within = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let taken = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok();
        if taken {
            self.gauge.add(gauge(bytes));
        }
        taken
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.gauge.sub(gauge(bytes));
    }
}

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Held {
    /// Holds more, if there is room. Only what has really arrived is counted: a stranger who announces much and sends
    /// nothing takes no room from others.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let fits = self.budget.take(bytes);
        if fits {
            self.bytes += bytes;
        }
        fits
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

fn gauge(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn what_is_held_is_bounded_and_comes_back() {
        let gauge = Metrics::new().gateway_queue_bytes();
        let budget = Budget::new(10, gauge.clone());
        let mut one = budget.open();
        assert!(one.grow(4) && one.grow(4));
        let mut other = budget.open();
        assert!(!other.grow(3) && other.grow(2));
        assert_eq!(gauge.get(), 10);
        drop(one);
        assert!(other.grow(8) && !other.grow(usize::MAX));
        drop(other);
        assert_eq!((gauge.get(), budget.held.load(Ordering::Relaxed)), (0, 0));
    }
}
