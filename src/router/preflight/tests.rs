//! Made-up documents by a table, any document by its properties, and real ones where recordings are at hand.

use proptest::prelude::*;
use serde_json::json;

use super::*;

mod real;

const ORDER: FieldKind = FieldKind::Message("spojka.v1.Order");
const INVOICE: FieldKind = FieldKind::Message("spojka.v1.Invoice");

fn money(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "CZK" })
}

/// A line: net, tax, gross. An empty text is not told.
fn line([net, tax, gross]: [&str; 3]) -> Value {
    let told = [("net", net), ("tax", tax), ("gross", gross)].into_iter().filter(|(_, amount)| !amount.is_empty());
    Value::Object(told.map(|(name, amount)| (name.to_owned(), money(amount))).collect())
}

fn order(lines: &[[&str; 3]], [net, tax, total]: [&str; 3]) -> Value {
    let items: Vec<_> = lines.iter().map(|parts| line(*parts)).collect();
    let mut order = json!({ "currency": "CZK", "items": items });
    for (name, amount) in [("totalNet", net), ("totalTax", tax), ("total", total)] {
        if !amount.is_empty() {
            order[name] = money(amount);
        }
    }
    order
}

fn codes(preflight: &Preflight, kind: FieldKind, value: &Value) -> Vec<(&'static str, bool)> {
    check(preflight, kind, value).iter().map(|finding| (finding.code.as_str(), finding.refused)).collect()
}

fn messages(value: &Value) -> Vec<String> {
    check(&Preflight::default(), ORDER, value).into_iter().map(|finding| finding.message).collect()
}

#[test]
fn what_adds_up_passes_and_what_is_not_told_is_not_asked_for() {
    let (empty, one) = (["", "", ""], ["100", "21", "121"]);
    for (name, value) in [
        ("whole", order(&[one, ["10.00", "2.10", "12.10"]], ["110.00", "23.10", "133.10"])),
        ("only totals", order(&[], ["100", "21", "121"])),
        ("only lines", order(&[one], empty)),
        ("nothing", order(&[], empty)),
        ("a line without amounts", order(&[one, empty], ["500", "105", "605"])),
        ("gross alone", order(&[["", "", "121"]], ["", "", "121"])),
        ("gross from net and tax", order(&[["100", "21", ""]], ["", "", "121"])),
        ("a discount line", order(&[one, ["-10", "-2.1", "-12.1"]], ["90", "18.9", "108.9"])),
        ("a rounding line", order(&[["100.40", "21.08", "121.48"], ["-0.48", "0", "-0.48"]], ["", "", "121.00"])),
        ("each line rounded", order(&[["1.005", "0.21", "1.215"]; 3], ["3.02", "0.63", "3.65"])),
        ("a credit", order(&[["-100", "-21", "-121"]], ["-100", "-21", "-121"])),
    ] {
        assert_eq!(messages(&value), [""; 0], "{name}");
    }
}

#[test]
fn a_difference_is_named_with_its_amounts() {
    let wrong = order(&[["100", "21", "121"], ["50", "10.50", "60.50"]], ["150", "31.50", "191.50"]);
    assert_eq!(
        messages(&wrong),
        [
            "the lines with tax are 181.5 CZK, the total is 191.5 CZK: a difference of 10 CZK, where 0.015 may be",
            "net and tax of the total are 181.5 CZK, the total is 191.5 CZK: a difference of 10 CZK, where 0.01 may be",
        ]
    );
    for (name, wrong) in [
        ("net", order(&[["100", "21", "121"]], ["90", "", ""])),
        ("tax", order(&[["100", "21", "121"]], ["", "19", ""])),
        ("within a line", order(&[["100", "21", "120"]], ["", "", "120"])),
        ("a coin too much", order(&[["100", "21", "121"]], ["", "", "121.02"])),
    ] {
        assert_eq!(codes(&Preflight::default(), ORDER, &wrong), [("totals-differ", true)], "{name}");
    }
    let mut by_rate = order(&[["100", "21", "121"]], ["100", "21", "121"]);
    by_rate["taxes"] = json!([{ "rate": "21", "amount": money("20") }]);
    assert_eq!(codes(&Preflight::default(), ORDER, &by_rate), [("totals-differ", true)]);
    let mut foreign = order(&[["100", "21", "121"]], ["100", "21", "121"]);
    foreign["items"][0]["net"]["currency"] = "EUR".into();
    assert_eq!(messages(&foreign), ["an amount is in EUR, and the document is in CZK"]);
}

#[test]
fn shipping_that_is_no_line_counts_where_it_closes_the_gap() {
    let mut value = order(&[["100", "21", "121"]], ["", "", "220"]);
    assert_eq!(messages(&value).len(), 1);
    value["shippingTotal"] = money("99");
    assert_eq!(messages(&value), [""; 0]);
    value["items"] = json!([line(["100", "21", "121"]), { "kind": "ITEM_KIND_SHIPPING", "gross": money("49") }]);
    assert_eq!(messages(&value).len(), 1, "shipping among the lines is not counted twice");
}

#[test]
fn strictness_and_tolerance_are_the_owner_s() {
    let wrong = order(&[["100", "21", "121"]], ["", "", "121.40"]);
    let default = Preflight::default();
    let with = |totals, tolerance: Option<&str>| Preflight {
        totals,
        tolerance: tolerance.map(|amount| amount.parse().expect("an amount")),
        ..default.clone()
    };
    assert_eq!(codes(&with(Strictness::Refuse, None), ORDER, &wrong), [("totals-differ", true)]);
    assert_eq!(codes(&with(Strictness::Warn, None), ORDER, &wrong), [("totals-differ", false)]);
    assert_eq!(codes(&with(Strictness::Off, None), ORDER, &wrong), []);
    assert_eq!(codes(&with(Strictness::Refuse, Some("0.5")), ORDER, &wrong), []);
    assert_eq!(codes(&with(Strictness::Refuse, Some("0")), ORDER, &wrong), [("totals-differ", true)]);
}

