//! What is held waits for a person: in nobody's way, through every crash, and answered once.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use spojka::{
    model::{code, http::Reply, id::ActionId, time::Clock},
    runtime::operator::{
        Operator,
        dead::{DeadFilter, Moved},
        held::Answering,
    },
    topics::{
        action::Action,
        dead::DeadLetter,
        hold::{Answer, Hold, Rule, Verdict},
        memory::{End, Held, key},
    },
};

use super::{
    stage::{Stage, with_continuation},
    wire::Say,
};
use crate::support::records::soon;

/// Held by its step.
fn held(action: Action) -> Action {
    Action { hold: Some(Hold::by(Rule::Always)), ..action }
}

/// One of the first of its step.
fn first(count: u32, action: Action) -> Action {
    Action { hold: Some(Hold::by(Rule::First { count, of: "flow/step".to_owned() })), ..action }
}

fn operator(stage: &Stage) -> Operator {
    Operator {
        log: Arc::clone(&stage.log),
        names: stage.names.clone(),
        connections: vec![stage.name.clone()],
        limits: [].into(),
        board: stage.board.clone(),
        clock: Arc::clone(&stage.clock) as Arc<dyn Clock>,
    }
}

fn one(id: &str) -> DeadFilter {
    DeadFilter { id: Some(id.to_owned()), ..DeadFilter::default() }
}

/// A person's answer to one action.
async fn answer(stage: &Stage, id: &str, verdict: Verdict) -> Moved {
    soon(operator(stage).answer(&Answering { which: one(id), verdict })).await.expect("answered")
}

async fn listed(stage: &Stage) -> Vec<String> {
    let rows = soon(operator(stage).held_list(&DeadFilter::default())).await.expect("a list");
    rows.into_iter().map(|row| row.action).collect()
}

