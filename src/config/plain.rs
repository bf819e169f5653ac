//! Secrets in plain text where no secret belongs: in a flow, in a vendor's other settings. (Settings that are secrets are
//! looked after by `secrets`.)

use std::sync::LazyLock;

use super::{
    report::Problems,
    source::Place,
    tree::{Entry, Node, Value},
};
use crate::model::code;

/// Complains about every text that is a secret by its form.
pub(super) fn check(entries: &[Entry], problems: &mut Problems) {
    for entry in entries {
        look_at(&entry.key.text, &entry.key.place, problems);
        check_node(&entry.value, problems);
    }
}

fn check_node(node: &Node, problems: &mut Problems) {
    match &node.value {
        Value::Null => {}
        Value::Scalar(scalar) => look_at(&scalar.text, &node.place, problems),
        Value::List(items) => items.iter().for_each(|item| check_node(item, problems)),
        Value::Map(entries) => check(entries, problems),
    }
}

fn look_at(text: &str, place: &Place, problems: &mut Problems) {
    if is_token(text) && !problems.is_covered(place) {
        problems.cover(place);
        problems
            .add(place, code::PLAIN_SECRET, "this is a secret in plain text")
            .hint("take it out of the config, and replace it at its service: whoever saw the file knows it");
    }
}

/// What begins the tokens that well-known services give out, and how long such a token is at least.
const TOKENS: &[(&str, usize)] = &[
    ("AKIA", 20),
    ("AIza", 39),
    ("ghp_", 40),
    ("github_pat_", 40),
    ("glpat-", 26),
    ("xoxb-", 24),
    ("xoxp-", 24),
    ("sk_live_", 24),
    ("rk_live_", 24),
    ("SG.", 60),
    ("cs_", 43),
];

/// Whether a text is surely a secret: by the form that a service gives its tokens, as a private key, or as a URL with a
/// password. Anything less sure would be a false alarm sooner or later.
fn is_token(text: &str) -> bool {
    let text = text.trim();
    let whole = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let bare = text.strip_prefix("Bearer ").unwrap_or(text);
    let known = TOKENS.iter().any(|(start, least)| bare.starts_with(start) && bare.len() >= *least && whole(bare));
    let signed = bare.starts_with("eyJ") && bare.matches('.').count() == 2 && bare.len() > 60 && whole(bare);
    known || signed || text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY") || has_password(text)
}

fn has_password(text: &str) -> bool {
    static NONE: LazyLock<url::Url> = LazyLock::new(|| "none:".parse().expect("a URL"));
    let url = if text.contains("://") { url::Url::parse(text).ok() } else { None };
    url.as_ref().unwrap_or(&NONE).password().is_some_and(|password| !password.contains("${"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_by_their_form_only() {
        for secret in [
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "Bearer xoxb-0123456789-abcdefghijkl",
            "cs_0123456789abcdef0123456789abcdef01234567",
            "-----BEGIN RSA PRIVATE KEY-----",
            "https://shop:hunter2@api.example.cz/",
        ] {
            assert!(is_token(secret), "{secret}");
        }
        for plain in [
            "cs_CZ",
            "eyJ",
            "AKIA",
            "ck_0123456789abcdef0123456789abcdef01234567",
            "https://api.example.cz/?a=b",
            "https://eva@example.cz/",
            "Order ${order.number}, see https://x:${order.id}@example.cz",
        ] {
            assert!(!is_token(plain), "{plain}");
        }
    }
}
