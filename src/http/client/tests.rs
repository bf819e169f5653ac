//! Against a bare socket, so that each way to fail is really that one.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use url::Url;

use super::*;
use crate::model::secret::Secret;

/// A server that hands its one connection to `serve`.
struct Server {
    address: SocketAddr,
    served: JoinSet<Vec<u8>>,
}

impl Server {
    async fn start<F>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("address");
        let mut served = JoinSet::new();
        served.spawn(async move {
            let (stream, _) = listener.accept().await.expect("accepted");
            serve(stream).await
        });
        Self { address, served }
    }

    /// Reads the request, answers with these bytes, and closes.
    async fn answering(answer: &'static [u8]) -> Self {
        Self::start(async move |mut stream| {
            let request = read_request(&mut stream).await;
            stream.write_all(answer).await.expect("written");
            request
        })
        .await
    }

    fn url(&self, rest: &str) -> Url {
        Url::parse(&format!("http://{}{rest}", self.address)).expect("a URL")
    }

    async fn request(mut self) -> String {
        let bytes = self.served.join_next().await.expect("one").expect("no panic");
        String::from_utf8(bytes).expect("text")
    }
}

/// Reads a head and as much body as it announces.
async fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let read = stream.read(&mut buffer).await.expect("read");
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if read == 0 || body.len() >= announced.map_or(0, |length| length.parse().expect("a length")) {
            return request;
        }
    }
}

fn client() -> Client {
    Client::new(&ClientSettings::default()).expect("TLS")
}

fn private() -> Limits {
    Limits { allow_private_addresses: true, ..Limits::default() }
}

fn get(url: Url) -> Request {
    Request::new(Method::Get, url)
}

#[tokio::test]
async fn a_request_goes_out_as_it_is_and_the_answer_comes_back_as_it_is() {
    let answer =
        b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a: 2\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\xff\x00z";
    let server = Server::answering(answer).await;
    let request = Request::new(Method::Post, server.url("/a%2Fb?q=%20x"))
        .header("x-twice", "1")
        .header("x-twice", "2")
        .auth(Auth::Basic { user: "u".to_owned(), password: Secret::new("p") })
        .json(&serde_json::json!({"a": 1}));
    let reply = client().send(&request, &private()).await.expect("an answer");
    assert_eq!((reply.status, reply.body.as_ref()), (404, &b"\xff\x00z"[..]), "not unpacked, not judged");
    assert_eq!(reply.headers.all("x-a").collect::<Vec<_>>(), ["1", "2"]);
    let sent = server.request().await;
    assert!(sent.starts_with("POST /a%2Fb?q=%20x HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("authorization: Basic dTpw\r\n") && sent.ends_with("\r\n\r\n{\"a\":1}"), "{sent}");
    assert!(sent.contains("x-twice: 1\r\n") && sent.contains("x-twice: 2\r\n"), "{sent}");
    assert!(!sent.to_lowercase().contains("accept-encoding"), "{sent}");
}

#[tokio::test]
async fn a_bearer_token_replaces_other_authorization() {
    let server = Server::answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let request = get(server.url("/")).header("authorization", "x").auth(Auth::Bearer(Secret::new("t0k")));
    client().send(&request, &private()).await.expect("an answer");
    let sent = server.request().await;
    assert_eq!(sent.matches("authorization").count(), 1, "{sent}");
    assert!(sent.contains("authorization: Bearer t0k\r\n"), "{sent}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server =
        Server::answering(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    let reply = client().send(&get(server.url("/")), &private()).await.expect("an answer");
    assert_eq!((reply.status, reply.headers.get("location")), (302, Some("http://127.0.0.1:1/")));
}

#[tokio::test]
async fn a_refused_connection_was_never_made() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        listener.local_addr().expect("address")
    };
    let url = Url::parse(&format!("http://{gone}/")).expect("a URL");
    assert_eq!(client().send(&get(url), &private()).await, Err(Unanswered::NotConnected));
}

#[tokio::test]
async fn a_name_that_does_not_exist_was_never_called() {
    // A label is at most 63 long, so that nobody need ask a name server.
    let url = Url::parse(&format!("http://{}/", "a".repeat(64))).expect("a URL");
    assert_eq!(client().send(&get(url), &private()).await, Err(Unanswered::NotConnected));
}

#[tokio::test]
async fn a_failed_tls_handshake_sent_nothing() {
    let server = Server::start(async |mut stream| {
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).await.expect("a client hello");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("written");
        hello.to_vec()
    })
    .await;
    let url = Url::parse(&format!("https://{}/", server.address)).expect("a URL");
    assert_eq!(client().send(&get(url), &private()).await, Err(Unanswered::NotConnected));
}

