//! Settings declare themselves: config checking, help, docs and completion derive from one list.

use std::{collections::BTreeMap, time::Duration};

use crate::model::secret::Secret;

/// One setting of a vendor.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub kind: SettingKind,
    pub need: Need,
    /// What it is for; for an assumption about the vendor: that it is one.
    pub doc: &'static str,
}

/// What a setting holds, and how it is written in YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    Text,
    /// A reference, `env:NAME` or `file:/path`.
    Secret,
    /// One reference or a list of them: several secrets are valid at once while they are rotated.
    Secrets,
    Url,
    Integer {
        min: i64,
        max: i64,
    },
    Boolean,
    /// A number with `ms`, `s`, `m`, `h` or `d`.
    Duration,
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A mapping from text to text.
    TextMap,
    /// An IANA time zone.
    Zone,
}

impl SettingKind {
    /// For people.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Secret => "`env:NAME` or `file:/path`".to_owned(),
            Self::Secrets => "`env:NAME` or `file:/path`, or a list".to_owned(),
            Self::Url => "URL".to_owned(),
            Self::Integer { min, max: i64::MAX } => format!("whole number from {min}"),
            Self::Integer { min, max } => format!("{min} to {max}"),
            Self::Boolean => "true or false".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Choice(choices) => choices.join(" or "),
            Self::Texts => "list of texts".to_owned(),
            Self::TextMap => "mapping of texts".to_owned(),
            Self::Zone => "time zone".to_owned(),
        }
    }
}

/// Whether a setting must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    /// Taken when it is not given, written as in YAML.
    Default(&'static str),
}

impl Need {
    /// For people: what stands in the column of defaults.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "",
            Self::Default(default) => default,
        }
    }
}

/// A checked value.
#[derive(Clone, Debug)]
pub enum SettingValue {
    Text(String),
    Secrets(Vec<Secret>),
    Url(url::Url),
    Integer(i64),
    Boolean(bool),
    Duration(Duration),
    Texts(Vec<String>),
    TextMap(BTreeMap<String, String>),
    Zone(jiff::tz::TimeZone),
}

impl SettingValue {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Secrets(one), Self::Secrets(other)) => {
                one.iter().map(Secret::expose).eq(other.iter().map(Secret::expose))
            }
            (Self::Url(one), Self::Url(other)) => one == other,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            (Self::Boolean(one), Self::Boolean(other)) => one == other,
            (Self::Duration(one), Self::Duration(other)) => one == other,
            (Self::Texts(one), Self::Texts(other)) => one == other,
            (Self::TextMap(one), Self::TextMap(other)) => one == other,
            (Self::Zone(one), Self::Zone(other)) => one == other,
            _ => false,
        }
    }
}

/// What is wrong with a setting beyond its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// The setting's name.
    pub setting: &'static str,
    /// What is wrong, without its value if that may be secret.
    pub message: String,
    pub hint: Option<String>,
}

/// One account's settings, checked against the vendor's list: what is required is there, kinds are right, defaults are in.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<&'static str, SettingValue>);

impl Settings {
    /// Only config checking and tests make settings.
    pub fn new(values: BTreeMap<&'static str, SettingValue>) -> Self {
        Self(values)
    }

    /// Whether both say the same, secrets included.
    pub fn same(&self, other: &Self) -> bool {
        let both = self.0.iter().zip(&other.0);
        self.0.len() == other.0.len() && both.into_iter().all(|(one, other)| one.0 == other.0 && one.1.same(other.1))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text or a choice; empty when it is optional and not given.
    pub fn text(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(SettingValue::Text(text)) => text,
            _ => "",
        }
    }

    /// The first secret. An empty one (which matches nothing) when it is optional and not given.
    pub fn secret(&self, name: &str) -> Secret {
        self.secrets(name).first().cloned().unwrap_or_else(|| Secret::new(""))
    }

    pub fn secrets(&self, name: &str) -> &[Secret] {
        match self.0.get(name) {
            Some(SettingValue::Secrets(secrets)) => secrets,
            _ => &[],
        }
    }

