//! Telephone numbers of the countries that our field serves, to E.164. What cannot be judged is no number: a wrong one would
//! reach a stranger.

/// How a country's numbers are built. Lengths are those of the national number without its trunk prefix, by the national
/// numbering plans that the ITU publishes (read 2025-10).
struct Plan {
    country: &'static str,
    calling: &'static str,
    /// What stands before a number when it is dialled within the country.
    trunk: &'static str,
    lengths: std::ops::RangeInclusive<usize>,
    /// Without the trunk prefix a number may be local, and then cannot be judged.
    needs_trunk: bool,
}

const fn plan(country: &'static str, calling: &'static str, trunk: &'static str, least: usize, most: usize) -> Plan {
    Plan { country, calling, trunk, lengths: least..=most, needs_trunk: false }
}

impl Plan {
    /// No number of these countries begins with a zero.
    fn fits(&self, number: &str) -> bool {
        self.lengths.contains(&number.len()) && !number.starts_with('0')
    }
}

const PLANS: &[Plan] = &[
    Plan { needs_trunk: true, ..plan("AT", "43", "0", 7, 13) },
    plan("BE", "32", "0", 8, 9),
    plan("BG", "359", "0", 7, 9),
    plan("CH", "41", "0", 9, 9),
    plan("CZ", "420", "", 9, 9),
    Plan { needs_trunk: true, ..plan("DE", "49", "0", 6, 13) },
    plan("DK", "45", "", 8, 8),
    plan("ES", "34", "", 9, 9),
    plan("FR", "33", "0", 9, 9),
    Plan { needs_trunk: true, ..plan("GB", "44", "0", 9, 10) },
    plan("GR", "30", "", 10, 10),
    plan("HR", "385", "0", 8, 9),
    plan("HU", "36", "06", 8, 9),
    plan("NL", "31", "0", 9, 9),
    plan("PL", "48", "", 9, 9),
    plan("PT", "351", "", 9, 9),
    plan("RO", "40", "0", 9, 9),
    plan("RS", "381", "0", 8, 9),
    plan("SI", "386", "0", 8, 8),
    plan("SK", "421", "0", 9, 9),
    plan("UA", "380", "0", 9, 9),
];

/// The countries whose numbers are known.
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    PLANS.iter().map(|plan| plan.country)
}

/// A number in the form of E.164; `None` where it cannot be judged.
pub(super) fn normalize(text: &str, country: &str) -> Option<String> {
    let text = text.trim();
    let written = text.replace("(0)", "");
    let digits = digits(&written)?;
    if text.starts_with('+') {
        return international(&digits);
    }
    if let Some(rest) = digits.strip_prefix("00") {
        return international(rest);
    }
    let plan = PLANS.iter().find(|plan| plan.country == country)?;
    national(plan, &digits)
}

/// The digits; `None` when anything stands there that no number has. A plus is one only at the beginning.
fn digits(text: &str) -> Option<String> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let between = |c: &char| c.is_whitespace() || "-./()\u{2011}\u{2013}".contains(*c);
    let digits: String = text.chars().filter(|c| !between(c)).collect();
    (!digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit())).then_some(digits)
}

/// A number with its country's calling code. Of countries without a plan only the length is known.
fn international(digits: &str) -> Option<String> {
    let plan = PLANS.iter().find_map(|plan| digits.strip_prefix(plan.calling).map(|rest| (plan, rest)));
    match plan {
        Some((plan, rest)) => {
            // Often the trunk prefix is left standing: +36 06 30 …
            let bare = if plan.trunk.is_empty() { rest } else { rest.strip_prefix(plan.trunk).unwrap_or(rest) };
            plan.fits(bare).then(|| format!("+{}{bare}", plan.calling))
        }
        None if digits.starts_with('0') => None,
        None => (8..=15).contains(&digits.len()).then(|| format!("+{digits}")),
    }
}

fn national(plan: &Plan, digits: &str) -> Option<String> {
    let without_trunk = digits.strip_prefix(plan.trunk).filter(|_| !plan.trunk.is_empty());
    let number = match without_trunk {
        Some(number) => Some(number),
        None if plan.needs_trunk || digits.starts_with('0') => None,
        None => Some(digits),
    };
    match number.filter(|number| plan.fits(number)) {
        Some(number) => Some(format!("+{}{number}", plan.calling)),
        // The calling code without its plus.
        None => digits.strip_prefix(plan.calling).and_then(|_| international(digits)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for (text, country, number) in [
            ("777 123 456", "CZ", "+420777123456"),
            ("+420 777-123-456", "HU", "+420777123456"),
            ("00420777123456", "SK", "+420777123456"),
            ("420777123456", "CZ", "+420777123456"),
            ("0903 123 456", "SK", "+421903123456"),
            ("06-1-234-5678", "HU", "+3612345678"),
            ("+36 06 30 123 4567", "HU", "+36301234567"),
            ("30/123-4567", "HU", "+36301234567"),
            ("+49 (0)171 1234567", "CZ", "+491711234567"),
            ("0171 1234567", "DE", "+491711234567"),
            ("0721 234 567", "RO", "+40721234567"),
            ("06 12345678", "NL", "+31612345678"),
            ("601 234 567", "PL", "+48601234567"),
            ("+1 212 555 0100", "CZ", "+12125550100"),
        ] {
            assert_eq!(normalize(text, country).as_deref(), Some(number), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_none() {
        for (text, country) in [
            ("", "CZ"),
            ("+", "CZ"),
            ("12345", "CZ"),
            ("777 123 45x", "CZ"),
            ("777 123 456 / 602 123 456", "CZ"),
            ("1234567", "DE"),
            ("+0123456789", "CZ"),
            ("+420 777 123 4567", "CZ"),
            ("+36+301234567", "HU"),
            ("777123456", "US"),
        ] {
            assert_eq!(normalize(text, country), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_is_e164_and_stays(text in "[+0-9 ()/.x-]{0,20}|\\PC{0,12}", of in 0..PLANS.len()) {
            let country = PLANS[of].country;
            if let Some(number) = normalize(&text, country) {
                prop_assert!(number.len() <= 16 && number.starts_with('+'), "{}", number);
                prop_assert!(number.bytes().skip(1).all(|c| c.is_ascii_digit()));
                prop_assert_eq!(normalize(&number, country), Some(number));
            }
        }
    }
}
