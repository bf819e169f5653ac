//! Vouchers. A notification about one is proven over the voucher and its product; only an applied one says something.

use serde::Deserialize as _;
use serde_json::Value;

use super::{
    digest,
    local::Local,
    normalize::{Step, by_id, fetch, json, reply},
    operations::{GET_ITEM_TEMPLATE, GET_VOUCHER},
    settings::Config,
    wire::{ItemTemplate, Voucher, rows},
};
use crate::{
    connectors::contract::{Fact, Normalized},
    model::{code, hash::ContentHash, time::Timestamp},
    topics::{
        action::Parameters,
        body::{Body, v1},
        event::VOUCHER_APPLIED,
        webhook::Webhook,
    },
};

/// What a notification about a voucher amounts to.
pub(super) fn applied(config: &Config, webhook: &Webhook, id: &str, time: u64, security: &str) -> Step<Normalized> {
    let fetched = reply(webhook, fetch("voucher", GET_VOUCHER, by_id(id)))?;
    let value = json(fetched)?;
    let voucher = value.is_object().then(|| Voucher::deserialize(&value).ok()).flatten();
    let voucher = voucher.ok_or_else(|| Normalized::invalid(code::UNPARSEABLE, "the voucher is no JSON object"))?;
    verify(config, webhook, &voucher, time, security)?;
    if voucher.status != "applied" {
        return Ok(Normalized::Nothing(code::NOTHING_NEW));
    }
    if voucher.id.is_empty() || voucher.applicant.email.is_empty() {
        return Err(Normalized::invalid(
            code::UNPARSEABLE,
            "the applied voucher lacks its id or its applicant's e-mail",
        ));
    }
    Ok(Normalized::facts(vec![fact(config, &voucher, &value, fetched.at)]))
}

fn verify(config: &Config, webhook: &Webhook, voucher: &Voucher, time: u64, security: &str) -> Step<()> {
    let unverified = |why: &str| Err(Normalized::invalid(code::UNVERIFIED, why));
    if voucher.item_template_code.is_empty() {
        // So is the one voucher that was ever recorded: its digest cannot be computed.
        let accepted = config.accept_unverifiable_vouchers;
        return if accepted { Ok(()) } else { unverified("the voucher has no product code, so nothing proves it") };
    }
    let by_code = Parameters::from_iter([("code".to_owned(), Value::from(voucher.item_template_code.as_str()))]);
    let found = json(reply(webhook, fetch("item_template", GET_ITEM_TEMPLATE, by_code))?)?;
    let first = rows(&found).and_then(|rows| rows.first()).and_then(|row| ItemTemplate::deserialize(row).ok());
    match first {
        Some(template) if digest::proves_voucher(time, voucher, &template, security) => Ok(()),
        Some(_) => unverified("`security` does not fit the voucher and its product"),
        None => unverified("FAPI knows no product with the voucher's code"),
    }
}

fn fact(config: &Config, voucher: &Voucher, value: &Value, read: Timestamp) -> Fact {
    let local = Local(&config.zone);
    let email = voucher.applicant.email.trim().to_lowercase();
    Fact {
        event_type: VOUCHER_APPLIED,
        entity_id: email,
        counted: Some(voucher.id.clone()),
        version: local.version(&voucher.applied_on, read),
        content: ContentHash::of(value),
        since: local.since(&voucher.applied_on, read),
        personal_id: true,
        body: Body::Subscriber(Box::new(subscriber(local, voucher))),
    }
}

fn subscriber(local: Local<'_>, voucher: &Voucher) -> v1::Subscriber {
    let email = voucher.applicant.email.trim().to_owned();
    let ids = [("voucher", &voucher.id), ("invoice", &voucher.invoice_id)];
    let told = ids.into_iter().filter(|(_, id)| !id.is_empty());
    v1::Subscriber {
        id: email.to_lowercase(),
        party: Some(v1::Party { email, ..v1::Party::default() }),
        updated_at: local.rfc3339(&voucher.applied_on),
        voucher: Some(v1::Voucher {
            id: voucher.id.clone(),
            code: voucher.code.clone(),
            product_code: voucher.item_template_code.clone(),
            product_name: voucher.product_name.clone(),
            applied_at: local.rfc3339(&voucher.applied_on),
            expires_on: voucher.expiration_date.clone(),
            form_url: voucher.applicant.form_url.clone(),
        }),
        vendor_ids: told.map(|(name, id)| (name.to_owned(), id.clone())).collect(),
        ..v1::Subscriber::default()
    }
}
