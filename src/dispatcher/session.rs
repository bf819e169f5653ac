//! Logins of vendors whose tokens expire. A lane has one owner, and one login happens at a time: two parallel refreshes of a
//! rotating token would lose the grant.

use serde::{Deserialize, Serialize};

use super::{
    answer::{Answer, of_verdict},
    context::LaneContext,
    ledger::read_as,
};
use crate::{
    connectors::contract::Session,
    log::LogResult,
    model::{code, secret::Secret, time::Timestamp},
    topics::memory::{self, key},
};

/// A session that outlives the process.
#[derive(Serialize, Deserialize)]
struct StoredSession {
    secret: String,
    expires: Timestamp,
}

impl LaneContext {
    /// Makes sure that a vendor with sessions has one that lasts. An answer instead tells why it has none.
    pub async fn logged_in(&self) -> LogResult<Result<Option<Session>, Answer>> {
        let mut session = self.session.lock().await;
        if session.is_none() {
            *session = self.stored_session()?;
        }
        let Some(request) = self.connection.connector.login(session.as_ref(), self.now()) else {
            return Ok(Ok(session.clone()));
        };
        let reply = match self.send(&request, "login").await? {
            Ok(reply) => reply,
            Err(answer) => return Ok(Err(answer)),
        };
        match self.connection.connector.logged_in(session.as_ref(), &reply, self.now()) {
            Ok(fresh) => {
                self.keep(&fresh).await?;
                *session = Some(fresh.clone());
                Ok(Ok(Some(fresh)))
            }
            Err(verdict) => Ok(Err(match self.heard(of_verdict(verdict, &reply, self.now())) {
                Answer::Done(_) | Answer::Next(_) => {
                    Answer::Retry { code: code::UNEXPECTED_ANSWER, maybe_done: false, after: None }
                }
                failed => failed,
            })),
        }
    }

    fn stored_session(&self) -> LogResult<Option<Session>> {
        let stored = read_as::<StoredSession>(self.memory.as_ref(), key::SESSION)?;
        Ok(stored.map(|stored| Session { secret: Secret::new(stored.secret), expires: stored.expires, durable: true }))
    }

    /// A token that rotates is stored before it is used: the old one is worth nothing any more.
    async fn keep(&self, session: &Session) -> LogResult<()> {
        if !session.durable {
            return Ok(());
        }
        let stored = StoredSession { secret: session.secret.expose().to_owned(), expires: session.expires };
        self.remember(vec![memory::put(&self.memory_topic, key::SESSION, &stored, self.epoch, self.now())]).await
    }
}
