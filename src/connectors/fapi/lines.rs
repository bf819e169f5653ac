//! The lines of a document, with the amounts that FAPI leaves to the reader: it states a unit price, a count and a rate, and
//! whether the price includes the tax.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};

use super::wire::Item;
use crate::{connectors::kit::number::money, topics::body::v1};

/// What a line comes to. Amounts are rounded to two places, and net and tax make the gross exactly.
struct Amounts {
    unit: Decimal,
    net: Decimal,
    tax: Decimal,
    gross: Decimal,
}

impl Amounts {
    /// Nothing when the price is not told, or when it is beyond what money can be.
    fn of(item: &Item) -> Option<Self> {
        let price = item.price?;
        let line = price.checked_mul(item.count.unwrap_or(Decimal::ONE))?;
        let Some(rate) = item.vat else {
            // Only payers of VAT tell a rate: the others add none.
            let line = rounded(line, 2);
            return Some(Self { unit: price, net: line, tax: Decimal::ZERO, gross: line });
        };
        if item.including_vat {
            let unit = rounded(without_tax(price, rate)?, 6);
            let (gross, net) = (rounded(line, 2), rounded(without_tax(line, rate)?, 2));
            return Some(Self { unit, net, tax: gross.checked_sub(net)?, gross });
        }
        let (net, tax) = (rounded(line, 2), rounded(line.checked_mul(rate)?.checked_div(Decimal::ONE_HUNDRED)?, 2));
        Some(Self { unit: price, net, tax, gross: net.checked_add(tax)? })
    }
}

fn without_tax(amount: Decimal, rate: Decimal) -> Option<Decimal> {
    amount.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(Decimal::ONE_HUNDRED.checked_add(rate)?)
}

fn rounded(amount: Decimal, places: u32) -> Decimal {
    amount.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// The lines of a document.
pub(super) fn items(items: &[Item], currency: &str) -> Vec<v1::Item> {
    items.iter().map(|item| line(item, currency)).collect()
}

fn line(item: &Item, currency: &str) -> v1::Item {
    // FAPI's `type` of a line is null in all recordings: only roundings are told apart.
    let kind = if item.round_item { v1::ItemKind::Rounding } else { v1::ItemKind::Product };
    let amounts = Amounts::of(item);
    let amount = |pick: fn(&Amounts) -> Decimal| amounts.as_ref().map(|amounts| money(pick(amounts), currency));
    v1::Item {
        id: item.id.clone(),
        kind: kind.into(),
        code: item.code.clone(),
        name: item.name.clone(),
        quantity: item.count.map_or_else(String::new, |count| count.to_string()),
        unit_price: amount(|amounts| amounts.unit),
        list_price: item.price.map(|price| money(price, currency)),
        net: amount(|amounts| amounts.net),
        tax: amount(|amounts| amounts.tax),
        gross: amount(|amounts| amounts.gross),
        tax_rate: item.vat.map_or_else(String::new, |rate| rate.normalize().to_string()),
        ..v1::Item::default()
    }
}

/// The tax by rate. FAPI rounds its own recapitulation by a setting of the account, so these sums may differ from the
/// document's total by a fraction; the total is FAPI's.
pub(super) fn taxes(items: &[Item], currency: &str) -> Vec<v1::TaxLine> {
    let mut rates: BTreeMap<Decimal, (Decimal, Decimal)> = BTreeMap::new();
    for item in items {
        let (Some(rate), Some(amounts)) = (item.vat, Amounts::of(item)) else { continue };
        let sum = rates.entry(rate.normalize()).or_default();
        *sum = (sum.0.saturating_add(amounts.net), sum.1.saturating_add(amounts.tax));
    }
    rates
        .into_iter()
        .map(|(rate, (base, amount))| v1::TaxLine {
            rate: rate.to_string(),
            base: Some(money(base, currency)),
            amount: Some(money(amount, currency)),
            ..v1::TaxLine::default()
        })
        .collect()
}

/// Whether the prices of the lines include tax: when all lines with a tax say so.
pub(super) fn prices_include_tax(items: &[Item]) -> bool {
    let mut taxed = items.iter().filter(|item| item.vat.is_some() && !item.round_item).peekable();
    taxed.peek().is_some() && taxed.all(|item| item.including_vat)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Vec<Item> {
        serde_json::from_value(value).expect("items")
    }

    fn amounts(item: &v1::Item) -> [String; 4] {
        [&item.unit_price, &item.net, &item.tax, &item.gross]
            .map(|money| money.as_ref().map(|money| money.amount.clone()).unwrap_or_default())
    }

    #[test]
    fn tax_is_added_to_prices_without_it_and_taken_out_of_prices_with_it() {
        let read = read(json!([
            {"price": 1000, "count": 1, "vat": 21, "including_vat": false},
            {"price": 1210, "count": 2, "vat": 21, "including_vat": true},
            {"price": 999, "count": 1, "vat": 21, "including_vat": true},
            {"price": "33.335", "count": "0.5", "vat": "12.00", "including_vat": false},
            {"price": 250, "count": 3},
        ]));
        let lines = items(&read, "CZK");
        assert_eq!(amounts(&lines[0]), ["1000", "1000", "210", "1210"]);
        assert_eq!(amounts(&lines[1]), ["1000", "2000", "420", "2420"]);
        assert_eq!(amounts(&lines[2]), ["825.619835", "825.62", "173.38", "999"]);
        assert_eq!(amounts(&lines[3]), ["33.335", "16.67", "2", "18.67"]);
        assert_eq!(amounts(&lines[4]), ["250", "750", "0", "750"]);
        assert_eq!(lines[3].quantity, "0.5");
        assert_eq!(lines[3].tax_rate, "12");
        assert_eq!(lines[4].tax_rate, "");
    }

    #[test]
    fn a_rounding_line_is_one_and_may_be_negative() {
        let lines =
            items(&read(json!([{"name": "Zaokrouhlení", "price": -0.4, "count": 1, "round_item": true}])), "CZK");
        assert_eq!(lines[0].kind(), v1::ItemKind::Rounding);
        assert_eq!(amounts(&lines[0]), ["-0.4", "-0.4", "0", "-0.4"]);
    }

    #[test]
    fn taxes_are_summed_by_rate() {
        let read = read(json!([
            {"price": 1000, "vat": 21}, {"price": 121, "vat": 21.0, "including_vat": true}, {"price": 100, "vat": 12},
        ]));
        let taxes: Vec<_> = taxes(&read, "CZK")
            .into_iter()
            .map(|line| (line.rate, line.base.expect("base").amount, line.amount.expect("amount").amount))
            .collect();
        let line = |rate: &str, base: &str, tax: &str| (rate.to_owned(), base.to_owned(), tax.to_owned());
        assert_eq!(taxes, [line("12", "100", "12"), line("21", "1100", "231")]);
        assert!(!prices_include_tax(&read));
        assert!(prices_include_tax(&read[1..2]));
    }

    #[test]
    fn amounts_beyond_money_are_not_told_rather_than_wrong() {
        let read = read(json!([
            {"price": "79228162514264337593543950335", "count": "79228162514264337593543950335", "vat": 21},
            {"price": 1, "vat": -100, "including_vat": true},
            {"price": "79228162514264337593543950335", "vat": 21},
        ]));
        for line in items(&read, "CZK") {
            assert_eq!(line.net, None);
            assert!(line.list_price.is_some());
        }
        assert_eq!(taxes(&read, "CZK").len(), 0);
    }
}