    /// What says who we are at the vendor: its texts, URLs and secrets, each behind its name. Other settings say how we
    /// work, and their change makes no rejected password right.
    pub fn identifying(&self, declared: &[Setting]) -> Vec<&str> {
        let is_choice = |name| declared.iter().any(|s| s.name == name && matches!(s.kind, SettingKind::Choice(_)));
        let mut parts = Vec::new();
        for (name, value) in self.0.iter().filter(|(name, _)| !is_choice(**name)) {
            parts.push(*name);
            match value {
                SettingValue::Text(text) => parts.push(text),
                SettingValue::Url(url) => parts.push(url.as_str()),
                SettingValue::Secrets(secrets) => parts.extend(secrets.iter().map(Secret::expose)),
                _ => {
                    parts.pop();
                }
            }
        }
        parts
    }

    pub fn url(&self, name: &str) -> Option<&url::Url> {
        match self.0.get(name) {
            Some(SettingValue::Url(url)) => Some(url),
            _ => None,
        }
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(SettingValue::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(SettingValue::Boolean(true)))
    }

    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.0.get(name) {
            Some(SettingValue::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    pub fn texts(&self, name: &str) -> &[String] {
        match self.0.get(name) {
            Some(SettingValue::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub fn text_map(&self, name: &str) -> BTreeMap<String, String> {
        match self.0.get(name) {
            Some(SettingValue::TextMap(map)) => map.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// UTC when it is optional and not given.
    pub fn zone(&self, name: &str) -> jiff::tz::TimeZone {
        match self.0.get(name) {
            Some(SettingValue::Zone(zone)) => zone.clone(),
            _ => jiff::tz::TimeZone::UTC,
        }
    }
}

/// Reads one text as a value of a kind. Secrets come already resolved.
///
/// # Errors
/// What the kind takes.
pub fn read_scalar(kind: SettingKind, text: &str) -> Result<SettingValue, String> {
    match kind {
        SettingKind::Text => Ok(SettingValue::Text(text.to_owned())),
        SettingKind::Secret | SettingKind::Secrets => Ok(SettingValue::Secrets(vec![Secret::new(text)])),
        SettingKind::Url => read_url(text),
        SettingKind::Integer { min, max } => match text.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(SettingValue::Integer(number)),
            _ if max == i64::MAX => Err(format!("expected a whole number from {min} on")),
            _ => Err(format!("expected a whole number from {min} to {max}")),
        },
        SettingKind::Boolean => match text {
            "true" => Ok(SettingValue::Boolean(true)),
            "false" => Ok(SettingValue::Boolean(false)),
            _ => Err("expected `true` or `false`".to_owned()),
        },
        SettingKind::Duration => read_duration(text).map(SettingValue::Duration),
        SettingKind::Choice(choices) if choices.contains(&text) => Ok(SettingValue::Text(text.to_owned())),
        SettingKind::Choice(choices) => Err(format!("expected one of `{}`", choices.join("`, `"))),
        SettingKind::Texts => Ok(SettingValue::Texts(vec![text.to_owned()])),
        SettingKind::TextMap => Err("expected a mapping".to_owned()),
        SettingKind::Zone => jiff::tz::TimeZone::get(text)
            .map(SettingValue::Zone)
            .map_err(|_| "expected an IANA time zone such as `Europe/Prague`".to_owned()),
    }
}

fn read_url(text: &str) -> Result<SettingValue, String> {
    let url = url::Url::parse(text).map_err(|_| "expected a URL such as `https://hooks.example.cz`".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err("expected an http or https URL without user and password".to_owned());
    }
    Ok(SettingValue::Url(url))
}

/// No duration in a config is longer: what is added to a date then always is a date.
const LONGEST_DURATION: Duration = Duration::from_hours(24 * 36_500);

/// Reads `250ms`, `30s`, `15m`, `6h`, `2d`.
///
/// # Errors
/// What a duration looks like.
pub fn read_duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "expected a duration such as `250ms`, `30s`, `15m`, `6h` or `2d`";
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(FORM.to_owned()),
    };
    let duration = number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds));
    let duration = duration.map(Duration::from_millis).ok_or_else(|| FORM.to_owned())?;
    if duration > LONGEST_DURATION { Err("expected at most `36500d`".to_owned()) } else { Ok(duration) }
}

/// Settings as a test or a sandbox writes them: `(name, text)` over the defaults of a vendor's list.
///
/// # Panics
/// When a name is not in the list, or a text does not fit its kind: a mistake of the test.
pub fn settings_of(list: &'static [Setting], given: &[(&str, &str)]) -> Settings {
    let mut values = BTreeMap::new();
    for setting in list {
        let text = given.iter().find(|(name, _)| *name == setting.name).map(|(_, text)| *text);
        let text = text.or(match setting.need {
            Need::Default(default) => Some(default),
            Need::Required | Need::Optional => None,
        });
        if let Some(text) = text {
            values.insert(setting.name, read_default(setting.kind, text).expect(setting.name));
        }
    }
    for (name, _) in given {
        assert!(list.iter().any(|setting| setting.name == *name), "no setting `{name}`");
    }
    Settings(values)
}

/// Reads a default, in which lists are separated by commas and mappings are written `{}` or `a: b, c: d`.
///
/// # Errors
/// As [`read_scalar`].
pub fn read_default(kind: SettingKind, text: &str) -> Result<SettingValue, String> {
    let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
    match kind {
        SettingKind::Texts => {
            Ok(SettingValue::Texts(parts().filter(|part| *part != "[]").map(str::to_owned).collect()))
        }
        SettingKind::TextMap => Ok(SettingValue::TextMap(
            parts()
                .filter_map(|part| part.split_once(':'))
                .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
                .collect(),
        )),
        scalar => read_scalar(scalar, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &[Setting] = &[
        setting("how", SettingKind::Choice(&["json", "form"])),
        setting("paid", SettingKind::Boolean),
        setting("token", SettingKind::Secrets),
        setting("url", SettingKind::Url),
        setting("user", SettingKind::Text),
    ];

    const fn setting(name: &'static str, kind: SettingKind) -> Setting {
        Setting { name, kind, need: Need::Optional, doc: "" }
    }

    fn account(change: Option<(&'static str, SettingValue)>) -> Vec<String> {
        let text = |text: &str| SettingValue::Text(text.to_owned());
        let mut values = BTreeMap::from([
            ("how", text("json")),
            ("paid", SettingValue::Boolean(true)),
            ("token", SettingValue::Secrets(vec![Secret::new("t1"), Secret::new("t2")])),
            ("url", read_url("https://vendor.example/").expect("a URL")),
            ("user", text("eva")),
        ]);
        values.extend(change);
        Settings::new(values).identifying(DECLARED).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn an_account_is_told_by_its_texts_urls_and_secrets_and_not_by_how_it_is_used() {
        let as_it_is = account(None);
        let text = |text: &str| SettingValue::Text(text.to_owned());
        for (name, value) in [
            ("user", text("jan")),
            ("url", read_url("https://other.example/").expect("a URL")),
            ("token", SettingValue::Secrets(vec![Secret::new("t1"), Secret::new("t3")])),
        ] {
            assert_ne!(account(Some((name, value))), as_it_is, "{name}");
        }
        for (name, value) in [("how", text("form")), ("paid", SettingValue::Boolean(false))] {
            assert_eq!(account(Some((name, value))), as_it_is, "{name}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(read_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(read_duration("2d"), Ok(Duration::from_hours(48)));
        assert_eq!(read_duration("36500d"), Ok(LONGEST_DURATION));
        for bad in ["", "5", "s", "-1s", "1.5s", "36501d", "99999999999999999d"] {
            assert!(read_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_must_not_carry_credentials() {
        assert!(read_scalar(SettingKind::Url, "https://api.example.cz/v1").is_ok());
        assert!(read_scalar(SettingKind::Url, "https://user:pass@api.example.cz/").is_err());
        assert!(read_scalar(SettingKind::Url, "ftp://api.example.cz/").is_err());
    }
}
