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

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Caller => "caller",
            Self::Config => "config",
            Self::Ours => "ours",
        }
    }
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
    TIME_MISMATCH = "time-mismatch", Caller, "the webhook's time is too far from ours",
        "Somebody sent an old request again, or one of the two clocks is wrong: the sender's, or this machine's. The connection's `tolerance` says how far apart they may be.";
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
    SPOOL_FULL = "spool-full", Transient, "the log is away and the spool is at its bound",
        "The sender got 503 with `Retry-After`. Webhooks are taken again when the spool has been drained into the log; raise `gateway.spool.max_bytes` if outages last longer than it holds.";

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
    IMPORTED = "imported", Caller, "the row was read by an import, which decides what becomes of it",
        "Nothing to do: `spojka import` shows what its rows would do, and adopts or fires them.";
    SOURCE_ERROR = "source-error", Caller, "the vendor sent an error in the place of the object",
        "When the vendor built the webhook, the object was gone or could not be read. A poll reads back what still exists; if it happens all the time, look at the rights of whoever made the webhook.";

    // Events and flows.
    EVALUATION_FAILED = "evaluation-failed", Permanent, "a flow's expression failed",
        "The dead letter names the flow, the step and the field. Mend the flow and put it in force: `spojka dead retry` then judges by its present words what failed by the old ones.";
    EVALUATION_TOO_LARGE = "evaluation-too-large", Permanent, "the event holds more than a flow's expression may look at",
        "A list or a text is longer than expressions may use, so that no event ever stalls the router. The dead letter names the flow, the step and the field. Let the flow use other fields and put it in force: `spojka dead retry` then judges by its present words what failed by the old ones.";
    BAD_PARAMETER = "bad-parameter", Permanent, "a step's parameter has a value that the operation does not take",
        "The dead letter names the parameter. Mend the flow and put it in force: `spojka dead retry` then judges by its present words what failed by the old ones. Where the source's data is wrong, mend it there: what the source then tells is a new event.";
    FLOW_SET_MISSING = "flow-set-missing", Permanent, "the flow set that began this flow is gone from the log",
        "The step is done, but the flow cannot go on. `spojka replay` the event to start it afresh.";

    // Actions.
    REFUSED = "refused", Permanent, "the vendor refused it",
        "The dead letter holds the vendor's answer in short. Mend what it complains about, then `spojka dead retry`.";
    EXHAUSTED = "exhausted", Permanent, "it was tried as often as the schedule says",
        "This action failed for longer than `delivery: { retry: { max_age } }`, while others at the same target could go on. When it works again: `spojka dead retry`.";
    IN_DOUBT = "in-doubt", Permanent, "nobody knows whether the vendor did it",
        "The answer was lost and the operation cannot be repeated safely. Look at the vendor, then `spojka dead retry` or `discard`.";
    UNAUTHORIZED = "unauthorized", Config, "the vendor rejects our credentials",
        "The lane stands still, and a restart does not change that: we never probe with a password. Mend the secret and restart, or `spojka lanes resume <connection>` where the vendor's side was mended; then `spojka doctor`.";
    PAUSED = "paused", Config, "a person paused the lane",
        "Nothing is sent until `spojka lanes resume <connection>`. What arrives waits in order.";
    NOT_THERE = "not-there", Transient, "the object is not there yet",
        "It waits for the object to appear, up to the age limit. Usually another flow or the vendor creates it.";
    NOT_CONNECTED = "not-connected", Transient, "no connection to the vendor", "Nothing was sent. It is tried again; after some failures in a row the circuit opens, and the lane waits until a probe gets through.";
    TIMED_OUT = "timed-out", Transient, "the vendor did not answer in time", "The vendor may have acted. It is repeated as the operation allows.";
    CONNECTION_BROKEN = "connection-broken", Transient, "the connection broke before the answer", "The vendor may have acted. It is repeated as the operation allows.";
    ANSWER_TOO_LARGE = "answer-too-large", Permanent, "the answer is larger than we read", "Ask the vendor for less, or raise the limit.";
    RATE_LIMITED = "rate-limited", Transient, "the vendor asks us to slow down", "The whole lane waits as long as it says, up to a week. That never ends an action; `spojka lanes resume <connection>` ends the wait.";
    VENDOR_ERROR = "vendor-error", Transient, "the vendor had an error of its own", "It is tried again by the schedule. When it happens to all, the circuit opens, and the lane waits until a probe gets through.";
    UNEXPECTED_ANSWER = "unexpected-answer", Transient, "the answer is not what this vendor documents", "It is tried again by the schedule; the answer in short is in the dead letter.";
    LOOP_SUSPECTED = "loop-suspected", Permanent, "a burst of actions on one object was taken for a loop",
        "Two connections may mirror each other: each write comes back as a webhook that asks for the next one. The dead letter names the flows and the webhooks; `spojka trace` follows one. Mend the flows, then `spojka dead retry` the last one. Where so many actions are in order, raise `delivery.loops` of the connection, or say `off`.";
    HELD = "held", Permanent, "the action waits until a person has agreed",
        "Its step says `hold`. `spojka approve list` shows what is held, `spojka approve show <id>` what would be sent; then `spojka approve approve <id>` or `spojka approve refuse <id>`. It never becomes too old.";
    REFUSED_BY_PERSON = "refused-by-person", Permanent, "a person refused the action",
        "It was held, and `spojka approve refuse` ended it: nothing was sent. Steps that wait for it go on only where it says `on_refusal: go_on`.";
    TOTALS_DIFFER = "totals-differ", Permanent, "a document's parts do not add up to its total",
        "The dead letter names the difference. Mend the order at its source, and its next webhook brings it again; or allow more by `preflight: { tolerance: \"0.50\" }` of the connection (`totals: warn` or `off` writes it as it is), then `spojka dead retry`.";
    BAD_COMPANY_ID = "bad-company-id", Permanent, "a company id cannot be right",
        "Its form or its check digit is wrong; most often a buyer mistyped it. Mend it at the source, or say `preflight: { company_ids: warn }`, then `spojka dead retry`.";
    TAX_CODE_UNMAPPED = "tax-code-unmapped", Permanent, "a line's tax is not among those that the target knows",
        "`preflight: { tax_codes: [\"0\", \"21\"] }` of the connection lists the codes or rates that the target knows. Add this one there and at the target, then `spojka dead retry`.";
    UNKNOWN_OPERATION = "unknown-operation", Config, "the connection has no such operation", "The flow was checked against another version. Mend it, then `spojka dead retry`.";
    BLOCKED_ADDRESS = "blocked-address", Config, "the address may not be called", "Private and loopback addresses are refused unless the connection says `allow_private_addresses: true`.";

    LIMIT_REACHED = "limit-reached", Transient, "a limit of the connection is used up",
        "It waits for the next window. `spojka lanes` shows how much of each quota is used, what it costs and when the next window begins; raise the limit under `delivery.limits`. A step that says `optional: true` is left out instead where the limit says `on_exhausted: drop_optional`.";

    // What checking finds in a config: its form.
    UNREADABLE_FILE = "unreadable-file", Config, "a config file cannot be read",
        "It does not exist, is no UTF-8 text, or may not be read.";
    NO_CONFIG = "no-config", Config, "there is no config",
        "A config is one file, or all `*.yaml` and `*.yml` files of a directory.";
    YAML_SYNTAX = "yaml-syntax", Config, "the file is not YAML",
        "Often a text holds `: `, ` #`, `{` or `[` and must stand in quotes, or the indentation is uneven.";
    DUPLICATE_KEY = "duplicate-key", Config, "a key stands twice",
        "Which of the two counts would be a guess. Names of connections and flows must be unique over all files.";
    UNKNOWN_KEY = "unknown-key", Config, "a key that nothing reads", "It is misspelled, or stands at the wrong depth.";
    MISSING_KEY = "missing-key", Config, "a key that must be there is not", "Add it.";
    WRONG_KIND = "wrong-kind", Config, "a value is of the wrong kind", "The message says what is expected.";
    BAD_NAME = "bad-name", Config, "a name breaks its rule", "The message says which texts are names.";
    TOO_LARGE = "too-large", Config, "a file is too large or too deep", "Split it; all files of the directory count as one.";

    // What checking finds in a config: connections.
    PLAIN_SECRET = "plain-secret", Config, "a secret stands in the config itself",
        "A config is shared and kept in Git. Put the secret into an environment variable or a file, and write `env:NAME` or `file:/path`.";
    SECRET_NOT_FOUND = "secret-not-found", Config, "a secret's variable or file is not there or is empty",
        "Set the variable or write the file that the reference names.";
    UNKNOWN_VENDOR = "unknown-vendor", Config, "no connector knows this vendor", "`spojka connectors` lists the vendors.";
    BAD_SETTING = "bad-setting", Config, "a setting has a value that its vendor does not take",
        "`spojka connectors <vendor>` lists the settings.";

    // What checking finds in a config: flows.
    NO_SUCH_TARGET = "no-such-target", Config, "a flow names a connection that is not configured",
        "Configure it under `connections`, or mend the name.";
    NO_SUCH_OPERATION = "no-such-operation", Config, "a step names an operation that flows cannot use",
        "`spojka connectors <vendor>` lists the operations.";
    NO_SUCH_PARAMETER = "no-such-parameter", Config, "the operation has no such parameter",
        "`spojka connectors <vendor>` lists each operation's parameters.";
    MISSING_PARAMETER = "missing-parameter", Config, "a parameter that the operation needs is not given", "Give it.";
    PARAMETER_KIND = "parameter-kind", Config, "a parameter's value is not of its kind", "The message says what the parameter takes.";
    NO_SUCH_EVENT_TYPE = "no-such-event-type", Config, "there is no such type of event",
        "`spojka connectors` lists the types of events.";
    NEVER_EMITTED = "never-emitted", Config, "no connection of the flow gives this event",
        "The flow could never begin. `spojka connectors <vendor>` lists what each vendor can prove.";
    MIXED_ENTITIES = "mixed-entities", Config, "a flow's events are about different things",
        "Its expressions could not know which of them is there. Write one flow for each.";
    PLAIN_EXPRESSION = "plain-expression", Config, "a field is named in plain text",
        "Only what stands in `${…}` is replaced by its value; everything else is taken as it stands. A warning.";
    ODD_QUOTES = "odd-quotes", Config, "quotes of a word processor stand around a text",
        "YAML knows `\"` and `'` only, so others become part of the text. A warning.";
    NEVER_HOLDS = "never-holds", Config, "a condition that is false for every event",
        "The flow, or the step, could never do anything. To switch a flow off for a while, comment it out.";
    FLOWS_DISAGREE = "flows-disagree", Config, "two flows write differing constants to one place",
        "Both can fire for one event, and whoever comes last wins. Give them conditions that exclude each other; where it is \
         meant, say `allow: flows-disagree` in one of them. A warning.";
    OVER_QUOTA = "over-quota", Config, "more is expected than a limit allows",
        "The `volume` that a flow or a connection declares, times the calls of each operation, is more than a limit of the \
         target: its lane would fall behind for good. Raise the limit's `calls`, say what more calls cost (`price`), or correct \
         the volume. Where a flow's condition may make it less, it is a warning: give the flow a `volume` of its own, or say \
         `allow: over-quota`.";
    DUPLICATE_STEP = "duplicate-step", Config, "two steps of a flow have the same name",
        "Steps are known by their names and never numbered, so that editing a flow does nothing again. Give one a `name`.";
    DUPLICATE_IDENTITY = "duplicate-identity", Config, "two names claim the same past",
        "What was renamed may have one successor only.";
    NO_SUCH_STEP = "no-such-step", Config, "no earlier step has this name",
        "A step may use the results of steps that stand before it in its flow.";
    NO_SUCH_RESULT = "no-such-result", Config, "the step's operation returns no such result",
        "`spojka connectors <vendor>` lists what each operation returns.";
    NO_SUCH_FLOW = "no-such-flow", Config, "there is no flow of this name", "The flows are those under `flows`, in all files of the config.";
    NO_SUCH_FIELD_SET = "no-such-field-set", Config, "a step uses a field set that is not there",
        "Write it under `field_sets`, or mend the name.";
    UNUSED_FIELD_SET = "unused-field-set", Config, "no step uses a field set",
        "What its fields mean is known only where a step uses them, so nobody has checked it. Name it in a step's `use`, or remove it.";
    BAD_OCCASION = "bad-occasion", Config, "a parameter cannot be for creating or for updating only",
        "`on: create` and `on: update` need an operation that learns whether it creates something, and a parameter that it can leave out. `spojka connectors <vendor>` tells which are.";

    // What checking finds in lookups.
    LOOKUP_SYNTAX = "lookup-syntax", Config, "the rows of a lookup cannot be read",
        "Rows are a mapping, or a text with a JSON object from texts to texts or numbers. Quotes may be typographic ones.";
    EMPTY_LOOKUP = "empty-lookup", Config, "a lookup has no rows", "Write them under `rows`.";
    BAD_DEFAULT = "bad-default", Config, "a lookup's default does not go with what becomes of missing rows",
        "`missing: default` needs a `default`, and only then there is one.";
    NO_SUCH_LOOKUP = "no-such-lookup", Config, "an expression names a lookup that is not there", "Write it under `lookups`, or mend the name.";
    NO_SUCH_ROW = "no-such-row", Config, "a lookup has no row for a value",
        "Add the row (or a default) and put the flows in force. `spojka dead list --code no-such-row` shows the values that were seen. `spojka dead retry --code no-such-row` then does what was missed.";

    // What running the tests beside the flows finds.
    TEST_FAILED = "test-failed", Config, "a test beside the flows does not get what it expects",
        "The message names the test and its case, what was expected and what came. Mend the flow, or the expectation. `spojka simulate` shows what an event does, clause by clause.";

    // What checking finds in expressions.
    EXPRESSION_SYNTAX = "expression-syntax", Config, "the expression cannot be read", "Expressions are written in CEL.";
    TOO_COMPLEX = "too-complex", Config, "the expression is too long or too deep", "Split the flow, or shorten the expression.";
    TOO_COSTLY = "too-costly", Config, "the expression could take too long on a large event",
        "Each loop over a list costs as much as the list may be long, loops within loops multiply, and so do texts searched in them. Look at fewer fields in the inner loop, filter first, or split the condition over steps.";
    BAD_CONSTANT = "bad-constant", Config, "a function cannot use this constant",
        "The message says what it takes: a time zone, a country's two letters, a date's pattern, a number of decimal places.";
    UNKNOWN_VARIABLE = "unknown-variable", Config, "there is no such variable",
        "An expression sees the event's entity by its name (`order`, `invoice`, ...), `event`, and `steps`.";
    UNKNOWN_FIELD = "unknown-field", Config, "there is no such field", "The fields are those of the normalized events.";
    UNKNOWN_FUNCTION = "unknown-function", Config, "there is no such function", "The message lists near ones.";
    UNKNOWN_CHOICE = "unknown-choice", Config, "the field never has this value", "The comparison could never be true.";
    TYPE_MISMATCH = "type-mismatch", Config, "the types do not go together", "The message says what is expected.";
    NEEDLESS_PRESENCE = "needless-presence", Config, "`has` of a field that is always there",
        "A field that the source does not tell is empty: compare it with `\"\"`, `0`, `false` or `[]`.";
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
