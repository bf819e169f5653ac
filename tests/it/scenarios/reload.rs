//! Flows that change while events come: each event is judged by one version, and its actions say by which.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use futures_util::future::join_all;
use spojka::{
    model::id::{EventId, FlowSetHash},
    runtime::{backtest::report::Request, operator::versions::Version, reload::ReloadEnd},
    topics::action::Purpose,
};

use super::Play;
use crate::support::stage::{self, Stage, eventually};

super::scenarios! {
    under_load_every_event_is_judged_by_one_version
    what_is_wrong_is_refused_and_the_old_flows_go_on
}

const SENDERS: usize = 4;

fn flows(step: &str, list: &str) -> String {
    format!(
        r#"
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: {{ email: "${{order.customer.email}}", list: {list}, create_list: true, legal_basis: contract }}
        name: {step}
"#
    )
}

/// Which version made the actions of each event, and which step that was.
async fn made(play: &Play) -> BTreeMap<EventId, Vec<(FlowSetHash, String)>> {
    let mut made: BTreeMap<EventId, Vec<_>> = BTreeMap::new();
    for action in play.actions("crm").await {
        if let Purpose::Step { event, step, flow_set, .. } = action.purpose {
            made.entry(event).or_default().push((flow_set.expect("an action names its version"), step));
        }
    }
    made
}

async fn under_load_every_event_is_judged_by_one_version(stage: Stage) {
    let play = Play::begin(stage, &flows("first", "Old")).await;
    let before = play.operator.version(None).await.unwrap().hash;
    let (next, stop) = (AtomicU64::new(1), AtomicBool::new(false));
    let send = async |_: usize| {
        while !stop.load(Ordering::Relaxed) {
            let id = next.fetch_add(1, Ordering::Relaxed);
            // Some facts are younger than the second in which the vendor dates them, as ever.
            play.order("order.created", &stage::paid_order(id, &format!("b{id}@example.cz"), play.moment(0))).await;
        }
    };
    let change = async {
        eventually("some came before", || next.load(Ordering::Relaxed) > 20).await;
        play.stage.rewrite(&flows("second", "New"));
        let reloaded = play.app.reloader().unwrap().reload().await.unwrap();
        assert_eq!((reloaded.end, reloaded.flows, &reloaded.needs_restart), (ReloadEnd::Done, 1, &Vec::new()));
        let since = reloaded.since.unwrap();
        assert!(since > play.stage.clock.now(), "it lies ahead, so that every router has read it by then");
        eventually("it is in force", || play.stage.clock.now() >= since).await;
        let now = next.load(Ordering::Relaxed);
        eventually("some came behind", || next.load(Ordering::Relaxed) > now + 20).await;
        stop.store(true, Ordering::Relaxed);
        reloaded
    };
    let (_, reloaded) = tokio::join!(join_all((0..SENDERS).map(send)), change);
    play.quiet().await;

    let (after, since) = (reloaded.flow_set.unwrap(), reloaded.since.unwrap());
    let made = made(&play).await;
    let paid = play.events("order.paid").await;
    for event in &paid {
        let expected = if event.since.at < since { (&before, "first") } else { (&after, "second") };
        let [(judged_by, by_step)] = made[&event.id].as_slice() else { panic!("{:?}", made[&event.id]) };
        assert_eq!((judged_by, by_step.as_str()), expected, "true since {}, in force since {since}", event.since.at);
    }
    let used: BTreeSet<_> = made.values().flatten().map(|(version, _)| version).collect();
    assert_eq!(used, BTreeSet::from([&before, &after]));
    assert_eq!(made.len(), paid.iter().map(|event| &event.id).collect::<BTreeSet<_>>().len());

    let versions: Vec<Version> = play.operator.versions().await.unwrap();
    let told: Vec<_> = versions.iter().map(|version| (version.flow_set.as_str(), version.state.as_str())).collect();
    assert_eq!(told, [(before.as_str(), "past"), (after.as_str(), "in force")]);
    let old = play.operator.version(before.as_str().get(..12)).await.unwrap();
    assert!(old.files[0].1.contains("list: Old"), "old versions stay readable");
    let unchanged = play.app.reloader().unwrap().reload().await.unwrap();
    assert_eq!((unchanged.end, unchanged.flow_set), (ReloadEnd::Unchanged, Some(after)));
    play.end().await;
}

async fn what_is_wrong_is_refused_and_the_old_flows_go_on(stage: Stage) {
    let play = Play::begin(stage, &flows("first", "Old")).await;
    play.stage.rewrite(&flows("first", "New").replace("order.paid", "order.payed"));
    let reloaded = play.app.reloader().unwrap().reload().await.unwrap();
    let report = reloaded.report.unwrap();
    assert!(reloaded.end == ReloadEnd::Refused && report.contains("did you mean `order.paid`?"), "{report}");
    assert_eq!(play.counted("spojka_reloads_total", &[("result", "refused")]), 1);
    assert_eq!(play.operator.versions().await.unwrap().len(), 1, "nothing was written");
    play.order("order.created", &stage::paid_order(7, "eva@example.cz", play.moment(0))).await;
    play.quiet().await;
    assert_eq!(play.lists_of("eva@example.cz"), ["Old"]);

    // What is read again is what a backtest tries, too.
    let files = [("service.yaml".to_owned(), play.stage.service()), ("flows.yaml".to_owned(), flows("first", "New"))];
    assert!(play.app.backtester().begin(&files, Request::default()).await.is_ok());
    play.end().await;
}
