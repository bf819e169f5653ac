//! Secrets are references, `env:NAME` or `file:/path`, resolved after parsing. The environment is read here and nowhere else.

use std::{collections::BTreeMap, io};

use super::{fields::text_of, report::Problems, tree::Node};
use crate::model::{code, secret::Secret};

/// What references point into.
pub trait Environment: Sync {
    fn variable(&self, name: &str) -> Option<String>;

    /// A file's text.
    ///
    /// # Errors
    /// As the operating system says.
    fn file(&self, path: &str) -> io::Result<String>;
}

/// The process's own environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// An environment of its own, for tests and sandboxes.
#[derive(Clone, Debug, Default)]
pub struct FixedEnvironment {
    pub variables: BTreeMap<String, String>,
    pub files: BTreeMap<String, String>,
}

impl Environment for FixedEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn file(&self, path: &str) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// How far a config is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Secrets that cannot be had do not matter: a placeholder stands in. For `check`, which runs anywhere.
    CheckOnly,
    /// Every secret must be there.
    Resolve,
}

/// What stands for a secret that was not looked for: base64 of "not-resolved", because some secrets are base64.
const PLACEHOLDER: &str = "bm90LXJlc29sdmVk";

/// Resolves references.
pub(crate) struct Secrets<'a> {
    pub environment: &'a dyn Environment,
    pub mode: Mode,
}

impl Secrets<'_> {
    /// Resolves the reference that a node holds.
    pub(crate) fn resolve(&self, node: &Node, problems: &mut Problems) -> Option<Secret> {
        let text = text_of(node, problems)?;
        let (what, found) = match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => {
                (format!("the variable `{name}` is not set"), self.environment.variable(name))
            }
            Some(("file", path)) if !path.is_empty() => {
                (format!("the file `{path}` cannot be read"), self.environment.file(path).ok())
            }
            _ => {
                problems.cover(&node.place);
                let hint = match shell_variable(text) {
                    Some(name) => format!("write `env:{name}`"),
                    None => "write `env:NAME` or `file:/path` and keep the secret there".to_owned(),
                };
                problems.add(&node.place, code::PLAIN_SECRET, "a secret must be a reference").hint(hint);
                return None;
            }
        };
        let found = found.map(|secret| secret.trim_end_matches(['\r', '\n']).to_owned());
        match (found, self.mode) {
            (Some(secret), _) if !secret.is_empty() => Some(Secret::new(secret)),
            (_, Mode::CheckOnly) => Some(Secret::new(PLACEHOLDER)),
            (Some(_), Mode::Resolve) => {
                problems
                    .add(&node.place, code::SECRET_NOT_FOUND, format!("`{text}` is empty"))
                    .hint("put the secret there");
                None
            }
            (None, Mode::Resolve) => {
                problems
                    .add(&node.place, code::SECRET_NOT_FOUND, what)
                    .hint("set it where Spojka is started; `spojka check` needs no secrets");
                None
            }
        }
    }
}

/// The variable that is meant by `$NAME`, `${NAME}` or `ENV:NAME`. Only what is surely a name may be shown.
fn shell_variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let name = name.or_else(|| text.strip_prefix('$')).or_else(|| text.strip_prefix("ENV:"))?;
    let is_name = name.contains('_') && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    is_name.then_some(name)
}
