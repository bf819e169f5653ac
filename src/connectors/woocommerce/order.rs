//! An order of the shop as an order of ours.
//!
//! Left out on purpose: `order_key` and `payment_url` (whoever has them can look at the order and pay it), and the
//! buyer's IP address and browser (personal, and of no use to flows).

use std::collections::BTreeMap;

use super::{
    lines::{Lines, subtract},
    meta,
    settings::Account,
    status::Paid,
    wire::Object,
};
use crate::topics::body::v1::{Address, Order, OrderStatus, Party};

/// Maps one order.
pub(super) fn read(account: &Account, order: Object<'_>, status: OrderStatus, paid: Paid) -> Order {
    let lines = Lines { order, currency: order.text("currency") };
    let (total, total_tax) = (order.decimal("total"), order.decimal("total_tax"));
    let shipping = order.list("shipping_lines").next();
    Order {
        id: order.id("id").unwrap_or_default(),
        number: order.plain("number"),
        status: status as i32,
        source_status: order.text("status").to_owned(),
        paid: paid != Paid::No,
        cancelled: status == OrderStatus::Cancelled,
        created_at: time(order, "date_created_gmt"),
        updated_at: time(order, "date_modified_gmt"),
        paid_at: time(order, "date_paid_gmt"),
        completed_at: time(order, "date_completed_gmt"),
        currency: lines.currency.to_ascii_uppercase(),
        total: lines.money(total),
        total_tax: lines.money(total_tax),
        total_net: lines.money(subtract(total, total_tax)),
        shipping_total: lines.money(order.decimal("shipping_total")),
        discount_total: lines.money(order.decimal("discount_total")),
        total_kept: lines.money(lines.kept()),
        prices_include_tax: order.flag("prices_include_tax"),
        customer: Some(customer(account, order)),
        items: lines.items(),
        taxes: lines.taxes(),
        discounts: lines.discounts(),
        refunds: lines.refunds(),
        payment_method: order.text("payment_method").to_owned(),
        payment_method_title: order.text("payment_method_title").to_owned(),
        transaction_id: order.plain("transaction_id"),
        shipping_method: shipping.map(|line| line.plain("method_id")).unwrap_or_default(),
        shipping_method_title: shipping.map(|line| line.text("method_title").to_owned()).unwrap_or_default(),
        note: order.text("customer_note").to_owned(),
        form: order.text("created_via").to_owned(),
        custom_fields: meta::fields(order),
        vendor_ids: vendor_ids(order),
        ..Order::default()
    }
}

/// What is left of an order of which only the id is told.
pub(super) fn deleted(id: &str) -> Order {
    Order {
        id: id.to_owned(),
        status: OrderStatus::Deleted as i32,
        vendor_ids: BTreeMap::from([("id".to_owned(), id.to_owned())]),
        ..Order::default()
    }
}

fn customer(account: &Account, order: Object<'_>) -> Party {
    let billing = order.object("billing");
    Party {
        id: order.id("customer_id").unwrap_or_default(),
        first_name: billing.text("first_name").to_owned(),
        last_name: billing.text("last_name").to_owned(),
        email: billing.text("email").trim().to_owned(),
        phone: billing.plain("phone"),
        company: billing.text("company").to_owned(),
        company_id: meta::first(order, &account.company_id_keys),
        tax_id: meta::first(order, &account.tax_id_keys),
        vat_id: meta::first(order, &account.vat_id_keys),
        address: address(billing),
        shipping_address: address(order.object("shipping")),
        ..Party::default()
    }
}

/// An address; nothing when all of it is empty, as the shipping address often is.
fn address(part: Object<'_>) -> Option<Address> {
    let names = [part.text("first_name"), part.text("last_name")];
    let address = Address {
        name: names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" "),
        company: part.text("company").to_owned(),
        street: part.text("address_1").to_owned(),
        street2: part.text("address_2").to_owned(),
        city: part.text("city").to_owned(),
        postcode: part.plain("postcode"),
        region: part.text("state").to_owned(),
        country: part.text("country").to_ascii_uppercase(),
        phone: part.plain("phone"),
        email: part.text("email").trim().to_owned(),
    };
    (address != Address::default()).then_some(address)
}

fn time(order: Object<'_>, name: &str) -> String {
    order.moment(name).map(|at| at.to_string()).unwrap_or_default()
}

fn vendor_ids(order: Object<'_>) -> BTreeMap<String, String> {
    ["id", "parent_id", "customer_id"].into_iter().filter_map(|name| Some((name.to_owned(), order.id(name)?))).collect()
}
