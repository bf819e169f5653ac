//! Builds roles from a config, starts them under one supervisor, and stops them.

pub mod admin;
pub mod operator;
mod transport;

pub use transport::HttpTransport;
