//! Limits are kept: by the second and the minute, by the month, through crashes, and with a price.

use std::time::Duration;

use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::json;
use spojka::{
    connectors::contract::limits::{Charged, Vat, Window},
    dispatcher::limits::{LaneLimit, OnExhausted, QuotaPrice, QuotaSettings, Span},
    model::{code, http::Unanswered, time::Timestamp},
    topics::memory::{End, Handover, Reserved, key},
};

use super::{
    stage::{Stage, at, with_continuation},
    toy::Toy,
    wire::Say,
};

/// The stage begins in June.
const JUNE: &str = "2025-06";
const JULY: &str = "2025-07";

/// When June ends, in UTC.
fn july() -> Timestamp {
    "2025-07-01T00:00:00Z".parse().expect("a time")
}

fn quota(on_exhausted: OnExhausted) -> QuotaSettings {
    QuotaSettings {
        window: Window::Month,
        zone: TimeZone::UTC,
        price: None,
        on_exhausted,
        most: None,
        warn_at: vec![80, 100],
    }
}

fn monthly(calls: u64, settings: QuotaSettings) -> LaneLimit {
    LaneLimit { name: "monthly".to_owned(), class: None, calls, span: Span::Calendar(settings) }
}

fn priced(on_exhausted: OnExhausted) -> QuotaSettings {
    let price = QuotaPrice {
        block: 2,
        amount: Decimal::from(10),
        currency: "HUF".to_owned(),
        vat: Vat::Excluded,
        charged: Charged::Started,
    };
    QuotaSettings { price: Some(price), ..quota(on_exhausted) }
}

async fn stage(limit: LaneLimit) -> Stage {
    let mut stage = Stage::new().await;
    stage.limits = vec![limit];
    stage.delivery.concurrency = 1;
    stage
}

fn reserved(stage: &Stage, window: &str) -> u64 {
    stage.read::<Reserved>(&key::quota("monthly", window)).map_or(0, |reserved| reserved.calls)
}

#[tokio::test]
async fn a_lane_pauses_at_its_quota_and_goes_on_in_the_next_month() {
    let stage = stage(monthly(3, quota(OnExhausted::Pause))).await;
    let running = stage.start();
    let actions: Vec<_> = (1..=5).map(|n| stage.set(&format!("a-{n}"), &format!("o{n}"), n)).collect();
    stage.append(&actions).await;
    stage.settled("a-3").await;
    stage.settle_down().await;
    assert_eq!(stage.wire.effects().len(), 3);
    assert_eq!((stage.end_of("a-4"), stage.end_of("a-5")), (None, None));
    let report = stage.board.report(&stage.name).expect("the lane is ours");
    assert_eq!(report.stands_until, Some(july()));
    assert_eq!((report.quotas[0].used, report.quotas[0].cap), (3, Some(3)));

    stage.pass_to(july());
    assert_eq!(stage.settled("a-4").await, End::Done);
    assert_eq!(stage.settled("a-5").await, End::Done);
    assert_eq!(stage.wire.effects().len(), 5, "each once: {:?}", stage.wire.effects());
    assert!(stage.dead_letters().await.is_empty());
    running.stop().await;
    assert_eq!((reserved(&stage, JUNE), reserved(&stage, JULY)), (3, 2));
}

#[tokio::test]
async fn a_raised_limit_lets_the_lane_go_on() {
    let mut stage = stage(monthly(1, quota(OnExhausted::Pause))).await;
    let running = stage.start();
    stage.append(&[stage.set("a-1", "o", 1), stage.set("a-2", "o", 2)]).await;
    stage.settled("a-1").await;
    stage.settle_down().await;
    assert_eq!(stage.end_of("a-2"), None);
    running.stop().await;

    stage.limits = vec![monthly(2, quota(OnExhausted::Pause))];
    let running = stage.start();
    assert_eq!(stage.settled("a-2").await, End::Done);
    running.stop().await;
}

#[tokio::test]
async fn a_crash_counts_what_was_reserved_and_an_orderly_end_what_was_sent() {
    let stage = stage(monthly(1000, quota(OnExhausted::Pause))).await;
    let running = stage.start();
    stage.append(&[stage.set("a-1", "o", 1)]).await;
    stage.settled("a-1").await;
    running.crash().await;
    assert_eq!(reserved(&stage, JUNE), 10, "a block");

    let running = stage.start();
    stage.append(&[stage.set("a-2", "o", 2)]).await;
    stage.settled("a-2").await;
    assert_eq!(stage.board.report(&stage.name).expect("ours").quotas[0].used, 11, "what was left of the block counts");
    running.stop().await;
    assert_eq!(reserved(&stage, JUNE), 11, "the second block was given back but for what was sent");
}

