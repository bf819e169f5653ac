//! Reads a JSON object as people paste it from help pages: `{”Új” : ”Nou”, ”Fizetve”: ”Plătit”}`.
//!
//! What is proper JSON reads as such. Beyond it, the quotes may be typographic, white space may be anywhere (also the kind
//! that web pages put there), and a comma may stand behind the last row. Values are texts or numbers, nothing else.

/// One row, and where its key stands in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub key: String,
    pub value: String,
    /// In bytes.
    pub offset: usize,
    /// In characters, quotes included.
    pub length: usize,
}

/// Why a text cannot be read, and from where on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// In bytes.
    pub offset: usize,
    pub message: String,
    pub hint: Option<&'static str>,
}

/// Reads a whole object.
pub(super) fn object(text: &str) -> Result<Vec<Pair>, Unread> {
    twice(text, |reader| reader.object())
}

/// Reads one pair, without braces.
pub(super) fn pair(text: &str) -> Result<Vec<Pair>, Unread> {
    twice(text, |reader| {
        let pair = reader.pair()?;
        reader.end()?;
        Ok(vec![pair])
    })
}

/// Whether a text seems to be a pair: `”a”:”b”`.
pub(super) fn is_pair(text: &str) -> bool {
    text.starts_with(is_quote) && pair(text).is_ok()
}

/// A text without the typographic quotes around it.
pub(super) fn unquoted(text: &str) -> &str {
    let inside = text.strip_prefix(is_typographic).and_then(|rest| rest.strip_suffix(is_quote));
    inside.unwrap_or(text)
}

/// As JSON has it, a straight quote ends at a straight one. Where that makes no sense, some program has bent only one of them.
fn twice(text: &str, read: impl Fn(&mut Reader<'_>) -> Result<Vec<Pair>, Unread>) -> Result<Vec<Pair>, Unread> {
    read(&mut Reader { text, at: 0, mixed: false }).or_else(|unread| {
        let mixed = read(&mut Reader { text, at: 0, mixed: true });
        mixed.map_err(|_| unread)
    })
}

fn is_typographic(c: char) -> bool {
    matches!(c, '”' | '“' | '„' | '‟' | '«' | '»' | '″' | '＂')
}

fn is_quote(c: char) -> bool {
    c == '"' || is_typographic(c)
}

/// White space, and what web pages put in its place.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}' | '\u{2060}')
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Any quote may end a text, if what follows fits.
    mixed: bool,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn step(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// The next character that is not blank.
    fn next(&mut self) -> Option<char> {
        while self.peek().is_some_and(is_blank) {
            self.step();
        }
        self.peek()
    }

    fn unread(&self, message: impl Into<String>) -> Unread {
        Unread { offset: self.at, message: message.into(), hint: None }
    }

    fn expect(&mut self, wanted: char, what: &str) -> Result<(), Unread> {
        match self.next() {
            Some(c) if c == wanted => {
                self.step();
                Ok(())
            }
            found => Err(self.unread(format!("expected {what}, found {}", describe(found)))),
        }
    }

    fn object(&mut self) -> Result<Vec<Pair>, Unread> {
        self.expect('{', "`{`")?;
        let mut pairs = Vec::new();
        while self.next() != Some('}') {
            pairs.push(self.pair()?);
            match self.next() {
                Some(',') => {
                    self.step();
                }
                Some('}') => {}
                found => return Err(self.unread(format!("expected `,` or `}}`, found {}", describe(found)))),
            }
        }
        self.step();
        self.end()?;
        Ok(pairs)
    }

    fn end(&mut self) -> Result<(), Unread> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.unread("nothing may stand behind the last `}`")),
        }
    }

    fn pair(&mut self) -> Result<Pair, Unread> {
        self.next();
        let offset = self.at;
        let key = self.quoted("a key in quotes")?;
        let length = self.text.get(offset..self.at).map_or(1, |text| text.chars().count());
        self.expect(':', "`:` behind the key")?;
        let value = self.value()?;
        Ok(Pair { key, value, offset, length })
    }

    fn value(&mut self) -> Result<String, Unread> {
        match self.next() {
            Some(c) if is_quote(c) => self.quoted("a value in quotes"),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(),
            found => {
                let unread = self.unread(format!("expected a text in quotes or a number, found {}", describe(found)));
                let word = found.is_some_and(char::is_alphabetic);
                Err(Unread { hint: word.then_some("put it in quotes"), ..unread })
            }
        }
    }

    /// As it was written: no float in between.
    fn number(&mut self) -> Result<String, Unread> {
        let rest = self.rest();
        let end = rest.find(|c: char| is_blank(c) || ",}".contains(c)).unwrap_or(rest.len());
        let number = rest.get(..end).unwrap_or("").to_owned();
        if serde_json::from_str::<serde_json::Number>(&number).is_err() {
            return Err(Unread { hint: Some("put it in quotes"), ..self.unread("this is no number") });
        }
        self.at += end;
        Ok(number)
    }

    fn quoted(&mut self, what: &str) -> Result<String, Unread> {
        let open = match self.next() {
            Some(c) if is_quote(c) => c,
            found => return Err(self.unread(format!("expected {what}, found {}", describe(found)))),
        };
        let begin = self.at;
        self.step();
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(Unread { offset: begin, ..self.unread("the text that begins here has no end") }),
                Some('\\') => text.push(self.escape()?),
                Some(c) if self.ends(open, c) => {
                    self.step();
                    return Ok(text);
                }
                Some(c) => {
                    text.push(c);
                    self.step();
                }
            }
        }
    }

    /// Whether a quote ends the text: a typographic one may also stand inside, such as in `„5” cső”`.
    fn ends(&self, open: char, c: char) -> bool {
        if !is_quote(c) {
            return false;
        }
        if open == '"' && !self.mixed {
            return c == '"';
        }
        let behind = self.rest().chars().skip(1).find(|c| !is_blank(*c));
        behind.is_none_or(|next| ":,}".contains(next))
    }

    fn escape(&mut self) -> Result<char, Unread> {
        let rest = self.rest();
        let length = if rest.starts_with("\\u") { surrogates(rest) } else { 2 };
        let escaped: String = rest.chars().take(length).collect();
        let read: Result<String, _> = serde_json::from_str(&format!("\"{escaped}\""));
        let Some(c) = read.ok().and_then(|text| text.chars().next()) else {
            return Err(Unread { hint: Some("write `\\\\` for a plain `\\`"), ..self.unread("no such escape") });
        };
        self.at += escaped.len();
        Ok(c)
    }
}