#[tokio::test]
async fn hanging_up_counts_as_maybe_done_whether_the_request_was_read_or_not() {
    let unread = Server::start(async |stream| {
        drop(stream);
        Vec::new()
    })
    .await;
    let request = Request::new(Method::Post, unread.url("/")).json(&serde_json::json!({}));
    assert_eq!(client().send(&request, &private()).await, Err(Unanswered::Broken));

    let read = Server::start(async |mut stream| read_request(&mut stream).await).await;
    let request = Request::new(Method::Post, read.url("/")).json(&serde_json::json!({}));
    assert_eq!(client().send(&request, &private()).await, Err(Unanswered::Broken));
    assert!(read.request().await.starts_with("POST / "));
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for half in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 what\r\n\r\n",
    ] {
        let server = Server::answering(half).await;
        let outcome = client().send(&get(server.url("/")), &private()).await;
        assert_eq!(outcome, Err(Unanswered::Broken), "{:?}", String::from_utf8_lossy(half));
    }
}

#[tokio::test]
async fn slowness_before_and_within_the_answer_times_out() {
    for begin in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"] {
        let server = Server::start(async move |mut stream| {
            read_request(&mut stream).await;
            stream.write_all(begin).await.expect("written");
            // Nothing more, until the client hangs up.
            let _closed = stream.read(&mut [0; 1]).await;
            Vec::new()
        })
        .await;
        let limits = Limits { timeout: Duration::from_millis(100), ..private() };
        assert_eq!(client().send(&get(server.url("/")), &limits).await, Err(Unanswered::TimedOut));
    }
}

#[tokio::test]
async fn a_request_s_own_time_limit_goes_first() {
    let server = Server::start(async |mut stream| {
        read_request(&mut stream).await;
        let _closed = stream.read(&mut [0; 1]).await;
        Vec::new()
    })
    .await;
    let mut request = get(server.url("/"));
    request.timeout = Some(Duration::from_millis(50));
    assert_eq!(client().send(&request, &private()).await, Err(Unanswered::TimedOut));
}

#[test]
fn a_request_s_own_time_limit_never_outlasts_the_connection_s() {
    let limits = Limits { timeout: Duration::from_secs(30), ..private() };
    let mut request = get("http://vendor.example/".parse().expect("a URL"));
    for (own, counts) in [(None, 30), (Some(5), 5), (Some(3600), 30)] {
        request.timeout = own.map(Duration::from_secs);
        assert_eq!(super::timeout(&request, &limits), Duration::from_secs(counts), "{own:?}");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read() {
    let limits = Limits { max_answer_bytes: 4, ..private() };
    for large in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlarge"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nlar\r\n2\r\nge\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nlarge",
    ] {
        let server = Server::answering(large).await;
        assert_eq!(client().send(&get(server.url("/")), &limits).await, Err(Unanswered::TooLarge));
    }
    let fits = Server::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfits").await;
    assert_eq!(client().send(&get(fits.url("/")), &limits).await.expect("an answer").body.as_ref(), b"fits");
}

#[tokio::test]
async fn private_addresses_are_called_only_where_it_is_allowed() {
    let client = client();
    let server = Server::answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let by_name = Url::parse(&format!("http://localhost:{}/", server.address.port())).expect("a URL");
    for url in [server.url("/"), by_name.clone()] {
        assert_eq!(client.send(&get(url), &Limits::default()).await, Err(Unanswered::Blocked));
    }
    let allowed = client.send(&get(by_name.clone()), &private()).await;
    assert_eq!(allowed.expect("an answer").status, 204);
    assert_eq!(client.send(&get(by_name), &Limits::default()).await, Err(Unanswered::Blocked), "no shared pool");
}

#[tokio::test]
async fn what_is_no_http_is_not_sent() {
    let url = Url::parse("http://127.0.0.1:1/").expect("a URL");
    for request in [
        get(url.clone()).header("x-note", "a\r\nx-injected: 1"),
        get(url.clone()).header("bad name", "1"),
        get(url).auth(Auth::Bearer(Secret::new("line\nbreak"))),
    ] {
        assert_eq!(client().send(&request, &private()).await, Err(Unanswered::Unsendable));
    }
}
