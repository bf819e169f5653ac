//! Backtests over an embedded log that holds a few events, in this thread: so that one can be stopped before it begins.

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::{
    config::FixedEnvironment,
    model::{
        connection::ConnectionName,
        id::{Identity, WebhookId},
        random::Generator,
        time::{Clock, ManualClock, Since, Timestamp, version_of},
    },
    runtime::{ids_of, open_log, operator_of},
    topics::{
        body::{Body, v1::Order},
        event::{Event, ORDER_PAID, Origin, OriginKind},
    },
};

const CONFIG: &str = r#"
connections:
  shop: { woocommerce: { secret: env:SECRET } }
  crm:
    anabix: { user: shop, token: env:SECRET }
    delivery: { limits: { tight: { calls: 2, window: month, time_zone: UTC, price: { block: 1, amount: 10, currency: HUF } } } }
flows:
  buyers: { on: order.paid, from: shop, do: [ { crm.add_to_list: { email: "b@example.cz", list: Buyers, legal_basis: contract } } ] }
"#;

struct Play {
    backtester: Backtester,
    clock: Arc<ManualClock>,
    ground: Ground,
    _folder: tempfile::TempDir,
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn files(text: &str) -> Vec<(String, String)> {
    vec![("a.yaml".to_owned(), text.to_owned())]
}

async fn play() -> Play {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = BTreeMap::from([("SECRET".to_owned(), "s".to_owned())]);
    let environment = FixedEnvironment { variables, ..FixedEnvironment::default() };
    let config = config::load_texts(&files(CONFIG), folder.path(), &environment, VENDORS, Mode::Resolve);
    let config = Arc::new(config.expect("a right config"));
    let manual = Arc::new(ManualClock::new(at("2025-11-09T12:00:00Z")));
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&manual);
    let log = open_log(&config, Arc::clone(&clock)).expect("a log");
    let random = Arc::new(Generator::from_system());
    let ids = ids_of(&config, random.as_ref()).expect("a key");
    let operator = operator_of(&config, &log, Arc::clone(&clock));
    log.create_topics(&operator.specs()).await.expect("topics");
    let ground = Ground::new(&config, log, ids, clock, random);
    let backtester = Backtester::new(config, ground.clone(), operator);
    Play { backtester, clock: manual, ground, _folder: folder }
}

impl Play {
    async fn record(&self, id: &str, arrived: &str, kind: OriginKind) {
        let (shop, arrived) = (ConnectionName::parse("shop").expect("a name"), at(arrived));
        let event = Event {
            id: self.ground.ids.event(&shop, "order", id, ORDER_PAID.name, &Identity::Once),
            event_type: ORDER_PAID,
            entity: self.ground.ids.entity(&shop, "order", id),
            connection: shop,
            subject: id.to_owned(),
            since: Since::stated(arrived, arrived),
            version: version_of(arrived),
            arrived,
            webhook: WebhookId::from_text("w-1"),
            origin: Origin::of_run(kind, ""),
            traceparent: None,
            body: Body::Order(Box::new(Order { id: id.to_owned(), ..Order::default() })),
        };
        let topic = self.ground.names.events(Entity::Order);
        self.ground.log.append(vec![event.to_append(topic)]).await.expect("it is written");
    }

    async fn ended(&self, id: &str) -> Backtest {
        loop {
            let it = self.backtester.show(id).expect("it is known");
            if it.state != State::Running {
                return it;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn calls_are_counted_in_the_account_s_windows_and_priced() {
    let play = play().await;
    for (id, arrived) in [("1", "2025-10-31T23:59:59Z"), ("2", "2025-11-01T00:00:00Z"), ("3", "2025-11-02T00:00:00Z")] {
        play.record(id, arrived, OriginKind::Live).await;
    }
    play.record("4", "2025-11-03T00:00:00Z", OriginKind::Import).await;
    let begun = play.backtester.begin(&files(CONFIG), Request::default()).await.expect("it begins");
    let it = play.ended(&begun.id).await;
    assert_eq!((it.state, it.read.events, it.present), (State::Done, 3, None), "{:?}", it.error);
    assert_eq!(it.read.left_out, [("a row of an import".to_owned(), 1)].into());
    let [crm] = it.found.calls.as_slice() else { panic!("one connection: {:?}", it.found.calls) };
    let each = crate::connectors::find("anabix").and_then(|vendor| {
        vendor.operations.iter().find(|operation| operation.name == "add_to_list").map(|operation| operation.calls)
    });
    let each = u64::from(each.expect("an operation"));
    assert_eq!((crm.actions.proposed, crm.calls.proposed, crm.calls.present), (3, 3 * each, 0));
    let tight = crm.quotas.iter().find(|quota| quota.limit == "tight").expect("the owner's quota");
    let windows: Vec<_> = tight.windows.iter().map(|(name, pair)| (name.as_str(), pair.proposed)).collect();
    assert_eq!(windows, [("2025-10", each), ("2025-11", 2 * each)]);
    let paid: u64 = [each, 2 * each].iter().map(|calls| calls.saturating_sub(2) * 10).sum();
    let cost = tight.cost.as_ref().expect("a price");
    assert_eq!((cost.proposed.as_str(), cost.present.as_str()), (paid.to_string().as_str(), "0"));
    assert_eq!(tight.peak(), 2 * each);
}

#[tokio::test]
async fn a_stop_ends_it_with_what_was_found() {
    let play = play().await;
    for id in 0..300 {
        play.record(&id.to_string(), "2025-11-01T00:00:00Z", OriginKind::Live).await;
    }
    let begun = play.backtester.begin(&files(CONFIG), Request::default()).await.expect("it begins");
    play.backtester.stop(&begun.id).expect("it is told");
    let it = play.ended(&begun.id).await;
    assert_eq!((it.state, &it.error), (State::Stopped, &None));
    assert!((1..300).contains(&it.read.events), "{:?}", it.read);
    assert_eq!(it.found.steps[0].counts.new, it.read.events);
    assert_eq!(it.found.steps[0].samples.len(), 3);
}

#[tokio::test]
async fn one_that_nobody_asks_about_ends_by_itself() {
    let play = play().await;
    for id in 0..300 {
        play.record(&id.to_string(), "2025-11-01T00:00:00Z", OriginKind::Live).await;
    }
    let begun = play.backtester.begin(&files(CONFIG), Request::default()).await.expect("it begins");
    play.clock.advance(Duration::from_mins(2));
    let mut watched = play.backtester.jobs().known[&begun.id].progress.clone();
    watched.wait_for(|it| it.state != State::Running).await.expect("it ends");
    assert_eq!(watched.borrow().state, State::Stopped);
    let next = play.backtester.begin(&files(CONFIG), Request::default()).await.expect("it begins");
    assert!(play.backtester.show(&begun.id).is_err(), "its samples are content: the next one forgets it");
    assert_eq!(play.ended(&next.id).await.read.events, 300);
}
