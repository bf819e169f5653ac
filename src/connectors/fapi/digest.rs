//! FAPI's proof: an unkeyed digest over data that only the document itself reveals. It proves that the sender knew the
//! document, not who the sender is; so facts come from the fetched document alone, and the URL carries a token of its own.

use md5::Md5;
use sha1::{Digest as _, Sha1};

use super::wire::{Invoice, ItemTemplate, Voucher};
use crate::model::{hash::hex, secret::same_bytes};

/// How a document's number enters the digest. FAPI's PHP client takes it as it is (fapi-client at 082711e); its `WordPress`
/// plugin casts it to an integer first (fapi-member at 80396ef). They differ on leading zeros and letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberVariant {
    Raw,
    IntCast,
    Either,
}

impl NumberVariant {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "int_cast" => Self::IntCast,
            "either" => Self::Either,
            _ => Self::Raw,
        }
    }

    fn numbers(self, number: &str) -> Vec<String> {
        match self {
            Self::Raw => vec![number.to_owned()],
            Self::IntCast => vec![int_cast(number)],
            Self::Either => vec![number.to_owned(), int_cast(number)],
        }
    }
}

/// Whether `presented` is the digest of a document at `time`. Nothing proves a document without an id or a number.
pub(super) fn proves_invoice(variant: NumberVariant, time: u64, invoice: &Invoice, presented: &str) -> bool {
    if invoice.id.is_empty() || invoice.number.is_empty() {
        return false;
    }
    let fits = |number: String| same_bytes(of_invoice(time, invoice, &number).as_bytes(), presented.as_bytes());
    variant.numbers(&invoice.number).into_iter().fold(false, |proven, number| proven | fits(number))
}

/// Whether `presented` is the digest of a voucher for a product at `time`.
pub(super) fn proves_voucher(time: u64, voucher: &Voucher, template: &ItemTemplate, presented: &str) -> bool {
    same_bytes(of_voucher(time, voucher, template).as_bytes(), presented.as_bytes())
}

/// The digest of a document, with the number as given.
pub(super) fn of_invoice(time: u64, invoice: &Invoice, number: &str) -> String {
    let items = invoice.items.iter().map(|item| part(&item.id, &item.name));
    sha1(&format!("{time}{}{number}{}", invoice.id, items.collect::<String>()))
}

/// The digest of a voucher.
pub(super) fn of_voucher(time: u64, voucher: &Voucher, template: &ItemTemplate) -> String {
    sha1(&format!("{time}{}{}{}", voucher.id, voucher.code, part(&template.id, &template.code)))
}

fn part(id: &str, name: &str) -> String {
    hex(&Md5::digest(format!("{id}{name}")))
}

fn sha1(text: &str) -> String {
    hex(&Sha1::digest(text))
}

/// What PHP makes of a document's number when it is cast to an integer: the digits it begins with, else 0; what is too
/// large stays at the largest. (PHP would also read an exponent, `1e3`; document numbers have none.)
fn int_cast(number: &str) -> String {
    let text = number.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (minus, text) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits if minus => digits.parse::<i64>().map_or(i64::MIN, |number| -number).to_string(),
        digits => digits.parse::<i64>().unwrap_or(i64::MAX).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::fapi::wire::Item;

    fn invoice(id: &str, number: &str, items: &[(&str, &str)]) -> Invoice {
        let item =
            |(id, name): &(&str, &str)| Item { id: (*id).to_owned(), name: (*name).to_owned(), ..Item::default() };
        Invoice {
            id: id.to_owned(),
            number: number.to_owned(),
            items: items.iter().map(item).collect(),
            ..Invoice::default()
        }
    }

    #[test]
    fn the_worked_vectors_hold() {
        for (time, id, number, items, digest) in [
            (
                1_760_000_000,
                "300100200",
                "2025100042",
                &[("70001", "Online course")][..],
                "0dc61a85c005d7c5eb868738517fed066dfde9fa",
            ),
            (
                1_760_000_060,
                "300100201",
                "2025100043",
                &[("70002", "Kurz účetnictví pro živnostníky"), ("70003", "Zaokrouhlení")],
                "cb9e483d429808c8d10c7912990fd9c47269466d",
            ),
            (1_760_000_120, "300100202", "2025100044", &[], "e307dd37e4450e4801ee4abfd6f0ba8f3921a0be"),
        ] {
            let invoice = invoice(id, number, items);
            for variant in [NumberVariant::Raw, NumberVariant::IntCast, NumberVariant::Either] {
                assert!(proves_invoice(variant, time, &invoice, digest), "{id} {variant:?}");
                assert!(!proves_invoice(variant, time + 1, &invoice, digest), "{id} {variant:?}");
            }
        }
    }

    #[test]
    fn the_variants_differ_on_letters_and_leading_zeros() {
        for (time, invoice, raw, cast) in [
            (
                1_760_000_180,
                invoice("300100203", "FV-2025-007", &[("70004", "Consultation")]),
                "60041e1efeb5ce672286ec4e2352f78622f646cf",
                "d48c2e902dd42bc03741b4b5ebb1947a7f329e40",
            ),
            (
                1_760_000_240,
                invoice("300100204", "0025007", &[("70005", "E-book")]),
                "ccc57eef6665dfbcd0a516023e87552065554c2d",
                "b3734292e5de40a91afdc83c5ceeadc57f2990b8",
            ),
        ] {
            assert!(proves_invoice(NumberVariant::Raw, time, &invoice, raw));
            assert!(!proves_invoice(NumberVariant::Raw, time, &invoice, cast));
            assert!(proves_invoice(NumberVariant::IntCast, time, &invoice, cast));
            assert!(!proves_invoice(NumberVariant::IntCast, time, &invoice, raw));
            assert!(proves_invoice(NumberVariant::Either, time, &invoice, raw));
            assert!(proves_invoice(NumberVariant::Either, time, &invoice, cast));
        }
    }

    #[test]
    fn the_worked_voucher_holds() {
        let voucher = Voucher { id: "4471".to_owned(), code: "KXWPQ8".to_owned(), ..Voucher::default() };
        let template = ItemTemplate { id: "9100".to_owned(), code: "KURZ-01".to_owned() };
        let digest = "46d508aacea4b65d8e1e7a731a5c0e29183bc560";
        assert!(proves_voucher(1_760_000_300, &voucher, &template, digest));
        assert!(!proves_voucher(1_760_000_301, &voucher, &template, digest));
    }

    #[test]
    fn a_digest_is_compared_exactly_and_nothing_proves_a_document_without_number() {
        let digest = "0dc61a85c005d7c5eb868738517fed066dfde9fa";
        let items = [("70001", "Online course")];
        let whole = invoice("300100200", "2025100042", &items);
        assert!(!proves_invoice(NumberVariant::Either, 1_760_000_000, &whole, &digest.to_uppercase()));
        assert!(!proves_invoice(NumberVariant::Either, 1_760_000_000, &whole, ""));
        let numberless = invoice("300100200", "", &items);
        let computed = of_invoice(1_760_000_000, &numberless, "");
        assert!(!proves_invoice(NumberVariant::Either, 1_760_000_000, &numberless, &computed));
    }

    #[test]
    fn casting_is_php_s() {
        for (number, cast) in [
            ("2025100042", "2025100042"),
            ("0025007", "25007"),
            ("FV-1", "0"),
            ("", "0"),
            (" 12/2025", "12"),
            ("-7", "-7"),
            ("12.9", "12"),
            ("99999999999999999999", "9223372036854775807"),
        ] {
            assert_eq!(int_cast(number), cast, "{number}");
        }
    }
}
