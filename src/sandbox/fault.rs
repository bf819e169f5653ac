//! What is to go wrong, with which requests, and how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{connectors::contract::sandbox::SandboxRequest, model::http::Method};

/// One thing that goes wrong. In JSON: `{"match": {"method": "POST", "path_contains": "orders"}, "kind": "status", "value":
/// 429, "retry_after_seconds": 2, "times": 3}`; all but `kind` may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Typed", into = "Typed")]
pub struct Fault {
    pub matches: Matches,
    pub kind: FaultKind,
    /// For how many requests; `None`: until it is cleared.
    pub times: Option<u32>,
}

/// Which requests: all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matches {
    pub method: Option<Method>,
    pub path_contains: Option<String>,
    /// For vendors that have one path for everything.
    pub body_contains: Option<String>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The vendor does it and answers, later.
    Latency(Duration),
    /// Somebody in front of the vendor answers instead: nothing is done.
    Status { status: u16, retry_after_seconds: Option<u32> },
    /// The connection closes before the vendor does anything.
    Drop,
    /// The vendor does it, and the connection closes before the answer.
    LostAnswer,
    /// Nothing is done, and no answer ever comes.
    Hang,
}

impl FaultKind {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Status { .. } => "status",
            Self::Drop => "drop",
            Self::LostAnswer => "lost_answer",
            Self::Hang => "hang",
        }
    }
}

/// A fault's JSON that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFault(&'static str);

impl Fault {
    /// Goes wrong with every request, until it is cleared.
    pub fn new(kind: FaultKind) -> Self {
        Self { matches: Matches::default(), kind, times: None }
    }

    /// Only for so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only for requests with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.matches.method = Some(method);
        self
    }

    /// Only for requests with this in their path.
    #[must_use]
    pub fn path(mut self, contains: impl Into<String>) -> Self {
        self.matches.path_contains = Some(contains.into());
        self
    }

    /// Only for requests with this in their body.
    #[must_use]
    pub fn body(mut self, contains: impl Into<String>) -> Self {
        self.matches.body_contains = Some(contains.into());
        self
    }

    /// Whether it strikes this request; if so, it has struck once more.
    pub(super) fn strikes(&mut self, request: &SandboxRequest) -> bool {
        if self.times == Some(0) || !self.matches.fit(request) {
            return false;
        }
        self.times = self.times.map(|times| times - 1);
        true
    }
}

impl Matches {
    fn fit(&self, request: &SandboxRequest) -> bool {
        self.method.is_none_or(|method| method == request.method)
            && self.path_contains.as_ref().is_none_or(|part| request.path.contains(part))
            && self.body_contains.as_ref().is_none_or(|part| contains(&request.body, part.as_bytes()))
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}

/// A fault as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default, rename = "match")]
    matches: Matches,
    kind: String,
    value: Option<u64>,
    retry_after_seconds: Option<u32>,
    times: Option<u32>,
}

impl From<Fault> for Typed {
    fn from(Fault { matches, kind, times }: Fault) -> Self {
        let (kind, value, retry_after_seconds) = match kind {
            FaultKind::Latency(delay) => ("latency_ms", u64::try_from(delay.as_millis()).ok(), None),
            FaultKind::Status { status, retry_after_seconds } => {
                ("status", Some(u64::from(status)), retry_after_seconds)
            }
            FaultKind::Drop | FaultKind::LostAnswer | FaultKind::Hang => (kind.name(), None, None),
        };
        Self { matches, kind: kind.to_owned(), value, retry_after_seconds, times }
    }
}

impl TryFrom<Typed> for Fault {
    type Error = BadFault;

    fn try_from(typed: Typed) -> Result<Self, BadFault> {
        let kind = match (typed.kind.as_str(), typed.value) {
            ("latency_ms", Some(value)) => FaultKind::Latency(Duration::from_millis(value)),
            ("latency_ms", None) => return Err(BadFault("`latency_ms` needs a `value` in milliseconds")),
            ("status", Some(value @ 200..=599)) => FaultKind::Status {
                status: u16::try_from(value).map_err(|_| BadFault("a status has three digits"))?,
                retry_after_seconds: typed.retry_after_seconds,
            },
            ("status", _) => return Err(BadFault("`status` needs a `value` from 200 to 599")),
            ("drop", None) => FaultKind::Drop,
            ("lost_answer", None) => FaultKind::LostAnswer,
            ("hang", None) => FaultKind::Hang,
            ("drop" | "lost_answer" | "hang", Some(_)) => return Err(BadFault("this `kind` takes no `value`")),
            _ => return Err(BadFault("`kind` is one of latency_ms, status, drop, lost_answer, hang")),
        };
        if typed.retry_after_seconds.is_some() && !matches!(kind, FaultKind::Status { .. }) {
            return Err(BadFault("`retry_after_seconds` goes with the kind `status` only"));
        }
        Ok(Self { matches: typed.matches, kind, times: typed.times })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::model::http::Headers;

    fn request(method: Method, path: &str, body: &'static str) -> SandboxRequest {
        SandboxRequest {
            method,
            path: path.to_owned(),
            query: String::new(),
            headers: Headers::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn a_fault_strikes_what_it_names_and_only_so_often() {
        let mut fault = Fault::new(FaultKind::Drop).method(Method::Post).path("/orders").body("id=1").times(2);
        assert!(!fault.strikes(&request(Method::Get, "/orders", "id=1")));
        assert!(!fault.strikes(&request(Method::Post, "/other", "id=1")));
        assert!(!fault.strikes(&request(Method::Post, "/orders", "id=2")));
        let hit = request(Method::Post, "/v1/orders", "a&id=1");
        assert_eq!([(); 3].map(|()| fault.strikes(&hit)), [true, true, false]);
    }

    #[test]
    fn faults_are_read_from_json() {
        let text = json!({"match": {"method": "POST", "path_contains": "x"}, "kind": "status", "value": 429,
            "retry_after_seconds": 2, "times": 1});
        let kind = FaultKind::Status { status: 429, retry_after_seconds: Some(2) };
        let expected = Fault::new(kind).method(Method::Post).path("x").times(1);
        assert_eq!(serde_json::from_value::<Fault>(text).expect("a fault"), expected);
        assert_eq!(serde_json::from_value::<Fault>(json!({"kind": "hang"})).expect("a fault").times, None);
    }

    #[test]
    fn a_fault_that_is_written_is_the_same_when_it_is_read() {
        let status = |status, retry_after_seconds| FaultKind::Status { status, retry_after_seconds };
        let latency = FaultKind::Latency(Duration::from_millis(400));
        for kind in
            [latency, status(429, Some(1)), status(500, None), FaultKind::Drop, FaultKind::LostAnswer, FaultKind::Hang]
        {
            let fault = Fault::new(kind).path("x").times(3);
            let written = serde_json::to_value(&fault).expect("plain data");
            assert_eq!(serde_json::from_value::<Fault>(written).expect("a fault"), fault);
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for bad in [
            json!({}),
            json!({"kind": "explode"}),
            json!({"kind": "status"}),
            json!({"kind": "status", "value": 1000}),
            json!({"kind": "latency_ms"}),
            json!({"kind": "drop", "value": 1}),
            json!({"kind": "drop", "retry_after_seconds": 1}),
            json!({"kind": "drop", "match": {"path": "x"}}),
            json!({"kind": "drop", "time": 1}),
        ] {
            assert!(serde_json::from_value::<Fault>(bad.clone()).is_err(), "{bad}");
        }
    }
}
