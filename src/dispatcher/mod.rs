//! The role that carries actions out: owner of lanes.
//!
//! One member of the dispatchers' group reads the live topics of all connections; whoever holds a topic's one partition owns
//! that lane. This file follows the group: lanes begin and end with their partitions, and what lanes settled is committed.

mod age;
pub mod answer;
mod attempt;
pub mod backoff;
mod board;
mod bound;
mod bulk;
pub mod circuit;
mod claim;
mod context;
mod ends;
mod gauges;
mod halts;
mod hold;
mod lane;
mod ledger;
pub mod limits;
mod line;
mod list;
mod loops;
mod missed;
mod offsets;
mod poll_clocks;
mod polls;
mod proof;
mod role;
mod session;
mod settle;
mod sign;
mod slots;
mod start;
mod talk;
mod timeline;
mod waiting;

pub use board::{LaneBoard, LaneReport};
pub use context::{BulkDelivery, Delivery, LaneConnection, Shared, Transport};
pub use loops::LoopRule;
pub use role::{Dispatcher, DispatcherSettings};
