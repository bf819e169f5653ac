use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::{
    connectors::{
        contract::{Sandbox, settings::settings_of},
        kit::testing::as_sandbox,
        woocommerce::{sandbox, settings::LIST},
    },
    model::secret::Secret,
};

const OVERLAP: Duration = Duration::from_mins(1);

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T05:30:00Z".parse().expect("time");
    start.checked_add(jiff::SignedDuration::from_secs(seconds)).expect("time")
}

fn rest() -> Rest {
    Rest::new(&"https://shop.example.cz".parse().expect("url"), "ck", Secret::new("cs"))
}

/// A shop with its poll.
struct World {
    rest: Rest,
    shop: Box<dyn Sandbox>,
    cursor: Option<Value>,
}

impl World {
    fn new() -> Self {
        let given = [
            ("secret", "s"),
            ("base_url", "https://shop.example.cz"),
            ("consumer_key", "ck"),
            ("consumer_secret", "cs"),
        ];
        Self { rest: rest(), shop: sandbox::open(&settings_of(LIST, &given), at(0)), cursor: None }
    }

    fn does(&mut self, command: &Value, seconds: i64) -> Value {
        self.shop.command(command, at(seconds)).expect("a command")
    }

    fn creates(&mut self, seconds: i64) -> u64 {
        self.does(&json!({"create_order": {}}), seconds)["id"].as_u64().expect("an id")
    }

    /// One page.
    fn page(&mut self, seconds: i64) -> (Vec<PolledRow>, bool) {
        let poll = OrdersPoll { rest: &self.rest, overlap: OVERLAP };
        let request = poll.request(self.cursor.as_ref(), at(seconds));
        let reply = self.shop.answer(&as_sandbox(&request), at(seconds));
        match poll.read(self.cursor.as_ref(), at(seconds), &reply) {
            PollRead::Rows { rows, cursor, more } => {
                self.cursor = Some(cursor);
                (rows, more)
            }
            other => panic!("{other:?}"),
        }
    }

    /// A whole round: the ids of its rows, in order.
    fn round(&mut self, seconds: i64) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..20 {
            let (rows, more) = self.page(seconds);
            ids.extend(rows.into_iter().map(|row| row.row));
            if !more {
                return ids;
            }
        }
        panic!("the round does not end");
    }
}

#[test]
fn the_moment_is_asked_for_in_the_one_way_that_loses_nothing() {
    let rest = rest();
    let poll = OrdersPoll { rest: &rest, overlap: OVERLAP };
    let request = poll.request(None, at(60));
    let query: Vec<_> = request.url.query_pairs().into_owned().collect();
    let expected = [
        ("modified_after", "2026-11-22T05:30:00"),
        ("dates_are_gmt", "true"),
        ("orderby", "modified"),
        ("order", "asc"),
        ("per_page", "100"),
        ("page", "1"),
    ];
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn the_first_poll_begins_now_and_later_ones_find_what_changed() {
    let mut world = World::new();
    assert!(world.round(3600).is_empty(), "what is an hour old is for `import`");
    let id = world.creates(3700);
    assert_eq!(world.round(4500), [id.to_string()]);
    assert!(world.round(5400).is_empty(), "a quiet shop gives nothing again");
    world.does(&json!({"edit": {"id": id, "note": "Prosím zvonit"}}), 5500);
    assert_eq!(world.round(6300), [id.to_string()]);
}

#[test]
fn a_list_gives_all_that_changed_since_a_moment_page_by_page_and_what_lies_in_the_bin() {
    let mut world = World::new();
    world.creates(5);
    let mut made: Vec<_> = (0..250).map(|n| world.creates(10 + n / 100).to_string()).collect();
    world.does(&json!({"trash": {"id": made[0].parse::<u64>().expect("an id")}}), 20);
    world.cursor = Some(OrdersPoll::since(at(10)));
    let mut found = world.round(3600);
    made.sort_unstable();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, made, "the moment itself is included, and what was before is not");
}

#[test]
fn a_change_in_the_second_of_the_last_one_is_found() {
    let mut world = World::new();
    let id = world.creates(10);
    assert_eq!(world.round(10), [id.to_string()]);
    world.does(&json!({"edit": {"id": id, "note": "n1"}}), 10);
    let other = world.creates(10);
    assert_eq!(world.round(900), [id.to_string(), other.to_string()]);
}

