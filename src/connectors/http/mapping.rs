//! From the other side's words to ours: the settings `types` and `fields`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    message,
    path::Path,
    settings::{Problems, problem},
};
use crate::{
    connectors::contract::Settings,
    expr::suggest,
    topics::event::{Entity, EventType, TYPES},
};

/// Their types of events, and where our fields are in their content.
pub(super) struct Mapping {
    types: BTreeMap<String, &'static EventType>,
    /// The more general first, so that the others win.
    rows: Vec<Row>,
}

/// One field of ours.
struct Row {
    scope: Scope,
    ours: Path,
    theirs: Path,
}

/// Which events a row is for.
#[derive(Clone, Copy)]
enum Scope {
    Everything,
    Entity(Entity),
    Type(&'static EventType),
}

impl Scope {
    fn rank(self) -> u8 {
        match self {
            Self::Everything => 0,
            Self::Entity(_) => 1,
            Self::Type(_) => 2,
        }
    }
}

/// The types that somebody may tell: all but those that steps of flows give rise to.
fn known_types() -> impl Iterator<Item = &'static EventType> {
    TYPES.iter().copied().filter(|event_type| event_type.entity != Entity::Step)
}

fn known_entities() -> impl Iterator<Item = Entity> {
    Entity::ALL.into_iter().filter(|entity| *entity != Entity::Step)
}

impl Mapping {
    pub(super) fn read(settings: &Settings, problems: &mut Problems) -> Self {
        let types = settings.text_map("types").into_iter();
        let types = types.filter_map(|(theirs, ours)| Some((theirs, event_type(&ours, problems)?)));
        let types = types.collect();
        let rows = settings.text_map("fields").into_iter();
        let mut rows: Vec<Row> = rows.filter_map(|(ours, theirs)| Row::read(&ours, &theirs, problems)).collect();
        rows.sort_by_key(|row| row.scope.rank());
        Self { types, rows }
    }

    /// Our type for theirs; the same name where nothing else is said.
    pub(super) fn event_type(&self, theirs: &str) -> Option<&'static EventType> {
        self.types.get(theirs).copied().or_else(|| known_types().find(|known| known.name == theirs))
    }

    /// Their name of one of our types.
    pub(super) fn their_name(&self, event_type: &'static EventType) -> &str {
        let theirs = self.types.iter().find(|(_, ours)| **ours == event_type);
        theirs.map_or(event_type.name, |(theirs, _)| theirs)
    }

    fn rows(&self, event_type: &'static EventType) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| match row.scope {
            Scope::Everything => message::follow(event_type.entity, row.ours.names()).is_ok(),
            Scope::Entity(entity) => entity == event_type.entity,
            Scope::Type(only) => only == event_type,
        })
    }

    /// Whether their content is in their own words. A type of which no row tells anything comes in ours.
    pub(super) fn translates(&self, event_type: &'static EventType) -> bool {
        self.rows(event_type).next().is_some()
    }

    /// Our message out of their content, not yet read.
    pub(super) fn ours(&self, event_type: &'static EventType, content: &Value) -> Value {
        let mut message = Map::new();
        for row in self.rows(event_type) {
            if let Some(value) = row.theirs.get(content).filter(|value| !value.is_null()) {
                row.ours.put(&mut message, value.clone());
            }
        }
        Value::Object(message)
    }

    /// Their content out of our message, as far as the rows tell.
    pub(super) fn theirs(&self, event_type: &'static EventType, message: &Value) -> Map<String, Value> {
        let mut content = Map::new();
        for row in self.rows(event_type) {
            if let Some(value) = row.ours.get(message) {
                row.theirs.put(&mut content, value.clone());
            }
        }
        content
    }
}

impl Row {
    fn read(ours: &str, theirs: &str, problems: &mut Problems) -> Option<Self> {
        let (scope, field) = match ours.split_once('/') {
            Some((scope, field)) => (scope_of(scope, problems)?, field),
            None => (Scope::Everything, ours),
        };
        let path = |text: &str| Path::parse(text).filter(|path| !path.is_whole());
        let Some((ours, theirs)) = path(field).zip(path(theirs)) else {
            let hint = "write names with full stops between them: `party.email: user.mail`";
            problems.push(problem("fields", format!("`{ours}` or what stands behind it is no path"), hint));
            return None;
        };
        check(scope, &ours, problems).then_some(Self { scope, ours, theirs })
    }
}

fn scope_of(name: &str, problems: &mut Problems) -> Option<Scope> {
    match known_entities().find(|entity| entity.as_str() == name) {
        Some(entity) => Some(Scope::Entity(entity)),
        None => known_type("fields", name, problems).map(Scope::Type),
    }
}

fn event_type(ours: &str, problems: &mut Problems) -> Option<&'static EventType> {
    known_type("types", ours, problems)
}