/// How many characters an escape by number takes: one beyond the first plane is two of them.
fn surrogates(rest: &str) -> usize {
    let pair = rest.get(2..3).is_some_and(|c| c.eq_ignore_ascii_case("d"))
        && rest.get(3..4).is_some_and(|c| "89abAB".contains(c));
    if pair { 12 } else { 6 }
}

fn describe(found: Option<char>) -> String {
    found.map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str) -> Vec<(String, String)> {
        let pairs = object(text).unwrap_or_else(|unread| panic!("{text}: {unread:?}"));
        pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
    }

    fn wrong(text: &str) -> (usize, String) {
        let unread = object(text).expect_err(text);
        (text.get(..unread.offset).expect("a place").chars().count(), unread.message)
    }

    #[test]
    fn what_owners_paste_is_read() {
        let expected = [("Új", "Nou"), ("Fizetve", "Plătit")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        for text in [
            "{”Új” : ”Nou”, ”Fizetve”: ”Plătit”}",
            "{”Új”:”Nou”,”Fizetve”:”Plătit”}",
            "{“Új” : “Nou”, “Fizetve” : “Plătit”}",
            "{ „Új” : „Nou” , „Fizetve“ : „Plătit“ , }",
            "{\"Új\": \"Nou\", \"Fizetve\": \"Plătit\"}",
            "{«Új»: «Nou», \"Fizetve\" : ”Plătit”}",
            "\u{feff}{\u{a0}\"Új”\u{a0}:\n ”Nou\",\n\t„Fizetve\": \"Plătit\" }\n",
        ] {
            assert_eq!(rows(text), expected, "{text}");
        }
    }

    #[test]
    fn proper_json_is_read_as_such() {
        let text = r#"{"5” pipe, 2": 1.50, "a\"b\\": "\u00c1\ud83d\ude00\n", "n": -7e2}"#;
        let expected: std::collections::BTreeMap<String, serde_json::Value> =
            serde_json::from_str(r#"{"5” pipe, 2": "1.50", "a\"b\\": "\u00c1\ud83d\ude00\n", "n": "-7e2"}"#)
                .expect("json");
        let read = rows(text).into_iter().map(|(key, value)| (key, value.into())).collect();
        assert_eq!(expected, read);
    }

    #[test]
    fn quotes_inside_are_kept() {
        assert_eq!(rows("{„5” cső” : ”x”}"), [("5” cső".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        for (text, at, message) in [
            ("”Új”: 1", 0, "expected `{`, found `”`"),
            ("{”Új” ”Nou”}", 11, "expected `:` behind the key, found `}`"),
            ("{Új: ”Nou”}", 1, "expected a key in quotes, found `Ú`"),
            ("{”a”: b}", 6, "expected a text in quotes or a number, found `b`"),
            ("{”a”: true}", 6, "expected a text in quotes or a number, found `t`"),
            ("{”a”: {}}", 6, "expected a text in quotes or a number, found `{`"),
            ("{”a”: 1.2.3}", 6, "this is no number"),
            ("{\"a\": \"b\"; \"c\": 1}", 9, "expected `,` or `}`, found `;`"),
            ("{”a”: ”b” ", 10, "expected `,` or `}`, found the end"),
            ("{\"a\": \"b}", 6, "the text that begins here has no end"),
            ("{\"a\\x\": 1}", 3, "no such escape"),
            ("{”a”: 1} x", 9, "nothing may stand behind the last `}`"),
        ] {
            assert_eq!(wrong(text), (at, message.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_pair_that_yaml_takes_for_a_key_is_known() {
        assert!(is_pair("”Új”:”Nou”"));
        assert!(!is_pair("Új") && !is_pair("”Új”") && !is_pair("a:b"));
        assert_eq!((unquoted("”Új”"), unquoted("Új"), unquoted("”")), ("Új", "Új", "”"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_at_a_place_in_it(text in "[{},:\"”„“\\\\ua0-9é \\n.-]{0,40}") {
            match object(&text) {
                Ok(pairs) => prop_assert!(pairs.iter().all(|pair| text.is_char_boundary(pair.offset))),
                Err(unread) => prop_assert!(text.is_char_boundary(unread.offset)),
            }
        }

        /// What JSON can say between texts is read as JSON reads it.
        #[test]
        fn json_is_read_as_json(map in prop::collection::btree_map("\\PC{0,12}", "\\PC{0,12}", 0..5)) {
            let text = serde_json::to_string(&map).expect("json");
            let read: std::collections::BTreeMap<String, String> = rows(&text).into_iter().collect();
            prop_assert_eq!(read, map);
        }
    }
}
