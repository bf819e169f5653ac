//! What people write out of habit, from other languages and word processors, and how it is written here.

use super::{bounds::outside_quotes, problem::Problem};
use crate::model::code::{self, Code};

/// The same problem with the advice that fits the habit behind it. `text` is what the problem's offset counts in.
#[must_use]
pub fn advise(problem: Problem, text: &str) -> Problem {
    let rest = text.get(problem.offset..).unwrap_or("");
    let before = text.get(..problem.offset).unwrap_or("").trim_end();
    if let Some(advice) = of_code(&problem, text, before, rest) {
        return problem.hint(advice);
    }
    let page = PAGES.iter().find(|(code, _)| *code == problem.code && problem.hint.is_none());
    match page {
        Some((_, page)) => problem.hint(*page),
        None => problem,
    }
}

/// Where to look when nothing better is known.
const PAGES: [(Code, &str); 4] = [
    (code::UNKNOWN_FIELD, "`spojka reference events` lists the fields"),
    (code::UNKNOWN_FUNCTION, "`spojka reference functions` lists them"),
    (code::EXPRESSION_SYNTAX, "expressions are written in CEL: `spojka reference functions`"),
    (code::TYPE_MISMATCH, "`spojka reference events` lists the fields with their types"),
];

fn of_code(problem: &Problem, text: &str, before: &str, rest: &str) -> Option<String> {
    let word = word_at(rest);
    if problem.code == code::EXPRESSION_SYNTAX {
        of_syntax(problem, text, before, rest)
    } else if problem.code == code::TYPE_MISMATCH {
        of_types(problem, text, word)
    } else if problem.code == code::UNKNOWN_VARIABLE {
        of_variable(word).map(str::to_owned)
    } else if problem.code == code::UNKNOWN_FUNCTION {
        of_function(word).map(str::to_owned)
    } else {
        None
    }
}

fn of_syntax(problem: &Problem, text: &str, before: &str, rest: &str) -> Option<String> {
    if problem.message.ends_with("has no `}`") {
        return Some("put the `}` behind the expression; a plain `${` is written `$${`".to_owned());
    }
    if problem.message == "the expression ends too early" {
        return Some(of_early_end(text));
    }
    let word = word_at(rest).to_lowercase();
    let advice = match rest.chars().next()? {
        '=' if rest.starts_with("=>") => "name a member, then say what of it: `.exists(i, i.code == \"A\")`",
        '=' if before.ends_with("==") => "write `==` to compare",
        '=' if before.ends_with(['<', '>', '!']) => "write it without a space, `>=`",
        '&' => "write `&&`",
        '|' => "write `||`",
        '$' => "this is an expression already: leave `${` and its `}` out",
        ';' => "leave the `;` out",
        '`' => "texts stand in double quotes",
        c if is_odd_quote(c) => "this quote is a word processor's: type `\"`",
        c if is_odd_space(c) => "this is no ordinary space but one from a word processor or a web page: type it anew",
        _ => match word.as_str() {
            "and" => "write `&&`",
            "or" => "write `||`",
            "not" => "write `!`",
            "is" => "write `==`, or `!=` for `is not`",
            "like" => "write `.contains(…)`, `.startsWith(…)` or `.matches(…)`",
            "if" | "then" | "else" => "write `condition ? this : that`",
            _ => return None,
        },
    };
    Some(advice.to_owned())
}

/// What is missing at the end: a bracket, or what an operator joins.
fn of_early_end(text: &str) -> String {
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        let count = |wanted: char| outside_quotes(text).filter(|(_, c)| *c == wanted).count();
        if count(open) > count(close) {
            return format!("a `{open}` has no `{close}`");
        }
    }
    match text.trim_end().rsplit(' ').next() {
        Some(last) if last.chars().all(|c| c.is_ascii_punctuation()) => format!("something must stand behind `{last}`"),
        _ => "something is missing at its end".to_owned(),
    }
}

fn of_variable(word: &str) -> Option<&'static str> {
    Some(match word {
        "None" | "null" | "NULL" | "Null" | "nil" | "undefined" => EMPTY,
        "True" | "TRUE" => "write `true`",
        "False" | "FALSE" => "write `false`",
        _ => return None,
    })
}

