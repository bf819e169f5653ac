//! Checks operators: which types go together.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators as op};

use super::{
    check::Checker,
    schema::{self, MONEY, Type},
};
use crate::model::code;

const AMOUNT_HINT: &str = "amounts are texts: `decimal_cmp(order.total, \"1000\") >= 0` compares them as numbers";

const NOT_AS_TEXT: &str = "a decimal number is not compared as text: `1.50` and `1.5` would differ";

/// The type that an operator gives. `None` when the call is none.
pub(super) fn visit(checker: &mut Checker<'_>, at: &IdedExpr, call: &CallExpr) -> Option<Type> {
    if call.target.is_some() {
        return None;
    }
    Some(match (call.func_name.as_str(), call.args.as_slice()) {
        (op::CONDITIONAL, [condition, one, two]) => {
            expect_boolean(checker, condition);
            let (one, two) = (checker.visit(one), checker.visit(two));
            if one.goes_with(&two) { one.join(two) } else { unlike(checker, at, &one, &two) }
        }
        (op::LOGICAL_AND | op::LOGICAL_OR, sides) => {
            for side in sides {
                expect_boolean(checker, side);
            }
            Type::Boolean
        }
        (op::LOGICAL_NOT, [side]) => {
            expect_boolean(checker, side);
            Type::Boolean
        }
        (op::NOT_STRICTLY_FALSE, [side]) => {
            checker.visit(side);
            Type::Boolean
        }
        (op::EQUALS | op::NOT_EQUALS, [one, two]) => equality(checker, at, one, two),
        (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [one, two]) => order(checker, at, one, two),
        (op::IN, [member, within]) => membership(checker, at, member, within),
        (op::INDEX, [within, index]) => index_of(checker, at, within, index),
        (op::NEGATE, [side]) => match checker.visit(side) {
            number @ (Type::Integer | Type::Double | Type::Unknown) => number,
            other => refuse(checker, at, &format!("`-` takes a number, found {}", other.describe()), &other),
        },
        (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, [one, two]) => {
            arithmetic(checker, at, &call.func_name, one, two)
        }
        _ => return None,
    })
}

/// How an unset value of a type is written, where it can be.
pub(super) fn empty_of(of: &Type) -> Option<&'static str> {
    Some(match of {
        Type::Boolean => "false",
        Type::Integer => "0",
        Type::List(_) => "[]",
        Type::Map(_) => "{}",
        of if of.is_text() => "\"\"",
        _ => return None,
    })
}

fn expect_boolean(checker: &mut Checker<'_>, side: &IdedExpr) {
    match checker.visit(side) {
        Type::Boolean | Type::Unknown => {}
        other => {
            let found = other.describe();
            let problem = checker.problem(side, code::TYPE_MISMATCH, format!("expected true or false, found {found}"));
            let empty = empty_of(&other);
            checker.problems.push(match empty {
                Some(empty) => problem.hint(format!("compare it: `… != {empty}`")),
                None => problem,
            });
        }
    }
}

