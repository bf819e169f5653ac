//! Lines, taxes, coupons and refunds of an order.
//!
//! Line totals come without tax, with the tax beside them, whatever the shop shows its customers. Money is only ever
//! added and divided as decimals; `price`, an unrounded JSON number, is never used.

use rust_decimal::Decimal;

use super::{meta, wire::Object};
use crate::{
    connectors::kit::number,
    topics::body::v1::{Discount, Item, ItemKind, Money, Refund, TaxLine},
};

/// Digits kept of a price that had to be divided.
const UNIT_DIGITS: u32 = 6;

/// An order's lines, read with the order's currency, tax rates and way of stating prices.
pub(super) struct Lines<'a> {
    pub(super) order: Object<'a>,
    pub(super) currency: &'a str,
}

impl Lines<'_> {
    /// All lines: goods, shipping, fees, and the rounding that is left to the order's total.
    pub(super) fn items(&self) -> Vec<Item> {
        let goods = self.order.list("line_items").map(|line| self.product(line));
        let shipping =
            self.order.list("shipping_lines").map(|line| self.single(line, ItemKind::Shipping, "method_title"));
        let fees = self.order.list("fee_lines").map(|line| self.single(line, ItemKind::Fee, "name"));
        let mut items: Vec<Item> = goods.chain(shipping).chain(fees).collect();
        items.extend(self.rounding());
        items
    }

    fn product(&self, line: Object<'_>) -> Item {
        let quantity = line.decimal("quantity");
        let (net, before) = (line.decimal("total"), line.decimal("subtotal"));
        let stated =
            if self.order.flag("prices_include_tax") { add(before, line.decimal("subtotal_tax")) } else { before };
        let discount = subtract(before, net).filter(|off| *off > Decimal::ZERO);
        Item {
            code: line.plain("sku"),
            product_id: line.id("product_id").unwrap_or_default(),
            variant_id: line.id("variation_id").unwrap_or_default(),
            quantity: quantity.map(|q| q.to_string()).unwrap_or_default(),
            unit_price: self.money(divide(net, quantity)),
            list_price: self.money(divide(stated, quantity)),
            discount: self.money(discount),
            ..self.line(line, ItemKind::Product, "name")
        }
    }

    /// A line without a quantity of its own.
    fn single(&self, line: Object<'_>, kind: ItemKind, name: &str) -> Item {
        Item {
            code: line.plain("method_id"),
            quantity: "1".to_owned(),
            unit_price: self.money(line.decimal("total")),
            ..self.line(line, kind, name)
        }
    }

    fn line(&self, line: Object<'_>, kind: ItemKind, name: &str) -> Item {
        let (net, tax) = (line.decimal("total"), line.decimal("total_tax"));
        let (tax_rate, tax_code) = self.tax_of(line);
        Item {
            id: line.id("id").unwrap_or_default(),
            kind: kind as i32,
            name: line.text(name).to_owned(),
            net: self.money(net),
            tax: self.money(tax),
            gross: self.money(add(net, tax)),
            tax_rate: tax_rate.or_else(|| computed_rate(net?, tax?)).map(plain).unwrap_or_default(),
            tax_code,
            custom_fields: meta::fields(line),
            ..Item::default()
        }
    }

    /// The one tax of a line, by the rates of the order. A line with several says no single rate.
    fn tax_of(&self, line: Object<'_>) -> (Option<Decimal>, String) {
        let applied = line.list("taxes").filter(|tax| tax.decimal("total").is_some());
        let ids: Vec<String> = applied.filter_map(|tax| tax.id("id")).collect();
        let [id] = &ids[..] else { return (None, String::new()) };
        let rate = self.order.list("tax_lines").find(|rate| rate.id("rate_id").as_ref() == Some(id));
        rate.map_or((None, String::new()), |rate| (rate.decimal("rate_percent"), rate.text("rate_code").to_owned()))
    }

    /// What is missing between the lines and the total, which is the truth: shops that print no decimals keep unrounded
    /// lines. More than one unit a line is no rounding, and is left for people to see.
    fn rounding(&self) -> Option<Item> {
        let mut sums = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        for name in ["line_items", "shipping_lines", "fee_lines"] {
            for line in self.order.list(name) {
                sums.0 = sums.0.checked_add(Decimal::ONE)?;
                sums.1 = sums.1.checked_add(line.decimal("total")?)?;
                sums.2 = sums.2.checked_add(line.decimal("total_tax")?)?;
            }
        }
        let (lines, net, tax) = sums;
        let (total, total_tax) = (self.order.decimal("total")?, self.order.decimal("total_tax")?);
        let tax = total_tax.checked_sub(tax)?;
        let net = total.checked_sub(total_tax)?.checked_sub(net)?;
        let gross = net.checked_add(tax)?;
        (!gross.is_zero() && gross.abs() <= lines).then(|| Item {
            kind: ItemKind::Rounding as i32,
            quantity: "1".to_owned(),
            unit_price: self.money(Some(net)),
            net: self.money(Some(net)),
            tax: self.money(Some(tax)),
            gross: self.money(Some(gross)),
            ..Item::default()
        })
    }

    pub(super) fn taxes(&self) -> Vec<TaxLine> {
        let tax_line = |line: Object<'_>| TaxLine {
            code: line.text("rate_code").to_owned(),
            name: line.text("label").to_owned(),
            rate: line.decimal("rate_percent").map(plain).unwrap_or_default(),
            base: None,
            amount: self.money(add(line.decimal("tax_total"), line.decimal("shipping_tax_total"))),
        };
        self.order.list("tax_lines").map(tax_line).collect()
    }

    /// The coupons. What they take off is already taken off the lines.
    pub(super) fn discounts(&self) -> Vec<Discount> {
        let discount = |line: Object<'_>| Discount {
            code: line.plain("code"),
            name: String::new(),
            amount: self.money(line.decimal("discount")),
            tax: self.money(line.decimal("discount_tax")),
        };
        self.order.list("coupon_lines").map(discount).collect()
    }

    /// The refunds. The order does not say when they were made.
    pub(super) fn refunds(&self) -> Vec<Refund> {
        let refund = |line: Object<'_>| Refund {
            id: line.id("id").unwrap_or_default(),
            amount: self.money(line.decimal("total").map(|total| total.abs())),
            reason: line.text("reason").to_owned(),
            refunded_at: String::new(),
        };
        self.order.list("refunds").map(refund).collect()
    }

    /// What is kept of the total: refunds are negative, and the total never changes.
    pub(super) fn kept(&self) -> Option<Decimal> {
        let mut refunds = self.order.list("refunds");
        refunds.try_fold(self.order.decimal("total")?, |kept, refund| kept.checked_add(refund.decimal("total")?))
    }

    pub(super) fn money(&self, amount: Option<Decimal>) -> Option<Money> {
        amount.map(|amount| number::money(amount, self.currency))
    }
}

