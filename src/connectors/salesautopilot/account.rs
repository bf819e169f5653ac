//! The settings, as typed and as used.

use std::time::Duration;

use super::api::Api;
use crate::{
    connectors::contract::{Need, Setting, SettingKind, SettingProblem, Settings},
    model::http::Method,
};

const LIST_OR_FORM: SettingKind = SettingKind::Integer { min: 1, max: i64::MAX };

/// What a connection may say.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "user",
        kind: SettingKind::Text,
        need: Need::Required,
        doc: "The user name of an API key pair (account settings, integration).",
    },
    Setting {
        name: "password",
        kind: SettingKind::Secret,
        need: Need::Required,
        doc: "The password of the API key pair.",
    },
    Setting {
        name: "base_url",
        kind: SettingKind::Url,
        need: Need::Default("https://api.salesautopilot.com/"),
        doc: "Where the API (version 1) is.",
    },
    optional("newsletter_list", LIST_OR_FORM, "The id of the newsletter list."),
    optional("subscribe_form", LIST_OR_FORM, "The newsletter list's subscribe form. Its reCAPTCHA must be off."),
    optional("update_form", LIST_OR_FORM, "The newsletter list's form for changing a person's data."),
    optional(
        "resubscribe_form",
        LIST_OR_FORM,
        "The form through which somebody who has unsubscribed may subscribe again. Without it that is refused.",
    ),
    optional("order_list", LIST_OR_FORM, "The id of the order list."),
    optional("order_form", LIST_OR_FORM, "The order list's technical order form."),
    optional("status_form", LIST_OR_FORM, "The order list's form for status changes. It must not issue invoices."),
    optional(
        "billing_form",
        LIST_OR_FORM,
        "The order list's form that marks an order paid. It may issue an invoice each time that it is used.",
    ),
    default(
        "update_method",
        SettingKind::Choice(&["post", "put"]),
        "post",
        "ASSUMED: updates go by POST, as the vendor's own plugin sends them; other clients use PUT.",
    ),
    default(
        "unique_email",
        SettingKind::Boolean,
        "true",
        "Whether the e-mail is the newsletter list's unique key. If not, each subscription is looked up first.",
    ),
    default(
        "names_swapped",
        SettingKind::Boolean,
        "false",
        "The account keeps family names in the field for given names and the other way round.",
    ),
    default(
        "order_reference",
        SettingKind::Choice(&["number", "id"]),
        "number",
        "Which of an order's two references it is known by there: the number that people see, or the source's id.",
    ),
    default(
        "order_found_by",
        SettingKind::Choice(&["order_reference", "invoice_number"]),
        "order_reference",
        "Which reference `mark_paid` finds an order by. By invoice number is ASSUMED to work as by any other field.",
    ),
    default(
        "invoiced_before_payment",
        SettingKind::Boolean,
        "false",
        "Orders have an invoice number before they are paid, so that it does not tell whether a lost payment arrived.",
    ),
    default(
        "discount_prefix",
        SettingKind::Text,
        "DISCOUNT-",
        "ASSUMED: what the `prod_id` of a discount's line begins with; the coupon's code follows.",
    ),
    default(
        "discount_name",
        SettingKind::Text,
        "Kedvezmény",
        "The name of a discount's line that has none of its own.",
    ),
    optional("purchase_date_field", SettingKind::Text, "ASSUMED: the list's own field for the last purchase's day."),
    optional("purchase_count_field", SettingKind::Text, "ASSUMED: the list's own field for the number of purchases."),
    optional("purchase_sum_field", SettingKind::Text, "ASSUMED: the list's own field for the sum of all purchases."),
    optional(
        "history_currency",
        SettingKind::Text,
        "The currency of the purchase history; purchases in another one are refused. Without it, one person's \
         purchases must all be in the same currency.",
    ),
    default(
        "zone",
        SettingKind::Zone,
        "Europe/Budapest",
        "ASSUMED: the zone whose day a date is (the vendor's times carry none).",
    ),
    default(
        "settle",
        SettingKind::Duration,
        "1m",
        "ASSUMED: how long after a lost answer a look-up shows what the vendor did.",
    ),
];

const fn optional(name: &'static str, kind: SettingKind, doc: &'static str) -> Setting {
    Setting { name, kind, need: Need::Optional, doc }
}

const fn default(name: &'static str, kind: SettingKind, value: &'static str, doc: &'static str) -> Setting {
    Setting { name, kind, need: Need::Default(value), doc }
}

/// A list or a form that an operation may need: its setting's name, and its id where it is set.
#[derive(Clone, Copy)]
pub(super) struct Place {
    setting: &'static str,
    id: Option<i64>,
}

impl Place {
    fn read(settings: &Settings, setting: &'static str) -> Self {
        Self { setting, id: settings.integer(setting) }
    }