fn says_held(stage: &Stage, count: usize) -> bool {
    stage.metrics.text().contains(&format!(r#"spojka_actions_held{{connection="toy"}} {count}"#))
}

/// Waits until an action has come to an end of its own, not to being held.
async fn ended(stage: &Stage, id: &str) -> End {
    stage.until(&format!("{id} has ended"), || stage.end_of(id).is_some_and(|end| end != End::Held)).await;
    stage.end_of(id).expect("it has ended")
}

#[tokio::test]
async fn a_held_action_is_in_nobodys_way_and_done_once_when_it_is_approved() {
    let stage = Stage::new().await;
    stage.append(&[held(with_continuation(stage.on("a-1", "charge", "o1"))), stage.set("a-2", "o1", 1)]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-2").await, End::Done, "its conflict key is free");
    assert_eq!(stage.outcome("a-1").map(|outcome| (outcome.end, outcome.attempts)), Some((End::Held, 0)));
    stage.until_committed(2).await;
    assert!(stage.steps().await.is_empty(), "what comes behind it waits as well");
    assert!(says_held(&stage, 1), "{}", stage.metrics.text());
    assert!(!stage.metrics.text().contains("spojka_dead_letters_total"), "nothing died");
    let operator = operator(&stage);
    assert!(operator.dead_list(&DeadFilter::default()).await.unwrap().is_empty(), "it is no dead letter");
    assert_eq!(operator.dead_discard(&DeadFilter::default()).await.unwrap().moved, 0);
    let shown = operator.held_show("a-1").await.unwrap();
    assert_eq!((shown.row.operation.as_str(), &shown.parameters), ("charge", &json!({ "object": "o1" })));

    assert_eq!(answer(&stage, "a-1", Verdict::Approved).await.moved, 1);
    assert_eq!(ended(&stage, "a-1").await, End::Done);
    stage.until("it is no longer counted as held", || says_held(&stage, 0)).await;
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/set/o1/fields", "/charge/o1/charge"]);
    assert_eq!(stage.steps().await, [("step.done".to_owned(), "done".to_owned())]);
    assert!(stage.dead_letters().await.is_empty() && listed(&stage).await.is_empty());
    assert_eq!(stage.read::<Held>(&key::held(&ActionId::from_text("a-1"))), None);
}

#[tokio::test]
async fn a_refused_action_is_not_sent_and_what_waits_behind_it_hears_so() {
    let stage = Stage::new().await;
    stage.append(&[held(with_continuation(stage.on("a-1", "charge", "o1")))]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Held);
    answer(&stage, "a-1", Verdict::Refused).await;
    assert_eq!(ended(&stage, "a-1").await, End::Refused);
    running.stop().await;
    assert!(stage.wire.sent().is_empty() && stage.dead_letters().await.is_empty());
    assert_eq!(stage.steps().await, [("step.failed".to_owned(), code::REFUSED_BY_PERSON.to_string())]);
    // Once more, from its topic's beginning: a refusal is for good.
    stage.rewind().await;
    stage.append(&[stage.set("a-9", "end", 1)]).await;
    let running = stage.start();
    stage.settled("a-9").await;
    running.stop().await;
    assert_eq!((stage.end_of("a-1"), stage.steps().await.len()), (Some(End::Refused), 1));
}

#[tokio::test]
async fn a_held_state_is_superseded_when_a_newer_one_went_first() {
    let stage = Stage::new().await;
    let set = |id: &str, value: i64, version: i64| {
        stage.action(id, "set", &json!({ "object": "eva", "value": value }), version)
    };
    stage.append(&[held(set("a-1", 1, 5)), set("a-2", 2, 6), held(set("a-3", 2, 6))]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-3").await, End::Unchanged, "nobody is asked about what is there already");
    assert_eq!(stage.end_of("a-1"), Some(End::Held));
    answer(&stage, "a-1", Verdict::Approved).await;
    assert_eq!(ended(&stage, "a-1").await, End::Superseded);
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/set/eva/fields"]);
    assert!(stage.dead_letters().await.is_empty());
}

#[tokio::test]
async fn after_so_many_approvals_of_a_step_the_rest_flows_and_what_is_held_stays_held() {
    let stage = Stage::new().await;
    let actions: Vec<_> = (1..=4).map(|n| first(2, stage.on(&format!("a-{n}"), "charge", &format!("o{n}")))).collect();
    stage.append(&actions).await;
    let running = stage.start();
    for n in 1..=4 {
        assert_eq!(stage.settled(&format!("a-{n}")).await, End::Held);
    }
    answer(&stage, "a-3", Verdict::Refused).await;
    assert_eq!(ended(&stage, "a-3").await, End::Refused);
    answer(&stage, "a-1", Verdict::Approved).await;
    assert_eq!(ended(&stage, "a-1").await, End::Done);
    stage.append(&[first(2, stage.on("a-5", "charge", "o5"))]).await;
    assert_eq!(stage.settled("a-5").await, End::Held, "one approval and one refusal are not two approvals");
    running.stop().await;

    // A new owner remembers the approval.
    let running = stage.start();
    answer(&stage, "a-2", Verdict::Approved).await;
    assert_eq!(ended(&stage, "a-2").await, End::Done);
    stage.append(&[first(2, stage.on("a-6", "charge", "o6")), first(3, stage.on("a-7", "charge", "o7"))]).await;
    assert_eq!(stage.settled("a-6").await, End::Done, "two were approved");
    assert_eq!(stage.settled("a-7").await, End::Held, "the owner wants to see three by now");
    running.stop().await;
    let mut held = listed(&stage).await;
    held.sort();
    assert_eq!(held, ["a-4", "a-5", "a-7"], "nothing is let go without a person");
}

#[tokio::test]
async fn an_approved_action_that_fails_is_tried_again_and_one_that_dies_is_a_dead_letter() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Reply(Reply::new(500)));
    stage.wire.say("/set", Say::Reply(Reply::new(400)));
    stage.append(&[held(stage.set("a-1", "eva", 1))]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    // Years later: what is held never becomes too old.
    stage.clock.advance(Duration::from_hours(24 * 700));
    answer(&stage, "a-1", Verdict::Approved).await;
    let waiting = stage.parked("a-1", 1).await;
    stage.pass_to(waiting.due);
    assert_eq!(ended(&stage, "a-1").await, End::Dead(code::REFUSED));
    let operator = operator(&stage);
    assert_eq!(operator.dead_list(&DeadFilter::default()).await.unwrap().len(), 1);
    assert!(listed(&stage).await.is_empty());
    soon(operator.dead_retry(&DeadFilter::default())).await.unwrap();
    let done = || stage.end_of("a-1") == Some(End::Done);
    stage.pass_until("a person has agreed already", Duration::from_secs(1), done).await;
    running.stop().await;
}

/// Dies in the write of the command that answers, behind so many of the records that it writes in all.
async fn command_cut_behind(count: usize) -> (Stage, bool) {
    let stage = Stage::new().await;
    stage.append(&[held(with_continuation(stage.on("a-1", "charge", "o1")))]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Held);
    running.stop().await;
    let mut left = count;
    stage.faults.cut(move |records| {
        let cut = (records.len() > left).then_some(left);
        left -= left.min(records.len());
        cut
    });
    let operator = operator(&stage);
    let answering = Answering { which: one("a-1"), verdict: Verdict::Approved };
    let cut = tokio::select! {
        moved = operator.answer(&answering) => { moved.expect("answered"); false }
        () = stage.until("the command is cut off", || stage.faults.is_cut()) => true,
    };
    stage.faults.mend();
    (stage, cut)
}

#[tokio::test]
async fn a_command_that_is_cut_off_anywhere_neither_loses_nor_doubles_what_it_approves() {
    let mut cuts = 0;
    for count in 0..5 {
        let (stage, cut) = command_cut_behind(count).await;
        cuts += usize::from(cut);
        let running = stage.start();
        if !listed(&stage).await.is_empty() {
            // The person sees it still, and says so again.
            answer(&stage, "a-1", Verdict::Approved).await;
        }
        assert_eq!(ended(&stage, "a-1").await, End::Done, "cut behind {count}");
        stage.settle_down().await;
        running.stop().await;
        assert_eq!(stage.wire.effects(), ["/charge/o1/charge"], "cut behind {count}");
        assert_eq!(stage.steps().await.len(), 1, "cut behind {count}");
        assert!(listed(&stage).await.is_empty(), "cut behind {count}");
    }
    assert_eq!(cuts, 4, "aside, freed, sent, removed");
}

/// Runs with an answer in line, dies in the lane's write behind so many records, and runs again.
async fn owner_cut_behind(count: usize, verdict: Verdict) -> (Stage, bool) {
    let stage = Stage::new().await;
    stage.append(&[first(1, with_continuation(stage.on("a-1", "pay", "o1")))]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Held);
    running.stop().await;
    answer(&stage, "a-1", verdict).await;
    let mut left = count;
    stage.faults.cut(move |records| {
        let claims = records.iter().any(|record| record.key == "claim");
        let counted = if claims { 0 } else { records.len() };
        let cut = (counted > left).then_some(left);
        left -= left.min(counted);
        cut
    });
    let running = stage.start();
    let over = || stage.end_of("a-1").is_some_and(|end| end != End::Held);
    stage.until("it is cut off, or over", || stage.faults.is_cut() || over()).await;
    let cut = stage.faults.is_cut();
    running.crash().await;
    stage.faults.mend();
    (stage, cut)
}

#[tokio::test]
async fn an_owner_that_dies_anywhere_does_what_was_approved_once_and_counts_it_once() {
    for verdict in [Verdict::Approved, Verdict::Refused] {
        let mut cuts = 0;
        for count in 0..20 {
            let (stage, cut) = owner_cut_behind(count, verdict).await;
            cuts += usize::from(cut);
            let running = stage.start();
            let over = || stage.end_of("a-1").is_some_and(|end| end != End::Held);
            stage.pass_until("a-1 has ended", super::toy::SETTLE, over).await;
            stage.append(&[first(1, stage.on("a-2", "charge", "o2")), first(2, stage.on("a-3", "charge", "o3"))]).await;
            stage.settled("a-3").await;
            stage.until("the gauge is told", || says_held(&stage, 1 + usize::from(verdict == Verdict::Refused))).await;
            running.stop().await;
            let paid: Vec<_> = stage.wire.effects().into_iter().filter(|effect| effect.starts_with("/pay")).collect();
            let mut held = listed(&stage).await;
            held.sort();
            if verdict == Verdict::Approved {
                assert_eq!((paid.len(), stage.end_of("a-1")), (1, Some(End::Done)), "cut behind {count}");
                assert_eq!(held, ["a-3"], "one approval, cut behind {count}");
            } else {
                assert_eq!((paid.len(), stage.end_of("a-1")), (0, Some(End::Refused)), "cut behind {count}");
                assert_eq!(held, ["a-2", "a-3"], "no approval, cut behind {count}");
            }
            if !cut {
                break;
            }
        }
        assert!(cuts >= 4, "{cuts} places to be cut at");
    }
}

#[tokio::test]
async fn cut_off_between_the_letter_and_the_outcome_an_approval_given_meanwhile_counts() {
    let stage = Stage::new().await;
    stage.faults.cut(|records| records[0].key.starts_with(b"h/").then_some(0));
    stage.append(&[held(stage.on("a-1", "charge", "o1"))]).await;
    let running = stage.start();
    stage.until("it is cut off", || stage.faults.is_cut()).await;
    running.crash().await;
    stage.faults.mend();
    assert_eq!(listed(&stage).await, ["a-1"]);
    answer(&stage, "a-1", Verdict::Approved).await;
    let running = stage.start();
    assert_eq!(ended(&stage, "a-1").await, End::Done);
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/charge/o1/charge"]);
    let letters: Vec<DeadLetter> = stage.dead_letters().await;
    assert!(letters.is_empty(), "the new owner held it once more, and took that back: {letters:?}");
}

#[tokio::test]
async fn an_approval_is_heard_while_the_action_itself_still_waits_in_memory() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Reply(Reply::new(500)));
    stage.append(&[stage.set("a-1", "o1", 1), held(stage.on("a-2", "charge", "o1"))]).await;
    let running = stage.start();
    let due = stage.parked("a-1", 1).await.due;
    stage.until("the follower waits in memory", || stage.waiting("a-2").is_some()).await;
    // As after a crash behind its letter: a person has seen it before it comes to its turn again.
    let answer = Some(Answer { verdict: Verdict::Approved, at: stage.now() });
    let hold = Some(Hold { rule: Rule::Always, answer });
    stage.append(&[Action { retry: 1, hold, ..stage.on("a-2", "charge", "o1") }]).await;
    stage.until("the answer waits in its place", || stage.waiting("a-2").is_some_and(|it| it.action.retry == 1)).await;
    stage.pass_to(due);
    assert_eq!(ended(&stage, "a-2").await, End::Done);
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/set/o1/fields", "/charge/o1/charge"]);
}
