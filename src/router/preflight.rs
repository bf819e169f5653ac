//! What a document must fulfil before it is written anywhere: its lines and taxes add up to its total, its tax codes are
//! known at the target, its company ids can be. Pure, in decimals only.
//!
//! Only what is told is checked: a source that leaves a part out makes no document wrong. And only what rounding cannot
//! explain is a difference: a line may be off by half of the smallest coin, and so may the total.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    connectors::{contract::FieldKind, kit::number},
    model::{
        checksums::{self, Verdict},
        code::{self, Code},
    },
    topics::body::v1,
};

/// How strict a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// What fails is not written: it is a dead letter.
    Refuse,
    /// What fails is written, and told.
    Warn,
    Off,
}

/// What is checked before a document is written, and how strictly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    pub totals: Strictness,
    /// By how much the parts may differ from the total; `None`: by what rounding explains.
    pub tolerance: Option<Decimal>,
    pub company_ids: Strictness,
    /// The tax codes or rates that the target knows; `None`: any.
    pub tax_codes: Option<BTreeSet<String>>,
}

impl Default for Preflight {
    /// A buyer's mistyped company id is no reason to lose the order; a total that is wrong is.
    fn default() -> Self {
        Self { totals: Strictness::Refuse, tolerance: None, company_ids: Strictness::Warn, tax_codes: None }
    }
}

/// Something that is wrong with a document. The message holds content: amounts and ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    pub message: String,
    /// It is not to be written.
    pub refused: bool,
}

/// Whether parameters of this kind are documents.
pub fn is_document(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Message("spojka.v1.Order" | "spojka.v1.Invoice"))
}

/// Checks a parameter's value; one that is no document has nothing to be checked.
pub fn check(preflight: &Preflight, kind: FieldKind, value: &Value) -> Vec<Finding> {
    let document = match kind {
        FieldKind::Message("spojka.v1.Order") => {
            serde_json::from_value::<v1::Order>(value.clone()).ok().map(Document::from)
        }
        FieldKind::Message("spojka.v1.Invoice") => {
            serde_json::from_value::<v1::Invoice>(value.clone()).ok().map(Document::from)
        }
        _ => None,
    };
    document.map(|document| document.check(preflight)).unwrap_or_default()
}

/// What of an order or an invoice is checked.
struct Document {
    currency: String,
    total: Option<v1::Money>,
    total_net: Option<v1::Money>,
    total_tax: Option<v1::Money>,
    shipping: Option<v1::Money>,
    items: Vec<v1::Item>,
    taxes: Vec<v1::TaxLine>,
    parties: Vec<(&'static str, v1::Party)>,
}

impl From<v1::Order> for Document {
    fn from(order: v1::Order) -> Self {
        Self {
            currency: order.currency,
            total: order.total,
            total_net: order.total_net,
            total_tax: order.total_tax,
            shipping: order.shipping_total,
            items: order.items,
            taxes: order.taxes,
            parties: order.customer.into_iter().map(|party| ("customer", party)).collect(),
        }
    }
}

impl From<v1::Invoice> for Document {
    fn from(invoice: v1::Invoice) -> Self {
        let customer = invoice.customer.into_iter().map(|party| ("customer", party));
        let supplier = invoice.supplier.into_iter().map(|party| ("supplier", party));
        Self {
            currency: invoice.currency,
            total: invoice.total,
            total_net: invoice.total_net,
            total_tax: invoice.total_tax,
            shipping: None,
            items: invoice.items,
            taxes: invoice.taxes,
            parties: customer.chain(supplier).collect(),
        }
    }
}

impl Document {
    fn check(&self, preflight: &Preflight) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |strictness: Strictness, code: Code, messages: Vec<String>| {
            let refused = strictness == Strictness::Refuse;
            findings.extend(messages.into_iter().map(|message| Finding { code, message, refused }));
        };
        if preflight.totals != Strictness::Off {
            find(preflight.totals, code::TOTALS_DIFFER, self.differences(preflight.tolerance));
        }
        if let Some(known) = &preflight.tax_codes {
            find(Strictness::Refuse, code::TAX_CODE_UNMAPPED, self.unmapped(known));
        }
        if preflight.company_ids != Strictness::Off {
            find(preflight.company_ids, code::BAD_COMPANY_ID, self.wrong_ids());
        }
        findings
    }

