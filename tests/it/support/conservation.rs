//! The sender's side of the conservation checker: a list of what was acknowledged, and the checker's judgement over it.

use std::{collections::BTreeSet, fs, process::Command};

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use spojka::model::{hash::hex, http::Request};

use super::{
    stage::{self, Stage, text},
    vendor::Vendor,
};

/// Everything that a shop's order leads to, and the same again from two directions: two flows that record one order, and a
/// step that needs another vendor's result.
pub(crate) const FLOWS: &str = r#"
flows:
  buyer-to-crm:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list:
          email: ${order.customer.email}
          first_name: ${order.customer.first_name}
          list: Buyers
          create_list: true
          legal_basis: contract
  buyer-to-newsletter:
    on: order.paid
    from: shop
    do:
      - news.subscribe: { email: "${order.customer.email}" }
        name: subscription
      - crm.add_to_list:
          email: ${order.customer.email}
          list: FAPI
          legal_basis: contract
          note: "Subscribed: ${steps.subscription.already}"
  order-to-newsletter:
    on: order.paid
    from: shop
    do:
      - news.record_order: { order: "${order}" }
      - news.mark_paid: { order_reference: "${order.number}", paid_on: "${order.paid_at}" }
  order-again:
    on: order.created
    from: shop
    do:
      - news.record_order: { order: "${order}" }
  big-order:
    on: order.paid
    from: shop
    when: order.number == "0"
    do:
      - news.subscribe: { email: big@example.cz }
  invoice-to-crm:
    on: invoice.paid
    from: eshop
    do:
      - crm.upsert_contact: { email: "${invoice.customer.email}", legal_basis: contract }
"#;

/// Who sends webhooks, and keeps a list of what was acknowledged.
#[derive(Default)]
pub(crate) struct Sender {
    lines: Vec<Value>,
    /// Numbers of the orders that were acknowledged.
    pub orders: Vec<u64>,
    next_order: u64,
}

impl Sender {
    /// Sends the next order, paid. Answers whether it was acknowledged.
    pub async fn order(&mut self, stage: &Stage, gateway: std::net::SocketAddr) -> bool {
        self.next_order += 1;
        let id = 1_000 + self.next_order;
        let order = stage::paid_order(id, &email(id), stage.clock.now());
        let sent =
            self.send(stage, gateway, "shop", &id.to_string(), Stage::order_webhook("order.created", &order)).await;
        if sent {
            self.orders.push(id);
        }
        sent
    }

    /// Sends any webhook. Answers whether it was acknowledged.
    pub async fn send(
        &mut self,
        stage: &Stage,
        gateway: std::net::SocketAddr,
        connection: &str,
        mark: &str,
        request: Request,
    ) -> bool {
        let sha256 = hex(&Sha256::digest(&request.body));
        let reply = stage.send(gateway, request).await;
        let acknowledged = reply.is_some_and(|reply| reply.is_success());
        if acknowledged {
            let at = stage.clock.now().to_string();
            self.lines.push(json!({ "connection": connection, "mark": mark, "at": at, "sha256": sha256 }));
        }
        acknowledged
    }

    pub fn acknowledged(&self) -> usize {
        self.lines.len()
    }
}

/// The buyer of an order.
pub(crate) fn email(order: u64) -> String {
    format!("buyer{order}@example.cz")
}

/// The acknowledged orders of which the vendors do not show everything yet.
pub(crate) fn unfinished(stage: &Stage, orders: &[u64]) -> Vec<u64> {
    let effects = |server: &Vendor, wanted: &str| -> BTreeSet<String> {
        let effects = server.effects().into_iter().filter(|effect| effect["effect"] == wanted);
        effects.map(|effect| text(&effect["object"])).collect()
    };
    let [subscribed, invoiced] = ["subscribe", "invoice"].map(|wanted| effects(&stage.newsletter, wanted));
    let [noted] = ["activity_created"].map(|wanted| effects(&stage.anabix, wanted));
    let listed: BTreeSet<String> = stage::values(&stage.anabix.state()["contacts"])
        .iter()
        .filter(|contact| stage::values(&contact["lists"]).len() >= 2)
        .map(|contact| text(&contact["email"]))
        .collect();
    let is_finished = |order: &&u64| {
        let email = email(**order);
        subscribed.contains(&format!("subscriber:{email}"))
            && invoiced.contains(&format!("order:{order}"))
            && noted.contains(&format!("contact:{email}"))
            && listed.contains(&email)
    };
    orders.iter().filter(|order| !is_finished(order)).copied().collect()
}

/// What the checker says.
pub(crate) struct Judgement {
    pub clean: bool,
    /// The kinds of violations.
    pub wrongs: BTreeSet<String>,
    /// All of it, for people.
    pub text: String,
}

impl Judgement {
    /// Nothing is wrong but that it takes longer.
    pub fn is_unfinished(&self) -> bool {
        self.wrongs.iter().all(|wrong| wrong == "unfinished") && !self.clean
    }
}

#[derive(Deserialize)]
struct Report {
    violations: Vec<Violation>,
}

#[derive(Deserialize)]
struct Violation {
    wrong: String,
}

/// Has the checker judge an installation that is stopped.
pub(crate) fn judge(stage: &Stage, sender: &Sender, finished: bool) -> Judgement {
    let folder = stage.folder.path();
    let lines: Vec<String> = sender.lines.iter().map(Value::to_string).collect();
    fs::write(folder.join("sent.jsonl"), lines.join("\n")).expect("the list is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_spojka-conservation"));
    command.envs(stage::secrets()).arg("--json");
    command.arg("--config").arg(folder.join("config")).arg("--sent").arg(folder.join("sent.jsonl"));
    for (connection, server) in [("crm", &stage.anabix), ("news", &stage.newsletter), ("eshop", &stage.fapi)] {
        let file = folder.join(format!("{connection}.json"));
        fs::write(&file, Value::from(server.effects()).to_string()).expect("the effects are written");
        command.arg("--effects").arg(format!("{connection}={}", file.display()));
    }
    if finished {
        command.arg("--finished");
    }
    let output = command.output().expect("the checker runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let Ok(report) = serde_json::from_str::<Report>(&out) else {
        panic!("the checker cannot judge: {}\n{out}{error}", output.status)
    };
    let wrongs: BTreeSet<_> = report.violations.into_iter().map(|violation| violation.wrong).collect();
    assert_eq!(output.status.success(), wrongs.is_empty(), "its exit code says what it found");
    Judgement { clean: wrongs.is_empty(), wrongs, text: out.into_owned() }
}
