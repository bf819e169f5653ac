//! The name that an owner gave to one account at a vendor.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A connection's name: 1 to 48 of `a-z`, `0-9` and `-`, beginning with a letter. It becomes part of topic names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionName(std::sync::Arc<str>);

/// Why a text is no connection name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a connection name is 1 to 48 of `a-z`, `0-9` and `-`, beginning with a letter")]
pub struct BadName;

impl ConnectionName {
    /// The longest name.
    pub const LONGEST: usize = 48;

    /// Reads a name.
    ///
    /// # Errors
    /// [`BadName`] when the text breaks the rule above.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        let all_allowed = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if begins_well && all_allowed && text.len() <= Self::LONGEST { Ok(Self(text.into())) } else { Err(BadName) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ConnectionName {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        Self::parse(&text)
    }
}

impl From<ConnectionName> for String {
    fn from(name: ConnectionName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl std::borrow::Borrow<str> for ConnectionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_topics_allow() {
        assert!(ConnectionName::parse("shop-cz2").is_ok());
        for bad in ["", "2shop", "Shop", "shop_cz", "shop.cz", "-a", &"a".repeat(49)] {
            assert_eq!(ConnectionName::parse(bad), Err(BadName), "{bad}");
        }
    }
}
