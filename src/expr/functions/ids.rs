//! Check digits of company and VAT ids, by `model::checksums`.

use super::{
    Grows, countries,
    given::{Given, Outcome, functions, run},
};
use crate::model::checksums::{self, Verdict};

functions! {
    "valid_company_id"(CompanyCountry, Text) -> Boolean, Grows::To(64), run!("valid_company_id", valid_company_id),
        "Whether a company id has the right form and check digit: CZ and SK IČO, HU adószám, PL NIP, RO CUI, HR OIB. Of other \
         countries nothing is known: there all but the empty text passes.",
        "valid_company_id('CZ', '00177041')" => "true";
    "valid_vat_id"(Text) -> Boolean, Grows::To(64), run!("valid_vat_id", valid_vat_id),
        "Whether a text is a VAT id of the European Union, with its country's letters and, where they are published, check digits.",
        "valid_vat_id('CZ25123892')" => "false";
    "normalize_vat_id"(Text) -> Text, Grows::Case, run!("normalize_vat_id", normalize_vat_id),
        "A VAT id in upper case without spaces, points and hyphens; a Hungarian one of eight digits.",
        "normalize_vat_id('hu 12892312-2-41')" => "HU12892312";
    "normalize_vat_id"(Text, Country) -> Text, Grows::Case, run!("normalize_vat_id", normalize_vat_id),
        "The same, with a country's letters in front where it has none.",
        "normalize_vat_id('2022749619', 'SK')" => "SK2022749619";
}

/// No id is longer: what is, need not be looked at.
const LONGEST: usize = 64;

fn valid_company_id(given: &Given<'_, '_, '_>) -> Outcome<bool> {
    let (country, id) = (given.text(0)?, given.text(1)?);
    Ok(id.len() <= LONGEST
        && match checksums::company_id(country, id) {
            Verdict::Valid => true,
            Verdict::Unknown => !id.trim().is_empty(),
            Verdict::WrongForm | Verdict::WrongChecksum => false,
        })
}

fn valid_vat_id(given: &Given<'_, '_, '_>) -> Outcome<bool> {
    let id = given.text(0)?;
    Ok(id.len() <= LONGEST && checksums::vat_id(id) == Verdict::Valid)
}

fn normalize_vat_id(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let country = given.text_if_given(1)?.unwrap_or("");
    let country = if countries::is_code(country) { country } else { "" };
    Ok(checksums::normalize_vat_id(given.text(0)?, country))
}
