//! What an expression costs at most, before any event is seen: from how its loops nest, how long their lists and texts may be
//! (`limits`), and what its functions do. One step is about 25 ns, so that whatever passes stays well
//! below 50 ms, however an event of 256 KiB is built; `tests/bench/router.rs` searches for the worst.

mod extent;
mod operators;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr};

use super::{
    constant,
    functions::{self, Function, Grows, LONGEST_GIVEN, LONGEST_SEARCHED, MOST_PARTS, Takes},
    limits::LONGEST_RESULT,
    scope::Scope,
};
use extent::Extent;

/// The most steps of an expression, and of all those of a flow together: some 40 ms.
pub const MOST: u64 = 1_500_000;

/// What is too costly: the smallest part that is, and why.
pub(super) struct TooCostly<'a> {
    pub at: &'a IdedExpr,
    pub steps: u64,
    /// The loops that make it so: what they go over, and how many members that may have.
    pub loops: Vec<(String, u64)>,
}

/// The steps that an expression takes at most.
pub(super) fn estimate<'a>(expression: &'a IdedExpr, scope: &Scope) -> Result<u64, TooCostly<'a>> {
    let mut estimator = Estimator { scope, locals: Vec::new(), loops: Vec::new(), too_costly: None };
    let (steps, _) = estimator.visit(expression);
    match estimator.too_costly {
        Some(found) => Err(found),
        None => Ok(steps),
    }
}

struct Estimator<'a, 's> {
    scope: &'s Scope,
    locals: Vec<(&'a str, Extent)>,
    /// All loops so far, inner ones before outer ones.
    loops: Vec<(String, u64)>,
    too_costly: Option<TooCostly<'a>>,
}

type Found = (u64, Extent);

impl<'a> Estimator<'a, '_> {
    fn visit(&mut self, expression: &'a IdedExpr) -> Found {
        let loops = self.loops.len();
        let (steps, extent) = match &expression.expr {
            Expr::Literal(LiteralValue::String(text)) => (1, Extent::text(text.inner().len() as u64)),
            Expr::Ident(name) => (1, self.named(name)),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.list(&list.elements),
            Expr::Map(map) => {
                let entries = map.entries.iter().filter_map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => Some(entry),
                    EntryExpr::StructField(_) => None,
                });
                let entries: Vec<_> = entries.collect();
                let keys: u64 = entries.iter().map(|entry| self.visit(&entry.key).0).sum();
                let (values, extent) = self.members(entries.into_iter().map(|entry| &entry.value));
                (keys + values, extent)
            }
            Expr::Comprehension(inner) => self.comprehension(inner),
            Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => (1, Extent::scalar()),
        };
        if steps > MOST && self.too_costly.is_none() {
            let loops = self.loops.get(loops..).unwrap_or(&[]).iter().rev().cloned().collect();
            self.too_costly = Some(TooCostly { at: expression, steps, loops });
        }
        (steps, extent)
    }

    fn named(&self, name: &str) -> Extent {
        let local = self.locals.iter().rev().find(|(local, _)| *local == name);
        local.map_or_else(
            || self.scope.variable(name).map_or_else(Extent::scalar, Extent::of),
            |(_, extent)| extent.clone(),
        )
    }

    fn select(&mut self, select: &'a SelectExpr) -> Found {
        let (steps, operand) = self.visit(&select.operand);
        (steps + 5, if select.test { Extent::scalar() } else { operand.field(&select.field) })
    }

    fn list(&mut self, elements: &'a [IdedExpr]) -> Found {
        self.members(elements.iter())
    }

    fn members(&mut self, elements: impl ExactSizeIterator<Item = &'a IdedExpr>) -> Found {
        let count = elements.len() as u64;
        let (mut steps, mut member) = (1, Extent::scalar());
        for element in elements {
            let (more, extent) = self.visit(element);
            steps += more + extent.copying();
            member = member.join(extent);
        }
        (steps, Extent::list(count, member))
    }

    fn comprehension(&mut self, inner: &'a ComprehensionExpr) -> Found {
        let (before, range) = self.visit(&inner.iter_range);
        let (init, start) = self.visit(&inner.accu_init);
        let depth = self.locals.len();
        let member = range.member();
        let copying = member.copying();
        self.locals.push((&inner.iter_var, member));
        self.locals.push((&inner.accu_var, start.clone()));
        let (condition, _) = self.visit(&inner.loop_cond);
        let (step, grown) = self.visit(&inner.loop_step);
        self.locals.truncate(depth);
        let all = start.grown(&grown, range.length);
        self.locals.push((&inner.accu_var, all.clone()));
        let (result, extent) = self.visit(&inner.result);
        let name = constant::path(&inner.iter_range).map_or_else(|| "a list".to_owned(), |path| path.join("."));
        self.loops.push((name, range.length));
        self.locals.truncate(depth);
        // Names for the member and what is gathered are made anew for each.
        let turn = 10 + copying + condition + step;
        (before.saturating_add(init + result).saturating_add(range.length.saturating_mul(turn)), extent)
    }

    fn call(&mut self, call: &'a CallExpr) -> Found {
        if let Some(found) = self.operator(call) {
            return found;
        }
        let given: Vec<Found> =
            call.target.as_deref().into_iter().chain(&call.args).map(|part| self.visit(part)).collect();
        let before: u64 = given.iter().map(|(steps, _)| *steps).fold(0, u64::saturating_add);
        let extents: Vec<Extent> = given.into_iter().map(|(_, extent)| extent).collect();
        let forms = functions::forms(&call.func_name);
        let is_it =
            |form: &&&Function| form.on.is_some() == call.target.is_some() && form.takes.len() == call.args.len();
        let Some(form) = forms.iter().find(is_it) else { return (before + 2, Extent::scalar()) };
        let (steps, extent) = function(form, &extents, call);
        (before.saturating_add(steps), extent)
    }
}

