//! The role that turns events into actions, by the owner's flows.
//!
//! [`plan::route`] is all of it that thinks: a pure function from an event and the rules to actions, without sockets and
//! without a clock. The same event under the same rules gives the same actions with the same ids, always; whoever owns the
//! target's lane drops what is settled, so routing may be repeated freely.

pub mod coerce;
pub mod flow;
pub mod foresee;
mod judges;
pub mod plan;
pub mod preflight;
pub mod rehearse;
pub mod role;
pub mod routed;
pub mod rules;

pub use flow::{Flow, FlowSet, Given, OnRefusal, Source, Step};
pub use foresee::{Foreseen, foresee};
pub use plan::{Routing, route, route_with};
pub use rehearse::{Ending, rehearse};
pub use role::{Router, RuleBook};
pub use routed::{Failure, Missed, Routed, Skip, Why};
pub use rules::Rules;
