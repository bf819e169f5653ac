//! Stable codes of everything that can go wrong, with a page each. They label metrics, stand in dead letters and are what
//! `spojka explain` prints.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It passes by itself: we try again.
    Transient,
    /// It does not pass by itself, and trying the same again is pointless.
    Permanent,
    /// Whoever called us made a mistake.
    Caller,
    /// The owner's config is wrong.
    Config,
    /// We are wrong.
    Ours,
}

/// What one code means.
#[derive(Debug)]
pub struct Page {
    pub code: &'static str,
    pub class: Class,
    pub title: &'static str,
    /// What happened, and what to do.
    pub text: &'static str,
}

/// A stable code. Reads back from text; an unknown one (written by a newer Spojka) becomes `unknown`.
#[derive(Clone, Copy)]
pub struct Code(&'static Page);

impl Code {
    pub fn as_str(self) -> &'static str {
        self.0.code
    }

    pub fn page(self) -> &'static Page {
        self.0
    }

    /// Finds a code by its text.
    pub fn find(text: &str) -> Option<Self> {
        ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Code {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Ok(Self::find(&text).unwrap_or(UNKNOWN))
    }
}

macro_rules! codes {
    ($($constant:ident = $code:literal, $class:ident, $title:literal, $text:literal;)*) => {
        $(
            #[doc = $title]
            pub const $constant: Code = Code(&Page { code: $code, class: Class::$class, title: $title, text: $text });
        )*

        /// Every code there is.
        pub const ALL: &[Code] = &[$($constant),*];
    };
}

