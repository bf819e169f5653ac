//! What the tests of this folder share, and the tests of the whole.

use super::{VENDOR, settings::Config};
use crate::connectors::contract::{Connector, settings::settings_of};

/// An account with the given settings over the defaults.
pub(super) fn config(given: &[(&str, &str)]) -> Config {
    Config::read(&settings(given)).ok().expect("settings without problems")
}

pub(super) fn settings(given: &[(&str, &str)]) -> crate::connectors::contract::Settings {
    let account = [("user", "shop@example.cz"), ("api_key", "k3y")];
    let own = account.into_iter().filter(|(name, _)| !given.iter().any(|(other, _)| other == name));
    settings_of(VENDOR.settings, &own.chain(given.iter().copied()).collect::<Vec<_>>())
}

pub(super) fn connector(given: &[(&str, &str)]) -> std::sync::Arc<dyn Connector> {
    (VENDOR.open)(settings(given)).ok().expect("settings without problems")
}