#[tokio::test]
async fn what_was_sent_twice_counts_twice() {
    let stage = stage(monthly(2, quota(OnExhausted::Pause))).await;
    let running = stage.start();
    stage.wire.say("/set", Say::Fail(Unanswered::TimedOut));
    stage.append(&[stage.set("a-1", "o", 1), stage.set("a-2", "p", 1)]).await;
    stage.settled("a-2").await;
    stage.clock.advance(Duration::from_hours(1));
    stage.settle_down().await;
    assert_eq!(stage.end_of("a-1"), None, "its second try is one too many");
    stage.pass_to(july());
    assert_eq!(stage.settled("a-1").await, End::Done, "a month of standing still makes nothing too old");
    running.stop().await;
}

#[tokio::test]
async fn beyond_the_free_calls_the_cost_is_counted() {
    let stage = stage(monthly(2, priced(OnExhausted::Continue))).await;
    let running = stage.start();
    let actions: Vec<_> = (1..=5).map(|n| stage.set(&format!("a-{n}"), "o", n)).collect();
    stage.append(&actions).await;
    stage.settled("a-5").await;
    let report = stage.board.report(&stage.name).expect("ours");
    let (cost, price) = report.quotas[0].cost.clone().expect("a price");
    assert_eq!((cost, price.currency.as_str()), (Decimal::from(20), "HUF"), "three calls are two blocks begun");
    assert_eq!(report.stands_until, None);
    running.stop().await;
}

#[tokio::test]
async fn a_hard_limit_holds_although_more_could_be_bought() {
    let settings = QuotaSettings { most: Some(4), ..priced(OnExhausted::Continue) };
    let stage = stage(monthly(2, settings)).await;
    let running = stage.start();
    let actions: Vec<_> = (1..=6).map(|n| stage.set(&format!("a-{n}"), "o", n)).collect();
    stage.append(&actions).await;
    stage.settled("a-4").await;
    stage.settle_down().await;
    assert_eq!(stage.wire.effects().len(), 4);
    running.stop().await;
}

#[tokio::test]
async fn optional_actions_are_left_out_and_the_others_go_on() {
    let stage = stage(monthly(2, priced(OnExhausted::DropOptional))).await;
    let running = stage.start();
    let mut first = stage.set("a-1", "o", 1);
    let mut optional = with_continuation(stage.set("a-3", "o", 3));
    (first.optional, optional.optional) = (true, true);
    stage.append(&[first, stage.set("a-2", "o", 2), optional, stage.set("a-4", "o", 4)]).await;
    assert_eq!(stage.settled("a-4").await, End::Done);
    assert_eq!(stage.end_of("a-1"), Some(End::Done), "there was room for it");
    assert_eq!(stage.end_of("a-3"), Some(End::Dropped(code::LIMIT_REACHED)));
    let step = ("step.failed".to_owned(), code::LIMIT_REACHED.to_string());
    assert_eq!(stage.steps().await, [step], "what waits for the step hears of it");
    assert_eq!(stage.wire.effects().len(), 3);
    assert!(stage.dead_letters().await.is_empty());

    // What was left out is settled: reading it again does nothing.
    let again = stage.set("a-3", "o", 3);
    stage.append(&[again, stage.set("a-5", "o", 5)]).await;
    stage.settled("a-5").await;
    assert_eq!(stage.wire.effects().len(), 4);
    running.stop().await;
}

#[tokio::test]
async fn without_a_price_others_wait_where_optional_ones_are_left_out() {
    let stage = stage(monthly(1, quota(OnExhausted::DropOptional))).await;
    let running = stage.start();
    let mut optional = stage.set("a-3", "p", 3);
    optional.optional = true;
    stage.append(&[stage.set("a-1", "o", 1), stage.set("a-2", "o", 2), optional]).await;
    assert_eq!(stage.settled("a-3").await, End::Dropped(code::LIMIT_REACHED));
    let waiting = stage.parked("a-2", 0).await;
    assert_eq!(waiting.code, code::LIMIT_REACHED);
    assert_eq!(waiting.due, at(0) + Duration::from_hours(1), "somebody may raise the limit");
    stage.pass_to(july());
    assert_eq!(stage.settled("a-2").await, End::Done);
    running.stop().await;
}

