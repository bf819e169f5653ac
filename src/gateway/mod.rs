//! The role that receives: a request comes in, the connector decides over it, the log makes it durable, and only then is
//! it acknowledged.
//!
//! Strangers call this port. So nothing is held without a bound (bytes of bodies, connections, time), nothing is said that
//! helps to guess (refusals have empty bodies), and nothing of a request but its size and the code of its refusal reaches
//! logs or metrics. The gateway understands no vendor: signatures, tokens and keys are the connector's business.

mod body;
mod budget;
mod inlet;
mod path;
mod server;
mod settings;
pub mod spool;
mod store;
mod watch;

pub use inlet::GatewayConnection;
pub use server::{Gateway, Parts};
pub use settings::GatewaySettings;

#[cfg(test)]
mod tests;
