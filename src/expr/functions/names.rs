//! People's names in two parts, as vendors want them. A guess by nature: where a source tells the parts, use those.

use super::{
    Grows,
    given::{Given, Outcome, functions, run},
};

functions! {
    "first_name"(Text) -> Text, Grows::Same, run!("first_name", first_name),
        "The given names of a whole name, without titles. A single word counts as the given name.",
        "first_name('Ing. Eva Marie Nováková, Ph.D.')" => "Eva Marie";
    "first_name"(Text, Country) -> Text, Grows::Same, run!("first_name", first_name),
        "The same by the order of a country: in `HU` the family name stands first.",
        "first_name('dr. Kovács Anna', 'HU')" => "Anna";
    "last_name"(Text) -> Text, Grows::Same, run!("last_name", last_name),
        "The family name of a whole name, without titles; empty for a single word.",
        "last_name('Dr. Jan van der Berg')" => "van der Berg";
    "last_name"(Text, Country) -> Text, Grows::Same, run!("last_name", last_name),
        "The same by the order of a country: in `HU` the family name stands first.",
        "last_name('dr. Kovács Anna', 'HU')" => "Kovács";
}

/// Titles and forms of address, in lower case, without points.
const TITLES: &[&str] = &[
    "arch", "bc", "bca", "csc", "dipl-ing", "dipling", "dis", "doc", "dr", "drsc", "frau", "herr", "icdr", "id", "ifj",
    "ing", "inż", "inz", "judr", "jr", "llm", "mag", "mba", "mddr", "mgr", "mga", "miss", "mr", "mrs", "ms", "msc",
    "mudr", "mvdr", "ozv", "paedr", "paní", "pan", "phd", "pharmdr", "phdr", "phmr", "prof", "rndr", "rsdr", "sl",
    "sr", "thdr", "thlic", "özv",
];

/// Words that begin a family name.
const PARTICLES: &[&str] =
    &["da", "de", "del", "della", "den", "der", "di", "du", "la", "le", "te", "ten", "ter", "van", "von", "zu"];

fn first_name(given: &Given<'_, '_, '_>) -> Outcome<String> {
    Ok(split(given.text(0)?, family_first(given)?).0)
}

fn last_name(given: &Given<'_, '_, '_>) -> Outcome<String> {
    Ok(split(given.text(0)?, family_first(given)?).1)
}

fn family_first(given: &Given<'_, '_, '_>) -> Outcome<bool> {
    Ok(given.text_if_given(1)? == Some("HU"))
}

/// Given names and family name.
fn split(name: &str, family_first: bool) -> (String, String) {
    let words: Vec<&str> = name.split([' ', ',', '\t', '\n', '\u{a0}']).filter(|word| !is_title(word)).collect();
    let at = match words.as_slice() {
        [] | [_] => return (words.concat(), String::new()),
        _ if family_first => 1,
        [_, rest @ ..] => {
            let particle = rest.iter().position(|word| PARTICLES.contains(word));
            particle.filter(|at| at + 1 < rest.len()).map_or(words.len() - 1, |at| at + 1)
        }
    };
    let (one, two) = words.split_at(at);
    let (one, two) = (one.join(" "), two.join(" "));
    if family_first { (two, one) } else { (one, two) }
}

/// An empty word too. A point alone makes no title: `J. Novák` has an initial.
fn is_title(word: &str) -> bool {
    let plain = word.to_lowercase().replace('.', "");
    plain.is_empty() || TITLES.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::split;

    #[test]
    fn parts_of_names() {
        for (name, family_first, first, last) in [
            ("Eva Nováková", false, "Eva", "Nováková"),
            ("MUDr. Jan Novák, CSc., MBA", false, "Jan", "Novák"),
            ("Ing. arch. Petr Svoboda", false, "Petr", "Svoboda"),
            ("Ludwig van Beethoven", false, "Ludwig", "van Beethoven"),
            ("J. Novák", false, "J.", "Novák"),
            ("Eva", false, "Eva", ""),
            ("Van Nguyen", false, "Van", "Nguyen"),
            ("Nagy Kovács Anna Mária", true, "Kovács Anna Mária", "Nagy"),
            ("ifj. Szabó Péter", true, "Péter", "Szabó"),
            ("", false, "", ""),
            ("Dr.", false, "", ""),
        ] {
            assert_eq!(split(name, family_first), (first.to_owned(), last.to_owned()), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_word_is_lost_or_told_twice(words in prop::collection::vec("[B-Y][b-y]{4,7}", 0..5), family_first: bool) {
            let (first, last) = split(&words.join(" "), family_first);
            let mut found: Vec<&str> = first.split_whitespace().chain(last.split_whitespace()).collect();
            let mut words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !super::is_title(word)).collect();
            found.sort_unstable();
            words.sort_unstable();
            prop_assert_eq!(found, words);
        }
    }
}
