//! Texts that are written as if they were something else: an expression without its `${…}`, quotes that are none in YAML, days
//! and numbers as people write them at home.

use super::super::{report::Problems, source::Place, tree::Scalar};
use crate::{
    connectors::contract::FieldKind,
    expr::{habits::is_odd_quote, suggest},
    model::code,
    topics::event::Entity,
};

/// Warns of what is taken as it stands, and is probably not meant so.
pub(super) fn check(scalar: &Scalar, place: &Place, problems: &mut Problems) {
    let text = scalar.text.trim();
    if let Some(path) = forgotten(text) {
        problems
            .warn(place, code::PLAIN_EXPRESSION, format!("`{path}` is taken as it stands: it is no expression"))
            .hint(format!("write `${{{path}}}` for its value"));
    }
    let quoted = text.chars().next().is_some_and(is_odd_quote) && text.chars().last().is_some_and(is_odd_quote);
    if quoted && text.chars().count() > 1 {
        problems
            .warn(place, code::ODD_QUOTES, "these quotes are part of the text: only `\"` and `'` are quotes in YAML")
            .hint("type the quotes anew, or leave them out");
    }
}

/// A field that is named without `${…}`: alone, or in braces as elsewhere.
fn forgotten(text: &str) -> Option<&str> {
    if is_path(text) {
        return Some(text);
    }
    let braces = text.match_indices('{').filter(|(at, _)| !text.get(..*at).unwrap_or("").ends_with('$'));
    braces
        .filter_map(|(at, brace)| text.get(at + brace.len()..)?.split('}').next())
        .map(|inside| inside.trim_matches([' ', '{']))
        .find(|inside| is_path(inside))
}

/// `order.customer.email`.
fn is_path(text: &str) -> bool {
    let mut parts = text.split('.');
    let first = parts.next().unwrap_or("");
    let known = ["event", "steps"].contains(&first) || Entity::ALL.iter().any(|entity| entity.as_str() == first);
    let is_field = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let fields: Vec<&str> = parts.collect();
    known && !fields.is_empty() && fields.into_iter().all(is_field)
}

/// What to write instead of a constant that a parameter does not take.
pub(super) fn advice(kind: FieldKind, constant: &str) -> Option<String> {
    if let Some(path) = forgotten(constant) {
        return Some(format!("write `${{{path}}}`"));
    }
    Some(match kind {
        FieldKind::Choice(choices) => {
            let near = suggest::nearest(constant, choices.iter().copied())?;
            format!("did you mean `{near}`?")
        }
        FieldKind::Boolean => "write `true` or `false`".to_owned(),
        FieldKind::Date => "write year, month, day: `2025-10-09`".to_owned(),
        FieldKind::Decimal => "write it with a point and without a unit: `1250.50`".to_owned(),
        FieldKind::Map => "write `{ name: value }`, or one name a line under it".to_owned(),
        FieldKind::Email => {
            "write an address such as `eva@example.cz`, or a field: `${order.customer.email}`".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_without_their_dollar_are_found() {
        for (text, path) in [
            ("order.customer.email", "order.customer.email"),
            ("Order {order.number}", "order.number"),
            ("{{ order.number }} paid", "order.number"),
        ] {
            assert_eq!(forgotten(text), Some(path), "{text}");
        }
        for text in ["${order.number}", "in order. thanks", "order", "order.cz 7", "{order}", "{name}", "Order.number"]
        {
            assert_eq!(forgotten(text), None, "{text}");
        }
    }
}
