//! The page of the functions that expressions may call.

use super::{code, table};
use crate::expr::functions::{FUNCTIONS, Function};

/// CEL's own, which the list of functions does not hold.
const MACROS: [(&str, &str); 6] = [
    ("list.all(i, condition)", "Whether the condition is true of every member `i`."),
    ("list.exists(i, condition)", "Whether it is true of any."),
    ("list.exists_one(i, condition)", "Whether it is true of exactly one."),
    ("list.filter(i, condition)", "Those of which it is true."),
    ("list.map(i, expression)", "What the expression gives for each."),
    ("condition ? one : other", "The one or the other."),
];

pub(super) fn page() -> String {
    let mut page =
        "Expressions are written in [CEL](https://cel.dev). Operators: `==`, `!=`, `<`, `<=`, `>`, `>=`, `&&`, `||`, \
                    `!`, `in`, `+`, `-`, `*`, `/`, `%`. Amounts are texts and never binary numbers.\n\n"
            .to_owned();
    page.push_str(&table(&["form", "gives"], MACROS.map(|(form, doc)| vec![code(form), doc.to_owned()])));
    page.push_str(&table(&["function", "gives", "for"], FUNCTIONS.iter().map(row)));
    page
}

fn row(function: &Function) -> Vec<String> {
    vec![code(&form(function)), function.gives.as_type().describe(), function.doc.to_owned()]
}

/// `x.name(y)`, with what each takes.
fn form(function: &Function) -> String {
    let takes: Vec<&str> = function.takes.iter().map(|takes| takes.describe()).collect();
    let on = function.on.map_or_else(String::new, |on| format!("({}).", on.describe()));
    format!("{on}{}({})", function.name, takes.join(", "))
}
