//! Threads that read, a few, so that a slow disk never holds up the tasks that wait for it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{Builder, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{error::closed, schema};
use crate::log::{LogError, LogResult};

/// So many reads may wait for a thread; further ones wait to be let in.
const WAITING: usize = 64;

type Task = Box<dyn FnOnce(&Connection) + Send>;

pub(super) struct ReadPool {
    tasks: Mutex<Option<mpsc::Sender<Task>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl ReadPool {
    pub(super) fn start(path: &Path, threads: usize) -> LogResult<Self> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        let start = |number| {
            let (connection, receiver) = (schema::open_reader(path)?, Arc::clone(&receiver));
            Builder::new()
                .name(format!("log-reader-{number}"))
                .spawn(move || serve(&connection, &receiver))
                .map_err(|error| LogError::Unavailable(format!("no thread for `{}`: {error}", path.display())))
        };
        let threads = (0..threads.max(1)).map(start).collect::<LogResult<_>>()?;
        Ok(Self { tasks: Mutex::new(Some(sender)), threads: Mutex::new(threads) })
    }

    /// Does something on one of the threads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> LogResult<T> + Send + 'static,
    ) -> LogResult<T> {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move |connection| {
            // Whoever asked may have gone.
            let _heard = answer.send(work(connection));
        });
        tasks.send(task).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Does what waits, then stops.
    pub(super) fn close(&self) {
        drop(self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take());
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that reads the log panicked");
            }
        }
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        self.close();
    }
}

fn serve(connection: &Connection, tasks: &Mutex<mpsc::Receiver<Task>>) {
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(task) = task else { return };
        task(connection);
    }
}
