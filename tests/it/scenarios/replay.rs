//! A stored webhook again: it carries what was fetched, so it says the same as then.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Play, scenarios};
use crate::support::stage::Stage;

scenarios! { a_replayed_webhook_says_what_it_said_then }

const FLOWS: &str = r#"
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
"#;

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