codes! {
    UNKNOWN = "unknown", Ours, "a code that this version does not know",
        "A newer Spojka wrote it. Ask that version: `spojka explain`.";

    // Refused at the door: only counted.
    UNKNOWN_CONNECTION = "unknown-connection", Caller, "no connection of this name takes webhooks",
        "The URL names a connection that the config does not have, or one whose vendor sends no webhooks. Compare it with `spojka doctor`.";
    UNKNOWN_EVENT = "unknown-event", Caller, "the URL names an event that the connection does not take",
        "The path segment behind the connection's name is no event of this vendor. `spojka connectors <vendor>` lists them.";
    METHOD_NOT_ALLOWED = "method-not-allowed", Caller, "the method is not one that this vendor uses",
        "Webhooks come by POST. Some vendors check a URL by GET or HEAD; the connector answers those it knows.";
    SIGNATURE_MISSING = "signature-missing", Caller, "the request carries no signature",
        "The vendor signs every webhook, and this one is unsigned: it did not come from the vendor, or something in between dropped the header.";
    SIGNATURE_MISMATCH = "signature-mismatch", Caller, "the signature does not fit the body",
        "The secret at the vendor differs from ours, or something in between changed the body. Compare the secrets; during a rotation configure both.";
    TOKEN_MISMATCH = "token-mismatch", Caller, "the URL's token is missing or wrong",
        "Compare the webhook URL at the vendor with the connection's token setting.";
    NO_SECRET = "no-secret", Config, "the connection has nothing to verify webhooks with",
        "Give the connection its secret, or say in its settings that it takes unverified webhooks.";
    BODY_TOO_LARGE = "body-too-large", Caller, "the body is over the limit",
        "Raise `gateway.max_body_bytes` (and the topic's `max.message.bytes`) if the vendor really sends so much.";
    MALFORMED_REQUEST = "malformed-request", Caller, "the request is not what this vendor sends",
        "The body or the query lacks what the vendor's webhooks always have.";
    TOO_SLOW = "too-slow", Caller, "the sender did not finish its request in time",
        "The connection was cut so that slow senders cannot use up the gateway.";
    OVERLOADED = "overloaded", Transient, "the gateway is at its bound",
        "More webhooks are waiting for the log than memory allows. The sender got 503 with `Retry-After`. Look at the log's health.";
    LOG_UNAVAILABLE = "log-unavailable", Transient, "the log did not take the record",
        "The sender got 503 with `Retry-After`. Look at the brokers, or at the disk.";

    // Webhooks that cannot go on.
    UNVERIFIED = "unverified", Permanent, "what was fetched does not prove the webhook",
        "The vendor's proof does not fit the fetched document. Somebody else may have called the URL, or the document changed in between; `spojka dead retry` fetches again.";
    UNPARSEABLE = "unparseable", Permanent, "the bytes are not what this vendor sends",
        "The vendor may have changed its format. The original bytes are kept: `spojka dead show`, and `retry` after an update.";
    UNREADABLE_RECORD = "unreadable-record", Ours, "a record of a topic cannot be read",
        "A newer Spojka or another program wrote it. The bytes are kept in the dead letter.";
    NO_SUCH_CONNECTION = "no-such-connection", Config, "the record's connection is no longer configured",
        "Bring the connection back, then `spojka dead retry`.";

    // Why a webhook gave no fact.
    PING = "ping", Caller, "the vendor tried out the URL", "Nothing to do.";
    UNWANTED_TOPIC = "unwanted-topic", Caller, "the webhook is about something that we do not normalize", "Nothing to do; unsubscribe at the vendor if there are many.";
    NOTHING_NEW = "nothing-new", Caller, "the webhook proves no fact", "Nothing to do.";
    SOURCE_ERROR = "source-error", Caller, "the vendor sent an error in the place of the object",
        "When the vendor built the webhook, the object was gone or could not be read. A poll reads back what still exists; if it happens all the time, look at the rights of whoever made the webhook.";

    // Events and flows.
    EVALUATION_FAILED = "evaluation-failed", Permanent, "a flow's expression failed",
        "The dead letter names the flow, the step and the field. Mend the flow, then `spojka dead retry`.";
    BAD_PARAMETER = "bad-parameter", Permanent, "a step's parameter has a value that the operation does not take",
        "The dead letter names the parameter. Mend the flow or the source's data, then `spojka dead retry`.";
    FLOW_SET_MISSING = "flow-set-missing", Permanent, "the flow set that began this flow is gone from the log",
        "The step is done, but the flow cannot go on. `spojka replay` the event to start it afresh.";

    // Actions.
    REFUSED = "refused", Permanent, "the vendor refused it",
        "The dead letter holds the vendor's answer in short. Mend what it complains about, then `spojka dead retry`.";
    EXHAUSTED = "exhausted", Permanent, "it was tried as often as the schedule says",
        "The target was failing for too long. When it works again: `spojka dead retry`.";
    IN_DOUBT = "in-doubt", Permanent, "nobody knows whether the vendor did it",
        "The answer was lost and the operation cannot be repeated safely. Look at the vendor, then `spojka dead retry` or `discard`.";
    UNAUTHORIZED = "unauthorized", Config, "the vendor rejects our credentials",
        "The lane stands still: we never probe with a password. Mend the secret and restart, then `spojka doctor`.";
    NOT_THERE = "not-there", Transient, "the object is not there yet",
        "It waits for the object to appear, up to the age limit. Usually another flow or the vendor creates it.";
    NOT_CONNECTED = "not-connected", Transient, "no connection to the vendor", "Nothing was sent. It is tried again.";
    TIMED_OUT = "timed-out", Transient, "the vendor did not answer in time", "The vendor may have acted. It is repeated as the operation allows.";
    CONNECTION_BROKEN = "connection-broken", Transient, "the connection broke before the answer", "The vendor may have acted. It is repeated as the operation allows.";
    ANSWER_TOO_LARGE = "answer-too-large", Permanent, "the answer is larger than we read", "Ask the vendor for less, or raise the limit.";
    RATE_LIMITED = "rate-limited", Transient, "the vendor asks us to slow down", "We wait as long as it says.";
    VENDOR_ERROR = "vendor-error", Transient, "the vendor had an error of its own", "It is tried again by the schedule.";
    UNEXPECTED_ANSWER = "unexpected-answer", Transient, "the answer is not what this vendor documents", "It is tried again by the schedule; the answer in short is in the dead letter.";
    UNKNOWN_OPERATION = "unknown-operation", Config, "the connection has no such operation", "The flow was checked against another version. Mend it, then `spojka dead retry`.";
    BLOCKED_ADDRESS = "blocked-address", Config, "the address may not be called", "Private and loopback addresses are refused unless the connection says `allow_private_addresses: true`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        for (index, code) in ALL.iter().enumerate() {
            assert_eq!(ALL.iter().position(|other| other == code), Some(index), "{code} stands twice");
            let text = serde_json::to_string(code).expect("text");
            assert_eq!(serde_json::from_str::<Code>(&text).expect("code"), *code);
        }
    }
}
