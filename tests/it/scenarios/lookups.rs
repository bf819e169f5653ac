//! A value without a row: told with the value, and done when the row is there.

use spojka::topics::replay::{AsOf, Request};

use super::{Play, scenarios};
use crate::support::stage::{self, Stage};

scenarios! {
    a_value_without_a_row_is_told_and_done_when_the_row_is_there
    a_table_may_leave_a_step_out
}

const EMAIL: &str = "eva@example.cz";

fn flows(table: &str) -> String {
    format!(
        r#"
lookups:
  lists: {table}
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list:
          email: ${{order.customer.email}}
          list: ${{lookup("lists", order.currency)}}
          create_list: true
          legal_basis: contract
"#
    )
}

async fn a_value_without_a_row_is_told_and_done_when_the_row_is_there(stage: Stage) {
    let play = Play::begin(stage, &flows("{ rows: { EUR: Abroad } }")).await;
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    let dead = play.dead().await;
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0].code, "no-such-row");
    let told = "flow `buyers`, step `crm.add_to_list`, `list`: the lookup `lists` has no row for `";
    assert!(dead[0].message.starts_with(told), "{}", dead[0].message);
    let metrics = play.app.ground().metrics.text();
    assert!(metrics.lines().any(|line| line == "spojka_lookup_misses_total{lookup=\"lists\"} 1"), "{metrics}");
    let value = dead[0].message.trim_start_matches(told).trim_end_matches('`').to_owned();
    assert!(!metrics.contains(&format!("\"{value}\"")), "metrics hold no values");

    let play = play.begin_again(&flows(&format!("{{ rows: {{ EUR: Abroad, {value}: Home }} }}"))).await;
    let request = Request { as_of: AsOf::Present, per_second: 1_000, ..Request::default() };
    assert_eq!(play.replay(request).await.counts.appended, 1);
    play.quiet().await;
    assert_eq!(play.lists_of(EMAIL), ["Home"]);
    play.end().await;
}

async fn a_table_may_leave_a_step_out(stage: Stage) {
    let play = Play::begin(stage, &flows("{ rows: { EUR: Abroad }, missing: skip }")).await;
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    assert!(play.dead().await.is_empty());
    assert!(play.actions("crm").await.is_empty());
    let metrics = play.app.ground().metrics.text();
    assert!(metrics.contains("spojka_events_skipped_total{reason=\"no-row\"} 1"), "{metrics}");
    assert!(metrics.contains("spojka_lookup_misses_total{lookup=\"lists\"} 1"), "{metrics}");
    play.end().await;
}
