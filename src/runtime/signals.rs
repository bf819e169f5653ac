//! What the outside tells a process.

use tokio::signal::unix::{Signal, SignalKind, signal};

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

/// Hears SIGHUP: somebody wants the config to be read again.
pub struct Reloads(Option<Signal>);

impl Reloads {
    /// Heard from here on: without this, a process ends of it.
    pub fn heard() -> Self {
        let signal = signal(SignalKind::hangup());
        if let Err(error) = &signal {
            tracing::warn!(error = %error, "SIGHUP cannot be heard; `spojka reload` goes through the admin port");
        }
        Self(signal.ok())
    }

    /// The next one.
    pub async fn next(&mut self) {
        let heard = match &mut self.0 {
            Some(signal) => signal.recv().await.is_some(),
            None => false,
        };
        if !heard {
            std::future::pending::<()>().await;
        }
    }
}

/// This process, for people: host and process id.
pub fn owner_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}/{}", std::process::id())
}
