//! Metrics, logs and traces: names in one place, bounded labels, nothing personal.
//!
//! No globals but the one log subscriber of a running process: metrics are handed around, so tests can read their own.
//! What must never come here: secrets, tokens, signatures, personal data, bodies.

pub mod bug;
pub mod killpoint;
pub mod logs;
pub mod metrics;
pub mod names;
pub mod ops;
pub mod serving;
pub mod trace;

pub use metrics::Metrics;
