//! CZ rodné číslo: the VAT id of people in business is their birth number.

use super::digits::Digits;

/// Nine digits for those born before 1954, without a check digit; else ten, of which the last is the remainder of the others
/// by 11. Until 1985 a remainder of 10 was written as 0.
pub(super) fn birth_number(id: &Digits) -> bool {
    let Some(year) = birth_year(id) else { return false };
    if id.len() == 9 {
        return year < 1954;
    }
    let rest = id.first(9).modulo(11);
    rest == id.last() || rest == 10 && id.last() == 0 && year <= 1985
}

/// The year, where the first six digits are a date. Women have 50 added to the month, and since 2004 both may have another 20.
fn birth_year(id: &Digits) -> Option<u32> {
    let short = id.number(0..2);
    let year = match id.len() {
        9 if short >= 80 => 1800 + short,
        9 => 1900 + short,
        _ if short >= 54 => 1900 + short,
        _ => 2000 + short,
    };
    let month = id.number(2..4) % 50;
    let month = if month > 20 && year >= 2004 { month - 20 } else { month };
    let date = jiff::civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(id.number(4..6)).ok()?,
    );
    date.is_ok().then_some(year)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(id: &str) -> bool {
        birth_number(&Digits::of(id).expect("digits"))
    }

    #[test]
    fn dates_and_remainders_are_checked() {
        assert!(fits("7103192745") && fits("530101123"));
        assert!(!fits("7113192745"), "no such month");
        assert!(!fits("7103192746"), "another remainder");
        // 780123354 leaves 10, which was written as 0.
        assert_eq!(Digits::of("780123354").expect("digits").modulo(11), 10);
        assert!(fits("7801233540"));
        assert!(!fits("540101123"), "ten digits for those born since 1954");
    }
}
