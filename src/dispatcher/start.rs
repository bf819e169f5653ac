//! How a lane begins and ends: memory is opened, the lane claimed, served, and given back.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    bound::Bound,
    claim::TakeOver,
    context::{LaneConnection, Shared},
    lane::Lane,
    proof::Proof,
};
use crate::{
    log::{Fencing, LogError, LogResult},
    topics::record::Record,
};

/// Between two tries to take over while the log is away.
const RETRY: Duration = Duration::from_secs(1);

/// What a lane needs to begin.
pub(super) struct LaneStart {
    pub connection: LaneConnection,
    pub shared: Shared,
    pub proof: Proof,
    /// Records of the lane's topic.
    pub intake: mpsc::Receiver<Record>,
    /// Where the lane's bulk topic ends, as far as the role knows.
    pub bulk_end: watch::Receiver<u64>,
    /// The offset up to which everything is settled or parked.
    pub settled: watch::Sender<Option<u64>>,
    /// What all lanes of the process hold together.
    pub bound: Arc<Bound>,
    /// Told whenever a record was taken in.
    pub room: Arc<Notify>,
    /// Finish what is in flight and give the lane back.
    pub stop: CancellationToken,
    /// The lane is somebody else's: write nothing, send nothing.
    pub lost: CancellationToken,
}

/// Runs a lane until it is stopped or lost.
///
/// # Errors
/// [`LogError::Lost`], or a log that is broken.
pub(super) async fn run(start: LaneStart) -> LogResult<()> {
    let lost = start.lost.clone();
    tokio::select! {
        end = run_owned(start) => end,
        () = lost.cancelled() => Err(LogError::Lost),
    }
}

async fn run_owned(start: LaneStart) -> LogResult<()> {
    let topic = start.shared.names.memory(&start.connection.name);
    let memory = wait_out(&start.shared, || start.shared.log.table(&topic, Fencing::Epochs)).await?;
    let log = Arc::clone(&start.shared.log);
    let clock = Arc::clone(&start.shared.clock);
    let owner = start.shared.owner.clone();
    let take_over = TakeOver {
        log: &log,
        memory: &memory,
        topic: &topic,
        owner: &owner,
        clock: &clock,
        request_timeout: start.connection.delivery.request_timeout,
    };
    start.proof.ensure().await?;
    let epoch = wait_out(&start.shared, || take_over.run()).await?;
    let mut lane = Lane::new(start, Arc::clone(&memory), topic.clone(), epoch)?;
    lane.load().await?;
    // Only now: what waits is in line, and the lane works.
    tracing::info!(connection.id = %lane.name(), epoch, "lane taken over");
    lane.serve().await?;
    lane.hand_over().await?;
    take_over.release(epoch).await?;
    tracing::info!(connection.id = %lane.name(), epoch, "lane given back");
    Ok(())
}

/// Tries until the log is there.
async fn wait_out<T, Fut>(shared: &Shared, mut call: impl FnMut() -> Fut) -> LogResult<T>
where
    Fut: Future<Output = LogResult<T>>,
{
    loop {
        match call().await {
            Err(LogError::Unavailable(why)) => {
                tracing::warn!(error = why, "log unavailable: a lane cannot be taken over yet");
                shared.clock.sleep(RETRY).await;
            }
            other => return other,
        }
    }
}
