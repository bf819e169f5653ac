//! Hashes of content, by a numbered recipe. A recipe never changes; a new one gets the next number.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The hash of what a fact or a register holds. Two equal ones mean: nothing changed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ContentHash(String);

impl ContentHash {
    /// Recipe 1: the SHA-256 of the value in canonical JSON (keys sorted, no spaces, numbers as the source wrote them,
    /// members that are null, `""`, `[]` or `{}` left out of objects), cut to 128 bits, in hex, behind `1:`.
    ///
    /// Leaving the empty members out means that a field which we add later, and which is not filled, changes no hash.
    pub fn of(value: &Value) -> Self {
        let mut text = String::new();
        canonical(value, &mut text);
        Self::from_bytes(text.as_bytes())
    }

    /// Recipe 1 over bytes that are no JSON.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(format!("1:{}", short_hex(&Sha256::digest(bytes))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first 128 bits of a digest in lower-case hex.
pub fn short_hex(digest: &[u8]) -> String {
    hex(digest.get(..16).unwrap_or(digest))
}

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    push_hex(&mut text, bytes);
    text
}

/// Adds bytes in lower-case hex. Every webhook has five such texts, for which formatting byte by byte is too slow.
pub fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().filter(|(_, member)| !is_empty(member)).collect();
            names.sort_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (index, (name, member)) in names.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(member, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn recipe_1_is_fixed() {
        assert_eq!(ContentHash::of(&json!({"b": 1, "a": "x"})).as_str(), "1:cdab067e9f3beb32d1252cfd63e49259");
    }

    #[test]
    fn order_of_keys_and_empty_members_change_nothing() {
        let one = ContentHash::of(&json!({"a": 1, "b": {"c": [1, null]}}));
        let two = ContentHash::of(&json!({"b": {"c": [1, null], "d": ""}, "e": [], "f": {}, "g": null, "a": 1}));
        assert_eq!(one, two);
    }

    #[test]
    fn content_changes_everything() {
        assert_ne!(ContentHash::of(&json!({"a": 1})), ContentHash::of(&json!({"a": "1"})));
        assert_ne!(ContentHash::of(&json!([1, 2])), ContentHash::of(&json!([2, 1])));
        assert_ne!(ContentHash::of(&json!({"a": false})), ContentHash::of(&json!({})));
    }
}
