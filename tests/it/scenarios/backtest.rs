//! Other flows beside the present ones, over what was recorded.

use spojka::{
    runtime::backtest::report::{Backtest, Change, Counts, Difference, Findings, Pair, Request, StepRow},
    topics::replay::{AsOf, State},
};

use super::{
    Play,
    play::{named, sums},
};
use crate::support::stage::{self, Stage};

super::scenarios! {
    what_differs_is_counted_and_sampled
    later_steps_follow_from_what_memory_holds
    a_backtest_is_narrowed_down
    what_fails_and_what_is_left_out_is_told
    flows_of_then_are_the_other_side
}

const EMAIL: &str = "eva@example.cz";

const PRESENT: &str = r#"
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
  notes:
    on: order.paid
    from: shop
    do:
      - crm.upsert_contact: { email: "${order.customer.email}", legal_basis: contract }
"#;

const PROPOSED: &str = r#"
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Customers, create_list: true, legal_basis: contract }
  orders:
    on: order.created
    from: shop
    when: order.number != "8"
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Orders, create_list: true, legal_basis: contract }
"#;

/// Two orders, told twice, under the present flows.
async fn after_two_orders(stage: Stage, flows: &str) -> Play {
    let play = Play::begin(stage, flows).await;
    for (id, email) in [(7, EMAIL), (8, "adam@example.cz")] {
        let order = stage::paid_order(id, email, play.moment(0));
        play.order("order.created", &order).await;
        play.order("order.updated", &order).await;
    }
    play.quiet().await;
    play
}

async fn backtest(play: &Play, flows: &str, request: Request) -> Backtest {
    let files = [("service.yaml".to_owned(), play.stage.service()), ("flows.yaml".to_owned(), flows.to_owned())];
    let backtester = play.app.backtester();
    let mut it = backtester.begin(&files, request).await.unwrap();
    while it.state == State::Running {
        tokio::task::yield_now().await;
        it = backtester.show(&it.id).unwrap();
    }
    assert_eq!((it.state, &it.error), (State::Done, &None));
    it
}

fn step<'a>(found: &'a Findings, flow: &str) -> &'a StepRow {
    found.steps.iter().find(|step| step.flow == flow).unwrap_or_else(|| panic!("no flow `{flow}` in {found:?}"))
}