    /// Where the parts do not add up.
    fn differences(&self, tolerance: Option<Decimal>) -> Vec<String> {
        if let Some(foreign) = self.foreign_currency() {
            return vec![format!("an amount is in {foreign}, and the document is in {}", self.currency)];
        }
        let (total, net, tax) =
            (amount(self.total.as_ref()), amount(self.total_net.as_ref()), amount(self.total_tax.as_ref()));
        let slack = |parts: usize| tolerance.unwrap_or_else(|| self.rounding(parts));
        let (lines, rates) = (slack(self.items.len()), slack(self.taxes.len()));
        let with_tax = self.sum(gross_of).map(|sum| self.with_shipping(sum, total, lines));
        let sums = [
            ("the lines with tax are", with_tax, "the total is", total, lines),
            ("the lines without tax are", self.sum(net_of), "the total without tax is", net, lines),
            ("the tax of the lines is", self.sum(tax_of), "the tax of the total is", tax, lines),
            ("the taxes by rate are", self.taxes_by_rate(), "the tax of the total is", tax, rates),
            ("net and tax of the total are", add(net, tax), "the total is", total, slack(1)),
        ];
        let told = sums.into_iter().filter_map(|(parts, sum, whole, told, slack)| {
            Some(Comparison { parts: parts.to_owned(), sum: sum?, whole, told: told?, slack })
        });
        let within = self.items.iter().enumerate().filter_map(|(index, item)| line(index, item, slack(1)));
        let wrong = told.chain(within).filter(|comparison| !comparison.fits());
        wrong.map(|comparison| comparison.describe(&self.currency)).collect()
    }

    /// The sum of the lines, with the shipping that the source tells beside them, where that is what the total has more.
    fn with_shipping(&self, sum: Decimal, total: Option<Decimal>, slack: Decimal) -> Decimal {
        let listed = self.items.iter().any(|item| item.kind() == v1::ItemKind::Shipping);
        let with = amount(self.shipping.as_ref()).filter(|_| !listed).and_then(|shipping| sum.checked_add(shipping));
        with.filter(|with| total.is_some_and(|total| is_near(*with, total, slack))).unwrap_or(sum)
    }

    /// The first currency that is not the document's own.
    fn foreign_currency(&self) -> Option<&str> {
        let items = self.items.iter().flat_map(|item| [&item.net, &item.tax, &item.gross]);
        let taxes = self.taxes.iter().map(|tax| &tax.amount);
        let totals = [&self.total, &self.total_net, &self.total_tax, &self.shipping];
        let told = totals.into_iter().chain(items).chain(taxes).flatten();
        let mut currencies = told.map(|money| money.currency.as_str()).filter(|currency| !currency.is_empty());
        currencies.find(|currency| !self.currency.is_empty() && *currency != self.currency)
    }

    /// Half of the smallest coin for each part, and for the whole.
    fn rounding(&self, parts: usize) -> Decimal {
        let coin = if WHOLE.contains(&self.currency.as_str()) { Decimal::ONE } else { Decimal::new(1, 2) };
        Decimal::from(parts + 1) * coin / Decimal::TWO
    }

    /// The sum of an amount of all lines; nothing where a line does not tell it.
    fn sum(&self, of: impl Fn(&v1::Item) -> Option<Decimal>) -> Option<Decimal> {
        if self.items.is_empty() {
            return None;
        }
        self.items.iter().try_fold(Decimal::ZERO, |sum, item| sum.checked_add(of(item)?))
    }

    fn taxes_by_rate(&self) -> Option<Decimal> {
        if self.taxes.is_empty() {
            return None;
        }
        self.taxes.iter().try_fold(Decimal::ZERO, |sum, tax| sum.checked_add(amount(tax.amount.as_ref())?))
    }

