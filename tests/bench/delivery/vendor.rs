//! A vendor with one operation: set an object's number.

use serde_json::Value;
use spojka::{
    connectors::{
        contract::{
            Accept, Connector, Done, Normalized, Operation, Pace, Plan, Progress, Register, RegisterRule, Repeat,
            Target, Vendor, Verdict, Work, operation::OperationKind,
        },
        kit::status,
    },
    model::{
        code,
        http::{Inbound, Method, Reply, Request},
    },
    topics::{action::Parameters, webhook::Webhook},
};
use url::Url;

pub(crate) const OPERATION: &str = "set";

pub(crate) static VENDOR: Vendor = Vendor {
    name: "bench",
    title: "Bench",
    doc: "",
    settings: &[],
    operations: &[Operation {
        name: OPERATION,
        doc: "",
        kind: OperationKind::Write,
        parameters: &[],
        repeat: Repeat::Natural,
        calls: 1,
        limit_class: "write",
        results: &[],
    }],
    events: &[],
    url_events: &[],
    headers: &[],
    pace: Pace { per_second: None, concurrency: 64 },
    limits: &[],
    time_zone: "UTC",
    open: |_| Err(Vec::new()),
    sandbox: |_, _| unreachable!("the target is the vendor"),
    samples: &[],
};

/// One account.
pub(crate) struct Account {
    pub(crate) url: Url,
}

impl Connector for Account {
    fn accept(&self, _: &Inbound) -> Accept {
        Accept::refuse(404, code::UNKNOWN_EVENT)
    }

    fn normalize(&self, _: &Webhook) -> Normalized {
        Normalized::Nothing(code::NOTHING_NEW)
    }

    fn target(&self, _: &Operation, parameters: &Parameters) -> Result<Target, String> {
        let object = parameters.get("object").and_then(Value::as_str).ok_or("`object` is missing")?;
        let value = parameters.get("number").cloned().unwrap_or(Value::Null);
        let registers = vec![Register { name: "number".to_owned(), value, rule: RegisterRule::Newest }];
        Ok(Target { object: object.to_owned(), registers })
    }

    fn plan(&self, work: &Work<'_>, _: &Progress) -> Plan {
        let mut request = Request::new(Method::Post, self.url.join(work.text("object")).expect("a path"));
        request.body = Value::Object(work.parameters.clone()).to_string().into();
        Plan::Send(request.header("content-type", "application/json"))
    }

    fn interpret(&self, _: &Work<'_>, _: &Progress, reply: &Reply) -> Verdict {
        status::verdict(reply).unwrap_or_else(|| Verdict::Done(Done::default()))
    }

    fn probe(&self) -> Option<Request> {
        None
    }

    fn read_probe(&self, _: &Reply) -> Result<(), String> {
        Ok(())
    }
}
