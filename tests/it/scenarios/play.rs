//! A stage with the process running on it, and what can be seen of both.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;
use spojka::{
    log::{Bound, Fencing, LogStore, Offsets, Table, TopicPartition},
    model::{
        connection::ConnectionName,
        http::{Reply, Request},
        id::WebhookId,
        time::Timestamp,
    },
    runtime::{
        self, App,
        operator::{
            Operator,
            dead::{DeadFilter, DeadRow},
        },
    },
    topics::{
        action::Action,
        event::{Entity, Event},
        flows::{ACTIVATIONS, Activation, read},
        memory::{BulkPosition, Claim, forget as forget_memory, key, read as read_memory},
        record::Record,
        replay::{Replay, Request as ReplayRequest, State},
        webhook::Webhook,
    },
};

use crate::support::stage::{Stage, eventually, text, values};

/// How long to wait for an end. Whatever takes longer than this will never end.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) struct Play {
    pub stage: Stage,
    pub app: App,
    pub operator: Operator,
}

impl Play {
    /// Starts the process, and waits until its flows are in force.
    pub async fn begin(stage: Stage, flows: &str) -> Self {
        let app = stage.start(flows).await;
        let operator =
            runtime::operator_of(&stage.config(flows), &app.ground().log, std::sync::Arc::clone(&stage.clock));
        let play = Self { stage, app, operator };
        let since = play.in_force_since().await;
        eventually("the flows are in force", || play.stage.clock.now() >= since).await;
        play
    }

    /// Ends the process and starts another with other flows on the same log. What is true by then was true before: the clock
    /// has gone on to another second, because that is how vendors date.
    pub async fn begin_again(self, flows: &str) -> Self {
        let clock = std::sync::Arc::clone(&self.stage.clock);
        let stage = self.end().await;
        let ended = clock.now().as_second();
        eventually("another second", || clock.now().as_second() > ended).await;
        Self::begin(stage, flows).await
    }

    /// Ends the process in order. The stage stays as it is.
    pub async fn end(self) -> Stage {
        let Self { stage, app, operator } = self;
        drop(operator);
        assert!(app.stop().await, "the process ends in order");
        stage
    }

    async fn in_force_since(&self) -> Timestamp {
        let flows = self.operator.log.table(&self.operator.names.flows(), Fencing::None).await.unwrap();
        let all = flows.scan(ACTIVATIONS, None, 500).unwrap();
        read::<Activation>(&all.last().expect("flows in force").1).unwrap().since
    }

    /// Sends a request, and answers with the reply.
    pub async fn ask(&self, request: Request) -> Reply {
        let gateway = self.app.gateway_address().expect("a gateway");
        self.stage.send(gateway, request).await.expect("an answer")
    }

    /// Sends a webhook, which must be taken.
    pub async fn tell(&self, request: Request) {
        assert_eq!(self.ask(request).await.status, 200);
    }

    /// An order as the shop tells of it.
    pub async fn order(&self, topic: &str, order: &Value) {
        self.tell(Stage::order_webhook(topic, order)).await;
    }

