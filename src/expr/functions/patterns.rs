//! Regular expressions: constants, compiled once, of bounded size. Matching takes at most their size times the text's length.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use regex::{Regex, RegexBuilder};

use super::given::{Outcome, TOO_LARGE};

/// The largest compiled expression, in bytes. `\w` with all letters of all languages fits a few times.
const LARGEST: usize = 128 << 10;
/// The longest text that is searched.
pub(in crate::expr) const LONGEST_SEARCHED: usize = 8 << 10;
/// How many compiled expressions are kept at most; those of configs are far fewer.
const MOST_KEPT: usize = 10_000;

/// Why an expression cannot be used, and what to do.
#[derive(Debug)]
pub(super) struct Unfit {
    pub why: &'static str,
    pub hint: &'static str,
}

static COMPILED: LazyLock<RwLock<BTreeMap<String, Regex>>> = LazyLock::new(RwLock::default);

/// Compiles an expression; an error says why it cannot be used.
pub(super) fn compile(pattern: &str) -> Result<Regex, Unfit> {
    let built = RegexBuilder::new(pattern).size_limit(LARGEST).dfa_size_limit(LARGEST).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => Unfit {
            why: "the regular expression is too large",
            hint: "`[0-9]` and `[a-z]` are much smaller than `\\d` and `\\w`, and so are fewer repetitions",
        },
        _ => Unfit {
            why: "this is no regular expression",
            hint: "`(`, `[` and `{` need their ends; to look for such a sign itself write it in brackets: `[(]`",
        },
    })
}

/// Whether an expression is found in a text.
pub(super) fn matches(text: &str, pattern: &str) -> Outcome<bool> {
    if text.len() > LONGEST_SEARCHED {
        return Err(TOO_LARGE);
    }
    if let Some(compiled) = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(pattern) {
        return Ok(compiled.is_match(text));
    }
    let compiled = compile(pattern).map_err(|unfit| unfit.why)?;
    let found = compiled.is_match(text);
    let mut kept = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < MOST_KEPT {
        kept.insert(pattern.to_owned(), compiled);
    }
    Ok(found)
}

/// How much larger than a plain text an expression is: its size in steps of a kibibyte, at least 1.
pub(in crate::expr) fn weight(pattern: &str) -> u64 {
    let fits = |kib: &u64| {
        let limit = usize::try_from(kib << 10).unwrap_or(LARGEST);
        RegexBuilder::new(pattern).size_limit(limit).build().is_ok()
    };
    [1, 2, 4, 8, 16, 32, 64].into_iter().find(fits).unwrap_or(128)
}
