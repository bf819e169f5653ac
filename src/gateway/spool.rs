//! Where webhooks are kept while the log is away: an embedded log in a folder that outlives the process, with the same
//! topics as the log itself.
//!
//! What is written here is durable before it is acknowledged, and is carried into the log in order as soon as that takes
//! records again, with its id and its time of arrival. Each connection has a queue of its own, so that one whose topic
//! cannot be written holds up nobody else's; while a connection's queue is not empty, its later webhooks go behind.
//!
//! It may hand a webhook over twice (after a crash, after a time-out): ids make that harmless. It must never drop one, nor
//! acknowledge one before its fsync, nor take more bytes than it may.

mod book;
mod drain;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use self::{book::Book, drain::Drain};
use crate::{
    log::{
        Log, LogError, LogResult, LogStore as _, TopicSpec,
        embedded::{EmbeddedLog, EmbeddedOptions},
        health::Health,
    },
    model::time::Clock,
    telemetry::Metrics,
    topics::record::Append,
};

pub use book::Remains;

/// The file in the spool's folder.
const FILE: &str = "spool.db";
/// The group that drains.
const GROUP: &str = "drain";
/// Webhooks that wait for the spool's disk; further ones are refused at once.
const WAITING: usize = 1024;
/// So many connections are drained at the same time: each holds up to about a megabyte.
const DRAINED_AT_ONCE: usize = 4;

/// Where the spool is, and what it may hold.
#[derive(Clone, Debug)]
pub struct SpoolSettings {
    /// A folder on a disk that outlives the process, for this process alone.
    pub path: PathBuf,
    /// Bytes of webhooks that may wait. The files take somewhat more.
    pub max_bytes: u64,
    pub max_message_bytes: usize,
    /// How long the log may take for what is drained.
    pub append_timeout: Duration,
}

/// What the spool works with.
#[derive(Clone)]
pub struct SpoolParts {
    /// What it drains into.
    pub log: Log,
    pub health: Arc<Health>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
}

/// The way into the spool.
pub struct Spool {
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
    waiting: mpsc::Sender<Waiting>,
}

/// What carries webhooks into the spool and out of it. Dropping it stops both at once.
pub struct Spooling {
    log: Log,
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    drains: JoinSet<()>,
    /// The writer, and the clerk who tells the metrics.
    beside: JoinSet<()>,
}

/// Why a webhook is not in the spool, as far as we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotSpooled {
    Full,
    Unavailable(String),
}

/// A webhook on its way to the spool's disk.
struct Waiting {
    record: Append,
    answer: oneshot::Sender<LogResult<()>>,
}

impl Spool {
    /// Opens the spool for the webhooks of these topics, and begins to drain what it still holds, of whatever topics.
    ///
    /// # Errors
    /// The folder cannot be used, or another process uses it.
    pub async fn open(
        settings: &SpoolSettings,
        topics: &[String],
        parts: SpoolParts,
    ) -> LogResult<(Arc<Self>, Spooling)> {
        make_folder(&settings.path)?;
        let options = EmbeddedOptions {
            clock: Arc::clone(&parts.clock),
            max_message_bytes: settings.max_message_bytes,
            ..EmbeddedOptions::default()
        };
        let file = EmbeddedLog::open(&settings.path.join(FILE), options)?;
        let specs = topics.iter().map(|name| TopicSpec { name: name.clone(), partitions: 1, compacted: false });
        file.create_topics(&specs.collect::<Vec<_>>()).await?;
        let unread = file.unread(GROUP).await?;
        let book = Arc::new(Book::open(settings.max_bytes, &unread, Arc::clone(&parts.metrics)));
        let (sender, receiver) = mpsc::channel(WAITING);
        let spooling = Spooling::begin(Arc::new(file), Arc::clone(&book), receiver, settings, parts);
        let spool = Self { book, clock: Arc::clone(&spooling.clock), waiting: sender };
        Ok((Arc::new(spool), spooling))
    }

