//! How items become lines.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::connectors::kit::number;

fn huf(amount: &str) -> Value {
    json!({"amount": amount, "currency": "HUF"})
}

fn body(change: impl FnOnce(&mut Value)) -> Value {
    let mut order = order();
    change(&mut order);
    let pair = Pair::new();
    let request = first_request(&pair.drive("record_order", json!({ "order": order })));
    serde_json::from_slice(&request.body).expect("json")
}

/// Id, quantity, tax and price of each line, as they are written.
fn lines(body: &Value) -> Vec<String> {
    let products = body["products"].as_array().expect("lines");
    let line =
        |p: &Value| format!("{} {}x{} {}%", p["prod_id"].as_str().expect("id"), p["qty"], p["prod_price"], p["tax"]);
    products.iter().map(line).collect()
}

#[test]
fn a_coupon_becomes_a_negative_line_and_the_price_is_the_one_before_it() {
    let body = body(|order| {
        order["items"][0]["net"] = huf("4050.00");
        order["items"][0]["discount"] = huf("450.00");
        order["discounts"] = json!([{"code": "OSZ10", "amount": huf("450.00"), "tax": huf("121.50")}]);
    });
    assert_eq!(lines(&body), ["SZAPPAN-01 3x1500.00 27%", "DISCOUNT-OSZ10 1x-450.00 27%"]);
    assert_eq!(body["products"][1]["prod_name"], "Kedvezmény OSZ10");
}

#[test]
fn coupons_are_told_by_tax_rate_and_a_rest_has_no_code() {
    let body = body(|order| {
        let mut book = order["items"][0].clone();
        book["code"] = json!("KONYV");
        book["quantity"] = json!("1");
        (book["net"], book["discount"], book["taxRate"]) = (huf("900"), huf("100"), json!("5"));
        order["items"][0]["discount"] = huf("300");
        order["items"].as_array_mut().expect("items").push(book);
        order["discounts"] =
            json!([{"code": "A", "name": "Őszi", "amount": huf("350")}, {"code": "B", "amount": huf("20")}]);
    });
    assert_eq!(
        lines(&body),
        [
            "SZAPPAN-01 3x1600.00 27%",
            "KONYV 1x1000.00 5%",
            "DISCOUNT-A 1x-300.00 27%",
            "DISCOUNT-A 1x-50.00 5%",
            "DISCOUNT-B 1x-20.00 5%",
            "DISCOUNT- 1x-30.00 5%",
        ]
    );
    assert_eq!(body["products"][2]["prod_name"], "Őszi");
    assert_eq!(body["products"][5]["prod_name"], "Kedvezmény");
}

#[test]
fn a_coupon_that_no_item_shows_is_not_taken_off_twice() {
    let body = body(|order| order["discounts"] = json!([{"code": "FREE", "amount": huf("1000")}]));
    assert_eq!(lines(&body), ["SZAPPAN-01 3x1500.00 27%"]);
}

#[test]
fn a_discount_that_the_source_keeps_as_an_item_is_a_negative_line() {
    for amount in ["-200", "200"] {
        let body = body(|order| {
            order["items"][1] = json!({
                "kind": "ITEM_KIND_DISCOUNT", "code": "X", "name": "Hűség", "net": huf(amount), "taxRate": "27"
            });
        });
        assert_eq!(lines(&body)[1], "DISCOUNT-X 1x-200.00 27%");
    }
}

#[test]
fn shipping_fees_and_roundings_are_one_cost() {
    let body = body(|order| {
        let items = order["items"].as_array_mut().expect("items");
        items.push(json!({"kind": "ITEM_KIND_FEE", "net": huf("300"), "gross": huf("381"), "taxRate": "27"}));
        items.push(json!({"kind": "ITEM_KIND_ROUNDING", "net": huf("-0.40"), "taxRate": "0"}));
    });
    assert_eq!(body["netshippingcost"].to_string(), "1299.60");
    assert_eq!(body["grossshippingcost"].to_string(), "1650.60");
    assert_eq!(lines(&body).len(), 1);
}

#[test]
fn prices_are_net_with_two_decimals() {
    for (net, quantity, price) in
        [("10", "3", "3.33"), ("0.05", "2", "0.03"), ("2.675", "1", "2.68"), ("0", "1", "0.00")]
    {
        let body = body(|order| {
            order["items"][0]["net"] = huf(net);
            order["items"][0]["quantity"] = json!(quantity);
        });
        assert_eq!(body["products"][0]["prod_price"].to_string(), price, "{net} / {quantity}");
    }
}

