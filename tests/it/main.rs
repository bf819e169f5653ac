//! All integration tests, in one binary: it links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod embedded_log;
mod imports;
mod kills;
mod kafka;
mod log_contract;
mod support;
