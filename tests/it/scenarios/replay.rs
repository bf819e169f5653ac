//! What was told once is judged again: what is done is not done again, what is missing is found.

use std::collections::BTreeSet;

use serde_json::json;
use spojka::{
    sandbox::{Fault, FaultKind},
    topics::{
        event::OriginKind,
        replay::{AsOf, Begin, Mode, Replay, Request, State},
    },
};

use super::{Play, play::named, scenarios};
use crate::support::stage::{self, Stage, eventually, text};

scenarios! {
    a_replayed_webhook_says_what_it_said_then
    what_is_done_costs_nothing
    what_is_missing_is_done_once
    flows_of_now_judge_what_was_before_them
    a_missing_later_step_is_found
    what_failed_is_done_when_it_can_be
    everything_is_done_again_when_it_is_said_out_loud
    a_replay_is_narrowed_down
    a_stopped_replay_goes_on
    what_is_on_its_way_is_not_missing
}

const EMAIL: &str = "eva@example.cz";

const FLOWS: &str = r"
flows:
  buyers:
    on: order.paid
    from: eshop
    do:
      - crm.add_to_list:
          email: ${order.customer.email}
          list: Buyers
          create_list: true
          legal_basis: contract
          note: Order ${order.number} of ${order.total.amount}
";

const SHOP: &str = r#"
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

fn quick() -> Request {
    Request { per_second: 1_000, ..Request::default() }
}

async fn a_replayed_webhook_says_what_it_said_then(stage: Stage) {
    let play = Play::begin(stage, FLOWS).await;
    let document = 300_100_210;
    play.tell(play.stage.notification(document)).await;
    play.quiet().await;
    let facts = all_facts(&play).await;
    assert!(!facts.is_empty());
    let (effects, calls) = (play.stage.anabix.effects(), play.stage.fapi.calls());
    assert!(!effects.is_empty() && calls > 0);

    let edit = json!({ "edit_invoice": { "id": document, "total": 999_999, "notes": "changed since" } });
    play.stage.fapi.command(&edit).expect("an edited document");
    let webhooks = play.webhooks("eshop").await;
    let whole = webhooks.iter().max_by_key(|webhook| webhook.replies.len()).expect("a webhook");
    let topic = play.operator.names.webhooks(&whole.connection);
    play.log().append(vec![whole.to_append(topic)]).await.unwrap();
    play.quiet().await;

    assert_eq!(play.webhooks("eshop").await.len(), webhooks.len() + 1, "it was read again and asks for nothing");
    assert_eq!(all_facts(&play).await, facts);
    assert_eq!(play.events("order.paid").await.len(), 2, "the same fact twice");
    assert_eq!(play.stage.fapi.calls(), calls);
    assert_eq!(play.stage.anabix.effects(), effects);
    play.end().await;
}

async fn all_facts(play: &Play) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for name in ["order.created", "order.updated", "order.paid", "invoice.issued", "invoice.paid", "payment.received"] {
        facts.extend(play.facts(name).await);
    }
    facts
}

async fn what_is_done_costs_nothing(stage: Stage) {
    let play = Play::begin(stage, FLOWS).await;
    play.tell(play.stage.notification(300_100_210)).await;
    play.quiet().await;
    let (effects, calls) = (play.stage.anabix.effects(), play.stage.fapi.calls());
    let edit = json!({ "edit_invoice": { "id": 300_100_210, "total": 999_999, "notes": "changed since" } });
    play.stage.fapi.command(&edit).expect("an edited document");

    let replay = play.replay(quick()).await;
    assert_eq!((replay.state, &replay.error), (State::Done, &None));
    let counts = &replay.counts;
    assert!(counts.webhooks >= 2, "the webhook and its reply: {counts:?}");
    assert!(counts.fetches.done >= 1, "{counts:?}");
    assert_eq!((counts.actions.done, counts.appended), (1, 0));
    assert_eq!((counts.actions.new, counts.fetches.new), (0, 0), "the stored reply was used: {counts:?}");
    play.quiet().await;
    assert_eq!((play.stage.anabix.effects(), play.stage.fapi.calls()), (effects, calls));

    let listed = play.app.replayer().list().await.unwrap();
    assert_eq!(listed.iter().map(|replay| (&replay.id, replay.state)).collect::<Vec<_>>(), [(&replay.id, State::Done)]);
    play.end().await;
}

