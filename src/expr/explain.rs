//! Why a condition said no: its clauses, whether each holds, and the values that each reads.
//!
//! Shows content: only for a person's own commands (`simulate`, and `check` with the owner's own tests), never for logs.

use std::collections::BTreeMap;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators as op};
use serde_json::Value;

use super::{
    bounds::outside_quotes,
    expression::{Expression, Failed},
    values::Facts,
};

/// One of the parts of a condition that must all hold.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Clause {
    /// As it is written, on one line.
    pub text: String,
    /// `None`: it cannot be evaluated.
    pub holds: Option<bool>,
    /// What it reads, in the order of its text: `order.items[].code` stands for the codes of all items.
    pub values: Vec<(String, Value)>,
}

impl Expression {
    /// A condition's clauses, split at each `&&` that all of it hangs on.
    pub fn explain(&self, facts: &Facts) -> Vec<Clause> {
        let mut parts = Vec::new();
        conjuncts(&self.program, &mut parts);
        let texts = split_all(&self.text);
        if texts.len() != parts.len() {
            return vec![clause(self, &self.text, &self.program, facts)];
        }
        texts.into_iter().zip(parts).map(|(text, part)| clause(self, text, part, facts)).collect()
    }
}

fn clause(whole: &Expression, text: &str, part: &IdedExpr, facts: &Facts) -> Clause {
    let holds = match whole.resolve(part, facts) {
        Ok(Value::Bool(holds)) => Some(holds),
        _ => None,
    };
    let mut reads = Reads { whole, facts, lists: BTreeMap::new(), values: Vec::new() };
    reads.visit(part);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Clause { text, holds, values: reads.values }
}

fn conjuncts<'a>(at: &'a IdedExpr, parts: &mut Vec<&'a IdedExpr>) {
    match &at.expr {
        Expr::Call(call) if call.func_name == op::LOGICAL_AND => {
            call.args.iter().for_each(|side| conjuncts(side, parts));
        }
        _ => parts.push(at),
    }
}

/// The clauses of a text, those in brackets around several included.
fn split_all(text: &str) -> Vec<&str> {
    let clauses = split(text).into_iter().map(str::trim);
    clauses.flat_map(|clause| unbracketed(clause).map_or_else(|| vec![clause], split_all)).collect()
}

/// What stands in brackets, where they hold all of a text.
fn unbracketed(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut depth = 0_i32;
    let closes_early = outside_quotes(inner).any(|(_, c)| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth < 0
    });
    (!closes_early && depth == 0).then_some(inner)
}

/// Splits at each `&&` outside of brackets and quotes. A text that has `||` or `?` out there too stays whole: there the parts
/// alone decide nothing.
fn split(condition: &str) -> Vec<&str> {
    let (mut clauses, mut begin, mut depth, mut before) = (Vec::new(), 0, 0_u32, None);
    for (at, c) in outside_quotes(condition) {
        let doubled = before == Some((at.wrapping_sub(1), c));
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '|' | '?' if depth == 0 => return vec![condition],
            '&' if depth == 0 && doubled => {
                clauses.extend(condition.get(begin..at - 1));
                begin = at + 1;
                // A third one begins anew.
                before = None;
                continue;
            }
            _ => {}
        }
        before = Some((at, c));
    }
    clauses.extend(condition.get(begin..));
    clauses
}

/// Collects what an expression reads.
struct Reads<'a> {
    whole: &'a Expression,
    facts: &'a Facts,
    /// The variables of loops: what each stands for a member of, and the members.
    lists: BTreeMap<&'a str, (String, Value)>,
    values: Vec<(String, Value)>,
}

impl<'a> Reads<'a> {
    fn visit(&mut self, at: &'a IdedExpr) {
        if let Some((name, fields)) = path(at) {
            return self.read(at, name, &fields);
        }
        match &at.expr {
            Expr::Select(select) => self.visit(&select.operand),
            Expr::Call(call) => self.visit_call(call),
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.visit(&entry.value);
                    }
                }
            }
            Expr::Comprehension(comprehension) => self.visit_loop(comprehension),
            Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
        }
    }

    fn visit_call(&mut self, call: &'a CallExpr) {
        call.target.iter().for_each(|target| self.visit(target));
        call.args.iter().for_each(|argument| self.visit(argument));
    }

    fn visit_loop(&mut self, comprehension: &'a ComprehensionExpr) {
        let members = self.evaluate(&comprehension.iter_range);
        match (path(&comprehension.iter_range), members) {
            (Some((name, fields)), Ok(members)) => {
                let shown = format!("{}[]", self.shown(name, &fields));
                self.lists.insert(comprehension.iter_var.as_str(), (shown, members));
            }
            _ => self.visit(&comprehension.iter_range),
        }
        let found = self.values.len();
        self.visit(&comprehension.loop_step);
        self.visit(&comprehension.result);
        if let Some((shown, members)) = self.lists.remove(comprehension.iter_var.as_str())
            && self.values.len() == found
        {
            self.add(shown, members);
        }
    }

    fn read(&mut self, at: &IdedExpr, name: &str, fields: &[&str]) {
        let shown = self.shown(name, fields);
        if let Some((_, members)) = self.lists.get(name) {
            let members = fields.iter().fold(members.clone(), |members, field| field_of_each(members, field));
            self.add(shown, members);
        } else if let Ok(value) = self.evaluate(at) {
            self.add(shown, value);
        }
    }

    fn shown(&self, name: &str, fields: &[&str]) -> String {
        let root = self.lists.get(name).map_or(name, |(shown, _)| shown.as_str());
        let field = |field: &&str| if field.starts_with('[') { (*field).to_owned() } else { format!(".{field}") };
        std::iter::once(root.to_owned()).chain(fields.iter().map(field)).collect()
    }

    fn evaluate(&self, at: &IdedExpr) -> Result<Value, Failed> {
        self.whole.resolve(at, self.facts)
    }

    fn add(&mut self, shown: String, value: Value) {
        if !self.values.iter().any(|(known, _)| *known == shown) {
            self.values.push((shown, told(value)));
        }
    }
}

/// The names of a chain of fields; `None` where it is no such chain.
fn path(at: &IdedExpr) -> Option<(&str, Vec<&str>)> {
    match &at.expr {
        Expr::Ident(name) if !name.starts_with(['@', '_']) => Some((name, Vec::new())),
        Expr::Select(select) if !select.test => {
            let (name, mut fields) = path(&select.operand)?;
            fields.push(&select.field);
            Some((name, fields))
        }
        Expr::Call(call) if call.func_name == op::INDEX => {
            let [within, index] = call.args.as_slice() else { return None };
            let Expr::Literal(LiteralValue::String(field)) = &index.expr else { return None };
            let (name, mut fields) = path(within)?;
            fields.push(field.inner());
            Some((name, fields))
        }
        _ => None,
    }
}

fn field_of_each(members: Value, field: &str) -> Value {
    match members {
        Value::Array(members) => members.into_iter().map(|member| field_of_each(member, field)).collect(),
        Value::Object(mut member) => member.remove(field).unwrap_or(Value::Null),
        _ => Value::Null,
    }
}

/// Without what is empty inside: a message has dozens of fields, and few are told.
fn told(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(told).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, member)| (name, told(member)));
            Value::Object(members.filter(|(_, member)| !is_empty(member)).collect())
        }
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) => false,
    }
}

#[cfg(test)]
mod tests;
