//! Constant arguments: what can be known to fail is told at load.

use cel::common::ast::LiteralValue;

use super::{Takes, countries, dates, money::MOST_PLACES, patterns, phones};
use crate::{expr::suggest, model::checksums::COMPANY_ID_COUNTRIES};

/// What is wrong with a constant, and what to do.
#[derive(Debug)]
pub(in crate::expr) struct Refused {
    pub message: String,
    pub hint: String,
}

fn refused(message: impl Into<String>, hint: impl Into<String>) -> Refused {
    Refused { message: message.into(), hint: hint.into() }
}

/// What is wrong with a constant for an argument.
pub(super) fn refuse(takes: Takes, constant: &LiteralValue) -> Option<Refused> {
    match (takes, constant) {
        (Takes::Places, LiteralValue::Int(places)) => {
            let fits = (0..=i64::from(MOST_PLACES)).contains(places.inner());
            if fits {
                None
            } else {
                Some(refused(format!("{} decimal places", places.inner()), "0 to 12 are possible"))
            }
        }
        (_, LiteralValue::String(text)) => refuse_text(takes, text.inner()),
        _ => None,
    }
}

fn refuse_text(takes: Takes, text: &str) -> Option<Refused> {
    match takes {
        Takes::Zone if dates::zone(text).is_none() => Some(refuse_zone(text)),
        Takes::Country if !countries::is_code(text) => Some(refuse_country(text)),
        Takes::PhoneCountry if !phones::known().any(|country| country == text) => {
            if countries::is_code(text) {
                let known = phones::known().collect::<Vec<_>>().join(", ");
                Some(refused(format!("telephone numbers of `{text}` are not known here"), format!("known are {known}")))
            } else {
                Some(refuse_country(text))
            }
        }
        Takes::CompanyCountry if !COMPANY_ID_COUNTRIES.contains(&text) => {
            if countries::is_code(text) {
                let known = COMPANY_ID_COUNTRIES.join(", ");
                Some(refused(format!("company ids of `{text}` are not known here"), format!("known are {known}")))
            } else {
                Some(refuse_country(text))
            }
        }
        Takes::DatePattern => match dates::parse_pattern(text) {
            Ok(_) => None,
            Err(unknown) => {
                let hint = "a pattern is made of YYYY, YY, MM, M, DD, D, HH, mm, ss, spaces and punctuation";
                Some(refused(format!("a date's pattern has no `{unknown}`"), hint))
            }
        },
        Takes::Regex => patterns::compile(text).err().map(|unfit| refused(unfit.why, unfit.hint)),
        Takes::Amount if text.parse::<rust_decimal::Decimal>().is_err() => {
            Some(refused(format!("`{text}` is no decimal number"), "write it as `\"1234.50\"`"))
        }
        _ => None,
    }
}

fn refuse_zone(text: &str) -> Refused {
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
    let hint = match suggest::nearest(text, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write it as `Europe/Budapest`".to_owned(),
    };
    refused(format!("there is no time zone `{text}`"), hint)
}

fn refuse_country(text: &str) -> Refused {
    let hint = match countries::code_of(text) {
        Some(code) => format!("did you mean `{code}`?"),
        None => "write the two letters of ISO 3166-1, in upper case: `CZ`".to_owned(),
    };
    refused(format!("there is no country `{text}`"), hint)
}
