//! Which part of a condition said no.

use std::collections::BTreeMap;

use crate::{
    expr::{Expression, Facts, Scope},
    topics::event::Entity,
};

/// The first of a condition's parts between `&&` that does not hold by itself; else the whole condition. On one line.
pub(super) fn first_that_fails(condition: &str, entity: Entity, facts: &Facts) -> String {
    let scope = Scope::new(Some(entity), &BTreeMap::new());
    let fails = |clause: &&str| {
        let clause = Expression::condition(clause, &scope);
        clause.is_ok_and(|clause| matches!(clause.holds(facts), Ok(false)))
    };
    let clauses = split(condition);
    let found = clauses.iter().copied().find(fails).unwrap_or(condition);
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Splits at each `&&` outside of brackets and quotes. A condition that has `||` or `?` out there too stays whole: there the
/// parts alone decide nothing.
fn split(condition: &str) -> Vec<&str> {
    let (mut clauses, mut begin, mut depth, mut quote, mut before) = (Vec::new(), 0, 0_u32, None, ' ');
    for (at, c) in condition.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open && before != '\\' => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '|' | '?') if depth == 0 => return vec![condition],
            (None, '&') if depth == 0 && before == '&' => {
                clauses.extend(condition.get(begin..at - 1));
                begin = at + 1;
            }
            _ => {}
        }
        before = if before == '\\' { ' ' } else { c };
    }
    clauses.extend(condition.get(begin..));
    clauses
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_an_and_outside_of_brackets_and_quotes_splits() {
        assert_eq!(split("a && b"), ["a ", " b"]);
        assert_eq!(split("a.exists(i, i.x && i.y) && b == \"&&\" && '\\'&&' == c").len(), 3);
        assert_eq!(split("a && b || c"), ["a && b || c"]);
        assert_eq!(split("(a || b) && c"), ["(a || b) ", " c"]);
    }

    proptest! {
        #[test]
        fn any_text_is_split(text in "[a&|?()'\"\\\\é ]{0,30}") {
            let clauses = split(&text);
            prop_assert_eq!(clauses.join("&&"), text);
        }
    }
}