/// What a function does by itself, and how large its result is.
fn function(form: &Function, given: &[Extent], call: &CallExpr) -> Found {
    let first = given.first().map_or(0, |extent| extent.length);
    let texts: u64 = given.iter().map(Extent::bytes).sum();
    let members: u64 = given.iter().filter(|extent| extent.is_group()).map(|extent| extent.length).sum();
    let reading = if call.func_name == "size" { 4 + first / 16 } else { 4 + texts / 16 + members * 8 };
    let longest = LONGEST_GIVEN as u64;
    match form.grows {
        Grows::To(_) if form.takes.contains(&Takes::Regex) => {
            (reading + searching(call, first.min(LONGEST_SEARCHED as u64)), Extent::scalar())
        }
        Grows::To(most) => (reading, Extent::of_form(form.gives, most)),
        Grows::Same => (reading, Extent::of_form(form.gives, first.max(64))),
        Grows::Member => (reading, Extent::text(LONGEST_RESULT)),
        Grows::Case => (reading * 2, Extent::text(first * 3)),
        Grows::Sum => (reading, Extent::text(texts)),
        Grows::Joined => {
            let text =
                (members * (given.iter().map(|extent| extent.member().length).max().unwrap_or(0) + texts)).min(longest);
            (reading + text / 16, Extent::text(text))
        }
        Grows::Parts => {
            let parts = (MOST_PARTS as u64).min(first + 1);
            (reading + parts * 2, Extent::parts(parts, first))
        }
        Grows::Most => {
            let last = given.last().map_or(0, |extent| extent.length);
            let text = first.saturating_mul(1 + last).clamp(64, longest);
            (reading + text / 16, Extent::text(text))
        }
    }
}

/// A regular expression is run over a text: as often as it is large.
fn searching(call: &CallExpr, bytes: u64) -> u64 {
    let pattern = call.args.last().and_then(|pattern| match &pattern.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(functions::pattern_weight(text.inner())),
        _ => None,
    });
    4 + bytes * pattern.unwrap_or(128) / 16
}

#[cfg(test)]
mod nasty;
#[cfg(test)]
mod tests;
