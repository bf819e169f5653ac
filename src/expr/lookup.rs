//! The owner's mapping tables: `lookup("statuses", order.vendor_status)`.
//!
//! Names of tables are constants, so a compiled expression holds the tables that it uses and needs nobody to look them up by
//! name again. CEL's functions see their arguments only: before it runs, each name becomes a variable that no text can spell
//! (`@lookup/statuses`), and the variable's value is the table itself.
//!
//! A value without a row is told with the value: an owner who is not told which one cannot add the row. That text is for
//! dead letters and for people, never for the process log.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use cel::{
    ExecutionError,
    common::{
        ast::{EntryExpr, Expr, IdedExpr, LiteralValue},
        types::{CelInt, CelString, Type},
        value::{CowVal, StaticVal, Val},
    },
    context::VariableResolver,
};

use super::constant;

/// Tables by their names.
pub type Lookups = BTreeMap<String, Arc<Lookup>>;

/// A table.
#[derive(Debug, PartialEq, Eq)]
pub struct Lookup {
    pub name: String,
    pub rows: BTreeMap<String, String>,
    pub missing: Missing,
}

/// What becomes of a value without a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The event becomes a dead letter.
    Fails,
    /// The step is left out.
    Skips,
    /// It becomes this.
    Gives(String),
}

/// A value that had no row.
#[derive(Clone, PartialEq, Eq)]
pub struct Miss {
    pub lookup: String,
    /// What was looked for. Content.
    pub value: String,
    pub then: Then,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Failed,
    Skipped,
    /// A default was there.
    Default,
}

impl Then {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "error",
            Self::Skipped => "skip",
            Self::Default => "default",
        }
    }
}

impl fmt::Debug for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Miss({})", self.lookup)
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.as_str() {
            "" => write!(f, "the lookup `{}` has no row for the empty value", self.lookup),
            value => write!(f, "the lookup `{}` has no row for `{value}`", self.lookup),
        }
    }
}

/// The longest value that is told, in characters.
const LONGEST_TOLD: usize = 100;

/// What our function says when there is no row; who asked finds the value among the misses.
pub(super) const NO_ROW: &str = "there is no row";

/// What had no row while an expression ran.
#[derive(Clone, Debug, Default)]
pub(super) struct Misses(Arc<Mutex<Vec<Miss>>>);

impl Misses {
    fn add(&self, miss: Miss) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(miss);
    }

    pub fn take(&self) -> Vec<Miss> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the variables that stand for tables begin with.
const VARIABLE: &str = "@lookup/";

/// The variable that stands for a table.
fn variable(lookup: &str) -> String {
    format!("{VARIABLE}{lookup}")
}

/// What an expression with tables sees: its tables, and all else.
pub(super) struct Sight<'a, R> {
    pub lookups: &'a Lookups,
    pub misses: &'a Misses,
    pub beyond: &'a R,
}

impl<R: VariableResolver> VariableResolver for Sight<'_, R> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match variable.strip_prefix(VARIABLE) {
            Some(name) => {
                let lookup = Arc::clone(self.lookups.get(name)?);
                Some(CowVal::owned(Rows { lookup, misses: self.misses.clone() }))
            }
            None => self.beyond.resolve(variable),
        }
    }
}

/// A table as a value of CEL, which nothing but our function can use.
#[derive(Clone, Debug)]
struct Rows {
    lookup: Arc<Lookup>,
    misses: Misses,
}

static ROWS: Type = Type::new_unspecified_type("lookup");

impl Val for Rows {
    fn get_type(&self) -> &Type {
        &ROWS
    }

    fn cel_type() -> &'static Type {
        &ROWS
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Rows {}

/// `lookup(table, key)` and `lookup(table, key, default)`. `None` when the first argument is no table.
pub(super) fn find<'b, 'v>(arguments: &[CowVal<'b, 'v>]) -> Option<Result<CowVal<'b, 'v>, ExecutionError>> {
    let Rows { lookup, misses } = arguments.first()?.downcast_ref::<Rows>()?;
    let wrong = |why| ExecutionError::function_error("lookup", why);
    let Some(key) = arguments.get(1).and_then(text_of) else {
        return Some(Err(wrong("expected a text or a whole number")));
    };
    let key = key.trim();
    if let Some(found) = lookup.rows.get(key) {
        return Some(Ok(text(found)));
    }
    let (then, given) = match (arguments.get(2), &lookup.missing) {
        (Some(default), _) => (Then::Default, text_of(default)),
        (None, Missing::Gives(default)) => (Then::Default, Some(default.clone())),
        (None, Missing::Fails) => (Then::Failed, None),
        (None, Missing::Skips) => (Then::Skipped, None),
    };
    let value = key.chars().take(LONGEST_TOLD).collect();
    misses.add(Miss { lookup: lookup.name.clone(), value, then });
    Some(given.map(|given| text(&given)).ok_or_else(|| wrong(NO_ROW)))
}

fn text<'b, 'v>(text: &str) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(text.to_owned()))
}

fn text_of(value: &CowVal<'_, '_>) -> Option<String> {
    let text = value.downcast_ref::<CelString<'_>>().map(|text| text.inner().to_owned());
    text.or_else(|| value.downcast_ref::<CelInt>().map(|number| number.inner().to_string()))
}

/// The constant name in `lookup("name", …)`; `None` for any other call, also for `lookup(order.custom_fields, …)`.
pub(super) fn named(function: &str, arguments: &[IdedExpr]) -> Option<String> {
    match arguments.first().map(|argument| &argument.expr) {
        Some(Expr::Literal(LiteralValue::String(name))) if function == "lookup" => Some(name.inner().to_owned()),
        _ => None,
    }
}

/// The tables that an expression looks a field up in, each with the field: `("statuses", "order.source_status")`. What is
/// looked up in another way is not among them.
pub(super) fn of_fields(expression: &IdedExpr) -> Vec<(&str, String)> {
    let mut found: Vec<_> = parts(expression).into_iter().flat_map(of_fields).collect();
    if let Expr::Call(call) = &expression.expr
        && let [first, key, ..] = call.args.as_slice()
        && let Expr::Ident(name) = &first.expr
        && let (Some(table), Some(path)) = (name.strip_prefix(VARIABLE), constant::path(key))
    {
        found.push((table, path.join(".")));
    }
    found
}

fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Comprehension(within) => {
            vec![&within.iter_range, &within.accu_init, &within.loop_cond, &within.loop_step, &within.result]
        }
        _ => constant::children(expression),
    }
}

/// Puts the tables' variables in the place of their names.
pub(super) fn bind(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => {
            if call.target.is_none()
                && let Some(name) = named(&call.func_name, &call.args)
                && let Some(first) = call.args.first_mut()
            {
                first.expr = Expr::Ident(variable(&name));
            }
            call.target.as_deref_mut().into_iter().chain(&mut call.args).for_each(bind);
        }
        Expr::Select(select) => bind(&mut select.operand),
        Expr::List(list) => list.elements.iter_mut().for_each(bind),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    bind(&mut entry.key);
                    bind(&mut entry.value);
                }
            }
        }
        Expr::Comprehension(within) => {
            let parts = [
                &mut within.iter_range,
                &mut within.accu_init,
                &mut within.loop_cond,
                &mut within.loop_step,
                &mut within.result,
            ];
            parts.into_iter().for_each(bind);
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}
