//! CEL, wrapped: our functions, checking against the schema of events, bounds of cost. The crate `cel` is used here only.
//!
//! Everything that can be known is checked at load: names, fields at any depth, types, constants of choices. What is left for
//! run time is a value ([`Failed`]) and says nothing about content. Evaluation never does IO and always ends.
//!
//! How events look in expressions:
//! - the entity by its name (`order`, `invoice`, …), `event`, and `steps.<step>.<result>` for what earlier steps returned;
//! - what a source does not tell is empty (`""`, `0`, `false`, `[]`, a message of empty fields), never missing;
//! - enums are texts: the name in lower case without its prefix (`order.status == "processing"`), unspecified ones are `""`;
//! - amounts are texts and never numbers: [`functions`] has `decimal_cmp`;
//! - `lookup("table", key)` goes by the owner's mapping tables, see [`lookup`].

mod bounds;
mod check;
mod constant;
mod cost;
pub mod demands;
mod explain;
mod expression;
pub mod functions;
pub mod habits;
mod limits;
pub mod lookup;
mod message;
mod operators;
mod problem;
pub mod room;
pub mod schema;
mod scope;
pub mod suggest;
mod template;
mod values;

pub use cost::MOST as MOST_STEPS;
pub use explain::Clause;
pub use expression::{Expression, Failed, thousands};
pub use lookup::{Lookup, Lookups, Miss};
pub use problem::Problem;
pub use scope::{Scope, StepScope};
pub use template::Template;
pub use values::{Facts, Results};

#[cfg(test)]
mod tests;
