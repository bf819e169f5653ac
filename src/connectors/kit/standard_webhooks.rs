//! Standard Webhooks 1.0.0 (<https://www.standardwebhooks.com/>, read in November 2026): signing and verifying with shared
//! secrets, which is its scheme `v1`.
//!
//! What is signed is the id's and the time's header text and the body's bytes, as they were received: to print a parsed value
//! again would be to verify something else. The asymmetric scheme `v1a` is not built; its entries are skipped like any that
//! nobody knows.

use std::{fmt, time::Duration};

use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
    },
};

use super::hmac;
use crate::model::{
    http::Headers,
    secret::{Secret, same_bytes},
    time::Timestamp,
};

/// What the three headers' names begin with.
pub const PREFIX: &str = "webhook-";

/// How far a webhook's time may be from ours, as the reference libraries have it.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// So many signatures of one request are read. The convention sets no limit; two are usual during a rotation.
const MOST_ENTRIES: usize = 16;

/// Secrets are handed around with padding and without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A shared secret, ready to sign with. Never printed.
#[derive(Clone)]
pub struct Key(Vec<u8>);

/// Why a secret is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    #[error("the secret is empty")]
    Empty,
    #[error("the secret is not base64")]
    NotBase64,
}

impl Key {
    /// Reads `whsec_` with base64 behind it; the prefix and the padding may be missing.
    ///
    /// # Errors
    /// [`NoKey`], for a text that is none.
    pub fn read(secret: &Secret) -> Result<Self, NoKey> {
        let text = secret.expose().trim();
        let bytes = LENIENT.decode(text.strip_prefix("whsec_").unwrap_or(text)).map_err(|_| NoKey::NotBase64)?;
        if bytes.is_empty() { Err(NoKey::Empty) } else { Ok(Self(bytes)) }
    }

    fn digest(&self, id: &str, time: &str, body: &[u8]) -> [u8; 32] {
        hmac::sha256(&self.0, &[id.as_bytes(), b".", time.as_bytes(), b".", body].concat())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The three headers of a request that is sent now. Signed with each key: whoever receives it may know only one of them.
pub fn sign(keys: &[Key], prefix: &str, id: &str, now: Timestamp, body: &[u8]) -> Headers {
    let time = now.as_second().to_string();
    let entries: Vec<_> =
        keys.iter().map(|key| format!("v1,{}", STANDARD.encode(key.digest(id, &time, body)))).collect();
    Headers::new()
        .with(&format!("{prefix}id"), id)
        .with(&format!("{prefix}timestamp"), time)
        .with(&format!("{prefix}signature"), entries.join(" "))
}

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// One of the three headers is not there.
    Missing,
    /// The id is empty, or the time is no number.
    Malformed,
    /// The time is too far from ours.
    TooFar,
    /// No signature fits, or a header stands twice and nobody knows which one counts.
    Mismatch,
}

/// Verifies what one sender signs.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<Key>,
    id: String,
    time: String,
    signature: String,
    tolerance: Duration,
}

impl Verifier {
    /// `prefix` is what the headers' names begin with.
    pub fn new(keys: Vec<Key>, prefix: &str, tolerance: Duration) -> Self {
        let name = |rest| format!("{prefix}{rest}");
        Self { keys, id: name("id"), time: name("timestamp"), signature: name("signature"), tolerance }
    }

    /// The id of a request that its sender signed.
    ///
    /// # Errors
    /// [`Doubt`], in the order in which things are looked at.
    pub fn verify<'a>(&'a self, headers: &'a Headers, body: &[u8], now: Timestamp) -> Result<&'a str, Doubt> {
        let (id, time, signature) =
            (only(headers, &self.id)?, only(headers, &self.time)?, only(headers, &self.signature)?);
        let seconds = seconds(time).filter(|_| !id.is_empty()).ok_or(Doubt::Malformed)?;
        if seconds.abs_diff(now.as_second()) > self.tolerance.as_secs() {
            return Err(Doubt::TooFar);
        }
        if self.signed(id, time, body, signature) { Ok(id) } else { Err(Doubt::Mismatch) }
    }

    /// All keys and entries are tried, so that the time does not tell which ones fit.
    fn signed(&self, id: &str, time: &str, body: &[u8], list: &str) -> bool {
        let digests: Vec<_> = self.keys.iter().map(|key| key.digest(id, time, body)).collect();
        let entries = list.split(' ').filter(|entry| !entry.is_empty()).take(MOST_ENTRIES);
        let presented =
            entries.filter_map(|entry| entry.strip_prefix("v1,")).filter_map(|text| STANDARD.decode(text).ok());
        presented.fold(false, |fits, presented| {
            digests.iter().fold(fits, |fits, digest| fits | same_bytes(digest, &presented))
        })
    }
}

/// The value of a header that stands there once.
///
/// # Errors
/// [`Doubt::Missing`], or [`Doubt::Mismatch`] where there are several.
pub fn only<'a>(headers: &'a Headers, name: &'a str) -> Result<&'a str, Doubt> {
    let mut all = headers.all(name);
    let first = all.next().ok_or(Doubt::Missing)?;
    if all.next().is_some() { Err(Doubt::Mismatch) } else { Ok(first) }
}

/// Digits and nothing else: a sign or a space would be read as one number and signed as another.
fn seconds(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
