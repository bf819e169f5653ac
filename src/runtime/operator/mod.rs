//! What an operator asks of a running installation: topics, dead letters, what is held, the trace of one id. The admin port and the
//! commands are both thin covers of this.

pub mod dead;
pub mod held;
pub mod lanes;
pub mod recorded;
pub mod topics;
pub mod trace;
pub mod versions;

use std::sync::Arc;

use crate::{
    dispatcher::LaneBoard,
    log::{Log, LogError},
    model::{connection::ConnectionName, time::Clock},
    topics::Names,
};

/// The log and the names in it, for whoever asks.
#[derive(Clone)]
pub struct Operator {
    pub log: Log,
    pub names: Names,
    pub connections: Vec<ConnectionName>,
    /// What each lane's owner keeps to.
    pub limits: lanes::LimitsByLane,
    /// The lanes of this process; empty where it owns none.
    pub board: LaneBoard,
    pub clock: Arc<dyn Clock>,
}

/// Why an operator's question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error(transparent)]
    Log(#[from] LogError),
    /// The thing asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done so.
    #[error("{0}")]
    Refused(String),
    /// The record cannot be read.
    #[error(transparent)]
    Unreadable(#[from] crate::topics::Unreadable),
}
