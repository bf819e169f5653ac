//! How large an expression may be. Parser, checker and interpreter recurse, so what nests too deep must not reach them.

use super::problem::Problem;
use crate::model::code;

/// The longest text, in bytes.
const LONGEST: usize = 4096;
/// How deep brackets may nest.
const DEEPEST: usize = 20;
/// The most operators and points: each can be one level of the tree.
const MOST_JOINTS: usize = 200;

/// Refuses what is too large.
pub(super) fn check(text: &str) -> Result<(), Vec<Problem>> {
    if text.len() > LONGEST {
        return Err(too_complex(0, format!("an expression has at most {LONGEST} bytes")));
    }
    let (mut depth, mut joints) = (0_usize, 0_usize);
    for (offset, c) in outside_quotes(text) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '.' | '+' | '-' | '*' | '/' | '%' | '?' | '!' | '<' | '>' | '=' | '&' | '|' => joints += 1,
            _ => {}
        }
        if depth > DEEPEST {
            return Err(too_complex(offset, format!("brackets nest at most {DEEPEST} deep")));
        }
        if joints > MOST_JOINTS {
            return Err(too_complex(offset, format!("an expression has at most {MOST_JOINTS} operators and points")));
        }
    }
    Ok(())
}

fn too_complex(offset: usize, message: String) -> Vec<Problem> {
    vec![Problem::new(code::TOO_COMPLEX, offset, 1, message)]
}

/// The characters of an expression that stand in no text literal.
pub(super) fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut escaped = false;
    text.char_indices().filter(move |(_, c)| match (quote, *c) {
        _ if escaped => {
            escaped = false;
            false
        }
        (Some(_), '\\') => {
            escaped = true;
            false
        }
        (Some(open), c) => {
            if open == c {
                quote = None;
            }
            false
        }
        (None, '"' | '\'') => {
            quote = Some(*c);
            false
        }
        (None, _) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded() {
        assert!(check(&"(".repeat(20)).is_ok());
        for large in ["(".repeat(21), "a.".repeat(300), format!("\"{}\"", "a".repeat(5000))] {
            assert!(check(&large).is_err());
        }
    }

    #[test]
    fn texts_do_not_count() {
        assert!(check(&format!("'{}'", "((([[[...\\'".repeat(100))).is_ok());
    }
}
