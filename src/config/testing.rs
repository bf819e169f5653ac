//! Two vendors that exist in tests only: `shop`, which tells of orders and invoices, and `crm`, which takes contacts.

use std::sync::Arc;

use super::{Config, FixedEnvironment, Mode, Report, load_texts};
use crate::{
    connectors::contract::{
        Accept, Connector, Field, FieldKind, Need, Normalized, Opened, Operation, Pace, Parameter, Plan, Progress,
        Register, RegisterRule, Repeat, Sandbox, Setting, SettingKind, SettingProblem, Settings, Target, Vendor,
        Verdict, Work,
        limits::{Charged, Limit, Price, Scope, Vat, Window},
        operation::OperationKind,
    },
    model::{
        code,
        http::{Inbound, Reply, Request},
        time::Timestamp,
    },
    topics::{action::Parameters, event, webhook::Webhook},
};

pub(crate) const VENDORS: &[&Vendor] = &[&SHOP, &CRM];

const SHOP: Vendor = Vendor {
    name: "shop",
    title: "Shop",
    doc: "A shop.",
    settings: &[
        setting("user", SettingKind::Text, Need::Required, "The user's name."),
        setting("api_key", SettingKind::Secret, Need::Required, "The key of the API."),
        setting("signing", SettingKind::Secrets, Need::Optional, "What webhooks are signed with."),
        setting("paid_when", SettingKind::Choice(&["settled", "authorized"]), Need::Default("settled"), "When."),
        setting("api", SettingKind::Url, Need::Default("https://shop.example/api"), "Where the API is."),
        setting("statuses", SettingKind::TextMap, Need::Default("{}"), "The owner's own statuses."),
    ],
    operations: &[],
    events: &[event::ORDER_CREATED, event::ORDER_PAID, event::ORDER_UPDATED, event::INVOICE_PAID],
    url_events: &[],
    headers: &[],
    pace: Pace { per_second: Some(5), concurrency: 2 },
    limits: &[],
    time_zone: "UTC",
    open: open_shop,
    sandbox: no_sandbox,
    samples: &[],
};

const CRM: Vendor = Vendor {
    name: "crm",
    title: "CRM",
    doc: "Contacts.",
    settings: &[setting("token", SettingKind::Secret, Need::Required, "The token.")],
    operations: &[UPSERT_CONTACT, ADD_TO_LIST, ADD_NOTE, RECORD_ORDER, READ_CONTACT],
    events: &[],
    url_events: &[],
    headers: &[],
    pace: Pace { per_second: None, concurrency: 4 },
    limits: &[MONTHLY, PER_ADDRESS],
    time_zone: "Europe/Budapest",
    open: |_| Ok(Arc::new(Double)),
    sandbox: no_sandbox,
    samples: &[],
};

/// A quota with a price.
const MONTHLY: Limit = Limit {
    name: "monthly-calls",
    doc: "",
    scope: Scope::Connection,
    class: None,
    calls: 1000,
    window: Window::Month,
    price: Some(Price {
        block: 100_000,
        amount: "2000",
        currency: "HUF",
        vat: Vat::Excluded,
        charged: Charged::Started,
    }),
};

/// A limit that all connections behind one address share.
const PER_ADDRESS: Limit = Limit {
    name: "per-address",
    doc: "",
    scope: Scope::Egress,
    class: None,
    calls: 60,
    window: Window::Minute,
    price: None,
};

const UPSERT_CONTACT: Operation = Operation {
    parameters: &[
        parameter("email", FieldKind::Email, true),
        parameter("name", FieldKind::Text, false).occasional(),
        parameter("fields", FieldKind::Map, false).occasional(),
        parameter("tags", FieldKind::Texts, false),
    ],
    results: &[Field { name: "contact_id", doc: "" }, Field { name: "state", doc: "" }],
    ..operation("upsert_contact")
};

const ADD_TO_LIST: Operation = Operation {
    parameters: &[
        parameter("email", FieldKind::Email, true),
        parameter("list", FieldKind::Text, true),
        parameter("legal_basis", FieldKind::Choice(&["contract", "consent"]), false),
        parameter("priority", FieldKind::Integer, false),
        parameter("active", FieldKind::Boolean, false),
        parameter("on", FieldKind::Date, false),
    ],
    results: &[Field { name: "membership_id", doc: "" }],
    ..operation("add_to_list")
};

