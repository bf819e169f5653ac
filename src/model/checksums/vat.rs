//! VAT ids of the European Union: the forms of all members, the check digits where they are published.

use super::{
    Verdict, compact, cui,
    digits::{Digits, weighted},
    ico, nip,
    personal::birth_number,
    torzsszam,
};

/// The forms behind the country's letters, as the Commission's page on VIES lists them: `9` is a digit, `?` one that may be
/// missing in front, `A` a letter, `X` either, and anything else itself.
const FORMS: &[(&str, &[&str])] = &[
    ("AT", &["U99999999"]),
    ("BE", &["9999999999"]),
    ("BG", &["?999999999"]),
    ("CY", &["99999999A"]),
    ("CZ", &["??99999999"]),
    ("DE", &["999999999"]),
    ("DK", &["99999999"]),
    ("EE", &["999999999"]),
    ("EL", &["999999999"]),
    ("ES", &["X9999999X"]),
    ("FI", &["99999999"]),
    ("FR", &["XX999999999"]),
    ("HR", &["99999999999"]),
    ("HU", &["99999999"]),
    ("IE", &["9999999A", "9999999AA", "9X99999A", "9+99999A", "9*99999A"]),
    ("IT", &["99999999999"]),
    ("LT", &["999999999", "999999999999"]),
    ("LU", &["99999999"]),
    ("LV", &["99999999999"]),
    ("MT", &["99999999"]),
    ("NL", &["999999999B99"]),
    ("PL", &["9999999999"]),
    ("PT", &["999999999"]),
    ("RO", &["????????99"]),
    ("SE", &["999999999999"]),
    ("SI", &["99999999"]),
    ("SK", &["9999999999"]),
    // Northern Ireland, for goods.
    ("XI", &["999999999", "999999999999", "GD999", "HA999"]),
];

/// Judges a VAT id, with its country's letters. Greece is `EL`; of countries outside the Union nothing is known.
pub fn vat_id(id: &str) -> Verdict {
    let id = normalize_vat_id(id, "");
    let Some((country, rest)) = id.split_at_checked(2) else { return Verdict::WrongForm };
    let Some((_, forms)) = FORMS.iter().find(|(known, _)| *known == country) else {
        let letters = country.chars().all(|c| c.is_ascii_uppercase());
        return if letters { Verdict::Unknown } else { Verdict::WrongForm };
    };
    if !forms.iter().any(|form| has_form(rest, form)) {
        return Verdict::WrongForm;
    }
    Verdict::of_checksum(fits(country, rest))
}

/// The one way to write a VAT id: upper case, nothing between the characters, the country's letters in front (those of
/// `country`, a code of two letters or empty, where it has none). A whole HU adószám becomes the VAT id that it holds.
pub fn normalize_vat_id(id: &str, country: &str) -> String {
    let id = compact(id);
    let country = if country == "GR" { "EL" } else { country };
    let (letters, rest) = match id.split_at_checked(2) {
        Some(("GR", rest)) => ("EL", rest),
        Some((letters, rest)) if FORMS.iter().any(|(known, _)| *known == letters) => (letters, rest),
        _ if id.is_empty() || !FORMS.iter().any(|(known, _)| *known == country) => return id,
        _ => (country, id.as_str()),
    };
    let adoszam = letters == "HU" && rest.len() == 11 && Digits::of(rest).is_some();
    let rest = if adoszam { rest.get(..8).unwrap_or(rest) } else { rest };
    format!("{letters}{rest}")
}

fn has_form(text: &str, form: &str) -> bool {
    let missing = form.len().checked_sub(text.len()).filter(|missing| form.bytes().take(*missing).all(|c| c == b'?'));
    missing.is_some_and(|missing| {
        text.bytes().zip(form.bytes().skip(missing)).all(|(c, wanted)| match wanted {
            b'9' | b'?' => c.is_ascii_digit(),
            b'A' => c.is_ascii_uppercase(),
            b'X' => c.is_ascii_uppercase() || c.is_ascii_digit(),
            wanted => c == wanted,
        })
    })
}

/// Whether the check digits fit; true where none are known here.
fn fits(country: &str, rest: &str) -> bool {
    let digits = Digits::of(rest.trim_start_matches('U'));
    match (country, digits) {
        ("NL", _) => nl(rest),
        ("AT", Some(id)) => (id.first(7).sum_with_doubles() + 4 + id.last()).is_multiple_of(10),
        ("BE", Some(id)) => id.number(0..1) <= 1 && 97 - id.first(8).modulo(97) == id.number(8..10),
        ("CZ", Some(id)) => cz(&id),
        ("DE" | "HR", Some(id)) => id.fits_mod_11_10(),
        ("HU", Some(id)) => torzsszam(&id),
        ("PL", Some(id)) => nip(&id),
        ("RO", Some(id)) => cui(&id),
        ("SI", Some(id)) => si(&id),
        ("SK", Some(id)) => id.modulo(11) == 0,
        _ => true,
    }
}

