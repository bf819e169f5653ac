//! An order as `processWebshopOrder` takes it. What the order does not tell is left out.

use rust_decimal::Decimal;
use serde_json::{Map, Number, Value, json};

use super::{
    super::{account::Account, wire::EMAIL},
    order_lines::{self, Line, rounded},
    person::name_fields,
};
use crate::topics::body::v1;

/// Makes the body. `further` holds fields that the flow adds; they cannot replace what the order gives.
pub(super) fn body(
    account: &Account,
    order: &v1::Order,
    reference: &str,
    further: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let lines = order_lines::read(account, order)?;
    let nobody = v1::Party::default();
    let buyer = order.customer.as_ref().unwrap_or(&nobody);
    if buyer.email.is_empty() {
        return Err("`order.customer.email` is missing".to_owned());
    }
    let mut body = Body(Map::new());
    body.text("order_id", reference);
    body.text(EMAIL, &buyer.email);
    person(&mut body, account, buyer);
    body.text("shipping_method", first(&order.shipping_method_title, &order.shipping_method));
    body.text("payment_method", first(&order.payment_method_title, &order.payment_method));
    body.text("payment_code", &order.payment_method);
    body.text("currency", &currency(order));
    addresses(&mut body, buyer);
    body.0.insert("netshippingcost".to_owned(), two_decimals(lines.net_costs));
    body.0.insert("grossshippingcost".to_owned(), two_decimals(lines.gross_costs));
    body.text("mssys_comment", &order.note);
    body.text("order_status_id", &order.source_status);
    body.0.insert("products".to_owned(), lines.goods.iter().map(product).collect());
    for (name, value) in further {
        if body.0.insert(name.clone(), value).is_some() {
            return Err(format!("`fields` names `{name}`, which the order gives"));
        }
    }
    Ok(body.0)
}

struct Body(Map<String, Value>);

impl Body {
    fn text(&mut self, name: &str, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.0.insert(name.to_owned(), text.into());
        }
    }
}

/// A source that knows only the whole name gives it as the family name: split, it might come out the wrong way round.
fn person(body: &mut Body, account: &Account, buyer: &v1::Party) {
    let (first_field, last_field) = name_fields(account);
    let is_split = !buyer.first_name.is_empty() || !buyer.last_name.is_empty();
    body.text(first_field, &buyer.first_name);
    body.text(last_field, if is_split { &buyer.last_name } else { &buyer.name });
    let of_address = buyer.address.as_ref().map_or("", |address| address.phone.as_str());
    body.text("mssys_phone", first(&buyer.phone, of_address));
}

fn addresses(body: &mut Body, buyer: &v1::Party) {
    let nowhere = v1::Address::default();
    let billing = buyer.address.as_ref().unwrap_or(&nowhere);
    body.text("mssys_bill_company", first(&buyer.company, &billing.company));
    body.text("mssys_vat_number", first(&buyer.tax_id, &buyer.vat_id));
    address(body, "mssys_bill", billing);
    let delivery = buyer.shipping_address.as_ref().unwrap_or(&nowhere);
    body.text("mssys_postal_company", &delivery.company);
    address(body, "mssys_postal", delivery);
}

fn address(body: &mut Body, prefix: &str, address: &v1::Address) {
    body.text(&format!("{prefix}_country"), &address.country.to_ascii_lowercase());
    body.text(&format!("{prefix}_state"), &address.region);
    body.text(&format!("{prefix}_zip"), &address.postcode);
    body.text(&format!("{prefix}_city"), &address.city);
    body.text(&format!("{prefix}_address"), &format!("{} {}", address.street, address.street2));
}

fn product(line: &Line) -> Value {
    json!({
        "prod_id": line.id,
        "prod_name": line.name,
        "qty": line.quantity,
        "tax": number(&line.rate.normalize()),
        "prod_price": two_decimals(line.price),
    })
}

fn currency(order: &v1::Order) -> String {
    let of_total = order.total.as_ref().map_or("", |total| total.currency.as_str());
    first(&order.currency, of_total).to_ascii_uppercase()
}

fn first<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.is_empty() { other } else { one }
}

fn two_decimals(amount: Decimal) -> Value {
    let mut amount = rounded(amount);
    amount.rescale(2);
    number(&amount)
}

/// A decimal as a JSON number with just these digits.
pub(super) fn number(decimal: &Decimal) -> Value {
    Value::Number(decimal.to_string().parse::<Number>().expect("a decimal is written as JSON writes a number"))
}