const ADD_NOTE: Operation = Operation {
    parameters: &[
        parameter("contact", FieldKind::Text, true),
        parameter("text", FieldKind::Text, true),
        parameter("amount", FieldKind::Decimal, false),
    ],
    ..operation("add_note")
};

const RECORD_ORDER: Operation = Operation {
    parameters: &[
        parameter("order", FieldKind::Message("spojka.v1.Order"), true),
        parameter("buyer", FieldKind::Message("spojka.v1.Party"), false),
    ],
    ..operation("record_order")
};

const READ_CONTACT: Operation = Operation { kind: OperationKind::Fetch, ..operation("read_contact") };

const fn setting(name: &'static str, kind: SettingKind, need: Need, doc: &'static str) -> Setting {
    Setting { name, kind, need, doc }
}

const fn parameter(name: &'static str, kind: FieldKind, required: bool) -> Parameter {
    Parameter { name, kind, required, occasional: false, doc: "" }
}

const fn operation(name: &'static str) -> Operation {
    Operation {
        name,
        doc: "",
        kind: OperationKind::Write,
        parameters: &[],
        repeat: Repeat::Natural,
        calls: 1,
        limit_class: "write",
        results: &[],
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that vendors have")]
fn open_shop(settings: Settings) -> Opened {
    let wrong = |setting, message: &str| SettingProblem { setting, message: message.to_owned(), hint: None };
    let mut problems = Vec::new();
    if !settings.text("user").contains('@') {
        problems.push(wrong("user", "expected an e-mail address"));
    }
    if settings.text("paid_when") == "authorized" && settings.secrets("signing").is_empty() {
        problems.push(wrong("signing", "needed when `paid_when` is `authorized`"));
    }
    if problems.is_empty() { Ok(Arc::new(Double)) } else { Err(problems) }
}

fn no_sandbox(_settings: &Settings, _now: Timestamp) -> Box<dyn Sandbox> {
    unimplemented!("tests of configs call no vendor")
}

/// A connector that knows targets only.
struct Double;

impl Connector for Double {
    fn accept(&self, _request: &Inbound) -> Accept {
        Accept::refuse(404, code::UNKNOWN_CONNECTION)
    }

    fn normalize(&self, _webhook: &Webhook) -> Normalized {
        Normalized::Nothing(code::NOTHING_NEW)
    }

    fn target(&self, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
        let text = |name: &str| parameters.get(name).and_then(serde_json::Value::as_str).unwrap_or("");
        let object = format!("contact:{}{}", text("email"), text("contact"));
        if text("list") == "forbidden" {
            return Err("`list` is not for flows".to_owned());
        }
        let register = Register { name: operation.name.to_owned(), value: true.into(), rule: RegisterRule::Newest };
        Ok(Target { object, registers: vec![register] })
    }

    fn plan(&self, _work: &Work<'_>, _progress: &Progress) -> Plan {
        Plan::Refused("tests of configs call no vendor".to_owned())
    }

    fn interpret(&self, _work: &Work<'_>, _progress: &Progress, _reply: &Reply) -> Verdict {
        Verdict::Unauthorized
    }

    fn probe(&self) -> Option<Request> {
        None
    }

    fn read_probe(&self, _reply: &Reply) -> Result<(), String> {
        Ok(())
    }
}

/// The secrets that the tests' configs refer to.
pub(crate) fn environment() -> FixedEnvironment {
    let variables = [("SHOP_KEY", "k3y"), ("CRM_TOKEN", "t0ken"), ("EMPTY", "")];
    FixedEnvironment {
        variables: variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        files: [("/run/key".to_owned(), "from a file\n".to_owned())].into(),
    }
}

/// Two connections for flows to work with.
pub(crate) const CONNECTIONS: &str = "connections:
  eshop: { shop: { user: shop@example.cz, api_key: env:SHOP_KEY } }
  crm: { crm: { token: env:CRM_TOKEN } }
";

/// Loads a config of one file.
pub(crate) fn load_one(text: &str) -> Result<Config, Report> {
    load_files(&[("spojka.yaml", text)])
}

/// Loads a config of several files.
pub(crate) fn load_files(files: &[(&str, &str)]) -> Result<Config, Report> {
    let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    load_texts(&files, std::path::Path::new("/etc/spojka"), &environment(), VENDORS, Mode::Resolve)
}
