//! The shop's REST API, read only: addresses, credentials and what its errors mean.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use crate::model::{
    code::{self, Code},
    http::{Auth, Method, Reply, Request},
    secret::Secret,
};

/// Rows a page; the shop refuses more (`rest_invalid_param`).
pub(super) const PER_PAGE: usize = 100;

/// The shop has no order of this id.
pub(super) const NO_SUCH_ORDER: &str = "woocommerce_rest_shop_order_invalid_id";

/// Where the API is and who we are.
pub(super) struct Rest {
    base: Url,
    key: String,
    secret: Secret,
}

impl Rest {
    pub(super) fn new(base: &Url, key: &str, secret: Secret) -> Self {
        Self { base: base.clone(), key: key.to_owned(), secret }
    }

    /// A reading request. The path must keep `/wp-json/`: `?rest_route=` is not authenticated. The key goes into the
    /// header, because `Link` headers repeat whatever stands in the query.
    pub(super) fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Request {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["wp-json", "wc", "v3"]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Request::new(Method::Get, url)
            .auth(Auth::Basic { user: self.key.clone(), password: self.secret.clone() })
            .header("accept", "application/json")
    }

    /// The shop's statuses, those of plugins among them, each with how many orders have it. (REST API v3, *Reports, Retrieve
    /// orders totals*; WooCommerce's own source as of 2026-11-22: all of `wc_get_order_statuses()`, without their `wc-`.)
    pub(super) fn statuses(&self) -> Request {
        self.get(&["reports", "orders", "totals"], &[])
    }

    pub(super) fn read_statuses(&self, reply: &Reply) -> Result<BTreeSet<String>, String> {
        self.explain(reply)?;
        let rows: Vec<Value> = serde_json::from_slice(&reply.body).unwrap_or_default();
        let slugs = rows.iter().map(|row| row.get("slug").and_then(Value::as_str).map(str::to_owned));
        slugs.collect::<Option<_>>().ok_or_else(|| "the shop's list of statuses cannot be read".to_owned())
    }

    fn is_plain_http(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// What an answer to the probe says about the credentials.
    pub(super) fn explain(&self, reply: &Reply) -> Result<(), String> {
        if reply.is_success() && is_list(reply) {
            return Ok(());
        }
        let error = error_code(reply);
        let text = match (reply.status, error.as_str()) {
            (401, "woocommerce_rest_authentication_error") => WRONG_SECRET,
            (401 | 403, "woocommerce_rest_cannot_view") if self.is_plain_http() => PLAIN_HTTP,
            (401 | 403, "woocommerce_rest_cannot_view") => WRONG_KEY,
            (404, _) => NO_API,
            (200..=299, _) => "the answer is no list: something other than WooCommerce answers there",
            (300..=399, _) => "the shop sends us elsewhere: give `base_url` exactly as the shop's own address",
            (status, "") => return Err(format!("the shop answered {status}")),
            (status, error) => return Err(format!("the shop answered {status}: `{error}`")),
        };
        Err(text.to_owned())
    }
}

const WRONG_SECRET: &str =
    "the shop knows `consumer_key`, but `consumer_secret` does not fit: copy both again, or make a new key";
const PLAIN_HTTP: &str = "the shop ignores keys on plain http: give `base_url` with https";
const WRONG_KEY: &str = "the shop does not know `consumer_key`, or its user may not read orders: make a key with the \
    right to read for a shop manager; if it is right, something before the shop drops the `Authorization` header";
const NO_API: &str = "there is no WooCommerce REST API at `base_url`: is it the shop's home page, is WooCommerce active, \
    are permalinks on?";

/// The `code` of an error body; empty when there is none. Error texts are not passed on: they may repeat content.
pub(super) fn error_code(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_str).unwrap_or("");
    let is_code = code.len() <= 80 && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if is_code { code.to_owned() } else { String::new() }
}

