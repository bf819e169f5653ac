//! Whether the log takes and gives records, as far as this process knows: told by whoever uses it, asked by readiness.

use std::sync::{Arc, Mutex, PoisonError};

use super::{LogError, LogResult};
use crate::telemetry::Metrics;

/// What is known of the log's health. Its changes go to our log, once each.
pub struct Health {
    trouble: Mutex<Option<String>>,
    metrics: Arc<Metrics>,
}

impl Health {
    /// Well, until somebody says otherwise.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        metrics.set_log_available(true);
        Self { trouble: Mutex::new(None), metrics }
    }

    /// What came of a call. A record that is too large and an ownership that was lost say nothing of the log.
    pub fn heard<T>(&self, result: &LogResult<T>) {
        match result {
            Ok(_) => self.is_well(),
            Err(LogError::TooLarge { .. } | LogError::Lost) => {}
            Err(error) => self.is_ill(&error.to_string()),
        }
    }

    /// A call went through.
    pub fn is_well(&self) {
        let before = self.lock().take();
        if before.is_some() {
            self.metrics.set_log_available(true);
            tracing::info!("the log takes records again");
        }
    }

    /// A call failed, or was not answered in time.
    pub fn is_ill(&self, why: &str) {
        let before = self.lock().replace(why.to_owned());
        if before.is_none() {
            self.metrics.set_log_available(false);
            tracing::error!(error = why, "the log does not take records");
        }
    }

    /// Why the log is of no use at the moment.
    pub fn trouble(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Whether the last thing heard was good.
    pub fn seems_well(&self) -> bool {
        self.lock().is_none()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Health({:?})", self.trouble())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_and_is_in_the_metrics() {
        let metrics = Arc::new(Metrics::new());
        let health = Health::new(Arc::clone(&metrics));
        let shown = |value: u8| metrics.text().contains(&format!("\nspojka_log_available {value}\n"));
        assert!(shown(1));
        health.heard::<()>(&Err(LogError::Unavailable("away".to_owned())));
        assert!(health.trouble().is_some_and(|why| why.contains("away")) && shown(0));
        health.heard::<()>(&Err(LogError::TooLarge { topic: "t".to_owned() }));
        health.heard::<()>(&Err(LogError::Lost));
        assert!(!health.seems_well(), "these say nothing of the log");
        health.heard(&Ok(()));
        assert!(health.seems_well() && shown(1));
    }
}