#[test]
fn a_forint_has_no_smaller_coin() {
    let mut value = order(&[["787.4", "212.6", "1000"], ["", "", "99"]], ["", "", "1100"]);
    assert_eq!(messages(&value).len(), 1);
    let text = value.to_string().replace("CZK", "HUF");
    value = serde_json::from_str(&text).expect("json");
    assert_eq!(messages(&value), [""; 0]);
}

#[test]
fn company_ids_are_judged_where_their_country_is_told() {
    let invoice =
        |country: &str, name: &str, id: &str| json!({ "customer": { name: id, "address": { "country": country } } });
    let strict = Preflight { company_ids: Strictness::Refuse, ..Preflight::default() };
    for (country, name, id, good) in [
        ("CZ", "companyId", "27074358", true),
        ("CZ", "companyId", "27074359", false),
        ("CZ", "companyId", "123", false),
        ("", "companyId", "123", true),
        ("DE", "companyId", "HRB 123", true),
        ("CZ", "companyId", "", true),
        ("HU", "companyId", "01-09-123456", true),
        ("CZ", "vatId", "CZ27074358", true),
        ("CZ", "vatId", "CZ27074359", false),
    ] {
        let expected: &[_] = if good { &[] } else { &[("bad-company-id", true)] };
        assert_eq!(codes(&strict, INVOICE, &invoice(country, name, id)), expected, "{country} {id}");
    }
    let wrong = invoice("CZ", "companyId", "27074359");
    assert_eq!(codes(&Preflight::default(), INVOICE, &wrong), [("bad-company-id", false)], "told, and written");
    let message = &check(&strict, INVOICE, &wrong)[0].message;
    assert_eq!(message, "the customer's company id `27074359`: its check digit is wrong");
}

#[test]
fn a_tax_is_known_by_its_code_or_its_rate() {
    let known = ["21", "0", "CZ-REDUCED"].map(str::to_owned).into();
    let preflight = Preflight { tax_codes: Some(known), ..Preflight::default() };
    let value = |items: Value| json!({ "items": items });
    for (items, good) in [
        (json!([{ "taxRate": "21.00" }, { "taxRate": "0" }, {}]), true),
        (json!([{ "taxRate": "12", "taxCode": "CZ-REDUCED" }]), true),
        (json!([{ "taxRate": "21" }, { "taxRate": "15" }]), false),
        (json!([{ "taxCode": "OTHER" }]), false),
    ] {
        let expected: &[_] = if good { &[] } else { &[("tax-code-unmapped", true)] };
        assert_eq!(codes(&preflight, ORDER, &value(items.clone())), expected, "{items}");
    }
}

#[test]
fn what_is_no_document_has_nothing_to_be_checked() {
    for (kind, value) in [
        (FieldKind::Text, json!("x")),
        (FieldKind::Message("spojka.v1.Party"), json!({ "companyId": "1" })),
        (ORDER, json!({ "items": "none" })),
        (ORDER, json!([])),
    ] {
        assert_eq!(codes(&Preflight::default(), kind, &value), []);
    }
}

proptest! {
    /// Lines that a shop rounds one by one, and a total that it rounds as a whole, never differ by more than is allowed.
    #[test]
    fn rounding_of_lines_is_never_a_difference(nets in prop::collection::vec(-1_000_000_i64..10_000_000, 1..40), rate in 0_u32..28) {
        let exact = |net: &i64| Decimal::new(*net, 4);
        let tax = |net: Decimal| net * Decimal::from(rate) / Decimal::ONE_HUNDRED;
        let coins = |amount: Decimal| amount.round_dp(2).to_string();
        let lines: Vec<[String; 3]> = nets.iter().map(|net| {
            let net = exact(net);
            [coins(net), coins(tax(net)), coins(net + tax(net))]
        }).collect();
        let lines: Vec<[&str; 3]> = lines.iter().map(|[a, b, c]| [a.as_str(), b.as_str(), c.as_str()]).collect();
        let net: Decimal = nets.iter().map(exact).sum();
        let totals = [coins(net), coins(tax(net)), coins(net + tax(net))];
        let value = order(&lines, [&totals[0], &totals[1], &totals[2]]);
        prop_assert_eq!(messages(&value), Vec::<String>::new());
    }

    /// A line that is missing from the total is always found.
    #[test]
    fn a_line_too_many_is_always_a_difference(grosses in prop::collection::vec(100_i64..1_000_000, 2..30)) {
        let texts: Vec<String> = grosses.iter().map(|gross| Decimal::new(*gross, 2).to_string()).collect();
        let lines: Vec<[&str; 3]> = texts.iter().map(|gross| ["", "", gross.as_str()]).collect();
        let total = Decimal::new(grosses.iter().skip(1).sum(), 2).to_string();
        prop_assert_eq!(messages(&order(&lines, ["", "", &total])).len(), 1);
    }

    /// Whatever stands in the amounts, nothing overflows.
    #[test]
    fn any_amounts_are_judged(amounts in prop::collection::vec("-?[0-9]{0,30}(\\.[0-9]{0,30})?", 6)) {
        let told: Vec<&str> = amounts.iter().map(String::as_str).collect();
        let _judged = messages(&order(&[[told[0], told[1], told[2]]], [told[3], told[4], told[5]]));
    }
}
