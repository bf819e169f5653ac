//! What an order's status means, and when an order counts as paid. An unknown status is never a success.

use super::{
    settings::{Account, PaidWhen},
    wire::Object,
};
use crate::{model::time::Timestamp, topics::body::v1::OrderStatus};

/// Where events carry the shop's own word.
pub(super) const FIELD: &str = "order.source_status";

/// Our statuses, by the names that `status_map` takes; most are the shop's own words.
pub(super) const NAMES: [(&str, OrderStatus); 10] = [
    ("draft", OrderStatus::Draft),
    ("pending", OrderStatus::Pending),
    ("on-hold", OrderStatus::OnHold),
    ("processing", OrderStatus::Processing),
    ("completed", OrderStatus::Completed),
    ("cancelled", OrderStatus::Cancelled),
    ("refunded", OrderStatus::Refunded),
    ("failed", OrderStatus::Failed),
    ("deleted", OrderStatus::Deleted),
    ("unknown", OrderStatus::Unknown),
];

/// A status by our name for it.
pub(super) fn named(name: &str) -> Option<OrderStatus> {
    NAMES.iter().find(|(known, _)| *known == name.replace('_', "-")).map(|(_, status)| *status)
}

/// A status without the prefix that the database has and REST has not; people copy both.
pub(super) fn bare(word: &str) -> &str {
    word.strip_prefix("wc-").unwrap_or(word)
}

/// What the shop's word means: the owner's map first, then the shop's own list.
pub(super) fn of(account: &Account, word: &str) -> OrderStatus {
    let word = bare(word);
    if let Some(status) = account.statuses.get(word) {
        return *status;
    }
    match word {
        "pending" => OrderStatus::Pending,
        "processing" => OrderStatus::Processing,
        "on-hold" => OrderStatus::OnHold,
        "completed" => OrderStatus::Completed,
        "cancelled" => OrderStatus::Cancelled,
        "refunded" => OrderStatus::Refunded,
        "failed" => OrderStatus::Failed,
        "trash" => OrderStatus::Deleted,
        "auto-draft" | "checkout-draft" => OrderStatus::Draft,
        _ => OrderStatus::Unknown,
    }
}

/// Whether an order counts as paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paid {
    No,
    /// The shop gives the moment.
    At(Timestamp),
    /// Its status says so; the shop gives no moment.
    ByStatus,
}

/// Applies the owner's rule. The date counts whatever the status is now: it is kept after refunds and cancellations.
pub(super) fn paid(account: &Account, order: Object<'_>, status: OrderStatus) -> Paid {
    let date = order.moment("date_paid_gmt");
    let by_status = proves_payment(account, order, status);
    match (account.paid_when, date, by_status) {
        (PaidWhen::DatePaid | PaidWhen::Either, Some(at), _) | (PaidWhen::Status, Some(at), true) => Paid::At(at),
        (PaidWhen::Status | PaidWhen::Either, None, true) => Paid::ByStatus,
        _ => Paid::No,
    }
}

/// Whether the status alone says that it is paid. Cash on delivery is `processing` long before anybody pays.
fn proves_payment(account: &Account, order: Object<'_>, status: OrderStatus) -> bool {
    let on_delivery = account.cash_methods.iter().any(|method| method == order.text("payment_method"));
    let word = bare(order.text("status"));
    let listed = |wanted: &String| wanted == word || named(wanted) == Some(status);
    !on_delivery && status != OrderStatus::Unknown && account.paid_statuses.iter().any(listed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::connectors::{contract::settings::settings_of, woocommerce::settings::LIST};

    fn account(given: &[(&str, &str)]) -> Account {
        let given = [&[("secret", "s")], given].concat();
        Account::read(&settings_of(LIST, &given)).unwrap_or_else(|_| panic!("good settings"))
    }

    fn judge(account: &Account, order: &Value) -> (OrderStatus, Paid) {
        let order = Object::of(order);
        let status = of(account, order.text("status"));
        (status, paid(account, order, status))
    }

    const AT: &str = "2026-11-22T05:30:01";

    fn at() -> Paid {
        Paid::At(super::super::wire::moment(AT).expect("time"))
    }

    #[test]
    fn a_status_that_a_plugin_made_is_unknown_and_never_paid() {
        let account = account(&[]);
        for word in ["shipped", "wc-awaiting-shipment", "", "PROCESSING", "completed "] {
            assert_eq!(judge(&account, &json!({"status": word})), (OrderStatus::Unknown, Paid::No), "{word}");
        }
        assert_eq!(judge(&account, &json!({})), (OrderStatus::Unknown, Paid::No));
    }

    #[test]
    fn the_owner_may_say_what_it_means() {
        let account = account(&[("status_map", "shipped: completed, picked: on_hold")]);
        assert_eq!(judge(&account, &json!({"status": "shipped"})), (OrderStatus::Completed, Paid::ByStatus));
        assert_eq!(judge(&account, &json!({"status": "picked"})), (OrderStatus::OnHold, Paid::No));
    }

    #[test]
    fn a_status_mapped_to_unknown_cannot_be_listed_into_a_success() {
        let account = account(&[("paid_statuses", "shipped"), ("status_map", "shipped: unknown")]);
        assert_eq!(judge(&account, &json!({"status": "shipped"})).1, Paid::No);
    }

    #[test]
    fn either_the_date_or_the_status_says_paid() {
        let account = account(&[]);
        assert_eq!(judge(&account, &json!({"status": "processing"})).1, Paid::ByStatus);
        assert_eq!(judge(&account, &json!({"status": "refunded", "date_paid_gmt": AT})).1, at());
        assert_eq!(judge(&account, &json!({"status": "on-hold"})).1, Paid::No);
    }

    #[test]
    fn cash_on_delivery_is_paid_by_its_date_only() {
        let account = account(&[]);
        assert_eq!(judge(&account, &json!({"status": "processing", "payment_method": "cod"})).1, Paid::No);
        let done = json!({"status": "completed", "payment_method": "cod", "date_paid_gmt": AT});
        assert_eq!(judge(&account, &done).1, at());
    }

    #[test]
    fn the_rule_can_be_narrowed() {
        let by_date = account(&[("paid_when", "date_paid")]);
        assert_eq!(judge(&by_date, &json!({"status": "completed"})).1, Paid::No);
        let by_status = account(&[("paid_when", "status")]);
        assert_eq!(judge(&by_status, &json!({"status": "failed", "date_paid_gmt": AT})).1, Paid::No);
        assert_eq!(judge(&by_status, &json!({"status": "completed", "date_paid_gmt": AT})).1, at());
    }
}
