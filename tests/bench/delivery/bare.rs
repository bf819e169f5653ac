//! What the work is measured against: reqwest alone, as many requests under way, nothing kept.

use anyhow::ensure;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{Size, stage, target::Target};

#[expect(clippy::disallowed_methods, reason = "the bare client is what ours is compared with")]
pub(crate) async fn run(target: &Target, size: Size) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let post = |number: usize| {
        let url = target.url().join(&stage::object(number % size.keys));
        let (client, body) = (client.clone(), stage::parameters(number, size.keys).to_string());
        async move {
            let request = client.post(url?).header("content-type", "application/json").body(body);
            let reply = request.send().await?;
            ensure!(reply.status().is_success(), "the target refused");
            reply.bytes().await?;
            Ok(())
        }
    };
    // Tasks, as the lane's attempts are.
    let spawned =
        stream::iter(0..size.actions).map(|number| {
            let sent = post(number);
            async move {
                tokio::task::JoinSet::from_iter([sent]).join_all().await.into_iter().collect::<anyhow::Result<()>>()
            }
        });
    spawned.buffer_unordered(size.at_once).try_collect::<()>().await
}
