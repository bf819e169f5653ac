//! Windows of the account's calendar: which one a moment lies in, and when the next one begins.

use jiff::{RoundMode, ToSpan as _, Unit, ZonedRound, tz::TimeZone};

use crate::{connectors::contract::limits::Window, model::time::Timestamp};

/// One hour, day or month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// What sets it apart, in the order of time: `2025-10`, `2025-10-09`, `2025-10-09T08Z`.
    pub name: String,
    pub start: Timestamp,
    /// When the next one begins.
    pub end: Timestamp,
}

impl Period {
    /// The window that a moment lies in. Hours are named in UTC: a clock that is put back has one hour twice.
    pub fn of(window: Window, zone: &TimeZone, now: Timestamp) -> Self {
        let in_account = now.to_zoned(zone.clone());
        let day = in_account.date();
        let start_of = |day: jiff::civil::Date| day.to_zoned(zone.clone()).map(|zoned| zoned.timestamp());
        let (name, start, end) = match window {
            Window::Month => {
                let first = day.first_of_month();
                let next = first.checked_add(1.month()).and_then(start_of);
                (day.strftime("%Y-%m").to_string(), start_of(first), next)
            }
            Window::Day => (day.to_string(), start_of(day), day.tomorrow().and_then(start_of)),
            Window::Hour | Window::Minute | Window::Second => {
                let utc = now.to_zoned(TimeZone::UTC);
                let begun = utc.round(ZonedRound::new().smallest(Unit::Hour).mode(RoundMode::Trunc));
                let start = begun.map(|begun| begun.timestamp());
                let next = start.clone().and_then(|start| start.checked_add(1.hour()));
                (utc.strftime("%Y-%m-%dT%HZ").to_string(), start, next)
            }
        };
        Self { name, start: start.unwrap_or(now), end: end.unwrap_or(Timestamp::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn of(window: Window, zone: &str, now: &str) -> (String, String) {
        let period = Period::of(window, &TimeZone::get(zone).expect("zone"), at(now));
        (period.name, period.end.to_string())
    }

    #[test]
    fn months_and_days_turn_in_the_account_s_zone() {
        let text = |name: &str, end: &str| (name.to_owned(), end.to_owned());
        let budapest = "Europe/Budapest";
        assert_eq!(of(Window::Month, budapest, "2025-10-31T22:59:59Z"), text("2025-10", "2025-10-31T23:00:00Z"));
        assert_eq!(of(Window::Month, budapest, "2025-10-31T23:00:00Z"), text("2025-11", "2025-11-30T23:00:00Z"));
        assert_eq!(of(Window::Day, budapest, "2025-10-25T22:30:00Z"), text("2025-10-26", "2025-10-26T23:00:00Z"));
    }

    #[test]
    fn the_hour_that_comes_twice_is_two_hours() {
        let first = of(Window::Hour, "Europe/Budapest", "2025-10-26T00:30:00Z");
        let second = of(Window::Hour, "Europe/Budapest", "2025-10-26T01:30:00Z");
        assert_eq!(first, ("2025-10-26T00Z".to_owned(), "2025-10-26T01:00:00Z".to_owned()));
        assert_eq!(second.0, "2025-10-26T01Z");
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_in_the_order_of_their_names(
            second in 0_i64..4_000_000_000, window in prop::sample::select(vec![Window::Hour, Window::Day, Window::Month]),
            zone in prop::sample::select(vec!["UTC", "Europe/Prague", "America/New_York", "Asia/Kolkata"]),
        ) {
            let zone = TimeZone::get(zone).expect("zone");
            let now = Timestamp::from_second(second).expect("a time");
            let period = Period::of(window, &zone, now);
            let last = Period::of(window, &zone, period.end - 1.nanosecond());
            let next = Period::of(window, &zone, period.end);
            prop_assert!(period.start <= now && now < period.end);
            prop_assert_eq!(&last, &period);
            prop_assert_eq!(next.start, period.end);
            prop_assert!(next.name > period.name);
        }
    }
}
