//! HMAC signatures over raw bytes, compared in constant time.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::model::{
    hash::hex,
    secret::{Secret, same_bytes},
};

/// HMAC-SHA256 of `bytes`.
pub fn sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA256 in standard base64.
pub fn sha256_base64(key: &[u8], bytes: &[u8]) -> String {
    STANDARD.encode(sha256(key, bytes))
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// In either case.
    Hex,
    /// Standard, with padding.
    Base64,
}

impl Encoding {
    pub fn write(self, digest: &[u8]) -> String {
        match self {
            Self::Hex => hex(digest),
            Self::Base64 => STANDARD.encode(digest),
        }
    }

    fn read(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => read_hex(text),
            Self::Base64 => STANDARD.decode(text).ok(),
        }
    }
}

fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Whether `signature` (standard base64 with padding, exactly) is the HMAC-SHA256 of `bytes` under any of the secrets.
pub fn verify_sha256_base64(secrets: &[Secret], bytes: &[u8], signature: &str) -> bool {
    verify_sha256(secrets, bytes, signature, Encoding::Base64)
}

/// Whether `signature` is the HMAC-SHA256 of `bytes` under any of the secrets. All secrets are tried, so that the time does
/// not tell which one fits. Empty secrets fit nothing.
pub fn verify_sha256(secrets: &[Secret], bytes: &[u8], signature: &str, encoding: Encoding) -> bool {
    let Some(presented) = encoding.read(signature) else { return false };
    secrets
        .iter()
        .filter(|secret| !secret.expose().is_empty())
        .fold(false, |fits, secret| fits | same_bytes(&sha256(secret.expose().as_bytes(), bytes), &presented))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":4711,"number":"4711","status":"processing","currency":"HUF","total":"12700.00"}"#;
    const SIGNATURE: &str = "N4e/6t8/jI9oXlYskSPIKIbLsWXWMJNhDQnlQbWNXTA=";

    #[test]
    fn a_published_vector_verifies_under_any_of_several_secrets() {
        let secrets = [Secret::new("old"), Secret::new("wc-demo-secret-77")];
        assert!(verify_sha256_base64(&secrets, BODY, SIGNATURE));
    }

    #[test]
    fn everything_else_does_not() {
        let secret = [Secret::new("wc-demo-secret-77")];
        assert!(!verify_sha256_base64(&secret, b"{}", SIGNATURE));
        assert!(!verify_sha256_base64(&[Secret::new("other")], BODY, SIGNATURE));
        assert!(!verify_sha256_base64(&[], BODY, SIGNATURE));
        assert!(!verify_sha256_base64(&[Secret::new("")], BODY, &sha256_base64(b"", BODY)));
        assert!(!verify_sha256_base64(&secret, BODY, "not base64"));
        assert!(!verify_sha256_base64(&secret, BODY, ""));
    }

    #[test]
    fn hex_is_read_in_either_case_and_nothing_else_is_hex() {
        let secret = [Secret::new("wc-demo-secret-77")];
        let fits = |signature: &str| verify_sha256(&secret, BODY, signature, Encoding::Hex);
        let right = Encoding::Hex.write(&sha256(b"wc-demo-secret-77", BODY));
        assert!(fits(&right) && fits(&right.to_uppercase()));
        assert_eq!(Encoding::Base64.write(&sha256(b"wc-demo-secret-77", BODY)), SIGNATURE);
        let without_first = right.get(1..).expect("a digit and more");
        let (longer, signed) = (format!("{right}00"), format!("+{without_first}"));
        for wrong in ["", "0", "zz", without_first, longer.as_str(), signed.as_str(), SIGNATURE] {
            assert!(!fits(wrong), "{wrong}");
        }
    }
}
