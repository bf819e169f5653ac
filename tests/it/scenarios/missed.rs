//! Webhooks first, polling as the safety net: what never came is found, counted and done, once.

use serde_json::json;
use spojka::topics::webhook::Arrival;

use super::{Play, scenarios};
use crate::support::stage::{Stage, eventually};

scenarios! {
    a_webhook_that_never_came_is_found_and_counted
    what_was_told_and_polled_is_done_once_and_not_missed
}

const FLOWS: &str = r#"
flows:
  buyers:
    on: order.paid
    from: eshop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

const DOCUMENT: u64 = 300_100_210;

/// A stage on which the invoicing vendor is polled all the time, once the first poll has set the beginning.
async fn polled(stage: Stage) -> Play {
    let play = Play::begin(stage.saying("poll_every: 0s", "poll_every: 1s"), FLOWS).await;
    eventually("the first poll is over", || play.counted("spojka_vendor_calls_total", &[("connection", "eshop")]) > 0)
        .await;
    play
}

fn found(play: &Play) -> u64 {
    play.counted("spojka_poll_rows_total", &[("connection", "eshop")])
}

fn missed(play: &Play) -> u64 {
    play.counted("spojka_webhooks_missed_total", &[("connection", "eshop")])
}

fn change(play: &Play) {
    let edit = json!({ "edit_invoice": { "id": DOCUMENT, "notes": "changed" } });
    play.stage.fapi.command(&edit).expect("an edited document");
}

async fn a_webhook_that_never_came_is_found_and_counted(stage: Stage) {
    let play = polled(stage).await;
    let at = play.moment(0);
    eventually("another second", || play.stage.clock.now().as_second() > at.as_second()).await;
    change(&play);
    let listed = || Stage::effects(&play.stage.anabix, "lists_managed").len();
    eventually("it is made good", || listed() == 1).await;
    play.quiet().await;
    assert_eq!((found(&play), missed(&play), listed()), (1, 1, 1));
    play.end().await;
}

async fn what_was_told_and_polled_is_done_once_and_not_missed(stage: Stage) {
    let play = polled(stage).await;
    let at = play.moment(0);
    eventually("another second", || play.stage.clock.now().as_second() > at.as_second()).await;
    play.tell(play.stage.notification(DOCUMENT)).await;
    change(&play);
    let polled =
        async || play.webhooks("eshop").await.iter().any(|webhook| matches!(webhook.arrival, Arrival::Polled { .. }));
    while !polled().await {
        tokio::task::yield_now().await;
    }
    play.quiet().await;
    assert_eq!((found(&play), missed(&play)), (1, 0));
    assert_eq!(Stage::effects(&play.stage.anabix, "lists_managed").len(), 1, "one effect of both");
    play.end().await;
}
