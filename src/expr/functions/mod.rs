//! The functions that expressions may call: one list, from which running, checking, costs and pages derive. Each function
//! carries an example, and a test evaluates them all.
//!
//! `double`, `bytes` and `dyn` of CEL are left out on purpose: amounts are never binary numbers. To add a function, put it into
//! the list of its file: its form, what it runs, how its result grows, a sentence and an example.

mod constants;
mod contact;
mod countries;
mod country;
mod dates;
mod given;
mod ids;
mod kinds;
mod money;
mod names;
mod patterns;
mod phones;
mod standard;
mod text;

use std::sync::{Arc, LazyLock};

use cel::{
    Env,
    common::{functions::Function as Run, types::DYN_TYPE},
};

pub(super) use given::{TOO_LARGE, too_large};
pub use kinds::{Gives, Takes};
pub(super) use patterns::{LONGEST_SEARCHED, weight as pattern_weight};

/// A function, or one of its forms.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    /// What it is called on, `x` in `x.name()`; `None` for `name()`.
    pub on: Option<Takes>,
    pub takes: &'static [Takes],
    pub gives: Gives,
    pub(super) grows: Grows,
    pub doc: &'static str,
    pub example: Example,
    /// `None`: CEL's own.
    run: Option<Run>,
}

/// An expression, and what it gives, as text.
#[derive(Clone, Copy, Debug)]
pub struct Example(pub &'static str, pub &'static str);

/// How large a result may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grows {
    /// At most this many bytes, whatever is given.
    To(u64),
    /// No longer than what it is called on, or the first argument; a number is short.
    Same,
    /// A member of what is given.
    Member,
    /// As long as all that is given together.
    Sum,
    /// Every text becomes at most three times as long.
    Case,
    /// Up to the longest text that a function gives.
    Most,
    /// Parts of the first text.
    Parts,
    /// All members of a list as one text.
    Joined,
}

/// The longest text that a function gives. Beyond that it fails.
pub(super) const LONGEST_GIVEN: usize = 128 << 10;
/// The most parts into which a text is split. Beyond that it fails.
pub(super) const MOST_PARTS: usize = 500;

impl Function {
    /// Whether it is ours: then the texts of its errors hold no values.
    fn is_ours(&self) -> bool {
        self.run.is_some()
    }
}

/// Every function there is. (`all`, `exists`, `exists_one`, `filter` and `map` are CEL's macros.)
pub fn all() -> impl Iterator<Item = &'static Function> + Clone {
    let lists = [
        standard::FUNCTIONS,
        text::FUNCTIONS,
        money::FUNCTIONS,
        dates::FUNCTIONS,
        contact::FUNCTIONS,
        names::FUNCTIONS,
        country::FUNCTIONS,
        ids::FUNCTIONS,
    ];
    lists.into_iter().flatten()
}

/// The forms of a function.
pub(super) fn forms(name: &str) -> Vec<&'static Function> {
    all().filter(|function| function.name == name).collect()
}

/// Whether a function is ours, so that the texts of its errors may be shown.
pub(super) fn is_ours(name: &str) -> bool {
    all().any(|function| function.name == name && function.is_ours())
}

/// The environment in which all expressions run. Building one costs far more than an evaluation, so there is one.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(build()));
    Arc::clone(&ENVIRONMENT)
}

/// Ours first: of two overloads that take the same, CEL calls the first.
fn build() -> Env {
    let mut env = Env::default();
    let mut added: Vec<(&str, bool, usize)> = Vec::new();
    for function in all() {
        let form = (function.name, function.on.is_some(), function.takes.len());
        let Some(run) = function.run.filter(|_| !added.contains(&form)) else { continue };
        added.push(form);
        let (id, takes) = (format!("spojka_{form:?}"), function.takes.iter().map(|_| DYN_TYPE).collect());
        let done = match function.on {
            Some(_) => env.add_member_overload(function.name, &id, DYN_TYPE, takes, run),
            None => env.add_overload(function.name, &id, takes, run),
        };
        done.expect("every form stands once");
    }
    env.with_optional_support(false).with_stdlib()
}

#[cfg(test)]
mod tests;
