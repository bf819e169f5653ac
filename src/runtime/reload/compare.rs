//! What a config says otherwise than the one that runs, beside its flows. Pure; tells keys, never values.

use crate::{
    config::{Config, ConnectionConfig, KafkaConfig, LogConfig, Sasl},
    model::{connection::ConnectionName, secret::Secret},
};

/// The keys that have another value, and wait for a restart.
pub(super) fn needs_restart(running: &Config, new: &Config) -> Vec<String> {
    let same = [
        ("installation.prefix", running.installation.prefix == new.installation.prefix),
        (
            "installation.hash_key",
            same_secret(running.installation.hash_key.as_ref(), new.installation.hash_key.as_ref()),
        ),
        ("log", same_log(&running.log, &new.log)),
        ("gateway", running.gateway == new.gateway),
        ("admin", running.admin == new.admin),
        ("remember", running.keeping.remember == new.keeping.remember),
        ("retention", running.keeping.retention == new.keeping.retention),
    ];
    let mut parts: Vec<String> = same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name.to_owned()).collect();
    for (name, connection) in &running.connections {
        match new.connections.get(name) {
            Some(other) => parts.extend(connection_parts(name, connection, other)),
            None => parts.push(format!("connections.{name}")),
        }
    }
    let added = new.connections.keys().filter(|name| !running.connections.contains_key(*name));
    parts.extend(added.map(|name| format!("connections.{name}")));
    parts.sort();
    parts
}

fn connection_parts(name: &ConnectionName, running: &ConnectionConfig, new: &ConnectionConfig) -> Vec<String> {
    let vendor = new.vendor.name;
    let same_vendor = running.vendor.name == vendor && running.settings.same(&new.settings);
    let same = [
        (vendor, same_vendor),
        ("delivery", running.delivery == new.delivery),
        ("preflight", running.preflight == new.preflight),
        ("was", running.was == new.was),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(part, _)| format!("connections.{name}.{part}")).collect()
}

fn same_secret(one: Option<&Secret>, other: Option<&Secret>) -> bool {
    one.map(Secret::expose) == other.map(Secret::expose)
}

fn same_log(one: &LogConfig, other: &LogConfig) -> bool {
    match (one, other) {
        (LogConfig::Embedded { path }, LogConfig::Embedded { path: other }) => path == other,
        (LogConfig::Kafka(one), LogConfig::Kafka(other)) => same_kafka(one, other),
        (LogConfig::Embedded { .. }, LogConfig::Kafka(_)) | (LogConfig::Kafka(_), LogConfig::Embedded { .. }) => false,
    }
}

fn same_kafka(one: &KafkaConfig, other: &KafkaConfig) -> bool {
    let KafkaConfig { brokers, security, replication, tables, options } = one;
    let login = |sasl: &Option<Sasl>| {
        sasl.as_ref()
            .map(|sasl| (sasl.mechanism.clone(), sasl.username.clone(), Secret::expose(&sasl.password).to_owned()))
    };
    *brokers == other.brokers
        && *replication == other.replication
        && *tables == other.tables
        && *options == other.options
        && security.tls == other.security.tls
        && security.ca_file == other.security.ca_file
        && login(&security.sasl) == login(&other.security.sasl)
}

#[cfg(test)]
mod tests;
