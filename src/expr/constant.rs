//! What an expression gives whatever the event says, as far as that can be seen without one.

use std::collections::BTreeMap;

use cel::{
    Context, Value,
    common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators as op},
};

use super::functions;

/// Whether a condition always holds, or never; `None` where that is not known.
pub(super) fn fold(expression: &IdedExpr) -> Option<bool> {
    match &expression.expr {
        Expr::Call(call) => fold_call(call).or_else(|| evaluate(expression)),
        _ => evaluate(expression),
    }
}

fn fold_call(call: &CallExpr) -> Option<bool> {
    match (call.func_name.as_str(), call.args.as_slice()) {
        (op::LOGICAL_NOT, [side]) => fold(side).map(|holds| !holds),
        (op::LOGICAL_OR, sides) => any(sides.iter().map(fold), true),
        (op::LOGICAL_AND, sides) => any(sides.iter().map(fold), false).or_else(|| contradicts(sides)),
        (op::CONDITIONAL, [condition, one, two]) => match fold(condition) {
            Some(true) => fold(one),
            Some(false) => fold(two),
            None => fold(one).filter(|one| fold(two) == Some(*one)),
        },
        (op::IN, [_, within]) => matches!(&within.expr, Expr::List(list) if list.elements.is_empty()).then_some(false),
        _ => None,
    }
}

/// One side that decides is enough; else all sides must be known.
fn any(sides: impl Iterator<Item = Option<bool>>, deciding: bool) -> Option<bool> {
    let sides: Vec<_> = sides.collect();
    if sides.contains(&Some(deciding)) {
        return Some(deciding);
    }
    sides.iter().all(Option::is_some).then_some(!deciding)
}

/// One field cannot be equal to two constants, nor to one that it must differ from.
fn contradicts(sides: &[IdedExpr]) -> Option<bool> {
    let mut must_be: BTreeMap<Vec<&str>, &LiteralValue> = BTreeMap::new();
    let mut must_not_be = Vec::new();
    for (operator, field, constant) in sides.iter().flat_map(conjuncts).filter_map(comparison) {
        if operator == op::NOT_EQUALS {
            must_not_be.push((field, constant));
        } else if must_be.insert(field, constant).is_some_and(|other| other != constant) {
            return Some(false);
        }
    }
    must_not_be.iter().any(|(field, constant)| must_be.get(field) == Some(constant)).then_some(false)
}

fn conjuncts(side: &IdedExpr) -> Vec<&IdedExpr> {
    match &side.expr {
        Expr::Call(call) if call.func_name == op::LOGICAL_AND => call.args.iter().flat_map(conjuncts).collect(),
        _ => vec![side],
    }
}

/// `order.status == "paid"`, in either order.
fn comparison(side: &IdedExpr) -> Option<(&str, Vec<&str>, &LiteralValue)> {
    let Expr::Call(call) = &side.expr else { return None };
    let operator = Some(call.func_name.as_str()).filter(|name| [op::EQUALS, op::NOT_EQUALS].contains(name))?;
    match call.args.as_slice() {
        [IdedExpr { expr: Expr::Literal(constant), .. }, field]
        | [field, IdedExpr { expr: Expr::Literal(constant), .. }] => Some((operator, path(field)?, constant)),
        _ => None,
    }
}

/// The names of a chain of fields, `["order", "customer"]`, where it is nothing but one.
pub(super) fn path(expression: &IdedExpr) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut at = &expression.expr;
    loop {
        match at {
            Expr::Ident(name) => {
                names.push(name.as_str());
                names.reverse();
                return Some(names);
            }
            Expr::Select(select) if !select.test => {
                names.push(&select.field);
                at = &select.operand.expr;
            }
            _ => return None,
        }
    }
}

/// The value of what names nothing of the event.
fn evaluate(expression: &IdedExpr) -> Option<bool> {
    if names_variables(expression, &mut Vec::new()) {
        return None;
    }
    let context = Context::with_env(functions::environment());
    match Value::resolve(expression, &context) {
        Ok(Value::Bool(holds)) => Some(holds),
        _ => None,
    }
}

fn names_variables<'a>(expression: &'a IdedExpr, locals: &mut Vec<&'a str>) -> bool {
    match &expression.expr {
        Expr::Ident(name) => !locals.contains(&name.as_str()),
        Expr::Comprehension(inner) => {
            let depth = locals.len();
            let before = [&inner.iter_range, &inner.accu_init].into_iter().any(|part| names_variables(part, locals));
            locals.extend([inner.iter_var.as_str(), inner.accu_var.as_str()]);
            let parts = [&inner.loop_cond, &inner.loop_step, &inner.result];
            let within = parts.into_iter().any(|part| names_variables(part, locals));
            locals.truncate(depth);
            before || within
        }
        _ => children(expression).into_iter().any(|child| names_variables(child, locals)),
    }
}

/// The parts of what is no loop.
pub(super) fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Select(select) => vec![&select.operand],
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => {
            let entries = map.entries.iter().filter_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => Some([&entry.key, &entry.value]),
                EntryExpr::StructField(_) => None,
            });
            entries.flatten().collect()
        }
        _ => Vec::new(),
    }
}
