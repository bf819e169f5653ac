//! Takes a request's address apart: `/webhooks/{connection}[/{event}][/{token}]`.

use percent_encoding::percent_decode_str;

/// Where a request wants to go. Its segments may hold a token.
#[derive(PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub(super) connection: &'a str,
    rest: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// `None`: not below `/webhooks/`.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let below = path.strip_prefix("/webhooks/")?;
        let (connection, rest) = match below.split_once('/') {
            Some((connection, rest)) => (connection, Some(rest)),
            None => (below, None),
        };
        Some(Self { connection, rest })
    }

    /// The segments behind the connection, decoded; a slash at the end makes none. `None`: they are no text.
    pub(super) fn segments(&self) -> Option<Vec<String>> {
        let rest = self.rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)).filter(|rest| !rest.is_empty());
        let Some(rest) = rest else { return Some(Vec::new()) };
        let decode = |segment| percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned);
        rest.split('/').map(decode).collect()
    }
}

/// The query's pairs, decoded, in order.
pub(super) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let query = query.unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken_apart(path: &str) -> Option<(&str, Option<Vec<String>>)> {
        Address::of(path).map(|address| (address.connection, address.segments()))
    }

    #[test]
    fn connection_and_segments() {
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        for (path, connection, segments) in [
            ("/webhooks/shop", "shop", texts(&[])),
            ("/webhooks/shop/", "shop", texts(&[])),
            ("/webhooks/shop/paid", "shop", texts(&["paid"])),
            ("/webhooks/shop/paid/t0k/", "shop", texts(&["paid", "t0k"])),
            ("/webhooks/shop/a%2Fb/%C3%A1", "shop", texts(&["a/b", "á"])),
            ("/webhooks/shop//t0k", "shop", texts(&["", "t0k"])),
            ("/webhooks/shop/%ff", "shop", None),
            ("/webhooks/", "", texts(&[])),
        ] {
            assert_eq!(taken_apart(path), Some((connection, segments)), "{path}");
        }
        assert_eq!(taken_apart("/webhook/shop"), None);
        assert_eq!(taken_apart("/webhooks"), None);
    }

    #[test]
    fn pairs_keep_their_order_and_repeat() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs(Some("b=1&a=%20+x&b=&c")), [pair("b", "1"), pair("a", "  x"), pair("b", ""), pair("c", "")]);
        assert_eq!(pairs(None), []);
    }

    proptest! {
        #[test]
        fn any_path_and_query_is_taken_without_panic(path in "/webhooks/.*|.*", query in ".*") {
            let _segments = Address::of(&path).and_then(|address| address.segments());
            let _pairs = pairs(Some(&query));
        }
    }
}
