//! A vendor may say the same twice and mean it.

use serde_json::json;

use super::{Play, scenarios};
use crate::support::stage::{self, Stage};

scenarios! { deleted_restored_and_deleted_again_is_deleted_twice }

const FLOWS: &str = r#"
flows:
  deleted:
    on: order.deleted
    from: shop
    do:
      - crm.upsert_contact: { email: warehouse@example.cz, description: "Deleted: ${order.id}", legal_basis: contract }
"#;

async fn deleted_restored_and_deleted_again_is_deleted_twice(stage: Stage) {
    let play = Play::begin(stage, FLOWS).await;
    let deleted = json!({ "id": 7 });
    play.order("order.deleted", &deleted).await;
    play.order("order.updated", &stage::order(7, "eva@example.cz", "pending", None, play.moment(0))).await;
    play.order("order.deleted", &deleted).await;
    play.quiet().await;
    let webhooks = play.webhooks("shop").await;
    let same = webhooks.iter().filter(|webhook| &webhook.body[..] == deleted.to_string().as_bytes()).count();
    assert_eq!(same, 2, "byte for byte");
    assert_eq!(play.facts("order.deleted").await.len(), 2);
    assert_eq!(play.actions("crm").await.len(), 2);
    play.end().await;
}
