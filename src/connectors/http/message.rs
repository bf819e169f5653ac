//! Our own messages as somebody else writes them, read strictly: whatever we do not know, or cannot take for what the field
//! holds, is told by its place and never dropped in silence.
//!
//! Names are those of the reference of events (`first_name`) or of canonical JSON (`firstName`); a choice is its name in
//! expressions (`on_hold`) or in the schema. Beyond that only what cannot be mistaken is accepted: a number where a text is
//! wanted (many systems number their customers), and Unix seconds for a moment. What comes out is canonical JSON.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::{
    connectors::kit::number,
    expr::{
        schema::{self, MONEY, Type},
        suggest,
    },
    model::time::Timestamp,
    topics::event::Entity,
};

/// What a body of an entity is.
pub(super) fn kind_of(entity: Entity) -> Type {
    Type::Message(schema::entity(entity))
}

/// Reads the body of an entity.
///
/// # Errors
/// What is wrong with which field; no content.
pub(super) fn read(entity: Entity, given: &Value) -> Result<Map<String, Value>, String> {
    match value(given, &kind_of(entity), "")? {
        Some(Value::Object(members)) => Ok(members),
        _ => Err("it is no object".to_owned()),
    }
}

/// Follows the names of a field from a body on, and tells what is there.
///
/// # Errors
/// Which name is wrong, and what was meant where that can be guessed.
pub(super) fn follow(entity: Entity, names: &[String]) -> Result<Type, (String, Option<String>)> {
    let mut within = kind_of(entity);
    for name in names {
        within = match &within {
            Type::Message(_) => field(&within, name)?,
            Type::Map(of) => of.as_ref().clone(),
            other => {
                let hint = "it is taken as a whole".to_owned();
                return Err((format!("there is nothing like `{name}` in {}", other.describe()), Some(hint)));
            }
        };
    }
    Ok(within)
}

fn field(kind: &Type, name: &str) -> Result<Type, (String, Option<String>)> {
    let Type::Message(message) = kind else { return Err((format!("`{name}` is no field"), None)) };
    let found = message.get_field_by_name(name).map(|field| schema::field_type(&field));
    found.ok_or_else(|| {
        let known: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
        let near = suggest::nearest(name, known.iter().map(String::as_str));
        (format!("`{}` has no field `{name}`", message.name()), near.map(|near| format!("did you mean `{near}`?")))
    })
}

/// A value of a kind; nothing for null.
fn value(given: &Value, kind: &Type, at: &str) -> Result<Option<Value>, String> {
    if given.is_null() {
        return Ok(None);
    }
    let read = match (kind, given) {
        (Type::Message(_), Value::Object(members)) => fields(members, kind, at)?,
        (Type::List(of), Value::Array(items)) => list(items, of, at)?,
        (Type::Map(of), Value::Object(members)) => map(members, of, at)?,
        _ => scalar(given, kind).map_err(|what| format!("`{at}` is {what}"))?,
    };
    Ok(Some(read))
}

fn list(items: &[Value], of: &Type, at: &str) -> Result<Value, String> {
    let mut read = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let at = format!("{at}[{index}]");
        read.push(value(item, of, &at)?.ok_or_else(|| format!("`{at}` is null"))?);
    }
    Ok(read.into())
}

fn map(members: &Map<String, Value>, of: &Type, at: &str) -> Result<Value, String> {
    let mut read = Map::new();
    for (name, member) in members {
        let member = value(member, of, &format!("{at}.{}", shown(name)))?;
        read.extend(member.map(|member| (name.clone(), member)));
    }
    Ok(read.into())
}

