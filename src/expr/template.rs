//! Templates: plain text with `${…}`. One that is nothing but `${…}` keeps its type; `$${` is a plain `${`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    bounds::outside_quotes,
    expression::{Expression, Failed},
    problem::Problem,
    schema::{MONEY, Type},
    scope::Scope,
    values::Facts,
};
use crate::model::code;

/// A checked template.
#[derive(Debug)]
pub struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

impl Template {
    /// Compiles and checks a text.
    ///
    /// # Errors
    /// All problems, of all its expressions.
    pub fn compile(text: &str, scope: &Scope) -> Result<Self, Vec<Problem>> {
        let mut parts = Vec::new();
        let mut problems = Vec::new();
        for raw in split(text)? {
            match raw {
                Raw::Text(text) => parts.push(Part::Text(text)),
                Raw::Expression { text, offset } => match Expression::compile(text, scope) {
                    Ok(expression) => parts.push(Part::Expression(expression)),
                    Err(found) => problems.extend(shifted(found, offset)),
                },
            }
        }
        let template = Self(parts);
        if problems.is_empty() {
            problems.extend(template.check_parts(text));
        }
        if problems.is_empty() { Ok(template) } else { Err(problems) }
    }

    /// Within a text, an expression must be something that can be written there.
    fn check_parts(&self, text: &str) -> Vec<Problem> {
        if self.whole().is_some() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for expression in self.expressions() {
            let kind = expression.kind();
            let writable = kind.is_text() || matches!(kind, Type::Integer | Type::Boolean | Type::Time);
            if !writable {
                let offset = text.find(expression.text()).unwrap_or(0);
                let message = format!("{} cannot be part of a text", kind.describe());
                let problem = Problem::new(code::TYPE_MISMATCH, offset, expression.text().chars().count(), message);
                problems.push(hint_for(problem, kind, expression.text()));
            }
        }
        problems
    }

    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.0.iter().filter_map(|part| match part {
            Part::Expression(expression) => Some(expression),
            Part::Text(_) => None,
        })
    }

    /// The text, where it holds no expression.
    pub fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The expression, where it is nothing but one.
    pub fn whole(&self) -> Option<&Expression> {
        match self.0.as_slice() {
            [Part::Expression(expression)] => Some(expression),
            _ => None,
        }
    }

    /// How it is written.
    pub fn text(&self) -> String {
        let written = self.0.iter().map(|part| match part {
            Part::Text(text) => text.replace("${", "$${"),
            Part::Expression(expression) => format!("${{{}}}", expression.text()),
        });
        written.collect()
    }

    /// What it gives: the type of the one expression, else a text.
    pub fn kind(&self) -> Type {
        self.whole().map_or(Type::Text, |expression| expression.kind().clone())
    }

    /// The steps whose results it uses.
    pub fn steps(&self) -> BTreeSet<String> {
        self.expressions().flat_map(|expression| expression.steps().iter().cloned()).collect()
    }

    /// The steps that it takes at most, see [`Expression::cost`].
    pub fn cost(&self) -> u64 {
        self.expressions().map(Expression::cost).sum()
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// What went wrong, without any value.
    pub fn evaluate(&self, facts: &Facts) -> Result<Value, Failed> {
        if let Some(expression) = self.whole() {
            return expression.evaluate(facts);
        }
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Expression(expression) => match expression.evaluate(facts)? {
                    Value::String(part) => text.push_str(&part),
                    scalar @ (Value::Bool(_) | Value::Number(_)) => text.push_str(&scalar.to_string()),
                    _ => return Err(Failed::because("what `${…}` gives cannot be part of a text")),
                },
            }
        }
        Ok(Value::String(text))
    }
}

fn hint_for(problem: Problem, kind: &Type, text: &str) -> Problem {
    match kind {
        kind if kind.is_message(MONEY) => problem.hint(format!("write `${{{text}.amount}}`")),
        Type::Message(_) | Type::Record(_) => problem.hint("name one of its fields"),
        Type::List(of) if of.is_text() => problem.hint(format!("write `${{{text}.join(\", \")}}`")),
        _ => problem,
    }
}

fn shifted(problems: Vec<Problem>, by: usize) -> impl Iterator<Item = Problem> {
    problems.into_iter().map(move |problem| Problem { offset: problem.offset + by, ..problem })
}

enum Raw<'a> {
    Text(String),
    Expression { text: &'a str, offset: usize },
}

/// Splits a text at its `${…}`.
fn split(text: &str) -> Result<Vec<Raw<'_>>, Vec<Problem>> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(escaped) = rest.strip_prefix("$${") {
            plain.push_str("${");
            at = text.len() - escaped.len();
        } else if let Some(inside) = rest.strip_prefix("${") {
            let Some(end) = closing(inside) else {
                let problem = Problem::new(code::EXPRESSION_SYNTAX, at, 2, "`${` has no `}`");
                return Err(vec![problem.hint("write `$${` for a plain `${`")]);
            };
            if !plain.is_empty() {
                parts.push(Raw::Text(std::mem::take(&mut plain)));
            }
            let offset = at + 2;
            parts.push(Raw::Expression { text: text.get(offset..offset + end).unwrap_or(""), offset });
            at = offset + end + 1;
        } else {
            let c = rest.chars().next().unwrap_or('$');
            plain.push(c);
            at += c.len_utf8();
        }
    }
    if !plain.is_empty() {
        parts.push(Raw::Text(plain));
    }
    Ok(parts)
}

/// Where the `}` stands that ends an expression: braces nest, and those in quotes do not count.
fn closing(inside: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, c) in outside_quotes(inside) {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}
