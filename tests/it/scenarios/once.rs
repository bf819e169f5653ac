//! What happens once and what is counted, whoever tells of it and how often.

use jiff::ToSpan as _;
use serde_json::json;

use super::{Play, numbered, scenarios};
use crate::support::stage::{self, Stage, text};

scenarios! {
    two_partial_refunds_are_two
    two_partial_refunds_of_one_second_are_two
    a_sale_told_by_two_sources_is_paid_once
}

const EMAIL: &str = "eva@example.cz";

const REFUNDS: &str = r#"
flows:
  refunds:
    on: payment.refunded
    from: shop
    do:
      - crm.add_to_list:
          email: ${payment.order.customer.email}
          list: Refunds
          create_list: true
          legal_basis: contract
          note: Refund ${payment.id} of ${payment.amount.amount}
"#;

async fn two_partial_refunds_are_two(stage: Stage) {
    refunds(stage, 2).await;
}

async fn two_partial_refunds_of_one_second_are_two(stage: Stage) {
    refunds(stage, 0).await;
}

/// The second snapshot tells of the first refund again.
async fn refunds(stage: Stage, seconds_between: i64) {
    let play = Play::begin(stage, REFUNDS).await;
    let paid = play.moment(0);
    let mut order = stage::order(7, EMAIL, "processing", Some(paid), paid);
    order["refunds"] = json!([{ "id": 71, "reason": "", "total": "-100.00" }]);
    play.order("order.updated", &order).await;
    let mut order = stage::order(7, EMAIL, "processing", Some(paid), play.moment(seconds_between));
    order["refunds"] =
        json!([{ "id": 72, "reason": "", "total": "-100.00" }, { "id": 71, "reason": "", "total": "-100.00" }]);
    play.order("order.updated", &order).await;
    play.quiet().await;
    assert_eq!(play.facts("payment.refunded").await.len(), 2);
    assert_eq!((play.ended("crm", "done"), play.dead().await.len()), (2, 0));
    assert_eq!(Stage::effects(&play.stage.anabix, "activity_created").len(), 2, "one note for each");
    play.end().await;
}

/// Flows that claim a start, because the invoicing vendor tells of a payment of the day before.
fn two_sources(start: jiff::Timestamp) -> String {
    format!(
        r#"
flows:
  record:
    on: order.created
    from: shop
    do:
      - news.record_order: {{ order: "${{order}}" }}
  shop-pays:
    on: order.paid
    from: shop
    start: {start}
    do:
      - news.mark_paid: {{ order_reference: "${{order.number}}", paid_on: "${{order.paid_at}}" }}
  invoice-pays:
    on: order.paid
    from: eshop
    start: {start}
    do:
      - news.mark_paid: {{ order_reference: "${{order.number}}", paid_on: "${{order.paid_at}}" }}
"#
    )
}

async fn a_sale_told_by_two_sources_is_paid_once(stage: Stage) {
    let now = stage.clock.now();
    let yesterday = now - 30.hours();
    let play = Play::begin(stage, &two_sources(now - 240.hours())).await;
    let (document, number) = (300_100_210_u64, "2025100050");
    let paid_on = yesterday.strftime("%Y-%m-%d 00:00:00").to_string();
    let edit = json!({ "edit_invoice": { "id": document, "paid_on": paid_on } });
    play.stage.fapi.command(&edit).expect("an edited document");

    let unpaid = stage::order(7, EMAIL, "pending", None, play.moment(0));
    play.order("order.created", &numbered(unpaid, number)).await;
    play.tell(play.stage.notification(document)).await;
    play.quiet().await;
    let paid = stage::order(7, EMAIL, "processing", Some(play.moment(0)), play.moment(1));
    play.order("order.updated", &numbered(paid, number)).await;
    play.quiet().await;

    assert_eq!(play.stage.orders(), [(number.to_owned(), "2".to_owned())]);
    assert_eq!(Stage::effects(&play.stage.newsletter, "invoice").len(), 1);
    assert_eq!(play.actions("news").await.iter().filter(|action| action.operation == "mark_paid").count(), 2);
    assert_eq!(play.dead().await.len(), 0);
    let lists = stage::values(&play.stage.newsletter.state()["lists"]);
    let orders = lists.iter().find(|list| text(&list["nl_id"]) == "51300").expect("the order list");
    let day = yesterday.strftime("%Y-%m-%d").to_string();
    assert_eq!(text(&stage::values(&orders["records"])[0]["mssys_pay_date"]), day, "the first that came");
    play.end().await;
}
