//! All integration tests, in one binary: it links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cli;
mod embedded_log;
mod examples;
mod imports;
mod kafka;
mod kills;
mod log_contract;
mod scenarios;
mod support;
