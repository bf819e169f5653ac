//! One expression: compiled and checked at load, evaluated against facts.

use std::{collections::BTreeSet, panic, sync::Arc};

use cel::{
    Context, ExecutionError,
    common::ast::{IdedExpr, SourceInfo},
    context::VariableResolver,
    parser::Parser,
};
use serde_json::Value;

use super::{
    bounds, check, constant, cost, functions,
    lookup::{self, Lookups, Miss, Misses, Sight, Then},
    problem::Problem,
    room,
    schema::Type,
    scope::Scope,
    values::{Facts, to_json},
};
use crate::model::code::{self, Code};

/// A checked expression.
#[derive(Debug)]
pub struct Expression {
    pub(super) text: String,
    pub(super) program: IdedExpr,
    kind: Type,
    steps: BTreeSet<String>,
    cost: u64,
    /// The tables that it names.
    lookups: Arc<Lookups>,
}

/// An expression that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// What went wrong, and nothing of any value.
    #[error("{0}")]
    Because(String),
    /// The event holds more than the expression may look at.
    #[error("{0}")]
    TooLarge(String),
    /// A table has no row for a value. Told with the value, so it is for dead letters only.
    #[error("{0}")]
    NoRow(Miss),
}

impl Failed {
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self::Because(why.into())
    }

    /// What it is called.
    pub fn code(&self) -> Code {
        match self {
            Self::Because(_) => code::EVALUATION_FAILED,
            Self::TooLarge(_) => code::EVALUATION_TOO_LARGE,
            Self::NoRow(_) => code::NO_SUCH_ROW,
        }
    }

    /// Whether the table says that the step is then left out.
    pub fn skips(&self) -> bool {
        matches!(self, Self::NoRow(miss) if miss.then == Then::Skipped)
    }
}

impl Expression {
    /// Compiles and checks a text.
    ///
    /// # Errors
    /// All problems.
    pub fn compile(text: &str, scope: &Scope) -> Result<Self, Vec<Problem>> {
        bounds::check(text)?;
        // A parser that panics has met a text that nobody can read.
        let parse = || panic::catch_unwind(panic::AssertUnwindSafe(|| Self::parse(text, scope)));
        room::with_room(parse).unwrap_or_else(|_| Err(vec![unreadable()]))
    }

    fn parse(text: &str, scope: &Scope) -> Result<Self, Vec<Problem>> {
        let parser = Parser::new().enable_ident_escape_syntax(true);
        let (mut program, source) = match parser.parse_with_source_info(text) {
            Ok(parsed) => parsed,
            Err(errors) => return Err(syntax_problem(text, &errors)),
        };
        let checked = check::check(&program, &source, scope);
        if !checked.problems.is_empty() {
            return Err(checked.problems);
        }
        let cost = cost::estimate(&program, scope).map_err(|found| vec![too_costly(&found, &source)])?;
        if !checked.lookups.is_empty() {
            lookup::bind(&mut program);
        }
        let lookups = Arc::new(checked.lookups);
        Ok(Self { text: text.to_owned(), program, kind: checked.kind, steps: checked.steps, cost, lookups })
    }