async fn what_differs_is_counted_and_sampled(stage: Stage) {
    let play = after_two_orders(stage, PRESENT).await;
    let before = sums(&play).await;
    let it = backtest(&play, PROPOSED, Request { samples: 1, ..Request::default() }).await;
    let found = &it.found;
    let none = Counts::default();
    assert_eq!(step(found, "buyers").counts, Counts { changed: 2, ..none }, "a fact counts once: {found:?}");
    assert_eq!(step(found, "notes").counts, Counts { gone: 2, ..none });
    assert_eq!(step(found, "orders").counts, Counts { new: 1, ..none });
    assert_eq!(step(found, "buyers").parameters, [("list".to_owned(), 2)].into());
    let samples = &step(found, "buyers").samples;
    let change = Change { parameter: "list".to_owned(), from: Some("Buyers".into()), to: Some("Customers".into()) };
    assert_eq!((samples.len(), samples[0].kind, &samples[0].changes), (1, Difference::Changed, &vec![change]));
    assert_eq!(step(found, "orders").samples[0].subject, "7");
    let skipped: Vec<_> = found.skipped.iter().map(|row| (row.flow.as_str(), row.why.as_str(), row.of)).collect();
    assert_eq!(skipped, [("orders", "condition", Pair { present: 0, proposed: 1 })]);
    assert!(it.read.left_out["told again"] >= 2, "{:?}", it.read);
    let crm = found.calls.iter().find(|row| row.connection == named("crm")).unwrap();
    assert_eq!(crm.actions, Pair { present: 4, proposed: 3 });
    assert!(crm.calls.proposed >= 3, "{crm:?}");
    assert_eq!(sums(&play).await, before, "nothing was written");

    let same = backtest(&play, PRESENT, Request::default()).await;
    assert_eq!((same.present.as_ref(), same.found.differs()), (Some(&same.proposed), false), "{same:?}");
    assert_eq!(step(&same.found, "buyers").counts, Counts { same: 2, ..none });
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

async fn later_steps_follow_from_what_memory_holds(stage: Stage) {
    let play = Play::begin(stage, STEPS).await;
    play.subscribe(EMAIL);
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    let proposed = STEPS.replace("contact ${", "number ${");
    let it = backtest(&play, &proposed, Request::default()).await;
    let later = it.found.steps.iter().find(|step| step.connection == named("news")).unwrap();
    assert_eq!(later.counts, Counts { changed: 1, ..Counts::default() }, "{it:?}");
    let contact = stage::text(&play.contacts(EMAIL)[0]["idContact"]);
    assert_eq!(later.samples[0].changes[0].to, Some(serde_json::json!({ "city": format!("number {contact}") })));
    assert!(it.found.depends.is_empty());

    // Another first step: of its end nothing is recorded.
    let renamed = proposed.replace("name: contact", "name: person").replace("steps.contact", "steps.person");
    let it = backtest(&play, &renamed, Request::default()).await;
    let depends: Vec<_> = it.found.depends.iter().map(|row| (row.on.as_str(), row.of)).collect();
    assert_eq!(depends, [("person", Pair { present: 0, proposed: 1 })], "{it:?}");
    let later = it.found.steps.iter().find(|step| step.connection == named("news")).unwrap();
    assert_eq!(later.counts, Counts { gone: 1, ..Counts::default() });
    play.end().await;
}

async fn a_backtest_is_narrowed_down(stage: Stage) {
    let play = after_two_orders(stage, PRESENT).await;
    let changed = async |request: Request| {
        let it = backtest(&play, PROPOSED, request).await;
        it.found.steps.iter().map(|step| step.counts.changed + step.counts.new + step.counts.gone).sum::<u64>()
    };
    assert_eq!(changed(Request::default()).await, 5);
    assert_eq!(changed(Request { flow: Some("buyers".to_owned()), ..Request::default() }).await, 2);
    assert_eq!(changed(Request { event_type: Some("order.created".to_owned()), ..Request::default() }).await, 1);
    assert_eq!(changed(Request { connection: Some(named("eshop")), ..Request::default() }).await, 0);
    assert_eq!(changed(Request { connection: Some(named("shop")), ..Request::default() }).await, 5);
    assert_eq!(changed(Request { since: Some(play.moment(3600)), ..Request::default() }).await, 0);
    let first = play.events("order.paid").await.iter().map(|event| event.arrived).min().unwrap();
    assert_eq!(changed(Request { until: Some(first), ..Request::default() }).await, 0, "the end is not included");
    assert_eq!(changed(Request { since: Some(first), ..Request::default() }).await, 5, "the beginning is");

    let refused = async |flows: &str, request: Request| {
        let files = [("service.yaml".to_owned(), play.stage.service()), ("flows.yaml".to_owned(), flows.to_owned())];
        play.app.backtester().begin(&files, request).await.expect_err("refused").to_string()
    };
    let nobody = refused(PROPOSED, Request { flow: Some("nobody".to_owned()), ..Request::default() }).await;
    assert!(nobody.contains("no flow `nobody`"), "{nobody}");
    let broken = refused(&PROPOSED.replace("order.paid", "order.payed"), Request::default()).await;
    assert!(broken.contains("did you mean `order.paid`?"), "{broken}");
    play.end().await;
}

async fn what_fails_and_what_is_left_out_is_told(stage: Stage) {
    let play = after_two_orders(stage, PRESENT).await;
    let proposed = PROPOSED.replace("list: Orders", "list: \"${order.note}\"");
    let it = backtest(&play, &proposed, Request::default()).await;
    let [failure] = it.found.failures.as_slice() else { panic!("one failure: {it:?}") };
    assert_eq!((failure.flow.as_str(), failure.field.as_deref()), ("orders", Some("list")));
    assert_eq!((failure.of, failure.code.as_str()), (Pair { present: 0, proposed: 1 }, "bad-parameter"));
    assert!(failure.event.starts_with("e-") && it.found.differs(), "{failure:?}");
    assert!(it.read.left_out["no flow is about it"] > 0, "order.updated: {:?}", it.read);
    play.end().await;
}

async fn flows_of_then_are_the_other_side(stage: Stage) {
    let play = after_two_orders(stage, PRESENT).await.begin_again(PROPOSED).await;
    let now = backtest(&play, PROPOSED, Request::default()).await;
    assert!(!now.found.differs(), "{now:?}");
    let then = backtest(&play, PROPOSED, Request { against: AsOf::Recorded, ..Request::default() }).await;
    assert_eq!(step(&then.found, "buyers").counts, Counts { changed: 2, ..Counts::default() }, "{then:?}");
    play.end().await;
}
