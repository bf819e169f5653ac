//! What an account may say about itself, as typed and as used.

use std::{collections::BTreeMap, time::Duration};

use super::{entities, rest::Rest, status};
use crate::{
    connectors::contract::{Need, Setting, SettingKind, SettingProblem, Settings},
    model::secret::Secret,
    topics::body::v1::OrderStatus,
};

const fn setting(name: &'static str, kind: SettingKind, need: Need, doc: &'static str) -> Setting {
    Setting { name, kind, need, doc }
}

/// All settings.
pub(super) const LIST: &[Setting] = &[
    setting(
        "secret",
        SettingKind::Secrets,
        Need::Optional,
        "The webhook's secret as the shop shows it; several while it is rotated. Use letters and digits only: the \
         shop's own form changes secrets that hold anything else when it is saved again.",
    ),
    setting("url_token", SettingKind::Secrets, Need::Optional, "An extra token that the webhook's URL must carry."),
    setting(
        "unverified_webhooks",
        SettingKind::Boolean,
        Need::Default("false"),
        "Take unsigned webhooks when no secret is given. Anybody who knows the URL can then invent orders.",
    ),
    setting(
        "base_url",
        SettingKind::Url,
        Need::Optional,
        "The shop's address; needed for reading by REST, over HTTPS.",
    ),
    setting("consumer_key", SettingKind::Text, Need::Optional, "The REST key, `ck_…`, with the right to read."),
    setting("consumer_secret", SettingKind::Secret, Need::Optional, "The REST key's secret, `cs_…`."),
    setting(
        "poll_every",
        SettingKind::Duration,
        Need::Default("15m"),
        "How often to look for orders whose webhooks never came. Only with REST credentials.",
    ),
    setting(
        "poll_overlap",
        SettingKind::Duration,
        Need::Default("1m"),
        "How far a poll reaches back behind the newest change it saw: changes have whole seconds and may appear late.",
    ),
    setting(
        "status_map",
        SettingKind::TextMap,
        Need::Default("{}"),
        "What statuses made by plugins mean: from the shop's word to `draft`, `pending`, `on-hold`, `processing`, \
         `completed`, `cancelled`, `refunded`, `failed`, `deleted` or `unknown`. Others are unknown, never a success.",
    ),
    setting(
        "paid_when",
        SettingKind::Choice(&["either", "date_paid", "status"]),
        Need::Default("either"),
        "Assumption: what says that an order is paid: its date of payment, its status (`paid_statuses`), or either.",
    ),
    setting(
        "paid_statuses",
        SettingKind::Texts,
        Need::Default("processing, completed"),
        "Assumption: the statuses that mean paid, except where it is paid on delivery.",
    ),
    setting(
        "cash_on_delivery_methods",
        SettingKind::Texts,
        Need::Default("cod"),
        "Assumption: the payment methods with which no status proves a payment, only its date.",
    ),
    setting(
        "company_id_keys",
        SettingKind::Texts,
        Need::Default("_billing_ic"),
        "Assumption: where plugins keep the buyer's registration number in `meta_data`; the first filled one counts.",
    ),
    setting(
        "tax_id_keys",
        SettingKind::Texts,
        Need::Default("_billing_dic, _billing_tax_number"),
        "Assumption: where plugins keep the buyer's national tax number.",
    ),
    setting(
        "vat_id_keys",
        SettingKind::Texts,
        Need::Default("_billing_dic_dph, _billing_vat_number"),
        "Assumption: where plugins keep the buyer's VAT number.",
    ),
];

/// What says that an order is paid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PaidWhen {
    DatePaid,
    Status,
    Either,
}

/// The settings as used.
pub(super) struct Account {
    /// The keys that sign: the secrets with their entities decoded.
    pub(super) keys: Vec<Secret>,
    pub(super) url_tokens: Vec<Secret>,
    pub(super) unverified: bool,
    pub(super) rest: Option<Rest>,
    pub(super) poll_every: Duration,
    pub(super) poll_overlap: Duration,
    pub(super) statuses: BTreeMap<String, OrderStatus>,
    pub(super) paid_when: PaidWhen,
    pub(super) paid_statuses: Vec<String>,
    pub(super) cash_methods: Vec<String>,
    pub(super) company_id_keys: Vec<String>,
    pub(super) tax_id_keys: Vec<String>,
    pub(super) vat_id_keys: Vec<String>,
}

