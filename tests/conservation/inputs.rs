//! What the two ends say: the sender, which webhooks it had a 2xx for; the vendors, what was done to them.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;
use spojka::{
    http::{Client, ClientSettings, Limits},
    model::http::{Method, Request},
};

/// One webhook that was acknowledged.
#[derive(Clone, Debug, Deserialize)]
pub struct Sent {
    pub connection: String,
    /// What the sender knows it by: an order's number, a delivery's id.
    pub mark: String,
    /// Of the body, in hex.
    pub sha256: String,
}

/// What the two ends say.
pub struct Inputs {
    pub sent: Vec<Sent>,
    /// By connection.
    pub effects: BTreeMap<String, Vec<Value>>,
}

impl Inputs {
    pub async fn read(sent: &Path, effects: &[String]) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(sent).with_context(|| format!("{} cannot be read", sent.display()))?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let sent = lines
            .map(|(number, line)| {
                serde_json::from_str(line).with_context(|| format!("{}, line {}", sent.display(), number + 1))
            })
            .collect::<anyhow::Result<_>>()?;
        let mut by_connection: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for pair in effects {
            let (connection, place) =
                pair.split_once('=').context("--effects takes CONNECTION=FILE or CONNECTION=URL")?;
            let read = effects_at(place).await.with_context(|| format!("the effects at {place}"))?;
            by_connection.entry(connection.to_owned()).or_default().extend(read);
        }
        Ok(Self { sent, effects: by_connection })
    }
}

async fn effects_at(place: &str) -> anyhow::Result<Vec<Value>> {
    if !place.starts_with("http://") {
        return Ok(serde_json::from_slice(&std::fs::read(place)?)?);
    }
    let client = Client::new(&ClientSettings::default())?;
    let limits = Limits { timeout: Duration::from_mins(1), max_answer_bytes: 1 << 30, allow_private_addresses: true };
    match client.send(&Request::new(Method::Get, place.parse()?), &limits).await {
        Ok(reply) if reply.is_success() => Ok(serde_json::from_slice(&reply.body)?),
        Ok(reply) => bail!("status {}", reply.status),
        Err(error) => bail!("no answer: {error:?}"),
    }
}