/// A value without parts, or what it is instead of what the field holds.
fn scalar(given: &Value, kind: &Type) -> Result<Value, String> {
    let whole = |number: &serde_json::Number| number.as_u64().is_some_and(|number| number <= u32::MAX.into());
    match (kind, given) {
        (Type::Boolean, Value::Bool(_)) | (Type::Text, Value::String(_)) => Ok(given.clone()),
        (Type::Integer, Value::Number(number)) if whole(number) => Ok(given.clone()),
        (Type::Text, Value::Number(number)) => Ok(number.to_string().into()),
        (Type::Decimal, Value::String(text)) if text.is_empty() => Ok(given.clone()),
        (Type::Decimal, _) => {
            let decimal = number::decimal(given).ok_or("no decimal number with a point")?;
            Ok(decimal_text(given, decimal))
        }
        (Type::Choice(_), Value::String(text)) => choice(kind, text).ok_or_else(|| "none of its choices".to_owned()),
        _ => Err(format!("not {}", kind.describe())),
    }
}

/// A text keeps its digits as they were written; a number may have come with an exponent.
fn decimal_text(given: &Value, decimal: Decimal) -> Value {
    match given {
        Value::String(text) if text.trim().parse::<Decimal>().is_ok() => text.trim().into(),
        _ => decimal.to_string().into(),
    }
}

fn choice(kind: &Type, text: &str) -> Option<Value> {
    let Type::Choice(choice) = kind else { return None };
    let fits = |number: i32, name: &str| name == text || schema::choice_name(choice, number) == text;
    choice.values().find(|value| fits(value.number(), value.name())).map(|value| value.name().into())
}

fn fields(members: &Map<String, Value>, kind: &Type, at: &str) -> Result<Value, String> {
    let Type::Message(message) = kind else { return Err(format!("`{at}` has no fields")) };
    let mut read = Map::new();
    for (name, given) in members {
        let place = if at.is_empty() { shown(name).to_owned() } else { format!("{at}.{}", shown(name)) };
        let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
        let Some(field) = field else { return Err(format!("`{place}` is no field of `{}`", message.name())) };
        let kind = schema::field_type(&field);
        let given =
            if kind == Type::Text { dated(given, field.name(), &place)? } else { None }.unwrap_or(given.clone());
        let Some(value) = value(&given, &kind, &place)? else { continue };
        if read.insert(field.json_name().to_owned(), value).is_some() {
            return Err(format!("`{place}` is there twice"));
        }
    }
    let bare = kind.is_message(MONEY) && !read.contains_key("currency") && read.contains_key("amount");
    if bare { Err(format!("`{at}` is an amount without its currency")) } else { Ok(Value::Object(read)) }
}

/// Fields that hold a moment end in `_at`, those that hold a day in `_date` or `_on`. A moment may be a day where the source
/// tells no more, and Unix seconds are turned into one.
fn dated(given: &Value, name: &str, at: &str) -> Result<Option<Value>, String> {
    let (moment, day) = (name.ends_with("_at"), name.ends_with("_date") || name.ends_with("_on"));
    let is_day = |text: &str| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    match given {
        Value::Number(number) if moment => {
            let at_second = number.as_i64().and_then(|second| Timestamp::from_second(second).ok());
            at_second
                .map(|at| Some(at.to_string().into()))
                .ok_or_else(|| format!("`{at}` is no number of Unix seconds"))
        }
        Value::String(text) if moment && !text.is_empty() && !is_day(text) && text.parse::<Timestamp>().is_err() => {
            Err(format!("`{at}` is no time with its offset (RFC 3339), no Unix seconds and no day"))
        }
        Value::String(text) if day && !text.is_empty() && !is_day(text) => {
            Err(format!("`{at}` is no day (YYYY-MM-DD)"))
        }
        _ => Ok(None),
    }
}