    /// Waits until all that was told has come to its end: every role has read everything, nothing waits, nothing was added
    /// meanwhile.
    pub async fn quiet(&self) {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        let waiting = async {
            while !self.is_quiet().await {
                look.tick().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "it does not come to an end");
    }

    async fn is_quiet(&self) -> bool {
        let before = self.ends().await;
        let mut done = Offsets::new();
        for role in ["normalizer", "router", "dispatcher"] {
            done.extend(self.log().offsets(&self.operator.names.group(role)).await.unwrap());
        }
        let caught_up = before.iter().all(|(at, end)| done.get(at).copied().unwrap_or(0) >= *end);
        caught_up && !self.anything_waits().await && self.bulk_is_read().await && self.ends().await == before
    }

    /// Every lane has settled what stands in its bulk topic.
    async fn bulk_is_read(&self) -> bool {
        for connection in &self.operator.connections {
            let end = self.log().describe(&self.operator.names.bulk(connection)).await.unwrap().partitions[0].1;
            let memory = self.memory(connection.as_str()).await;
            let position = memory.get(key::BULK).unwrap().map(|bytes| read_memory::<BulkPosition>(&bytes).unwrap());
            if position.map_or(0, |position| position.next) < end {
                return false;
            }
        }
        true
    }

    /// What a lane's owner remembers.
    pub async fn memory(&self, connection: &str) -> Arc<dyn Table> {
        self.log().table(&self.operator.names.memory(&named(connection)), Fencing::Epochs).await.unwrap()
    }

    /// Makes a lane forget some of what it remembers, as if it had never come to it.
    pub async fn forget(&self, connection: &str, chosen: impl Fn(&str) -> bool) {
        let memory = self.memory(connection).await;
        let claim: Claim = read_memory(&memory.get(key::CLAIM).unwrap().unwrap()).unwrap();
        let topic = self.operator.names.memory(&named(connection));
        let (mut gone, mut after) = (Vec::new(), None);
        loop {
            let page = memory.scan("", after.as_deref(), 500).unwrap();
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            gone.extend(page.into_iter().map(|(key, _)| key).filter(|key| chosen(key)));
        }
        assert!(!gone.is_empty(), "there is nothing to forget");
        let now = self.stage.clock.now();
        memory.write(gone.iter().map(|key| forget_memory(&topic, key, claim.epoch, now)).collect()).await.unwrap();
    }

    /// Runs a replay to its end.
    pub async fn replay(&self, request: ReplayRequest) -> Replay {
        let begun = self.app.replayer().begin(request, false).await.unwrap();
        self.replayed(&begun.id).await
    }

    /// Counts what a replay would do.
    pub async fn count(&self, request: ReplayRequest) -> Replay {
        let begun = self.app.replayer().begin(request, true).await.unwrap();
        self.replayed(&begun.id).await
    }

    /// Waits until a replay has ended.
    pub async fn replayed(&self, id: &str) -> Replay {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        let waiting = async {
            loop {
                let replay = self.app.replayer().show(id).await.unwrap();
                if replay.state != State::Running {
                    return replay;
                }
                look.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it comes to an end")
    }

    async fn anything_waits(&self) -> bool {
        for connection in &self.operator.connections {
            let memory = self.log().table(&self.operator.names.memory(connection), Fencing::Epochs).await.unwrap();
            if !memory.scan(key::WAITING, None, 1).unwrap().is_empty() {
                return true;
            }
        }
        false
    }

    /// The ends of all topics that somebody has to read.
    async fn ends(&self) -> Offsets {
        let names = &self.operator.names;
        let of_connection = |name: &ConnectionName| [names.webhooks(name), names.actions(name)];
        let topics = self.operator.connections.iter().flat_map(of_connection);
        let mut ends = Offsets::new();
        for topic in topics.chain(Entity::ALL.map(|entity| names.events(entity))) {
            let partitions = self.log().describe(&topic).await.unwrap().partitions;
            for (partition, (_, end)) in (0..).zip(partitions) {
                ends.insert(TopicPartition { topic: topic.as_str().into(), partition }, end);
            }
        }
        ends
    }

    pub fn log(&self) -> &dyn LogStore {
        self.operator.log.as_ref()
    }

    async fn records(&self, topic: &str) -> Vec<Record> {
        let mut records = Vec::new();
        for (partition, _) in (0..).zip(self.log().describe(topic).await.unwrap().partitions) {
            let mut reader = self.log().read(topic, partition, Bound::Edge, Bound::Edge).await.unwrap();
            loop {
                let next = reader.next().await.unwrap();
                if next.is_empty() {
                    break;
                }
                records.extend(next);
            }
        }
        records
    }

    /// All events, in the order of each entity's records; the same fact may stand there more than once.
    async fn all_events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for entity in Entity::ALL {
            let records = self.records(&self.operator.names.events(entity)).await;
            events.extend(records.iter().map(|record| Event::from_record(record).unwrap()));
        }
        events
    }

    /// The events of one type.
    pub async fn events(&self, name: &str) -> Vec<Event> {
        let all = self.all_events().await.into_iter();
        all.filter(|event| event.event_type.name == name).collect()
    }

    /// The types of all that a webhook proved.
    pub async fn proved_by(&self, webhook: &WebhookId) -> BTreeSet<&'static str> {
        let all = self.all_events().await.into_iter();
        all.filter(|event| event.webhook == *webhook).map(|event| event.event_type.name).collect()
    }

    /// The ids of the events of one type, each once.
    pub async fn facts(&self, name: &str) -> Vec<String> {
        let mut ids: Vec<String> = self.events(name).await.iter().map(|event| event.id.to_string()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// What stands in `webhooks.<connection>`.
    pub async fn webhooks(&self, connection: &str) -> Vec<Webhook> {
        let topic = self.operator.names.webhooks(&named(connection));
        self.records(&topic).await.iter().map(|record| Webhook::from_record(record).unwrap()).collect()
    }

    /// What stands in `actions.<connection>`, each action once.
    pub async fn actions(&self, connection: &str) -> Vec<Action> {
        self.actions_of(&self.operator.names.actions(&named(connection))).await
    }

    /// What stands in `actions.<connection>.bulk`, each action once.
    pub async fn bulk(&self, connection: &str) -> Vec<Action> {
        self.actions_of(&self.operator.names.bulk(&named(connection))).await
    }

    async fn actions_of(&self, topic: &str) -> Vec<Action> {
        let mut actions: Vec<Action> =
            self.records(topic).await.iter().map(|record| Action::from_record(record).unwrap()).collect();
        actions.sort_by(|one, other| one.id.cmp(&other.id));
        actions.dedup_by(|one, other| one.id == other.id);
        actions
    }

    pub async fn dead(&self) -> Vec<DeadRow> {
        self.operator.dead_list(&DeadFilter::default()).await.unwrap()
    }

    /// The sum of a metric's series that carry all of these labels.
    pub fn counted(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let text = self.app.metrics().text();
        let fits = |line: &&str| {
            line.split(['{', ' ']).next() == Some(name)
                && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
        };
        let numbers = text.lines().filter(fits).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        numbers.sum()
    }

    /// How many actions of a connection came to such an end.
    pub fn ended(&self, connection: &str, end: &str) -> u64 {
        self.counted("spojka_outcomes_total", &[("connection", connection), ("end", end)])
    }

    /// The contacts with an e-mail in the CRM.
    pub fn contacts(&self, email: &str) -> Vec<Value> {
        let contacts = values(&self.stage.anabix.state()["contacts"]);
        contacts.into_iter().filter(|contact| text(&contact["email"]) == email).collect()
    }

    /// The titles of the lists that an e-mail's only contact is on.
    pub fn lists_of(&self, email: &str) -> Vec<String> {
        let contacts = self.contacts(email);
        assert_eq!(contacts.len(), 1, "contacts with the e-mail");
        let state = self.stage.anabix.state();
        let title = |id: &Value| {
            let list = values(&state["lists"]).into_iter().find(|list| text(&list["idList"]) == text(id));
            text(&list.expect("a list")["title"])
        };
        let mut titles: Vec<String> = values(&contacts[0]["lists"]).iter().map(title).collect();
        titles.sort();
        titles
    }

    /// A subscriber's field at the newsletter vendor.
    pub fn subscribers(&self, email: &str) -> Vec<Value> {
        let lists = values(&self.stage.newsletter.state()["lists"]);
        let newsletter = lists.iter().filter(|list| text(&list["nl_id"]) == "51234");
        let records = newsletter.flat_map(|list| values(&list["records"]));
        records.filter(|record| text(&record["email"]) == email).collect()
    }

    /// Somebody who is on the newsletter list already.
    pub fn subscribe(&self, email: &str) {
        let record = serde_json::json!({ "add_record": { "list": 51_234, "fields": { "email": email } } });
        self.stage.newsletter.command(&record).expect("a subscriber");
    }

    /// A moment some seconds from now, in whole seconds as vendors have them.
    pub fn moment(&self, seconds: i64) -> Timestamp {
        Timestamp::from_second(self.stage.clock.now().as_second() + seconds).unwrap()
    }
}

/// How much stands in all topics.
pub(super) async fn sums(play: &Play) -> u64 {
    play.operator.topics().await.unwrap().iter().map(|topic| topic.records).sum()
}

pub(super) fn named(connection: &str) -> ConnectionName {
    ConnectionName::parse(connection).unwrap()
}

/// An order's number with it.
pub(super) fn numbered(mut order: Value, number: &str) -> Value {
    order["number"] = number.into();
    order
}
