//! The gateway's bounds.

use std::time::Duration;

/// What the gateway allows. The defaults fit vendors that send some kilobytes within a second or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Threads that serve.
    pub workers: usize,
    /// Connections that each of them keeps open at the same time.
    pub max_connections_per_worker: usize,
    /// The largest body. Must not be over the topic's own limit.
    pub max_body_bytes: usize,
    /// Bytes of bodies that are held at the same time: being read, or on their way into the log.
    pub max_held_bytes: usize,
    /// From the connect to the end of the first head.
    pub head_timeout: Duration,
    /// From the end of the head to the end of the body.
    pub body_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long the log may take, or log and spool together. Vendors give up after 5 to 30 seconds, and they must hear the
    /// refusal.
    pub append_timeout: Duration,
    /// How long the log may take where there is a spool; the rest of `append_timeout` is the spool's.
    pub spool_after: Duration,
    /// When a sender that was sent away may come again.
    pub retry_after: Duration,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            max_connections_per_worker: 4096,
            max_body_bytes: 2 << 20,
            max_held_bytes: 64 << 20,
            head_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(15),
            append_timeout: Duration::from_millis(4500),
            spool_after: Duration::from_secs(2),
            retry_after: Duration::from_secs(10),
        }
    }
}
