//! A conflict key as a lane keeps it by the hundred thousand: the digest's bytes instead of its digits.

use crate::model::id::KeyHash;

const DIGEST_BYTES: usize = 16;
const PREFIX: &str = "k-";

/// A conflict key, small.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompactKey {
    Digest([u8; DIGEST_BYTES]),
    /// One that was not built by our recipe.
    Text(Box<str>),
}

impl CompactKey {
    pub fn of(key: &KeyHash) -> Self {
        digest_of(key.as_str()).map_or_else(|| Self::Text(key.as_str().into()), Self::Digest)
    }

    pub fn to_key(&self) -> KeyHash {
        match self {
            Self::Digest(bytes) => KeyHash::from_text(format!("{PREFIX}{}", crate::model::hash::hex(bytes))),
            Self::Text(text) => KeyHash::from_text(text.as_ref()),
        }
    }
}

/// Only what comes back the same: lower case, the full length.
fn digest_of(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    let digits = text.strip_prefix(PREFIX)?.as_bytes();
    let mut bytes = [0; DIGEST_BYTES];
    if digits.len() != 2 * DIGEST_BYTES {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{connection::ConnectionName, id::Ids};

    #[test]
    fn a_key_of_ours_is_small() {
        let key = Ids::new(b"key").conflict(&ConnectionName::parse("shop").expect("a name"), "eva@example.com");
        assert!(matches!(CompactKey::of(&key), CompactKey::Digest(_)));
        assert_eq!(CompactKey::of(&key).to_key(), key);
    }

    proptest! {
        #[test]
        fn every_key_comes_back_as_it_was(text in "k-[0-9a-fA-F]{30,34}|\\PC{0,40}") {
            let key = KeyHash::from_text(text);
            prop_assert_eq!(CompactKey::of(&key).to_key(), key);
        }
    }
}
