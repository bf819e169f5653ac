//! The settings, as typed and as used. None of them is about a vendor: they say how the other side does things.

use std::time::Duration;

use super::{api::Api, source::Source};
use crate::connectors::contract::{Need, Setting, SettingKind, SettingProblem, Settings};

const fn optional(name: &'static str, kind: SettingKind, doc: &'static str) -> Setting {
    Setting { name, kind, need: Need::Optional, doc }
}

const fn default(name: &'static str, kind: SettingKind, value: &'static str, doc: &'static str) -> Setting {
    Setting { name, kind, need: Need::Default(value), doc }
}

/// What a connection may say: first how it tells us things, then how it is told.
pub(super) const SETTINGS: &[Setting] = &[
    default(
        "scheme",
        SettingKind::Choice(&["standard-webhooks", "hmac", "token"]),
        "standard-webhooks",
        "How webhooks prove where they come from: signed as Standard Webhooks say, signed by a plain HMAC-SHA256 of the \
         body, or by nothing but the token in their URL.",
    ),
    optional(
        "secret",
        SettingKind::Secrets,
        "What webhooks are signed with; several while it is rotated. For `standard-webhooks` base64, with `whsec_` before \
         it or not; for `hmac` the text as it stands.",
    ),
    optional(
        "url_token",
        SettingKind::Secrets,
        "A token that the webhook's URL must carry. For `token` it is the only proof, elsewhere one more.",
    ),
    default(
        "header_prefix",
        SettingKind::Text,
        "webhook-",
        "For `standard-webhooks`: what the names of its headers begin with; some senders have their own, such as `svix-`.",
    ),
    default(
        "tolerance",
        SettingKind::Duration,
        "5m",
        "For `standard-webhooks`: how far a webhook's time may be from ours.",
    ),
    default("signature_header", SettingKind::Text, "X-Signature", "For `hmac`: the header that holds the signature."),
    default(
        "signature_encoding",
        SettingKind::Choice(&["hex", "base64"]),
        "hex",
        "For `hmac`: how the signature is written.",
    ),
    optional("signature_prefix", SettingKind::Text, "For `hmac`: what stands before the signature, such as `sha256=`."),
    optional(
        "delivery_header",
        SettingKind::Text,
        "For `hmac` and `token`: the header that holds an id which is the same when a webhook is sent again. Without it, \
         repeats are webhooks of their own (their facts absorb each other where they say the same).",
    ),
    default(
        "type_path",
        SettingKind::Text,
        "type",
        "Where the body tells the type of the event: names with full stops.",
    ),
    default(
        "content_path",
        SettingKind::Text,
        "data",
        "Where the body has what the event is about; empty: the whole body, without what `type_path` and `time_path` name.",
    ),
    default(
        "time_path",
        SettingKind::Text,
        "timestamp",
        "Where the body tells since when it is so: RFC 3339 with an offset, or Unix seconds. It may be missing.",
    ),
    default(
        "types",
        SettingKind::TextMap,
        "{}",
        "From their types of events to ours: `user.created: subscriber.subscribed`. Ours are known by their own names; \
         webhooks of all other types are kept and tell nothing.",
    ),
    default(
        "fields",
        SettingKind::TextMap,
        "{}",
        "From our fields to where they are in their content: `party.email: user.mail`. `subscriber/party.email` is for \
         events about subscribers only, `order.paid/note` for one type. Without it their content has our names, and an \
         unknown one is a dead letter.",
    ),
    default("zone", SettingKind::Zone, "UTC", "The zone whose day a date without a time is."),
    optional("base_url", SettingKind::Url, "Where the other side is called; the operations' paths begin there."),
    default(
        "authentication",
        SettingKind::Choice(&["none", "bearer", "basic", "header"]),
        "none",
        "How we show who we are: not at all, by `token` as a bearer token, by `user` and `password`, or by `token` in \
         the header that `token_header` names.",
    ),
    optional("token", SettingKind::Secret, "The token, for `bearer` and `header`."),
    default("token_header", SettingKind::Text, "X-Api-Key", "For `header`: its name."),
    optional("user", SettingKind::Text, "The user, for `basic`."),
    optional("password", SettingKind::Secret, "The password, for `basic`."),
    optional(
        "signing_secret",
        SettingKind::Secrets,
        "Every request is signed with it as Standard Webhooks say, also by several while it is rotated. `webhook-id` is \
         the same at every try of one action.",
    ),
    optional(
        "idempotency_header",
        SettingKind::Text,
        "The header in which the other side takes a key and does a `create` only once for it, such as `Idempotency-Key`. \
         Say `webhook-id` if it drops signed requests whose id it knows.",
    ),
    default("id_path", SettingKind::Text, "id", "Where an answer has the id of the object that was created or found."),
    default(
        "update_method",
        SettingKind::Choice(&["patch", "put"]),
        "patch",
        "How `update` is sent: `patch` overwrites what is given, `put` replaces the whole object.",
    ),
    default(
        "already_exists",
        SettingKind::Choice(&["refused", "done"]),
        "refused",
        "What it means when `create` is answered with 409: refused, or done because it is there.",
    ),
    optional(
        "find",
        SettingKind::Text,
        "How to look whether an object is there, after a lost answer and after a 409: `users?email={key}`, or \
         `{path}/{key}`. It is asked by GET: 404 or an empty list is no, an object or a list of one is yes.",
    ),
    default(
        "settle",
        SettingKind::Duration,
        "1m",
        "ASSUMED: how long after a lost answer a look-up shows what the other side did.",
    ),
    optional("probe", SettingKind::Text, "A path that `spojka doctor` may ask by GET, and that changes nothing."),
];

