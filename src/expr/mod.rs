//! Expressions: CEL wrapped, and what helps to write them.

pub mod suggest;