    pub(super) fn id(self) -> Option<i64> {
        self.id
    }

    /// Its id, for whoever cannot do without.
    ///
    /// # Errors
    /// Which setting is missing.
    pub(super) fn need(self) -> Result<i64, String> {
        self.id.ok_or_else(|| format!("the connection's setting `{}` is missing", self.setting))
    }
}

/// One account's settings, as used.
pub(super) struct Account {
    pub(super) api: Api,
    pub(super) newsletter_list: Place,
    pub(super) subscribe_form: Place,
    pub(super) update_form: Place,
    pub(super) resubscribe_form: Place,
    pub(super) order_list: Place,
    pub(super) order_form: Place,
    pub(super) status_form: Place,
    pub(super) billing_form: Place,
    pub(super) unique_email: bool,
    pub(super) names_swapped: bool,
    pub(super) orders: OrderRules,
    pub(super) history: HistoryFields,
    pub(super) zone: jiff::tz::TimeZone,
    pub(super) settle: Duration,
}

/// How the account keeps orders.
pub(super) struct OrderRules {
    /// They are known there by the source's id, not by their number.
    pub(super) by_id: bool,
    pub(super) paid_by_invoice: bool,
    pub(super) invoiced_before_payment: bool,
    pub(super) discount_prefix: String,
    pub(super) discount_name: String,
}

/// The newsletter list's fields for a person's purchases; empty where one is not kept.
pub(super) struct HistoryFields {
    pub(super) date: String,
    pub(super) count: String,
    pub(super) sum: String,
    /// Upper case; empty when any single one will do.
    pub(super) currency: String,
}

impl HistoryFields {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [&self.date, &self.count, &self.sum].into_iter().map(String::as_str).filter(|name| !name.is_empty())
    }
}

impl Account {
    pub(super) fn read(settings: &Settings) -> Result<Self, Vec<SettingProblem>> {
        let place = |setting| Place::read(settings, setting);
        let account = Self {
            api: Api {
                base: settings.url("base_url").expect("it has a default").clone(),
                user: settings.text("user").to_owned(),
                password: settings.secret("password"),
                update_method: if settings.text("update_method") == "put" { Method::Put } else { Method::Post },
            },
            newsletter_list: place("newsletter_list"),
            subscribe_form: place("subscribe_form"),
            update_form: place("update_form"),
            resubscribe_form: place("resubscribe_form"),
            order_list: place("order_list"),
            order_form: place("order_form"),
            status_form: place("status_form"),
            billing_form: place("billing_form"),
            unique_email: settings.flag("unique_email"),
            names_swapped: settings.flag("names_swapped"),
            orders: OrderRules {
                by_id: settings.text("order_reference") == "id",
                paid_by_invoice: settings.text("order_found_by") == "invoice_number",
                invoiced_before_payment: settings.flag("invoiced_before_payment"),
                discount_prefix: settings.text("discount_prefix").to_owned(),
                discount_name: settings.text("discount_name").to_owned(),
            },
            history: HistoryFields {
                date: settings.text("purchase_date_field").to_owned(),
                count: settings.text("purchase_count_field").to_owned(),
                sum: settings.text("purchase_sum_field").to_owned(),
                currency: settings.text("history_currency").to_ascii_uppercase(),
            },
            zone: settings.zone("zone"),
            settle: settings.duration("settle").unwrap_or_default(),
        };
        let problems = account.problems();
        if problems.is_empty() { Ok(account) } else { Err(problems) }
    }

    fn problems(&self) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        let mut problem = |setting, message: &str, hint: &str| {
            problems.push(SettingProblem { setting, message: message.to_owned(), hint: Some(hint.to_owned()) });
        };
        if self.api.user.is_empty() || self.api.user.contains(':') {
            problem("user", "a user name that is empty or has a colon cannot be sent", "copy it from the key pair");
        }
        if self.api.password.expose().is_empty() {
            problem("password", "the password is empty", "copy it from the key pair");
        }
        // The API cannot tell a form that bills from one that does not, so the two ids are all that keeps a change of
        // status from issuing an invoice.
        if self.status_form.id().is_some() && self.status_form.id() == self.billing_form.id() {
            problem(
                "status_form",
                "`status_form` and `billing_form` are the same form: each change of status might issue an invoice",
                "make a second update form without invoicing for the order list",
            );
        }
        let names: Vec<&str> = self.history.names().collect();
        if names.iter().enumerate().any(|(index, name)| names.iter().skip(index + 1).any(|other| other == name)) {
            problem(
                "purchase_sum_field",
                "the fields of the purchase history are not different from each other",
                "give each its own field of the list, or leave out what you do not keep",
            );
        }
        problems
    }
}
