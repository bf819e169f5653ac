//! Proof of ownership: no request is sent on a proof older than a short lease.
//!
//! The proof is an offset commit, which the broker refuses to a member that was dropped. Time is measured on a clock that
//! runs while the machine sleeps, and from before the commit was sent.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, watch};

use crate::{
    log::{LogError, LogResult},
    model::time::Clock,
    telemetry::bug,
};

/// What a lane asks before each request.
#[derive(Clone)]
pub struct Proof {
    proved: watch::Receiver<Option<Duration>>,
    wanted: Arc<Notify>,
    clock: Arc<dyn Clock>,
    lease: Duration,
}

/// What the role keeps up to date.
pub struct Prover {
    proved: watch::Sender<Option<Duration>>,
    wanted: Arc<Notify>,
    clock: Arc<dyn Clock>,
    lease: Duration,
}

impl Prover {
    pub fn new(clock: Arc<dyn Clock>, lease: Duration) -> Self {
        Self { proved: watch::Sender::new(None), wanted: Arc::new(Notify::new()), clock, lease }
    }

    pub fn proof(&self) -> Proof {
        Proof {
            proved: self.proved.subscribe(),
            wanted: Arc::clone(&self.wanted),
            clock: Arc::clone(&self.clock),
            lease: self.lease,
        }
    }

    /// Somebody needs a fresh proof.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// A commit that was begun at `begun` went through.
    pub fn proved(&self, begun: Duration) {
        self.proved.send_replace(Some(begun));
    }

    /// Nothing is proved any more.
    pub fn void(&self) {
        // Only a change wakes the lanes: they would ask again at once, and so on for ever.
        self.proved.send_if_modified(|proved| proved.take().is_some());
    }
}

impl Proof {
    /// Returns when ownership is proved freshly enough to send a request.
    ///
    /// # Errors
    /// [`LogError::Lost`] when nobody proves it any more.
    pub async fn ensure(&self) -> LogResult<()> {
        let mut proved = self.proved.clone();
        loop {
            let fresh =
                proved.borrow_and_update().is_some_and(|at| self.clock.elapsed().saturating_sub(at) < self.lease);
            if fresh || bug::is("claim-unchecked") {
                return Ok(());
            }
            self.wanted.notify_one();
            proved.changed().await.map_err(|_| LogError::Lost)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{ManualClock, Timestamp};

    #[tokio::test]
    async fn an_old_proof_is_asked_for_again() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let prover = Prover::new(Arc::clone(&clock) as Arc<dyn Clock>, Duration::from_secs(5));
        let proof = prover.proof();
        prover.proved(clock.elapsed());
        proof.ensure().await.expect("fresh");

        clock.advance(Duration::from_secs(5));
        let renew = async {
            prover.wanted().await;
            prover.proved(clock.elapsed());
        };
        let (ensured, ()) = tokio::join!(proof.ensure(), renew);
        ensured.expect("renewed");
    }

    #[tokio::test]
    async fn a_dead_prover_proves_nothing() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let prover = Prover::new(clock, Duration::from_secs(5));
        let proof = prover.proof();
        drop(prover);
        assert_eq!(proof.ensure().await, Err(LogError::Lost));
    }
}
