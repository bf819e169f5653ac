//! What conditions demand of single values, so that two of them can be told apart: `order.status == "paid"` and
//! `order.status == "cancelled"` never hold of the same order.

use std::collections::{BTreeMap, BTreeSet};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators as op};

use super::Expression;

/// What all conditions together demand, by the values that they name.
#[derive(Clone, Debug, Default)]
pub struct Demands(BTreeMap<String, Demand>);

/// What is demanded of one value. Constants stand as they are written.
#[derive(Clone, Debug, Default)]
struct Demand {
    one_of: Option<BTreeSet<String>>,
    none_of: BTreeSet<String>,
}

impl Demands {
    /// What must be true of an event for all these conditions to hold.
    pub fn of<'a>(conditions: impl IntoIterator<Item = &'a Expression>) -> Self {
        let mut demands = Self::default();
        for condition in conditions {
            demands.add(condition.program());
        }
        demands
    }

    /// Whether nothing can meet both.
    pub fn exclude(&self, other: &Self) -> bool {
        self.0.iter().any(|(value, demand)| other.0.get(value).is_some_and(|other| demand.excludes(other)))
    }

    fn add(&mut self, condition: &IdedExpr) {
        if let Expr::Call(call) = &condition.expr {
            match (call.func_name.as_str(), call.args.as_slice()) {
                (op::LOGICAL_AND, sides) => return sides.iter().for_each(|side| self.add(side)),
                (op::LOGICAL_OR, sides) => return self.add_one_of(sides),
                (op::EQUALS, [one, two]) => return self.add_equal(one, two, true),
                (op::NOT_EQUALS, [one, two]) => return self.add_equal(one, two, false),
                (op::IN, [value, within]) => return self.add_in(value, within),
                (op::LOGICAL_NOT, [side]) => return self.demand_one(written(side), "false".to_owned(), true),
                _ => {}
            }
        }
        self.demand_one(written(condition), "true".to_owned(), true);
    }

    fn add_equal(&mut self, one: &IdedExpr, two: &IdedExpr, equal: bool) {
        let sides = constant(two).map(|constant| (one, constant)).or_else(|| Some((two, constant(one)?)));
        if let Some((value, constant)) = sides {
            self.demand_one(written(value), constant, equal);
        }
    }

    fn add_in(&mut self, value: &IdedExpr, within: &IdedExpr) {
        let Expr::List(list) = &within.expr else { return };
        let constants: Option<BTreeSet<String>> = list.elements.iter().map(constant).collect();
        if let (Some(value), Some(constants)) = (written(value), constants) {
            self.0.entry(value).or_default().narrow(constants);
        }
    }

    /// `x == "a" || x == "b"`, where all sides are about one value.
    fn add_one_of(&mut self, sides: &[IdedExpr]) {
        let each: Vec<Self> = sides
            .iter()
            .map(|side| {
                let mut demands = Self::default();
                demands.add(side);
                demands
            })
            .collect();
        let Some(first) = each.first() else { return };
        for value in first.0.keys() {
            let sets = each.iter().map(|side| side.0.get(value).and_then(|demand| demand.one_of.clone()));
            if let Some(sets) = sets.collect::<Option<Vec<_>>>() {
                self.0.entry(value.clone()).or_default().narrow(sets.into_iter().flatten().collect());
            }
        }
    }

    fn demand_one(&mut self, value: Option<String>, constant: String, equal: bool) {
        let Some(value) = value else { return };
        let demand = self.0.entry(value).or_default();
        if equal {
            demand.narrow([constant].into());
        } else {
            demand.none_of.insert(constant);
        }
    }
}

impl Demand {
    fn narrow(&mut self, to: BTreeSet<String>) {
        self.one_of = Some(match self.one_of.take() {
            Some(before) => before.intersection(&to).cloned().collect(),
            None => to,
        });
    }

    fn excludes(&self, other: &Self) -> bool {
        match (&self.one_of, &other.one_of) {
            (Some(one), Some(two)) => one.is_disjoint(two),
            (Some(one), None) => one.is_subset(&other.none_of),
            (None, Some(two)) => two.is_subset(&self.none_of),
            (None, None) => false,
        }
    }
}

fn constant(expression: &IdedExpr) -> Option<String> {
    let Expr::Literal(literal) = &expression.expr else { return None };
    Some(match literal {
        LiteralValue::String(text) => serde_json::Value::from(text.inner()).to_string(),
        LiteralValue::Boolean(holds) => holds.inner().to_string(),
        LiteralValue::Int(number) => number.inner().to_string(),
        _ => return None,
    })
}

/// One way to write an expression, the same for all that are written alike. `None` for what is seldom in conditions (loops).
fn written(expression: &IdedExpr) -> Option<String> {
    Some(match &expression.expr {
        Expr::Ident(name) => name.clone(),
        Expr::Select(select) if !select.test => format!("{}.{}", written(&select.operand)?, select.field),
        Expr::Literal(_) => constant(expression)?,
        Expr::Call(call) => written_call(call)?,
        _ => return None,
    })
}

fn written_call(call: &CallExpr) -> Option<String> {
    let target = match &call.target {
        Some(target) => written(target)?,
        None => String::new(),
    };
    let arguments: Option<Vec<String>> = call.args.iter().map(written).collect();
    Some(format!("{target}.{}({})", call.func_name, arguments?.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{expr::Scope, topics::event::Entity};

    fn exclude(one: &str, two: &str) -> bool {
        let scope = Scope::new(Some(Entity::Order), &BTreeMap::new());
        let demands = |text: &str| Demands::of([&Expression::condition(text, &scope).expect(text)]);
        let (one, two) = (demands(one), demands(two));
        assert_eq!(one.exclude(&two), two.exclude(&one), "it goes both ways");
        one.exclude(&two)
    }

    #[test]
    fn conditions_on_one_value_exclude_each_other() {
        for (one, two) in [
            (r#"order.status == "completed""#, r#"order.status == "cancelled""#),
            (r#"order.number != "" && "completed" == order.status"#, r#"order.status in ["cancelled", "pending"]"#),
            (r#"order.status == "completed" || order.status == "pending""#, r#"order.status == "cancelled""#),
            (r#"order.number != "7""#, r#"order.number == "7""#),
            (r#"order.number.startsWith("A")"#, r#"!order.number.startsWith("A")"#),
            (r#"lookup(order.custom_fields, "f") == "a""#, r#"lookup(order.custom_fields, "f") == "b""#),
        ] {
            assert!(exclude(one, two), "{one} / {two}");
        }
    }

    #[test]
    fn what_may_hold_together_does_not() {
        for (one, two) in [
            (r#"order.status == "completed""#, r#"order.number == "7""#),
            (r#"order.status in ["completed", "pending"]"#, r#"order.status == "pending""#),
            (r#"order.status == "completed" || order.number == "7""#, r#"order.status == "pending""#),
            (r#"order.status != "completed""#, r#"order.status != "pending""#),
            (r#"order.items.exists(i, i.code == "A")"#, r#"order.items.exists(i, i.code == "B")"#),
            ("true", "true"),
        ] {
            assert!(!exclude(one, two), "{one} / {two}");
        }
    }
}
