//! Checks a parsed expression against what it can see: names, fields, types. All problems at once; what is wrong counts as
//! unknown afterwards, so that one mistake is told once.

use std::collections::BTreeSet;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, SelectExpr, SourceInfo,
};

use super::{
    functions::{FUNCTIONS, Function, Takes},
    lookup::{self, Lookups, Missing},
    operators,
    problem::Problem,
    schema::{self, Record, RecordKind, Type},
    scope::Scope,
};
use crate::model::code;

/// The most comprehensions (`exists`, `map`, …) within each other: each multiplies the cost.
const MOST_LOOPS: usize = 3;

/// The deepest tree. The interpreter takes about 30 KiB of stack for each level in a build without optimization.
const DEEPEST: usize = 40;
/// The most names that a hint lists.
const MOST_LISTED: usize = 16;

/// What checking found out.
pub(super) struct Checked {
    pub kind: Type,
    /// The steps whose results the expression uses.
    pub steps: BTreeSet<String>,
    /// The tables that it names.
    pub lookups: Lookups,
    pub problems: Vec<Problem>,
}

/// Checks an expression.
pub(super) fn check(expression: &IdedExpr, source: &SourceInfo, scope: &Scope) -> Checked {
    let mut checker = Checker {
        scope,
        source,
        locals: Vec::new(),
        depth: 0,
        loops: 0,
        steps: BTreeSet::new(),
        lookups: Lookups::new(),
        problems: Vec::new(),
    };
    let kind = checker.visit(expression);
    let Checker { steps, lookups, mut problems, .. } = checker;
    problems.sort_by_key(|problem| problem.offset);
    problems.dedup();
    Checked { kind, steps, lookups, problems }
}

pub(super) struct Checker<'a> {
    scope: &'a Scope,
    source: &'a SourceInfo,
    locals: Vec<(String, Type)>,
    depth: usize,
    loops: usize,
    steps: BTreeSet<String>,
    lookups: Lookups,
    pub(super) problems: Vec<Problem>,
}

