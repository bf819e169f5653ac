//! `spojka schema`: the JSON Schema of configs, for editors.

use std::io;

use super::{Exit, output::Output};
use crate::{config::schema::schema, connectors::VENDORS};

/// Prints the schema. It is JSON anyway, so `--json` changes nothing.
pub fn run(output: &mut Output<'_>) -> io::Result<Exit> {
    write!(output.out, "{}", text())?;
    Ok(Exit::Done)
}

/// The schema as it is committed under `deploy/schema`.
pub fn text() -> String {
    format!("{:#}\n", schema(VENDORS))
}
