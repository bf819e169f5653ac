//! What a running process says: JSON lines on stdout by default, or lines for people.
//!
//! Fields are dotted and shared: `connection.id`, `vendor.id`, `webhook.id`, `event.id`, `action.id`, `operation`, `code`,
//! `attempt`, `duration_ms`, `size_bytes`, `topic`, `partition`, `offset`, `role`. A message reads alone and has no final
//! stop. Never logged: secrets, tokens, signatures, paths and queries of webhooks, personal data, bodies.

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people on a terminal.
    Human,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The text is no filter such as `info` or `info,spojka::dispatcher=debug`.
    #[error("`{0}` is no log filter")]
    Filter(String),
    #[error("logging is set up already")]
    Twice,
}

/// Sets up logging of this process, to stdout. Once.
///
/// # Errors
/// [`LogsError`] for a bad filter, and when called twice.
pub fn install(format: Format, filter: &str) -> Result<(), LogsError> {
    let subscriber = subscriber(format, filter, std::io::stdout)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogsError::Twice)
}

/// What takes the log lines: for [`install`], and for tests with a writer of their own.
///
/// # Errors
/// [`LogsError::Filter`].
pub fn subscriber<W>(format: Format, filter: &str, writer: W) -> Result<impl Subscriber + Send + Sync, LogsError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).map_err(|_| LogsError::Filter(filter.to_owned()))?;
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        Format::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
        Format::Human => fmt::layer().with_target(false).with_ansi(false).with_writer(writer).boxed(),
    };
    Ok(tracing_subscriber::registry().with(lines.with_filter(filter)))
}

#[cfg(test)]
pub(crate) mod testing {
    //! Log lines caught in memory.

    use std::{
        io,
        sync::{Arc, Mutex},
    };

    /// A writer whose lines a test reads.
    #[derive(Clone, Default)]
    pub(crate) struct Caught(Arc<Mutex<Vec<u8>>>);

    impl Caught {
        pub(crate) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().expect("no panic while writing")).into_owned()
        }
    }

    impl io::Write for Caught {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::Caught, *};
    use crate::model::{
        http::{Auth, Method, Request},
        secret::Secret,
    };

    fn say(format: Format, filter: &str) -> String {
        let caught = Caught::default();
        let writer = caught.clone();
        let subscriber = subscriber(format, filter, move || writer.clone()).expect("a filter");
        tracing::subscriber::with_default(subscriber, || {
            let url = url::Url::parse("https://api.example.cz/x?token=tok-1").expect("url");
            let request = Request::new(Method::Post, url)
                .auth(Auth::Bearer(Secret::new("tok-2")))
                .header("x-key", "tok-3")
                .json(&serde_json::json!({"email": "eva@example.cz"}));
            tracing::info!(connection.id = "shop", attempt = 2, request = ?request, "calling the vendor");
            tracing::debug!("details");
        });
        caught.text()
    }

    #[test]
    fn json_lines_have_dotted_fields_and_no_secrets() {
        let text = say(Format::Json, "info");
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).expect("one JSON line");
        assert_eq!(line["message"], "calling the vendor");
        assert_eq!(line["connection.id"], "shop");
        assert_eq!(line["attempt"], 2);
        for secret in ["tok-", "eva@"] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    #[test]
    fn people_get_lines_and_the_filter_is_kept() {
        let text = say(Format::Human, "debug");
        assert!(text.contains("calling the vendor") && text.contains("details"));
        assert!(!text.contains("tok-"));
        assert!(subscriber(Format::Human, "a=b=c", std::io::sink).is_err());
    }
}
