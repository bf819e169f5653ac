//! What is checked before a document is written: `preflight` of a connection, and of a step where it differs.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{
    fields::{Fields, scalar, texts},
    report::Problems,
    tree::{Node, Value},
};
use crate::router::preflight::{Preflight, Strictness};

/// Reads what stands under `preflight`: `off`, or what differs from what holds otherwise.
pub(super) fn read(node: &Node, base: &Preflight, problems: &mut Problems) -> Preflight {
    if matches!(&node.value, Value::Scalar(scalar) if scalar.text == "off") {
        return Preflight { totals: Strictness::Off, company_ids: Strictness::Off, tax_codes: None, ..base.clone() };
    }
    let Some(mut fields) = Fields::open(node, "`preflight`", problems) else { return base.clone() };
    let totals = fields.node("totals").and_then(|node| scalar(node, problems, strictness));
    let tolerance = fields.node("tolerance").and_then(|node| scalar(node, problems, tolerance));
    let company_ids = fields.node("company_ids").and_then(|node| scalar(node, problems, strictness));
    let tax_codes = fields.node("tax_codes").map(|node| tax_codes(node, problems));
    fields.finish(problems);
    Preflight {
        totals: totals.unwrap_or(base.totals),
        tolerance: tolerance.or(base.tolerance),
        company_ids: company_ids.unwrap_or(base.company_ids),
        tax_codes: tax_codes.unwrap_or_else(|| base.tax_codes.clone()),
    }
}

fn strictness(text: &str) -> Result<Strictness, String> {
    match text {
        "refuse" => Ok(Strictness::Refuse),
        "warn" => Ok(Strictness::Warn),
        "off" => Ok(Strictness::Off),
        _ => Err("expected `refuse`, `warn` or `off`".to_owned()),
    }
}

fn tolerance(text: &str) -> Result<Decimal, String> {
    let amount = text.parse::<Decimal>().ok().filter(|amount| !amount.is_sign_negative());
    amount.ok_or_else(|| "expected an amount such as `\"0.05\"`, without a currency".to_owned())
}

/// `any`, or the codes. Rates are written in many ways: `21`, `21.0`.
fn tax_codes(node: &Node, problems: &mut Problems) -> Option<BTreeSet<String>> {
    let codes = texts(node, problems);
    if matches!(codes.as_slice(), [("any", _)]) {
        return None;
    }
    let plain =
        |text: &str| text.parse::<Decimal>().map_or_else(|_| text.to_owned(), |rate| rate.normalize().to_string());
    Some(codes.into_iter().map(|(text, _)| plain(text)).collect())
}
