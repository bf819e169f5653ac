//! Mapping tables beside what a vendor says that it has: values without a row, and rows that no value will ever meet.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, unanswered};
use crate::{
    config::{Config, ConnectionConfig},
    expr::{Lookup, lookup::Missing},
    http::Client,
    model::connection::ConnectionName,
    router::Flow,
    runtime,
};

/// Asks the vendor for each list that any flow's table depends on.
pub(super) async fn compare(
    client: &Client,
    config: &Config,
    name: &ConnectionName,
    connection: &ConnectionConfig,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for listed in connection.connector.listed() {
        let tables = tables_of(config, connection.identity(name), listed.field);
        if tables.is_empty() {
            continue;
        }
        let what = format!("{name}: {}", listed.field);
        let reply = client.send(&listed.request, &runtime::limits_of(&connection.delivery)).await;
        let values = match &reply {
            Ok(reply) => connection.connector.read_listed(listed.field, reply),
            Err(error) => Err(unanswered(*error, &listed.request.url).to_owned()),
        };
        match values {
            Ok(values) => findings.extend(tables.values().map(|table| beside(&what, table, &values))),
            Err(why) => findings.push(Finding::new(what, false, why)),
        }
    }
    findings
}

/// The tables in which flows look up a field of this connection's events.
fn tables_of<'a>(config: &'a Config, connection: &ConnectionName, field: &str) -> BTreeMap<&'a str, &'a Lookup> {
    let concerns = |flow: &&Flow| flow.from.as_ref().is_none_or(|from| from.contains(connection));
    let mut tables = BTreeMap::new();
    for expression in config.flows.flows().iter().filter(concerns).flat_map(Flow::expressions) {
        for (table, _) in expression.looked_up().into_iter().filter(|(_, looked_up)| looked_up == field) {
            tables.extend(expression.lookups().get(table).map(|lookup| (lookup.name.as_str(), lookup.as_ref())));
        }
    }
    tables
}

/// One table beside the values that there are.
fn beside(what: &str, table: &Lookup, values: &BTreeSet<String>) -> Finding {
    let missing: Vec<&str> =
        values.iter().map(String::as_str).filter(|value| !table.rows.contains_key(*value)).collect();
    let strange: Vec<&str> = table.rows.keys().map(String::as_str).filter(|row| !values.contains(*row)).collect();
    let name = &table.name;
    let mut parts = Vec::new();
    if !missing.is_empty() {
        let then = match &table.missing {
            Missing::Fails => "events with them become dead letters".to_owned(),
            Missing::Skips => "steps with them are left out".to_owned(),
            Missing::Gives(default) => format!("they become `{default}`"),
        };
        parts.push(format!("the lookup `{name}` has no row for `{}`: {then}", missing.join("`, `")));
    }
    if !strange.is_empty() {
        parts.push(format!("the lookup `{name}` has rows for what is not there: `{}`", strange.join("`, `")));
    }
    let look = !parts.is_empty();
    let same = || format!("the lookup `{name}` has a row for each of {} values", values.len());
    let text = if look { parts.join("; ") } else { same() };
    Finding { look, ..Finding::new(what, true, text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(missing: Missing, rows: &[&str]) -> (bool, String) {
        let rows = rows.iter().map(|row| ((*row).to_owned(), "x".to_owned())).collect();
        let table = Lookup { name: "statuses".to_owned(), rows, missing };
        let values = ["new", "paid"].map(str::to_owned).into();
        let finding = beside("shop: order.source_status", &table, &values);
        assert!(finding.ok, "a flow may look at some of them only");
        (finding.look, finding.text)
    }

    #[test]
    fn a_table_is_told_by_what_it_lacks_and_by_what_never_comes() {
        assert_eq!(
            told(Missing::Fails, &["new", "paid"]),
            (false, "the lookup `statuses` has a row for each of 2 values".to_owned())
        );
        for (missing, then) in [
            (Missing::Fails, "dead letters"),
            (Missing::Skips, "left out"),
            (Missing::Gives("other".to_owned()), "become `other`"),
        ] {
            let (look, text) = told(missing, &["new", "settled"]);
            assert!(look && text.contains("no row for `paid`") && text.contains(then), "{text}");
            assert!(text.contains("what is not there: `settled`"), "{text}");
        }
    }
}