#[tokio::test]
async fn a_limit_of_one_class_leaves_the_others_alone() {
    let reads = LaneLimit { class: Some("poll".to_owned()), ..monthly(1, quota(OnExhausted::Pause)) };
    let mut stage = Stage::of(Toy { polls: true, ..Toy::default() }).await;
    stage.limits = vec![reads];
    let running = stage.start();
    let polls = || stage.wire.sent().iter().filter(|sent| sent.starts_with("GET /rows")).count();
    stage.until("the first poll", || polls() == 1).await;
    stage
        .pass_until("the poll's next time has come", Duration::from_mins(1), || {
            stage.now() > at(0) + 2 * super::toy::POLL_EVERY
        })
        .await;
    stage.append(&[stage.set("a-1", "o", 1)]).await;
    assert_eq!(stage.settled("a-1").await, End::Done);
    assert_eq!(polls(), 1);
    running.stop().await;
}

#[tokio::test]
async fn an_action_waits_before_its_intent_and_is_never_in_doubt_for_it() {
    let stage = stage(monthly(1, quota(OnExhausted::Pause))).await;
    let running = stage.start();
    stage.append(&[stage.on("a-1", "charge", "o"), stage.on("a-2", "charge", "p")]).await;
    stage.settled("a-1").await;
    stage.settle_down().await;
    running.crash().await;
    let running = stage.start();
    stage.settle_down().await;
    stage.pass_to(july());
    assert_eq!(stage.settled("a-2").await, End::Done);
    running.stop().await;
}

#[tokio::test]
async fn a_minute_s_limit_holds_through_a_crash() {
    let per_minute =
        LaneLimit { name: "burst".to_owned(), class: None, calls: 2, span: Span::Sliding(Duration::from_mins(1)) };
    let stage = stage(per_minute).await;
    let running = stage.start();
    let actions: Vec<_> = (1..=4).map(|n| stage.set(&format!("a-{n}"), "o", n)).collect();
    stage.append(&actions).await;
    stage.settled("a-2").await;
    stage.settle_down().await;
    assert_eq!(stage.wire.effects().len(), 2);
    running.crash().await;

    let running = stage.start();
    stage.clock.advance(Duration::from_secs(59));
    stage.settle_down().await;
    assert_eq!(stage.wire.effects().len(), 2, "nobody knows when its predecessor sent what it sent");
    stage.pass_until("the minute is over", Duration::from_secs(1), || stage.wire.effects().len() == 4).await;
    running.stop().await;
    let handover = stage.read::<Handover>(key::HANDOVER).expect("it was told");
    assert_eq!(handover.taken.get("burst"), Some(&2));
}

#[tokio::test]
async fn who_was_told_what_was_sent_need_not_wait() {
    let per_minute =
        LaneLimit { name: "burst".to_owned(), class: None, calls: 2, span: Span::Sliding(Duration::from_mins(1)) };
    let stage = stage(per_minute).await;
    let running = stage.start();
    stage.append(&[stage.set("a-1", "o", 1)]).await;
    stage.settled("a-1").await;
    running.stop().await;
    let running = stage.start();
    stage.append(&[stage.set("a-2", "o", 2), stage.set("a-3", "o", 3)]).await;
    assert_eq!(stage.settled("a-2").await, End::Done, "one was left");
    stage.settle_down().await;
    assert_eq!(stage.end_of("a-3"), None);
    stage.clock.advance(Duration::from_mins(1));
    assert_eq!(stage.settled("a-3").await, End::Done);
    running.stop().await;
}

#[tokio::test]
async fn who_waits_for_its_turn_stops_at_once_when_told_to() {
    let per_minute =
        LaneLimit { name: "burst".to_owned(), class: None, calls: 1, span: Span::Sliding(Duration::from_mins(1)) };
    let stage = stage(per_minute).await;
    let running = stage.start();
    stage.append(&[stage.set("a-1", "o", 1), stage.action("a-2", "set", &json!({ "object": "p" }), 1)]).await;
    stage.settled("a-1").await;
    stage.settle_down().await;
    running.stop().await;
    assert_eq!(stage.waiting("a-2").map(|waiting| waiting.attempts), Some(0), "it waits in memory, untried");
}

#[tokio::test]
async fn who_waits_behind_its_intent_is_not_in_doubt_for_a_stop() {
    let per_minute =
        LaneLimit { name: "burst".to_owned(), class: None, calls: 1, span: Span::Sliding(Duration::from_mins(1)) };
    let mut stage = stage(per_minute).await;
    stage.delivery.concurrency = 3;
    let running = stage.start();
    let charges = ["o", "p", "q"].map(|object| stage.on(&format!("a-{object}"), "charge", object));
    stage.append(&charges).await;
    stage.until("one went out", || stage.wire.effects().len() == 1).await;
    stage.settle_down().await;
    running.stop().await;
    let running = stage.start();
    stage.pass_until("all went out", Duration::from_mins(1), || stage.wire.effects().len() == 3).await;
    running.stop().await;
    assert!(stage.dead_letters().await.is_empty());
}