    /// Whether webhooks of a topic wait here: later ones belong behind them.
    pub(super) fn holds(&self, topic: &str) -> bool {
        self.book.holds(topic)
    }

    /// Writes a webhook and returns when it is durable. After an error other than [`NotSpooled::Full`] it may be there.
    pub(super) async fn write(&self, record: Append, patience: Duration) -> Result<(), NotSpooled> {
        if !self.book.admit(&record) {
            return Err(NotSpooled::Full);
        }
        let (answer, answered) = oneshot::channel();
        if let Err(refused) = self.waiting.try_send(Waiting { record, answer }) {
            self.book.withdraw(&refused.into_inner().record);
            return Err(NotSpooled::Unavailable("too many webhooks wait for the spool's disk".to_owned()));
        }
        tokio::select! {
            written = answered => match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(NotSpooled::Unavailable(error.to_string())),
                Err(_) => Err(NotSpooled::Unavailable("the spool is closed".to_owned())),
            },
            () = self.clock.sleep(patience) => Err(NotSpooled::Unavailable("the spool did not answer in time".to_owned())),
        }
    }

    /// What waits for the log.
    pub fn remains(&self) -> Remains {
        self.book.remains()
    }

    /// Whether it takes more.
    pub fn has_room(&self) -> bool {
        self.book.has_room()
    }
}

impl Spooling {
    fn begin(
        file: Log,
        book: Arc<Book>,
        waiting: mpsc::Receiver<Waiting>,
        settings: &SpoolSettings,
        parts: SpoolParts,
    ) -> Self {
        let (stop, turns) = (CancellationToken::new(), Arc::new(Semaphore::new(DRAINED_AT_ONCE)));
        let mut drains = JoinSet::new();
        for topic in book.topics() {
            let drain = Drain {
                topic,
                spool: Arc::clone(&file),
                book: Arc::clone(&book),
                turns: Arc::clone(&turns),
                append_timeout: settings.append_timeout,
                parts: parts.clone(),
            };
            drains.spawn(drain.follow(stop.clone()));
        }
        let mut beside = JoinSet::new();
        beside.spawn(write(Arc::clone(&file), Arc::clone(&book), waiting));
        beside.spawn(tell(Arc::clone(&book), Arc::clone(&parts.clock)));
        Self { log: file, book, clock: parts.clock, stop, drains, beside }
    }

    /// Drains for as long as the log takes it, at most until the deadline, and closes. Nobody may write any more. Answers
    /// what is left for the next start.
    pub async fn finish(mut self, deadline: Duration) -> Remains {
        self.stop.cancel();
        tokio::select! {
            () = async { while self.drains.join_next().await.is_some() {} } => {}
            () = self.clock.sleep(deadline) => {}
        }
        self.drains.abort_all();
        self.beside.abort_all();
        if let Err(error) = self.log.close(CLOSE).await {
            tracing::warn!(error = %error, "the spool did not close well");
        }
        self.book.remains()
    }
}

/// How long the end waits for the spool's disk.
const CLOSE: Duration = Duration::from_secs(2);

/// Writes what waits, as much at once as there is.
async fn write(file: Log, book: Arc<Book>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, WAITING).await > 0 {
        let records = batch.iter().map(|waiting| waiting.record.clone()).collect();
        let written = file.append(records).await.map(drop);
        for Waiting { record, answer } in batch.drain(..) {
            if written.is_err() {
                book.withdraw(&record);
            }
            // The sender may have gone; its webhook stays.
            let _unheard = answer.send(written.clone());
        }
    }
}

/// Keeps the metrics up to date: an age grows by itself.
async fn tell(book: Arc<Book>, clock: Arc<dyn Clock>) {
    loop {
        book.tell(clock.now());
        clock.sleep(Duration::from_secs(1)).await;
    }
}

fn make_folder(path: &Path) -> LogResult<()> {
    std::fs::create_dir_all(path)
        .map_err(|error| LogError::Broken(format!("the spool's folder {} cannot be made: {error}", path.display())))
}
