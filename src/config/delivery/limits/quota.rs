//! What a limit by the hour, the day or the month says besides: whose calendar, its price, and what happens at its end.

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::{choice, number};
use crate::{
    config::{
        fields::{Fields, scalar, texts},
        report::Problems,
        source::Place,
        tree::{Entry, Node},
    },
    connectors::contract::{
        Limit,
        limits::{Charged, Vat, Window},
        settings::{SettingKind, SettingValue},
    },
    dispatcher::limits::{OnExhausted, QuotaPrice, QuotaSettings},
    model::code,
};

/// The keys that only such a limit has.
pub(super) const KEYS: [&str; 6] = ["time_zone", "price", "on_exhausted", "max_calls", "budget", "warn_at"];
/// Where the owner is warned, unless the config says otherwise.
const WARN_AT: [u32; 2] = [80, 100];

/// A limit by the hour, the day or the month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaConfig {
    pub window: Window,
    pub zone: TimeZone,
    pub price: Option<QuotaPrice>,
    /// `None`: go on where there is a price, else pause.
    pub on_exhausted: Option<OnExhausted>,
    /// Never more requests, whatever they cost.
    pub max_calls: Option<u64>,
    /// Never dearer, in the currency of the price.
    pub budget: Option<Decimal>,
    /// Percent.
    pub warn_at: Vec<u32>,
}

impl QuotaConfig {
    pub(super) fn new(window: Window, zone: &TimeZone) -> Self {
        Self {
            window,
            zone: zone.clone(),
            price: None,
            on_exhausted: None,
            max_calls: None,
            budget: None,
            warn_at: WARN_AT.to_vec(),
        }
    }

    pub(super) fn of_vendor(limit: &Limit, zone: &TimeZone) -> Self {
        let price = limit.price.map(|price| QuotaPrice {
            block: u64::from(price.block),
            amount: Decimal::from_str_exact(price.amount).expect("a vendor's price is a decimal number"),
            currency: price.currency.to_owned(),
            vat: price.vat,
            charged: price.charged,
        });
        Self { price, ..Self::new(limit.window, zone) }
    }

    pub(super) fn of_lane(&self, calls: u64) -> QuotaSettings {
        let bought = self.price.as_ref().zip(self.budget).map(|(price, budget)| price.affordable(budget, calls));
        QuotaSettings {
            window: self.window,
            zone: self.zone.clone(),
            price: self.price.clone(),
            on_exhausted: self.what_happens(),
            most: self.max_calls.into_iter().chain(bought).min(),
            warn_at: self.warn_at.clone(),
        }
    }

    fn what_happens(&self) -> OnExhausted {
        let default = if self.price.is_some() { OnExhausted::Continue } else { OnExhausted::Pause };
        self.on_exhausted.unwrap_or(default)
    }

    /// The same with what the owner wrote.
    pub(super) fn read(self, fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
        let zone = match fields.read("time_zone", SettingKind::Zone, problems) {
            Some(SettingValue::Zone(zone)) => zone,
            _ => self.zone,
        };
        let on_exhausted = choice(fields, "on_exhausted", OnExhausted::ALL, OnExhausted::as_str, problems);
        let max_calls = number(fields, "max_calls", super::MOST_IN_LONG, problems);
        let budget = fields.node("budget").and_then(|node| scalar(node, problems, read_amount));
        let warn_at = fields.node("warn_at").map(|node| read_warnings(node, problems));
        Self {
            window: self.window,
            zone,
            price: read_price(fields, self.price, problems),
            on_exhausted: on_exhausted.or(self.on_exhausted),
            max_calls: max_calls.or(self.max_calls),
            budget: budget.or(self.budget),
            warn_at: warn_at.unwrap_or(self.warn_at),
        }
    }

