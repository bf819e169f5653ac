//! A quota that is used up: the lane waits for the next month, and nothing else notices. On the embedded log only: the month
//! turns by a clock that is put forward, and brokers refuse records from an hour ahead of theirs.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use spojka::model::time::Clock;

use super::Play;
use crate::support::stage::{self, PutForward, Stage, eventually};

const FLOWS: &str = r#"
flows:
  record:
    on: order.created
    from: shop
    do:
      - news.subscribe: { email: "${order.customer.email}" }
      - crm.upsert_contact: { email: "${order.customer.email}", legal_basis: contract }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_month_has_no_calls_for_is_done_in_the_next() {
    let stage = Stage::new(None);
    let clock = Arc::new(PutForward::default());
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let limits =
        "purchase_sum_field: spent }, delivery: { limits: { monthly-calls: { calls: 3, on_exhausted: pause } },";
    let stage = stage.under(shared).saying("purchase_sum_field: spent }, delivery: {", limits);
    let play = Play::begin(stage, FLOWS).await;
    for id in 1..=5 {
        order(&play, id).await;
    }
    eventually("three are subscribed", || calls(&play) == [3]).await;
    eventually("the other target has them all", || contacts(&play) == 5).await;
    assert!(play.app.metrics().text().contains("spojka_quota_used{connection=\"news\",limit=\"monthly-calls\"} 3"));

    // Budapest is at most two hours before UTC: this is in the next month there and here.
    let now = clock.now().to_zoned(jiff::tz::TimeZone::UTC);
    let next = now.date().last_of_month().tomorrow().expect("a day").to_zoned(jiff::tz::TimeZone::UTC).expect("a day");
    clock
        .by(Duration::try_from(next.timestamp().duration_since(clock.now())).expect("to come")
            + Duration::from_hours(1));
    // Whoever waits for the month looks at the time of day when something happens, and every minute.
    order(&play, 6).await;
    play.quiet().await;
    assert_eq!(calls(&play), [3, 3], "each month has its own");
    assert_eq!((play.ended("news", "done"), play.dead().await.len()), (6, 0));
    play.end().await;
}

async fn order(play: &Play, id: u64) {
    let email = format!("buyer-{id}@example.cz");
    play.order("order.created", &stage::order(id, &email, "pending", None, play.moment(0))).await;
}

/// The vendor's own count, month by month.
fn calls(play: &Play) -> Vec<Value> {
    play.stage.newsletter.state()["calls"].as_object().expect("months").values().cloned().collect()
}

fn contacts(play: &Play) -> usize {
    let state = play.stage.anabix.state();
    stage::values(&state["contacts"]).iter().filter(|contact| contact.to_string().contains("buyer-")).count()
}