    /// Lines whose tax the target does not know, neither by its code nor by its rate.
    fn unmapped(&self, known: &BTreeSet<String>) -> Vec<String> {
        let mut unmapped = BTreeSet::new();
        for item in &self.items {
            let rate = number::parse(&item.tax_rate).map(|rate| rate.normalize().to_string());
            let told: Vec<String> =
                Some(item.tax_code.clone()).filter(|code| !code.is_empty()).into_iter().chain(rate).collect();
            if !told.is_empty() && !told.iter().any(|told| known.contains(told)) {
                unmapped.insert(told.join(" or "));
            }
        }
        let describe = |told| format!("the tax `{told}` of a line is not among the target's `tax_codes`");
        unmapped.into_iter().map(describe).collect()
    }

    fn wrong_ids(&self) -> Vec<String> {
        self.parties.iter().flat_map(|(who, party)| wrong_ids_of(who, party)).collect()
    }
}

/// Currencies without a coin for the fraction: forints are whole although the norm lists fillér.
const WHOLE: [&str; 5] = ["HUF", "JPY", "KRW", "ISK", "CLP"];

/// The ids whose check digits are known: what CZ and SK register is the number on documents, elsewhere the tax number is.
fn wrong_ids_of(who: &str, party: &v1::Party) -> Vec<String> {
    let country = party.address.as_ref().map_or("", |address| address.country.as_str());
    let national = match country {
        "CZ" | "SK" => &party.company_id,
        _ => &party.tax_id,
    };
    let judged = [
        ("company id", national, checksums::company_id(country, national)),
        ("VAT id", &party.vat_id, checksums::vat_id(&party.vat_id)),
    ];
    let wrong = |(what, id, verdict): (&str, &String, Verdict)| {
        let why = match verdict {
            Verdict::WrongForm => "no such id has this form",
            Verdict::WrongChecksum => "its check digit is wrong",
            Verdict::Valid | Verdict::Unknown => return None,
        };
        (!id.trim().is_empty()).then(|| format!("the {who}'s {what} `{}`: {why}", id.trim()))
    };
    judged.into_iter().filter_map(wrong).collect()
}

/// A sum held against what the document says it is.
struct Comparison {
    parts: String,
    sum: Decimal,
    whole: &'static str,
    told: Decimal,
    slack: Decimal,
}

impl Comparison {
    fn fits(&self) -> bool {
        is_near(self.sum, self.told, self.slack)
    }

    fn describe(&self, currency: &str) -> String {
        let Self { parts, whole, .. } = self;
        let [sum, told, slack] = [self.sum, self.told, self.slack].map(|amount| amount.normalize());
        let off = self.told.checked_sub(self.sum).map_or_else(|| "large".to_owned(), |off| off.normalize().to_string());
        format!(
            "{parts} {sum} {currency}, {whole} {told} {currency}: a difference of {off} {currency}, where {slack} may be"
        )
    }
}

fn is_near(one: Decimal, other: Decimal, slack: Decimal) -> bool {
    one.checked_sub(other).is_some_and(|off| off.abs() <= slack)
}

/// A line's own parts.
fn line(index: usize, item: &v1::Item, slack: Decimal) -> Option<Comparison> {
    let sum = add(amount(item.net.as_ref()), amount(item.tax.as_ref()))?;
    let parts = format!("net and tax of line {} are", index + 1);
    Some(Comparison { parts, sum, whole: "the line with tax is", told: amount(item.gross.as_ref())?, slack })
}

fn amount(money: Option<&v1::Money>) -> Option<Decimal> {
    money.and_then(|money| number::parse(&money.amount))
}

fn add(one: Option<Decimal>, other: Option<Decimal>) -> Option<Decimal> {
    one?.checked_add(other?)
}

fn subtract(one: Option<Decimal>, other: Option<Decimal>) -> Option<Decimal> {
    one?.checked_sub(other?)
}

fn gross_of(item: &v1::Item) -> Option<Decimal> {
    amount(item.gross.as_ref()).or_else(|| add(amount(item.net.as_ref()), amount(item.tax.as_ref())))
}

fn net_of(item: &v1::Item) -> Option<Decimal> {
    amount(item.net.as_ref()).or_else(|| subtract(amount(item.gross.as_ref()), amount(item.tax.as_ref())))
}

fn tax_of(item: &v1::Item) -> Option<Decimal> {
    amount(item.tax.as_ref()).or_else(|| subtract(amount(item.gross.as_ref()), amount(item.net.as_ref())))
}

#[cfg(test)]
mod tests;
