//! Sample notifications, as FAPI would send them about what the sandbox holds.

use url::Url;

use super::{
    digest,
    sandbox::seed,
    settings::Config,
    wire::{Invoice, Item, ItemTemplate, Voucher},
};
use crate::{
    connectors::contract::SampleDoc,
    model::{
        http::{Method, Request},
        secret::Secret,
        time::Timestamp,
    },
};

pub(super) const SAMPLES: &[SampleDoc] = &[
    SampleDoc { name: "ordered", doc: "A pro forma for a course was issued; nothing is paid yet." },
    SampleDoc { name: "paid", doc: "A pro forma for a course is paid." },
    SampleDoc { name: "follow_up", doc: "The invoice made from a paid pro forma: the same sale, once more." },
    SampleDoc { name: "instalment", doc: "The first of three instalments is paid." },
    SampleDoc { name: "voucher", doc: "Somebody used a voucher for a course." },
];

/// A notification for the connection's URL, with the event and the token that the owner would have put behind it.
pub(super) fn request(config: &Config, name: &str, url: &Url, now: Timestamp) -> Option<Request> {
    let time = u64::try_from(now.as_second()).unwrap_or(0);
    let body = match name {
        "ordered" => about_invoice(&seed::UNPAID, time),
        "paid" => about_invoice(&seed::PAID, time),
        "follow_up" => about_invoice(&seed::FOLLOW_UP, time),
        "instalment" => about_invoice(&seed::INSTALMENTS[0], time),
        "voucher" => about_voucher(time),
        _ => return None,
    };
    let mut request = Request::new(Method::Post, with_event_and_token(config, name, url));
    request.body = body.into();
    Some(request.header("content-type", "application/x-www-form-urlencoded"))
}

fn with_event_and_token(config: &Config, name: &str, url: &Url) -> Url {
    let mut url = url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.extend(config.url_events().contains(&name).then_some(name));
        segments.extend(config.tokens.first().map(Secret::expose));
    }
    url
}

fn about_invoice(seeded: &seed::Document, time: u64) -> String {
    let item = |(id, name): (u64, &str)| Item { id: id.to_string(), name: name.to_owned(), ..Item::default() };
    let invoice =
        Invoice { id: seeded.id.to_string(), items: seeded.lines().map(item).collect(), ..Invoice::default() };
    form("id", &invoice.id, time, &digest::of_invoice(time, &invoice, seeded.number))
}

fn about_voucher(time: u64) -> String {
    let voucher = Voucher { id: seed::VOUCHER.to_string(), code: seed::VOUCHER_CODE.to_owned(), ..Voucher::default() };
    let template = ItemTemplate { id: seed::TEMPLATE.to_string(), code: seed::TEMPLATE_CODE.to_owned() };
    form("voucher", &voucher.id, time, &digest::of_voucher(time, &voucher, &template))
}

/// A notification's body.
pub(super) fn form(name: &str, id: &str, time: u64, security: &str) -> String {
    format!("{name}={id}&time={time}&security={security}")
}
