//! Flows are not retroactive, whatever is edited: an order at the shop, or the flows themselves.

use jiff::ToSpan as _;

use super::{Play, scenarios};
use crate::support::stage::{self, Stage};

scenarios! {
    an_old_order_edited_today_is_not_paid_today
    an_old_order_fires_once_for_a_flow_that_claims_its_time
    editing_flows_does_nothing_again
}

const EMAIL: &str = "eva@example.cz";

fn buyers(start: &str) -> String {
    format!(
        r#"
flows:
  buyers:
    on: order.paid
    from: shop
    {start}
    do:
      - crm.add_to_list:
          {{ email: "${{order.customer.email}}", list: Buyers, create_list: true, legal_basis: contract }}
  changed:
    on: order.updated
    from: shop
    do:
      - crm.add_to_list:
          {{ email: "${{order.customer.email}}", list: Changed, create_list: true, legal_basis: contract }}
"#
    )
}

async fn edit_an_old_order(play: &Play) {
    let paid = play.moment(-2 * 365 * 24 * 3600);
    let mut order = stage::order(7, EMAIL, "completed", Some(paid), paid);
    for seconds in [0, 1] {
        order["date_modified_gmt"] = play.moment(seconds).strftime("%Y-%m-%dT%H:%M:%S").to_string().into();
        play.order("order.updated", &order).await;
    }
    play.quiet().await;
}

async fn an_old_order_edited_today_is_not_paid_today(stage: Stage) {
    let play = Play::begin(stage, &buyers("")).await;
    edit_an_old_order(&play).await;
    assert_eq!(play.facts("order.paid").await.len(), 1, "it is a fact all the same");
    assert_eq!(play.lists_of(EMAIL), ["Changed"]);
    assert_eq!(play.counted("spojka_events_skipped_total", &[("reason", "before-flow")]), 2);
    play.end().await;
}

async fn an_old_order_fires_once_for_a_flow_that_claims_its_time(stage: Stage) {
    let stage = stage.saying("connections:", "remember: 1000d\nconnections:");
    let start = stage.clock.now() - (3 * 365 * 24).hours();
    let play = Play::begin(stage, &buyers(&format!("start: {start}"))).await;
    edit_an_old_order(&play).await;
    assert_eq!(play.lists_of(EMAIL), ["Buyers", "Changed"]);
    let fired = play.actions("crm").await.iter().filter(|action| action.parameters["list"] == "Buyers").count();
    assert_eq!(fired, 1);
    play.end().await;
}

const BEFORE: &str = r#"
flows:
  buyers:
    on: order.paid
    from: shop
    when: order.source_status == "processing"
    do:
      - crm.add_to_list:
          { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

/// Renamed, widened, and with a step put before the other.
const AFTER: &str = r#"
flows:
  customers:
    was: buyers
    on: order.paid
    from: shop
    when: order.source_status == "processing" || order.source_status == "completed"
    do:
      - news.subscribe: { email: "${order.customer.email}" }
      - crm.add_to_list:
          { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

async fn editing_flows_does_nothing_again(stage: Stage) {
    let play = Play::begin(stage, BEFORE).await;
    let paid = play.moment(0);
    let known = stage::order(7, "known@example.cz", "processing", Some(paid), paid);
    let unwanted = stage::order(8, "unwanted@example.cz", "completed", Some(paid), paid);
    for order in [&known, &unwanted] {
        play.order("order.created", order).await;
    }
    play.quiet().await;
    assert_eq!(play.lists_of("known@example.cz"), ["Buyers"]);
    let effects = play.stage.anabix.effects().len();

    let play = play.begin_again(AFTER).await;
    for order in [&known, &unwanted] {
        play.order("order.updated", order).await;
    }
    play.quiet().await;
    assert_eq!(play.stage.anabix.effects().len(), effects, "nothing is done again");
    assert!(play.contacts("unwanted@example.cz").is_empty(), "what was not wanted then is not wanted now");
    assert_eq!(play.stage.newsletter.calls(), 0, "a new step is for new facts");

    let paid = play.moment(0);
    play.order("order.created", &stage::order(9, "new@example.cz", "completed", Some(paid), paid)).await;
    play.quiet().await;
    assert_eq!(play.lists_of("new@example.cz"), ["Buyers"]);
    assert_eq!(play.subscribers("new@example.cz").len(), 1);
    assert_eq!(play.dead().await.len(), 0);
    play.end().await;
}
