//! Values that must never be printed.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

/// A secret text. Prints as `[secret]`; compares in constant time.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The secret itself, for signing or sending and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Compares with what somebody presented, in time that does not tell where they differ (their lengths may show).
    /// An empty secret matches nothing: what has no secret must not be open by accident.
    pub fn matches(&self, presented: &str) -> bool {
        let own = self.expose().as_bytes();
        !own.is_empty() && bool::from(own.ct_eq(presented.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Compares two digests in constant time.
pub fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    bool::from(left.ct_eq(right))
}

/// A URL as people may see it: no user, no password, no query; the last path segment kept only when `show_path`.
pub fn redacted_url(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or("");
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    let query = if url.query().is_some() { "?[redacted]" } else { "" };
    format!("{}://{host}{port}{}{query}", url.scheme(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print_and_empty_ones_match_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[secret]");
        assert!(Secret::new("a").matches("a"));
        assert!(!Secret::new("a").matches("b"));
        assert!(!Secret::new("").matches(""));
    }

    #[test]
    fn urls_lose_what_may_be_secret() {
        let url = url::Url::parse("https://user:pass@example.cz:8443/a/b?token=x#f").expect("url");
        assert_eq!(redacted_url(&url), "https://example.cz:8443/a/b?[redacted]");
    }
}
