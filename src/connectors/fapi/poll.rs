//! The safety net: lists what changed since the last poll, for notifications that never came.
//!
//! Neither the list's order nor whether `last_modified_after` includes its moment is documented, and the list may shift while
//! it is read page by page. So: each poll looks back a little further than the newest change seen; pages overlap by some
//! rows, and when none of the previous page's last rows comes again, the list has shifted too far and is read anew; and the
//! cursor moves on only behind the last page.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    local::Local,
    operations::{self, Failed},
    settings::Config,
    webhook::is_id,
    wire::Invoice,
};
use crate::{
    connectors::{
        contract::{Poll, PollRead, PolledRow, Verdict},
        kit::status,
    },
    model::{
        code,
        hash::ContentHash,
        http::{Reply, Request},
        time::{Timestamp, Version, version_of},
    },
};

pub(super) const INVOICES: &str = "invoices";

/// Rows of a page: the documented maximum, by one connector's account of FAPI's reference.
const PAGE: usize = 100;
/// Rows that two pages share.
const LAP: usize = 10;

/// How far polling has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// The newest change that is read with everything before it.
    since: Timestamp,
    /// The very first poll begins at `since` exactly.
    #[serde(default)]
    exact: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<Page>,
    /// How often a list of `import` was begun anew because it moved.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_zero")]
    begun_anew: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// Within a list of several pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Page {
    offset: usize,
    newest: Timestamp,
    /// The ids of the previous page's last rows.
    tail: Vec<String>,
}

impl Page {
    /// Whether rows may have slipped between two pages: none of the last ones came again, or nothing but old ones did.
    fn has_moved(&self, ids: &[String]) -> bool {
        let laps = self.tail.iter().any(|id| ids.contains(id));
        !laps || self.tail.last() == ids.last()
    }
}

impl Cursor {
    /// Old things are for `import`: the very first poll begins now.
    fn read(cursor: Option<&Value>, now: Timestamp) -> Self {
        let read = cursor.and_then(|cursor| Self::deserialize(cursor).ok());
        read.unwrap_or(Self { since: now, exact: true, page: None, begun_anew: 0 })
    }

    fn offset(&self) -> usize {
        self.page.as_ref().map_or(0, |page| page.offset)
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a cursor is plain data")
    }

    /// The earliest local time that is asked for. When clocks are about to go back an hour, later changes will carry
    /// earlier local times: then it is an hour less.
    fn after(&self, config: &Config) -> String {
        let overlap = SignedDuration::try_from(config.poll_overlap).unwrap_or_default();
        let back = if self.exact { SignedDuration::ZERO } else { overlap };
        let begin = self.since.checked_sub(back).unwrap_or(Timestamp::UNIX_EPOCH);
        let hour = SignedDuration::from_hours(1);
        let soon = begin.checked_add(hour).unwrap_or(begin);
        let goes_back = config.zone.to_offset(soon) < config.zone.to_offset(begin);
        let begin = if goes_back { begin.checked_sub(hour).unwrap_or(begin) } else { begin };
        Local(&config.zone).write(begin)
    }
}

/// Which polls an account wants.
pub(super) fn polls(config: &Config) -> Vec<Poll> {
    if config.poll_every.is_zero() {
        return Vec::new();
    }
    vec![Poll { name: INVOICES, every: config.poll_every }]
}

/// Where a list of all that changed since then begins.
pub(super) fn since(moment: Timestamp) -> Value {
    Cursor { since: moment, exact: true, page: None, begun_anew: 0 }.to_json()
}

/// What a page of a list gave. One that has moved is read anew, since no later poll will: but not for ever.
pub(super) fn read_list(config: &Config, cursor: &Value, now: Timestamp, reply: &Reply) -> PollRead {
    const OFTEN: u8 = 5;
    match read(config, Some(cursor), now, reply) {
        PollRead::Rows { rows, cursor: next, more } => {
            let mut next = Cursor::read(Some(&next), now);
            let has_moved = !more && next.exact;
            if has_moved && next.begun_anew >= OFTEN {
                return PollRead::Failed(code::UNEXPECTED_ANSWER);
            }
            next.begun_anew += u8::from(has_moved);
            PollRead::Rows { rows, cursor: next.to_json(), more: more || has_moved }
        }
        failed => failed,
    }
}

