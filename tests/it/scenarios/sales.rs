//! Sales at the invoicing vendor: notifications that prove nothing by themselves, documents that belong together.

use serde_json::json;

use super::{Play, scenarios};
use crate::support::stage::{Stage, text};

scenarios! {
    a_wrong_digest_is_looked_at_twice_and_then_dead
    a_pro_forma_and_its_invoice_are_one_sale
    instalments_are_paid_with_the_last
}

const BUYERS: &str = r#"
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
          note: Order ${order.id}
"#;

async fn a_wrong_digest_is_looked_at_twice_and_then_dead(stage: Stage) {
    let play = Play::begin(stage, BUYERS).await;
    let mut forged = play.stage.notification(300_100_210);
    let body = String::from_utf8(forged.body.to_vec()).unwrap();
    let (unsigned, _) = body.split_once("security=").expect("a digest");
    forged.body = format!("{unsigned}security={}", "0".repeat(40)).into();
    play.tell(forged).await;
    play.quiet().await;
    let dead = play.dead().await;
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!((dead[0].kind.as_str(), dead[0].code.as_str()), ("webhook", "unverified"));
    let looks: Vec<_> = play.webhooks("eshop").await.into_iter().max_by_key(|it| it.replies.len()).unwrap().replies;
    assert_eq!(looks.len(), 2, "it is read twice");
    assert!(looks[1].at.duration_since(looks[0].at).as_secs() >= 5, "five seconds apart");
    assert!(play.facts("order.paid").await.is_empty());
    play.end().await;
}

async fn a_pro_forma_and_its_invoice_are_one_sale(stage: Stage) {
    let play = Play::begin(stage, BUYERS).await;
    for document in [300_100_220, 300_100_221] {
        play.tell(play.stage.notification(document)).await;
        play.quiet().await;
    }
    assert_eq!(play.facts("invoice.paid").await.len(), 2);
    assert_eq!(play.facts("payment.received").await.len(), 1, "the money came once");
    paid_once(&play).await;
    play.end().await;
}

async fn instalments_are_paid_with_the_last(stage: Stage) {
    let stage = stage.saying("poll_every: 0s", "poll_every: 0s, paid_when: all");
    let play = Play::begin(stage, BUYERS).await;
    for (instalment, pay) in [(300_100_230, false), (300_100_231, true), (300_100_232, true)] {
        assert!(play.facts("order.paid").await.is_empty());
        if pay {
            play.stage.fapi.command(&json!({ "pay_invoice": instalment })).expect("paid");
        }
        play.tell(play.stage.notification(instalment)).await;
        play.quiet().await;
    }
    assert_eq!(play.facts("payment.received").await.len(), 3);
    paid_once(&play).await;
    play.end().await;
}

async fn paid_once(play: &Play) {
    assert_eq!(play.facts("order.paid").await.len(), 1);
    assert_eq!((play.actions("crm").await.len(), play.ended("crm", "done")), (1, 1));
    assert_eq!(Stage::effects(&play.stage.anabix, "activity_created").len(), 1);
    let email = text(&play.actions("crm").await[0].parameters["email"]);
    assert_eq!(play.lists_of(&email), ["Buyers"]);
    assert_eq!(play.dead().await.len(), 0);
}
