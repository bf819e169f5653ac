//! The versions of the flows: every set that was ever in force stays readable in the topic `flows`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Operator, OperatorError};
use crate::{
    log::{Fencing, Table},
    model::time::Timestamp,
    runtime::flows::{activations, in_force},
    topics::flows::{FlowSet, SETS, read, set_key},
};

/// One time that a flow set came into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub flow_set: String,
    pub since: Timestamp,
    /// `past`, `in force`, `ahead`.
    pub state: String,
    /// The files that hold it.
    pub files: Vec<String>,
}

impl Operator {
    /// All versions, the oldest first.
    ///
    /// # Errors
    /// The log's.
    pub async fn versions(&self) -> Result<Vec<Version>, OperatorError> {
        let table = self.flows_table().await?;
        let activations = activations(table.as_ref())?;
        let now = self.clock.now();
        let present = activations.iter().rposition(|activation| activation.since <= now);
        let mut versions = Vec::with_capacity(activations.len());
        for (index, activation) in activations.iter().enumerate() {
            let state = match present {
                Some(present) if index < present => "past",
                Some(present) if index == present => "in force",
                _ => "ahead",
            };
            let set = table.get(&set_key(&activation.hash))?.map(|bytes| read::<FlowSet>(&bytes)).transpose()?;
            versions.push(Version {
                flow_set: activation.hash.to_string(),
                since: activation.since,
                state: state.to_owned(),
                files: set.map_or_else(Vec::new, |set| set.files.into_iter().map(|(path, _)| path).collect()),
            });
        }
        Ok(versions)
    }

    /// One version, whole: by its hash or the beginning of it; or the one in force.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`] when there is none such, or more than one.
    pub async fn version(&self, hash: Option<&str>) -> Result<FlowSet, OperatorError> {
        let table = self.flows_table().await?;
        let prefix = match hash {
            Some(hash) => hash.to_owned(),
            None => self.present(table.as_ref())?,
        };
        let found = table.scan(&format!("{SETS}{prefix}"), None, 2)?;
        match found.as_slice() {
            [(_, bytes)] => Ok(read(bytes)?),
            [] => Err(OperatorError::NotFound(format!(
                "there is no flow set `{prefix}`\nhint: `spojka flows list` shows them"
            ))),
            _ => Err(OperatorError::NotFound(format!("more than one flow set begins with `{prefix}`"))),
        }
    }

    fn present(&self, table: &dyn Table) -> Result<String, OperatorError> {
        let none = || OperatorError::NotFound("no flows have ever been in force".to_owned());
        in_force(table, self.clock.now())?.map(|hash| hash.to_string()).ok_or_else(none)
    }

    async fn flows_table(&self) -> Result<Arc<dyn Table>, OperatorError> {
        let table = self.log.table(&self.names.flows(), Fencing::None).await?;
        table.catch_up().await?;
        Ok(table)
    }
}
