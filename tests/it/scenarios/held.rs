//! What waits for a person, and what is not written because it cannot be right, through the whole process.

use serde_json::json;
use spojka::{
    runtime::operator::{dead::DeadFilter, held::Answering},
    topics::{
        hold::Verdict,
        replay::{Mode, Request},
    },
};

use super::{Play, scenarios};
use crate::support::stage::{self, Stage};

scenarios! {
    a_replay_takes_what_is_held_for_waiting_and_what_was_refused_for_done
    behind_a_refusal_only_those_steps_go_on_that_may
    an_order_that_does_not_add_up_is_a_dead_letter_that_says_by_how_much
}

const EMAIL: &str = "eva@example.cz";

const HELD: &str = r#"
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
        hold: always
"#;

async fn answer(play: &Play, verdict: Verdict) -> usize {
    let answering = Answering { which: DeadFilter::default(), verdict };
    let moved = play.operator.answer(&answering).await.unwrap().moved;
    play.quiet().await;
    moved
}

async fn a_replay_takes_what_is_held_for_waiting_and_what_was_refused_for_done(stage: Stage) {
    let play = Play::begin(stage, HELD).await;
    let order = stage::paid_order(7, EMAIL, play.moment(0));
    play.order("order.updated", &order).await;
    play.quiet().await;
    assert_eq!(play.operator.held_list(&DeadFilter::default()).await.unwrap().len(), 1);
    for mode in [Mode::Missing, Mode::Failed] {
        let counts = play.replay(Request { mode, per_second: 1_000, ..Request::default() }).await.counts;
        assert_eq!((counts.actions.waiting, counts.actions.chosen, counts.appended), (1, 0, 0), "{counts:?}");
    }
    assert_eq!(answer(&play, Verdict::Refused).await, 1);
    for mode in [Mode::Missing, Mode::Failed] {
        let counts = play.replay(Request { mode, per_second: 1_000, ..Request::default() }).await.counts;
        assert_eq!((counts.actions.failed, counts.actions.chosen, counts.appended), (1, 0, 0), "{counts:?}");
    }
    assert!(play.contacts(EMAIL).is_empty() && play.dead().await.is_empty());
    assert_eq!(play.ended("crm", "refused"), 1);
    play.end().await;
}

async fn behind_a_refusal_only_those_steps_go_on_that_may(stage: Stage) {
    let flows = |on_refusal: &str| {
        format!(
            r#"
flows:
  buyer:
    on: order.paid
    from: shop
    do:
      - crm.upsert_contact: {{ email: "${{order.customer.email}}", legal_basis: contract }}
        name: contact
        hold: always
        on_refusal: {on_refusal}
      - news.subscribe: {{ email: "${{order.customer.email}}" }}
        when: steps.contact.contact_id != "none"
"#
        )
    };
    let play = Play::begin(stage, &flows("stop")).await;
    play.order("order.updated", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    assert_eq!(answer(&play, Verdict::Refused).await, 1);
    assert!(play.subscribers(EMAIL).is_empty(), "the flow stops");
    let play = play.begin_again(&flows("go_on")).await;
    play.order("order.updated", &stage::paid_order(8, EMAIL, play.moment(0))).await;
    play.quiet().await;
    assert!(play.subscribers(EMAIL).is_empty(), "it waits for the person too");
    assert_eq!(answer(&play, Verdict::Refused).await, 1);
    assert_eq!(play.subscribers(EMAIL).len(), 1, "the flow goes on");
    assert!(play.contacts(EMAIL).is_empty() && play.dead().await.is_empty());
    play.end().await;
}

const RECORD: &str = r#"
flows:
  record:
    on: order.paid
    from: shop
    do:
      - news.record_order: { order: "${order}" }
"#;

async fn an_order_that_does_not_add_up_is_a_dead_letter_that_says_by_how_much(stage: Stage) {
    let play = Play::begin(stage, RECORD).await;
    let mut order = stage::paid_order(7, EMAIL, play.moment(0));
    order["total"] = json!("99999.00");
    play.order("order.updated", &order).await;
    play.quiet().await;
    let dead = play.dead().await;
    assert_eq!((dead.len(), dead[0].code.as_str()), (1, "totals-differ"));
    assert!(
        dead[0].message.contains("step `news.record_order`, `order`: the lines with tax are"),
        "{}",
        dead[0].message
    );
    assert!(dead[0].message.contains("the total is 99999 CZK: a difference of"), "{}", dead[0].message);
    assert!(Stage::effects(&play.stage.newsletter, "order").is_empty());
    play.end().await;
}