/// Companies have their IČO; people their birth number, or nine digits that begin with 6.
fn cz(id: &Digits) -> bool {
    match (id.len(), id.number(0..1)) {
        (8, 9) => false,
        (8, _) => ico(id),
        (9, 6) => cz_without_birth_number(id) || birth_number(id),
        _ => birth_number(id),
    }
}

fn cz_without_birth_number(id: &Digits) -> bool {
    let rest = weighted(&id.first(8), &[0, 8, 7, 6, 5, 4, 3, 2]) % 11;
    (18 - (21 - rest) % 11) % 10 == id.last()
}

/// No number is given out whose check digit would be 11; 10 is written as 0.
fn si(id: &Digits) -> bool {
    let check = 11 - weighted(&id.first(7), &[8, 7, 6, 5, 4, 3, 2]) % 11;
    check != 11 && check % 10 == id.last()
}

/// Companies have the number's own check digit; people, since 2020, one over the whole id with its letters.
fn nl(rest: &str) -> bool {
    let by_number = Digits::of(rest.get(..9).unwrap_or("")).is_some_and(|id| nl_number(&id));
    by_number || nl_whole(rest)
}

fn nl_number(id: &Digits) -> bool {
    weighted(&id.first(8), &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == id.last()
}

/// Letters count as two digits: A is 10.
fn nl_whole(rest: &str) -> bool {
    Digits::of(&format!("2321{}", rest.replace('B', "11"))).is_some_and(|id| id.modulo(97) == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_ids_are_valid() {
        for id in [
            "ATU13585627",
            "BE0403019261",
            "BG175074752",
            "CZ25123891",
            "CZ7103192745",
            "CZ640903926",
            "DE136695976",
            "EL094259216",
            "FR40303265045",
            "HR33392005961",
            "HU12892312",
            "IE6433435F",
            "NL004495445B01",
            "NL000099998B57",
            "PL8567346215",
            "RO18547290",
            "SI50223054",
            "SK2022749619",
            "sk 2022 749 619",
            "GR 094259216",
            "HU-12892312",
        ] {
            assert_eq!(vat_id(id), Verdict::Valid, "{id}");
        }
    }

    #[test]
    fn wrong_ids_are_told_apart() {
        for id in [
            "ATU13585626",
            "BE0403019262",
            "CZ25123890",
            "DE136695978",
            "HR33392005962",
            "HU12892313",
            "NL004495446B01",
            "NL123456789B90",
            "PL8567346216",
            "RO18547291",
            "SI50223056",
            "SK2022749618",
        ] {
            assert_eq!(vat_id(id), Verdict::WrongChecksum, "{id}");
        }
        for id in [
            "",
            "C",
            "CZ",
            "CZ1234567",
            "CZ12345678901",
            "AT13585627",
            "NL004495445",
            "12345678",
            "žluť",
            "DE13669597é",
        ] {
            assert_eq!(vat_id(id), Verdict::WrongForm, "{id}");
        }
        assert_eq!(vat_id("CHE123456789"), Verdict::Unknown);
    }

    #[test]
    fn one_way_to_write_it() {
        for (id, country, normal) in [
            ("cz 25 123 891", "", "CZ25123891"),
            ("12892312-2-41", "HU", "HU12892312"),
            ("HU12892312-2-41", "", "HU12892312"),
            ("12892312", "HU", "HU12892312"),
            ("U13585627", "AT", "ATU13585627"),
            ("094259216", "GR", "EL094259216"),
            ("SK2022749619", "CZ", "SK2022749619"),
            ("2022749619", "", "2022749619"),
            ("123", "US", "123"),
            (" ", "CZ", ""),
        ] {
            assert_eq!(normalize_vat_id(id, country), normal, "{id}");
        }
    }

    proptest! {
        /// Where the algorithm tells every single mistyped digit.
        #[test]
        fn a_mistyped_digit_is_refused(start in "[1-9][0-9]{9}", at in 0_usize..11, by in 1_u32..10) {
            for (letters, length) in [("ATU", 7), ("DE", 8), ("HR", 10), ("HU", 7), ("PL", 9), ("SI", 7), ("SK", 9)] {
                let complete = |check: u32| format!("{letters}{}{check}", start.get(..length).expect("ASCII"));
                let Some(id) = (0..10).map(complete).find(|id| vat_id(id) == Verdict::Valid) else { continue };
                let at = letters.len() + at.min(length);
                let wrong: String = id.chars().enumerate()
                    .map(|(index, c)| match c.to_digit(10) {
                        Some(digit) if index == at => char::from_digit((digit + by) % 10, 10).expect("a digit"),
                        _ => c,
                    })
                    .collect();
                prop_assert_eq!(vat_id(&wrong), Verdict::WrongChecksum, "{}", wrong);
            }
        }

        #[test]
        fn any_text_is_judged(id in "\\PC{0,16}|[A-Z]{2}[0-9A-Z+*]{0,12}") {
            let normal = normalize_vat_id(&id, "CZ");
            prop_assert_eq!(normalize_vat_id(&normal, "CZ"), normal.clone());
            if vat_id(&id) == Verdict::Valid {
                prop_assert!(normal.is_ascii());
            }
        }
    }
}