const EMPTY: &str = "nothing is null here: what a source does not tell is empty, so compare it with `\"\"`";

fn of_function(word: &str) -> Option<&'static str> {
    Some(match word {
        "len" | "length" | "count" | "strlen" => "write `.size()`",
        "includes" | "include" | "has_substring" => "write `.contains(…)` for texts, `value in list` for lists",
        "some" | "any" | "find" => "write `.exists(i, …)`, with `i` for each member in turn",
        "every" => "write `.all(i, …)`, with `i` for each member in turn",
        "toLowerCase" | "lower" | "downcase" | "lcase" | "strtolower" => "write `.lowerAscii()`",
        "toUpperCase" | "upper" | "upcase" | "ucase" | "strtoupper" => "write `.upperAscii()`",
        "strip" => "write `.trim()`",
        "str" | "toString" | "String" => "write `string(…)`",
        "parseInt" | "Number" | "toInt" => "write `int(…)`",
        "isEmpty" | "empty" | "isNull" | "isnull" => "compare with `\"\"`, `[]` or `0`: what is not told is empty",
        "concat" => "join texts with `+`",
        "float" | "double" | "parseFloat" => {
            "amounts are never binary numbers: `spojka reference functions` lists those for decimals"
        }
        _ => return None,
    })
}

fn of_types(problem: &Problem, text: &str, word: &str) -> Option<String> {
    let message = problem.message.as_str();
    if ["length", "size", "count"].contains(&word) && message.contains("has no field") {
        return Some("write `.size()`".to_owned());
    }
    if message.contains("null do not go together") || message.starts_with("null and ") {
        return Some(EMPTY.to_owned());
    }
    if message.starts_with("a condition is true or false, found a text") {
        return Some(format!("compare it: `{} != \"\"`", text.trim()));
    }
    if message.starts_with("`contains` does not take") {
        return Some("texts have `.contains(…)`; of a list say `value in list`, or `.exists(i, …)`".to_owned());
    }
    None
}

fn word_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}

/// Quotes that keyboards do not type.
pub fn is_odd_quote(c: char) -> bool {
    "“”„‟«»‚‘’‹›".contains(c)
}

/// Spaces that keyboards do not type, and characters that nobody sees.
pub fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2000}'..='\u{200d}' | '\u{202f}' | '\u{205f}' | '\u{2060}' | '\u{3000}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        expr::{Expression, Scope},
        topics::event::Entity,
    };

    fn advice(text: &str) -> String {
        let scope = Scope::new(Some(Entity::Order), &std::collections::BTreeMap::new());
        let problems = Expression::condition(text, &scope).expect_err(text);
        problems.into_iter().next().and_then(|problem| advise(problem, text).hint).expect(text)
    }

    #[test]
    fn habits_of_other_languages_are_answered_in_this_one() {
        for (text, expected) in [
            ("order.number === \"1\"", "write `==`"),
            ("order.items.some(i => i.code == \"A\")", "`.exists(i, i.code"),
            ("order.number != \"\" & true", "`&&`"),
            ("order.number != \"\" AND true", "`&&`"),
            ("order.number is \"1\"", "`==`"),
            ("${order.number != \"\"}", "leave `${`"),
            ("order.number == “1”", "word processor"),
            ("order.number\u{a0}== \"1\"", "no ordinary space"),
            ("order.items.exists(i, i.code == \"A\"", "`(` has no `)`"),
            ("order.number == \"1\" &&", "behind `&&`"),
            ("order.number != null", "nothing is null"),
            ("order.number != None", "nothing is null"),
            ("len(order.items) > 3", ".size()"),
            ("order.items.length > 3", ".size()"),
            ("order.number.includes(\"1\")", ".contains"),
            ("order.items.contains(\"1\")", "value in list"),
            ("order.number", "order.number != \"\""),
        ] {
            assert!(advice(text).contains(expected), "{text}: {}", advice(text));
        }
    }
}
