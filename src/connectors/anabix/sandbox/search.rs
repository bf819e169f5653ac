//! `getAll`: criteria, order, pages.

use serde_json::{Map, Value, json};

use super::{
    Answered, Good,
    schema::Component,
    store::{Store, flat, refuse},
};

/// The largest page, and the one without `limit`.
const LARGEST: usize = 200;

/// The options of a read.
pub(super) struct Options {
    pub limit: usize,
    pub offset: usize,
    pub id_as_key: bool,
    pub metadata: bool,
}

impl Options {
    /// Reads options; `others` are what else the method takes.
    pub(super) fn read(component: &Component, data: &Map<String, Value>, others: &[&str]) -> Result<Self, String> {
        const KNOWN: &[&str] = &["fullInfo", "idAsKey"];
        if let Some(unknown) = data.keys().find(|key| !KNOWN.contains(&key.as_str()) && !others.contains(&key.as_str()))
        {
            return refuse(&format!("unknown option of {}", component.name), unknown);
        }
        flag(data, "fullInfo", false)?;
        Ok(Self {
            limit: number(data, "limit", LARGEST, LARGEST)?,
            offset: number(data, "offset", 0, usize::MAX)?,
            id_as_key: flag(data, "idAsKey", true)?,
            metadata: flag(data, "includeMetadata", false)?,
        })
    }
}

fn flag(data: &Map<String, Value>, name: &str, default: bool) -> Result<bool, String> {
    match data.get(name).map(flat).as_deref() {
        None => Ok(default),
        Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => refuse(&format!("{name} takes 0 or 1"), other),
    }
}

fn number(data: &Map<String, Value>, name: &str, default: usize, largest: usize) -> Result<usize, String> {
    let Some(value) = data.get(name).map(flat) else { return Ok(default) };
    match value.parse() {
        Ok(number) if number <= largest => Ok(number),
        _ => refuse(&format!("{name} takes a whole number up to {largest}"), &value),
    }
}

impl Store {
    pub(super) fn search(&self, component: &'static Component, data: &Map<String, Value>) -> Answered {
        let others = &["limit", "offset", "criteria", "orderBy", "includeMetadata"];
        let options = Options::read(component, data, others)?;
        let criteria = criteria(component, data)?;
        let mut found = Vec::new();
        for id in self.ids(component) {
            let record = self.stored(component, id)?;
            if criteria.iter().all(|(field, wanted)| fits(&held(record, field), wanted)) {
                found.push(id);
            }
        }
        self.order(component, data, &mut found)?;
        let total = found.len();
        let page = found.into_iter().skip(options.offset).take(options.limit);
        let records: Result<Vec<_>, String> = page.map(|id| Ok((id, self.shown(component, id)?))).collect();
        Ok(Good { data: Some(keyed(records?, &options)), metadata: metadata(total, &options) })
    }

    fn order(&self, component: &Component, data: &Map<String, Value>, ids: &mut [u64]) -> Result<(), String> {
        let Some(Value::Object(order)) = data.get("orderBy") else { return Ok(()) };
        for (field, way) in order.iter().rev() {
            known_field(component, field)?;
            let value = |id: &u64| self.stored(component, *id).map(|record| held(record, field)).unwrap_or_default();
            ids.sort_by_key(value);
            match way.as_str() {
                Some("ASC") => {}
                Some("DESC") => ids.reverse(),
                _ => return refuse("orderBy takes ASC or DESC", field),
            }
        }
        Ok(())
    }
}

/// By id or not; nothing is `[]` either way, as PHP writes it.
fn keyed(records: Vec<(u64, Value)>, options: &Options) -> Value {
    if options.id_as_key && !records.is_empty() {
        records.into_iter().map(|(id, record)| (id.to_string(), record)).collect::<Map<_, _>>().into()
    } else {
        records.into_iter().map(|(_, record)| record).collect::<Vec<_>>().into()
    }
}

fn metadata(total: usize, options: &Options) -> Option<Value> {
    let metadata = json!({"totalRecords": total.to_string(), "offset": options.offset, "limit": options.limit});
    options.metadata.then_some(metadata)
}

fn criteria<'a>(component: &Component, data: &'a Map<String, Value>) -> Result<Vec<(&'a String, &'a Value)>, String> {
    let criteria = match data.get("criteria") {
        None => return Ok(Vec::new()),
        Some(Value::Object(criteria)) => criteria,
        Some(Value::Array(items)) if items.is_empty() => return Ok(Vec::new()),
        Some(_) => return Err("criteria must be an object".to_owned()),
    };
    criteria.keys().try_for_each(|field| known_field(component, field))?;
    Ok(criteria.iter().collect())
}

fn known_field(component: &Component, field: &str) -> Result<(), String> {
    let known = component.fields.contains(&field) || field == component.id_key || field.starts_with("customField-");
    if known { Ok(()) } else { refuse(&format!("unknown field of {}", component.name), field) }
}

fn held(record: &Map<String, Value>, field: &str) -> String {
    let custom = field.strip_prefix("customField-").and_then(|id| record.get("customFields")?.get(id));
    custom.or_else(|| record.get(field)).map(flat).unwrap_or_default()
}

/// Texts compare without case (assumed: a database's usual way); `%x%` looks inside; `from` and `to` are bounds.
fn fits(held: &str, wanted: &Value) -> bool {
    if let Value::Object(bounds) = wanted {
        let bound = |name: &str| bounds.get(name).map(flat);
        return !held.is_empty()
            && bound("from").is_none_or(|from| !less(held, &from))
            && bound("to").is_none_or(|to| !less(&to, held));
    }
    let (held, wanted) = (held.to_lowercase(), flat(wanted).to_lowercase());
    match wanted.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')) {
        Some(part) => held.contains(part),
        None => held == wanted,
    }
}

fn less(left: &str, right: &str) -> bool {
    match (left.parse::<i64>(), right.parse::<i64>()) {
        (Ok(left), Ok(right)) => left < right,
        _ => left < right,
    }
}
