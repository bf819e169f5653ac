//! FAPI's times: local, in whole seconds, without an offset (recorded bodies are UTC+2 in summer and UTC+1 in winter against
//! the `Date` header). In the hour that autumn repeats, a time is read as the first of the two: the earlier reading is the
//! safe one for versions of a poll, which then looks back further instead of past something.

use jiff::{civil, tz::TimeZone};

use crate::model::time::{Since, Timestamp, Version, version_of};

/// Reads FAPI's times in an account's zone.
#[derive(Clone, Copy)]
pub(super) struct Local<'a>(pub(super) &'a TimeZone);

impl Local<'_> {
    /// The moment of `YYYY-MM-DD HH:MM:SS`; a time that carries an offset after all is taken at its word.
    pub(super) fn moment(self, text: &str) -> Option<Timestamp> {
        if let Ok(moment) = text.parse() {
            return Some(moment);
        }
        let local: civil::DateTime = text.parse().ok()?;
        local.to_zoned(self.0.clone()).ok().map(|zoned| zoned.timestamp())
    }

    /// When something became true that FAPI states to the second.
    pub(super) fn since(self, text: &str, read: Timestamp) -> Since {
        self.moment(text).map_or_else(|| Since::arrival(read), |moment| Since::stated(moment, read))
    }

    /// When something became true that FAPI states to the second, or to the day only: then it says midnight.
    pub(super) fn since_day(self, text: &str, read: Timestamp) -> Since {
        match day(text) {
            Some(day) => Since::day(day, self.0, read),
            None => self.since(text, read),
        }
    }

    /// The version that a change time stands for, else the reading.
    pub(super) fn version(self, text: &str, read: Timestamp) -> Version {
        version_of(self.moment(text).unwrap_or(read))
    }

    /// RFC 3339 with offset; empty when FAPI told nothing readable.
    pub(super) fn rfc3339(self, text: &str) -> String {
        self.moment(text).map_or_else(String::new, |moment| {
            moment.to_zoned(self.0.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        })
    }

    /// RFC 3339 with offset, or the day where FAPI tells no more.
    pub(super) fn rfc3339_or_day(self, text: &str) -> String {
        day(text).map_or_else(|| self.rfc3339(text), |day| day.to_string())
    }

    /// A moment as FAPI writes it.
    pub(super) fn write(self, moment: Timestamp) -> String {
        moment.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// The day of a time at midnight, or of a day.
fn day(text: &str) -> Option<civil::Date> {
    let local: civil::DateTime = text.parse().ok()?;
    (local.time() == civil::Time::midnight() && text.parse::<Timestamp>().is_err()).then(|| local.date())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::How;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn times_are_prague_s_summer_and_winter() {
        let zone = TimeZone::get("Europe/Prague").expect("zone");
        let local = Local(&zone);
        assert_eq!(local.moment("2020-09-08 15:50:34"), Some(at("2020-09-08T13:50:34Z")));
        assert_eq!(local.moment("2021-01-08 15:50:34"), Some(at("2021-01-08T14:50:34Z")));
        assert_eq!(local.rfc3339("2020-09-08 15:50:34"), "2020-09-08T15:50:34+02:00");
        assert_eq!(local.write(at("2020-09-08T13:50:34Z")), "2020-09-08 15:50:34");
        for unreadable in ["", "0000-00-00 00:00:00", "yesterday", "2020-13-01 00:00:00"] {
            assert_eq!(local.moment(unreadable), None, "{unreadable}");
            assert_eq!(local.rfc3339_or_day(unreadable), "");
        }
    }

    #[test]
    fn midnight_is_a_day_where_a_day_is_meant() {
        let zone = TimeZone::get("Europe/Prague").expect("zone");
        let local = Local(&zone);
        let read = at("2025-11-01T00:00:00Z");
        let day = local.since_day("2025-10-09 00:00:00", read);
        assert_eq!((day.at, day.how), (at("2025-10-09T22:00:00Z"), How::Day));
        assert_eq!(local.rfc3339_or_day("2025-10-09 00:00:00"), "2025-10-09");
        let stated = local.since_day("2025-10-09 12:30:00", read);
        assert_eq!((stated.at, stated.how), (at("2025-10-09T10:30:00Z"), How::Stated));
        assert_eq!(local.since("", read), Since::arrival(read));
    }

    #[test]
    fn nothing_becomes_true_after_it_was_read() {
        let zone = TimeZone::get("Europe/Prague").expect("zone");
        let read = at("2025-10-09T08:00:00Z");
        assert_eq!(Local(&zone).since_day("2025-10-09 00:00:00", read).at, read);
        assert_eq!(Local(&zone).since("2025-10-09 23:00:00", read).at, read);
    }

    #[test]
    fn the_hour_that_autumn_repeats_is_read_as_the_first() {
        let zone = TimeZone::get("Europe/Prague").expect("zone");
        assert_eq!(Local(&zone).moment("2025-10-26 02:30:00"), Some(at("2025-10-26T00:30:00Z")));
    }
}
