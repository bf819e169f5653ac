//! The reading part of the REST API, with the traps that the real one has.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Shop, order::OFFSET};
use crate::{
    connectors::{
        contract::sandbox::SandboxRequest,
        kit::form,
        woocommerce::wire::{gmt, moment},
    },
    model::http::{Method, Reply},
};

type Query = Vec<(String, String)>;

const ORDER_BY: [&str; 6] = ["date", "id", "include", "title", "slug", "modified"];

pub(super) fn answer(shop: &Shop, request: &SandboxRequest) -> Reply {
    // `?rest_route=` reaches the API without its authentication; only the path counts here.
    let Some((_, route)) = request.path.split_once("/wp-json/wc/v3/") else {
        return error(404, "rest_no_route");
    };
    if let Some(refusal) = unauthorized(shop, request) {
        return refusal;
    }
    let query = form::pairs(request.query.as_bytes());
    match route.trim_end_matches('/').split('/').collect::<Vec<_>>()[..] {
        _ if request.method != Method::Get => error(401, "woocommerce_rest_authentication_error"),
        ["orders"] => list(shop, request, &query).unwrap_or_else(|refusal| refusal),
        ["orders", id] => one(shop, id),
        ["reports", "orders", "totals"] => totals(shop),
        _ => error(404, "rest_no_route"),
    }
}

/// An unknown key is treated as no key; only a wrong secret is told.
fn unauthorized(shop: &Shop, request: &SandboxRequest) -> Option<Reply> {
    let presented = request.headers.get("authorization").and_then(|value| value.strip_prefix("Basic "));
    let pair = presented.and_then(|encoded| String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((key, secret)) if key == shop.consumer_key && !key.is_empty() => {
            (!shop.consumer_secret.matches(secret)).then(|| error(401, "woocommerce_rest_authentication_error"))
        }
        _ => Some(error(401, "woocommerce_rest_cannot_view")),
    }
}

fn error(status: u16, code: &str) -> Reply {
    Reply::new(status).json(&json!({"code": code, "message": "Simulated.", "data": {"status": status}}))
}

fn one(shop: &Shop, id: &str) -> Reply {
    match id.parse().ok().and_then(|id: u64| shop.orders.get(&id)) {
        Some(order) => Reply::new(200).json(order),
        None => error(404, "woocommerce_rest_shop_order_invalid_id"),
    }
}

/// The statuses of a shop without plugins. Drafts of the checkout are among them, the bin is not.
fn totals(shop: &Shop) -> Reply {
    const STATUSES: [&str; 8] =
        ["pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft"];
    let row = |slug: &str| {
        let total = shop.orders.values().filter(|order| order["status"] == slug).count();
        json!({ "slug": slug, "name": slug, "total": total })
    };
    Reply::new(200).json(&STATUSES.map(row).into())
}

fn list(shop: &Shop, request: &SandboxRequest, query: &Query) -> Result<Reply, Reply> {
    let per_page = number(query, "per_page", 10)?;
    let page = number(query, "page", 1)?;
    if !(1..=100).contains(&per_page) || page == 0 {
        return Err(error(400, "rest_invalid_param"));
    }
    let mut orders = chosen(shop, query)?;
    sort(&mut orders, query)?;
    let pages = orders.len().div_ceil(per_page);
    let rows: Vec<_> = orders.iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
    let is_past_the_end = rows.is_empty();
    let reply = Reply::new(200)
        .header("X-WP-Total", if is_past_the_end { 0 } else { orders.len() }.to_string())
        .header("X-WP-TotalPages", if is_past_the_end { 0 } else { pages }.to_string())
        .json(&json!(rows));
    Ok(links(request, page, pages).into_iter().fold(reply, |reply, link| reply.header("Link", link)))
}

fn number(query: &Query, name: &str, default: usize) -> Result<usize, Reply> {
    match form::value(query, name) {
        Some(text) => text.parse().map_err(|_| error(400, "rest_invalid_param")),
        None => Ok(default),
    }
}

fn chosen<'a>(shop: &'a Shop, query: &Query) -> Result<Vec<&'a Value>, Reply> {
    let after = modified_after(query)?;
    let status = form::value(query, "status").unwrap_or("any");
    let fits = |order: &&Value| {
        let own = order["status"].as_str().unwrap_or("");
        // `any` hides the bin, and drafts.
        let has_status = if status == "any" { !matches!(own, "trash" | "auto-draft") } else { own == status };
        let changed = order["date_modified_gmt"].as_str().unwrap_or("");
        has_status && after.as_deref().is_none_or(|after| changed > after)
    };
    Ok(shop.orders.values().filter(fits).collect())
}

/// The trap: a moment with `Z` and the flag is shifted by the shop's offset, one without either is the shop's own time.
fn modified_after(query: &Query) -> Result<Option<String>, Reply> {
    let Some(text) = form::value(query, "modified_after") else { return Ok(None) };
    let (bare, has_zone) = text.strip_suffix('Z').map_or((text, false), |bare| (bare, true));
    let at = moment(bare).ok_or_else(|| error(400, "rest_invalid_param"))?;
    let shifted = match (has_zone, form::value(query, "dates_are_gmt") == Some("true")) {
        (true, true) => at.checked_add(OFFSET),
        (false, false) => at.checked_sub(OFFSET),
        _ => Ok(at),
    };
    Ok(Some(gmt(shifted.unwrap_or(at))))
}

fn sort(orders: &mut [&Value], query: &Query) -> Result<(), Reply> {
    let by = form::value(query, "orderby").unwrap_or("date");
    if !ORDER_BY.contains(&by) {
        return Err(error(400, "rest_invalid_param"));
    }
    let name = match by {
        "modified" => "date_modified_gmt",
        _ => "date_created_gmt",
    };
    let key = |order: &&Value| (order[name].as_str().map(str::to_owned), order["id"].as_u64());
    orders.sort_by_key(key);
    if by == "id" {
        orders.sort_by_key(|order| order["id"].as_u64());
    }
    match form::value(query, "order").unwrap_or("desc") {
        "asc" => Ok(()),
        "desc" => {
            orders.reverse();
            Ok(())
        }
        _ => Err(error(400, "rest_invalid_param")),
    }
}

/// `Link` repeats the query as it came.
fn links(request: &SandboxRequest, page: usize, pages: usize) -> Option<String> {
    let link = |page: usize, rel: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(form::pairs(request.query.as_bytes()).into_iter().filter(|(name, _)| name != "page"));
        query.append_pair("page", &page.to_string());
        format!("<https://shop.example.cz{}?{}>; rel=\"{rel}\"", request.path, query.finish())
    };
    let before = (page > 1).then(|| link(page - 1, "prev"));
    let after = (page < pages).then(|| link(page + 1, "next"));
    let links: Vec<_> = before.into_iter().chain(after).collect();
    (!links.is_empty()).then(|| links.join(", "))
}
