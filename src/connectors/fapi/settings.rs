//! What an owner may say about an account. Every setting whose doc begins with "Assumption" stands for something that FAPI
//! does not document; the README lists them.

use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use super::digest::NumberVariant;
use crate::{
    connectors::contract::{Need, Setting, SettingKind, SettingProblem, Settings},
    model::secret::Secret,
};

const fn setting(name: &'static str, kind: SettingKind, need: Need, doc: &'static str) -> Setting {
    Setting { name, kind, need, doc }
}

pub(super) const SETTINGS: &[Setting] = &[
    setting("user", SettingKind::Text, Need::Required, "The account's user name: the e-mail that signs in."),
    setting("api_key", SettingKind::Secret, Need::Required, "Můj účet > API klíče > Nový API klíč."),
    setting(
        "url_token",
        SettingKind::Secrets,
        Need::Optional,
        "The unguessable part of the notification URLs. FAPI signs with no secret, so this is what keeps strangers out. \
         Several are valid at once while you change them.",
    ),
    setting(
        "unverified_urls",
        SettingKind::Boolean,
        Need::Default("false"),
        "Take notifications without any `url_token`. Each one still costs a call and is verified after its fetch.",
    ),
    setting("base_url", SettingKind::Url, Need::Default("https://api.fapi.cz"), "Where the API is."),
    setting(
        "number_variant",
        SettingKind::Choice(&["raw", "int_cast", "either"]),
        Need::Default("raw"),
        "Assumption: the digest takes the document's number as it is. FAPI's own two receivers differ; they agree on \
         numbers without letters and leading zeros.",
    ),
    setting(
        "max_age",
        SettingKind::Duration,
        Need::Optional,
        "How far a notification's `time` may be from its arrival. FAPI's own receivers do not look; neither do we unless told.",
    ),
    setting(
        "unverifiable_vouchers",
        SettingKind::Choice(&["dead", "accept"]),
        Need::Default("dead"),
        "What to do with an applied voucher that has no product code, for which FAPI's digest cannot be computed.",
    ),
    setting(
        "paid_when",
        SettingKind::Choice(&["first_instalment", "all"]),
        Need::Default("first_instalment"),
        "When a sale in instalments becomes `order.paid`. Each instalment is a `payment.received` in any case.",
    ),
    setting(
        "read_client",
        SettingKind::Boolean,
        Need::Default("true"),
        "Assumption: a document's customer may lack company, IČO and DIČ that the client has: read the client as well.",
    ),
    setting(
        "public_links",
        SettingKind::Boolean,
        Need::Default("true"),
        "Assumption: a document's public key makes `form.fapi.cz` links to its file and its status page. One user's code \
         says so, FAPI's does not.",
    ),
    setting(
        "poll_every",
        SettingKind::Duration,
        Need::Default("15m"),
        "Assumption: FAPI does not promise to repeat a lost notification, so we look for changed documents. `0s`: never.",
    ),
    setting(
        "poll_overlap",
        SettingKind::Duration,
        Need::Default("2m"),
        "Assumption: it is open whether `last_modified_after` includes its moment, so each poll looks back a little further.",
    ),
    setting(
        "poll_rows",
        SettingKind::Choice(&["fetch", "complete"]),
        Need::Default("fetch"),
        "Assumption: a listed document may lack fields of the single one, so each is read again. `complete` saves the call.",
    ),
    setting("zone", SettingKind::Zone, Need::Default("Europe/Prague"), "The zone of FAPI's times, which carry none."),
    setting(
        "events",
        SettingKind::Texts,
        Need::Default("[]"),
        "Further names of events in your notification URLs, beside the known ones. A name is only a hint for people: what \
         happened is read from the document.",
    ),
];

/// When a sale in instalments is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PaidWhen {
    FirstInstalment,
    All,
}

/// One account's settings, as used.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(super) struct Config {
    pub(super) user: String,
    pub(super) api_key: Secret,
    pub(super) tokens: Vec<Secret>,
    pub(super) unverified_urls: bool,
    pub(super) base_url: Url,
    pub(super) number_variant: NumberVariant,
    pub(super) max_age: Option<Duration>,
    pub(super) accept_unverifiable_vouchers: bool,
    pub(super) paid_when: PaidWhen,
    pub(super) read_client: bool,
    pub(super) public_links: bool,
    pub(super) poll_every: Duration,
    pub(super) poll_overlap: Duration,
    pub(super) complete_rows: bool,
    pub(super) zone: TimeZone,
    pub(super) events: Vec<String>,
}

impl Config {
    /// Reads checked settings.
    ///
    /// # Errors
    /// All that is wrong beyond the settings' kinds.
    pub(super) fn read(settings: &Settings) -> Result<Self, Vec<SettingProblem>> {
        let problems = problems(settings);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            user: settings.text("user").to_owned(),
            api_key: settings.secret("api_key"),
            tokens: settings.secrets("url_token").to_vec(),
            unverified_urls: settings.flag("unverified_urls"),
            base_url: settings.url("base_url").cloned().expect("`base_url` has a default"),
            number_variant: NumberVariant::named(settings.text("number_variant")),
            max_age: settings.duration("max_age"),
            accept_unverifiable_vouchers: settings.text("unverifiable_vouchers") == "accept",
            paid_when: if settings.text("paid_when") == "all" { PaidWhen::All } else { PaidWhen::FirstInstalment },
            read_client: settings.flag("read_client"),
            public_links: settings.flag("public_links"),
            poll_every: settings.duration("poll_every").unwrap_or_default(),
            poll_overlap: settings.duration("poll_overlap").unwrap_or_default(),
            complete_rows: settings.text("poll_rows") == "complete",
            zone: settings.zone("zone"),
            events: settings.texts("events").to_vec(),
        })
    }

    /// The names of events that a URL may carry.
    pub(super) fn url_events(&self) -> Vec<&str> {
        super::URL_EVENTS.iter().copied().chain(self.events.iter().map(String::as_str)).collect()
    }
}

fn problems(settings: &Settings) -> Vec<SettingProblem> {
    let mut problems = Vec::new();
    let mut problem = |setting, message: &str, hint: &str| {
        problems.push(SettingProblem { setting, message: message.to_owned(), hint: Some(hint.to_owned()) });
    };
    if settings.text("user").trim().is_empty() || settings.text("user").contains(':') {
        problem("user", "expected the account's user name, without `:`", "it is the e-mail that signs in at FAPI");
    }
    if settings.secret("api_key").expose().is_empty() {
        problem("api_key", "the secret is empty", "make one at FAPI: Můj účet > API klíče > Nový API klíč");
    }
    if settings.secrets("url_token").iter().any(|token| token.expose().is_empty()) {
        problem("url_token", "a token is empty", "an empty token fits nothing; take a long random text");
    }
    if settings.duration("max_age").is_some_and(|age| age.is_zero()) {
        problem("max_age", "no notification would be young enough", "leave the setting out to switch it off");
    }
    if settings.url("base_url").is_some_and(|url| url.query().is_some() || url.fragment().is_some()) {
        problem("base_url", "expected a URL without `?` and `#`", "for example `https://api.fapi.cz`");
    }
    let plain =
        |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !settings.texts("events").iter().all(plain) {
        problem(
            "events",
            "a name has other characters than letters, digits, `-`, `_` and `.`",
            "it is one part of a URL",
        );
    }
    problems
}
