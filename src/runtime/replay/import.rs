//! Imports: what a vendor holds already is listed by its lane's owner, row by row, as webhooks of the import's own run. What
//! becomes of them is a replay over these records: counted first, then adopted or fired.

use serde::{Deserialize, Serialize};

use super::Replayer;
use crate::{
    config::ConnectionConfig,
    log::{Fencing, Table},
    model::{
        connection::ConnectionName,
        hash::short_hex,
        id::{ActionId, WebhookId},
        time::{Timestamp, version_of},
    },
    runtime::operator::OperatorError,
    topics::{
        action::{Action, Parameters, Purpose, Source},
        event::{Origin, OriginKind},
        memory::{self, ActionState, End, Waiting, key},
        occasion::Occasions,
    },
};

/// What is to be listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportRequest {
    /// By its first name.
    pub connection: ConnectionName,
    pub since: Timestamp,
    /// The connector's lists; none: all of them.
    pub lists: Vec<String>,
}

/// An import on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its name: `i-…`.
    pub run: String,
    pub connection: ConnectionName,
    pub lists: Vec<Listing>,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    pub list: String,
    pub action: ActionId,
    /// Nothing: not begun, or nobody has said so yet.
    #[serde(default)]
    pub state: Option<Listed>,
}

/// How far a list has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// Read as far as this; the code says why it waits, where it does.
    Reading {
        code: String,
    },
    Done {
        rows: u64,
    },
    Dead {
        code: String,
    },
}

impl Replayer {
    /// Asks the owner of a connection's lane to list what the vendor holds.
    ///
    /// # Errors
    /// [`OperatorError::Refused`] when the connection can list nothing of the kind; the log's errors.
    pub async fn import(&self, request: &ImportRequest) -> Result<Import, OperatorError> {
        let ground = &self.0.ground;
        let lists = self.lists(request)?;
        let now = ground.clock.now();
        let mark: String = short_hex(&ground.random.bytes()).chars().take(4).collect();
        let run = format!("i-{}-{mark}", now.strftime("%Y%m%d-%H%M%S"));
        let mut import = Import { run, connection: request.connection.clone(), lists: Vec::new() };
        let mut appends = Vec::new();
        for list in lists {
            let action = self.listing(&import, &list, request.since, now);
            appends.push(action.to_append(ground.names.bulk(&request.connection)));
            import.lists.push(Listing { list, action: action.id, state: None });
        }
        ground.log.append(appends).await?;
        Ok(import)
    }

    /// The connector's lists that are meant.
    fn lists(&self, request: &ImportRequest) -> Result<Vec<String>, OperatorError> {
        let connection = self.connection(&request.connection)?;
        let known = connection.connector.lists();
        if known.is_empty() {
            let why = format!("`{}` cannot list what it holds, as it is configured", request.connection);
            return Err(OperatorError::Refused(why));
        }
        if let Some(unknown) = request.lists.iter().find(|list| !known.contains(&list.as_str())) {
            let why =
                format!("`{}` has no list `{unknown}`\nhint: it has `{}`", request.connection, known.join("`, `"));
            return Err(OperatorError::Refused(why));
        }
        let all = || known.iter().map(|list| (*list).to_owned()).collect();
        Ok(if request.lists.is_empty() { all() } else { request.lists.clone() })
    }

    fn connection(&self, identity: &ConnectionName) -> Result<&ConnectionConfig, OperatorError> {
        let mut all = self.0.config.connections.iter();
        let found = all.find(|(name, connection)| connection.identity(name) == identity);
        let missing = || OperatorError::NotFound(format!("the config has no connection `{identity}`"));
        found.map(|(_, connection)| connection).ok_or_else(missing)
    }

    /// The action that lists. It is about no entity and came from no webhook: the import's run stands in their place.
    fn listing(&self, import: &Import, list: &str, since: Timestamp, now: Timestamp) -> Action {
        let ids = &self.0.ground.ids;
        let connection = &import.connection;
        let webhook = WebhookId::from_text(import.run.clone());
        Action {
            id: ids.fetch(&webhook, list, &import.run),
            connection: connection.clone(),
            operation: format!("list {list}"),
            parameters: Parameters::new(),
            conflict: ids.conflict(connection, &format!("list:{list}")),
            purpose: Purpose::List { list: list.to_owned(), since, cursor: None, until: None },
            source: Source {
                entity: ids.entity(connection, "list", list),
                version: version_of(now),
                arrived: now,
                webhook,
            },
            not_before: None,
            retry: 0,
            optional: false,
            adopt: false,
            only: Occasions::default(),
            hold: None,
            origin: Origin::of_run(OriginKind::Import, &import.run),
            traceparent: None,
        }
    }

    /// An import as it stands now.
    ///
    /// # Errors
    /// The log's.
    pub async fn import_state(&self, mut import: Import) -> Result<Import, OperatorError> {
        let ground = &self.0.ground;
        let memory = ground.log.table(&ground.names.memory(&import.connection), Fencing::Epochs).await?;
        memory.catch_up().await?;
        for listing in &mut import.lists {
            let settled = memory.get(&key::action(&listing.action))?.map(|bytes| memory::read(&bytes)).transpose()?;
            listing.state = match settled {
                Some(ActionState::Settled(outcome)) => Some(match outcome.end {
                    End::Dead(code) => Listed::Dead { code: code.to_string() },
                    _ => Listed::Done {
                        rows: outcome.result.get("rows").and_then(|rows| rows.parse().ok()).unwrap_or(0),
                    },
                }),
                _ => reading(memory.as_ref(), listing)?,
            };
        }
        Ok(import)
    }
}

/// What memory says of a list that has not ended. Between two pages it waits there.
fn reading(memory: &dyn Table, listing: &Listing) -> Result<Option<Listed>, OperatorError> {
    let waiting = memory.get(&key::waiting(&listing.action))?;
    let waiting: Option<Waiting> = waiting.map(|bytes| memory::read(&bytes)).transpose()?;
    Ok(waiting.map(|waiting| Listed::Reading { code: waiting.code.to_string() }))
}
