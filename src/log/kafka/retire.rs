//! Ends clients of librdkafka. That blocks (connections are closed, threads joined), so it happens on a thread of its own.

use std::{
    ops::Deref,
    sync::mpsc::{SyncSender, sync_channel},
};

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

    /// The client, to be ended there when it is dropped.
    pub(super) fn holds<T: Send + 'static>(&self, client: T) -> Retiring<T> {
        Retiring { client: Some(client), retirement: self.clone() }
    }
}

/// A client that is ended elsewhere when it is dropped.
pub(super) struct Retiring<T: Send + 'static> {
    client: Option<T>,
    retirement: Retirement,
}

impl<T: Send + 'static> Deref for Retiring<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.client.as_ref().expect("there until dropped")
    }
}

impl<T: Send + 'static> Drop for Retiring<T> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            // A full queue hands it back, and then it ends here and now.
            drop(self.retirement.0.try_send(Box::new(client)));
        }
    }
}
