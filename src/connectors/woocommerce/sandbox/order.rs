//! Orders as the simulated shop holds them: the REST resource, ready to be sent.
//!
//! Members stand as a shop of 2026 prints them, so that whoever reads them meets the real shape. The people are
//! invented.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    connectors::{kit::number, woocommerce::wire::gmt},
    model::time::Timestamp,
};

/// An order with everything but its id, its lines, its sums and its dates.
const TEMPLATE: &str = include_str!("../fixtures/order.json");

/// The simulated shop's clock is one hour ahead of UTC, as in Prague in winter.
pub(super) const OFFSET: std::time::Duration = std::time::Duration::from_hours(1);

/// An order to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::connectors::woocommerce) struct NewOrder {
    pub(in crate::connectors::woocommerce) status: String,
    pub(in crate::connectors::woocommerce) email: String,
    pub(in crate::connectors::woocommerce) payment_method: String,
    pub(in crate::connectors::woocommerce) items: Vec<NewItem>,
}

/// A line of an order to be made; its price is without tax.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::connectors::woocommerce) struct NewItem {
    pub(in crate::connectors::woocommerce) sku: String,
    #[serde(default)]
    pub(in crate::connectors::woocommerce) name: String,
    pub(in crate::connectors::woocommerce) quantity: u32,
    pub(in crate::connectors::woocommerce) price: String,
}

impl Default for NewOrder {
    fn default() -> Self {
        let item = |sku: &str, name: &str, price: &str| NewItem {
            sku: sku.to_owned(),
            name: name.to_owned(),
            quantity: 1,
            price: price.to_owned(),
        };
        Self {
            status: "pending".to_owned(),
            email: "eva.ruzickova@example.cz".to_owned(),
            payment_method: "bacs".to_owned(),
            items: vec![
                item("COURSE-1", "Kurz šití – začátečníci", "1652.89"),
                item("BOOK-1", "Žlutá kniha střihů", "247.11"),
            ],
        }
    }
}

/// Tax in percent: one rate is enough for a simulated shop.
const TAX_PERCENT: u32 = 21;

/// Makes the resource. Amounts that cannot be read or are too large are refused.
pub(in crate::connectors::woocommerce) fn build(id: u64, new: &NewOrder, now: Timestamp) -> Result<Value, String> {
    let mut lines = Vec::new();
    let (mut net, mut tax) = (Decimal::ZERO, Decimal::ZERO);
    for (index, item) in new.items.iter().enumerate() {
        let (line_net, line_tax) = amounts(item).ok_or("`price` takes an amount such as `100.00`")?;
        net = net.checked_add(line_net).ok_or("the prices are too large")?;
        tax = tax.checked_add(line_tax).ok_or("the prices are too large")?;
        lines.push(line(index, item, line_net, line_tax));
    }
    let total = net.checked_add(tax).ok_or("the prices are too large")?;
    let mut order: Value = serde_json::from_str(TEMPLATE).expect("the template is JSON");
    order["id"] = json!(id);
    order["number"] = json!(id.to_string());
    order["order_key"] = json!(format!("wc_order_{id:013}"));
    order["payment_url"] = json!(format!("https://shop.example.cz/pay/{id}/?key=wc_order_{id:013}"));
    order["_links"]["self"] = json!([{"href": format!("https://shop.example.cz/wp-json/wc/v3/orders/{id}")}]);
    order["billing"]["email"] = json!(new.email);
    order["payment_method"] = json!(new.payment_method);
    order["payment_method_title"] = json!(if new.payment_method == "cod" { "Dobírka" } else { "Bankovní převod" });
    order["line_items"] = json!(lines);
    order["total"] = json!(money(total));
    for (pointer, name) in [("", "total_tax"), ("", "cart_tax"), ("/tax_lines/0", "tax_total")] {
        order.pointer_mut(pointer).expect("the template has it")[name] = json!(money(tax));
    }
    set_date(&mut order, "date_created", now);
    set_date(&mut order, "date_modified", now);
    set_status(&mut order, &new.status, now);
    Ok(order)
}

/// A change of status with what the shop does besides: dates of payment and completion.
pub(in crate::connectors::woocommerce) fn set_status(order: &mut Value, status: &str, now: Timestamp) {
    order["status"] = json!(status);
    let is_unpaid_cash = status == "processing" && order["payment_method"] == "cod";
    let has_lines = order["line_items"].as_array().is_some_and(|lines| !lines.is_empty());
    let pays = status == "completed" || (status == "processing" && has_lines);
    if pays && !is_unpaid_cash && order["date_paid_gmt"].is_null() {
        set_date(order, "date_paid", now);
    }
    if status == "completed" && order["date_completed_gmt"].is_null() {
        set_date(order, "date_completed", now);
    }
    let is_open = matches!(status, "pending" | "failed");
    order["needs_payment"] = json!(is_open);
    order["is_editable"] = json!(is_open || status == "on-hold" || status == "auto-draft");
    order["needs_processing"] = json!(true);
    set_date(order, "date_modified", now);
}

/// Sets a date and its `_gmt` twin.
pub(super) fn set_date(order: &mut Value, name: &str, now: Timestamp) {
    order[name] = json!(gmt(now.checked_add(OFFSET).unwrap_or(now)));
    order[format!("{name}_gmt")] = json!(gmt(now));
}

fn amounts(item: &NewItem) -> Option<(Decimal, Decimal)> {
    let net = number::parse(&item.price)?.checked_mul(Decimal::from(item.quantity))?.round_dp(2);
    let tax = net.checked_mul(Decimal::new(i64::from(TAX_PERCENT), 2))?.round_dp(2);
    Some((net, tax))
}

fn line(index: usize, item: &NewItem, net: Decimal, tax: Decimal) -> Value {
    json!({
        "id": index + 1, "name": item.name, "product_id": index + 10, "variation_id": 0, "quantity": item.quantity,
        "tax_class": "", "subtotal": money(net), "subtotal_tax": money(tax), "total": money(net),
        "total_tax": money(tax),
        "taxes": [{"id": 1, "total": money(tax), "subtotal": money(tax)}], "meta_data": [], "sku": item.sku,
        "global_unique_id": "", "price": price(&item.price), "image": {"id": "", "src": ""}, "parent_name": null,
    })
}

/// A JSON number, as the shop prints it beside all its texts.
fn price(text: &str) -> Value {
    serde_json::from_str::<serde_json::Number>(text).map_or(Value::Null, Value::Number)
}

fn money(amount: Decimal) -> String {
    format!("{amount:.2}")
}
