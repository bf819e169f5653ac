//! How our own HTTP servers come up and go down (the gateway's, the ops port, the sandboxes), and how their traffic becomes
//! values.

use std::{io, net::SocketAddr, time::Duration};

use actix_web::{
    HttpResponse,
    dev::{Server, ServerHandle},
    http::{
        StatusCode,
        header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING},
    },
};
use tokio::{net::TcpSocket, task::JoinSet};

use crate::model::http::{Headers, Reply};

/// How many connections the kernel keeps for us before we take them.
const BACKLOG: u32 = 1024;

/// The longest that a server's threads go on after a stop, in seconds. [`Running::stop`] has a deadline of its own; this one
/// only bounds threads that it left behind.
pub const LONGEST_DRAIN_SECONDS: u64 = 60;

/// Binds an address; port 0 takes a free one.
///
/// # Errors
/// As the operating system says: the address is taken, or not ours.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// A server that is up. Dropping it stops the server without waiting for anybody.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    task: JoinSet<io::Result<()>>,
    beside: JoinSet<()>,
}

impl Running {
    pub fn new(server: Server, address: SocketAddr) -> Self {
        let handle = server.handle();
        let mut task = JoinSet::new();
        task.spawn(server);
        Self { address, handle, task, beside: JoinSet::new() }
    }

    /// Does something else for as long as the server is up.
    #[must_use]
    pub fn beside(mut self, work: impl Future<Output = ()> + Send + 'static) -> Self {
        self.beside.spawn(work);
        self
    }

    /// Where it listens, with the port that was really taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when the server, or what goes on beside it, has ended by itself, which it never should.
    pub async fn ended(&mut self) -> io::Result<()> {
        tokio::select! {
            Some(served) = self.task.join_next() => served.map_err(io::Error::other)?,
            Some(done) = self.beside.join_next() => done.map_err(io::Error::other),
            else => Ok(()),
        }
    }

    /// Takes no more connections, lets requests in flight end, and closes. Answers whether all of them ended within the
    /// deadline.
    pub async fn stop(self, deadline: Duration) -> bool {
        tokio::time::timeout(deadline, self.handle.stop(true)).await.is_ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The server's own task must live to carry the command out: without it its threads would keep the port.
        self.task.detach_all();
        drop(self.handle.stop(false));
    }
}

/// The headers of a request as values: all of them, repeated ones too.
pub fn headers(wire: &HeaderMap) -> Headers {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Headers(wire.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect())
}

/// A reply as an answer. What describes the wire (length, framing, keeping the connection) is the server's own business.
pub fn response(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::with_body(status, reply.body).map_into_boxed_body();
    for (name, value) in &reply.headers.0 {
        let name = HeaderName::from_bytes(name.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) else { continue };
        if ![CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
