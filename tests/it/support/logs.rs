//! The logs that the contract suite runs on.
//!
//! A check is an async function over [`Logs`]; [`contract`] makes a test of it for each log. To add a log: one more
//! implementation here and one more module in the macro.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use spojka::log::{
    Log,
    embedded::{EmbeddedLog, EmbeddedOptions},
};

/// A place where logs are kept for one test.
pub(crate) trait Logs: Sync {
    /// Opens the log; again after it was closed or dropped.
    fn open(&self) -> BoxFuture<'_, Log>;

    /// A name for a topic or a group that no other test uses.
    fn name(&self, name: &str) -> String;
}

/// A file in a folder that goes with the test.
pub(crate) struct Embedded {
    folder: tempfile::TempDir,
}

impl Embedded {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("log.db")
    }

    pub(crate) fn open_with(&self, options: EmbeddedOptions) -> Log {
        Arc::new(EmbeddedLog::open(&self.path(), options).expect("a log"))
    }
}

impl Logs for Embedded {
    fn open(&self) -> BoxFuture<'_, Log> {
        Box::pin(async { self.open_with(EmbeddedOptions::default()) })
    }

    fn name(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// Makes a test of each check for each log.
macro_rules! contract {
    ($($check:ident)*) => {
        mod kafka {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    if let Some(logs) = $crate::support::kafka::Kafka::from_env() {
                        super::$check(&logs).await;
                    }
                }
            )*
        }

        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    super::$check(&$crate::support::logs::Embedded::new()).await;
                }
            )*
        }
    };
}

pub(crate) use contract;
