//! E-mail addresses and telephone numbers in one form. No provider's rules: who owns which spelling, only the provider knows.

use super::{
    Grows,
    given::{Given, Outcome, functions, run},
    phones,
};

functions! {
    "normalize_email"(Text) -> Text, Grows::Case, run!("normalize_email", normalize_email),
        "An e-mail address without white space around it, its domain in lower case.",
        "normalize_email(' Eva.Nova@Example.CZ ')" => "Eva.Nova@example.cz";
    "valid_email"(Text) -> Boolean, Grows::To(64), run!("valid_email", valid_email),
        "Whether a text has the form of an e-mail address.", "valid_email('eva@example')" => "false";
    "normalize_phone"(Text, PhoneCountry) -> Text, Grows::To(64), run!("normalize_phone", normalize_phone),
        "A telephone number as `+420777123456` (E.164), of the country where it names none; empty when it cannot be judged.",
        "normalize_phone('06 30 123 4567', 'HU')" => "+36301234567";
}

fn normalize_email(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let text = given.text(0)?.trim();
    Ok(match text.rsplit_once('@') {
        Some((user, domain)) => format!("{user}@{}", domain.to_lowercase()),
        None => text.to_owned(),
    })
}

fn valid_email(given: &Given<'_, '_, '_>) -> Outcome<bool> {
    Ok(is_email(given.text(0)?))
}

/// The lengths are those of RFC 5321. Quoted users and literal addresses do not occur among customers.
fn is_email(text: &str) -> bool {
    let Some((user, domain)) = text.split_once('@') else { return false };
    let labels: Vec<&str> = domain.split('.').collect();
    let label = |label: &&str| {
        let ends = label.starts_with('-') || label.ends_with('-');
        !label.is_empty() && label.len() <= 63 && !ends && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let sign = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let dots = user.starts_with('.') || user.ends_with('.') || user.contains("..");
    let named = labels.last().is_some_and(|top| top.len() >= 2 && !top.chars().all(|c| c.is_ascii_digit()));
    !user.is_empty()
        && user.len() <= 64
        && text.len() <= 254
        && user.chars().all(sign)
        && !dots
        && labels.len() >= 2
        && labels.iter().all(label)
        && named
}

fn normalize_phone(given: &Given<'_, '_, '_>) -> Outcome<String> {
    Ok(phones::normalize(given.text(0)?, given.text(1)?).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn forms_of_addresses() {
        for valid in ["eva@example.cz", "o'neil+shop@mail.example.co.uk", "žofie@příklad.cz", "a@b-c.eu"] {
            assert!(is_email(valid), "{valid}");
        }
        let long = format!("{}@example.cz", "a".repeat(65));
        for invalid in [
            "",
            "eva",
            "eva@",
            "@example.cz",
            "eva@example",
            "eva @example.cz",
            "a@b@c.cz",
            "a..b@c.cz",
            "a@-b.cz",
            "a@b.1",
            "a,b@c.cz",
            &long,
        ] {
            assert!(!is_email(invalid), "{invalid}");
        }
    }
}
