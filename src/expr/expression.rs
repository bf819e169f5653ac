//! One expression: compiled and checked at load, evaluated against facts.

use std::collections::BTreeSet;

use cel::{Context, ExecutionError, common::ast::IdedExpr, parser::Parser};
use serde_json::Value;

use super::{
    bounds, check, constant, functions,
    problem::Problem,
    schema::Type,
    scope::Scope,
    values::{Facts, to_json},
};
use crate::model::code;

/// The generated parser takes about 160 KiB of stack for each bracket in a build without optimization (measured with
/// cel 0.15), so that the depth we allow does not fit an ordinary thread. What it gives, does.
const PARSER_STACK: usize = 32 << 20;

/// A checked expression.
#[derive(Debug)]
pub struct Expression {
    pub(super) text: String,
    pub(super) program: IdedExpr,
    kind: Type,
    steps: BTreeSet<String>,
}

/// An expression that could not be evaluated. Says what went wrong, but nothing of any value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub String);

impl Expression {
    /// Compiles and checks a text.
    ///
    /// # Errors
    /// All problems.
    pub fn compile(text: &str, scope: &Scope) -> Result<Self, Vec<Problem>> {
        bounds::check(text)?;
        std::thread::scope(|threads| {
            let builder = std::thread::Builder::new().stack_size(PARSER_STACK);
            let parser = builder.spawn_scoped(threads, || Self::parse(text, scope));
            parser.ok().and_then(|parser| parser.join().ok())
        })
        .unwrap_or_else(|| Err(vec![Problem::new(code::EXPRESSION_SYNTAX, 0, 1, "the expression cannot be read")]))
    }

    fn parse(text: &str, scope: &Scope) -> Result<Self, Vec<Problem>> {
        let parser = Parser::new().enable_ident_escape_syntax(true);
        let (program, source) = match parser.parse_with_source_info(text) {
            Ok(parsed) => parsed,
            Err(errors) => return Err(syntax_problem(text, &errors)),
        };
        let checked = check::check(&program, &source, scope);
        if checked.problems.is_empty() {
            Ok(Self { text: text.to_owned(), program, kind: checked.kind, steps: checked.steps })
        } else {
            Err(checked.problems)
        }
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

    /// The names of a chain of fields, `["order", "customer"]`, where it is nothing but one.
    pub fn path(&self) -> Option<Vec<&str>> {
        constant::path(&self.program)
    }

    /// Whether a condition always holds, or never, whatever the event says; `None` where that is not known.
    pub fn constant(&self) -> Option<bool> {
        constant::fold(&self.program)
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// What went wrong, without any value.
    pub fn evaluate(&self, facts: &Facts) -> Result<Value, Failed> {
        Self::resolve(&self.program, facts)
    }

    /// Evaluates a part of it.
    pub(super) fn resolve(part: &IdedExpr, facts: &Facts) -> Result<Value, Failed> {
        let mut context = Context::with_env(functions::environment());
        context.set_variable_resolver(facts);
        let value = cel::Value::resolve(part, &context).map_err(|error| failed(&error))?;
        to_json(&value).ok_or_else(|| Failed("the result is of no kind that can be used".to_owned()))
    }

    /// Evaluates a condition.
    ///
    /// # Errors
    /// As [`Expression::evaluate`], or when the result is not true or false.
    pub fn holds(&self, facts: &Facts) -> Result<bool, Failed> {
        match self.evaluate(facts)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(Failed("the condition is neither true nor false".to_owned())),
        }
    }
}

/// The first error only: the others follow from it.
fn syntax_problem(text: &str, errors: &cel::ParseErrors) -> Vec<Problem> {
    let Some(first) = errors.errors.first() else {
        return vec![Problem::new(code::EXPRESSION_SYNTAX, 0, 1, "the expression cannot be read")];
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
        ExecutionError::FunctionError { function, message }
            if ["date", "decimal_cmp", "lookup"].contains(&function.as_str()) =>
        {
            format!("`{function}`: {message}")
        }
        ExecutionError::FunctionError { function, .. } => format!("`{function}` failed"),
        _ => "the expression does not go with these values".to_owned(),
    };
    Failed(text)
}
