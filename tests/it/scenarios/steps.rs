//! Steps that need the results of others, on other connections.

use super::{Play, scenarios};
use crate::support::stage::{self, Stage, text};

scenarios! {
    a_step_uses_what_another_vendor_returned
    what_needs_a_refused_step_is_not_done
}

const EMAIL: &str = "eva@example.cz";

const RESULT: &str = r#"
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

async fn a_step_uses_what_another_vendor_returned(stage: Stage) {
    let play = Play::begin(stage, RESULT).await;
    play.subscribe(EMAIL);
    let order = stage::paid_order(7, EMAIL, play.moment(0));
    for topic in ["order.created", "order.updated"] {
        play.order(topic, &order).await;
    }
    play.quiet().await;
    let contact = &play.contacts(EMAIL)[0];
    let city = text(&play.subscribers(EMAIL)[0]["city"]);
    assert_eq!(city, format!("contact {}", text(&contact["idContact"])));
    assert_eq!(Stage::effects(&play.stage.newsletter, "update").len(), 1);
    assert_eq!((play.facts("step.done").await.len(), play.dead().await.len()), (1, 0));
    let webhook = play.events("order.paid").await[0].webhook.to_string();
    let story = play.operator.trace(&webhook).await.unwrap();
    for what in ["webhook", "event", "action", "outcome"] {
        assert!(story.iter().any(|line| line.what == what), "{what} in {story:?}");
    }
    play.end().await;
}

const REFUSAL: &str = r#"
flows:
  buyer:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: No such list, legal_basis: contract }
        name: contact
      - news.update_subscriber:
          email: ${order.customer.email}
          fields: { city: "contact ${steps.contact.contact_id}" }
      - news.subscribe: { email: independent@example.cz }
"#;

async fn what_needs_a_refused_step_is_not_done(stage: Stage) {
    let play = Play::begin(stage, REFUSAL).await;
    play.subscribe(EMAIL);
    play.order("order.created", &stage::paid_order(7, EMAIL, play.moment(0))).await;
    play.quiet().await;
    let dead = play.dead().await;
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(
        (dead[0].kind.as_str(), dead[0].code.as_str(), dead[0].connection.as_str()),
        ("action", "refused", "crm")
    );
    assert_eq!(play.facts("step.failed").await.len(), 1);
    assert_eq!(text(&play.subscribers(EMAIL)[0]["city"]), "");
    assert_eq!(play.actions("news").await.len(), 1, "only the one that needs nothing");
    assert_eq!(play.subscribers("independent@example.cz").len(), 1);
    play.end().await;
}
