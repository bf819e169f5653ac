//! What somebody at the shop's screens can do, and the webhooks that follow: one line of the observed table each.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shop,
    delivery::Delivery,
    order::{NewOrder, build, set_date, set_status},
};
use crate::{connectors::kit::number, model::time::Timestamp};

/// A command, as `{"pay": {"id": 20}}`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    CreateOrder(NewOrder),
    Pay { id: u64, transaction_id: Option<String> },
    Complete { id: u64 },
    Cancel { id: u64 },
    SetStatus { id: u64, status: String },
    Refund { id: u64, amount: Value, reason: Option<String> },
    DeleteRefund { id: u64, refund: u64 },
    Edit { id: u64, note: String },
    Trash { id: u64 },
    Restore { id: u64 },
    Delete { id: u64 },
    Ping {},
}

const KNOWN: &str =
    "create_order, pay, complete, cancel, set_status, refund, delete_refund, edit, trash, restore, delete or ping";

/// Runs a command. The answer holds the order's id and the requests that the shop sends.
pub(super) fn run(shop: &mut Shop, command: &Value, now: Timestamp) -> Result<Value, String> {
    let command = Command::deserialize(command).map_err(|error| format!("{error}; known commands: {KNOWN}"))?;
    let (id, deliveries) = match command {
        Command::CreateOrder(new) => shop.create(&new, now)?,
        Command::Pay { id, transaction_id } => shop.change(id, now, |order| {
            set_status(order, "processing", now);
            order["transaction_id"] = json!(transaction_id.unwrap_or_default());
            Ok(())
        })?,
        Command::Complete { id } => shop.set_status(id, "completed", now)?,
        Command::Cancel { id } => shop.set_status(id, "cancelled", now)?,
        Command::SetStatus { id, status } => shop.set_status(id, &status, now)?,
        Command::Refund { id, amount, reason } => shop.refund(id, &amount, reason.as_deref().unwrap_or(""), now)?,
        Command::DeleteRefund { id, refund } => shop.delete_refund(id, refund)?,
        Command::Edit { id, note } => shop.change(id, now, |order| {
            order["customer_note"] = json!(note);
            set_date(order, "date_modified", now);
            Ok(())
        })?,
        Command::Trash { id } => shop.trash(id, now)?,
        Command::Restore { id } => shop.restore(id, now)?,
        // Deleting for good sends nothing.
        Command::Delete { id } => match shop.orders.remove(&id) {
            Some(_) => (Some(id), Vec::new()),
            None => return Err(no_such(id)),
        },
        Command::Ping {} => (None, vec![Delivery::ping()]),
    };
    Ok(json!({"id": id, "webhooks": deliveries.iter().map(Delivery::to_value).collect::<Vec<_>>()}))
}

/// The order and what is sent for it.
type Outcome = Result<(Option<u64>, Vec<Delivery>), String>;

fn no_such(id: u64) -> String {
    format!("there is no order {id}")
}

fn is_draft(status: &Value) -> bool {
    matches!(status.as_str(), Some("auto-draft" | "checkout-draft"))
}

impl Shop {
    /// A new order sends `created` and an equal `updated`; a draft sends `created` only.
    fn create(&mut self, new: &NewOrder, now: Timestamp) -> Outcome {
        let id = self.take_id();
        let order = build(id, new, now)?;
        let topics: &[_] =
            if is_draft(&order["status"]) { &["order.created"] } else { &["order.created", "order.updated"] };
        let deliveries = self.tell(topics, &order, now);
        self.put(order);
        Ok((Some(id), deliveries))
    }

    /// Leaving the draft sends `created` again, without `updated`. A status set on a trashed order sends nothing.
    fn set_status(&mut self, id: u64, status: &str, now: Timestamp) -> Outcome {
        let before = self.orders.get(&id).ok_or_else(|| no_such(id))?["status"].clone();
        let (id, updated) = self.change(id, now, |order| {
            set_status(order, status, now);
            Ok(())
        })?;
        if before == "trash" {
            return Ok((id, Vec::new()));
        }
        if is_draft(&before) && !is_draft(&json!(status)) {
            let order = id.and_then(|id| self.orders.get(&id)).cloned().unwrap_or_default();
            return Ok((id, self.tell(&["order.created"], &order, now)));
        }
        Ok((id, updated))
    }

