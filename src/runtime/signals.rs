//! What the outside tells a process.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM or Ctrl-C, which are heard from the call on, not only from the first poll. Where they cannot be heard, it
/// waits for ever.
pub fn told_to_stop() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            tracing::warn!("signals cannot be heard; the process must be killed");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// This process, for people: host and process id.
pub fn owner_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}/{}", std::process::id())
}