fn add(one: Option<Decimal>, other: Option<Decimal>) -> Option<Decimal> {
    one?.checked_add(other?)
}

pub(super) fn subtract(one: Option<Decimal>, other: Option<Decimal>) -> Option<Decimal> {
    one?.checked_sub(other?)
}

/// The amount for one, with as many digits as the amount has, or more where it does not come out even.
fn divide(amount: Option<Decimal>, quantity: Option<Decimal>) -> Option<Decimal> {
    let amount = amount?;
    let mut one = amount.checked_div(quantity?)?.round_dp(UNIT_DIGITS.max(amount.scale())).normalize();
    if one.scale() < amount.scale() {
        one.rescale(amount.scale());
    }
    Some(one)
}

/// The rate for shops too old to print `rate_percent`: the simplest one that gives exactly this tax. Where the amounts
/// are too small to tell half a percent, none.
fn computed_rate(net: Decimal, tax: Decimal) -> Option<Decimal> {
    let unit = Decimal::new(1, tax.scale());
    let percent = tax.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(net)?;
    let is_sure = unit.checked_mul(Decimal::from(200))? < net.abs();
    let fits = |rate: &Decimal| {
        let again = rate.checked_mul(net).and_then(|product| product.checked_div(Decimal::ONE_HUNDRED));
        again.and_then(|again| again.checked_sub(tax)).is_some_and(|off| off.abs() < unit)
    };
    (is_sure && !tax.is_zero()).then(|| (0..=2).map(|digits| percent.round_dp(digits)).find(fits))?
}

