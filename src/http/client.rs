//! Sends one request and reads one answer.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{
    Response,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
    redirect, retry,
};

use super::{
    classify::{innermost, unanswered},
    guard::{PublicOnly, check_literal},
};
use crate::model::http::{Auth, Headers, Method, Reply, Request, Unanswered};

/// What holds for all connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// Name, TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept. Shorter than vendors' own limits, so that we rarely write into a closed one.
    pub idle_timeout: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(10), idle_timeout: Duration::from_secs(30) }
    }
}

/// What holds for one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the connect to the last byte of the answer, unless the request has a shorter one.
    pub timeout: Duration,
    pub max_answer_bytes: usize,
    /// Loopback, private and link-local addresses may be called: vendors on the premises, sandboxes.
    pub allow_private_addresses: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), max_answer_bytes: 8 << 20, allow_private_addresses: false }
    }
}

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up (are there CA certificates on this machine?)")]
pub struct ClientError(#[source] reqwest::Error);

/// The one HTTP client of a process.
///
/// Two pools: a connection that was opened where private addresses are allowed must not serve somebody who may not call
/// them.
#[derive(Clone, Debug)]
pub struct Client {
    guarded: reqwest::Client,
    open: reqwest::Client,
}

impl Client {
    /// # Errors
    /// [`ClientError`] when TLS cannot be set up.
    pub fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        let guarded = builder(settings).dns_resolver(PublicOnly).build().map_err(ClientError)?;
        let open = builder(settings).build().map_err(ClientError)?;
        Ok(Self { guarded, open })
    }

    /// Sends a request once and reads the answer, whatever its status.
    ///
    /// # Errors
    /// [`Unanswered`], exactly as far as it is known.
    pub async fn send(&self, request: &Request, limits: &Limits) -> Result<Reply, Unanswered> {
        let client = self.choose(request, limits)?;
        let headers = headers(request).ok_or(Unanswered::Unsendable)?;
        let sent = client
            .request(method(request.method), request.url.clone())
            .headers(headers)
            .timeout(timeout(request, limits));
        let sent = if request.body.is_empty() { sent } else { sent.body(request.body.clone()) };
        let response = sent.send().await.map_err(|error| judge(request, &error))?;
        let status = response.status().as_u16();
        let headers = read_headers(response.headers());
        let body = read_body(request, response, limits.max_answer_bytes).await?;
        Ok(Reply { status, headers, body })
    }

    fn choose(&self, request: &Request, limits: &Limits) -> Result<&reqwest::Client, Unanswered> {
        if limits.allow_private_addresses {
            return Ok(&self.open);
        }
        check_literal(&request.url).map_err(|_| Unanswered::Blocked)?;
        Ok(&self.guarded)
    }
}

/// A request's own time counts only where it is the shorter one: with the lease, it must be over before another process may
/// own the lane.
fn timeout(request: &Request, limits: &Limits) -> Duration {
    request.timeout.map_or(limits.timeout, |own| own.min(limits.timeout))
}

fn builder(settings: &ClientSettings) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("spojka/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(settings.idle_timeout)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Options => reqwest::Method::OPTIONS,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// The headers for the wire; `None` when one of them cannot be written.
fn headers(request: &Request) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers.0 {
        headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
    }
    if let Some(value) = authorization(&request.auth) {
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Some(headers)
}

fn authorization(auth: &Auth) -> Option<String> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    match auth {
        Auth::None => None,
        Auth::Basic { user, password } => {
            Some(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))
        }
        Auth::Bearer(token) => Some(format!("Bearer {}", token.expose())),
    }
}

fn read_headers(headers: &HeaderMap) -> Headers {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Headers(headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect())
}

async fn read_body(request: &Request, mut response: Response, max_bytes: usize) -> Result<Bytes, Unanswered> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if announced > max_bytes && request.method != Method::Head {
        return Err(Unanswered::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| judge_answer(request, &error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(Unanswered::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn judge(request: &Request, error: &reqwest::Error) -> Unanswered {
    let verdict = unanswered(error);
    let host = request.url.host_str().unwrap_or("");
    tracing::debug!(host, cause = innermost(error), verdict = ?verdict, "no answer");
    verdict
}

/// Once an answer has begun, the request went out, whatever the library calls the error.
fn judge_answer(request: &Request, error: &reqwest::Error) -> Unanswered {
    match judge(request, error) {
        Unanswered::TimedOut => Unanswered::TimedOut,
        _ => Unanswered::Broken,
    }
}

#[cfg(test)]
mod tests;
