//! An order's items as the vendor wants them: product lines with the net price of one unit before any discount,
//! discounts as negative lines of their own, and shipping with all fees as one net and one gross amount.
//!
//! The sum of the lines stays the sum of the items: a coupon becomes a negative line only as far as the items say that a
//! discount was taken off them. Amounts that an item lacks are never guessed, and nothing overflows: both are refused.

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive as _};

use super::super::account::Account;
use crate::{connectors::kit::number, topics::body::v1};

/// A line of the order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) quantity: i64,
    /// Percent.
    pub(super) rate: Decimal,
    /// Net, of one unit.
    pub(super) price: Decimal,
}

/// All that an order's items amount to.
#[derive(Debug, PartialEq)]
pub(super) struct Lines {
    /// Products and, behind them, discounts.
    pub(super) goods: Vec<Line>,
    pub(super) net_costs: Decimal,
    pub(super) gross_costs: Decimal,
}

/// Reads an order's items.
pub(super) fn read(account: &Account, order: &v1::Order) -> Result<Lines, String> {
    let mut all = Lines { goods: Vec::new(), net_costs: Decimal::ZERO, gross_costs: Decimal::ZERO };
    let mut taken_off: Vec<(Decimal, Decimal)> = Vec::new();
    for (index, item) in order.items.iter().enumerate() {
        let at = At(index);
        let amounts = Amounts::read(item, at)?;
        match item.kind() {
            v1::ItemKind::Product | v1::ItemKind::Unspecified => {
                all.goods.push(product(item, &amounts, at)?);
                add(&mut taken_off, amounts.rate, amounts.discount).ok_or_else(|| at.too_large())?;
            }
            v1::ItemKind::Discount => all.goods.push(discount_item(account, item, &amounts)),
            // The vendor's plugin counts every fee as shipping; a rounding is a fee of a few coins.
            v1::ItemKind::Shipping | v1::ItemKind::Fee | v1::ItemKind::Rounding => {
                all.net_costs = all.net_costs.checked_add(amounts.net).ok_or_else(|| at.too_large())?;
                all.gross_costs = all.gross_costs.checked_add(amounts.gross).ok_or_else(|| at.too_large())?;
            }
        }
    }
    if all.goods.is_empty() {
        return Err("`order` has no product".to_owned());
    }
    all.goods.extend(discounts(account, order, taken_off));
    Ok(all)
}

/// Two decimals, also in forints, as the vendor's own plugin rounds.
pub(super) fn rounded(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Where something is wrong.
#[derive(Clone, Copy)]
struct At(usize);

impl At {
    fn lacks(self, what: &str) -> String {
        format!("`order.items[{}]` has no {what}", self.0)
    }

    fn too_large(self) -> String {
        format!("`order.items[{}]` has an amount that is too large", self.0)
    }
}

/// An item's amounts for the whole line; `net` is after the discount.
struct Amounts {
    net: Decimal,
    gross: Decimal,
    discount: Decimal,
    rate: Decimal,
}

impl Amounts {
    fn read(item: &v1::Item, at: At) -> Result<Self, String> {
        let (net, tax, gross) = (amount(item.net.as_ref()), amount(item.tax.as_ref()), amount(item.gross.as_ref()));
        let net = net
            .or_else(|| gross?.checked_sub(tax?))
            .or_else(|| amount(item.unit_price.as_ref())?.checked_mul(number::parse(&item.quantity)?))
            .ok_or_else(|| at.lacks("net amount"))?;
        let rate = rate(item, net, tax).ok_or_else(|| at.lacks("tax rate"))?;
        let gross = gross
            .or_else(|| net.checked_add(tax?))
            .or_else(|| net.checked_add(net.checked_mul(rate)?.checked_div(Decimal::ONE_HUNDRED)?))
            .ok_or_else(|| at.too_large())?;
        Ok(Self { net, gross, discount: amount(item.discount.as_ref()).unwrap_or_default().abs(), rate })
    }
}

fn amount(money: Option<&v1::Money>) -> Option<Decimal> {
    money.and_then(|money| number::parse(&money.amount))
}

/// The stated rate as it is; a computed one in whole percent, as the vendor's plugin rounds it, because amounts in
/// coins do not give it exactly.
fn rate(item: &v1::Item, net: Decimal, tax: Option<Decimal>) -> Option<Decimal> {
    if let Some(stated) = number::parse(&item.tax_rate) {
        return Some(stated.normalize());
    }
    if net.is_zero() {
        return Some(Decimal::ZERO);
    }
    let percent = tax?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(net)?;
    Some(percent.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).normalize())
}

