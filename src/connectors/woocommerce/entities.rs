//! The one HTML decoding that stands between a stored secret and the key that signs.
//!
//! `WordPress` keeps the secret with its special characters written as entities, and WooCommerce signs with the decoded
//! text. Only the five special characters are decoded, in the spellings that `WordPress` knows, once and from left to
//! right. This is no general HTML decoder and must not become one: `&eacute;` and `&apos;` stay as they are.

use std::borrow::Cow;

/// The key that signs for a secret as the shop holds it.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from_ampersand)) = rest.split_once('&') {
        decoded.push_str(before);
        let entity = from_ampersand.split_once(';').and_then(|(name, after)| Some((special(name)?, after)));
        let (character, after) = entity.unwrap_or(('&', from_ampersand));
        decoded.push(character);
        rest = after;
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// The character that the text between `&` and `;` stands for.
fn special(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        number => numbered(number.strip_prefix('#')?),
    }
}

/// Zeros may stand in front. In hexadecimal `WordPress` knows the quotes and the ampersand only.
fn numbered(number: &str) -> Option<char> {
    if let Some(hex) = number.strip_prefix(['x', 'X']) {
        return match hex.trim_start_matches('0') {
            "22" => Some('"'),
            "26" => Some('&'),
            "27" => Some('\''),
            _ => None,
        };
    }
    match number.trim_start_matches('0') {
        "34" => Some('"'),
        "38" => Some('&'),
        "39" => Some('\''),
        "60" => Some('<'),
        "62" => Some('>'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_five_special_characters_are_decoded_in_every_spelling() {
        for (stored, key) in [
            ("wc&amp;demo&lt;77", "wc&demo<77"),
            ("wc&demo<77", "wc&demo<77"),
            ("&quot;&#034;&#34;&#x22;&#X0022;", "\"\"\"\"\""),
            ("&#039;&#39;&#x27;", "'''"),
            ("&gt;&#062;&#60;&#038;&#x26;", ">><&&"),
        ] {
            assert_eq!(decode(stored), key, "{stored}");
        }
    }

    #[test]
    fn it_is_decoded_once_and_nothing_else_is() {
        for (stored, key) in [
            ("&amp;lt;", "&lt;"),
            ("&amp;amp;", "&amp;"),
            ("&eacute;&apos;&#65;&#x3c;", "&eacute;&apos;&#65;&#x3c;"),
            ("&&lt;", "&<"),
            ("a&b;&amp", "a&b;&amp"),
            ("&AMP;", "&AMP;"),
            ("příliš&lt;", "příliš<"),
        ] {
            assert_eq!(decode(stored), key, "{stored}");
        }
    }

    proptest! {
        #[test]
        fn text_without_ampersands_is_its_own_key(text in "[^&]*") {
            prop_assert_eq!(decode(&text), text.as_str());
        }

        #[test]
        fn no_text_is_too_odd(text in "[&#xX;0-9a-z]{0,40}") {
            prop_assert!(decode(&text).len() <= text.len());
        }
    }
}
