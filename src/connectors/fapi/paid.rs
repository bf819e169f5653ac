//! Whether and since when a sale is paid or cancelled, where it may be paid in instalments.

use super::{
    local::Local,
    sale::{Document, Kind, Sale},
    settings::{Config, PaidWhen},
};
use crate::model::time::Since;

/// The document that made a sale count as paid, and when.
#[derive(Clone, Copy)]
pub(super) struct Paid<'a> {
    pub(super) document: &'a Document,
    pub(super) since: Since,
}

/// Since when the sale counts as paid. A sale without instalments is paid once any of its documents says so, since the
/// earliest that one says: an invoice made today may belong to a pro forma that was paid last year. By instalments it is
/// paid with the first payment or with the last, as the owner chose.
pub(super) fn sale<'a>(config: &Config, sale: &'a Sale) -> Option<Paid<'a>> {
    let mut paid: Vec<Paid<'a>> = payments(config, sale).collect();
    paid.sort_by_key(|paid| paid.since.at);
    if !sale.by_instalments || config.paid_when == PaidWhen::FirstInstalment {
        return paid.first().copied();
    }
    let count = highest_number(sale);
    let earliest = |number| paid.iter().find(|paid| paid.document.invoice.repayment_number == number);
    let each: Option<Vec<&Paid<'a>>> = (1..=count).map(earliest).collect();
    each?.into_iter().max_by_key(|paid| paid.since.at).copied()
}

/// Since when the money that the document at hand tells of is there.
pub(super) fn own<'a>(config: &Config, sale: &'a Sale) -> Option<Paid<'a>> {
    let same_money = |paid: &Paid<'a>| [sale.document.id(), &sale.paid_id].contains(&paid.document.id());
    let earliest = payments(config, sale).filter(same_money).min_by_key(|paid| paid.since.at);
    earliest.filter(|_| sale.document.is_paid())
}

fn payments<'a>(config: &Config, sale: &'a Sale) -> impl Iterator<Item = Paid<'a>> {
    let counts = |document: &&Document| {
        let invoice = &document.invoice;
        // The document that instalments belong to, if it is none itself, tells nothing of single payments.
        !sale.by_instalments || invoice.repayment_number > 0 || !invoice.partial_parent.is_empty()
    };
    let zone = &config.zone;
    let paid = sale.payable().filter(|document| document.is_paid()).filter(counts);
    paid.map(move |document| Paid { document, since: Local(zone).since_day(&document.invoice.paid_on, document.read) })
}

/// The highest number among the sale's instalments: how many there are.
pub(super) fn highest_number(sale: &Sale) -> u32 {
    sale.payable().map(|document| document.invoice.repayment_number).max().unwrap_or(0)
}

/// Whether the sale is cancelled: the document at hand says so, and where there are instalments, every one does. A credit
/// note that is cancelled cancels no sale.
pub(super) fn is_cancelled(sale: &Sale) -> bool {
    match sale.document.kind() {
        Kind::CreditNote => sale.root.as_ref().is_some_and(|root| root.invoice.cancelled),
        Kind::Unknown => false,
        _ if sale.by_instalments => {
            sale.payable()
                .filter(|document| document.invoice.repayment_number > 0)
                .all(|document| document.invoice.cancelled)
                && sale.document.invoice.cancelled
        }
        _ => sale.document.invoice.cancelled,
    }
}