impl Account {
    pub(super) fn read(settings: &Settings) -> Result<Self, Vec<SettingProblem>> {
        let mut problems = Vec::new();
        let rest = read_rest(settings, &mut problems);
        let statuses = read_statuses(settings, &mut problems);
        let paid_statuses = read_paid_statuses(settings, &statuses, &mut problems);
        let keys: Vec<_> =
            settings.secrets("secret").iter().map(|s| Secret::new(entities::decode(s.expose()))).collect();
        let unverified = settings.flag("unverified_webhooks");
        if keys.is_empty() && !unverified && !settings.has("consumer_key") {
            problems.push(problem(
                "secret",
                "nothing to verify webhooks with, and no REST credentials to poll with",
                "give `secret`, or say `unverified_webhooks: true`",
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            keys,
            url_tokens: settings.secrets("url_token").to_vec(),
            unverified,
            rest,
            poll_every: settings.duration("poll_every").unwrap_or(Duration::from_mins(15)),
            poll_overlap: settings.duration("poll_overlap").unwrap_or(Duration::from_mins(1)),
            statuses,
            paid_when: match settings.text("paid_when") {
                "date_paid" => PaidWhen::DatePaid,
                "status" => PaidWhen::Status,
                _ => PaidWhen::Either,
            },
            paid_statuses,
            cash_methods: settings.texts("cash_on_delivery_methods").to_vec(),
            company_id_keys: settings.texts("company_id_keys").to_vec(),
            tax_id_keys: settings.texts("tax_id_keys").to_vec(),
            vat_id_keys: settings.texts("vat_id_keys").to_vec(),
        })
    }
}

fn problem(setting: &'static str, message: &str, hint: &str) -> SettingProblem {
    SettingProblem { setting, message: message.to_owned(), hint: Some(hint.to_owned()) }
}

fn read_rest(settings: &Settings, problems: &mut Vec<SettingProblem>) -> Option<Rest> {
    match (settings.has("consumer_key"), settings.has("consumer_secret"), settings.url("base_url")) {
        (true, true, Some(base)) => {
            Some(Rest::new(base, settings.text("consumer_key"), settings.secret("consumer_secret")))
        }
        (false, false, _) => None,
        (true, true, None) => {
            problems.push(problem("base_url", "REST credentials without the shop's address", "give `base_url`"));
            None
        }
        (true, false, _) => {
            problems.push(problem("consumer_secret", "a REST key without its secret", "give `consumer_secret`"));
            None
        }
        (false, true, _) => {
            problems.push(problem("consumer_key", "a REST secret without its key", "give `consumer_key`"));
            None
        }
    }
}

fn read_statuses(settings: &Settings, problems: &mut Vec<SettingProblem>) -> BTreeMap<String, OrderStatus> {
    let mut statuses = BTreeMap::new();
    for (word, name) in settings.text_map("status_map") {
        match status::named(&name) {
            Some(meaning) => {
                statuses.insert(status::bare(&word).to_owned(), meaning);
            }
            None => problems.push(problem(
                "status_map",
                &format!("`{name}` is no status of ours"),
                &format!("one of `{}`", status::NAMES.map(|(name, _)| name).join("`, `")),
            )),
        }
    }
    statuses
}

/// A status without a meaning is never a success, so naming one here would have no effect: better say so at once.
fn read_paid_statuses(
    settings: &Settings,
    map: &BTreeMap<String, OrderStatus>,
    problems: &mut Vec<SettingProblem>,
) -> Vec<String> {
    let words: Vec<_> = settings.texts("paid_statuses").iter().map(|word| status::bare(word).to_owned()).collect();
    for word in &words {
        if !map.contains_key(word) && status::named(word).is_none() {
            problems.push(problem(
                "paid_statuses",
                &format!("`{word}` is no status that WooCommerce has by itself"),
                "say in `status_map` what it means",
            ));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::contract::settings::settings_of;

    fn problems(given: &[(&str, &str)]) -> Vec<&'static str> {
        match Account::read(&settings_of(LIST, given)) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| problem.setting).collect(),
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        assert_eq!(problems(&[]), ["secret"]);
        assert_eq!(
            problems(&[("consumer_secret", "cs"), ("status_map", "shipped: done")]),
            ["consumer_key", "status_map", "secret"]
        );
        assert_eq!(problems(&[("consumer_key", "ck"), ("consumer_secret", "cs")]), ["base_url"]);
        assert_eq!(problems(&[("secret", "s"), ("consumer_key", "ck")]), ["consumer_secret"]);
        assert_eq!(problems(&[("secret", "s"), ("paid_statuses", "shipped")]), ["paid_statuses"]);
    }

    #[test]
    fn a_secret_or_a_word_or_rest_is_enough() {
        assert!(problems(&[("secret", "s")]).is_empty());
        assert!(problems(&[("unverified_webhooks", "true")]).is_empty());
        let rest = [("base_url", "https://shop.example.cz"), ("consumer_key", "ck"), ("consumer_secret", "cs")];
        assert!(problems(&rest).is_empty());
    }

    #[test]
    fn statuses_lose_the_prefix_of_the_database() {
        let account = Account::read(&settings_of(LIST, &[("secret", "s"), ("status_map", "wc-shipped: completed")]));
        let statuses = account.map(|account| account.statuses).unwrap_or_default();
        assert_eq!(statuses.get("shipped"), Some(&OrderStatus::Completed));
    }
}