    /// Anything that is saved sends one `updated`.
    fn change(&mut self, id: u64, now: Timestamp, change: impl FnOnce(&mut Value) -> Result<(), String>) -> Outcome {
        let order = self.orders.get_mut(&id).ok_or_else(|| no_such(id))?;
        change(order)?;
        let order = order.clone();
        Ok((Some(id), self.tell(&["order.updated"], &order, now)))
    }

    /// The newest refund stands first. The one that gives back the rest makes the order `refunded`.
    fn refund(&mut self, id: u64, amount: &Value, reason: &str, now: Timestamp) -> Outcome {
        let amount =
            number::decimal(amount).filter(|amount| *amount > Decimal::ZERO).ok_or("`amount` takes an amount")?;
        let refund_id = self.next_id;
        let outcome = self.change(id, now, |order| {
            let left = left(order).and_then(|left| left.checked_sub(amount)).ok_or("the amount is too large")?;
            if left < Decimal::ZERO {
                // By REST a 500, and for good: `woocommerce_rest_cannot_create_order_refund`.
                return Err("`amount` is more than what is left of the order".to_owned());
            }
            let refund =
                json!({"id": refund_id, "reason": reason, "total": format!("-{amount:.2}"), "total_tax": "0.00"});
            order["refunds"].as_array_mut().ok_or("the order has no refunds")?.insert(0, refund);
            set_date(order, "date_modified", now);
            if left.is_zero() {
                set_status(order, "refunded", now);
            }
            Ok(())
        })?;
        self.next_id += 1;
        Ok(outcome)
    }

    /// Deleting a refund sends nothing and does not even move the change time.
    fn delete_refund(&mut self, id: u64, refund: u64) -> Outcome {
        let order = self.orders.get_mut(&id).ok_or_else(|| no_such(id))?;
        if let Some(refunds) = order["refunds"].as_array_mut() {
            refunds.retain(|known| known["id"] != refund);
        }
        Ok((Some(id), Vec::new()))
    }

    fn trash(&mut self, id: u64, now: Timestamp) -> Outcome {
        self.change(id, now, |order| {
            if order["status"] == "trash" {
                return Err("the order is in the bin already".to_owned());
            }
            let before = json!({"id": 90, "key": "_wp_trash_meta_status", "value": order["status"]});
            order["meta_data"].as_array_mut().ok_or("the order has no meta data")?.push(before);
            set_status(order, "trash", now);
            Ok(())
        })?;
        Ok((Some(id), self.tell(&["order.deleted"], &json!({ "id": id }), now)))
    }

    fn restore(&mut self, id: u64, now: Timestamp) -> Outcome {
        let (id, _) = self.change(id, now, |order| {
            let entries = order["meta_data"].as_array_mut().ok_or("the order has no meta data")?;
            let place = entries.iter().position(|entry| entry["key"] == "_wp_trash_meta_status");
            let before = entries.remove(place.ok_or("the order is not in the bin")?);
            set_status(order, before["value"].as_str().unwrap_or("pending"), now);
            Ok(())
        })?;
        let order = id.and_then(|id| self.orders.get(&id)).cloned().unwrap_or_default();
        Ok((id, self.tell(&["order.restored"], &order, now)))
    }

    fn tell(&self, topics: &[&'static str], body: &Value, now: Timestamp) -> Vec<Delivery> {
        topics.iter().map(|topic| Delivery::signed(topic, body, self.key.as_ref(), now)).collect()
    }
}

/// What is left of an order's money: its total less its refunds, which are negative.
fn left(order: &Value) -> Option<Decimal> {
    let refunds = order["refunds"].as_array()?;
    refunds.iter().try_fold(number::decimal(&order["total"])?, |left, refund| {
        left.checked_add(number::decimal(&refund["total"])?)
    })
}
