//! What every other module speaks in: ids, time, codes of errors, secrets, HTTP as values.
//!
//! No IO here, and no vendor's name.

pub mod checksums;
pub mod code;
pub mod connection;
pub mod hash;
pub mod http;
pub mod id;
pub mod random;
pub mod secret;
pub mod time;
