//! What is stored, and when and how it is answered.

use super::{fake_log::Mode, *};
use crate::{
    model::http::Headers,
    telemetry::{
        logs::{self, testing::Caught},
        trace::TraceContext,
    },
    topics::webhook::Arrival,
};

fn pushed(webhook: &Webhook) -> (Method, Option<&str>, &[(String, String)], &Headers) {
    match &webhook.arrival {
        Arrival::Pushed { method, event, query, headers } => (*method, event.as_deref(), query, headers),
        Arrival::Polled { .. } => panic!("the gateway polls nothing"),
    }
}

#[tokio::test]
async fn a_webhook_is_stored_byte_for_byte_with_what_is_worth_keeping() {
    let rig = Rig::start();
    let body = b"\xff\xfe{\"a\": 1}\0";
    let signature = hmac::sha256_base64(SECRET.as_bytes(), body);
    let headers = [("X-Topic", "order"), ("x-topic", "again"), ("x-signature", &signature), ("x-other", "no")];
    let answer = rig.ask(&post("/webhooks/shop/paid?days=30&key=x&days=31", &headers, body)).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, "taken"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));

    let [webhook] = &rig.stored()[..] else { panic!("one webhook") };
    assert_eq!(webhook.body.as_ref(), body);
    assert_eq!(webhook.connection, shop());
    assert_eq!(webhook.arrived.to_string(), NOW);
    assert_eq!(webhook.key, rig.ids.partition(&shop(), "order:1"));
    assert!(webhook.traceparent.as_deref().and_then(TraceContext::parse).is_some());
    let (method, event, query, kept) = pushed(webhook);
    let days = |value: &str| ("days".to_owned(), value.to_owned());
    assert_eq!((method, event, query), (Method::Post, Some("paid"), &[days("30"), days("31")][..]));
    assert_eq!(kept.0.len(), 2);
    assert_eq!(kept.all("x-topic").collect::<Vec<_>>(), ["order", "again"]);
    assert_eq!(&*rig.log.records()[0].topic, "test.webhooks.shop");
}

#[tokio::test]
async fn a_delivery_keeps_its_id_and_others_get_new_ones() {
    let rig = Rig::start();
    let signature = hmac::sha256_base64(SECRET.as_bytes(), b"x");
    for delivery in [Some("d-1"), Some("d-1"), None, None] {
        let mut headers = vec![("x-signature", signature.as_str())];
        headers.extend(delivery.map(|delivery| ("x-delivery", delivery)));
        assert_eq!(rig.ask(&post("/webhooks/shop", &headers, b"x")).await.status, 202);
    }
    let ids: Vec<_> = rig.stored().into_iter().map(|webhook| webhook.id).collect();
    assert_eq!(ids[0], rig.ids.delivered(&shop(), "d-1"));
    assert_eq!(ids[0], ids[1]);
    assert!(ids[1] != ids[2] && ids[2] != ids[3], "saying the same twice is two webhooks");
}

