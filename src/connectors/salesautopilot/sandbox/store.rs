//! What the simulated vendor holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    super::wire::{ACTIVE, EMAIL, FIRST_UPDATE, ID, LAST_UPDATE, ORDER_REFERENCE, SUBSCRIBED},
    Refusal,
};
use crate::{connectors::contract::Settings, model::time::Timestamp};

/// What a list is for; the numbers are the vendor's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    Newsletter = 1,
    Orders = 11,
}

/// What a form takes; the numbers are the vendor's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormKind {
    Subscribe = 1,
    Update = 2,
    Order = 4,
}

pub(super) struct Form {
    pub(super) id: i64,
    pub(super) name: &'static str,
    pub(super) kind: FormKind,
    /// It issues an invoice. The API does not tell which form does.
    pub(super) bills: bool,
    /// It takes back people who have unsubscribed.
    pub(super) takes_back: bool,
}

pub(super) type Record = Map<String, Value>;

pub(super) struct List {
    pub(super) id: i64,
    pub(super) name: &'static str,
    pub(super) kind: ListKind,
    pub(super) unique_email: bool,
    /// Names and types.
    pub(super) fields: BTreeMap<String, &'static str>,
    pub(super) forms: Vec<Form>,
    pub(super) records: Vec<Record>,
}

pub(super) struct Store {
    pub(super) lists: Vec<List>,
    pub(super) effects: Vec<Value>,
    /// By month.
    calls: BTreeMap<String, u64>,
    zone: jiff::tz::TimeZone,
    next_record: i64,
    next_invoice: u32,
    /// The status that carries negative codes: nobody documents which.
    pub(super) code_status: u16,
    /// What an order is answered with, unless with its record's id.
    pub(super) order_answer: Option<Value>,
}

const NEWSLETTER_FIELDS: &[(&str, &str)] = &[
    ("email", "shorttext"),
    ("mssys_firstname", "shorttext"),
    ("mssys_lastname", "shorttext"),
    ("mssys_fullname", "shorttext"),
    ("mssys_phone", "shorttext"),
    ("mssys_mobile", "shorttext"),
    ("mssys_company", "shorttext"),
    ("mssys_vat_number", "shorttext"),
    ("mssys_birthday", "date"),
    ("subdate", "datetime"),
    ("city", "shorttext"),
    ("member", "checkbox"),
    ("points", "integer"),
];

const ORDER_FIELDS: &[(&str, &str)] = &[
    ("email", "shorttext"),
    ("mssys_firstname", "shorttext"),
    ("mssys_lastname", "shorttext"),
    ("mssys_shoprenter_id", "shorttext"),
    ("mssys_webshop_status", "shorttext"),
    ("mssys_order_status", "smallint"),
    ("mssys_pay_date", "date"),
    ("mssys_billing_number", "shorttext"),
    ("mssys_bill_pdf_link", "url"),
];

impl Store {
    pub(super) fn new(settings: &Settings, now: Timestamp) -> Self {
        let mut store = Self {
            lists: vec![newsletter(settings), orders(settings)],
            effects: Vec::new(),
            calls: BTreeMap::new(),
            zone: settings.zone("zone"),
            next_record: 90_412,
            next_invoice: 1,
            code_status: 200,
            order_answer: None,
        };
        let known = json!({
            "email": "anna.nagy@example.hu", "mssys_lastname": "Nagy", "mssys_firstname": "Anna", "city": "Győr"
        });
        let list = store.lists[0].id;
        store.add(list, as_record(&known), now).expect("a record of the demo data fits the list");
        store.effects.clear();
        store
    }

    pub(super) fn list(&mut self, id: i64) -> Result<&mut List, Refusal> {
        self.lists.iter_mut().find(|list| list.id == id).ok_or(Refusal::NotFound)
    }

    /// A list and one of its forms, which must be of a kind.
    pub(super) fn form(&mut self, list: i64, form: i64, kind: FormKind) -> Result<(&mut List, bool, bool), Refusal> {
        let list = self.list(list)?;
        let form = list.forms.iter().find(|known| known.id == form).ok_or(Refusal::NotFound)?;
        let (is_kind, bills, takes_back) = (form.kind == kind, form.bills, form.takes_back);
        if is_kind { Ok((list, bills, takes_back)) } else { Err(Refusal::parameters("the form is of another kind")) }
    }

    /// Adds a record as it is; returns its id.
    pub(super) fn add(&mut self, list: i64, mut record: Record, now: Timestamp) -> Result<i64, Refusal> {
        let time = self.time(now);
        let id = self.next_record;
        let list = self.list(list)?;
        record.insert(ID.to_owned(), id.to_string().into());
        record.entry(SUBSCRIBED).or_insert_with(|| time.clone().into());
        record.insert(FIRST_UPDATE.to_owned(), "0000-00-00 00:00:00".into());
        record.insert(LAST_UPDATE.to_owned(), "0000-00-00 00:00:00".into());
        if list.kind == ListKind::Newsletter {
            record.entry(ACTIVE).or_insert("1".into());
        }
        list.records.push(record);
        self.next_record += 1;
        Ok(id)
    }

