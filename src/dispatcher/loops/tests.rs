use super::*;
use crate::{
    model::{
        connection::ConnectionName,
        id::{ActionId, EventId},
    },
    topics::{
        action::{Parameters, Purpose, Source},
        event::Origin,
        occasion::Occasions,
    },
};

const RULE: LoopRule = LoopRule { actions: 3, within: Duration::from_mins(1) };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("time")
}

fn action(key: &str, webhook: &str) -> Action {
    Action {
        id: ActionId::from_text("a-1"),
        connection: ConnectionName::parse("shop").expect("a name"),
        operation: "set".to_owned(),
        parameters: Parameters::new(),
        conflict: KeyHash::from_text(key),
        purpose: Purpose::Step {
            flow: "mirror".to_owned(),
            step: "write".to_owned(),
            event: EventId::from_text("e-1"),
            flow_set: None,
            continuation: None,
        },
        source: Source {
            entity: KeyHash::from_text("k-1"),
            version: 0,
            arrived: at(0),
            webhook: WebhookId::from_text(webhook),
        },
        not_before: None,
        retry: 0,
        optional: false,
        adopt: false,
        only: Occasions::default(),
        hold: None,
        origin: Origin::default(),
        traceparent: None,
    }
}

#[test]
fn a_burst_on_one_key_is_stopped_until_the_window_has_passed() {
    let mut loops = Loops::new(Some(RULE));
    for second in 0..3 {
        assert_eq!(loops.suspect(&action("a", &format!("w-{second}")), at(second)), None);
    }
    let why = loops.suspect(&action("a", "w-3"), at(3)).expect("it is stopped");
    assert!(why.contains("`mirror/write` for w-0, then `mirror/write` for w-1"), "{why}");
    assert!(why.ends_with("for w-3"), "{why}");
    assert_eq!(loops.suspect(&action("b", "w-4"), at(3)), None, "other keys go on");
    assert!(loops.suspect(&action("a", "w-5"), at(59)).is_some());
    assert_eq!(loops.suspect(&action("a", "w-6"), at(60)), None, "the first is a minute old");
    assert!(loops.suspect(&action("a", "w-7"), at(60)).is_some());
}

#[test]
fn what_is_no_turn_of_a_loop_is_not_counted() {
    let mut loops = Loops::new(Some(RULE));
    let replayed = Origin::of_run(OriginKind::Replay, "r");
    for _ in 0..10 {
        assert_eq!(loops.suspect(&Action { retry: 1, ..action("a", "w") }, at(0)), None);
        assert_eq!(loops.suspect(&Action { origin: replayed.clone(), ..action("a", "w") }, at(0)), None);
    }
    assert_eq!(loops.suspect(&action("a", "w"), at(0)), None);
    let mut off = Loops::new(None);
    assert!((0..100).all(|_| off.suspect(&action("a", "w"), at(0)).is_none()));
}

#[test]
fn a_burst_is_found_among_any_number_of_keys_and_memory_stays_bounded() {
    let mut loops = Loops::new(Some(RULE));
    for second in 0..2 {
        assert_eq!(loops.suspect(&action("a", "w"), at(second)), None);
    }
    for key in 0..3 * MOST_KEYS {
        loops.suspect(&action(&format!("k-{key}"), "w"), at(2));
        assert!(loops.bursts.len() <= MOST_KEYS);
    }
    assert_eq!(loops.suspect(&action("a", "w"), at(3)), None);
    assert!(loops.suspect(&action("a", "w"), at(3)).is_some());
}
