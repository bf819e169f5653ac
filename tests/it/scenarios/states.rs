//! States: the newest wins, register by register, also within one second, also when it comes late.

use serde_json::{Value, json};

use super::{Play, scenarios};
use crate::support::stage::{self, Stage, text};

scenarios! {
    on_and_off_and_on_and_off_a_list
    there_and_back_again
    there_and_back_again_within_one_second
    a_late_snapshot_overwrites_nothing
    two_flows_write_two_fields_of_one_contact
}

const EMAIL: &str = "eva@example.cz";

const ON_AND_OFF: &str = r#"
flows:
  join:
    on: order.updated
    from: shop
    when: order.source_status == "on-hold"
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Waiting, create_list: true, legal_basis: contract }
  leave:
    on: order.updated
    from: shop
    when: order.source_status == "pending"
    do:
      - crm.remove_from_list: { email: "${order.customer.email}", list: Waiting }
"#;

async fn on_and_off_and_on_and_off_a_list(stage: Stage) {
    let play = Play::begin(stage, ON_AND_OFF).await;
    for (second, status) in (0..).zip(["on-hold", "pending", "on-hold", "pending"]) {
        play.order("order.updated", &stage::order(7, EMAIL, status, None, play.moment(second))).await;
    }
    play.quiet().await;
    assert_eq!(play.lists_of(EMAIL), Vec::<String>::new());
    let changes = Stage::effects(&play.stage.anabix, "lists_managed");
    assert_eq!(changes.len(), 4, "{changes:?}");
    assert_eq!((play.ended("crm", "done"), play.dead().await.len()), (4, 0));
    play.end().await;
}

const CITY: &str = r#"
flows:
  city:
    on: order.updated
    from: shop
    do:
      - news.update_subscriber:
          email: ${order.customer.email}
          fields: { city: "${order.customer.address.city}" }
"#;

fn moved_to(city: &str, order: Value) -> Value {
    let mut order = order;
    order["billing"]["city"] = city.into();
    order
}

fn city(play: &Play) -> String {
    text(&play.subscribers(EMAIL)[0]["city"])
}

async fn there_and_back_again(stage: Stage) {
    let play = Play::begin(stage, CITY).await;
    play.subscribe(EMAIL);
    for (second, city) in (0..).zip(["Brno", "Plzeň", "Brno"]) {
        let order = stage::order(7, EMAIL, "pending", None, play.moment(second * 2));
        play.order("order.updated", &moved_to(city, order)).await;
    }
    play.quiet().await;
    assert_eq!(city(&play), "Brno");
    assert_eq!(Stage::effects(&play.stage.newsletter, "update").len(), 3);
    play.end().await;
}

/// Changes of one second are told apart by their contents: what is told again to the byte is no news.
async fn there_and_back_again_within_one_second(stage: Stage) {
    let play = Play::begin(stage, CITY).await;
    play.subscribe(EMAIL);
    let at = play.moment(0);
    for (note, city) in [("", "Brno"), ("", "Plzeň"), ("moved back", "Brno")] {
        let mut order = moved_to(city, stage::order(7, EMAIL, "pending", None, at));
        order["customer_note"] = note.into();
        play.order("order.updated", &order).await;
    }
    play.quiet().await;
    assert_eq!(play.facts("order.updated").await.len(), 3);
    assert_eq!(city(&play), "Brno");
    assert_eq!(Stage::effects(&play.stage.newsletter, "update").len(), 3);
    play.end().await;
}

async fn a_late_snapshot_overwrites_nothing(stage: Stage) {
    let play = Play::begin(stage, CITY).await;
    play.subscribe(EMAIL);
    let (old, new) = (play.moment(-5), play.moment(0));
    let order = |city, at| moved_to(city, stage::order(7, EMAIL, "pending", None, at));
    play.order("order.updated", &order("Plzeň", new)).await;
    play.order("order.updated", &order("Brno", old)).await;
    play.quiet().await;
    assert_eq!(city(&play), "Plzeň");
    assert_eq!(Stage::effects(&play.stage.newsletter, "update").len(), 1);
    play.end().await;
}

const TWO_FIELDS: &str = r#"
flows:
  city:
    on: order.updated
    from: shop
    when: order.source_status == "on-hold"
    do:
      - news.update_subscriber:
          email: ${order.customer.email}
          fields: { city: "${order.customer.address.city}" }
  company:
    on: order.updated
    from: shop
    when: order.source_status == "pending"
    do:
      - news.update_subscriber: { email: "${order.customer.email}", company: "${order.customer.company}" }
"#;

async fn two_flows_write_two_fields_of_one_contact(stage: Stage) {
    let play = Play::begin(stage, TWO_FIELDS).await;
    play.subscribe(EMAIL);
    let (old, new) = (play.moment(0), play.moment(9));
    let mut newer = stage::order(7, EMAIL, "pending", None, new);
    newer["billing"]["company"] = json!("Malá s.r.o.");
    play.order("order.updated", &newer).await;
    play.order("order.updated", &moved_to("Brno", stage::order(7, EMAIL, "on-hold", None, old))).await;
    play.quiet().await;
    let subscriber = &play.subscribers(EMAIL)[0];
    assert_eq!((text(&subscriber["city"]), text(&subscriber["mssys_company"])), ("Brno".into(), "Malá s.r.o.".into()));
    play.end().await;
}