#[test]
fn the_bin_is_asked_for_apart() {
    let mut world = World::new();
    let id = world.creates(10);
    world.round(20);
    world.does(&json!({"trash": {"id": id}}), 30);
    let (orders, more) = world.page(900);
    assert!(orders.is_empty() && more);
    let (bin, more) = world.page(900);
    assert_eq!(bin.iter().map(|row| row.row.as_str()).collect::<Vec<_>>(), [id.to_string()]);
    assert!(!more);
}

#[test]
fn the_bin_is_asked_for_from_the_beginning_of_the_round() {
    let mut world = World::new();
    world.round(0);
    let made: Vec<u64> = (0..150).map(|n| world.creates(10 + n / 5)).collect();
    world.does(&json!({"trash": {"id": made[0]}}), 11);
    assert!(world.round(100).contains(&made[0].to_string()));
}

#[test]
fn many_pages_are_read_to_the_end_and_nothing_twice() {
    let mut world = World::new();
    world.round(0);
    let made: BTreeSet<String> = (0..250).map(|n| world.creates(10 + n / 7).to_string()).collect();
    let read = world.round(100);
    assert_eq!(read.len(), 250);
    assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), made);
}

#[test]
fn a_whole_page_within_one_second_does_not_stop_it() {
    let mut world = World::new();
    let made: BTreeSet<String> = (0..230).map(|_| world.creates(10).to_string()).collect();
    assert_eq!(world.round(20).into_iter().collect::<BTreeSet<_>>(), made);
}

#[test]
fn an_order_that_changes_between_two_pages_hides_no_other() {
    let mut world = World::new();
    world.round(0);
    let made: Vec<u64> = (0..150).map(|n| world.creates(10 + n / 5)).collect();
    let (first, more) = world.page(100);
    assert!(more);
    // It moves from the first page to the end; by page numbers, the first row of page two would now be on page one.
    world.does(&json!({"edit": {"id": made[0], "note": "later"}}), 101);
    let mut seen: BTreeSet<String> = first.into_iter().map(|row| row.row).collect();
    seen.extend(world.round(102));
    assert_eq!(seen, made.iter().map(u64::to_string).collect());
}

#[test]
fn a_row_is_the_whole_order_with_its_version_and_state() {
    let mut world = World::new();
    world.creates(10);
    let (rows, _) = world.page(20);
    let row = &rows[0];
    assert!(row.complete);
    assert_eq!(row.version, Some(at(10).as_microsecond()));
    assert!(row.state.starts_with("2026-11-22T05:30:10/1:"), "{}", row.state);
    let body: Value = serde_json::from_slice(&row.body).expect("json");
    assert_eq!(body["line_items"][0]["sku"], "COURSE-1");
}

#[test]
fn errors_are_told_apart() {
    let rest = rest();
    let poll = OrdersPoll { rest: &rest, overlap: OVERLAP };
    let read = |reply: &Reply| poll.read(None, at(0), reply);
    let error = |status, code: &str| Reply::new(status).json(&json!({"code": code}));
    assert_eq!(read(&error(401, "woocommerce_rest_cannot_view")), PollRead::Unauthorized);
    assert_eq!(read(&error(401, "woocommerce_rest_authentication_error")), PollRead::Unauthorized);
    assert_eq!(read(&error(400, "rest_invalid_param")), PollRead::Failed(code::REFUSED));
    assert_eq!(read(&Reply::new(403).text("blocked")), PollRead::Failed(code::REFUSED));
    assert_eq!(read(&Reply::new(503)), PollRead::Failed(code::VENDOR_ERROR));
    assert_eq!(read(&Reply::new(429)), PollRead::Failed(code::RATE_LIMITED));
    for body in ["", "<html>", "{}", "[{}]", "[1]"] {
        assert_eq!(read(&Reply::new(200).text(body)), PollRead::Failed(code::UNEXPECTED_ANSWER), "{body}");
    }
}

#[test]
fn without_the_headers_of_the_total_a_short_page_is_the_last() {
    let rest = rest();
    let poll = OrdersPoll { rest: &rest, overlap: OVERLAP };
    let PollRead::Rows { more, cursor, .. } = poll.read(None, at(0), &Reply::new(200).json(&json!([]))) else {
        panic!("rows")
    };
    assert!(more, "the bin is next");
    assert_eq!(cursor["part"], "trash");
}