#[test]
fn a_net_amount_is_derived_only_from_what_is_told() {
    let with = |change: fn(&mut Value)| {
        let body = body(|order| {
            order["items"][0]["net"] = json!(null);
            change(&mut order["items"][0]);
        });
        lines(&body).remove(0)
    };
    assert_eq!(with(|item| item["gross"] = huf("5715")), "SZAPPAN-01 3x1500.00 27%");
    assert_eq!(with(|item| item["unitPrice"] = huf("1500")), "SZAPPAN-01 3x1500.00 27%");
}

#[test]
fn a_tax_rate_is_as_stated_or_computed_in_whole_percent() {
    let rate = |change: fn(&mut Value)| {
        let body = body(|order| change(&mut order["items"][0]));
        body["products"][0]["tax"].to_string()
    };
    assert_eq!(rate(|item| item["taxRate"] = json!("5.5")), "5.5");
    assert_eq!(rate(|item| item["taxRate"] = json!("")), "27");
    assert_eq!(rate(|item| (item["taxRate"], item["tax"]) = (json!(""), huf("1214.60"))), "27");
    assert_eq!(rate(|item| (item["taxRate"], item["tax"], item["net"]) = (json!(""), json!(null), huf("0"))), "0");
    let pair = Pair::new();
    let mut order = order();
    (order["items"][0]["taxRate"], order["items"][0]["tax"]) = (json!(""), json!(null));
    assert!(pair.refused_target("record_order", json!({ "order": order })).contains("tax rate"));
}

#[test]
fn a_product_without_a_code_goes_by_its_id() {
    let body = body(|order| (order["items"][0]["code"], order["items"][0]["productId"]) = (json!(""), json!("77")));
    assert_eq!(lines(&body), ["77 3x1500.00 27%"]);
}

#[test]
fn a_name_in_one_piece_stays_in_one_piece() {
    let body = body(|order| {
        let buyer = &mut order["customer"];
        (buyer["firstName"], buyer["lastName"], buyer["name"]) = (json!(""), json!(""), json!("Kis Borbála"));
    });
    assert_eq!((&body["mssys_lastname"], body.get("mssys_firstname")), (&json!("Kis Borbála"), None));
}

fn decimal_text() -> impl Strategy<Value = String> {
    prop_oneof![
        (-1_000_000_i64..1_000_000, 0_u32..5).prop_map(|(coins, scale)| Decimal::new(coins, scale).to_string()),
        Just("79228162514264337593543950335".to_owned()),
        Just("-79228162514264337593543950335".to_owned()),
        "[0-9.e-]{0,8}",
    ]
}

proptest! {
    #[test]
    fn any_amounts_are_mapped_or_refused(
        amounts in proptest::collection::vec(decimal_text(), 6), quantity in decimal_text(), kind in 0_i32..7,
    ) {
        let mut order = order();
        order["items"][0] = json!({
            "kind": kind, "code": "A", "quantity": quantity, "net": huf(&amounts[0]), "tax": huf(&amounts[1]),
            "gross": huf(&amounts[2]), "discount": huf(&amounts[3]), "taxRate": amounts[4],
        });
        order["discounts"] = json!([{"code": "C", "amount": huf(&amounts[5])}]);
        let pair = Pair::new();
        let drive = pair.drive("record_order", json!({ "order": order }));
        let _target = pair.connector.target(drive.operation, &drive.parameters);
    }

    #[test]
    fn the_lines_add_up_to_the_items(
        items in proptest::collection::vec((1_i64..50, 0_i64..100_000, 0_i64..5_000, 0_usize..3), 1..6),
        coupons in proptest::collection::vec(0_i64..5_000, 0..3),
    ) {
        let rates = ["27", "18", "5"];
        let coins = |amount: i64| huf(&Decimal::new(amount, 2).to_string());
        let body = body(|order| {
            let item = |(quantity, unit, off, rate): &(i64, i64, i64, usize)| {
                let net = quantity * unit - off;
                json!({"kind": "ITEM_KIND_PRODUCT", "code": "A", "quantity": quantity.to_string(),
                       "net": coins(net), "discount": coins(*off), "taxRate": rates[*rate]})
            };
            order["items"] = items.iter().map(item).collect();
            order["discounts"] = coupons.iter().map(|amount| json!({"code": "C", "amount": coins(*amount)})).collect();
        });
        for (index, rate) in rates.iter().enumerate() {
            let of_line = |line: &Value, name: &str| number::decimal(&line[name]).expect("a number");
            let products = body["products"].as_array().expect("lines").iter();
            let sent: Decimal = products
                .filter(|line| Some(of_line(line, "tax")) == number::parse(rate))
                .map(|line| of_line(line, "prod_price") * of_line(line, "qty"))
                .sum();
            let of_rate = items.iter().filter(|item| item.3 == index);
            let meant: i64 = of_rate.map(|(quantity, unit, off, _)| quantity * unit - off).sum();
            prop_assert_eq!(sent, Decimal::new(meant, 2));
        }
    }
}
