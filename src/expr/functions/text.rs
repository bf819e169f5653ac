//! Texts. Positions count characters. What would grow beyond bounds fails: an event must not make a text that stalls the router.

use cel::common::types::CelString;

use super::{
    Grows, LONGEST_GIVEN, MOST_PARTS,
    given::{Given, Outcome, TOO_LARGE, functions, run},
};

functions! {
    on Text "lower"() -> Text, Grows::Case, run!("lower", lower),
        "In lower case, in any language.", "'ŽLUŤOUČKÝ KŮŇ'.lower()" => "žluťoučký kůň";
    on Text "upper"() -> Text, Grows::Case, run!("upper", upper),
        "In upper case, in any language.", "'őszi vásár'.upper()" => "ŐSZI VÁSÁR";
    on Text "lowerAscii"() -> Text, Grows::Same, run!("lowerAscii", lower_ascii),
        "In lower case, A to Z only.", "'SKU-Ž'.lowerAscii()" => "sku-Ž";
    on Text "upperAscii"() -> Text, Grows::Same, run!("upperAscii", upper_ascii),
        "In upper case, a to z only.", "'sku-ž'.upperAscii()" => "SKU-ž";
    on Text "trim"() -> Text, Grows::Same, run!("trim", trim),
        "Without white space at both ends.", "'  Eva '.trim()" => "Eva";
    on Text "replace"(Text, Text) -> Text, Grows::Most, run!("replace", replace),
        "Every occurrence of the first text replaced by the second.", "'1 234,50'.replace(' ', '').replace(',', '.')" => "1234.50";
    on Text "split"(Text) -> Texts, Grows::Parts, run!("split", split),
        "The parts between a separator, at most 500.", "'red;blue'.split(';')" => "[\"red\",\"blue\"]";
    on Text "substring"(Integer) -> Text, Grows::Same, run!("substring", substring),
        "From a position, counted from 0.", "'FV-2025'.substring(3)" => "2025";
    on Text "substring"(Integer, Integer) -> Text, Grows::Same, run!("substring", substring_to),
        "From a position up to another, not included.", "'2025-10-09'.substring(0, 4)" => "2025";
    on Text "indexOf"(Text) -> Integer, Grows::To(64), run!("indexOf", index_of),
        "Where the other text begins; -1 when it is not there.", "'Žďár-2'.indexOf('-')" => "4";
    on Texts "join"() -> Text, Grows::Joined, run!("join", join),
        "All texts as one.", "['a', 'b'].join()" => "ab";
    on Texts "join"(Text) -> Text, Grows::Joined, run!("join", join),
        "All texts as one, with a separator.", "['red', 'blue'].join(', ')" => "red, blue";
}

fn lower(given: &Given<'_, '_, '_>) -> Outcome<String> {
    given.text(0).map(str::to_lowercase)
}

fn upper(given: &Given<'_, '_, '_>) -> Outcome<String> {
    given.text(0).map(str::to_uppercase)
}

fn lower_ascii(given: &Given<'_, '_, '_>) -> Outcome<String> {
    given.text(0).map(str::to_ascii_lowercase)
}

fn upper_ascii(given: &Given<'_, '_, '_>) -> Outcome<String> {
    given.text(0).map(str::to_ascii_uppercase)
}

fn trim(given: &Given<'_, '_, '_>) -> Outcome<String> {
    given.text(0).map(|text| text.trim().to_owned())
}

fn replace(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let (text, from, to) = (given.text(0)?, given.text(1)?, given.text(2)?);
    let longest = if to.len() <= from.len() { text.len() } else { text.len() + text.matches(from).count() * to.len() };
    if longest > LONGEST_GIVEN { Err(TOO_LARGE) } else { Ok(text.replace(from, to)) }
}

/// An empty separator splits between characters.
fn split(given: &Given<'_, '_, '_>) -> Outcome<Vec<String>> {
    let (text, separator) = (given.text(0)?, given.text(1)?);
    let parts: Vec<String> = if separator.is_empty() {
        text.chars().take(MOST_PARTS + 1).map(String::from).collect()
    } else {
        text.split(separator).take(MOST_PARTS + 1).map(str::to_owned).collect()
    };
    if parts.len() > MOST_PARTS { Err(TOO_LARGE) } else { Ok(parts) }
}

fn substring(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let text = given.text(0)?;
    Ok(text.get(byte_at(text, given.position(1)?)?..).unwrap_or("").to_owned())
}

fn substring_to(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let text = given.text(0)?;
    let (from, to) = (byte_at(text, given.position(1)?)?, byte_at(text, given.position(2)?)?);
    text.get(from..to).map(str::to_owned).ok_or("a position is outside of the text")
}

fn byte_at(text: &str, position: usize) -> Outcome<usize> {
    let ends = std::iter::once(text.len());
    text.char_indices().map(|(at, _)| at).chain(ends).nth(position).ok_or("a position is outside of the text")
}

fn index_of(given: &Given<'_, '_, '_>) -> Outcome<i64> {
    let (text, other) = (given.text(0)?, given.text(1)?);
    let before = text.find(other).and_then(|at| text.get(..at)).map(|before| before.chars().count());
    Ok(before.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX)))
}

fn join(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let separator = given.text_if_given(1)?.unwrap_or("");
    let mut joined = String::new();
    for (index, member) in given.list(0)?.iter().enumerate() {
        let text = member.downcast_ref::<CelString<'_>>().ok_or("expected a list of texts")?.inner();
        let separator = if index == 0 { "" } else { separator };
        if joined.len() + separator.len() + text.len() > LONGEST_GIVEN {
            return Err(TOO_LARGE);
        }
        joined.push_str(separator);
        joined.push_str(text);
    }
    Ok(joined)
}
