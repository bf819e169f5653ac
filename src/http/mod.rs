//! The one way out: requests as values become traffic here and nowhere else.
//!
//! One try each. No redirects, no retries, no proxies from the environment, no decompression: attempts belong to the
//! lane's owner, who journals and budgets them. Addresses inside our own network are refused unless a connection allows
//! them. Credentials go onto the wire and nowhere else.

mod classify;
mod client;
mod guard;

pub use client::{Client, ClientError, ClientSettings, Limits};
