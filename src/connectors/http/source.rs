//! The other side as a source: how its webhooks are proved, and where in them is what.

use jiff::tz::TimeZone;

use super::{
    mapping::Mapping,
    path::Path,
    proof::Proof,
    settings::{Problems, problem},
};
use crate::{connectors::contract::Settings, model::secret::Secret};

/// The settings of a source, as used.
pub(super) struct Source {
    /// Nothing where the connection takes no webhooks.
    pub(super) proof: Option<Proof>,
    pub(super) url_tokens: Vec<Secret>,
    pub(super) type_path: Path,
    pub(super) content_path: Path,
    pub(super) time_path: Path,
    pub(super) mapping: Mapping,
    pub(super) zone: TimeZone,
}

impl Source {
    pub(super) fn read(settings: &Settings, problems: &mut Problems) -> Self {
        Self {
            proof: Proof::read(settings, problems),
            url_tokens: settings.secrets("url_token").to_vec(),
            type_path: path(settings, "type_path", problems),
            content_path: any_path(settings, "content_path", problems),
            time_path: path(settings, "time_path", problems),
            mapping: Mapping::read(settings, problems),
            zone: settings.zone("zone"),
        }
    }
}

/// A path to a part of a body.
pub(super) fn path(settings: &Settings, setting: &'static str, problems: &mut Problems) -> Path {
    let path = any_path(settings, setting, problems);
    if settings.has(setting) && settings.text(setting).trim().is_empty() {
        problems.push(problem(setting, "it is empty", "names with full stops between them, such as `meta.id`"));
    }
    path
}

fn any_path(settings: &Settings, setting: &'static str, problems: &mut Problems) -> Path {
    Path::parse(settings.text(setting)).unwrap_or_else(|| {
        problems.push(problem(setting, "one of its names is empty", "names with full stops between them: `meta.id`"));
        Path::whole()
    })
}
