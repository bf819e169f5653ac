//! Days and times. A time without a zone is one of UTC only where it says so: nothing is guessed.

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{
    Grows,
    given::{Given, Outcome, functions, run},
};

const SMALL: Grows = Grows::To(64);

functions! {
    "date"(Text) -> Text, SMALL, run!("date", date),
        "The day of an RFC 3339 time, `YYYY-MM-DD`, as it is written there; empty when the text is empty.",
        "date('2025-10-09T23:30:00Z')" => "2025-10-09";
    "date"(Text, Zone) -> Text, SMALL, run!("date", date_in_zone),
        "The day of an RFC 3339 time in a time zone; a plain day stays as it is.",
        "date('2025-10-09T23:30:00Z', 'Europe/Budapest')" => "2025-10-10";
    "in_zone"(Text, Zone) -> Text, SMALL, run!("in_zone", in_zone),
        "An RFC 3339 time with the offset of a time zone; empty when the text is empty.",
        "in_zone('2025-07-01T10:00:00Z', 'Europe/Budapest')" => "2025-07-01T12:00:00+02:00";
    "add_days"(Text, Integer) -> Text, SMALL, run!("add_days", add_days),
        "The day so many days later, of a day or a time as it is written; empty when the text is empty.",
        "add_days('2025-02-27', 14)" => "2025-03-13";
    "days_between"(Text, Text) -> Integer, SMALL, run!("days_between", days_between),
        "How many days the second day is later than the first.", "days_between('2025-12-30', '2026-01-02')" => "3";
    "format_date"(Text, DatePattern) -> Text, SMALL, run!("format_date", format_date),
        "A day or a time as it is written, by a pattern of YYYY, YY, MM, M, DD, D, HH, mm, ss and punctuation; empty when the \
         text is empty.",
        "format_date('2025-10-09T08:53:20+02:00', 'D. M. YYYY HH:mm')" => "9. 10. 2025 08:53";
}

const NO_DAY: &str = "expected a date or an RFC 3339 time";
const NO_TIME: &str = "expected an RFC 3339 time";

/// A time zone by its name in the IANA database.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok().filter(|_| !name.is_empty())
}

fn zone_of(given: &Given<'_, '_, '_>, index: usize) -> Outcome<TimeZone> {
    zone(given.text(index)?).ok_or("there is no such time zone")
}

/// The day as it is written; `None` for an empty text.
fn day(text: &str) -> Outcome<Option<Date>> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = text.get(..10).and_then(|day| day.parse::<Date>().ok()).ok_or(NO_DAY)?;
    let only_day = text.get(10..11).is_none_or(|next| "Tt ".contains(next));
    if only_day { Ok(Some(day)) } else { Err(NO_DAY) }
}

fn date(given: &Given<'_, '_, '_>) -> Outcome<String> {
    Ok(day(given.text(0)?)?.map(|day| day.to_string()).unwrap_or_default())
}

fn date_in_zone(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let text = given.text(0)?;
    let zone = zone_of(given, 1)?;
    if text.len() <= 10 {
        return date(given);
    }
    let time: Timestamp = text.parse().map_err(|_| NO_TIME)?;
    Ok(time.to_zoned(zone).date().to_string())
}

fn in_zone(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let text = given.text(0)?;
    let zone = zone_of(given, 1)?;
    if text.is_empty() {
        return Ok(String::new());
    }
    let time: Timestamp = text.parse().map_err(|_| NO_TIME)?;
    let offset = zone.to_offset(time);
    Ok(time.display_with_offset(offset).to_string())
}

fn add_days(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let days = given.integer(1)?;
    let Some(day) = day(given.text(0)?)? else { return Ok(String::new()) };
    let span = Span::new().try_days(days).ok();
    let later = span.and_then(|span| day.checked_add(span).ok());
    later.map(|day| day.to_string()).ok_or("there is no such day")
}

fn days_between(given: &Given<'_, '_, '_>) -> Outcome<i64> {
    let (Some(one), Some(two)) = (day(given.text(0)?)?, day(given.text(1)?)?) else { return Err(NO_DAY) };
    let span = one.until(two).map_err(|_| NO_DAY)?;
    Ok(i64::from(span.get_days()))
}

/// A part of a date's pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    ShortYear,
    Month(Width),
    Day(Width),
    Hour,
    Minute,
    Second,
    Mark(char),
}

/// Whether a number of one digit has a zero before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Short,
    Two,
}

/// Reads a pattern; an error is what it does not know.
pub(super) fn parse_pattern(pattern: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches(c).len();
        let (word, after) = rest.split_at(run);
        match word {
            "YYYY" => parts.push(Part::Year),
            "YY" => parts.push(Part::ShortYear),
            "MM" => parts.push(Part::Month(Width::Two)),
            "M" => parts.push(Part::Month(Width::Short)),
            "DD" => parts.push(Part::Day(Width::Two)),
            "D" => parts.push(Part::Day(Width::Short)),
            "HH" => parts.push(Part::Hour),
            "mm" => parts.push(Part::Minute),
            "ss" => parts.push(Part::Second),
            _ if c.is_alphanumeric() => return Err(word.to_owned()),
            marks => parts.extend(marks.chars().map(Part::Mark)),
        }
        rest = after;
    }
    if parts.len() > 32 { Err(pattern.to_owned()) } else { Ok(parts) }
}

fn format_date(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let parts = parse_pattern(given.text(1)?).map_err(|_| "the date's pattern has a part that is not known")?;
    let text = given.text(0)?;
    let Some(day) = day(text)? else { return Ok(String::new()) };
    let written = if text.len() > 10 { text.get(..19).unwrap_or("") } else { "" };
    let time = written
        .replace(' ', "T")
        .parse::<DateTime>()
        .unwrap_or_else(|_| day.to_datetime(jiff::civil::Time::midnight()));
    Ok(parts.iter().map(|part| write_part(part, time)).collect())
}

fn write_part(part: &Part, time: DateTime) -> String {
    let number = |number: i8, width: Width| match width {
        Width::Short => number.to_string(),
        Width::Two => format!("{number:02}"),
    };
    match part {
        Part::Year => format!("{:04}", time.year()),
        Part::ShortYear => format!("{:02}", time.year() % 100),
        Part::Month(width) => number(time.month(), *width),
        Part::Day(width) => number(time.day(), *width),
        Part::Hour => number(time.hour(), Width::Two),
        Part::Minute => number(time.minute(), Width::Two),
        Part::Second => number(time.second(), Width::Two),
        Part::Mark(c) => c.to_string(),
    }
}