async fn what_is_missing_is_done_once(stage: Stage) {
    let play = Play::begin(stage, SHOP).await;
    let order = stage::paid_order(7, EMAIL, play.moment(0));
    for topic in ["order.created", "order.updated"] {
        play.order(topic, &order).await;
    }
    play.quiet().await;
    play.forget("crm", |key| ["a/", "r/"].iter().any(|prefix| key.starts_with(prefix))).await;

    let counted = play.count(quick()).await;
    assert_eq!((counted.counts.actions.new, counted.counts.actions.chosen, counted.counts.appended), (1, 1, 0));
    assert_eq!(counted.counts.chosen, [("buyers: crm.add_to_list".to_owned(), 1)].into());
    assert!(play.app.replayer().list().await.unwrap().is_empty(), "counting leaves no trace");
    let live = play.actions("crm").await;

    let replay = play.replay(quick()).await;
    assert_eq!((replay.counts.actions.new, replay.counts.appended), (1, 1));
    play.quiet().await;
    let bulk = play.bulk("crm").await;
    assert_eq!(
        bulk.iter().map(|action| &action.id).collect::<Vec<_>>(),
        live.iter().map(|action| &action.id).collect::<Vec<_>>()
    );
    assert_eq!((bulk[0].origin.kind, &bulk[0].origin.run), (OriginKind::Replay, &replay.id));
    assert_eq!(play.actions("crm").await, live, "the live topic is left alone");
    assert_eq!(play.replay(quick()).await.counts.actions.done, 1, "now it is known");
    assert_eq!(play.lists_of(EMAIL), ["Buyers"]);
    play.end().await;
}

async fn flows_of_now_judge_what_was_before_them(stage: Stage) {
    let play = Play::begin(stage, "flows: {}").await;
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    let play = play.begin_again(SHOP).await;

    let recorded = play.count(quick()).await;
    assert_eq!(recorded.counts.actions.new, 0);
    assert_eq!(recorded.counts.skipped["buyers"], [("before-flow".to_owned(), 1)].into(), "{recorded:?}");

    let present = Request { as_of: AsOf::Present, ..quick() };
    assert_eq!(play.count(present.clone()).await.counts.actions.new, 1);
    assert_eq!(play.replay(present.clone()).await.counts.appended, 1);
    play.quiet().await;
    assert_eq!(play.lists_of(EMAIL), ["Buyers"]);
    assert_eq!(play.replay(present).await.counts.actions.done, 1);
    assert_eq!(Stage::effects(&play.stage.anabix, "lists_managed").len(), 1);
    play.end().await;
}

const STEPS: &str = r#"
flows:
  buyer:
    on: order.paid
    from: shop
    do:
      - crm.upsert_contact: { email: "${order.customer.email}", legal_basis: contract }
        name: contact
      - news.update_subscriber:
          email: ${order.customer.email}
          fields: { city: "contact ${steps.contact.contact_id}" }
"#;

async fn a_missing_later_step_is_found(stage: Stage) {
    let play = Play::begin(stage, STEPS).await;
    play.subscribe(EMAIL);
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    play.forget("news", |key| key.starts_with("a/")).await;

    for begin in [Begin::Webhooks, Begin::Events, Begin::Actions] {
        let counted = play.count(Request { begin, ..quick() }).await;
        let tally = counted.counts.actions;
        assert_eq!((tally.done, tally.new), (1, 1), "from {begin:?}: {counted:?}");
    }
    assert_eq!(play.replay(quick()).await.counts.appended, 1);
    play.quiet().await;
    let bulk = play.bulk("news").await;
    assert_eq!((bulk.len(), bulk[0].id.clone()), (1, play.actions("news").await[0].id.clone()));
    let contact = text(&play.contacts(EMAIL)[0]["idContact"]);
    assert_eq!(text(&play.subscribers(EMAIL)[0]["city"]), format!("contact {contact}"), "with the first step's result");
    assert_eq!(play.count(quick()).await.counts.actions.done, 2);
    play.end().await;
}

const UNMADE: &str = r#"
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Unmade, legal_basis: contract }
"#;

async fn what_failed_is_done_when_it_can_be(stage: Stage) {
    let play = Play::begin(stage, UNMADE).await;
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    assert_eq!(play.dead().await.len(), 1);
    let missing = play.replay(quick()).await;
    assert_eq!((missing.counts.actions.failed, missing.counts.appended), (1, 0), "what failed is not missing");

    let failed = Request { mode: Mode::Failed, ..quick() };
    assert_eq!(play.replay(failed.clone()).await.counts.appended, 1);
    play.quiet().await;
    assert_eq!(play.dead().await.len(), 1, "it died again");
    play.stage.anabix.command(&json!({ "add_list": "Unmade" })).expect("a list");
    assert_eq!(play.replay(failed.clone()).await.counts.appended, 1);
    play.quiet().await;
    assert_eq!((play.lists_of(EMAIL), play.dead().await.len()), (vec!["Unmade".to_owned()], 0));
    let counts = play.replay(failed).await.counts;
    assert_eq!((counts.actions.done, counts.appended), (1, 0));
    play.end().await;
}

const NOTES: &str = r#"
flows:
  notes:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Notes, create_list: true, legal_basis: contract, note: Paid }
"#;

