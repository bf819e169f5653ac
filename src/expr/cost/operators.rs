//! What operators cost.

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators as op};

use super::{Estimator, Found, extent::Extent};

impl<'a> Estimator<'a, '_> {
    /// `None` when the call is no operator.
    pub(super) fn operator(&mut self, call: &'a CallExpr) -> Option<Found> {
        if call.target.is_some() {
            return None;
        }
        Some(match (call.func_name.as_str(), call.args.as_slice()) {
            (op::CONDITIONAL, [condition, one, two]) => {
                let ((before, _), (one, first), (two, second)) =
                    (self.visit(condition), self.visit(one), self.visit(two));
                (before.saturating_add(one.max(two)).saturating_add(1), first.join(second))
            }
            (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::NEGATE | op::NOT_STRICTLY_FALSE, sides) => {
                let steps = sides.iter().map(|side| self.visit(side).0).fold(1, u64::saturating_add);
                (steps, Extent::scalar())
            }
            (op::INDEX, [within, index]) => {
                let ((one, within), (two, _)) = (self.visit(within), self.visit(index));
                let field = match &index.expr {
                    Expr::Literal(LiteralValue::String(name)) => within.field(name.inner()),
                    _ => within.member(),
                };
                (one.saturating_add(two).saturating_add(2), field)
            }
            (name, [one, two]) if is_binary(name) => {
                let ((before, one), (more, two)) = (self.visit(one), self.visit(two));
                let (steps, extent) = binary(name, one, two);
                (before.saturating_add(more).saturating_add(steps), extent)
            }
            _ => return None,
        })
    }
}

fn is_binary(name: &str) -> bool {
    let comparing = [op::EQUALS, op::NOT_EQUALS, op::LESS, op::LESS_EQUALS, op::GREATER, op::GREATER_EQUALS, op::IN];
    let counting = [op::ADD, op::SUBSTRACT, op::MULTIPLY, op::DIVIDE, op::MODULO];
    comparing.contains(&name) || counting.contains(&name)
}

fn binary(name: &str, one: Extent, two: Extent) -> Found {
    match name {
        op::ADD => {
            let both = one.and(two);
            (2 + both.copying(), if both.length == 0 { Extent::scalar() } else { both })
        }
        // Each member of a list is looked at; a mapping knows its keys.
        op::IN => (2 + two.comparing().min(two.length.saturating_mul(1 + one.comparing())), Extent::scalar()),
        op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO => (2, Extent::scalar()),
        // Two that differ in length are not looked into.
        _ => (2 + one.comparing().min(two.comparing()), Extent::scalar()),
    }
}