    pub(super) fn invoice_number(&mut self, now: Timestamp) -> String {
        let year = now.to_zoned(self.zone.clone()).year();
        let number = format!("SA-{year}-{:06}", self.next_invoice);
        self.next_invoice += 1;
        number
    }

    /// The vendor's way to write a time: without its zone.
    pub(super) fn time(&self, now: Timestamp) -> String {
        now.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    pub(super) fn count_call(&mut self, now: Timestamp) {
        let month = now.to_zoned(self.zone.clone()).strftime("%Y-%m").to_string();
        *self.calls.entry(month).or_default() += 1;
    }

    /// Keeps an effect, with the object that it happened to: whoever counts effects asks what was done to which object.
    pub(super) fn effect(&mut self, mut effect: Value) {
        effect["object"] = effect["record"].as_i64().and_then(|id| self.object(id)).into();
        self.effects.push(effect);
    }

    fn object(&self, id: i64) -> Option<String> {
        let mut records = self.lists.iter().flat_map(|list| &list.records);
        let record = records.find(|record| super::records::number_of(record) == id)?;
        let text = |field: &str| record.get(field).and_then(text_of).filter(|text| !text.is_empty());
        let order = text(ORDER_REFERENCE).map(|reference| format!("order:{reference}"));
        order.or_else(|| Some(format!("subscriber:{}", text(EMAIL)?.to_lowercase())))
    }

    pub(super) fn state(&self) -> Value {
        let list = |list: &List| {
            json!({
                "nl_id": list.id, "list_name": list.name, "unique_email": list.unique_email, "records": list.records,
            })
        };
        json!({
            "calls": self.calls, "calls_total": self.calls.values().sum::<u64>(),
            "lists": self.lists.iter().map(list).collect::<Vec<_>>(),
        })
    }
}

impl List {
    /// Refuses fields that the list does not have.
    pub(super) fn check_fields(&self, fields: &Record) -> Result<(), Refusal> {
        match fields.keys().find(|name| !self.fields.contains_key(*name)) {
            Some(name) => Err(Refusal::parameters(format!("unknown field {name}"))),
            None => fields.iter().try_for_each(|(name, value)| self.check_value(name, value)),
        }
    }

    fn check_value(&self, name: &str, value: &Value) -> Result<(), Refusal> {
        let text = text_of(value).ok_or_else(|| Refusal::parameters(format!("{name} takes one value")))?;
        let fits = match self.fields.get(name).copied().unwrap_or_default() {
            _ if text.is_empty() => true,
            "smallint" | "integer" => text.parse::<i64>().is_ok(),
            "decimal" => crate::connectors::kit::number::parse(&text).is_some(),
            "checkbox" => matches!(text.as_str(), "0" | "1"),
            "date" => text == "0000-00-00" || text.parse::<jiff::civil::Date>().is_ok(),
            _ => true,
        };
        if fits { Ok(()) } else { Err(Refusal::parameters(format!("{name} has a wrong value"))) }
    }
}

/// A scalar as the vendor keeps it.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn as_record(value: &Value) -> Record {
    value.as_object().cloned().unwrap_or_default()
}

fn form(settings: &Settings, setting: &str, default: i64, name: &'static str, kind: FormKind) -> Form {
    Form { id: settings.integer(setting).unwrap_or(default), name, kind, bills: false, takes_back: false }
}

fn newsletter(settings: &Settings) -> List {
    let own = [("purchase_date_field", "date"), ("purchase_count_field", "integer"), ("purchase_sum_field", "decimal")];
    let own = own.into_iter().map(|(setting, kind)| (settings.text(setting), kind));
    let fields = NEWSLETTER_FIELDS.iter().copied().chain(own).filter(|(name, _)| !name.is_empty());
    List {
        id: settings.integer("newsletter_list").unwrap_or(51_234),
        name: "Hírlevél",
        kind: ListKind::Newsletter,
        unique_email: settings.flag("unique_email"),
        fields: fields.map(|(name, kind)| (name.to_owned(), kind)).collect(),
        forms: vec![
            form(settings, "subscribe_form", 88_001, "Feliratkozás", FormKind::Subscribe),
            form(settings, "update_form", 88_002, "Adatmódosítás", FormKind::Update),
            Form {
                takes_back: true,
                ..form(settings, "resubscribe_form", 88_003, "Újra feliratkozás", FormKind::Subscribe)
            },
        ],
        records: Vec::new(),
    }
}

fn orders(settings: &Settings) -> List {
    List {
        id: settings.integer("order_list").unwrap_or(51_300),
        name: "Rendelések",
        kind: ListKind::Orders,
        unique_email: false,
        fields: ORDER_FIELDS.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
        forms: vec![
            form(settings, "order_form", 88_120, "Megrendelés", FormKind::Order),
            form(settings, "status_form", 88_131, "Állapotváltás", FormKind::Update),
            Form { bills: true, ..form(settings, "billing_form", 88_130, "Fizetve", FormKind::Update) },
        ],
        records: Vec::new(),
    }
}

/// Whether a record's field holds a text. E-mails compare without case.
pub(super) fn holds(record: &Record, field: &str, value: &str) -> bool {
    let held = record.get(field).and_then(text_of).unwrap_or_default();
    if field == EMAIL { held.to_lowercase() == value.to_lowercase() } else { held == value }
}