fn known_type(setting: &'static str, name: &str, problems: &mut Problems) -> Option<&'static EventType> {
    let found = known_types().find(|known| known.name == name);
    if found.is_none() {
        let near = suggest::nearest(name, known_types().map(|known| known.name));
        let hint = near.map_or_else(
            || "`spojka reference events` lists them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        problems.push(problem(setting, format!("`{name}` is no type of event"), &hint));
    }
    found
}

/// A field for all events must be one of some of them.
fn check(scope: Scope, ours: &Path, problems: &mut Problems) -> bool {
    let follow = |entity| message::follow(entity, ours.names()).err();
    let wrong = match scope {
        Scope::Entity(entity) => follow(entity),
        Scope::Type(event_type) => follow(event_type.entity),
        Scope::Everything => {
            let all: Option<Vec<_>> = known_entities().map(follow).collect();
            all.and_then(|wrong| wrong.into_iter().max_by_key(|(_, hint)| hint.is_some()))
        }
    };
    match wrong {
        None => true,
        Some((message, hint)) => {
            let hint = hint.unwrap_or_else(|| "`spojka reference events` lists the fields".to_owned());
            problems.push(problem("fields", message, &hint));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        connectors::{contract::settings::settings_of, http::settings::SETTINGS},
        topics::event::{ORDER_PAID, SUBSCRIBER_SUBSCRIBED, SUBSCRIBER_UNSUBSCRIBED},
    };

    fn read(given: &[(&str, &str)]) -> (Mapping, Problems) {
        let mut problems = Problems::new();
        (Mapping::read(&settings_of(SETTINGS, given), &mut problems), problems)
    }

    fn only_problem(given: &[(&str, &str)]) -> (&'static str, String, String) {
        let (_, problems) = read(given);
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        (problem.setting, problem.message.clone(), problem.hint.clone().unwrap_or_default())
    }

    #[test]
    fn types_have_their_own_names_or_ours() {
        let (mapping, problems) = read(&[("types", "user.created: subscriber.subscribed")]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(mapping.event_type("user.created"), Some(SUBSCRIBER_SUBSCRIBED));
        assert_eq!(mapping.event_type("order.paid"), Some(ORDER_PAID));
        assert_eq!((mapping.event_type("user.deleted"), mapping.event_type("step.done")), (None, None));
        assert_eq!(mapping.their_name(SUBSCRIBER_SUBSCRIBED), "user.created");
        assert_eq!(mapping.their_name(ORDER_PAID), "order.paid");
    }

    #[test]
    fn fields_are_for_all_for_an_entity_or_for_a_type() {
        let fields = "id: ref, party.email: user.mail, subscriber/party.email: mail, subscriber.subscribed/id: sid";
        let (mapping, problems) = read(&[("fields", fields)]);
        assert!(problems.is_empty(), "{problems:?}");
        let content = json!({"ref": 1, "user": {"mail": "u"}, "mail": "m", "sid": 9, "other": true});
        assert_eq!(mapping.ours(SUBSCRIBER_SUBSCRIBED, &content), json!({"id": 9, "party": {"email": "m"}}));
        assert_eq!(mapping.ours(SUBSCRIBER_UNSUBSCRIBED, &content), json!({"id": 1, "party": {"email": "m"}}));
        assert_eq!(mapping.ours(ORDER_PAID, &content), json!({"id": 1}), "an order has no party");
        let back = mapping.theirs(SUBSCRIBER_SUBSCRIBED, &json!({"id": 9, "party": {"email": "m"}}));
        assert_eq!(mapping.ours(SUBSCRIBER_SUBSCRIBED, &back.into()), json!({"id": 9, "party": {"email": "m"}}));
    }

    #[test]
    fn what_no_row_is_about_comes_in_our_words() {
        let (mapping, _) = read(&[("fields", "party.email: user.mail")]);
        assert!(mapping.translates(SUBSCRIBER_SUBSCRIBED) && !mapping.translates(ORDER_PAID));
    }

    #[test]
    fn misspelled_names_are_told_with_what_was_meant() {
        let (setting, message, hint) = only_problem(&[("types", "user.created: subscriber.subscribd")]);
        assert_eq!((setting, hint.as_str()), ("types", "did you mean `subscriber.subscribed`?"));
        assert!(message.contains("subscriber.subscribd"));
        let (setting, _, hint) = only_problem(&[("fields", "party.emails: user.mail")]);
        assert_eq!((setting, hint.as_str()), ("fields", "did you mean `email`?"));
        let (_, message, _) = only_problem(&[("fields", "order/party.email: user.mail")]);
        assert!(message.contains("`Order` has no field `party`"), "{message}");
        assert!(only_problem(&[("fields", "orders/id: x")]).1.contains("`orders`"));
        assert!(only_problem(&[("fields", "items.code: x")]).1.contains("code"));
        assert!(only_problem(&[("fields", "id: a..b")]).1.contains("no path"));
        assert!(only_problem(&[("types", "x: step.done")]).1.contains("step.done"));
    }
}
