//! A process that stands still for longer than its session: when it goes on, its first commit must fail, because another
//! member owns its partitions.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::Child,
    time::Duration,
};

use rustix::process::{Pid, Signal as Interrupt, kill_process};
use spojka::{
    log::{Log, LogError, kafka::KafkaSettings},
    model::time::{Clock as _, SystemClock},
};

use crate::support::{
    child,
    kafka::Kafka,
    logs::Logs as _,
    records::{append_numbers, create, join, partition, soon},
};

fn settings(kafka: &Kafka) -> KafkaSettings {
    KafkaSettings { session_timeout: Duration::from_secs(2), ..kafka.settings() }
}

/// The child: commits without end, and says when each commit began that succeeded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_until_lost() {
    let Some(folder) = child::folder() else { return };
    let told = fs::read_to_string(folder.join("told")).unwrap();
    let [brokers, topic, group] = told.lines().collect::<Vec<_>>()[..] else { panic!("told wrongly") };
    let kafka = Kafka::at(brokers.to_owned());
    let log = Kafka::open_with(settings(&kafka)) as Log;
    let (mut consumer, _) = join(&log, group, &[topic]).await;
    loop {
        let began = SystemClock.elapsed();
        match consumer.commit().await {
            Ok(()) => child::say(&format!("committed {}", began.as_millis())),
            Err(LogError::Lost) => return child::say("lost"),
            Err(error) => child::say(&format!("failed {error}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stood_still_does_not_own_its_partitions_any_more() {
    let Some(kafka) = Kafka::from_env() else { return };
    let log = Kafka::open_with(settings(&kafka)) as Log;
    let (topic, group) = (kafka.name("lane"), kafka.name("group"));
    create(&log, &topic, 1).await;
    append_numbers(&log, &topic, 0..3).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("told"), format!("{}\n{topic}\n{group}\n", kafka.brokers)).unwrap();

    let mut zombie = child::command("kafka::zombie::commits_until_lost", folder.path()).spawn().unwrap();
    let mut lines = BufReader::new(zombie.stdout.take().unwrap()).lines().map_while(Result::ok);
    let owns = tokio::task::block_in_place(|| lines.by_ref().any(|line| line.starts_with("committed")));
    assert!(owns, "the child never owned anything");
    interrupt(&zombie, Interrupt::STOP);

    let (mut successor, taken) = join(&log, &group, &[&topic]).await;
    assert_eq!(taken, [partition(&topic, 0)]);
    soon(successor.commit()).await.unwrap();
    let taken_over = SystemClock.elapsed().as_millis();

    interrupt(&zombie, Interrupt::CONT);
    let said: Vec<String> = tokio::task::block_in_place(|| lines.collect());
    zombie.wait().unwrap();
    assert_eq!(said.iter().rev().find(|line| *line == "lost").map(String::as_str), Some("lost"), "{said:?}");
    let false_proofs: Vec<_> = said
        .iter()
        .filter_map(|line| line.strip_prefix("committed "))
        .filter(|began| began.parse::<u128>().unwrap() >= taken_over)
        .collect();
    assert!(false_proofs.is_empty(), "{false_proofs:?} after {taken_over}");
}

fn interrupt(child: &Child, interrupt: Interrupt) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, interrupt).unwrap();
}
