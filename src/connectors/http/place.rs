//! Addresses below the base. A path's text may come from an event, so it must not be able to lead anywhere else: every
//! segment is encoded by itself, and what a URL reads as "here", "up" or "nothing" is refused.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// All but the unreserved characters of RFC 3986: no `/`, `?`, `#`, `%`, `:` or `@` is left.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// Whether a text can be a segment: encoding does not help with these.
fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
}

/// A path below the base, encoded, without a slash at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place(String);

impl Place {
    /// Reads segments with `/` between them.
    ///
    /// # Errors
    /// What a path looks like.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let segments: Vec<&str> = text.strip_prefix('/').unwrap_or(text).split('/').collect();
        if !segments.iter().all(|segment| is_segment(segment)) {
            return Err("`path` takes names with `/` between them; none may be empty, `.` or `..`".to_owned());
        }
        Ok(Self(segments.into_iter().map(encoded).collect::<Vec<_>>().join("/")))
    }

    /// One more segment, whatever characters it holds.
    ///
    /// # Errors
    /// What it takes.
    pub(super) fn with(&self, id: &str) -> Result<Self, String> {
        if is_segment(id) {
            Ok(Self(format!("{}/{}", self.0, encoded(id))))
        } else {
            Err("`id` takes an id".to_owned())
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn below(&self, base: &Url) -> Url {
        below(base, &self.0, None)
    }
}

fn below(base: &Url, path: &str, query: Option<&str>) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(query);
    url.set_fragment(None);
    url
}

/// How to look for an object: `users?email={key}`. The owner's own text, so it is taken as it stands but for its gaps.
pub(super) struct Find {
    path: String,
    query: Option<String>,
}

const PATH: &str = "{path}";
const KEY: &str = "{key}";

impl Find {
    /// Nothing where it cannot be one, or would lead elsewhere.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (text, None),
        };
        let find = Self { path: path.strip_prefix('/').unwrap_or(path).to_owned(), query };
        let asks_by_key = find.path.contains(KEY) || find.query.as_ref().is_some_and(|query| query.contains(KEY));
        let path_in_query = find.query.as_ref().is_some_and(|query| query.contains(PATH));
        let odd = text.chars().any(|c| matches!(c, '#' | '\\' | '%') || c.is_whitespace() || c.is_control());
        let scheme = find.path.contains(':');
        let sound = find.path_for("p", "k").split('/').all(is_segment);
        (asks_by_key && !path_in_query && !odd && !scheme && sound).then_some(find)
    }

    fn path_for(&self, path: &str, key: &str) -> String {
        self.path.replace(PATH, path).replace(KEY, key)
    }

    /// Where to ask for a key that belongs to a path.
    ///
    /// # Errors
    /// When the key cannot stand in the path.
    pub(super) fn url(&self, base: &Url, path: &Place, key: &str) -> Result<Url, String> {
        let key = encoded(key);
        let found = self.path_for(&path.0, &key);
        if !found.split('/').all(is_segment) {
            return Err("`key` cannot stand in the path of `find`".to_owned());
        }
        let query = self.query.as_ref().map(|query| query.replace(KEY, &key));
        Ok(below(base, &found, query.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn url(path: &str) -> Result<String, String> {
        Place::read(path).map(|place| place.below(&base("https://www.example.cz/api/")).to_string())
    }

    #[test]
    fn a_path_stays_below_the_base_whatever_it_holds() {
        for (path, expected) in [
            ("users", "https://www.example.cz/api/users"),
            ("/users", "https://www.example.cz/api/users"),
            ("users/eva@example.cz", "https://www.example.cz/api/users/eva%40example.cz"),
            ("users/a?b=c#d", "https://www.example.cz/api/users/a%3Fb%3Dc%23d"),
            ("users/%2e%2e", "https://www.example.cz/api/users/%252e%252e"),
            ("https:", "https://www.example.cz/api/https%3A"),
            ("users\\..\\x", "https://www.example.cz/api/users%5C..%5Cx"),
            ("Őri š", "https://www.example.cz/api/%C5%90ri%20%C5%A1"),
        ] {
            assert_eq!(url(path).as_deref(), Ok(expected), "{path}");
        }
        for path in ["", "/", "users/", "users//1", "//other.example/x", "..", "users/../admin", "./users", "users/."] {
            assert!(url(path).is_err(), "{path}");
        }
        assert!(url("https://other.example/x").is_err(), "an empty segment");
    }

    #[test]
    fn an_id_is_one_segment() {
        let users = Place::read("users").expect("a path");
        assert_eq!(users.with("42/orders?x").expect("an id").as_str(), "users/42%2Forders%3Fx");
        for id in ["", ".", ".."] {
            assert!(users.with(id).is_err(), "{id}");
        }
    }

    #[test]
    fn a_look_up_fills_its_gaps() {
        let find = |text: &str, key: &str| {
            let users = Place::read("users").expect("a path");
            Find::read(text).expect("a look-up").url(&base("https://www.example.cz/api"), &users, key).map(String::from)
        };
        let by_query = find("{path}?email={key}&x=1", "a&b=c@d.cz");
        assert_eq!(by_query.as_deref(), Ok("https://www.example.cz/api/users?email=a%26b%3Dc%40d.cz&x=1"));
        assert_eq!(find("/{path}/{key}", "a/b").as_deref(), Ok("https://www.example.cz/api/users/a%2Fb"));
        assert_eq!(find("people/by-mail-{key}", "..").as_deref(), Ok("https://www.example.cz/api/people/by-mail-.."));
        assert!(find("{path}/{key}", "..").is_err());
    }

    proptest! {
        #[test]
        fn no_text_changes_the_address_around_it(path in "\\PC{1,20}|(\\.|/|%|2e|\\\\|\\?|#|:|@|a){1,8}", id in "\\PC{1,12}") {
            let base = base("https://user.example/api");
            let Ok(place) = Place::read(&path).and_then(|place| place.with(&id)) else { return Ok(()) };
            let url = place.below(&base);
            prop_assert_eq!((url.origin(), url.query(), url.fragment()), (base.origin(), None, None));
            prop_assert!(url.path().starts_with("/api/"), "{}", url);
            let segments: Vec<&str> = url.path().split('/').skip(2).collect();
            let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().map(String::from);
            let decoded: Vec<_> = segments.iter().map(|segment| decode(segment).expect("utf-8")).collect();
            let mut given: Vec<&str> = path.strip_prefix('/').unwrap_or(&path).split('/').collect();
            given.push(&id);
            prop_assert_eq!(decoded, given);
        }
    }
}