#[tokio::test]
async fn a_sender_s_trace_goes_on() {
    let rig = Rig::start();
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = post(&format!("/webhooks/shop/{TOKEN}"), &[("traceparent", traceparent)], b"");
    assert_eq!(rig.ask(&request).await.status, 202);
    let stored = rig.stored()[0].traceparent.as_deref().and_then(TraceContext::parse).expect("a trace");
    assert_eq!(stored.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_durable() {
    let rig = Rig::start();
    rig.log.set(Mode::Waits);
    let mut client = rig.connect().await;
    client.send(&signed(b"x")).await;
    rig.log.handed_over(1).await;
    rig.has_come_round().await;
    assert!(client.is_quiet(), "it was acknowledged too early");
    assert_eq!(rig.accepted(), 0);
    rig.log.release();
    assert_eq!(client.answer().await.expect("an answer").status, 202);
    assert_eq!(rig.accepted(), 1);
}

#[tokio::test]
async fn what_the_connector_answers_itself_is_not_stored() {
    let rig = Rig::start();
    let get = rig.ask(b"GET /webhooks/shop HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!((get.status, get.body.as_str()), (200, "challenge"));
    let mut client = rig.connect().await;
    client.send(b"HEAD /webhooks/shop HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.answer().await.expect("an answer").status, 200);
    client.send(b"OPTIONS /webhooks/shop HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let options = client.answer().await.expect("an answer");
    assert_eq!((options.status, options.header("allow")), (204, Some("POST, OPTIONS")));
    assert_eq!(rig.counted("webhooks_answered_total", "code=\"ping\",connection=\"shop\""), 3);
    assert_eq!(rig.stored(), []);
}

#[tokio::test]
async fn a_sender_may_ask_first_and_may_send_ahead() {
    let rig = Rig::start();
    let signature = hmac::sha256_base64(SECRET.as_bytes(), b"later");
    let request = post("/webhooks/shop", &[("x-signature", &signature), ("expect", "100-continue")], b"later");
    let (head, body) = request.split_at(request.len() - 5);
    let mut client = rig.connect().await;
    client.send(head).await;
    assert_eq!(client.answer().await.expect("an answer").status, 100);
    client.send(body).await;
    assert_eq!(client.answer().await.expect("an answer").status, 202);

    let two = [signed(b"first"), signed(b"second")].concat();
    client.send(&two).await;
    assert_eq!(client.answer().await.expect("an answer").status, 202);
    assert_eq!(client.answer().await.expect("an answer").status, 202);
    let bodies: Vec<_> = rig.stored().into_iter().map(|webhook| webhook.body).collect();
    assert_eq!(bodies, ["later", "first", "second"]);
}

#[tokio::test]
async fn an_encoded_body_stays_encoded_and_a_chunked_one_is_joined() {
    let rig = Rig::start();
    let packed = b"\x1f\x8b\x08\0not really";
    let signature = hmac::sha256_base64(SECRET.as_bytes(), packed);
    let headers = [("x-signature", signature.as_str()), ("content-encoding", "gzip")];
    assert_eq!(rig.ask(&post("/webhooks/shop", &headers, packed)).await.status, 202);

    let signature = hmac::sha256_base64(SECRET.as_bytes(), b"abcdef");
    let chunked = format!(
        "POST /webhooks/shop HTTP/1.1\r\nhost: x\r\nx-signature: {signature}\r\ntransfer-encoding: chunked\r\n\r\n\
         3\r\nabc\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\n"
    );
    assert_eq!(rig.ask(chunked.as_bytes()).await.status, 202);
    let bodies: Vec<_> = rig.stored().into_iter().map(|webhook| webhook.body).collect();
    assert_eq!(bodies, [&packed[..], b"abcdef"]);
}

/// The handler runs on this thread, so that this thread's subscriber hears all of it.
#[tokio::test]
async fn tokens_reach_neither_records_nor_logs_nor_metrics() {
    use actix_web::{App, test, web};
    let caught = Caught::default();
    let writer = caught.clone();
    let subscriber = logs::subscriber(logs::Format::Json, "trace", move || writer.clone()).expect("a filter");
    let _heard = tracing::subscriber::set_default(subscriber);
    let Made { gateway, log, metrics, .. } = gateway(GatewaySettings::default());
    let data = web::Data::new(gateway);
    let app = App::new().app_data(data).default_service(web::to(super::super::server::receive));
    let app = test::init_service(app).await;

    let basic = "Basic YW55OnQwa2VuLWluLXRoZS11cmw=";
    let by_path = test::TestRequest::post().uri(&format!("/webhooks/shop/paid/{TOKEN}"));
    let by_query = test::TestRequest::post().uri(&format!("/webhooks/shop?token={TOKEN}&a=b"));
    let by_header = test::TestRequest::post().uri("/webhooks/shop").insert_header(("authorization", basic));
    let refused = test::TestRequest::post().uri(&format!("/webhooks/{TOKEN}/{TOKEN}"));
    let failing = test::TestRequest::post().uri(&format!("/webhooks/shop/{TOKEN}"));
    for (request, status) in [(by_path, 202), (by_query, 202), (by_header, 202), (refused, 404)] {
        let answer = test::call_service(&app, request.set_payload("personal data").to_request()).await;
        assert_eq!(answer.status().as_u16(), status);
    }
    log.set(Mode::Fails(crate::log::LogError::Unavailable("disk full".to_owned())));
    let answer = test::call_service(&app, failing.set_payload("personal data").to_request()).await;
    assert_eq!(answer.status().as_u16(), 503);

    assert_eq!(log.records().len(), 3);
    for record in log.records() {
        let headers = record.headers.0.iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)));
        let text = format!("{} {:?}", headers.collect::<Vec<_>>().join(" "), record.key);
        assert!(!text.contains(TOKEN) && !text.contains("YW55"), "{text}");
    }
    let said = format!("{}{}", caught.text(), metrics.text());
    assert!(said.contains("a request was refused") && said.contains("disk full"), "{said}");
    assert!(!said.contains(TOKEN) && !said.contains("YW55") && !said.contains("personal data"), "{said}");
}
