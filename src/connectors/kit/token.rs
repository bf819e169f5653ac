//! Unguessable URLs: `/webhooks/{connection}[/{event}][/{token}]`, the token also as a query value or as Basic credentials.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::model::{http::Inbound, secret::Secret};

/// Query parameters that may carry the token. They are not stored.
pub const QUERY_NAMES: &[&str] = &["token", "k", "key"];

/// A request's path and query, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub event: Option<String>,
    /// Whether one of the presented tokens fits.
    pub token_fits: bool,
    /// A path segment was left that is neither event nor a token that fits.
    pub stray: bool,
    /// The query without tokens.
    pub query: Vec<(String, String)>,
}

/// Takes a request's path and query apart. The first segment is the event if it is one of `events`; what follows is a token.
pub fn locate(request: &Inbound, events: &[&str], tokens: &[Secret]) -> Located {
    let mut segments = request.path.iter().map(String::as_str).peekable();
    let event = segments.next_if(|segment| events.contains(segment)).map(str::to_owned);
    let in_path: Vec<&str> = segments.collect();
    let is_token = |name: &str| QUERY_NAMES.contains(&name);
    let in_query = request.query.iter().filter(|(name, _)| is_token(name)).map(|(_, value)| value.as_str());
    let basic = basic_password(request);
    let presented = in_path.iter().copied().chain(in_query).chain(basic.as_deref());
    let token_fits = presented.fold(false, |fits, presented| fits | fits_any(tokens, presented));
    let path_fits = in_path.iter().all(|segment| fits_any(tokens, segment)) && in_path.len() <= 1;
    let query = request.query.iter().filter(|(name, _)| !is_token(name)).cloned().collect();
    Located { event, token_fits, stray: !path_fits, query }
}

fn fits_any(tokens: &[Secret], presented: &str) -> bool {
    tokens.iter().fold(false, |fits, token| fits | token.matches(presented))
}

fn basic_password(request: &Inbound) -> Option<String> {
    let value = request.headers.get("authorization")?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::{
        http::{Headers, Method},
        time::Timestamp,
    };

    fn request(path: &[&str], query: &[(&str, &str)], headers: Headers) -> Inbound {
        Inbound {
            method: Method::Post,
            path: path.iter().map(|segment| (*segment).to_owned()).collect(),
            query: query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            headers,
            body: Bytes::new(),
            received_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_token_may_come_four_ways() {
        let tokens = [Secret::new("t0k")];
        let basic = Headers::new().with("Authorization", format!("Basic {}", STANDARD.encode("any:t0k")));
        for (path, query, headers) in [
            (&["paid", "t0k"][..], &[][..], Headers::new()),
            (&["t0k"], &[], Headers::new()),
            (&["paid"], &[("k", "t0k")], Headers::new()),
            (&[], &[], basic),
        ] {
            let located = locate(&request(path, query, headers), &["paid"], &tokens);
            assert!(located.token_fits && !located.stray, "{path:?} {query:?}");
            assert!(located.query.is_empty());
        }
    }

    #[test]
    fn a_wrong_token_does_not_fit_and_no_token_setting_fits_nothing() {
        assert!(!locate(&request(&["paid", "x"], &[], Headers::new()), &["paid"], &[Secret::new("t0k")]).token_fits);
        assert!(!locate(&request(&["paid", ""], &[], Headers::new()), &["paid"], &[]).token_fits);
        assert!(locate(&request(&["paid", "x"], &[], Headers::new()), &["paid"], &[]).stray);
    }

    #[test]
    fn other_query_values_are_kept() {
        let located =
            locate(&request(&[], &[("days", "30"), ("token", "t")], Headers::new()), &[], &[Secret::new("t")]);
        assert_eq!(located.query, [("days".to_owned(), "30".to_owned())]);
    }
}
