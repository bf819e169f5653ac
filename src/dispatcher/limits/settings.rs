//! A limit as a lane keeps it: checked, with this connection's share already taken.

use std::time::Duration;

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::connectors::contract::limits::{Charged, Vat, Window};

/// A limit that a lane keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneLimit {
    /// How the config, metrics and memory call it.
    pub name: String,
    /// The class of requests that it is about; `None`: every request.
    pub class: Option<String>,
    /// Requests in a window; with a price: those that cost nothing.
    pub calls: u64,
    pub span: Span,
}

/// The window of a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Any window of this length, wherever it begins.
    Sliding(Duration),
    Calendar(QuotaSettings),
}

/// A limit over an hour, a day or a month of the account's calendar: it outlives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaSettings {
    pub window: Window,
    pub zone: TimeZone,
    pub price: Option<QuotaPrice>,
    pub on_exhausted: OnExhausted,
    /// Never more requests than these in a window, whatever they cost.
    pub most: Option<u64>,
    /// Percent of `calls` at which the owner is warned, rising.
    pub warn_at: Vec<u32>,
}

/// What more than the free requests costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaPrice {
    pub block: u64,
    pub amount: Decimal,
    pub currency: String,
    pub vat: Vat,
    pub charged: Charged,
}

/// What happens when the free requests of a window are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExhausted {
    /// Go on, and count what it costs.
    Continue,
    /// The lane stands still until the next window.
    Pause,
    /// Actions that their flow calls optional are left out. Others go on where there is a price, else they wait.
    DropOptional,
}

impl OnExhausted {
    pub const ALL: [Self; 3] = [Self::Continue, Self::Pause, Self::DropOptional];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Pause => "pause",
            Self::DropOptional => "drop_optional",
        }
    }
}

impl QuotaSettings {
    /// The most requests of a window, if there is a bound.
    pub fn cap(&self, calls: u64) -> Option<u64> {
        let free_only = self.on_exhausted == OnExhausted::Pause || self.price.is_none();
        let free = free_only.then_some(calls);
        free.into_iter().chain(self.most).min()
    }
}

impl QuotaPrice {
    /// What so many requests cost, of which `free` cost nothing.
    pub fn cost(&self, calls: u64, free: u64) -> Decimal {
        let paid = calls.saturating_sub(free);
        let blocks = match self.charged {
            Charged::Started => paid.div_ceil(self.block),
            Charged::Full => paid / self.block,
        };
        self.amount * Decimal::from(blocks)
    }

    /// How many requests a sum of money buys beside the free ones.
    pub fn affordable(&self, budget: Decimal, free: u64) -> u64 {
        let blocks = u64::try_from((budget / self.amount).floor()).unwrap_or(0);
        let begun = match self.charged {
            Charged::Started => 0,
            Charged::Full => self.block - 1,
        };
        free.saturating_add(blocks.saturating_mul(self.block)).saturating_add(begun)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(charged: Charged) -> QuotaPrice {
        QuotaPrice {
            block: 100_000,
            amount: Decimal::from(2000),
            currency: "HUF".to_owned(),
            vat: Vat::Excluded,
            charged,
        }
    }

    #[test]
    fn the_first_call_beyond_the_free_ones_costs_a_block() {
        let price = price(Charged::Started);
        let cost = |calls| price.cost(calls, 1000).to_string();
        assert_eq!([cost(0), cost(1000)], ["0", "0"]);
        assert_eq!([cost(1001), cost(101_000), cost(101_001)], ["2000", "2000", "4000"]);
        assert_eq!(super::tests::price(Charged::Full).cost(101_001, 1000), Decimal::from(2000));
    }

    proptest! {
        #[test]
        fn what_a_budget_buys_is_never_dearer_than_the_budget(
            budget in 0_u32..100_000, free in 0_u64..10_000, started in any::<bool>()
        ) {
            let price = price(if started { Charged::Started } else { Charged::Full });
            let budget = Decimal::from(budget);
            let calls = price.affordable(budget, free);
            prop_assert!(price.cost(calls, free) <= budget);
            prop_assert!(price.cost(calls + 1, free) > budget);
        }
    }
}
