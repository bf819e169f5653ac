//! The safety net: orders that changed since the last poll, and apart from them those in the bin, which no other
//! listing shows. Orders that were deleted for good, and refunds that were deleted, are never seen: the shop does not
//! list them.
//!
//! Pages go by change time, not by number: an order that changes while we read moves to the end of the list, and
//! everything behind it moves up, across the border of a page. So after a full page the next request begins at that
//! page's last change time. Only when a whole page has one and the same time does the page number go on.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    content,
    rest::{self, PER_PAGE, Rest},
    wire::{Object, gmt, moment},
};
use crate::{
    connectors::contract::{PollRead, PolledRow},
    model::{
        code,
        http::{Reply, Request},
        time::{Timestamp, version_of},
    },
};

pub(super) const NAME: &str = "orders";

/// Rows remembered from the overlap, so that a quiet shop's last order is not written again at every poll. Above this
/// (a bulk edit) none are: reading again is harmless.
const MOST_SEEN: usize = 500;

/// Where a poll stands. Moments are the shop's, in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cursor {
    part: Part,
    /// Where this round began.
    from: Timestamp,
    /// Changes after this are asked for.
    after: Timestamp,
    page: u64,
    /// The newest change seen in this round.
    #[serde(default)]
    newest: Option<Timestamp>,
    /// The rows of the overlap: from an order's id to its state.
    #[serde(default)]
    seen: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Orders,
    /// `status=any`, the default, hides the bin.
    Trash,
}

/// The shop's poll.
pub(super) struct OrdersPoll<'a> {
    pub(super) rest: &'a Rest,
    pub(super) overlap: Duration,
}

/// A row with the moment of its change.
struct Row {
    row: PolledRow,
    changed: Option<Timestamp>,
}

impl OrdersPoll<'_> {
    /// Where a list of all that changed since then begins: its own moment included, which the shop does not do.
    pub(super) fn since(moment: Timestamp) -> Value {
        let from = moment.checked_sub(Duration::from_secs(1)).unwrap_or(moment);
        let cursor = Cursor { part: Part::Orders, from, after: from, page: 1, newest: None, seen: BTreeMap::new() };
        serde_json::to_value(cursor).expect("a cursor is plain data")
    }

    pub(super) fn request(&self, cursor: Option<&Value>, now: Timestamp) -> Request {
        let cursor = self.cursor(cursor, now);
        // Without `Z`: with it and the flag the shop shifts the moment by its own offset, and orders are lost in
        // silence.
        let after = gmt(cursor.after);
        let (per_page, page) = (PER_PAGE.to_string(), cursor.page.to_string());
        let mut query = vec![
            ("modified_after", after.as_str()),
            ("dates_are_gmt", "true"),
            ("orderby", "modified"),
            ("order", "asc"),
            ("per_page", &per_page),
            ("page", &page),
        ];
        if cursor.part == Part::Trash {
            query.push(("status", "trash"));
        }
        self.rest.get(&["orders"], &query)
    }

    pub(super) fn read(&self, cursor: Option<&Value>, now: Timestamp, reply: &Reply) -> PollRead {
        if rest::is_unauthorized(reply) {
            return PollRead::Unauthorized;
        }
        if !reply.is_success() {
            return PollRead::Failed(rest::failure(reply));
        }
        let Some(rows) = rows(reply) else { return PollRead::Failed(code::UNEXPECTED_ANSWER) };
        let mut cursor = self.cursor(cursor, now);
        let more = self.advance(&mut cursor, &rows, pages(reply));
        let (cursor, rows) = without_seen(cursor, rows);
        let cursor = serde_json::to_value(cursor).expect("a cursor is plain data");
        PollRead::Rows { rows, cursor, more }
    }

    /// The very first poll begins now. A cursor that cannot be read any more begins anew, too.
    fn cursor(&self, cursor: Option<&Value>, now: Timestamp) -> Cursor {
        let known = cursor.and_then(|cursor| serde_json::from_value(cursor.clone()).ok());
        known.unwrap_or_else(|| {
            let from = self.before(now);
            Cursor { part: Part::Orders, from, after: from, page: 1, newest: None, seen: BTreeMap::new() }
        })
    }

    /// Moves on, and says whether there is more to read at once.
    fn advance(&self, cursor: &mut Cursor, rows: &[Row], pages: Option<u64>) -> bool {
        let last = rows.iter().filter_map(|row| row.changed).max();
        cursor.newest = cursor.newest.max(last);
        let is_last_page = pages.map_or(rows.len() < PER_PAGE, |pages| pages <= cursor.page) || rows.is_empty();
        if !is_last_page {
            // Exclusive, in whole seconds: one second back, so that what shares the last row's second is not lost.
            match last
                .and_then(|last| last.checked_sub(Duration::from_secs(1)).ok())
                .filter(|next| *next > cursor.after)
            {
                Some(next) => (cursor.after, cursor.page) = (next, 1),
                None => cursor.page += 1,
            }
            return true;
        }
        if cursor.part == Part::Orders {
            (cursor.part, cursor.after, cursor.page) = (Part::Trash, cursor.from, 1);
            return true;
        }
        let from = cursor.newest.map_or(cursor.from, |newest| self.before(newest).max(cursor.from));
        (cursor.part, cursor.from, cursor.after, cursor.page, cursor.newest) = (Part::Orders, from, from, 1, None);
        false
    }

    fn before(&self, moment: Timestamp) -> Timestamp {
        moment.checked_sub(self.overlap).unwrap_or(moment)
    }
}

/// Leaves out what an earlier poll gave in the same state, and remembers what the next one may meet again.
fn without_seen(mut cursor: Cursor, rows: Vec<Row>) -> (Cursor, Vec<PolledRow>) {
    let mut fresh = Vec::with_capacity(rows.len());
    for Row { row, .. } in rows {
        if cursor.seen.insert(row.row.clone(), row.state.clone()).as_ref() != Some(&row.state) {
            fresh.push(row);
        }
    }
    let begins_anew = cursor.part == Part::Orders && cursor.after == cursor.from && cursor.page == 1;
    if begins_anew {
        let from = gmt(cursor.from);
        cursor.seen.retain(|_, state| state.as_str() > from.as_str());
    }
    if cursor.seen.len() > MOST_SEEN {
        cursor.seen.clear();
    }
    (cursor, fresh)
}

fn pages(reply: &Reply) -> Option<u64> {
    reply.headers.get("X-WP-TotalPages").and_then(|value| value.trim().parse().ok())
}

/// The rows byte for byte; nothing when the answer is no list of orders.
fn rows(reply: &Reply) -> Option<Vec<Row>> {
    let raw: Vec<&RawValue> = serde_json::from_slice(&reply.body).ok()?;
    raw.into_iter().map(row).collect()
}

/// A row is what the webhook would have held, so nothing need be fetched.
fn row(raw: &RawValue) -> Option<Row> {
    let body: Value = serde_json::from_str(raw.get()).ok()?;
    let order = Object::of(&body);
    let text = order.text("date_modified_gmt");
    let changed = moment(text);
    let row = PolledRow {
        row: order.id("id")?,
        state: format!("{text}/{}", content::hash(&body).as_str()),
        version: changed.map(version_of),
        body: Bytes::copy_from_slice(raw.get().as_bytes()),
        complete: true,
    };
    Some(Row { row, changed })
}

#[cfg(test)]
mod tests;
