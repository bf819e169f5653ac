//! Company and VAT ids, judged by their form and their check digits. Pure: whether a company exists only a register can tell.

mod digits;
mod personal;
mod vat;

pub use vat::{normalize_vat_id, vat_id};

use digits::{Digits, weighted};

/// What the form and the check digits of an id say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Valid,
    /// Too short, too long, or a character that no such id has.
    WrongForm,
    /// A mistyped digit, most likely.
    WrongChecksum,
    /// Nothing is known here of this country's ids.
    Unknown,
}

impl Verdict {
    fn of_checksum(fits: bool) -> Self {
        if fits { Self::Valid } else { Self::WrongChecksum }
    }
}

/// The countries whose company ids can be judged, by their codes of two letters.
pub const COMPANY_ID_COUNTRIES: [&str; 6] = ["CZ", "HR", "HU", "PL", "RO", "SK"];

/// Judges a company's national id: CZ and SK IČO, HU adószám, PL NIP, RO CUI, HR OIB. White space, points and hyphens do not
/// count; for PL and RO the country's letters may stand before it.
pub fn company_id(country: &str, id: &str) -> Verdict {
    let id = compact(id);
    let bare = |letters: &str| Digits::of(id.strip_prefix(letters).unwrap_or(&id));
    match country {
        "CZ" | "SK" => judge(Digits::of(&id).filter(|id| id.len() == 8), ico),
        "HR" => judge(Digits::of(&id).filter(|id| id.len() == 11), Digits::fits_mod_11_10),
        "HU" => judge(Digits::of(&id).filter(is_adoszam), |id| torzsszam(&id.first(8))),
        "PL" => judge(bare("PL").filter(|id| id.len() == 10), nip),
        "RO" => judge(bare("RO").filter(|id| (2..=10).contains(&id.len())), cui),
        _ => Verdict::Unknown,
    }
}

fn judge(id: Option<Digits>, fits: impl Fn(&Digits) -> bool) -> Verdict {
    id.map_or(Verdict::WrongForm, |id| Verdict::of_checksum(fits(&id)))
}

/// Upper case, without what people write between the characters.
fn compact(id: &str) -> String {
    let written_between = |c: &char| !c.is_whitespace() && !['-', '.', '/', '\u{2013}'].contains(c);
    id.chars().filter(written_between).flat_map(char::to_uppercase).collect()
}

/// CZ and SK IČO: eight digits. Remainders 0 and 10 share a check digit, so not every mistyped digit is found.
fn ico(id: &Digits) -> bool {
    let check = match weighted(&id.first(7), &[8, 7, 6, 5, 4, 3, 2]) % 11 {
        0 => 1,
        1 => 0,
        rest => 11 - rest,
    };
    id.last() == check
}

/// HU: the first eight digits of an adószám.
fn torzsszam(id: &Digits) -> bool {
    weighted(id, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10)
}

/// HU adószám: eight digits, one for the kind of taxation, two for the county.
fn is_adoszam(id: &Digits) -> bool {
    let parts = (id.len(), id.number(8..9), id.number(9..11));
    matches!(parts, (11, 1..=5, 2..=20 | 22..=44 | 51))
}

/// PL NIP; no number is given out whose remainder would be 10.
fn nip(id: &Digits) -> bool {
    weighted(&id.first(9), &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == id.last()
}

/// RO CUI: two to ten digits, weighted from the right. Remainders 0 and 10 share a check digit.
fn cui(id: &Digits) -> bool {
    let weights = [7, 5, 3, 2, 1, 7, 5, 3, 2];
    let from = weights.len().saturating_sub(id.len() - 1);
    let sum = weighted(&id.first(id.len() - 1), weights.get(from..).unwrap_or(&weights));
    sum * 10 % 11 % 10 == id.last()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_ids_are_valid() {
        for (country, id) in [
            // Škoda Auto, Seznam.cz, ČEZ.
            ("CZ", "00177041"),
            ("CZ", "261 68 685"),
            ("CZ", "45274649"),
            // Slovak Telekom, ESET.
            ("SK", "35763469"),
            ("SK", "31333532"),
            // MOL, OTP Bank, Magyar Telekom.
            ("HU", "10625790-4-44"),
            ("HU", "10537914444"),
            ("HU", "10773381-2-44"),
            // Orlen, Allegro.
            ("PL", "774-00-01-454"),
            ("PL", "PL5252674798"),
            // OMV Petrom, Dante International.
            ("RO", "RO 1590082"),
            ("RO", "14399840"),
            // HEP.
            ("HR", "28921978587"),
        ] {
            assert_eq!(company_id(country, id), Verdict::Valid, "{country} {id}");
        }
    }

    #[test]
    fn wrong_ids_are_told_apart() {
        assert_eq!(company_id("CZ", "00177042"), Verdict::WrongChecksum);
        assert_eq!(company_id("CZ", "177041"), Verdict::WrongForm);
        assert_eq!(company_id("HU", "10625790-4-45"), Verdict::WrongForm);
        assert_eq!(company_id("HU", "10625791-4-44"), Verdict::WrongChecksum);
        assert_eq!(company_id("RO", "1"), Verdict::WrongForm);
        assert_eq!(company_id("PL", ""), Verdict::WrongForm);
        assert_eq!(company_id("DE", "HRB 1234"), Verdict::Unknown);
        assert!(COMPANY_ID_COUNTRIES.iter().all(|country| company_id(country, "x") == Verdict::WrongForm));
    }

    /// One digit of an id replaced by another.
    fn mistyped(id: &str, at: usize, by: u8) -> String {
        let replaced = |digit: u8| (b'0' + (digit - b'0' + by) % 10) as char;
        id.bytes().enumerate().map(|(index, digit)| if index == at { replaced(digit) } else { digit as char }).collect()
    }

    /// Every id of a length that only its last digit makes valid.
    fn completed(country: &str, start: &str, end: &str) -> Option<String> {
        let complete = |check: u8| format!("{start}{check}{end}");
        (0..10).map(complete).find(|id| company_id(country, id) == Verdict::Valid)
    }

    proptest! {
        #[test]
        fn a_mistyped_digit_is_refused(start in "[0-9]{10}", at in 0_usize..11, by in 1_u8..10) {
            for (country, length, end) in [("HU", 7, "241"), ("PL", 9, ""), ("HR", 10, "")] {
                let Some(id) = completed(country, start.get(..length).expect("ASCII"), end) else { continue };
                let wrong = mistyped(&id, at.min(length), by);
                prop_assert_eq!(company_id(country, &wrong), Verdict::WrongChecksum, "{} {}", country, wrong);
            }
        }

        /// With the remainders that share a check digit, at most one of ten digits is taken for another.
        #[test]
        fn most_mistyped_digits_are_refused(start in "[0-9]{9}", at in 0_usize..7) {
            for (country, length) in [("CZ", 7), ("RO", 9)] {
                let Some(id) = completed(country, start.get(..length).expect("ASCII"), "") else { continue };
                let taken = (1..10).filter(|by| company_id(country, &mistyped(&id, at, *by)) == Verdict::Valid).count();
                prop_assert!(taken <= 1, "{} {}", country, id);
            }
        }

        #[test]
        fn any_text_is_judged(country in "[A-Z]{2}|", id in "\\PC{0,20}|[0-9A-Z ./-]{0,20}") {
            let verdict = company_id(&country, &id);
            prop_assert!(verdict != Verdict::Valid || id.chars().any(|c| c.is_ascii_digit()));
        }
    }
}
