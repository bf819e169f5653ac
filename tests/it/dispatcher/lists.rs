//! Lists for `import`: page by page, on the bulk budget, every row a webhook of the import's run.

use std::time::Duration;

use serde_json::json;
use spojka::{
    model::{code, http::Reply, time::version_of},
    topics::{
        action::{Action, Purpose},
        event::{Origin, OriginKind},
        memory::End,
    },
};

use super::{
    stage::{Stage, at},
    wire::Say,
};

const SECOND: Duration = Duration::from_secs(1);

impl Stage {
    fn list_of(&self, id: &str, name: &str) -> Action {
        let purpose = Purpose::List { list: name.to_owned(), since: at(5), cursor: None, until: Some(at(100)) };
        let origin = Origin::of_run(OriginKind::Import, "run");
        Action { purpose, origin, ..self.on(id, "list", "import") }
    }

    async fn import(&self, action: Action) {
        self.append_records(vec![action.to_append(self.names.bulk(&self.name))]).await;
    }

    fn page(&self, rows: &[(&str, i64)], cursor: u64) {
        let row = |(row, second): &(&str, i64)| json!({ "row": row, "state": "s", "version": version_of(at(*second)) });
        let rows: Vec<_> = rows.iter().map(row).collect();
        self.wire.say("/rows", Say::Reply(Reply::new(200).json(&json!({ "rows": rows, "cursor": cursor }))));
    }
}

#[tokio::test]
async fn a_list_is_read_to_its_end_and_its_rows_are_webhooks_of_the_run() {
    let stage = Stage::new().await;
    stage.page(&[("r-1", 6), ("r-2", 7), ("r-2", 7)], 7);
    stage.page(&[("r-3", 8), ("r-late", 101)], 8);
    stage.page(&[], 8);
    stage.import(stage.list_of("a-1", "rows")).await;
    let running = stage.start();
    stage.pass_until("the list is read", SECOND, || stage.end_of("a-1").is_some()).await;
    running.stop().await;
    let outcome = stage.outcome("a-1").expect("settled");
    assert_eq!((outcome.end, outcome.result["rows"].as_str()), (End::Done, "3"));
    let found: Vec<_> = stage.webhooks().await.into_iter().map(|webhook| (webhook.id, webhook.origin)).collect();
    let origin = stage.list_of("a-1", "rows").origin;
    let expected = ["r-1", "r-2", "r-3"].map(|row| (stage.ids.polled(&stage.name, "rows", row, "s"), origin.clone()));
    assert_eq!(found, expected, "the same row in the same state is the same webhook as a poll's");
    assert_eq!(stage.wire.sent(), ["GET /rows?after=1750000005", "GET /rows?after=7", "GET /rows?after=8"]);
}

#[tokio::test]
async fn an_owner_goes_on_at_the_page_where_the_last_one_ended() {
    let stage = Stage::new().await;
    stage.page(&[("r-1", 6)], 7);
    stage.import(stage.list_of("a-1", "rows")).await;
    let running = stage.start();
    stage.parked("a-1", 0).await;
    running.stop().await;
    stage.page(&[], 8);
    let running = stage.start();
    stage.pass_until("the list is read", SECOND, || stage.end_of("a-1").is_some()).await;
    running.stop().await;
    assert_eq!(stage.wire.sent(), ["GET /rows?after=1750000005", "GET /rows?after=7"]);
    assert_eq!(stage.outcome("a-1").expect("settled").result["rows"], "1");
}

#[tokio::test]
async fn a_page_that_fails_is_asked_for_again_and_live_actions_do_not_wait_for_it() {
    let stage = Stage::new().await;
    stage.wire.say("/rows", Say::Reply(Reply::new(500)));
    stage.page(&[], 8);
    stage.import(stage.list_of("a-1", "rows")).await;
    let running = stage.start();
    let waiting = stage.parked("a-1", 1).await;
    assert_eq!(waiting.code, code::VENDOR_ERROR);
    stage.append(&[stage.set("a-2", "eva", 1)]).await;
    stage.settled("a-2").await;
    stage.pass_until("the list is read", SECOND, || stage.end_of("a-1") == Some(End::Done)).await;
    running.stop().await;
}

#[tokio::test]
async fn a_list_that_the_vendor_does_not_have_is_a_dead_letter() {
    let stage = Stage::new().await;
    stage.import(stage.list_of("a-1", "dreams")).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Dead(code::UNKNOWN_OPERATION));
    running.stop().await;
    assert_eq!(stage.dead_letters().await[0].what.as_deref(), Some("list dreams"));
}