fn plain(number: Decimal) -> String {
    number.normalize().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    fn items(order: &Value) -> Vec<Item> {
        Lines { order: Object::of(order), currency: "CZK" }.items()
    }

    fn amount(money: Option<&Money>) -> &str {
        money.map_or("", |money| money.amount.as_str())
    }

    #[test]
    fn a_unit_price_has_the_digits_it_needs() {
        for (amount, quantity, one) in [
            ("446.13", "2", "223.065"),
            ("803.56", "3", "267.853333"),
            ("100.00", "1", "100.00"),
            ("1902", "2", "951"),
            ("10.00", "0.5", "20.00"),
        ] {
            let price = divide(Some(decimal(amount)), Some(decimal(quantity))).expect("a price");
            assert_eq!(price.to_string(), one, "{amount} / {quantity}");
        }
        assert_eq!(divide(Some(Decimal::ONE), Some(Decimal::ZERO)), None);
    }

    #[test]
    fn a_rate_is_computed_only_where_the_amounts_tell_it() {
        for (net, tax, rate) in [
            ("803.56", "96.43", Some("12")),
            ("6.00", "0.45", Some("7.5")),
            ("95.95", "20.15", Some("21")),
            ("0.10", "0.02", None),
            ("10.00", "0.00", None),
            ("0.00", "0.00", None),
        ] {
            assert_eq!(computed_rate(decimal(net), decimal(tax)).map(plain).as_deref(), rate, "{net} {tax}");
        }
    }

    #[test]
    fn what_lines_lack_of_the_total_becomes_a_rounding_line() {
        let order = json!({
            "total": "1902.00", "total_tax": "330.00",
            "line_items": [{"total": "1471.00", "total_tax": "309.06"}, {"total": "100.00", "total_tax": "20.79"}],
        });
        let rounding = items(&order).pop().expect("lines");
        assert_eq!(rounding.kind, ItemKind::Rounding as i32);
        assert_eq!(amount(rounding.gross.as_ref()), "1.15");
    }

    #[test]
    fn a_gap_too_wide_for_rounding_is_left_open() {
        let order =
            json!({"total": "50.00", "total_tax": "0.00", "line_items": [{"total": "40.00", "total_tax": "0.00"}]});
        assert_eq!(items(&order).len(), 1);
        assert!(items(&json!({"total": "50.00", "total_tax": "0.00"})).is_empty());
    }

    #[test]
    fn a_line_with_two_taxes_has_no_single_rate() {
        let order = json!({
            "line_items": [{"total": "100.00", "total_tax": "15.00", "taxes": [
                {"id": 1, "total": "10.00"}, {"id": 2, "total": "5.00"}, {"id": 3, "total": ""}]}],
            "tax_lines": [{"rate_id": 1, "rate_percent": 10, "rate_code": "A"}, {"rate_id": 2, "rate_percent": 5}],
        });
        assert_eq!(items(&order)[0].tax_code, "");
    }

    #[test]
    fn a_list_price_is_stated_as_the_shop_states_prices() {
        let line = json!({"quantity": 2, "subtotal": "495.70",
            "subtotal_tax": "104.10", "total": "446.13", "total_tax": "93.69"});
        for (with_tax, price) in [(true, "299.90"), (false, "247.85")] {
            let items = items(&json!({"prices_include_tax": with_tax, "line_items": [line]}));
            assert_eq!(amount(items[0].list_price.as_ref()), price);
        }
    }

    #[test]
    fn quantities_may_be_fractions_and_skus_numbers() {
        let order = json!({"line_items": [
            {"sku": 12, "quantity": 1.25, "subtotal": "10.00", "subtotal_tax": "2.10",
             "total": "8.00", "total_tax": "1.68"}]});
        let item = &items(&order)[0];
        assert_eq!((item.code.as_str(), item.quantity.as_str()), ("12", "1.25"));
        assert_eq!(amount(item.unit_price.as_ref()), "6.40");
        assert_eq!(amount(item.discount.as_ref()), "2.00");
        assert_eq!(amount(item.gross.as_ref()), "9.68");
    }
}
