//! Opens what a config names: the log, and the key that ids are built with.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use super::{
    operator::Operator,
    roles::{by_identity, limits_of_lane},
};
use crate::{
    config::{Config, LogConfig},
    dispatcher::LaneBoard,
    log::{
        Log, LogError, LogResult,
        embedded::{EmbeddedLog, EmbeddedOptions},
    },
    model::{hash::hex, id::Ids, random::Random, time::Clock},
    topics::Names,
};

/// Opens the log that a config names.
///
/// # Errors
/// What is wrong with the file or the brokers.
pub fn open_log(config: &Config, clock: Arc<dyn Clock>) -> LogResult<Log> {
    match &config.log {
        LogConfig::Embedded { path } => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|error| {
                    LogError::Broken(format!("the folder {} cannot be made: {error}", folder.display()))
                })?;
            }
            let options =
                EmbeddedOptions { clock, max_message_bytes: largest_record(config), ..EmbeddedOptions::default() };
            Ok(Arc::new(EmbeddedLog::open(path, options)?))
        }
        LogConfig::Kafka(kafka) => super::kafka::connect(config, kafka, clock),
    }
}

/// The largest record: a dead letter around a fetch around a webhook with its reply, each layer a third larger than the one
/// within.
pub(super) fn largest_record(config: &Config) -> usize {
    config.gateway.max_body_bytes * 8
}

/// The log and the names in it.
pub fn operator_of(config: &Config, log: &Log, clock: Arc<dyn Clock>) -> Operator {
    let connections = by_identity(config).map(|(name, _)| name).collect();
    let limits = by_identity(config).map(|(name, connection)| (name, limits_of_lane(connection))).collect();
    Operator { log: Arc::clone(log), names: names_of(config), connections, limits, board: LaneBoard::default(), clock }
}

pub(super) fn names_of(config: &Config) -> Names {
    Names::new(config.installation.prefix.clone())
}

/// The builder of ids. Without a key in the config, an embedded log keeps one beside its file, made at the first start.
///
/// # Errors
/// The key's file cannot be read or made; or the log is Kafka, which has no place of its own for a key.
pub fn ids_of(config: &Config, random: &dyn Random) -> LogResult<Ids> {
    if let Some(key) = &config.installation.hash_key {
        return Ok(Ids::new(key.expose().as_bytes()));
    }
    match &config.log {
        LogConfig::Embedded { path } => {
            let file = path.with_extension("key");
            let key = key_in(&file, random)
                .map_err(|error| LogError::Broken(format!("the key {} cannot be had: {error}", file.display())))?;
            Ok(Ids::new(key.trim().as_bytes()))
        }
        LogConfig::Kafka(_) => Err(LogError::Broken(
            "`installation.hash_key` is missing: on Kafka all processes must build the same ids; to keep those of an \
             embedded log, take the key file beside it"
                .to_owned(),
        )),
    }
}

fn key_in(file: &Path, random: &dyn Random) -> std::io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = hex(&[random.bytes(), random.bytes()].concat());
            let mut made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
            made.write_all(key.as_bytes())?;
            made.sync_all()?;
            Ok(key)
        }
        read => read,
    }
}
