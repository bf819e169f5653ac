//! Logins of vendors whose tokens expire. A lane has one owner, and one login happens at a time: two parallel refreshes of a
//! rotating token would lose the grant.
//!
//! A vendor may end a session before its time. A rejected session that has worked before is therefore given up, and there
//! is one new login before the credentials count as rejected; one that never worked proves that at once.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{
    answer::{Answer, of_verdict},
    circuit::Pass,
    context::LaneContext,
    ledger::read_as,
    sign,
};
use crate::{
    connectors::contract::Session,
    log::LogResult,
    model::{code, id::KeyHash, secret::Secret, time::Timestamp},
    topics::memory::{self, key},
};

/// A session that outlives the process.
#[derive(Serialize, Deserialize)]
struct StoredSession {
    secret: String,
    expires: Timestamp,
    /// What it was got with: other credentials have sessions of their own.
    credentials: KeyHash,
}

/// The lane's session, if its vendor has such.
#[derive(Default)]
pub(super) struct Logins {
    slot: Mutex<Slot>,
    /// The latest session that is known to have worked.
    proved: AtomicU64,
}

#[derive(Default)]
struct Slot {
    session: Option<Session>,
    /// Which of the lane's sessions it is; 0: memory was not asked yet.
    number: u64,
}

/// A session as a request uses it.
#[derive(Clone, Debug)]
pub(super) struct LoggedIn {
    pub session: Option<Session>,
    number: u64,
}

impl LaneContext {
    /// Makes sure that a vendor with sessions has one that lasts. An answer instead tells why it has none.
    pub async fn logged_in(&self, pass: &Pass) -> LogResult<Result<LoggedIn, Answer>> {
        let mut slot = self.logins.slot.lock().await;
        if slot.number == 0 {
            *slot = Slot { session: self.stored_session()?, number: 1 };
            // It was kept because it had worked.
            self.logins.proved.store(1, Ordering::Relaxed);
        }
        let Some(request) = self.connection.connector.login(slot.session.as_ref(), self.now()) else {
            return Ok(Ok(LoggedIn { session: slot.session.clone(), number: slot.number }));
        };
        let reply = match self.send(pass, &request, "login").await? {
            Ok(reply) => reply,
            Err(answer) => {
                pass.heard(sign::of_login(&answer));
                self.halt_if_rejected(&answer).await?;
                return Ok(Err(answer));
            }
        };
        match self.connection.connector.logged_in(slot.session.as_ref(), &reply, self.now()) {
            Ok(fresh) => {
                self.keep(&fresh).await?;
                *slot = Slot { session: Some(fresh), number: slot.number + 1 };
                Ok(Ok(LoggedIn { session: slot.session.clone(), number: slot.number }))
            }
            Err(verdict) => {
                let answer = match of_verdict(verdict, &reply, self.now()) {
                    failed @ (Answer::Retry { .. } | Answer::Halts(_) | Answer::Barred(_) | Answer::Refused(_)) => {
                        failed
                    }
                    Answer::Done(_) | Answer::Next(_) | Answer::Later { .. } | Answer::Forgotten => {
                        Answer::Retry { code: code::UNEXPECTED_ANSWER, maybe_done: false, after: None }
                    }
                };
                pass.heard(sign::of_login(&answer));
                self.halt_if_rejected(&answer).await?;
                Ok(Err(answer))
            }
        }
    }

    /// The vendor took this session.
    pub fn session_worked(&self, used: &LoggedIn) {
        self.logins.proved.fetch_max(used.number, Ordering::Relaxed);
    }

    /// The vendor rejects a session. Answers whether it is worth another try: somebody has a newer one, or this one has
    /// worked before and is given up now.
    pub async fn give_up_session(&self, used: &LoggedIn) -> bool {
        if used.session.is_none() {
            return false;
        }
        let mut slot = self.logins.slot.lock().await;
        if slot.number != used.number {
            return true;
        }
        if self.logins.proved.load(Ordering::Relaxed) < used.number {
            return false;
        }
        // A durable one holds the grant with which it is renewed: it has run out, but is not forgotten.
        let now = self.now();
        let session = slot.session.take().filter(|session| session.durable);
        let session = session.map(|session| Session { expires: session.expires.min(now), ..session });
        *slot = Slot { session, number: slot.number + 1 };
        true
    }

    fn stored_session(&self) -> LogResult<Option<Session>> {
        let stored = read_as::<StoredSession>(self.memory.as_ref(), key::SESSION)?;
        let stored = stored.filter(|stored| stored.credentials == self.connection.credentials);
        Ok(stored.map(|stored| Session { secret: Secret::new(stored.secret), expires: stored.expires, durable: true }))
    }

    /// A token that rotates is stored before it is used: the old one is worth nothing any more.
    async fn keep(&self, session: &Session) -> LogResult<()> {
        if !session.durable {
            return Ok(());
        }
        let stored = StoredSession {
            secret: session.secret.expose().to_owned(),
            expires: session.expires,
            credentials: self.connection.credentials.clone(),
        };
        self.remember(vec![memory::put(&self.memory_topic, key::SESSION, &stored, self.epoch, self.now())]).await
    }
}
