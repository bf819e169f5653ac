//! All integration tests, in one binary: it links once.

mod log_contract;
mod support;
