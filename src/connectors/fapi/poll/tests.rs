use serde_json::json;

use super::*;
use crate::connectors::{
    fapi::{
        sandbox::seed,
        tests::{Account, at, config},
    },
    kit::testing::as_sandbox,
};

/// Rows and the cursor of one page.
fn rows(read: PollRead) -> (Vec<PolledRow>, Value, bool) {
    match read {
        PollRead::Rows { rows, cursor, more } => (rows, cursor, more),
        other => panic!("no rows but {other:?}"),
    }
}

/// Polls until there is no more, as the engine would.
fn poll(account: &mut Account, cursor: &mut Option<Value>) -> Vec<PolledRow> {
    let mut all = Vec::new();
    for _ in 0..20 {
        account.wait(1);
        let request = account.connector.poll(INVOICES, cursor.as_ref(), account.now).expect("a request");
        let reply = account.sandbox.answer(&as_sandbox(&request), account.now);
        let (rows, next, more) = rows(account.connector.read(INVOICES, cursor.as_ref(), account.now, &reply));
        all.extend(rows);
        *cursor = Some(next);
        if !more {
            return all;
        }
    }
    panic!("it does not come to an end")
}

fn ids(rows: &[PolledRow]) -> Vec<&str> {
    rows.iter().map(|row| row.row.as_str()).collect()
}

#[test]
fn the_first_poll_begins_now_and_later_ones_find_what_changed() {
    let mut account = Account::new(&[]);
    let mut cursor = None;
    assert_eq!(poll(&mut account, &mut cursor), []);
    account.wait(900);
    assert_eq!(poll(&mut account, &mut cursor), []);
    account.command(json!({"pay_invoice": seed::UNPAID.id}));
    account.wait(10);
    account.command(json!({"edit_invoice": {"id": seed::PAID.id, "notes": "x"}}));
    account.wait(900);
    let found = poll(&mut account, &mut cursor);
    assert_eq!(ids(&found), ["300100211", "300100210"], "oldest change first");
    assert!(found.iter().all(|row| !row.complete && row.version.is_some()));
    // Within the overlap the same state comes again, and is the same webhook.
    account.wait(900);
    let again = poll(&mut account, &mut cursor);
    assert_eq!(again, found);
    account.command(json!({"edit_invoice": {"id": seed::PAID.id, "notes": "y"}}));
    let changed = poll(&mut account, &mut cursor);
    let state = |rows: &[PolledRow]| rows.iter().find(|row| row.row == "300100210").expect("a row").state.clone();
    assert_ne!(state(&changed), state(&found));
}

#[test]
fn polling_can_be_switched_off_and_rows_can_be_complete() {
    assert_eq!(polls(&config(&[("poll_every", "0s")])), []);
    assert_eq!(polls(&config(&[]))[0].every, std::time::Duration::from_mins(15));
    let mut account = Account::new(&[("poll_rows", "complete")]);
    let mut cursor = None;
    poll(&mut account, &mut cursor);
    account.command(json!({"pay_invoice": seed::UNPAID.id}));
    let found = poll(&mut account, &mut cursor);
    assert!(found[0].complete);
    let body: Value = serde_json::from_slice(&found[0].body).expect("the row");
    assert_eq!(body["id"], seed::UNPAID.id);
}

#[test]
fn a_long_list_is_read_to_its_end_and_only_then_the_cursor_moves() {
    let mut account = Account::new(&[]);
    let mut cursor = None;
    poll(&mut account, &mut cursor);
    let mut made: Vec<String> = Vec::new();
    for _ in 0..250 {
        account.wait(1);
        made.push(account.create(json!({"items": [{"name": "Kurz", "price": 1}]})).to_string());
    }
    let before = cursor.clone().expect("a cursor")["since"].clone();
    let request = account.connector.poll(INVOICES, cursor.as_ref(), account.now).expect("a request");
    let reply = account.sandbox.answer(&as_sandbox(&request), account.now);
    let (first, next, more) = rows(account.connector.read(INVOICES, cursor.as_ref(), account.now, &reply));
    assert_eq!((first.len(), more, &next["since"]), (100, true, &before));
    let found = poll(&mut account, &mut cursor);
    let mut found = ids(&found);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, made);
    assert_ne!(cursor.expect("a cursor")["since"], before);
}

/// A page of documents, all changed at one time.
fn page_of(ids: std::ops::Range<u64>) -> Reply {
    let rows: Vec<Value> = ids.map(|id| json!({"id": id, "last_modified_on": "2025-10-10 12:00:00"})).collect();
    Reply::new(200).json(&json!({"invoices": rows}))
}

#[test]
fn rows_that_slip_between_two_pages_are_found_by_the_next_poll() {
    let config = config(&[]);
    let now = at("2025-10-10T10:30:00Z");
    let begin = json!({"since": "2025-10-10T09:00:00Z"});
    let (_, second, more) = rows(read(&config, Some(&begin), now, &page_of(0..100)));
    assert!(more);
    // Up to ten rows may vanish from the first page: the lap still holds one of them.
    let (_, next, more) = rows(read(&config, Some(&second), now, &page_of(99..199)));
    assert!(more && next["page"]["offset"] == 180);
    // Eleven are too many: the cursor stays, and the list is read anew.
    let (found, next, more) = rows(read(&config, Some(&second), now, &page_of(100..200)));
    assert_eq!((found.len(), more), (100, false));
    assert_eq!(next, json!({"since": "2025-10-10T09:00:00Z", "exact": false}));
    // A vendor that ignores the offset does not keep us busy for ever.
    let (_, next, more) = rows(read(&config, Some(&second), now, &page_of(0..100)));
    assert!(!more && next.get("page").is_none());
}

