//! What the vendor limits: calls a month, with a price.

use crate::connectors::contract::limits::{Charged, Limit, Price, Scope, Vat, Window};

/// Told by the vendor's price list. That a block is paid for with its first call, that a month is one of the calendar, and
/// its zone are assumed; whether failed calls and the rows of a bulk call count is unknown, so every request counts once.
pub(super) const LIMITS: &[Limit] = &[Limit {
    name: "monthly-calls",
    doc: "1000 calls a month are free, each further 100,000 cost 2000 HUF + VAT. Assumed: months of the calendar in \
          Budapest, and a block is paid for as soon as it is begun.",
    scope: Scope::Connection,
    class: None,
    calls: 1000,
    window: Window::Month,
    price: Some(Price {
        block: 100_000,
        amount: "2000",
        currency: "HUF",
        vat: Vat::Excluded,
        charged: Charged::Started,
    }),
}];
