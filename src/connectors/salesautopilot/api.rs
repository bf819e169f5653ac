//! The calls, as requests. Credentials go into the header and never into the URL, as the vendor's own plugins do it: a
//! URL ends up in logs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use url::Url;

use crate::model::{
    http::{Auth, Method, Request},
    secret::Secret,
};

/// All but the unreserved characters of RFC 3986, `@` included.
const PATH_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where an account's API is, and how to get in.
pub(super) struct Api {
    pub(super) base: Url,
    pub(super) user: String,
    pub(super) password: Secret,
    pub(super) update_method: Method,
}

/// What a record is found by. Not to be printed: it may be an e-mail.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Key {
    Record(String),
    Field { name: &'static str, value: String },
}

impl Key {
    pub(super) fn field(name: &'static str, value: impl Into<String>) -> Self {
        Self::Field { name, value: value.into() }
    }

    fn segments(&self) -> Vec<&str> {
        match self {
            Self::Record(id) => vec!["record", id],
            Self::Field { name, value } => vec!["field", name, "value", value],
        }
    }
}

impl Api {
    pub(super) fn lists(&self) -> Request {
        self.request(Method::Get, &["getlists"])
    }

    pub(super) fn subscribe(&self, list: i64, form: i64, fields: Map<String, Value>) -> Request {
        let (list, form) = (list.to_string(), form.to_string());
        self.request(Method::Post, &["subscribe", &list, "form", &form]).json(&Value::Object(fields))
    }

    pub(super) fn update(&self, list: i64, form: i64, key: &Key, fields: Map<String, Value>) -> Request {
        let (list, form) = (list.to_string(), form.to_string());
        let path = [&["update", &list, "form", &form][..], &key.segments()].concat();
        self.request(self.update_method, &path).json(&Value::Object(fields))
    }

    pub(super) fn find(&self, list: i64, key: &Key) -> Request {
        let list = list.to_string();
        self.request(Method::Get, &[&["list", &list][..], &key.segments()].concat())
    }

    pub(super) fn record_order(&self, list: i64, form: i64, order: Map<String, Value>) -> Request {
        let (list, form) = (list.to_string(), form.to_string());
        self.request(Method::Post, &["processWebshopOrder", &list, "ns_id", &form]).json(&Value::Object(order))
    }

    fn request(&self, method: Method, segments: &[&str]) -> Request {
        let encoded: Vec<String> =
            segments.iter().map(|segment| utf8_percent_encode(segment, PATH_VALUE).to_string()).collect();
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{}", self.base.path().trim_end_matches('/'), encoded.join("/")));
        url.set_query(None);
        url.set_fragment(None);
        Request::new(method, url)
            .auth(Auth::Basic { user: self.user.clone(), password: self.password.clone() })
            .header("accept", "application/json")
    }
}

/// Whether a text can stand in a path: empty ones and those that a URL reads as "here" and "up" cannot, however they
/// are encoded.
pub(super) fn fits_path(value: &str) -> bool {
    !matches!(value, "" | "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(base: &str) -> Api {
        Api {
            base: Url::parse(base).expect("url"),
            user: "demouser".to_owned(),
            password: Secret::new("demopass"),
            update_method: Method::Post,
        }
    }

    #[test]
    fn path_values_are_encoded_with_at_sign_slash_and_accents() {
        let key = Key::field("email", "kis.őrs+a/b@example.hu");
        let request = api("https://api.salesautopilot.com/").find(51234, &key);
        assert_eq!(request.url.path(), "/list/51234/field/email/value/kis.%C5%91rs%2Ba%2Fb%40example.hu");
    }

    #[test]
    fn a_base_url_may_have_a_path_of_its_own() {
        for base in ["http://127.0.0.1:9000/sa", "http://127.0.0.1:9000/sa/?x=1#y"] {
            assert_eq!(api(base).lists().url.as_str(), "http://127.0.0.1:9000/sa/getlists");
        }
    }

    #[test]
    fn the_key_pair_is_not_in_the_url() {
        let request = api("https://api.salesautopilot.com/").lists();
        assert!(!request.url.as_str().contains("demo"));
        assert!(matches!(request.auth, Auth::Basic { ref user, .. } if user == "demouser"));
    }

    proptest::proptest! {
        #[test]
        fn no_value_changes_the_path_around_it(value in "\\PC{1,20}") {
            proptest::prop_assume!(fits_path(&value));
            let request = api("https://api.salesautopilot.com/").find(1, &Key::field("f", value.clone()));
            let segments: Vec<&str> = request.url.path().split('/').collect();
            proptest::prop_assert_eq!(&segments[..6], &["", "list", "1", "field", "f", "value"]);
            proptest::prop_assert_eq!(segments.len(), 7);
            let decoded = percent_encoding::percent_decode_str(segments[6]).decode_utf8().expect("utf-8");
            proptest::prop_assert_eq!(decoded, value);
        }
    }
}
