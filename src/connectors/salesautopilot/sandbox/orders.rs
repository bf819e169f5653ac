//! Orders from a webshop.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    super::wire::{EMAIL, ORDER_REFERENCE, PAYMENT_STATUS, SHOP_STATUS, payment},
    Answered, Refusal,
    store::{FormKind, Record, Store, text_of},
};
use crate::{connectors::kit::number, model::time::Timestamp};

const FIELDS: &[&str] = &[
    "order_id",
    "email",
    "mssys_firstname",
    "mssys_lastname",
    "mssys_phone",
    "mssys_fax",
    "shipping_method",
    "payment_method",
    "payment_code",
    "currency",
    "mssys_bill_company",
    "mssys_vat_number",
    "mssys_bill_country",
    "mssys_bill_state",
    "mssys_bill_zip",
    "mssys_bill_city",
    "mssys_bill_address",
    "mssys_postal_company",
    "mssys_postal_country",
    "mssys_postal_state",
    "mssys_postal_zip",
    "mssys_postal_city",
    "mssys_postal_address",
    "netshippingcost",
    "grossshippingcost",
    "mssys_comment",
    "order_status_id",
    "mssys_postal_deliverypoint_type",
    "mssys_postal_deliverypoint_name",
    "mssys_booking_start_time",
    "mssys_booking_end_time",
    "mssys_coupon",
    "mssys_coupon_discount_amount_netto",
    "mssys_coupon_discount_amount_brutto",
    "mssys_integration_type",
    "products",
];

/// Fields of the body that the record keeps under the same name.
const KEPT: &[&str] = &["email", "mssys_firstname", "mssys_lastname", "mssys_phone", "mssys_comment"];

const LINE_FIELDS: &[&str] =
    &["prod_id", "prod_name", "qty", "tax", "prod_price", "categories", "category_id", "category_name"];

/// Records an order. The same reference again makes a second one: nobody documents that it is refused.
pub(super) fn process(store: &mut Store, list: i64, form: i64, body: &Value, now: Timestamp) -> Answered {
    store.form(list, form, FormKind::Order)?;
    let body = body.as_object().ok_or_else(|| Refusal::parameters("a JSON object is expected"))?;
    check(body)?;
    let record = record(body)?;
    let reference = record.get(ORDER_REFERENCE).cloned();
    let id = store.add(list, record, now)?;
    store.effect(json!({ "effect": "order", "list": list, "record": id, "order": reference, "changed": true }));
    Ok(store.order_answer.clone().unwrap_or_else(|| json!(id)))
}

fn check(body: &Map<String, Value>) -> Result<(), Refusal> {
    known(body, FIELDS)?;
    for name in ["order_id", EMAIL] {
        required(body, name)?;
    }
    for name in ["mssys_bill_country", "mssys_postal_country"] {
        let country = body.get(name).and_then(text_of);
        if country.is_some_and(|text| text.len() != 2 || text.bytes().any(|byte| !byte.is_ascii_lowercase())) {
            return Err(Refusal::parameters(format!("{name} takes two small letters")));
        }
    }
    for name in ["netshippingcost", "grossshippingcost"] {
        if body.get(name).is_some_and(|cost| number::decimal(cost).is_none()) {
            return Err(Refusal::parameters(format!("{name} takes a number")));
        }
    }
    Ok(())
}

fn known(fields: &Map<String, Value>, names: &[&str]) -> Result<(), Refusal> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(Refusal::parameters(format!("unknown field {name}"))),
        None => Ok(()),
    }
}

fn required(fields: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    let text = fields.get(name).and_then(text_of).filter(|text| !text.is_empty());
    text.ok_or_else(|| Refusal::parameters(format!("{name} is missing")))
}

fn record(body: &Map<String, Value>) -> Result<Record, Refusal> {
    let products = body.get("products").and_then(Value::as_array).filter(|products| !products.is_empty());
    let products = products.ok_or_else(|| Refusal::parameters("products are missing"))?;
    let mut record = Record::new();
    for name in KEPT {
        record.insert((*name).to_owned(), body.get(*name).cloned().unwrap_or_default());
    }
    let cost = |name: &str| body.get(name).and_then(number::decimal).unwrap_or_default();
    let (mut net, mut gross) = (cost("netshippingcost"), cost("grossshippingcost"));
    let mut lines = Vec::new();
    for product in products {
        let (line, line_net, line_gross) = line(product)?;
        net = net.checked_add(line_net).ok_or_else(too_large)?;
        gross = gross.checked_add(line_gross).ok_or_else(too_large)?;
        lines.push(line);
    }
    let order_id = required(body, "order_id")?;
    record.insert(ORDER_REFERENCE.to_owned(), order_id.into());
    record.insert(SHOP_STATUS.to_owned(), body.get("order_status_id").cloned().unwrap_or_default());
    record.insert(PAYMENT_STATUS.to_owned(), payment::ORDERED.to_string().into());
    record.insert("mssys_pay_date".to_owned(), "0000-00-00".into());
    record.insert("mssys_billing_number".to_owned(), "".into());
    record.insert("mssys_bill_currency".to_owned(), body.get("currency").cloned().unwrap_or_default());
    record.insert("mssys_netto_shipping_cost".to_owned(), cost("netshippingcost").to_string().into());
    record.insert("mssys_shipping_cost".to_owned(), cost("grossshippingcost").to_string().into());
    record.insert("mssys_order_netto_sum".to_owned(), sum(net).into());
    record.insert("mssys_order_brutto_sum".to_owned(), sum(gross).into());
    record.insert("products".to_owned(), lines.into());
    Ok(record)
}

fn line(product: &Value) -> Result<(Value, Decimal, Decimal), Refusal> {
    let product = product.as_object().ok_or_else(|| Refusal::parameters("a product is an object"))?;
    known(product, LINE_FIELDS)?;
    let quantity: i64 =
        required(product, "qty")?.parse().map_err(|_| Refusal::parameters("qty takes a whole number"))?;
    let amount = |name: &str| {
        product.get(name).and_then(number::decimal).ok_or_else(|| Refusal::parameters(format!("{name} is missing")))
    };
    let (tax, price) = (amount("tax")?, amount("prod_price")?);
    if price.scale() > 2 {
        return Err(Refusal::parameters("prod_price has two decimals"));
    }
    let net = price.checked_mul(quantity.into()).ok_or_else(too_large)?;
    let tax_of_line = net.checked_mul(tax).ok_or_else(too_large)? / Decimal::ONE_HUNDRED;
    let gross = net.checked_add(tax_of_line).ok_or_else(too_large)?;
    let line = json!({
        "oi_sku": required(product, "prod_id")?, "oi_name": required(product, "prod_name")?,
        "oi_price": price.to_string(), "oi_quantity": quantity.to_string(), "oi_vat_percent": tax.to_string(),
        "oi_netto_sum": sum(net), "oi_brutto_sum": sum(gross),
    });
    Ok((line, net, gross))
}

fn sum(amount: Decimal) -> String {
    format!("{:.2}", amount.round_dp(2))
}

fn too_large() -> Refusal {
    Refusal::parameters("the amounts are too large")
}
