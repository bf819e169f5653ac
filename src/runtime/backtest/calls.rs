//! What actions cost: calls as the catalogue counts them, in the windows of the quotas of their connections.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::report::{CallsRow, Cost, Pair, QuotaRow};
use crate::{
    config::Config,
    connectors::contract::Vendor,
    dispatcher::limits::{LaneLimit, Period, QuotaSettings, Span},
    model::{connection::ConnectionName, time::Timestamp},
    runtime::roles::{by_identity, limits_of_lane},
    topics::action::Action,
};

/// What is known of the connections' prices: those of the proposed config, and of the present one what is gone from it.
pub(super) struct Prices(BTreeMap<ConnectionName, Account>);

struct Account {
    vendor: &'static Vendor,
    quotas: Vec<(LaneLimit, QuotaSettings)>,
}

impl Prices {
    pub fn of(proposed: &Config, present: &Config) -> Self {
        let mut accounts = BTreeMap::new();
        for (name, connection) in by_identity(proposed).chain(by_identity(present)) {
            let quotas = limits_of_lane(connection).into_iter().filter_map(|limit| match &limit.span {
                Span::Calendar(settings) => Some((limit.clone(), settings.clone())),
                Span::Sliding(_) => None,
            });
            accounts.entry(name).or_insert_with(|| Account { vendor: connection.vendor, quotas: quotas.collect() });
        }
        Self(accounts)
    }
}

/// What has been counted.
#[derive(Default)]
pub(super) struct Calls(BTreeMap<ConnectionName, Count>);

#[derive(Default)]
struct Count {
    actions: Pair,
    calls: Pair,
    due: u64,
    /// By the quota's place among its connection's.
    windows: Vec<Windows>,
}

#[derive(Default)]
struct Windows {
    of: BTreeMap<String, Pair>,
    /// The window counted last: most actions lie in the same one as the one before.
    last: Option<Period>,
}

impl Calls {
    /// An action that each side does so often (once, or not at all), because of an event of that time. It is due where an
    /// earlier start claims it.
    pub fn add(&mut self, prices: &Prices, action: &Action, of: Pair, at: Timestamp, due: bool) {
        let Some(account) = prices.0.get(&action.connection) else { return };
        let operation = account.vendor.operations.iter().find(|operation| operation.name == action.operation);
        let (calls, class) = operation.map_or((1, ""), |operation| (u64::from(operation.calls), operation.limit_class));
        let calls = Pair { present: of.present * calls, proposed: of.proposed * calls };
        if !self.0.contains_key(&action.connection) {
            self.0.insert(action.connection.clone(), Count::default());
        }
        let Some(count) = self.0.get_mut(&action.connection) else { return };
        count.actions.add(of);
        count.calls.add(calls);
        count.due += if due { calls.proposed } else { 0 };
        count.windows.resize_with(account.quotas.len(), Windows::default);
        for ((limit, settings), windows) in account.quotas.iter().zip(&mut count.windows) {
            if limit.class.as_deref().is_none_or(|mine| mine == class) {
                windows.add(settings, calls, at);
            }
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (connection, count) in other.0 {
            let mine = self.0.entry(connection).or_default();
            mine.actions.add(count.actions);
            mine.calls.add(count.calls);
            mine.due += count.due;
            mine.windows.resize_with(count.windows.len().max(mine.windows.len()), Windows::default);
            for (mine, theirs) in mine.windows.iter_mut().zip(count.windows) {
                theirs.of.into_iter().for_each(|(name, pair)| mine.of.entry(name).or_default().add(pair));
            }
        }
    }

    pub fn into_rows(self, prices: &Prices) -> Vec<CallsRow> {
        let row = |(connection, count): (ConnectionName, Count)| {
            let quotas = prices.0.get(&connection).map_or(&[][..], |account| account.quotas.as_slice());
            CallsRow {
                quotas: quotas
                    .iter()
                    .zip(count.windows)
                    .map(|((limit, of), windows)| quota(limit, of, windows))
                    .collect(),
                connection,
                actions: count.actions,
                calls: count.calls,
                due: count.due,
            }
        };
        self.0.into_iter().map(row).collect()
    }
}

impl Windows {
    fn add(&mut self, settings: &QuotaSettings, calls: Pair, at: Timestamp) {
        let period = match self.last.take() {
            Some(last) if last.start <= at && at < last.end => last,
            _ => Period::of(settings.window, &settings.zone, at),
        };
        match self.of.get_mut(&period.name) {
            Some(pair) => pair.add(calls),
            None => drop(self.of.insert(period.name.clone(), calls)),
        }
        self.last = Some(period);
    }
}

fn quota(limit: &LaneLimit, settings: &QuotaSettings, windows: Windows) -> QuotaRow {
    let cap = settings.cap(limit.calls);
    let cost = settings.price.as_ref().map(|price| {
        let sum = |side: fn(&Pair) -> u64| -> String {
            let costs = windows.of.values().map(|pair| price.cost(side(pair), limit.calls));
            costs.sum::<Decimal>().normalize().to_string()
        };
        Cost {
            present: sum(|pair| pair.present),
            proposed: sum(|pair| pair.proposed),
            currency: price.currency.clone(),
            vat: price.vat.as_str().to_owned(),
        }
    });
    let most = cap.unwrap_or(limit.calls);
    let exceeded = windows.of.iter().filter(|(_, pair)| pair.proposed > most).map(|(name, _)| name.clone()).collect();
    QuotaRow {
        limit: limit.name.clone(),
        window: settings.window.as_str().to_owned(),
        free: limit.calls,
        cap,
        windows: windows.of,
        cost,
        exceeded,
    }
}