impl Checker<'_> {
    /// The type of an expression.
    pub(super) fn visit(&mut self, expression: &IdedExpr) -> Type {
        if self.depth == DEEPEST {
            let known = self.problems.iter().any(|problem| problem.code == code::TOO_COMPLEX);
            return if known {
                Type::Unknown
            } else {
                self.wrong(expression, code::TOO_COMPLEX, "the expression nests too deep")
            };
        }
        self.depth += 1;
        let kind = self.visit_inside(expression);
        self.depth -= 1;
        kind
    }

    fn visit_inside(&mut self, expression: &IdedExpr) -> Type {
        match &expression.expr {
            Expr::Literal(literal) => literal_type(literal),
            Expr::Ident(name) => self.visit_name(expression, name),
            Expr::Select(select) => self.visit_select(expression, select),
            Expr::Call(call) => self.visit_call(expression, call),
            Expr::List(list) => self.visit_list(list),
            Expr::Map(map) => self.visit_map(map),
            Expr::Comprehension(comprehension) => self.visit_comprehension(expression, comprehension),
            Expr::Struct(_) => self.wrong(expression, code::TYPE_MISMATCH, "messages cannot be made here"),
            Expr::Unspecified => Type::Unknown,
        }
    }

    /// Complains about an expression; its type is unknown from then on.
    pub(super) fn wrong(&mut self, at: &IdedExpr, code: code::Code, message: impl Into<String>) -> Type {
        let problem = self.problem(at, code, message);
        self.problems.push(problem);
        Type::Unknown
    }

    pub(super) fn problem(&self, at: &IdedExpr, code: code::Code, message: impl Into<String>) -> Problem {
        let (offset, length) = self.place(at);
        Problem::new(code, offset, length, message)
    }

    /// Where an expression stands: a selection's field, a call's name, else the token that the parser noted.
    fn place(&self, at: &IdedExpr) -> (usize, usize) {
        let (start, stop) = self.source.offset_for(at.id).unwrap_or((0, 0));
        let (start, stop) = (start as usize, stop as usize);
        if let Expr::Select(select) = &at.expr {
            let after = self.source.source.get(start..).and_then(|rest| rest.find(&select.field)).unwrap_or(0);
            return (start + after, select.field.chars().count());
        }
        if let Expr::Call(call) = &at.expr
            && let Some(name_at) = self.source.source.get(..start).and_then(|before| before.rfind(&call.func_name))
        {
            return (name_at, call.func_name.chars().count());
        }
        let length = self.source.source.get(start..=stop).map_or(1, |token| token.chars().count());
        (start, length)
    }

    fn visit_name(&mut self, at: &IdedExpr, name: &str) -> Type {
        if let Some((_, local)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return local.clone();
        }
        if let Some(variable) = self.scope.variable(name) {
            return variable.clone();
        }
        let locals = self.locals.iter().map(|(name, _)| name.as_str()).filter(|name| !name.starts_with('@'));
        let names: Vec<&str> = self.scope.names().chain(locals).collect();
        let problem = self.problem(at, code::UNKNOWN_VARIABLE, format!("there is no variable `{name}`"));
        let problem = match super::suggest::nearest(name, names.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint(format!("there is `{}`; a text stands in quotes", names.join("`, `"))),
        };
        self.problems.push(problem);
        Type::Unknown
    }

    fn visit_select(&mut self, at: &IdedExpr, select: &SelectExpr) -> Type {
        let operand = self.visit(&select.operand);
        let selected = self.select(at, &operand, &select.field);
        if !select.test {
            return selected;
        }
        if !matches!(operand, Type::Map(_) | Type::Unknown) && selected != Type::Unknown {
            let hint = match operators::empty_of(&selected) {
                Some(empty) => format!("a field that is not told is empty: compare it with `{empty}`"),
                None => "ask for one of its fields: those that are not told are empty".to_owned(),
            };
            let problem = self.problem(at, code::NEEDLESS_PRESENCE, format!("`{}` is always there", select.field));
            self.problems.push(problem.hint(hint));
        }
        Type::Boolean
    }

    /// The type of a field, also for `x["field"]`.
    pub(super) fn select(&mut self, at: &IdedExpr, operand: &Type, field: &str) -> Type {
        match operand {
            Type::Unknown => Type::Unknown,
            Type::Map(of) => (**of).clone(),
            Type::Message(message) => {
                if let Some(found) = message.get_field_by_name(field) {
                    return schema::field_type(&found);
                }
                let names: Vec<_> = message.fields().map(|field| field.name().to_owned()).collect();
                let message = format!("`{}` has no field `{field}`", message.name());
                self.unknown(at, code::UNKNOWN_FIELD, message, field, &names)
            }
            Type::Record(record) => self.select_of_record(at, record, field),
            Type::List(_) => {
                let problem = self
                    .problem(at, code::TYPE_MISMATCH, format!("a list has no field `{field}`"))
                    .hint(format!("ask for its members: `.exists(i, i.{field} == …)`, `.map(i, i.{field})`"));
                self.problems.push(problem);
                Type::Unknown
            }
            other => {
                let message = format!("{} has no field `{field}`", other.describe());
                self.wrong(at, code::TYPE_MISMATCH, message)
            }
        }
    }

    fn select_of_record(&mut self, at: &IdedExpr, record: &Record, field: &str) -> Type {
        match record.fields.get(field) {
            Some(Type::LaterStep(step)) => {
                let message = format!("the step `{step}` does not stand before this one");
                let problem = self.problem(at, code::NO_SUCH_STEP, message);
                self.problems.push(problem.hint("a step may use results of earlier steps only"));
                Type::Unknown
            }
            Some(Type::Record(found)) => {
                if let RecordKind::Step(step) = &found.kind {
                    self.steps.insert(step.clone());
                }
                Type::Record(std::sync::Arc::clone(found))
            }
            Some(found) => found.clone(),
            None => {
                let names: Vec<_> = record.fields.keys().cloned().collect();
                if names.is_empty() && record.kind == RecordKind::Steps(String::new()) {
                    return self.wrong(at, code::NO_SUCH_STEP, "no step is done before this");
                }
                let (code, message) = match &record.kind {
                    RecordKind::Event => (code::UNKNOWN_FIELD, format!("`event` has no field `{field}`")),
                    RecordKind::Steps(prefix) => {
                        (code::NO_SUCH_STEP, format!("no earlier step is called `{prefix}{field}`"))
                    }
                    RecordKind::Step(step) => (code::NO_SUCH_RESULT, format!("the step `{step}` returns no `{field}`")),
                };
                self.unknown(at, code, message, field, &names)
            }
        }
    }

    fn unknown(&mut self, at: &IdedExpr, code: code::Code, message: String, name: &str, names: &[String]) -> Type {
        let problem = self.problem(at, code, message);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let problem = match super::suggest::nearest(name, names.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None if names.is_empty() || names.len() > MOST_LISTED => problem,
            None => problem.hint(format!("there is `{}`", names.join("`, `"))),
        };
        self.problems.push(problem);
        Type::Unknown
    }

    fn visit_list(&mut self, list: &ListExpr) -> Type {
        let members = list.elements.iter().map(|element| self.visit(element)).collect::<Vec<_>>();
        Type::list(members.into_iter().fold(Type::Unknown, Type::join))
    }

    fn visit_map(&mut self, map: &MapExpr) -> Type {
        let mut of = Type::Unknown;
        for entry in &map.entries {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                self.visit(&entry.key);
                of = of.join(self.visit(&entry.value));
            }
        }
        Type::Map(Box::new(of))
    }

    fn visit_call(&mut self, at: &IdedExpr, call: &CallExpr) -> Type {
        if let Some(found) = operators::visit(self, at, call) {
            return found;
        }
        if call.target.is_none()
            && let Some(name) = lookup::named(&call.func_name, &call.args)
        {
            return self.visit_lookup(at, call, &name);
        }
        let on = call.target.as_deref().map(|target| self.visit(target));
        let given: Vec<Type> = call.args.iter().map(|argument| self.visit(argument)).collect();
        let forms: Vec<&Function> = FUNCTIONS.iter().filter(|function| function.name == call.func_name).collect();
        if forms.is_empty() {
            return self.unknown_function(at, &call.func_name);
        }
        let fits = |form: &&&Function| {
            let target = match (form.on, &on) {
                (Some(takes), Some(on)) => takes.accepts(on),
                (takes, on) => takes.is_none() && on.is_none(),
            };
            target
                && form.takes.len() == given.len()
                && form.takes.iter().zip(&given).all(|(takes, g)| takes.accepts(g))
        };
        if let Some(form) = forms.iter().find(fits) {
            operators::check_pattern(self, call);
            return form.gives.as_type();
        }
        let forms: Vec<String> = forms.iter().map(|form| describe(form)).collect();
        let problem = self.problem(at, code::TYPE_MISMATCH, format!("`{}` does not take this", call.func_name));
        self.problems.push(problem.hint(forms.join("; or ")));
        Type::Unknown
    }

    /// `lookup("table", key)`: the table is there, and so is the row where the key is constant.
    fn visit_lookup(&mut self, at: &IdedExpr, call: &CallExpr, name: &str) -> Type {
        let (table, key, default) = match call.args.as_slice() {
            [table, key] => (table, key, None),
            [table, key, default] => (table, key, Some(default)),
            _ => {
                let problem = self.problem(at, code::TYPE_MISMATCH, "`lookup` takes a table's name and a value");
                let hint = format!("write `lookup(\"{name}\", …)`, or `lookup(\"{name}\", …, \"a default\")`");
                self.problems.push(problem.hint(hint));
                return Type::Text;
            }
        };
        for argument in std::iter::once(key).chain(default) {
            let given = self.visit(argument);
            if !Takes::TextOrInteger.accepts(&given) {
                let message = format!("`lookup` takes a text or a whole number here, found {}", given.describe());
                let problem = self.problem(argument, code::TYPE_MISMATCH, message);
                self.problems.push(problem.hint("rows are found by texts: name a field that is one"));
            }
        }
        let scope = self.scope;
        let Some(lookup) = scope.lookups().get(name) else {
            let names: Vec<String> = scope.lookups().keys().cloned().collect();
            let message = format!("there is no lookup `{name}`");
            self.unknown(table, code::NO_SUCH_LOOKUP, message, name, &names);
            return Type::Text;
        };
        self.lookups.insert(name.to_owned(), std::sync::Arc::clone(lookup));
        if let (Expr::Literal(LiteralValue::String(constant)), None) = (&key.expr, default)
            && !matches!(lookup.missing, Missing::Gives(_))
            && !lookup.rows.contains_key(constant.inner().trim())
        {
            let rows: Vec<String> = lookup.rows.keys().cloned().collect();
            let message = format!("the lookup `{name}` has no row for `{}`", constant.inner());
            self.unknown(key, code::NO_SUCH_ROW, message, constant.inner(), &rows);
        }
        Type::Text
    }

    fn unknown_function(&mut self, at: &IdedExpr, name: &str) -> Type {
        let macros = ["all", "exists", "exists_one", "filter", "map", "has"];
        let names: Vec<String> =
            FUNCTIONS.iter().map(|function| function.name).chain(macros).map(str::to_owned).collect();
        if macros.contains(&name) {
            let message = format!("`{name}` does not take this");
            let problem = self.problem(at, code::TYPE_MISMATCH, message);
            self.problems.push(problem.hint(format!("`list.{name}(i, …)`, with `i` for each member in turn")));
            return Type::Unknown;
        }
        self.unknown(at, code::UNKNOWN_FUNCTION, format!("there is no function `{name}`"), name, &names)
    }

    fn visit_comprehension(&mut self, at: &IdedExpr, loop_: &ComprehensionExpr) -> Type {
        self.loops += 1;
        if self.loops > MOST_LOOPS {
            self.loops -= 1;
            return self.wrong(at, code::TOO_COMPLEX, format!("more than {MOST_LOOPS} loops within each other"));
        }
        let member = match self.visit(&loop_.iter_range) {
            Type::List(of) => *of,
            Type::Map(_) => Type::Text,
            Type::Unknown => Type::Unknown,
            other => self.wrong(at, code::TYPE_MISMATCH, format!("expected a list, found {}", other.describe())),
        };
        let depth = self.locals.len();
        let start = self.visit(&loop_.accu_init);
        self.locals.push((loop_.iter_var.clone(), member));
        self.locals.push((loop_.accu_var.clone(), start.clone()));
        let step = self.visit(&loop_.loop_step);
        self.locals.truncate(depth);
        self.locals.push((loop_.accu_var.clone(), start.join(step)));
        let result = self.visit(&loop_.result);
        self.locals.truncate(depth);
        self.loops -= 1;
        result
    }
}

fn literal_type(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Boolean,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Integer,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::Null => Type::Null,
        LiteralValue::Bytes(_) => Type::Unknown,
    }
}

/// A function's form, for people.
fn describe(function: &Function) -> String {
    let takes: Vec<&str> = function.takes.iter().map(|takes| takes.describe()).collect();
    match function.on {
        Some(on) => format!("`{}` is called on {} and takes {}", function.name, on.describe(), sentence(&takes)),
        None => format!("`{}` takes {}", function.name, sentence(&takes)),
    }
}

fn sentence(takes: &[&str]) -> String {
    if takes.is_empty() { "nothing".to_owned() } else { takes.join(", then ") }
}