/// Whether the shop rejects the credentials. Every 401 is that; a 403 only when WooCommerce itself says so, because
/// firewalls before shops answer 403 to whatever they dislike at the moment.
pub(super) fn is_unauthorized(reply: &Reply) -> bool {
    reply.status == 401 || (reply.status == 403 && error_code(reply).starts_with("woocommerce_rest_"))
}

/// What a reply that is neither a success nor a rejected credential is to a poll.
pub(super) fn failure(reply: &Reply) -> Code {
    match reply.status {
        429 => code::RATE_LIMITED,
        408 | 425 | 500..=599 => code::VENDOR_ERROR,
        400..=499 => code::REFUSED,
        _ => code::UNEXPECTED_ANSWER,
    }
}

fn is_list(reply: &Reply) -> bool {
    serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(&reply.body).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rest(base: &str) -> Rest {
        Rest::new(&base.parse().expect("url"), "ck_1", Secret::new("cs_1"))
    }

    #[test]
    fn a_shop_may_live_in_a_folder() {
        for (base, url) in [
            ("https://shop.example.cz", "https://shop.example.cz/wp-json/wc/v3/orders/7?per_page=1"),
            ("https://example.cz/shop/", "https://example.cz/shop/wp-json/wc/v3/orders/7?per_page=1"),
            ("https://example.cz/shop?x=1#y", "https://example.cz/shop/wp-json/wc/v3/orders/7?per_page=1"),
        ] {
            assert_eq!(rest(base).get(&["orders", "7"], &[("per_page", "1")]).url.as_str(), url);
        }
    }

    #[test]
    fn the_probe_tells_one_401_from_another() {
        let https = rest("https://shop.example.cz");
        let reply = |status, code: &str| Reply::new(status).json(&json!({"code": code, "message": "eva@example.cz"}));
        let told = |rest: &Rest, reply: &Reply| rest.explain(reply).expect_err("an error");
        assert!(told(&https, &reply(401, "woocommerce_rest_authentication_error")).contains("consumer_secret"));
        assert!(told(&https, &reply(401, "woocommerce_rest_cannot_view")).contains("does not know `consumer_key`"));
        assert!(told(&rest("http://shop.example.cz"), &reply(401, "woocommerce_rest_cannot_view")).contains("https"));
        assert!(told(&https, &reply(404, "rest_no_route")).contains("permalinks"));
        assert!(told(&https, &Reply::new(200).text("<html>")).contains("other than WooCommerce"));
        assert!(told(&https, &Reply::new(301)).contains("elsewhere"));
        let odd = told(&https, &reply(500, "internal_server_error"));
        assert!(odd.contains("internal_server_error") && !odd.contains("eva"), "{odd}");
        assert_eq!(https.explain(&Reply::new(200).json(&json!([]))), Ok(()));
    }

    #[test]
    fn statuses_are_read_and_a_refusal_is_explained() {
        let shop = rest("https://shop.example.cz");
        let list =
            json!([{"slug": "on-hold", "name": "Čeká", "total": 2}, {"slug": "packed", "name": "P", "total": 0}]);
        let found = shop.read_statuses(&Reply::new(200).json(&list));
        assert_eq!(found, Ok(BTreeSet::from(["on-hold".to_owned(), "packed".to_owned()])));
        for (status, body, said) in [
            (200, json!([{"name": "x"}]), "cannot be read"),
            (200, json!({}), "other than WooCommerce"),
            (403, json!({"code": "woocommerce_rest_cannot_view"}), "may not read"),
        ] {
            let told = shop.read_statuses(&Reply::new(status).json(&body)).expect_err("an error");
            assert!(told.contains(said), "{told}");
        }
    }

    #[test]
    fn only_the_shop_itself_can_reject_a_credential_with_403() {
        assert!(is_unauthorized(&Reply::new(403).json(&json!({"code": "woocommerce_rest_cannot_view"}))));
        assert!(!is_unauthorized(&Reply::new(403).text("blocked")));
        assert!(is_unauthorized(&Reply::new(401)));
    }
}