fn unlike(checker: &mut Checker<'_>, at: &IdedExpr, one: &Type, two: &Type) -> Type {
    let message = format!("{} and {} do not go together", one.describe(), two.describe());
    let amounts = [one, two].iter().any(|side| side.is_message(MONEY) || **side == Type::Decimal);
    let problem = checker.problem(at, code::TYPE_MISMATCH, message);
    if let (Type::Null, told) | (told, Type::Null) = (one, two) {
        let empty =
            empty_of(told).map(|empty| format!("what is not told is empty, never null: compare it with `{empty}`"));
        checker.problems.push(match empty {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
        return Type::Unknown;
    }
    let boolean = [one, two].contains(&&Type::Boolean);
    checker.problems.push(match (amounts, boolean, one.is_text() != two.is_text()) {
        (true, _, _) => problem.hint(AMOUNT_HINT),
        (false, true, true) => problem.hint("`true` and `false` stand without quotes"),
        (false, false, true) => problem.hint("a text stands in quotes, a number does not"),
        (false, _, false) => problem,
    });
    Type::Unknown
}

fn refuse(checker: &mut Checker<'_>, at: &IdedExpr, message: &str, of: &Type) -> Type {
    let problem = checker.problem(at, code::TYPE_MISMATCH, message);
    let amount = of.is_message(MONEY) || *of == Type::Decimal;
    checker.problems.push(if amount { problem.hint(AMOUNT_HINT) } else { problem });
    Type::Unknown
}

fn equality(checker: &mut Checker<'_>, at: &IdedExpr, one: &IdedExpr, two: &IdedExpr) -> Type {
    let (left, right) = (checker.visit(one), checker.visit(two));
    if !left.goes_with(&right) {
        unlike(checker, at, &left, &right);
    } else if left == Type::Decimal && !is_empty_text(two) || right == Type::Decimal && !is_empty_text(one) {
        refuse(checker, at, NOT_AS_TEXT, &Type::Decimal);
    } else {
        check_choices(checker, at, &left, &right);
    }
    check_choice(checker, &left, two);
    check_choice(checker, &right, one);
    Type::Boolean
}

fn order(checker: &mut Checker<'_>, at: &IdedExpr, one: &IdedExpr, two: &IdedExpr) -> Type {
    let (left, right) = (checker.visit(one), checker.visit(two));
    if !left.goes_with(&right) {
        unlike(checker, at, &left, &right);
    } else if left == Type::Decimal || right == Type::Decimal {
        refuse(checker, at, "a decimal number is not compared as text: `9` would be more than `10`", &Type::Decimal);
    } else if let Some(side) = [&left, &right].into_iter().find(|side| has_no_order(side)) {
        let amount = side.is_message(MONEY);
        let problem = checker.problem(at, code::TYPE_MISMATCH, format!("{} has no order", side.describe()));
        let hint =
            if amount { AMOUNT_HINT } else { "only numbers, times and plain texts have one; write `==` or `in`" };
        checker.problems.push(problem.hint(hint));
    }
    Type::Boolean
}

fn has_no_order(side: &Type) -> bool {
    matches!(side, Type::Message(_) | Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Choice(_) | Type::Boolean)
}

fn membership(checker: &mut Checker<'_>, at: &IdedExpr, member: &IdedExpr, within: &IdedExpr) -> Type {
    let (left, right) = (checker.visit(member), checker.visit(within));
    match &right {
        Type::List(_) if left == Type::Decimal => {
            refuse(checker, at, NOT_AS_TEXT, &Type::Decimal);
        }
        Type::List(of) if left.goes_with(of) => {
            check_choices(checker, at, &left, of);
            if let Expr::List(list) = &within.expr {
                list.elements.iter().for_each(|element| check_choice(checker, &left, element));
            }
        }
        Type::List(of) => {
            unlike(checker, at, &left, of);
        }
        Type::Map(_) if left.is_text() => {}
        Type::Unknown => {}
        other => {
            let message = format!("`in` takes a list or a mapping, found {}", other.describe());
            checker.wrong(at, code::TYPE_MISMATCH, message);
        }
    }
    Type::Boolean
}

fn index_of(checker: &mut Checker<'_>, at: &IdedExpr, within: &IdedExpr, index: &IdedExpr) -> Type {
    let (within, by) = (checker.visit(within), checker.visit(index));
    match (&within, literal_text(index)) {
        (Type::Unknown, _) => Type::Unknown,
        (Type::List(of), _) if matches!(by, Type::Integer | Type::Unknown) => (**of).clone(),
        (Type::Map(of), _) if by.is_text() => (**of).clone(),
        (Type::Message(_) | Type::Record(_), Some(field)) => checker.select(index, &within, field),
        _ => {
            let message = format!("{} cannot be indexed by {}", within.describe(), by.describe());
            checker.wrong(at, code::TYPE_MISMATCH, message)
        }
    }
}

fn arithmetic(checker: &mut Checker<'_>, at: &IdedExpr, operator: &str, one: &IdedExpr, two: &IdedExpr) -> Type {
    let (left, right) = (checker.visit(one), checker.visit(two));
    let symbol = operator.trim_matches('_');
    match (&left, symbol, &right) {
        (Type::Unknown, _, _) | (_, _, Type::Unknown) => Type::Unknown,
        (Type::Integer, _, Type::Integer) => Type::Integer,
        (Type::Time, "+" | "-", Type::Duration) | (Type::Duration, "+", Type::Time) => Type::Time,
        (Type::Duration, "+" | "-", Type::Duration) | (Type::Time, "-", Type::Time) => Type::Duration,
        (Type::List(_), "+", Type::List(_)) if left.goes_with(&right) => left.join(right),
        (Type::Text | Type::Choice(_), "+", right) if right.is_text() => Type::Text,
        (left, "+", Type::Text | Type::Choice(_)) if left.is_text() => Type::Text,
        _ => {
            let message = format!("`{symbol}` does not go with {} and {}", left.describe(), right.describe());
            let amount = [&left, &right].into_iter().find(|side| side.is_message(MONEY) || **side == Type::Decimal);
            refuse(checker, at, &message, amount.unwrap_or(&left))
        }
    }
}

/// Two choices of different kinds that have no name in common are never equal.
fn check_choices(checker: &mut Checker<'_>, at: &IdedExpr, one: &Type, two: &Type) {
    let (Type::Choice(one), Type::Choice(two)) = (one, two) else { return };
    let other = schema::choices(two);
    if one != two && !schema::choices(one).iter().any(|name| !name.is_empty() && other.contains(name)) {
        let message = format!("`{}` and `{}` have no value in common", one.name(), two.name());
        let problem = checker.problem(at, code::TYPE_MISMATCH, message);
        checker.problems.push(problem.hint("compare each with one of its own names"));
    }
}

/// A constant that a choice is compared with must be one of its names.
fn check_choice(checker: &mut Checker<'_>, choice: &Type, constant: &IdedExpr) {
    let (Type::Choice(choice), Some(text)) = (choice, literal_text(constant)) else { return };
    let names = schema::choices(choice);
    if names.iter().any(|name| name == text) {
        return;
    }
    let message = format!("`{}` is never `{text}`", choice.name());
    let problem = checker.problem(constant, code::UNKNOWN_CHOICE, message);
    let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    checker.problems.push(match super::suggest::nearest(text, names.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(format!("it is one of `{}`", names.join("`, `"))),
    });
}

fn literal_text(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn is_empty_text(expression: &IdedExpr) -> bool {
    literal_text(expression).is_some_and(str::is_empty)
}
