//! Ends clients of librdkafka. That blocks (connections are closed, threads joined), so it happens on a thread of its own.

use std::sync::mpsc::{SyncSender, sync_channel};

use crate::log::{LogError, LogResult};

/// Clients that may wait for their end before the next one is ended on the spot.
const WAITING: usize = 256;

/// Where clients are ended.
#[derive(Clone)]
pub(super) struct Retirement(SyncSender<Box<dyn Send>>);

impl Retirement {
    pub(super) fn start() -> LogResult<Self> {
        let (sender, waiting) = sync_channel::<Box<dyn Send>>(WAITING);
        std::thread::Builder::new()
            .name("kafka-retire".to_owned())
            .spawn(move || waiting.iter().for_each(drop))
            .map_err(|error| LogError::Broken(format!("no thread: {error}")))?;
        Ok(Self(sender))
    }

    pub(super) fn end(&self, client: impl Send + 'static) {
        // A full queue hands it back, and then it ends here and now.
        drop(self.0.try_send(Box::new(client)));
    }
}
