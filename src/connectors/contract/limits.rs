//! Limits that a vendor puts on its callers, as data. The engine keeps them; the owner may change them or add to them under
//! `delivery: { limits: … }`. What a vendor's documents do not say stands here with its doubt, in `doc`.

use std::time::Duration;

/// One limit that a vendor documents, or that its users report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How the config, metrics and memory call it. It never changes.
    pub name: &'static str,
    /// What is limited, and how sure that is.
    pub doc: &'static str,
    pub scope: Scope,
    /// The operations' `limit_class` that it is about (`poll` and `login` are classes too); `None`: every request.
    pub class: Option<&'static str>,
    /// Requests in a window; with a price: those that cost nothing.
    pub calls: u32,
    pub window: Window,
    /// What more than `calls` costs. Without it, more is refused.
    pub price: Option<Price>,
}

/// What shares a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The account: this limit is the connection's own.
    Connection,
    /// All that calls from one address.
    Egress,
    /// All that calls as one registered program.
    Application,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Connection, Self::Egress, Self::Application];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Egress => "egress",
            Self::Application => "application",
        }
    }
}

/// How long a limit counts before it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    Second,
    Minute,
    Hour,
    Day,
    Month,
}

impl Window {
    pub const ALL: [Self; 5] = [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Month];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The length of a short window. Longer ones follow the calendar of the account.
    pub fn length(self) -> Option<Duration> {
        match self {
            Self::Second => Some(Duration::from_secs(1)),
            Self::Minute => Some(Duration::from_mins(1)),
            Self::Hour | Self::Day | Self::Month => None,
        }
    }
}

/// What requests beyond the free ones cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// So many requests are paid for at once.
    pub block: u32,
    /// For one block: a decimal number.
    pub amount: &'static str,
    /// Its ISO 4217 code.
    pub currency: &'static str,
    pub vat: Vat,
    pub charged: Charged,
}

/// Whether a price holds the VAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vat {
    Excluded,
    Included,
}

impl Vat {
    pub const ALL: [Self; 2] = [Self::Excluded, Self::Included];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::Included => "included",
        }
    }
}

/// When a block is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// With its first request.
    Started,
    /// When it is used up.
    Full,
}

impl Charged {
    pub const ALL: [Self; 2] = [Self::Started, Self::Full];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Full => "full",
        }
    }
}
