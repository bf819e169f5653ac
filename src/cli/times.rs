//! Times as people write them on the command line.

use anyhow::Context as _;

use crate::{connectors::contract::settings::read_duration, model::time::Timestamp};

/// A time, a day (its beginning, in UTC), or so long ago.
pub fn read(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        return Ok(day.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp());
    }
    let ago = read_duration(text).ok().and_then(|ago| now.checked_sub(ago).ok());
    ago.with_context(|| {
        format!("`{text}` is no time\nhint: `2025-10-01`, `2025-10-01T08:00:00Z`, or so long ago: `36h`, `3d`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_spans_are_times() {
        let now: Timestamp = "2025-10-09T12:00:00Z".parse().expect("a time");
        let at = |text: &str| read(text, now).map(|time| time.to_string()).map_err(|error| error.to_string());
        assert_eq!(at("2025-10-01").as_deref(), Ok("2025-10-01T00:00:00Z"));
        assert_eq!(at("2025-10-01T08:00:00+02:00").as_deref(), Ok("2025-10-01T06:00:00Z"));
        assert_eq!(at("36h").as_deref(), Ok("2025-10-08T00:00:00Z"));
        for wrong in ["", "yesterday", "2025-13-01", "36"] {
            assert!(at(wrong).is_err_and(|error| error.contains("hint: ")), "{wrong}");
        }
    }
}
