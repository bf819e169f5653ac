//! The page of events: types, and the fields of what they are about, from the schema and its comments.

use std::collections::BTreeSet;

use super::{code, table};
use crate::{
    expr::schema::{self, FieldDoc, Type},
    topics::event::{Entity, Occurrence, TYPES},
};

pub(super) fn page() -> String {
    let mut page = "In expressions, an event's entity has its name (`order`, `invoice`, …). What a source does not tell is \
                    empty (`\"\"`, `0`, `false`, `[]`), never missing. `event` has `id`, `type`, `source`, `subject` and \
                    `time`; `steps.<step>.<result>` is what earlier steps returned.\n\n"
        .to_owned();
    let entities = || Entity::ALL.into_iter().filter(|entity| *entity != Entity::Step);
    let mut messages: Vec<String> = Vec::new();
    for entity in entities() {
        page.push_str(&of_entity(entity));
        messages.extend(inner_messages(entity.message()));
    }
    let mut told: BTreeSet<String> = entities().map(|entity| entity.message().to_owned()).collect();
    let mut at = 0;
    while let Some(name) = messages.get(at).cloned() {
        at += 1;
        if told.insert(name.clone()) {
            page.extend([format!("## `{}`\n\n{}", short(&name), fields(&name))]);
            messages.extend(inner_messages(&name));
        }
    }
    page
}

fn of_entity(entity: Entity) -> String {
    let types = TYPES.iter().filter(|event_type| event_type.entity == entity);
    let rows = types.map(|event_type| {
        vec![code(event_type.name), how_often(event_type.occurrence).to_owned(), event_type.doc.to_owned()]
    });
    format!(
        "## `{}`\n\n{}{}",
        entity.as_str(),
        table(&["type", "how often", "meaning"], rows),
        fields(entity.message())
    )
}

fn how_often(occurrence: Occurrence) -> &'static str {
    match occurrence {
        Occurrence::Once => "once",
        Occurrence::Counted => "each time",
        Occurrence::State => "whenever it is so anew",
    }
}

fn docs(message: &str) -> Vec<FieldDoc> {
    schema::message(message).map_or_else(Vec::new, |message| schema::fields(&message))
}

fn fields(message: &str) -> String {
    let row = |field: FieldDoc| vec![code(&field.name), describe(&field.field_type), field.doc];
    table(&["field", "is", "meaning"], docs(message).into_iter().map(row))
}

fn describe(field: &Type) -> String {
    match field {
        Type::Message(message) => code(message.name()),
        Type::List(of) => format!("list of {}", describe(of)),
        Type::Map(of) => format!("mapping to {}", describe(of)),
        Type::Choice(choice) => {
            let names: Vec<String> =
                schema::choices(choice).iter().filter(|name| !name.is_empty()).map(|name| code(name)).collect();
            format!("one of {}", names.join(", "))
        }
        other => other.describe(),
    }
}

/// The messages that stand in another's fields.
fn inner_messages(message: &str) -> Vec<String> {
    let of = |field: Type| match field {
        Type::Message(inner) => Some(inner.full_name().to_owned()),
        Type::List(of) => match *of {
            Type::Message(inner) => Some(inner.full_name().to_owned()),
            _ => None,
        },
        _ => None,
    };
    docs(message).into_iter().filter_map(|field| of(field.field_type)).collect()
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
