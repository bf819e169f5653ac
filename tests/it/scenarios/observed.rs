//! Every request that a real shop sent, through the whole process. The recordings are not part of the repository: where
//! they are not at hand, this says so.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use spojka::model::http::{Headers, Method, Request};

use super::{Play, scenarios};
use crate::support::{child, stage::Stage};

scenarios! { what_a_real_shop_sent_goes_all_the_way }

struct Recording {
    name: String,
    topic: String,
    secret: String,
    headers: Headers,
    body: Vec<u8>,
    parsed: Value,
}

fn recordings() -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/woocommerce/observed");
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| recording(path)).collect()
}

fn recording(path: &Path) -> Recording {
    let value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut headers: Headers = serde_json::from_value(value["headers"].clone()).unwrap();
    // What the client sets by itself, for this connection.
    let own = ["host", "connection", "content-length", "accept-encoding"];
    headers.0.retain(|(name, _)| !own.contains(&name.to_ascii_lowercase().as_str()));
    Recording {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        topic: text("kind"),
        secret: text("secret_as_stored"),
        headers,
        body: STANDARD.decode(text("body_base64")).unwrap(),
        parsed: value["body_parsed"].clone(),
    }
}

/// What must come of it: facts about an order, or the code by which it is counted.
fn expected(recording: &Recording) -> Result<Vec<&'static str>, &'static str> {
    if recording.topic == "ping" {
        return Err("ping");
    }
    if !recording.topic.starts_with("order.") {
        return Err("unwanted-topic");
    }
    let body = &recording.parsed;
    if body.get("code").is_some() && body.get("id").is_none() {
        return Err("source-error");
    }
    Ok(match body["status"].as_str() {
        None | Some("trash") => vec!["order.deleted"],
        Some("auto-draft") => vec!["order.updated"],
        Some("refunded") => vec!["order.created", "order.updated", "order.paid", "order.refunded", "payment.refunded"],
        Some("completed") => vec!["order.created", "order.updated", "order.paid", "order.completed"],
        Some(_) => vec!["order.created", "order.updated"],
    })
}

fn connections(recordings: &[Recording]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for recording in recordings {
        let name = format!("shop{}", names.len());
        names.entry(recording.secret.clone()).or_insert(name);
    }
    names
}

async fn what_a_real_shop_sent_goes_all_the_way(stage: Stage) {
    let recordings = recordings();
    if recordings.is_empty() {
        child::say("skipped: no recordings in ../shared/fixtures");
        return;
    }
    let shops = connections(&recordings);
    let mut stage = stage;
    let mut text = "connections:\n".to_owned();
    for (secret, name) in &shops {
        let variable = name.to_ascii_uppercase();
        // The ping carries no signature; a connection still needs something to verify with.
        let secret = if secret.is_empty() { "any-secret" } else { secret };
        stage = stage.knowing(&variable, secret);
        text.push_str(&format!(
            "  {name}: {{ woocommerce: {{ secret: env:{variable} }}, delivery: {{ timeout: 900ms }} }}\n"
        ));
    }
    let play = Play::begin(stage.saying("connections:\n", &text), "").await;
    for recording in &recordings {
        goes_all_the_way(&play, recording, &shops[&recording.secret]).await;
    }
    assert_eq!(play.dead().await.len(), 0);
    play.end().await;
}

async fn goes_all_the_way(play: &Play, recording: &Recording, shop: &str) {
    let answered = |code| {
        play.counted("spojka_webhooks_answered_total", &[("connection", shop), ("code", code)])
            + play.counted("spojka_webhooks_without_facts_total", &[("code", code)])
    };
    let expected = expected(recording);
    let before = expected.as_ref().err().map(|code| answered(code));
    let url = url::Url::parse(&format!("http://gateway/webhooks/{shop}")).unwrap();
    let mut request = Request::new(Method::Post, url);
    request.headers = recording.headers.clone();
    request.body = recording.body.clone().into();
    play.tell(request).await;
    play.quiet().await;
    match expected {
        Err(code) => assert_eq!(Some(answered(code)), before.map(|count| count + 1), "{}: {code}", recording.name),
        Ok(facts) => {
            let webhooks = play.webhooks(shop).await;
            let stored = webhooks.iter().max_by_key(|webhook| webhook.arrived).expect("stored");
            assert!(stored.body == recording.body, "{}: byte for byte", recording.name);
            for fact in facts {
                let proved = play.events(fact).await.into_iter().any(|event| event.webhook == stored.id);
                assert!(proved, "{} proves {fact}", recording.name);
            }
        }
    }
}
