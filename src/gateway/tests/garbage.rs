//! What strangers and broken senders send: refused or kept as it is, counted, and forgotten.

use super::*;

/// Sends it, and expects a refusal that says nothing.
async fn refuses(rig: &Rig, request: &[u8], status: u16, code: code::Code) {
    let before = rig.refused(code);
    let answer = rig.ask(request).await;
    assert_eq!((answer.status, answer.body.as_str()), (status, ""), "{code}");
    assert_eq!(rig.refused(code), before + 1, "{code}");
}

#[tokio::test]
async fn what_is_not_signed_is_refused() {
    let rig = Rig::start();
    let other = hmac::sha256_base64(b"other", b"x");
    refuses(&rig, &post("/webhooks/shop", &[], b"x"), 401, code::SIGNATURE_MISSING).await;
    refuses(&rig, &post("/webhooks/shop", &[("x-signature", &other)], b"x"), 401, code::SIGNATURE_MISMATCH).await;
    refuses(&rig, &post("/webhooks/shop/wrong", &[], b"x"), 401, code::SIGNATURE_MISSING).await;
    refuses(&rig, &post("/webhooks/shop/%ff", &[], b"x"), 400, code::MALFORMED_REQUEST).await;
    refuses(&rig, b"PURGE /webhooks/shop HTTP/1.1\r\nhost: x\r\n\r\n", 405, code::METHOD_NOT_ALLOWED).await;
    refuses(&rig, b"DELETE /webhooks/shop HTTP/1.1\r\nhost: x\r\n\r\n", 405, code::METHOD_NOT_ALLOWED).await;
    assert_eq!(rig.stored(), []);
    rig.is_healthy().await;
}

#[tokio::test]
async fn an_unknown_connection_is_counted_under_no_name_of_a_stranger_s_choice() {
    let rig = Rig::start();
    for path in ["/webhooks/other", "/webhooks/", "/webhooks", "/", "/webhooks/shop%20", "/webhooks/Shop/x"] {
        let answer = rig.ask(&post(path, &[], b"x")).await;
        assert_eq!((answer.status, answer.body.as_str()), (404, ""), "{path}");
    }
    assert_eq!(rig.counted("webhooks_refused_total", "code=\"unknown-connection\",connection=\"unknown\""), 6);
    rig.is_healthy().await;
}

#[tokio::test]
async fn odd_bodies_with_a_good_signature_are_kept_as_they_are() {
    let rig = Rig::start();
    let nested = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let bodies: [&[u8]; 4] = [b"", b"\xc3\x28\xff\0", br#"{"id":1,"id":2}"#, &nested];
    for body in bodies {
        assert_eq!(rig.ask(&signed(body)).await.status, 202);
    }
    let stored: Vec<Bytes> = rig.stored().into_iter().map(|webhook| webhook.body).collect();
    assert_eq!(stored, bodies);
    assert_eq!(rig.counted("webhook_body_bytes_total", "connection=\"shop\""), 200_019);
    rig.is_healthy().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_comes() {
    let rig = Rig::with(GatewaySettings { max_body_bytes: 10, ..GatewaySettings::default() });
    assert_eq!(rig.ask(&signed(b"0123456789")).await.status, 202);
    refuses(&rig, &signed(b"0123456789a"), 413, code::BODY_TOO_LARGE).await;
    let announced = b"POST /webhooks/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n";
    refuses(&rig, announced, 413, code::BODY_TOO_LARGE).await;
    let chunked =
        b"POST /webhooks/shop HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n";
    refuses(&rig, chunked, 413, code::BODY_TOO_LARGE).await;
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_not_stored() {
    let rig = Rig::start();
    let whole = signed(b"0123456789");
    let mut client = rig.connect().await;
    client.send(&whole[..whole.len() - 3]).await;
    client.0.shutdown().await.expect("closed");
    // Whether a sender that hung up hears an answer is the server's business; that it is counted is ours.
    let _heard = client.answer().await;
    while rig.refused(code::MALFORMED_REQUEST) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.stored(), []);
    rig.is_healthy().await;
}

#[tokio::test]
async fn what_is_no_http_harms_nobody() {
    let rig = Rig::start();
    let long = [b"GET /".as_slice(), &b"a".repeat(200_000), b" HTTP/1.1\r\n\r\n"].concat();
    for garbage in [&b"\x16\x03\x01\x02\0\x01\0"[..], b"\0\0\0\0\r\n\r\n", b"POST\r\n\r\n", &long] {
        let mut client = rig.connect().await;
        client.send(garbage).await;
        client.0.shutdown().await.ok();
        let status = client.answer().await.map(|answer| answer.status);
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?}");
    }
    rig.is_healthy().await;
}

#[tokio::test]
async fn a_smuggled_second_request_is_not_taken() {
    let rig = Rig::start();
    let both =
        b"POST /webhooks/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(rig.ask(both).await.status, 400);
    assert_eq!(rig.stored(), []);
    rig.is_healthy().await;
}
