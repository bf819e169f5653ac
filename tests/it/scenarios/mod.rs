//! The hard cases of real life, through the whole process: webhooks over HTTP in, the vendors' own records out. Each runs
//! on the embedded log and, where brokers are named, on Kafka.

mod backtest;
mod deletions;
mod flows;
mod garbage;
mod held;
mod lookups;
mod missed;
mod observed;
mod once;
mod play;
mod quota;
mod reload;
mod replay;
mod retry;
mod sales;
mod starts;
mod states;
mod steps;
mod website;

use play::{Play, numbered};

/// Makes a test of each scenario for each log. A scenario takes a stage on which nothing has happened.
macro_rules! scenarios {
    ($($scenario:ident)*) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    super::$scenario($crate::support::stage::Stage::new(None)).await;
                }
            )*
        }

        mod kafka {
            use $crate::support::kafka;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    match kafka::variable(kafka::BROKERS) {
                        Some(brokers) => super::$scenario($crate::support::stage::Stage::new(Some(brokers))).await,
                        None => kafka::skipped(kafka::BROKERS),
                    }
                }
            )*
        }
    };
}

use scenarios;
