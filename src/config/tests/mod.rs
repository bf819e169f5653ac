//! Configs that are right, and reports about those that are not.

mod broken;
mod names;
mod right;
mod routing;