/// All that is wrong with the settings.
pub(super) type Problems = Vec<SettingProblem>;

pub(super) fn problem(setting: &'static str, message: impl Into<String>, hint: &str) -> SettingProblem {
    SettingProblem { setting, message: message.into(), hint: Some(hint.to_owned()) }
}

/// The settings as used: the other side tells us things, is told things, or both.
pub(super) struct Account {
    pub(super) source: Source,
    pub(super) api: Option<Api>,
}

impl Account {
    pub(super) fn read(settings: &Settings) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let source = Source::read(settings, &mut problems);
        let api = Api::read(settings, &mut problems);
        if !settings.has("base_url") && !settings.has("secret") && !settings.has("url_token") {
            let hint = "give `secret` to take webhooks, `base_url` to call it, or both";
            problems.push(problem("secret", "it neither takes webhooks nor is called", hint));
        }
        if problems.is_empty() { Ok(Self { source, api }) } else { Err(problems) }
    }

    /// The other side, for whoever calls it.
    ///
    /// # Errors
    /// Which setting is missing.
    pub(super) fn api(&self) -> Result<&Api, String> {
        self.api.as_ref().ok_or_else(|| "the connection's setting `base_url` is missing".to_owned())
    }
}

/// The name of a header, if it can be one.
pub(super) fn header_name(settings: &Settings, setting: &'static str, problems: &mut Problems) -> String {
    let name = settings.text(setting).trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if settings.has(setting) && (name.is_empty() || !name.chars().all(fits)) {
        problems.push(problem(setting, "no header can have such a name", "letters, digits and `-`"));
    }
    name.to_owned()
}

pub(super) fn duration(settings: &Settings, setting: &str) -> Duration {
    settings.duration(setting).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::contract::settings::settings_of;

    fn problems(given: &[(&str, &str)]) -> Vec<&'static str> {
        match Account::read(&settings_of(SETTINGS, given)) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| problem.setting).collect(),
        }
    }

    const URL: (&str, &str) = ("base_url", "https://www.example.cz/api");
    const SECRET: (&str, &str) = ("secret", "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=");

    #[test]
    fn a_connection_is_a_source_a_target_or_both() {
        assert_eq!(problems(&[]), ["secret"]);
        for given in [&[URL][..], &[SECRET], &[URL, SECRET], &[("scheme", "token"), ("url_token", "t0k")]] {
            assert!(problems(given).is_empty(), "{given:?}");
        }
    }

    #[test]
    fn what_cannot_verify_is_told_at_once() {
        for (given, expected) in [
            (&[("secret", "")][..], &["secret"][..]),
            (&[("secret", "whsec_")], &["secret"]),
            (&[("secret", "not base64")], &["secret"]),
            (&[("scheme", "hmac"), ("secret", "not base64")], &[]),
            (&[("scheme", "hmac"), ("secret", "")], &["secret"]),
            (&[("scheme", "hmac"), ("url_token", "t")], &["secret"]),
            (&[("scheme", "token"), SECRET], &["url_token"]),
            (&[("scheme", "token"), ("url_token", "")], &["url_token"]),
            (&[("url_token", "t")], &["secret"]),
            (&[SECRET, ("header_prefix", "web hook")], &["header_prefix"]),
            (&[SECRET, ("type_path", ""), ("content_path", "a..b")], &["type_path", "content_path"]),
            (&[SECRET, ("types", "x: y"), ("fields", "x: y")], &["types", "fields"]),
        ] {
            assert_eq!(problems(given), expected, "{given:?}");
        }
    }

    #[test]
    fn what_cannot_be_called_is_told_at_once() {
        for (given, expected) in [
            (&[URL, ("authentication", "bearer")][..], &["token"][..]),
            (&[URL, ("authentication", "header"), ("token_header", "")], &["token", "token_header"]),
            (&[URL, ("authentication", "basic"), ("user", "a:b")], &["password", "user"]),
            (&[URL, ("token", "t")], &["token"]),
            (&[URL, ("authentication", "bearer"), ("token", "t"), ("password", "p")], &["password"]),
            (&[URL, ("signing_secret", "whsec_")], &["signing_secret"]),
            (&[URL, ("idempotency_header", "a b")], &["idempotency_header"]),
            (&[URL, ("find", "users?email=")], &["find"]),
            (&[URL, ("find", "https://other.example/{key}")], &["find"]),
            (&[URL, ("find", "../{key}")], &["find"]),
            (&[URL, ("find", "users/{key}#x")], &["find"]),
            (&[URL, ("find", "{path}?email={key}&active=1")], &[]),
            (&[URL, ("find", "users?p={path}&k={key}")], &["find"]),
            (&[URL, ("probe", "../x")], &["probe"]),
            (&[URL, ("id_path", "")], &["id_path"]),
            (&[("base_url", "https://www.example.cz/api?x=1")], &["base_url"]),
        ] {
            assert_eq!(problems(given), expected, "{given:?}");
        }
    }
}