fn product(item: &v1::Item, amounts: &Amounts, at: At) -> Result<Line, String> {
    let id = [&item.code, &item.product_id].into_iter().find(|id| !id.is_empty());
    let id = id.ok_or_else(|| at.lacks("`code` and no `product_id`"))?;
    let quantity = whole_quantity(item).ok_or_else(|| {
        format!(
            "`order.items[{}]` has a quantity that is no whole number of at least 1: the vendor takes no others",
            at.0
        )
    })?;
    let before = amounts.net.checked_add(amounts.discount).ok_or_else(|| at.too_large())?;
    let name = if item.name.is_empty() { id } else { &item.name };
    Ok(Line {
        id: id.clone(),
        name: name.clone(),
        quantity,
        rate: amounts.rate,
        price: rounded(before / Decimal::from(quantity)),
    })
}

/// The vendor's plugin cuts fractions off; half a metre of cloth would be billed as nothing.
fn whole_quantity(item: &v1::Item) -> Option<i64> {
    let quantity = number::parse(&item.quantity)?;
    (quantity.is_integer() && quantity >= Decimal::ONE).then(|| quantity.to_i64()).flatten()
}

/// A discount that the source keeps as an item.
fn discount_item(account: &Account, item: &v1::Item, amounts: &Amounts) -> Line {
    discount_line(account, &item.code, &item.name, amounts.rate, amounts.net.abs())
}

fn discount_line(account: &Account, code: &str, name: &str, rate: Decimal, net: Decimal) -> Line {
    let name = match (name, code) {
        ("", "") => account.orders.discount_name.clone(),
        ("", code) => format!("{} {code}", account.orders.discount_name),
        (name, _) => name.to_owned(),
    };
    Line { id: format!("{}{code}", account.orders.discount_prefix), name, quantity: 1, rate, price: -rounded(net) }
}

fn add(sums: &mut Vec<(Decimal, Decimal)>, rate: Decimal, amount: Decimal) -> Option<()> {
    match sums.iter_mut().find(|(known, _)| *known == rate) {
        Some((_, sum)) => *sum = sum.checked_add(amount)?,
        None => sums.push((rate, amount)),
    }
    Some(())
}

/// What was taken off the items, by tax rate, told by coupons as far as they go; the rest has no code. A coupon over
/// items of several rates becomes several lines, so that the tax of the whole stays right.
fn discounts(account: &Account, order: &v1::Order, taken_off: Vec<(Decimal, Decimal)>) -> Vec<Line> {
    let mut coupons: Vec<(&v1::Discount, Decimal)> = order
        .discounts
        .iter()
        .map(|coupon| (coupon, amount(coupon.amount.as_ref()).unwrap_or_default().abs()))
        .collect();
    let mut lines = Vec::new();
    for (rate, mut left) in taken_off {
        for (coupon, worth) in &mut coupons {
            let part = left.min(*worth);
            left -= part;
            *worth -= part;
            lines.push(discount_line(account, &coupon.code, &coupon.name, rate, part));
        }
        lines.push(discount_line(account, "", "", rate, left));
    }
    lines.retain(|line| !line.price.is_zero());
    lines
}
