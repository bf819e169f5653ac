//! Anybody may send anything to a public port: the right status, a count, and nothing else happens. What is signed was
//! accepted, so it is kept to the byte, even when nobody can read it.

use spojka::{
    model::http::{Method, Request},
    runtime::operator::dead::DeadFilter,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Play, scenarios};
use crate::support::stage::{self, Stage};

scenarios! {
    what_is_refused_is_counted
    what_is_signed_is_kept
}

const FLOWS: &str = r#"
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list:
          { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

async fn what_is_refused_is_counted(stage: Stage) {
    let play = Play::begin(stage, FLOWS).await;
    let order = stage::paid_order(7, "eva@example.cz", play.moment(0));
    let without = |request: Request, header: &str| {
        let mut request = request;
        request.headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case(header));
        request
    };
    let signed = || play.stage.order_webhook("order.created", &order);
    let wrong = without(signed(), "x-wc-webhook-signature")
        .header("x-wc-webhook-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let mut elsewhere = signed();
    elsewhere.url.set_path("/webhooks/nobody");
    let mut by_get = signed();
    by_get.method = Method::Put;
    let large = play.stage.signed_webhook("order.created", vec![b' '; (2 << 20) + 1]);
    let strangers = [
        (without(signed(), "x-wc-webhook-signature"), 401, "signature-missing"),
        (wrong, 401, "signature-mismatch"),
        (elsewhere, 404, "unknown-connection"),
        (by_get, 405, "method-not-allowed"),
        (large, 413, "body-too-large"),
    ];
    for (request, status, code) in strangers {
        assert_eq!(play.ask(request).await.status, status, "{code}");
        assert_eq!(play.counted("spojka_webhooks_refused_total", &[("code", code)]), 1, "{code}");
    }
    assert_eq!(truncated(&play).await, "HTTP/1.1 400 Bad Request");
    assert_eq!(play.counted("spojka_webhooks_refused_total", &[("code", "malformed-request")]), 1);
    play.quiet().await;
    assert!(play.webhooks("shop").await.is_empty(), "strangers fill no store");
    is_healthy(&play).await;
    play.end().await;
}

/// A body that ends before its announced length, with the connection.
async fn truncated(play: &Play) -> String {
    let mut sender = tokio::net::TcpStream::connect(play.app.gateway_address().unwrap()).await.unwrap();
    let head = "POST /webhooks/shop HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n{\"id\": 7";
    sender.write_all(head.as_bytes()).await.unwrap();
    sender.shutdown().await.unwrap();
    let mut answer = String::new();
    sender.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

async fn is_healthy(play: &Play) {
    let url = url::Url::parse(&format!("http://{}/healthz", play.app.ops_address())).unwrap();
    let reply = play.stage.send(play.app.ops_address(), Request::new(Method::Get, url)).await.expect("an answer");
    assert_eq!(reply.status, 200);
    play.order("order.created", &stage::paid_order(99, "honest@example.cz", play.moment(0))).await;
    play.quiet().await;
    assert_eq!(play.lists_of("honest@example.cz"), ["Buyers"]);
}

async fn what_is_signed_is_kept(stage: Stage) {
    let play = Play::begin(stage, FLOWS).await;
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let garbage: [&[u8]; 5] = [b"", b"\xff\xfe{\"id\": 7}", b"{\"id\": 7", &deep, b"[1, 2, 3]"];
    for bytes in garbage {
        play.tell(play.stage.signed_webhook("order.updated", bytes.to_vec())).await;
    }
    // One key twice: the last one counts, in every reader that we know of.
    let twice = stage::paid_order(7, "eva@example.cz", play.moment(0)).to_string().replacen('{', "{\"id\":8,", 1);
    play.tell(play.stage.signed_webhook("order.created", twice.into_bytes())).await;
    play.quiet().await;
    assert_eq!(play.facts("order.created").await.len(), 1);
    letters_hold(&play, &garbage).await;

    // More than once: what dies again may be quicker than whoever sent it on its way.
    for _ in 0..5 {
        let stored = play.webhooks("shop").await.len();
        let moved = play.operator.dead_retry(&DeadFilter::default()).await.unwrap();
        assert_eq!((moved.moved, moved.unreadable), (garbage.len(), 0));
        play.quiet().await;
        assert_eq!(play.webhooks("shop").await.len(), stored + garbage.len(), "each went its way again");
        letters_hold(&play, &garbage).await;
    }
    is_healthy(&play).await;
    play.end().await;
}

/// There is one dead letter for each, with its bytes.
async fn letters_hold(play: &Play, garbage: &[&[u8]]) {
    let rows = play.dead().await;
    assert_eq!(rows.len(), garbage.len(), "{rows:?}");
    let mut held = Vec::new();
    for row in &rows {
        assert_eq!((row.kind.as_str(), row.code.as_str()), ("webhook", "unparseable"));
        held.push(play.operator.dead_show(&row.id).await.unwrap().value.to_vec());
    }
    let mut sent: Vec<Vec<u8>> = garbage.iter().map(|bytes| bytes.to_vec()).collect();
    sent.sort();
    held.sort();
    assert!(held == sent, "the bytes are kept");
}