    /// What can only be judged as a whole.
    pub(super) fn check(&self, entry: &Entry, calls: u64, problems: &mut Problems) {
        let place = &entry.key.place;
        if self.price.is_none() {
            self.check_without_price(place, problems);
        }
        if self.max_calls.is_some_and(|most| most < calls) {
            let message = format!("`max_calls` is less than the {calls} calls that cost nothing");
            problems.add(place, code::WRONG_KIND, message).hint("to have fewer calls altogether, lower `calls`");
        }
    }

    fn check_without_price(&self, place: &Place, problems: &mut Problems) {
        if self.on_exhausted == Some(OnExhausted::Continue) {
            let message = "`on_exhausted: continue` needs a `price`: without one, more calls are refused by the vendor";
            problems.add(place, code::MISSING_KEY, message).hint("say what more calls cost, raise `calls`, or `pause`");
        }
        for (name, _) in [("max_calls", self.max_calls.is_some()), ("budget", self.budget.is_some())]
            .into_iter()
            .filter(|(_, said)| *said)
        {
            let message = format!("`{name}` needs a `price`: without one, `calls` is all there is");
            problems
                .add(place, code::MISSING_KEY, message)
                .hint("add `price: { block: 1000, amount: 500, currency: CZK }`");
        }
    }
}

fn read_price(fields: &mut Fields<'_>, known: Option<QuotaPrice>, problems: &mut Problems) -> Option<QuotaPrice> {
    let place = fields.entry("price").map(|entry| entry.key.place.clone());
    let (Some(mut fields), Some(place)) = (fields.fields("price", problems), place) else { return known };
    let block = number(&mut fields, "block", super::MOST_IN_LONG, problems);
    let amount = fields.node("amount").and_then(|node| scalar(node, problems, read_amount));
    let currency = fields.node("currency").and_then(|node| scalar(node, problems, read_currency));
    let vat = choice(&mut fields, "vat", Vat::ALL, Vat::as_str, problems);
    let charged = choice(&mut fields, "charged", Charged::ALL, Charged::as_str, problems);
    let wrong = problems.count();
    fields.finish(problems);
    let known = known.as_ref();
    let block = block.or(known.map(|known| known.block));
    let amount = amount.or(known.map(|known| known.amount));
    let currency = currency.or(known.map(|known| known.currency.clone()));
    let (Some(block), Some(amount), Some(currency)) = (block, amount, currency) else {
        if problems.count() == wrong {
            let message = "`price` needs `block`, `amount` and `currency`";
            problems
                .add(&place, code::MISSING_KEY, message)
                .hint("write `{ block: 100000, amount: 2000, currency: HUF }`");
        }
        return None;
    };
    let vat = vat.or(known.map(|known| known.vat)).unwrap_or(Vat::Excluded);
    let charged = charged.or(known.map(|known| known.charged)).unwrap_or(Charged::Started);
    Some(QuotaPrice { block, amount, currency, vat, charged })
}

fn read_amount(text: &str) -> Result<Decimal, String> {
    let most = Decimal::from(1_000_000_000);
    let amount = Decimal::from_str_exact(text).ok();
    amount
        .filter(|amount| *amount > Decimal::ZERO && *amount <= most)
        .ok_or_else(|| "expected an amount above zero, such as `2000` or `12.50`".to_owned())
}

fn read_currency(text: &str) -> Result<String, String> {
    let fits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if fits { Ok(text.to_owned()) } else { Err("expected an ISO 4217 code such as `HUF`".to_owned()) }
}

/// `80%`, or a list of such.
fn read_warnings(node: &Node, problems: &mut Problems) -> Vec<u32> {
    let mut percents = Vec::new();
    for (text, node) in texts(node, problems) {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
        match percent.filter(|percent| (1..=1000).contains(percent)) {
            Some(percent) => percents.push(percent),
            None => {
                problems.add(&node.place, code::WRONG_KIND, "expected a percentage such as `80%`");
            }
        }
    }
    percents.sort_unstable();
    percents.dedup();
    percents
}