/// The next page.
pub(super) fn request(config: &Config, cursor: Option<&Value>, now: Timestamp) -> Request {
    let cursor = Cursor::read(cursor, now);
    let (after, limit, offset) = (cursor.after(config), PAGE.to_string(), cursor.offset().to_string());
    let query = [("last_modified_after", after.as_str()), ("limit", &limit), ("offset", &offset)];
    operations::get(config, &["invoices"], &query)
}

/// What a page gave.
pub(super) fn read(config: &Config, cursor: Option<&Value>, now: Timestamp, reply: &Reply) -> PollRead {
    if let Some(Verdict::Retry { code, .. }) = status::verdict(reply) {
        return PollRead::Failed(code);
    }
    match operations::failure(reply) {
        Some(Failed::Unauthorized) => return PollRead::Unauthorized,
        Some(Failed::Missing(_) | Failed::Refused(_)) => return PollRead::Failed(code::REFUSED),
        None => {}
    }
    match serde_json::from_slice::<List<'_>>(&reply.body) {
        Ok(list) if reply.is_success() => page(config, &Cursor::read(cursor, now), &list.invoices, now),
        _ => PollRead::Failed(code::UNEXPECTED_ANSWER),
    }
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    invoices: Vec<&'a RawValue>,
}

fn page(config: &Config, cursor: &Cursor, raw: &[&RawValue], now: Timestamp) -> PollRead {
    let mut found: Vec<Row> = raw.iter().map(|row| Row::read(config, row)).collect();
    let ids: Vec<String> = found.iter().map(|row| row.polled.row.clone()).collect();
    let complete = raw.len() < PAGE;
    let moved = cursor.page.as_ref().is_some_and(|page| page.has_moved(&ids));
    // A change time in the future (a clock, a slip) must not carry the cursor past everything that is still to come.
    let seen = found.iter().filter_map(|row| row.changed).map(|changed| changed.min(now)).max();
    let before = cursor.page.as_ref().map_or(cursor.since, |page| page.newest);
    let newest = seen.map_or(before, |seen| seen.max(before));
    let next = if moved {
        Cursor { page: None, ..cursor.clone() }
    } else if complete {
        Cursor { since: newest, exact: false, page: None, begun_anew: 0 }
    } else {
        let tail = ids.iter().skip(ids.len() - LAP).cloned().collect();
        Cursor { page: Some(Page { offset: cursor.offset() + ids.len() - LAP, newest, tail }), ..cursor.clone() }
    };
    // The filter is not FAPI's own word; were it ignored, the whole archive would look like news.
    let after = cursor.after(config);
    found.retain(|row| row.changed.is_none() || row.local >= after);
    found.sort_by_key(|row| (row.polled.version, row.polled.row.clone()));
    let rows = found.into_iter().map(|row| row.polled).collect();
    // A list that has moved is read anew by the next poll, not at once: it may go on moving.
    PollRead::Rows { rows, cursor: next.to_json(), more: !moved && !complete }
}

/// A row with its change time, as a moment and as FAPI wrote it.
struct Row {
    polled: PolledRow,
    changed: Option<Timestamp>,
    local: String,
}

impl Row {
    /// A row that cannot be read is a row all the same: it becomes a dead letter instead of being passed over.
    fn read(config: &Config, raw: &RawValue) -> Self {
        let value: Value = serde_json::from_str(raw.get()).unwrap_or(Value::Null);
        let content = ContentHash::of(&value);
        let invoice = Invoice::deserialize(&value).unwrap_or_default();
        let changed = Local(&config.zone).moment(&invoice.last_modified_on);
        let version: Option<Version> = changed.map(version_of);
        let readable = is_id(&invoice.id);
        let polled = PolledRow {
            row: if readable { invoice.id } else { "unreadable".to_owned() },
            state: format!("{} {}", invoice.last_modified_on, content.as_str()),
            version,
            body: bytes::Bytes::copy_from_slice(raw.get().as_bytes()),
            complete: config.complete_rows,
        };
        Self { polled, changed, local: invoice.last_modified_on }
    }
}

#[cfg(test)]
mod tests;