async fn everything_is_done_again_when_it_is_said_out_loud(stage: Stage) {
    let play = Play::begin(stage, NOTES).await;
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    let all = Request { mode: Mode::All, ..quick() };
    let counted = play.count(all.clone()).await;
    assert_eq!((counted.counts.actions.done, counted.counts.actions.chosen), (1, 1), "{counted:?}");
    let replay = play.replay(all).await;
    play.quiet().await;
    let (live, bulk) = (play.actions("crm").await, play.bulk("crm").await);
    assert_eq!((live.len(), bulk.len()), (1, 1));
    assert_ne!(live[0].id, bulk[0].id);
    assert_eq!((bulk[0].origin.kind, &bulk[0].origin.run), (OriginKind::Repeat, &replay.id));
    assert_eq!(play.ended("crm", "done") + play.ended("crm", "unchanged"), 2);
    play.end().await;
}

async fn a_replay_is_narrowed_down(stage: Stage) {
    let play = Play::begin(stage, SHOP).await;
    for (id, email) in [(7, EMAIL), (8, "adam@example.cz")] {
        let order = stage::paid_order(id, email, play.moment(0));
        play.order("order.created", &super::numbered(order, &format!("2025-{id}"))).await;
    }
    play.quiet().await;
    let paid = play.events("order.paid").await;
    let first = paid.iter().find(|event| event.subject == "7").unwrap();
    let entities = [first.id.as_str(), first.webhook.as_str(), first.entity.as_str(), "7", "2025-7"];
    for entity in entities {
        let counted = play.count(Request { entity: Some(entity.to_owned()), ..quick() }).await;
        assert_eq!(counted.counts.actions.done, 1, "{entity}");
    }
    let done = async |request: Request| play.count(request).await.counts.actions.done;
    assert_eq!(done(quick()).await, 2);
    assert_eq!(done(Request { event_type: Some("order.created".to_owned()), ..quick() }).await, 0);
    assert_eq!(done(Request { event_type: Some("order.paid".to_owned()), ..quick() }).await, 2);
    assert_eq!(done(Request { flow: Some("others".to_owned()), ..quick() }).await, 0);
    assert_eq!(done(Request { connection: Some(named("eshop")), ..quick() }).await, 0);
    assert_eq!(done(Request { connection: Some(named("shop")), ..quick() }).await, 2);
    assert_eq!(done(Request { since: Some(play.moment(3600)), ..quick() }).await, 0);
    assert_eq!(done(Request { until: Some(first.arrived), ..quick() }).await, 0, "the end is not included");
    assert_eq!(done(Request { since: Some(first.arrived), ..quick() }).await, 2, "the beginning is");
    let refused = play.app.replayer().begin(Request { connection: Some(named("nobody")), ..quick() }, true).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("no connection `nobody`")));
    play.end().await;
}

async fn a_stopped_replay_goes_on(stage: Stage) {
    let play = Play::begin(stage, SHOP).await;
    for id in 0..4 {
        play.order("order.created", &stage::paid_order(id + 1, &format!("b{id}@example.cz"), play.moment(0))).await;
    }
    play.quiet().await;
    play.forget("crm", |key| ["a/", "r/"].iter().any(|prefix| key.starts_with(prefix))).await;

    let replayer = play.app.replayer();
    let begun = replayer.begin(Request { per_second: 1, ..Request::default() }, false).await.unwrap();
    let mut seen: Option<Replay> = None;
    while seen.as_ref().is_none_or(|replay| replay.counts.appended == 0) {
        seen = Some(replayer.show(&begun.id).await.unwrap());
        tokio::task::yield_now().await;
    }
    assert!(replayer.resume(&begun.id).await.is_err(), "it runs: only one runner");
    replayer.stop(&begun.id).await.unwrap();
    let stopped = play.replayed(&begun.id).await;
    assert_eq!(stopped.state, State::Stopped);
    assert!(stopped.counts.appended < 4, "{stopped:?}");

    // Another process takes it up.
    let play = play.begin_again(SHOP).await;
    assert_eq!(play.app.replayer().show(&begun.id).await.unwrap().state, State::Stopped);
    play.app.replayer().resume(&begun.id).await.unwrap();
    let done = play.replayed(&begun.id).await;
    assert_eq!(done.state, State::Done);
    assert!(play.app.replayer().resume(&begun.id).await.is_err(), "it is done");
    play.quiet().await;
    assert_eq!(play.count(quick()).await.counts.actions.done, 4);
    let ids: BTreeSet<_> = play.bulk("crm").await.into_iter().map(|action| action.id).collect();
    assert_eq!(ids.len(), 4);
    play.end().await;
}

/// What stands in a lane's topic is not known to memory yet, and not missing all the same.
async fn what_is_on_its_way_is_not_missing(stage: Stage) {
    let play = Play::begin(stage, SHOP).await;
    play.stage.anabix.fault(Fault::new(FaultKind::Status { status: 503, retry_after_seconds: None }));
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    eventually("it was tried", || play.counted("spojka_attempts_total", &[("connection", "crm")]) > 0).await;
    let counted = play.count(quick()).await;
    assert_eq!((counted.counts.actions.waiting, counted.counts.actions.new), (1, 0), "{counted:?}");
    play.stage.anabix.clear_faults();
    play.quiet().await;
    assert_eq!(play.count(quick()).await.counts.actions.done, 1);
    play.end().await;
}
