//! A report for the process log and the admin port: its excerpts are lines of config files, in which somebody may have
//! written a secret where a reference belongs, beside another mistake that keeps it from being told.

use crate::{
    config::Report,
    connectors::{VENDORS, contract::SettingKind},
};

/// Keys of the config itself whose values are secret.
const OURS: [&str; 3] = ["hash_key", "password", "api_key"];
const COVER: &str = "***";

/// The report's text, with what stands behind the key of a secret covered, unless it is a reference.
pub(super) fn without_secrets(report: &Report) -> String {
    let mut report = report.clone();
    for problem in &mut report.problems {
        problem.excerpt = problem.excerpt.as_deref().map(cover);
    }
    report.to_string()
}

fn secret_names() -> impl Iterator<Item = &'static str> {
    let settings = VENDORS.iter().flat_map(|vendor| vendor.settings);
    let secret = settings.filter(|setting| matches!(setting.kind, SettingKind::Secret | SettingKind::Secrets));
    secret.map(|setting| setting.name).chain(OURS)
}

fn cover(line: &str) -> String {
    secret_names().fold(line.to_owned(), |line, name| cover_one(&line, name))
}

/// Covers the rest of a line from the first value of a key on that is no reference: where a secret ends, only its owner knows.
fn cover_one(line: &str, name: &str) -> String {
    let mut begin = 0;
    while let Some(value) = line.get(begin..).and_then(|rest| behind_key(rest, name)).map(|at| begin + at) {
        let shown = line.get(value..).unwrap_or_default().trim_start_matches(['[', '"', '\'', ' ']);
        if !(shown.is_empty() || shown.starts_with("env:") || shown.starts_with("file:")) {
            return format!("{} {COVER}", line.get(..value).unwrap_or_default());
        }
        begin = value;
    }
    line.to_owned()
}

/// Where the value of `name:` begins.
fn behind_key(line: &str, name: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).find_map(|(at, _)| {
        let begins = line.get(..at).is_some_and(|before| !before.ends_with(is_word));
        let behind = line.get(at + name.len()..)?.trim_start_matches(['"', '\'', ' ']);
        (begins && behind.starts_with(':')).then(|| line.len() - behind.len() + 1)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_of_secrets_are_covered_and_references_are_not() {
        for (line, expected) in [
            ("  crm: { anabyx: { user: shop, token: hunter2 } }", "  crm: { anabyx: { user: shop, token: ***"),
            ("  token: \"hun ter2\"", "  token: ***"),
            ("  \"token\" : hun#ter2", "  \"token\" : ***"),
            ("  token: env:TOKEN", "  token: env:TOKEN"),
            ("  secret: [hunter2, hunter3]", "  secret: ***"),
            ("  secret: [env:A, env:B]", "  secret: [env:A, env:B]"),
            ("  token: env:A, token: b", "  token: env:A, token: ***"),
            ("  list: Buyers", "  list: Buyers"),
        ] {
            assert_eq!(cover(line), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_shows_behind_the_key_of_a_secret(before in "[a-z{,\"' é]{0,9}", secret in "[A-Z][A-Z#,}]{0,8}") {
            let line = format!("{before} token: {secret}");
            prop_assert!(!cover(&line).contains(&secret), "{}", cover(&line));
        }
    }
}
