//! An account's settings: as declared, and as used. What the vendor's manual leaves open is a setting here, with the
//! assumption as its default and the word "assumed" in its doc.

use std::time::Duration;

use url::Url;

use crate::{
    connectors::contract::{Need, Setting, SettingKind, SettingProblem, Settings},
    model::secret::Secret,
};

/// The host of the vendor's manual of 2025; some accounts use `https://{account}.anabix.cz/api`.
const BASE_URL: &str = "https://app.anabix.cz/api";

/// Until when a contact that was just created may be missing from a search.
pub(super) const SETTLE: Duration = Duration::from_secs(10);

pub(super) const SETTINGS: &[Setting] = &[
    setting("user", SettingKind::Text, Need::Required, "The login name of the user whose API token is used."),
    setting("token", SettingKind::Secret, Need::Required, "The API token: Nastavení > Hlavní nastavení > API token."),
    setting(
        "base_url",
        SettingKind::Url,
        Need::Default(BASE_URL),
        "The one URL that takes all calls. Assumed: the host of the manual; some accounts use their own subdomain.",
    ),
    setting(
        "body",
        SettingKind::Choice(&["json", "form_json"]),
        Need::Default("json"),
        "How a call is sent: as a JSON body, or as JSON in the field `json` of a multipart form. Assumed: both work.",
    ),
    setting(
        "several_contacts",
        SettingKind::Choice(&["lowest", "all", "fail"]),
        Need::Default("lowest"),
        "When several contacts share the e-mail: write to the one with the lowest id (and warn), to all, or fail.",
    ),
    setting(
        "several_contacts_removal",
        SettingKind::Choice(&["all", "lowest", "fail"]),
        Need::Default("all"),
        "The same for removing from a list, where whoever is left out stays on the list.",
    ),
    setting(
        "search_other_emails",
        SettingKind::Boolean,
        Need::Default("false"),
        "Also search `email2` and `email3`, at one more call each. Assumed: a search by `email` does not.",
    ),
    setting(
        "overwrite",
        SettingKind::Choice(&["empty", "always"]),
        Need::Default("empty"),
        "Which fields of an existing contact are written: those that are empty, or all. Custom fields always are.",
    ),
    setting(
        "overwrite_legal_basis",
        SettingKind::Choice(&["empty", "unless_consent", "never"]),
        Need::Default("empty"),
        "When an existing contact gets the legal basis: when it shows none, when it has no consent, or never. Where \
         the basis cannot be read, the vendor is asked whether it is a consent, which is never overwritten.",
    ),
    setting(
        "legal_basis_date",
        SettingKind::Choice(&["send", "never"]),
        Need::Default("send"),
        "Whether the legal basis is dated. Assumed: wanted for every basis, not only for a consent.",
    ),
    setting(
        "create_list",
        SettingKind::Boolean,
        Need::Default("false"),
        "Create a list that `add_to_list` names by a title that no list has. A parameter of the same name wins.",
    ),
    setting(
        "refused_removal",
        SettingKind::Choice(&["done", "fail"]),
        Need::Default("done"),
        "What an ERROR to a removal means when the credentials are good. Assumed: the contact was not on the list.",
    ),
    setting(
        "credential_errors",
        SettingKind::Texts,
        Need::Default("[]"),
        "Parts of error texts that mean bad credentials, in any case. The vendor documents none; after any other ERROR \
         the credentials are checked by a call of their own.",
    ),
    setting(
        "settle",
        SettingKind::Duration,
        Need::Default("10s"),
        "How long after a lost answer a created contact may still be missing from a search. Assumed.",
    ),
    setting(
        "zone",
        SettingKind::Zone,
        Need::Default("Europe/Prague"),
        "The time zone of dates. Assumed: the vendor's country.",
    ),
];

const fn setting(name: &'static str, kind: SettingKind, need: Need, doc: &'static str) -> Setting {
    Setting { name, kind, need, doc }
}

/// One account, as used.
#[derive(Debug)]
pub(super) struct Account {
    pub user: String,
    pub token: Secret,
    pub base_url: Url,
    pub body: BodyForm,
    pub several: Several,
    pub several_removal: Several,
    /// The fields that are searched for an e-mail.
    pub email_fields: &'static [&'static str],
    pub overwrite: Overwrite,
    pub overwrite_basis: OverwriteBasis,
    pub dates_basis: bool,
    pub create_list: bool,
    pub refused_removal_is_done: bool,
    /// In lower case.
    pub credential_errors: Vec<String>,
    pub settle: Duration,
    pub zone: jiff::tz::TimeZone,
}

/// How a call's JSON travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyForm {
    Json,
    /// In a field of a multipart form.
    Form,
}

/// What to do when several contacts share an e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Several {
    Lowest,
    All,
    Fail,
}

/// Which fields of an existing contact are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overwrite {
    Empty,
    Always,
}

/// When an existing contact gets the legal basis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverwriteBasis {
    Empty,
    UnlessConsent,
    Never,
}

impl Account {
    /// Reads checked settings.
    pub(super) fn read(settings: &Settings) -> Result<Self, Vec<SettingProblem>> {
        let problems: Vec<_> = ["user", "token"].into_iter().filter_map(|name| blank(settings, name)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let default_url = || Url::parse(BASE_URL).expect("the default is a URL");
        let others = settings.flag("search_other_emails");
        Ok(Self {
            user: settings.text("user").trim().to_owned(),
            token: settings.secret("token"),
            base_url: settings.url("base_url").cloned().unwrap_or_else(default_url),
            body: if settings.text("body") == "form_json" { BodyForm::Form } else { BodyForm::Json },
            several: several(settings.text("several_contacts"), Several::Lowest),
            several_removal: several(settings.text("several_contacts_removal"), Several::All),
            email_fields: if others { &["email", "email2", "email3"] } else { &["email"] },
            overwrite: if settings.text("overwrite") == "always" { Overwrite::Always } else { Overwrite::Empty },
            overwrite_basis: match settings.text("overwrite_legal_basis") {
                "unless_consent" => OverwriteBasis::UnlessConsent,
                "never" => OverwriteBasis::Never,
                _ => OverwriteBasis::Empty,
            },
            dates_basis: settings.text("legal_basis_date") != "never",
            create_list: settings.flag("create_list"),
            refused_removal_is_done: settings.text("refused_removal") != "fail",
            credential_errors: settings.texts("credential_errors").iter().map(|text| text.to_lowercase()).collect(),
            settle: settings.duration("settle").unwrap_or(SETTLE),
            zone: settings.zone("zone"),
        })
    }
}

fn blank(settings: &Settings, name: &'static str) -> Option<SettingProblem> {
    let blank = settings.text(name).trim().is_empty() && settings.secret(name).expose().trim().is_empty();
    blank.then(|| SettingProblem { setting: name, message: "must not be empty".to_owned(), hint: None })
}

fn several(text: &str, default: Several) -> Several {
    match text {
        "lowest" => Several::Lowest,
        "all" => Several::All,
        "fail" => Several::Fail,
        _ => default,
    }
}
