//! Every operation against the simulated vendor, and the simulated vendor against the vendor's printed exchanges.

mod exchanges;
mod faults;
mod lists;
mod occasions;
mod outside;
mod upsert;

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{VENDOR, operations::OPERATIONS, settings::SETTINGS};
use crate::{
    connectors::{
        contract::{Connector, Done, Register, Sandbox, Verdict, settings::settings_of},
        kit::testing::{Drive, Driven},
    },
    model::time::Timestamp,
};

const USER: &str = "router";
const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";
const EVA: &str = "eva.mala@example.cz";

/// An account and its simulated vendor.
struct Bench {
    connector: Arc<dyn Connector>,
    sandbox: Box<dyn Sandbox>,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_760_000_005).expect("a time")
}

/// With these settings beside the credentials.
fn bench(given: &[(&str, &str)]) -> Bench {
    let settings = settings_of(SETTINGS, &[&[("user", USER), ("token", TOKEN)], given].concat());
    let sandbox = (VENDOR.sandbox)(&settings, now());
    let connector = (VENDOR.open)(settings).expect("settings that fit");
    Bench { connector, sandbox }
}

impl Bench {
    fn drive(&self, operation: &str, parameters: Value) -> Drive<'_> {
        Drive::new(self.connector.as_ref(), OPERATIONS, operation, parameters, now())
    }

    /// Does an operation to the good end.
    fn done(&mut self, operation: &str, parameters: Value) -> Done {
        let connector = Arc::clone(&self.connector);
        Drive::new(connector.as_ref(), OPERATIONS, operation, parameters, now()).done(self.sandbox.as_mut())
    }

    /// Does an operation, with changes to what the engine knows of it.
    fn run(&mut self, operation: &str, parameters: Value, change: impl FnOnce(&mut Drive<'_>)) -> Driven {
        let connector = Arc::clone(&self.connector);
        let mut drive = Drive::new(connector.as_ref(), OPERATIONS, operation, parameters, now());
        change(&mut drive);
        drive.run(self.sandbox.as_mut())
    }

    fn registers(&self, operation: &str, parameters: Value) -> Vec<Register> {
        let drive = self.drive(operation, parameters);
        self.connector.target(drive.operation, &drive.parameters).expect("a target").registers
    }

    fn command(&mut self, command: &Value) {
        self.sandbox.command(command, now()).expect("a command that the sandbox knows");
    }

    /// Somebody makes a contact by hand; its id.
    fn add_contact(&mut self, fields: &Value) -> u64 {
        let made = self.sandbox.command(&json!({"add_contact": fields}), now()).expect("a contact");
        made.get("idContact").and_then(Value::as_u64).expect("its id")
    }

    fn contact(&self, id: u64) -> Value {
        let state = self.sandbox.state();
        let all = state.get("contacts").and_then(Value::as_array).expect("contacts").clone();
        all.into_iter().find(|contact| contact.get("idContact") == Some(&json!(id))).expect("the contact")
    }

    fn count(&self, component: &str) -> usize {
        self.sandbox.state().get(component).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// The kinds of what was done since a place in the list of effects.
    fn effects_since(&self, place: usize) -> Vec<&str> {
        self.sandbox.effects().iter().skip(place).filter_map(|effect| effect.get("effect")?.as_str()).collect()
    }
}

fn names(registers: &[Register]) -> Vec<&str> {
    registers.iter().map(|register| register.name.as_str()).collect()
}

fn only(registers: &[&str]) -> BTreeSet<String> {
    registers.iter().map(|name| (*name).to_owned()).collect()
}

fn refused(driven: &Driven) -> &str {
    match &driven.verdict {
        Verdict::Refused(why) => why,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
