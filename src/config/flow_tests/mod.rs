//! Tests that stand beside the flows: an event or a raw webhook in, expected actions out.
//!
//! Reading checks their form with everything else of a config: names of fields, operations and parameters. Running takes them
//! through the connectors' normalizing and the router itself, without network and log; what differs is a problem at the place
//! of the expectation. Only `check` and what asks for it runs them: a service starts without the files that tests name.
//!
//! | file | what |
//! |---|---|
//! | `read` | a test with its cases, from YAML |
//! | `given`, `body`, `set` | what goes in: an event by the schema, a webhook with replies; and a case's changes to it |
//! | `results` | what steps are said to have returned |
//! | `expected` | what shall come out |
//! | `run`, `compare` | doing it, and telling the difference |

mod body;
mod compare;
mod expected;
mod given;
mod read;
mod results;
mod run;
mod set;

use std::{collections::BTreeMap, path::Path};

use super::{
    Config,
    report::{Problems, Report},
    source::Place,
};
use crate::router::Ending;
pub(crate) use body::read as read_body;
use expected::Expected;
use given::Given;
pub(crate) use read::read;
use run::Bench;

/// One test, or one case of it.
#[derive(Clone, Debug)]
pub(crate) struct FlowTest {
    name: String,
    case: Option<String>,
    /// Only what this flow does is looked at.
    flow: Option<String>,
    /// Where its name stands.
    place: Place,
    given: Given,
    ends: BTreeMap<String, Ending>,
    expected: Vec<Expected>,
    /// Where the list of expectations stands.
    expected_at: Place,
}

/// What came of running all tests.
#[derive(Debug)]
pub struct TestsRun {
    pub passed: usize,
    pub failed: usize,
    /// All differences. `None`: every test passed.
    pub report: Option<Report>,
}

impl Config {
    /// Runs the tests beside the flows. `directory` is where the files that they name begin.
    pub fn run_tests(&self, directory: &Path) -> TestsRun {
        let mut problems = Problems::default();
        let bench = Bench::new(self, directory);
        let (mut passed, mut failed) = (0, 0);
        for test in self.tests.iter() {
            let before = problems.count();
            bench.run(test, &mut problems);
            if problems.count() == before { passed += 1 } else { failed += 1 }
        }
        TestsRun { passed, failed, report: problems.into_report() }
    }
}

impl FlowTest {
    /// For messages.
    fn title(&self) -> String {
        match &self.case {
            Some(case) => format!("the test `{}`, case `{case}`", self.name),
            None => format!("the test `{}`", self.name),
        }
    }
}
