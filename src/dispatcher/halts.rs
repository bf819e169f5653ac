//! What stands still until a person or a changed secret says otherwise: rejected credentials, and a lane that was paused.
//! Both are in memory, so that no restart sends a rejected password again: three of them lock some accounts.

use super::{context::LaneContext, ledger::read_as};
use crate::{
    log::LogResult,
    model::code::{self, Code},
    topics::{
        control::Control,
        memory::{self, Halt, key},
    },
};

impl LaneContext {
    /// From here on the lane sends nothing, at once; and it is remembered before the caller goes on.
    pub async fn halt(&self, code: Code) -> LogResult<()> {
        if !self.circuit.halt(code) {
            return Ok(());
        }
        // A forbidden address is found again without a request leaving the house: the next start may try.
        if code == code::UNAUTHORIZED { self.write_halt(code).await } else { Ok(()) }
    }

    /// Does what a person tells the lane.
    pub async fn control(&self, control: Control) -> LogResult<()> {
        match control {
            Control::Pause => {
                self.circuit.pause();
                self.write_halt(code::PAUSED).await
            }
            Control::Resume => {
                self.forget_halt().await?;
                self.circuit.close();
                Ok(())
            }
        }
    }

    /// Stands still if the last owner did, unless the credentials have been changed since.
    pub async fn restore_halt(&self) -> LogResult<()> {
        let Some(halt) = read_as::<Halt>(self.memory.as_ref(), key::HALT)? else { return Ok(()) };
        match halt.credentials {
            None => self.circuit.pause(),
            Some(rejected) if rejected == self.connection.credentials => {
                self.circuit.halt(halt.code);
            }
            Some(_) => {
                tracing::info!(connection.id = %self.connection.name, "the rejected credentials have been changed");
                self.forget_halt().await?;
            }
        }
        Ok(())
    }

    async fn write_halt(&self, code: Code) -> LogResult<()> {
        let credentials = (code != code::PAUSED).then(|| self.connection.credentials.clone());
        let halt = Halt { code, at: self.now(), credentials };
        self.remember(vec![memory::put(&self.memory_topic, key::HALT, &halt, self.epoch, self.now())]).await
    }

    async fn forget_halt(&self) -> LogResult<()> {
        self.remember(vec![memory::forget(&self.memory_topic, key::HALT, self.epoch, self.now())]).await
    }
}
