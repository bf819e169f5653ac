//! Amounts: exact decimal numbers of up to 28 digits, as texts. Two currencies never meet, and what is not told is no zero.

use std::str::FromStr as _;

use cel::common::{
    types::{CelInt, CelString},
    value::Val,
};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    Grows,
    given::{Given, Outcome, functions, member, run},
};

/// The most decimal places of a result.
pub(super) const MOST_PLACES: u32 = 12;

const SMALL: Grows = Grows::To(64);

functions! {
    "decimal_cmp"(Amount, Amount) -> Integer, SMALL, run!("decimal_cmp", compare),
        "-1, 0 or 1: compares decimal numbers exactly, `decimal_cmp(order.total, \"1000\") >= 0`. Fails for an amount that is \
         not told, and for two currencies.",
        "decimal_cmp('1000.00', '1000')" => "0";
    "decimal_add"(Amount, Amount) -> Decimal, SMALL, run!("decimal_add", add),
        "The sum.", "decimal_add('0.1', '0.2')" => "0.3";
    "decimal_sub"(Amount, Amount) -> Decimal, SMALL, run!("decimal_sub", subtract),
        "The first less the second.", "decimal_sub('1210.50', '210.5')" => "1000.00";
    "decimal_mul"(Amount, Amount) -> Decimal, SMALL, run!("decimal_mul", multiply),
        "The product, with all its decimal places; at most one of the two may have a currency.",
        "decimal_mul('19.99', 3)" => "59.97";
    "decimal_div"(Amount, Amount, Places) -> Decimal, SMALL, run!("decimal_div", divide),
        "The first divided by the second, rounded to a number of decimal places as `decimal_round` does.",
        "decimal_div('100', '1.21', 2)" => "82.64";
    "decimal_round"(Amount, Places) -> Decimal, SMALL, run!("decimal_round", round),
        "Rounded to a number of decimal places, a half away from zero, as invoices are.",
        "decimal_round('2.345', 2)" => "2.35";
    "decimal_round_even"(Amount, Places) -> Decimal, SMALL, run!("decimal_round_even", round_even),
        "Rounded to a number of decimal places, a half to the even digit, as banks do.",
        "decimal_round_even('2.345', 2)" => "2.34";
    "decimal_neg"(Amount) -> Decimal, SMALL, run!("decimal_neg", negate),
        "With the other sign.", "decimal_neg('12.50')" => "-12.50";
    "decimal_abs"(Amount) -> Decimal, SMALL, run!("decimal_abs", absolute),
        "Without its sign.", "decimal_abs('-12.50')" => "12.50";
    "decimal_sum"(Amounts) -> Decimal, SMALL, run!("decimal_sum", sum),
        "The sum of a list, `decimal_sum(order.items.map(i, i.gross))`; 0 when the list is empty.",
        "decimal_sum(['19.99', '0.01', '5'])" => "25.00";
}

/// A number, and its currency where it has one.
struct Amount {
    number: Decimal,
    currency: String,
}

const TOO_LONG: &str = "the result has too many digits";

fn amount(value: &dyn Val) -> Outcome<Amount> {
    let (number, currency) = if let Some(number) = value.downcast_ref::<CelInt>() {
        (number.inner().to_string(), String::new())
    } else if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        (text.inner().trim().to_owned(), String::new())
    } else if value.as_indexer().is_some() {
        (member(value, "amount"), member(value, "currency"))
    } else {
        return Err("expected an amount");
    };
    if number.is_empty() {
        return Err("an amount is not told");
    }
    let number = Decimal::from_str(&number).map_err(|_| "an amount is no decimal number")?;
    Ok(Amount { number, currency })
}

fn first(given: &Given<'_, '_, '_>) -> Outcome<Decimal> {
    amount(given.value(0)?).map(|amount| amount.number)
}

/// Both numbers, of one currency.
fn both(given: &Given<'_, '_, '_>) -> Outcome<(Decimal, Decimal)> {
    let (one, two) = (amount(given.value(0)?)?, amount(given.value(1)?)?);
    same_currency(&one.currency, &two.currency)?;
    Ok((one.number, two.number))
}

fn same_currency(one: &str, two: &str) -> Outcome<()> {
    let differ = !one.is_empty() && !two.is_empty() && one != two;
    if differ { Err("the amounts are in different currencies") } else { Ok(()) }
}

fn compare(given: &Given<'_, '_, '_>) -> Outcome<i64> {
    both(given).map(|(one, two)| one.cmp(&two) as i64)
}

fn add(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let (one, two) = both(given)?;
    one.checked_add(two).map(|sum| sum.to_string()).ok_or(TOO_LONG)
}

fn subtract(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let (one, two) = both(given)?;
    one.checked_sub(two).map(|rest| rest.to_string()).ok_or(TOO_LONG)
}

fn multiply(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let (one, two) = (amount(given.value(0)?)?, amount(given.value(1)?)?);
    if !one.currency.is_empty() && !two.currency.is_empty() {
        return Err("money is not multiplied by money");
    }
    one.number.checked_mul(two.number).map(|product| product.to_string()).ok_or(TOO_LONG)
}

fn divide(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let (one, two) = both(given)?;
    if two.is_zero() {
        return Err("division by zero");
    }
    let quotient = one.checked_div(two).ok_or(TOO_LONG)?;
    rounded(quotient, given.integer(2)?, RoundingStrategy::MidpointAwayFromZero)
}

fn round(given: &Given<'_, '_, '_>) -> Outcome<String> {
    rounded(first(given)?, given.integer(1)?, RoundingStrategy::MidpointAwayFromZero)
}

fn round_even(given: &Given<'_, '_, '_>) -> Outcome<String> {
    rounded(first(given)?, given.integer(1)?, RoundingStrategy::MidpointNearestEven)
}

/// With exactly as many decimal places as asked for.
fn rounded(number: Decimal, places: i64, how: RoundingStrategy) -> Outcome<String> {
    let places = u32::try_from(places).ok().filter(|places| *places <= MOST_PLACES);
    let places = places.ok_or("0 to 12 decimal places are possible")?;
    let mut number = number.round_dp_with_strategy(places, how);
    number.rescale(places);
    if number.scale() == places { Ok(number.to_string()) } else { Err(TOO_LONG) }
}

fn negate(given: &Given<'_, '_, '_>) -> Outcome<String> {
    first(given).map(|number| if number.is_zero() { number } else { -number }.to_string())
}

fn absolute(given: &Given<'_, '_, '_>) -> Outcome<String> {
    first(given).map(|number| number.abs().to_string())
}

fn sum(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let (mut total, mut currency) = (Decimal::ZERO, String::new());
    for value in given.list(0)? {
        let next = amount(value.as_ref())?;
        same_currency(&currency, &next.currency)?;
        total = total.checked_add(next.number).ok_or(TOO_LONG)?;
        currency = if currency.is_empty() { next.currency } else { currency };
    }
    Ok(total.to_string())
}
