//! The connector against its own sandbox, and the sandbox against the exchanges that the vendor's sheet prints.

mod answers;
mod exchanges;
mod history;
mod lines;
mod orders;
mod paid;
mod settings;
mod subscribers;

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{SETTINGS, VENDOR, operations::CATALOGUE};
use crate::{
    connectors::{
        contract::{Connector, Sandbox, Verdict, settings::settings_of},
        kit::testing::{Drive, Driven},
    },
    model::time::Timestamp,
};

const ALL: &[(&str, &str)] = &[
    ("user", "demouser"),
    ("password", "demopass"),
    ("newsletter_list", "51234"),
    ("subscribe_form", "88001"),
    ("update_form", "88002"),
    ("order_list", "51300"),
    ("order_form", "88120"),
    ("status_form", "88131"),
    ("billing_form", "88130"),
    ("purchase_date_field", "last_purchase"),
    ("purchase_count_field", "purchases"),
    ("purchase_sum_field", "spent"),
];

fn now() -> Timestamp {
    "2025-10-09T08:53:20Z".parse().expect("a time")
}

/// A connector and its simulated vendor.
struct Pair {
    connector: Arc<dyn Connector>,
    sandbox: Box<dyn Sandbox>,
}

impl Pair {
    fn new() -> Self {
        Self::with(&[])
    }

    /// All lists and forms, with some settings changed; an empty text takes one away.
    fn with(changed: &[(&str, &str)]) -> Self {
        let kept = ALL.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let given = kept.chain(changed).copied().filter(|(_, text)| !text.is_empty());
        let settings = settings_of(SETTINGS, &given.collect::<Vec<_>>());
        let sandbox = (VENDOR.sandbox)(&settings, now());
        let connector = (VENDOR.open)(settings).map_err(|problems| format!("{problems:?}")).expect("good settings");
        Self { connector, sandbox }
    }

    fn drive(&self, operation: &str, parameters: Value) -> Drive<'_> {
        Drive::new(self.connector.as_ref(), CATALOGUE, operation, parameters, now())
    }

    /// Drives an action, changed as a test wants it.
    fn run_with(&mut self, operation: &str, parameters: Value, change: impl FnOnce(&mut Drive<'_>)) -> Driven {
        let mut drive = Drive::new(self.connector.as_ref(), CATALOGUE, operation, parameters, now());
        change(&mut drive);
        drive.run(self.sandbox.as_mut())
    }

    fn run(&mut self, operation: &str, parameters: Value) -> Driven {
        self.run_with(operation, parameters, |_| ())
    }

    /// Why a target is refused.
    fn refused_target(&self, operation: &str, parameters: Value) -> String {
        let drive = self.drive(operation, parameters);
        self.connector.target(drive.operation, &drive.parameters).expect_err("a refused target")
    }

    fn command(&mut self, command: &Value) {
        self.sandbox.command(command, now()).expect("a command that fits");
    }

    /// The effects of a kind.
    fn effects(&self, kind: &str) -> Vec<Value> {
        self.sandbox.effects().iter().filter(|effect| effect["effect"] == kind).cloned().collect()
    }

    /// The record of a list whose field holds a value.
    fn record(&self, list: i64, field: &str, value: &str) -> Value {
        let state = self.sandbox.state();
        let lists = state["lists"].as_array().expect("lists");
        let list = lists.iter().find(|known| known["nl_id"] == list).expect("the list");
        let records = list["records"].as_array().expect("records");
        records.iter().find(|record| record[field] == value).cloned().unwrap_or(Value::Null)
    }

    fn person(&self, email: &str) -> Value {
        self.record(51_234, "email", email)
    }

    fn order(&self, reference: &str) -> Value {
        self.record(51_300, "mssys_shoprenter_id", reference)
    }
}

fn registers(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[track_caller]
fn result(driven: &Driven) -> Value {
    let Verdict::Done(done) = &driven.verdict else { panic!("not done: {:?}", driven.verdict) };
    json!(done.result)
}

#[track_caller]
fn refusal(driven: &Driven) -> &str {
    let Verdict::Refused(text) = &driven.verdict else { panic!("not refused: {:?}", driven.verdict) };
    text
}

/// An order as a shop's connector gives it.
fn order() -> Value {
    json!({
        "id": "771", "number": "4711", "status": "ORDER_STATUS_PENDING", "sourceStatus": "pending",
        "createdAt": "2025-10-08T22:30:00Z", "currency": "HUF",
        "total": {"amount": "6985.00", "currency": "HUF"},
        "customer": {
            "firstName": "Borbála", "lastName": "Kis", "email": "borbala.kis@example.hu", "phone": "+36301234567",
            "company": "Kis és Társa Kft.", "taxId": "12345678-2-42",
            "address": {"street": "Fő utca 3.", "street2": "2. em.", "city": "Pécs", "postcode": "7621",
                        "country": "HU"},
            "shippingAddress": {"street": "Alsó sor 1.", "city": "Siklós", "postcode": "7800", "country": "HU"}
        },
        "items": [
            {"kind": "ITEM_KIND_PRODUCT", "code": "SZAPPAN-01", "name": "Levendula szappan", "quantity": "3",
             "net": {"amount": "4500.00", "currency": "HUF"}, "tax": {"amount": "1215.00", "currency": "HUF"},
             "taxRate": "27.0000"},
            {"kind": "ITEM_KIND_SHIPPING", "name": "Futár", "quantity": "1",
             "net": {"amount": "1000", "currency": "HUF"}, "tax": {"amount": "270", "currency": "HUF"}, "taxRate": "27"}
        ],
        "paymentMethod": "card", "paymentMethodTitle": "Bankkártya",
        "shippingMethod": "flat_rate", "shippingMethodTitle": "Futár",
        "note": "Csengessen kétszer!"
    })
}

/// What a drive would work with, all its registers still to be written.
fn with_work<T>(drive: &Drive<'_>, act: impl FnOnce(&crate::connectors::contract::Work<'_>) -> T) -> T {
    let target = drive.connector.target(drive.operation, &drive.parameters).expect("a target");
    let named = target.registers.into_iter().map(|register| register.name).collect();
    act(&crate::connectors::contract::Work {
        operation: drive.operation,
        parameters: &drive.parameters,
        only: &drive.only,
        registers: drive.registers.as_ref().unwrap_or(&named),
        vendor_id: drive.vendor_id.as_deref(),
        contributions: &drive.contributions,
        maybe_done: drive.maybe_done,
        reference: "a-test",
        now: drive.now,
        session: None,
    })
}

fn first_request(drive: &Drive<'_>) -> crate::model::http::Request {
    use crate::connectors::contract::{Plan, Progress};
    with_work(drive, |work| match drive.connector.plan(work, &Progress::default()) {
        Plan::Send(request) => request,
        other => panic!("no request: {other:?}"),
    })
}

/// Answers a drive's requests with fixed replies; the verdict on the last one.
fn scripted(drive: &Drive<'_>, replies: &[crate::model::http::Reply]) -> Verdict {
    use crate::connectors::contract::{Plan, Progress};
    with_work(drive, |work| {
        let mut progress = Progress::default();
        for (index, reply) in replies.iter().enumerate() {
            assert!(matches!(drive.connector.plan(work, &progress), Plan::Send(_)));
            match drive.connector.interpret(work, &progress, reply) {
                Verdict::Next(next) => progress = next,
                verdict => {
                    assert_eq!(index + 1, replies.len(), "ended early with {verdict:?}");
                    return verdict;
                }
            }
        }
        panic!("the replies do not end it");
    })
}
