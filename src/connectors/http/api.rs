//! The other side as a target: where it is, and how we show it who we are.

use std::time::Duration;

use url::Url;

use super::{
    path::Path,
    place::{Find, Place},
    proof,
    settings::{Problems, duration, header_name, problem},
    source,
};
use crate::{
    connectors::{
        contract::{Repeat, Settings, Work},
        kit::standard_webhooks::{self as standard, Key},
    },
    model::{
        http::{Auth, Method, Reply, Request},
        secret::Secret,
        time::Timestamp,
    },
};

/// What an update overwrites.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum UpdateMethod {
    /// What is given.
    Patch,
    /// The whole object.
    Put,
}

/// The settings of a target, as used.
pub(super) struct Api {
    pub(super) base: Url,
    credentials: Credentials,
    signing: Vec<Key>,
    idempotency_header: String,
    pub(super) id_path: Path,
    pub(super) update_method: UpdateMethod,
    pub(super) there_is_done: bool,
    pub(super) find: Option<Find>,
    settle: Duration,
    probe: Option<Place>,
}

/// How we show who we are.
enum Credentials {
    None,
    Bearer(Secret),
    Basic { user: String, password: Secret },
    Header { name: String, value: Secret },
}

impl Api {
    /// Nothing where the connection is no target. Its settings are looked at all the same.
    pub(super) fn read(settings: &Settings, problems: &mut Problems) -> Option<Self> {
        let base = settings.url("base_url").cloned();
        if base.as_ref().is_some_and(|base| base.query().is_some() || base.fragment().is_some()) {
            problems.push(problem(
                "base_url",
                "the operations' paths cannot follow a query",
                "leave out what is behind `?`",
            ));
        }
        let api = Self {
            credentials: Credentials::read(settings, problems),
            signing: proof::keys(settings, "signing_secret", problems),
            idempotency_header: header_name(settings, "idempotency_header", problems),
            id_path: source::path(settings, "id_path", problems),
            update_method: match settings.text("update_method") {
                "put" => UpdateMethod::Put,
                _ => UpdateMethod::Patch,
            },
            there_is_done: settings.text("already_exists") == "done",
            find: read_find(settings, problems),
            settle: duration(settings, "settle"),
            probe: read_probe(settings, problems),
            base: base?,
        };
        Some(api)
    }

    /// How a `create` may be repeated.
    pub(super) fn repeat_of_create(&self) -> Repeat {
        match (self.idempotency_header.is_empty(), &self.find) {
            (false, _) => Repeat::Keyed,
            (true, Some(_)) => Repeat::Checked { settle: self.settle },
            (true, None) => Repeat::Unsafe,
        }
    }

    /// A request that writes, under the action's reference.
    pub(super) fn write(&self, work: &Work<'_>, method: Method, url: Url, body: Option<&serde_json::Value>) -> Request {
        let request = self.request(method, url);
        let mut request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        if !self.idempotency_header.is_empty() && !self.signs_as(&self.idempotency_header) {
            request = request.header(&self.idempotency_header, work.reference);
        }
        self.signed(request, work.reference, work.now)
    }

    /// A request that only asks. Signed under another id: whoever drops what it knows would drop the write behind it.
    pub(super) fn ask(&self, work: &Work<'_>, url: Url) -> Request {
        self.signed(self.request(Method::Get, url), &format!("{}-find", work.reference), work.now)
    }

    /// It is not signed: there is neither an action nor a clock to sign it by.
    pub(super) fn probe(&self) -> Option<Request> {
        self.probe.as_ref().map(|probe| self.request(Method::Get, probe.below(&self.base)))
    }

    /// What the answer to the probe means.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub(super) fn read_probe(&self, reply: &Reply) -> Result<(), String> {
        match reply.status {
            200..=299 => Ok(()),
            401 | 403 => Err(format!("the credentials are rejected ({}): compare {}", reply.status, self.named())),
            status => Err(format!("expected a status from 200 to 299, got {status}: compare `base_url` and `probe`")),
        }
    }

    fn named(&self) -> &'static str {
        match self.credentials {
            Credentials::None => "`authentication`: none are sent",
            Credentials::Bearer(_) => "`token`",
            Credentials::Basic { .. } => "`user` and `password`",
            Credentials::Header { .. } => "`token` and `token_header`",
        }
    }

    fn signs_as(&self, header: &str) -> bool {
        !self.signing.is_empty() && header.eq_ignore_ascii_case(&format!("{}id", standard::PREFIX))
    }

    fn request(&self, method: Method, url: Url) -> Request {
        let request = Request::new(method, url).header("accept", "application/json");
        match &self.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.auth(Auth::Bearer(token.clone())),
            Credentials::Basic { user, password } => {
                request.auth(Auth::Basic { user: user.clone(), password: password.clone() })
            }
            Credentials::Header { name, value } => request.header(name, value.expose()),
        }
    }

    fn signed(&self, mut request: Request, id: &str, now: Timestamp) -> Request {
        if !self.signing.is_empty() {
            request.headers.0.extend(standard::sign(&self.signing, standard::PREFIX, id, now, &request.body).0);
        }
        request
    }
}

impl Credentials {
    fn read(settings: &Settings, problems: &mut Problems) -> Self {
        let way = settings.text("authentication");
        let wanted: &[&'static str] = match way {
            "bearer" | "header" => &["token"],
            "basic" => &["user", "password"],
            _ => &[],
        };
        for setting in ["token", "user", "password"] {
            let filled = !settings.text(setting).is_empty() || !settings.secret(setting).expose().is_empty();
            match (wanted.contains(&setting), filled) {
                (true, false) => problems.push(problem(setting, format!("`{way}` needs it"), "give it")),
                (false, true) => {
                    let hint = "say `authentication: bearer`, `basic` or `header`, or leave it out";
                    problems.push(problem(setting, format!("with `authentication: {way}` nothing uses it"), hint));
                }
                _ => {}
            }
        }
        let user = settings.text("user").to_owned();
        if user.contains(':') {
            problems.push(problem("user", "a user name with a colon cannot be sent", "copy it from the other side"));
        }
        let name = header_name(settings, "token_header", problems);
        match way {
            "bearer" => Self::Bearer(settings.secret("token")),
            "basic" => Self::Basic { user, password: settings.secret("password") },
            "header" => Self::Header { name, value: settings.secret("token") },
            _ => Self::None,
        }
    }
}

fn read_find(settings: &Settings, problems: &mut Problems) -> Option<Find> {
    let find = settings.has("find").then(|| Find::read(settings.text("find")))?;
    if find.is_none() {
        let hint = "a path below `base_url` with `{key}` in it, such as `users?email={key}` or `{path}/{key}`";
        problems.push(problem("find", "nothing can be looked up by it", hint));
    }
    find
}

fn read_probe(settings: &Settings, problems: &mut Problems) -> Option<Place> {
    let probe = settings.has("probe").then(|| Place::read(settings.text("probe")))?;
    if probe.is_err() {
        problems.push(problem("probe", "it is no path below `base_url`", "such as `users/me`, without a query"));
    }
    probe.ok()
}
