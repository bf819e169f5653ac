//! Countries: their codes by the names that people write, and who belongs to the European Union.

use jiff::civil::Date;

use super::{
    Grows, countries,
    given::{Given, Outcome, functions, run},
};

functions! {
    "country_code"(Text) -> Text, Grows::To(64), run!("country_code", country_code),
        "The two letters (ISO 3166-1) of a country given by its name in the languages of our field, by two or by three letters; \
         empty when it is not known.",
        "country_code('Magyarország')" => "HU";
    "is_eu"(Country) -> Boolean, Grows::To(64), run!("is_eu", is_eu),
        "Whether a country, by its two letters, is a member of the European Union.", "is_eu('GB')" => "false";
    "is_eu"(Country, Text) -> Boolean, Grows::To(64), run!("is_eu", is_eu),
        "Whether it was a member on a day. The United Kingdom was until 2020-01-31.", "is_eu('GB', '2019-05-01')" => "true";
}

fn country_code(given: &Given<'_, '_, '_>) -> Outcome<String> {
    Ok(countries::code_of(given.text(0)?).unwrap_or("").to_owned())
}

/// Without a day: a member now, as far as this version knows.
fn is_eu(given: &Given<'_, '_, '_>) -> Outcome<bool> {
    let country = given.text(0)?.trim().to_ascii_uppercase();
    let Some((since, until)) = membership(&country) else { return Ok(false) };
    let Some(day) = given.text_if_given(1)?.filter(|day| !day.is_empty()) else { return Ok(until.is_none()) };
    let day: Date = day.get(..10).and_then(|day| day.parse().ok()).ok_or("expected a date or an RFC 3339 time")?;
    Ok(since <= day && until.is_none_or(|until| day <= until))
}

/// The first day, and the last one.
fn membership(country: &str) -> Option<(Date, Option<Date>)> {
    let since = match country {
        "BE" | "DE" | "FR" | "IT" | "LU" | "NL" => (1958, 1, 1),
        "DK" | "GB" | "IE" => (1973, 1, 1),
        "EL" | "GR" => (1981, 1, 1),
        "ES" | "PT" => (1986, 1, 1),
        "AT" | "FI" | "SE" => (1995, 1, 1),
        "CY" | "CZ" | "EE" | "HU" | "LT" | "LV" | "MT" | "PL" | "SI" | "SK" => (2004, 5, 1),
        "BG" | "RO" => (2007, 1, 1),
        "HR" => (2013, 7, 1),
        _ => return None,
    };
    let until = (country == "GB").then(|| jiff::civil::date(2020, 1, 31));
    Some((jiff::civil::date(since.0, since.1, since.2), until))
}