/// Reads a list to its end, as the engine would.
fn list(account: &mut Account, since: Timestamp) -> Vec<PolledRow> {
    let (mut all, mut cursor) = (Vec::new(), None);
    for _ in 0..20 {
        let request = account.connector.list(INVOICES, since, cursor.as_ref(), account.now).expect("a request");
        let reply = account.sandbox.answer(&as_sandbox(&request), account.now);
        let read = account.connector.read_list(INVOICES, since, cursor.as_ref(), account.now, &reply);
        let (rows, next, more) = rows(read);
        all.extend(rows);
        cursor = Some(next);
        if !more {
            return all;
        }
    }
    panic!("it does not come to an end")
}

#[test]
fn a_list_gives_all_that_changed_since_a_day_and_is_the_same_as_what_the_poll_finds() {
    let mut account = Account::new(&[]);
    let since = account.now;
    let mut cursor = None;
    poll(&mut account, &mut cursor);
    account.wait(60);
    let made: Vec<_> =
        (0..150).map(|_| account.create(json!({"items": [{"name": "Kurz", "price": 1}]})).to_string()).collect();
    let mut found = list(&mut account, since);
    let mut polled = poll(&mut account, &mut cursor);
    for rows in [&mut found, &mut polled] {
        rows.sort_by(|one, other| one.row.cmp(&other.row));
        rows.dedup_by(|one, other| one.row == other.row);
    }
    assert_eq!(ids(&found), made);
    assert_eq!(found, polled, "the same rows in the same states: the same webhooks");
    let later = account.now.checked_add(SignedDuration::from_hours(1)).expect("time");
    assert_eq!(list(&mut account, later), []);
}

#[test]
fn a_list_that_moves_is_read_anew_and_not_for_ever() {
    let config = config(&[]);
    let now = at("2025-10-10T10:30:00Z");
    let mut cursor = since(at("2025-10-10T09:00:00Z"));
    for _turn in 0..5 {
        let (_, second, more) = rows(read_list(&config, &cursor, now, &page_of(0..100)));
        assert!(more);
        let (_, next, more) = rows(read_list(&config, &second, now, &page_of(0..100)));
        assert!(more && next.get("page").is_none());
        cursor = next;
    }
    let (_, second, _) = rows(read_list(&config, &cursor, now, &page_of(0..100)));
    let end = read_list(&config, &second, now, &page_of(0..100));
    assert_eq!(end, PollRead::Failed(code::UNEXPECTED_ANSWER));
}

#[test]
fn answers_that_are_no_list_fail() {
    let config = config(&[]);
    let now = at("2025-10-10T10:30:00Z");
    for (status, body, end) in [
        (200, "<html>", PollRead::Failed(code::UNEXPECTED_ANSWER)),
        (200, "{}", PollRead::Failed(code::UNEXPECTED_ANSWER)),
        (302, r#"{"invoices":[]}"#, PollRead::Failed(code::UNEXPECTED_ANSWER)),
        (429, "", PollRead::Failed(code::RATE_LIMITED)),
        (500, "", PollRead::Failed(code::VENDOR_ERROR)),
        (400, r#"{"type":"ValidationException"}"#, PollRead::Failed(code::REFUSED)),
        (401, r#"{"type":"AuthorizationException"}"#, PollRead::Failed(code::REFUSED)),
        (401, r#"{"type":"AuthenticationException"}"#, PollRead::Unauthorized),
    ] {
        let mut reply = Reply::new(status);
        reply.body = body.to_owned().into();
        assert_eq!(read(&config, None, now, &reply), end, "{status} {body}");
    }
}

#[test]
fn an_unreadable_row_is_kept_and_a_change_in_the_future_does_not_carry_the_cursor_away() {
    let config = config(&[]);
    let now = at("2025-10-10T10:30:00Z");
    let body = r#"{"invoices":[7,{"id":"x"},{"id":5,"last_modified_on":"2199-01-01 00:00:00"}]}"#;
    let mut reply = Reply::new(200);
    reply.body = body.to_owned().into();
    let begin = json!({"since": "2025-10-10T09:00:00Z"});
    let (found, cursor, _) = rows(read(&config, Some(&begin), now, &reply));
    assert_eq!(ids(&found), ["unreadable", "unreadable", "5"]);
    assert_ne!(found[0].state, found[1].state);
    assert_eq!(cursor["since"], "2025-10-10T10:30:00Z");
}

#[test]
fn what_the_filter_should_have_kept_back_is_no_news() {
    let config = config(&[]);
    let body = r#"{"invoices":[{"id":1,"last_modified_on":"2023-01-01 00:00:00"},{"id":2,"last_modified_on":"2025-10-10 12:00:00"}]}"#;
    let mut reply = Reply::new(200);
    reply.body = body.to_owned().into();
    let begin = json!({"since": "2025-10-10T09:00:00Z"});
    let (found, _, _) = rows(read(&config, Some(&begin), at("2025-10-10T10:30:00Z"), &reply));
    assert_eq!(ids(&found), ["2"]);
}

#[test]
fn each_poll_looks_back_and_further_back_before_the_clocks_go_back() {
    let config = config(&[]);
    let after = |since: &str| Cursor { since: at(since), exact: false, page: None, begun_anew: 0 }.after(&config);
    assert_eq!(after("2025-10-10T09:00:00Z"), "2025-10-10 10:58:00");
    // In the hour before the change, later documents will carry the same local times once more.
    assert_eq!(after("2025-10-26T00:32:00Z"), "2025-10-26 01:30:00");
    assert_eq!(after("2025-10-26T01:32:00Z"), "2025-10-26 02:30:00");
    let first = Cursor::read(None, at("2025-10-10T09:00:00Z")).after(&config);
    assert_eq!(first, "2025-10-10 11:00:00");
}