/// A name out of a body, where it is one: it may be anything, and what we tell goes where content must not go.
fn shown(name: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=40).contains(&name.len()) && name.chars().all(plain) { name } else { "…" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::topics::body::Body;

    fn canonical(entity: Entity, given: &Value) -> Result<Value, String> {
        read(entity, given).map(Value::Object)
    }

    #[test]
    fn both_spellings_become_the_canonical_one() {
        let snake = json!({"number": 7, "status": "on_hold", "created_at": 1_760_000_000,
            "total": {"amount": 1210.50, "currency": "CZK"}, "customer": {"first_name": "Eva"},
            "items": [{"code": "A", "quantity": "1.0", "kind": "shipping"}], "vendor_ids": {"crm": 5}});
        let camel = json!({"number": "7", "status": "ORDER_STATUS_ON_HOLD", "createdAt": "2025-10-09T08:53:20Z",
            "total": {"amount": "1210.5", "currency": "CZK"}, "customer": {"firstName": "Eva"},
            "items": [{"code": "A", "quantity": "1.0", "kind": "ITEM_KIND_SHIPPING"}], "vendorIds": {"crm": "5"}});
        assert_eq!(canonical(Entity::Order, &snake), Ok(camel.clone()));
        assert_eq!(canonical(Entity::Order, &camel), Ok(camel));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place_and_not_by_its_content() {
        for (given, place) in [
            (json!({"emails": "secret"}), "`emails`"),
            (json!({"customer": {"emails": "secret"}}), "`customer.emails`"),
            (json!({"items": [{}, {"colour": "secret"}]}), "`items[1].colour`"),
            (json!({"items": {"code": "secret"}}), "`items`"),
            (json!({"items": [null]}), "`items[0]`"),
            (json!({"customer": "secret"}), "`customer`"),
            (json!({"number": true}), "`number`"),
            (json!({"paid": "secret"}), "`paid`"),
            (json!({"status": "secret"}), "`status`"),
            (json!({"total": {"amount": "1 210,50 secret", "currency": "CZK"}}), "`total.amount`"),
            (json!({"total": {"amount": "1210.50"}}), "`total`"),
            (json!({"total": 1210}), "`total`"),
            (json!({"paid_at": "secret"}), "`paid_at`"),
            (json!({"paid_at": "2025-10-09 10:00:00"}), "`paid_at`"),
            (json!({"paid_at": 1.5}), "`paid_at`"),
            (json!({"instalment": {"number": -1}}), "`instalment.number`"),
            (json!({"vendor_ids": {"a": ["secret"]}}), "`vendor_ids.a`"),
            (json!({"vendor_ids": {"secret@example.cz": []}}), "`vendor_ids.…`"),
            (json!({"secret@example.cz": 1}), "`…`"),
            (json!({"first_name": "x"}), "`first_name`"),
            (json!({"created_at": "", "createdAt": ""}), "is there twice"),
        ] {
            let error = canonical(Entity::Order, &given).expect_err("wrong");
            assert!(error.contains(place) && !error.contains("secret"), "{given}: {error}");
        }
        assert!(canonical(Entity::Invoice, &json!({"due_date": "9.10.2025"})).is_err());
        assert!(canonical(Entity::Order, &json!([])).is_err());
    }

    #[test]
    fn what_is_null_is_not_told() {
        assert_eq!(canonical(Entity::Order, &json!({"customer": null, "note": null})), Ok(json!({})));
    }

    #[test]
    fn names_of_fields_are_followed() {
        let follow = |entity, path: &str| follow(entity, &path.split('.').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(follow(Entity::Subscriber, "party.email"), Ok(Type::Text));
        assert_eq!(follow(Entity::Order, "total.amount"), Ok(Type::Decimal));
        assert_eq!(follow(Entity::Order, "vendor_ids.crm"), Ok(Type::Text));
        let (text, hint) = follow(Entity::Subscriber, "party.emails").expect_err("no field");
        assert_eq!((text.as_str(), hint.as_deref()), ("`Party` has no field `emails`", Some("did you mean `email`?")));
        assert!(follow(Entity::Order, "items.code").is_err() && follow(Entity::Order, "number.x").is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let names = "id|number|customer|email|items|total|amount|currency|status|paid_at|createdAt|vendorIds|instalment|\\PC{0,3}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}|2025-1[0-3]-[0-3][0-9]|processing".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map(names, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What passes is a body, and nothing of it is lost on the way.
        #[test]
        fn whatever_is_read_is_a_body(given in any_json()) {
            for entity in Entity::ALL {
                let Ok(read) = read(entity, &given) else { continue };
                let text = Value::Object(read).to_string();
                prop_assert!(Body::from_json(entity, text.as_bytes()).is_ok(), "{}", text);
            }
        }
    }
}
