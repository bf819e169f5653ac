//! Configs that are right, and reports about those that are not.

mod broken;
mod broken_hold;
mod broken_shape;
mod broken_tests;
mod flow_tests;
mod held;
mod names;
mod right;
mod routing;
mod shape;
