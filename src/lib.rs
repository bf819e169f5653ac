//! Spojka: a webhook-driven event router. `src/README.md` is the page to read first.
//!
//! Modules stand in the order of the import table: lower rows never use upper ones, roles never use each other.

pub mod model;

pub mod expr;
pub mod telemetry;
pub mod topics;

pub mod http;
pub mod log;

pub mod connectors;

pub mod dispatcher;
pub mod gateway;
pub mod normalizer;
pub mod router;
pub mod sandbox;

pub mod config;
pub mod runtime;

pub mod cli;
