//! Feels the log's pulse, so that readiness tells the truth also where nothing else uses the log: a gateway that is not
//! ready gets no webhooks, and would never hear that the log is back.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::roles::Ground;
use crate::{
    log::{LogError, LogResult},
    topics::record::{Append, RecordHeaders},
};

/// How often a log is asked that seems well.
const EVERY: Duration = Duration::from_secs(5);
/// How often one is written to that seems ill.
const WHILE_ILL: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// A key of `flows` that stands for nothing: its deletion is a write that leaves nothing behind.
const KEY: &[u8] = b"pulse";

/// The task.
pub(super) async fn feel(ground: Ground, stop: CancellationToken) {
    loop {
        let seems_well = ground.health.seems_well();
        tokio::select! {
            () = stop.cancelled() => return,
            () = ground.clock.sleep(if seems_well { EVERY } else { WHILE_ILL }) => {}
        }
        let felt = tokio::select! {
            () = stop.cancelled() => return,
            felt = once(&ground, seems_well) => felt,
            () = ground.clock.sleep(PATIENCE) => Err(LogError::Unavailable("the log did not answer in time".to_owned())),
        };
        ground.health.heard(&felt);
    }
}

/// A question costs less; but whether the disk has room again only a write can tell.
async fn once(ground: &Ground, seems_well: bool) -> LogResult<()> {
    let topic = ground.names.flows();
    if seems_well {
        return ground.log.describe(&topic).await.map(drop);
    }
    let nothing = Append {
        topic,
        partition: Some(0),
        key: Bytes::from_static(KEY),
        headers: RecordHeaders::default(),
        value: None,
        timestamp: ground.clock.now(),
    };
    Arc::clone(&ground.log).append(vec![nothing]).await.map(drop)
}
