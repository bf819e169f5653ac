//! What a connector is: pure functions over values. It never opens a socket, sleeps, retries, reads a clock, counts or
//! logs; the engine does all of that with what the functions say.
//!
//! [`Vendor`] describes a vendor without any account: settings, operations, events. [`Connector`] is the same vendor with
//! one account's settings. [`Sandbox`] simulates the vendor for tests and the demo.

pub mod inbound;
pub mod limits;
pub mod operation;
pub mod outbound;
pub mod sandbox;
pub mod settings;

use std::{collections::BTreeSet, sync::Arc};

pub use inbound::{Accept, Fact, Fetch, Listed, Normalized, Refusal};
pub use limits::Limit;
pub use operation::{Field, FieldKind, Operation, Parameter, Register, RegisterRule, Repeat, Target};
pub use outbound::{Done, Effect, Plan, Poll, PollRead, PolledRow, Progress, Verdict, Work};
pub use sandbox::Sandbox;
pub use settings::{Need, Setting, SettingKind, SettingProblem, Settings};

use crate::{
    model::{
        http::{Inbound, Reply, Request},
        time::Timestamp,
    },
    topics::{action::Parameters, event::EventType, webhook::Webhook},
};

/// A vendor, without any account.
pub struct Vendor {
    /// The key in the config: lower case, no spaces.
    pub name: &'static str,
    pub title: &'static str,
    /// One paragraph: what it is, which way data goes.
    pub doc: &'static str,
    pub settings: &'static [Setting],
    /// The catalogue: operations that flows may use, and the connector's own fetches.
    pub operations: &'static [Operation],
    /// What its webhooks and polls can prove.
    pub events: &'static [&'static EventType],
    /// The path segments that name an event, for vendors that need one URL per event. Others may be taken by a setting.
    pub url_events: &'static [&'static str],
    /// The request headers worth keeping.
    pub headers: &'static [&'static str],
    /// How fast the vendor may be called, unless the connection says otherwise.
    pub pace: Pace,
    /// What the vendor limits besides: what its documents and its users tell.
    pub limits: &'static [Limit],
    /// Where its accounts are at home, unless the connection says otherwise: when their days and months begin.
    pub time_zone: &'static str,
    /// Makes a connector from checked settings. All problems at once.
    pub open: fn(Settings) -> Opened,
    /// Makes a simulator with some data in it, as of now, that takes the given settings' credentials.
    pub sandbox: fn(&Settings, Timestamp) -> Box<dyn Sandbox>,
    /// The names of the sample webhooks that `send` and `demo` know.
    pub samples: &'static [SampleDoc],
}

/// A connector, or all that is wrong with its settings.
pub type Opened = Result<Arc<dyn Connector>, Vec<SettingProblem>>;

/// How fast a vendor may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Requests a second; `None`: no limit known.
    pub per_second: Option<u32>,
    /// Requests at the same time.
    pub concurrency: u32,
}

/// A sample webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleDoc {
    pub name: &'static str,
    pub doc: &'static str,
}

/// A vendor with one account's settings. All functions are pure.
pub trait Connector: Send + Sync + 'static {
    /// Decides over a request at the gateway: raw bytes, constant time, fail closed.
    fn accept(&self, request: &Inbound) -> Accept;

    /// What a stored webhook proves, with all the replies fetched so far.
    fn normalize(&self, webhook: &Webhook) -> Normalized;

    /// Which polls this account wants.
    fn polls(&self) -> Vec<Poll> {
        Vec::new()
    }

    /// The next request of a poll. `cursor` is what [`Connector::read`] gave last, `None` at the very first time: begin now,
    /// old things are for `import`.
    fn poll(&self, _poll: &str, _cursor: Option<&serde_json::Value>, _now: Timestamp) -> Option<Request> {
        None
    }

    /// Reads the reply to a poll's request.
    fn read(&self, _poll: &str, _cursor: Option<&serde_json::Value>, _now: Timestamp, _reply: &Reply) -> PollRead {
        PollRead::Failed(crate::model::code::UNEXPECTED_ANSWER)
    }

    /// The key under which a webhook about a polled row is kept, if the vendor sends this account any: what tells whether a
    /// row that a poll found was ever told of.
    fn pushed_key(&self, _poll: &str, _row: &str) -> Option<String> {
        None
    }

    /// What this account can list from any day on, for `import`: the names of lists. A list's rows are what a poll of the same
    /// name finds.
    fn lists(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The next request of a list of all that was there or changed since then. `cursor` is what [`Connector::read_list`] gave
    /// last.
    fn list(
        &self,
        _list: &str,
        _since: Timestamp,
        _cursor: Option<&serde_json::Value>,
        _now: Timestamp,
    ) -> Option<Request> {
        None
    }

    /// Reads a page of a list. It has come to its end when there is no more.
    fn read_list(
        &self,
        _list: &str,
        _since: Timestamp,
        _cursor: Option<&serde_json::Value>,
        _now: Timestamp,
        _reply: &Reply,
    ) -> PollRead {
        PollRead::Failed(crate::model::code::UNEXPECTED_ANSWER)
    }

    /// What an operation's parameters aim at: its object (the conflict key, plain; the engine hashes it) and its registers.
    ///
    /// # Errors
    /// A text for people that names the parameter and what it takes, without its value.
    fn target(&self, operation: &Operation, parameters: &Parameters) -> Result<Target, String>;

    /// How an operation may be repeated, where this account's settings change what the catalogue says.
    fn repeat(&self, operation: &Operation) -> Repeat {
        operation.repeat
    }

    /// The next request of an action.
    fn plan(&self, work: &Work<'_>, progress: &Progress) -> Plan;

    /// What the reply means.
    fn interpret(&self, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict;

    /// One harmless request that proves the credentials.
    fn probe(&self) -> Option<Request>;

    /// What the answer to the probe means: nothing, or what is wrong and what to do (without secrets).
    ///
    /// # Errors
    /// What is wrong and what to do.
    fn read_probe(&self, reply: &Reply) -> Result<(), String>;

    /// The fields whose values this account's vendor can list: what `doctor` compares mapping tables with.
    fn listed(&self) -> Vec<Listed> {
        Vec::new()
    }

    /// Reads the answer to [`Listed::request`].
    ///
    /// # Errors
    /// What is wrong and what to do.
    fn read_listed(&self, _field: &str, _reply: &Reply) -> Result<BTreeSet<String>, String> {
        Ok(BTreeSet::new())
    }

    /// A signed sample webhook, as the vendor would send it. `url` is the connection's, without event and token: the
    /// connector puts its own behind it.
    fn sample(&self, _name: &str, _url: &url::Url, _now: Timestamp) -> Option<Request> {
        None
    }

    /// A login that must come before other requests: vendors with tokens that expire. The engine keeps the session's
    /// secret in the lane's memory of this process, or durably where [`Session::durable`] says so (refresh tokens that
    /// rotate), and hands it to [`Work`].
    fn login(&self, _session: Option<&Session>, _now: Timestamp) -> Option<Request> {
        None
    }

    /// Reads the answer to a login.
    ///
    /// # Errors
    /// What the engine does about it: retry or unauthorized.
    fn logged_in(&self, _session: Option<&Session>, _reply: &Reply, _now: Timestamp) -> Result<Session, Verdict> {
        Err(Verdict::Unauthorized)
    }
}

/// What a login gave.
#[derive(Clone, Debug)]
pub struct Session {
    /// Only the connector reads it.
    pub secret: crate::model::secret::Secret,
    /// A new login is needed from then on.
    pub expires: Timestamp,
    /// It must outlive the process, and be stored before it is used.
    pub durable: bool,
}
