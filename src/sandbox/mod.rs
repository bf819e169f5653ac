//! Serves the vendors' simulators over HTTP, and makes them fail on demand.
//!
//! A simulator is a function over values; what can go wrong between two machines is done here, around it: delays, errors of
//! a proxy in between, connections that drop before or after the vendor has acted. Tests hold a [`SandboxServer`] in their
//! hands; other programs use the routes below `/_sandbox/`. For loopback only: there is no authentication on those.

mod fault;
mod journal;
mod routes;
mod server;

pub use fault::{BadFault, Fault, FaultKind, Matches};
pub use journal::Journaled;
pub use server::SandboxServer;
