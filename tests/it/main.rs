//! All integration tests, in one binary: it links once.

#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test that cannot go on fails")]

mod broken;
mod bugs;
mod chaos;
mod cli;
mod dispatcher;
mod drain;
mod embedded_log;
mod examples;
mod generated;
mod imports;
mod kafka;
mod kills;
mod log_contract;
mod outage;
mod scenarios;
mod support;