    /// Compiles a condition: it must be true or false.
    ///
    /// # Errors
    /// All problems.
    pub fn condition(text: &str, scope: &Scope) -> Result<Self, Vec<Problem>> {
        let expression = Self::compile(text, scope)?;
        match &expression.kind {
            Type::Boolean | Type::Unknown => Ok(expression),
            other => {
                let message = format!("a condition is true or false, found {}", other.describe());
                Err(vec![Problem::new(code::TYPE_MISMATCH, 0, text.chars().count(), message)])
            }
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn kind(&self) -> &Type {
        &self.kind
    }

    pub(super) fn program(&self) -> &IdedExpr {
        &self.program
    }

    /// The steps whose results it uses.
    pub fn steps(&self) -> &BTreeSet<String> {
        &self.steps
    }

    /// The steps that it takes at most, whatever the event holds: about 25 ns each.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// The tables that it names.
    pub fn lookups(&self) -> &Arc<Lookups> {
        &self.lookups
    }

    /// The tables in which it looks up a field as it stands, each with the field: `("statuses", "order.source_status")`.
    pub fn looked_up(&self) -> Vec<(&str, String)> {
        lookup::of_fields(&self.program)
    }

    /// The names of a chain of fields, `["order", "customer"]`, where it is nothing but one.
    pub fn path(&self) -> Option<Vec<&str>> {
        constant::path(&self.program)
    }

    /// Whether a condition always holds, or never, whatever the event says; `None` where that is not known.
    pub fn constant(&self) -> Option<bool> {
        constant::fold(&self.program)
    }

    /// Evaluates it. The facts note which values had no row.
    ///
    /// # Errors
    /// What went wrong.
    pub fn evaluate(&self, facts: &Facts) -> Result<Value, Failed> {
        self.resolve(&self.program, facts)
    }

    /// Evaluates a part of it.
    pub(super) fn resolve(&self, part: &IdedExpr, facts: &Facts) -> Result<Value, Failed> {
        facts.begin();
        if self.lookups.is_empty() {
            return run(part, facts).map_err(|error| failed(&error))?;
        }
        let misses = Misses::default();
        let ran = run(part, &Sight { lookups: &self.lookups, misses: &misses, beyond: facts });
        let misses = misses.take();
        let stopped = misses.iter().rfind(|miss| miss.then != Then::Default).cloned();
        facts.note(misses);
        match (ran, stopped) {
            (Err(error), Some(miss)) if lacks_a_row(&error) => Err(Failed::NoRow(miss)),
            (ran, _) => ran.map_err(|error| failed(&error))?,
        }
    }

    /// Evaluates a condition.
    ///
    /// # Errors
    /// As [`Expression::evaluate`], or when the result is not true or false.
    pub fn holds(&self, facts: &Facts) -> Result<bool, Failed> {
        match self.evaluate(facts)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(Failed::because("the condition is neither true nor false")),
        }
    }
}

fn too_costly(found: &cost::TooCostly<'_>, source: &SourceInfo) -> Problem {
    let (offset, length) = check::place(source, found.at);
    let message = format!(
        "this can take {} steps on a large event, and an expression has {}",
        thousands(found.steps),
        thousands(cost::MOST)
    );
    let problem = Problem::new(code::TOO_COSTLY, offset, length, message);
    let loops: Vec<String> =
        found.loops.iter().map(|(name, most)| format!("`{name}` may have {most} members")).collect();
    match loops.as_slice() {
        [] => problem.hint("look at shorter texts, or at parts of them"),
        [one] => problem.hint(format!("{one}: do less with each, or `filter` first by something short")),
        many => problem.hint(format!("{}, and loops within loops multiply: do less in the inner one", many.join(", "))),
    }
}

/// `1,250,000`; what is beyond all bounds is told roughly.
pub fn thousands(number: u64) -> String {
    if number > 1_000_000_000 {
        return "more than a billion".to_owned();
    }
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    groups.join(",")
}

fn unreadable() -> Problem {
    Problem::new(code::EXPRESSION_SYNTAX, 0, 1, "the expression cannot be read")
}

fn run(part: &IdedExpr, sight: &impl VariableResolver) -> Result<Result<Value, Failed>, ExecutionError> {
    let mut context = Context::with_env(functions::environment());
    context.set_variable_resolver(sight);
    let value = cel::Value::resolve_val(part, &context)?;
    Ok(to_json(value.as_ref()).ok_or_else(|| Failed::because("the result is of no kind that can be used")))
}

/// The first error only: the others follow from it.
fn syntax_problem(text: &str, errors: &cel::ParseErrors) -> Vec<Problem> {
    let Some(first) = errors.errors.first() else {
        return vec![unreadable()];
    };
    let offset = offset_of(text, first.pos);
    let rest = text.get(offset..).unwrap_or("");
    let message = match rest.chars().next() {
        None => "the expression ends too early".to_owned(),
        Some(_) if first.msg.contains("<EOF>") && rest.trim().is_empty() => "the expression ends too early".to_owned(),
        Some(_) if !first.msg.starts_with("Syntax error") => first.msg.to_lowercase(),
        Some(c) => format!("unexpected `{}`", token_at(rest, c)),
    };
    let length = if rest.is_empty() { 1 } else { token_at(rest, ' ').chars().count() };
    let problem = Problem::new(code::EXPRESSION_SYNTAX, offset, length, message);
    vec![match hint_for(token_at(rest, ' ')) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }]
}

/// Signs and words of other languages.
fn hint_for(token: &str) -> Option<&'static str> {
    Some(match token {
        "=" => "write `==` to compare",
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!`",
        "'" | "\"" => "the text that begins here has no end",
        _ => return None,
    })
}

/// A word, or one character.
fn token_at(rest: &str, first: char) -> &str {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let end = if end == 0 { rest.chars().next().unwrap_or(first).len_utf8().min(rest.len()) } else { end };
    rest.get(..end).unwrap_or("")
}

/// The byte at a line and a column, both counted from 1.
fn offset_of(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1) - 1;
    let column = usize::try_from(column).unwrap_or(1).max(1) - 1;
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let within = text.get(before..).unwrap_or("").chars().take(column).map(char::len_utf8).sum::<usize>();
    before + within
}

/// What went wrong. Errors of the interpreter hold values, so only their kinds are told; our own functions' texts are safe.
fn failed(error: &ExecutionError) -> Failed {
    let text = match error {
        ExecutionError::NoSuchKey(_) => "a mapping has no such member".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a list is shorter than that".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number is too large".to_owned(),
        ExecutionError::FunctionError { function, message } if message == functions::TOO_LARGE => {
            return Failed::TooLarge(format!("`{function}`: {message}"));
        }
        ExecutionError::FunctionError { function, message } if functions::is_ours(function) => {
            format!("`{function}`: {message}")
        }
        ExecutionError::FunctionError { function, .. } => format!("`{function}` failed"),
        _ => "the expression does not go with these values".to_owned(),
    };
    Failed::Because(text)
}

fn lacks_a_row(error: &ExecutionError) -> bool {
    matches!(error, ExecutionError::FunctionError { function, message } if function == "lookup" && message == lookup::NO_ROW)
}
