//! The accounts: each acknowledged webhook to its record, each record to what it asks for, each action to its end.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use spojka::{
    model::{
        connection::ConnectionName,
        hash::{ContentHash, hex},
        id::{ActionId, EventId, WebhookId},
    },
    router::Why,
    topics::{
        action::{Action, Purpose},
        event::{Entity, Event, OriginKind},
        memory::{ActionState, BulkPosition, End, Outcome, key},
        webhook::{Arrival, Webhook},
    },
};

use super::{
    inputs::Sent,
    report::{Report, Wrong},
    topics::{Place, Stored, Topics},
    world::{Asked, World},
};

/// What became of a debt. Of several things that became of it, the last one in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Its connector says that it proves nothing.
    Nothing,
    /// No flow wants it.
    Unwanted,
    /// Named flows' conditions said no.
    Skipped,
    /// It became true before the flows that want it were in force.
    BeforeFlow,
    TooOld,
    Unchanged,
    Superseded,
    /// It was optional, and a quota was used up; or a person refused it.
    Dropped,
    Done,
    /// A person must decide.
    Dead,
    /// A person must agree first.
    Held,
    Waiting,
    Lost,
}

impl Fate {
    fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "proves nothing",
            Self::Unwanted => "wanted by no flow",
            Self::Skipped => "skipped by a flow's condition",
            Self::BeforeFlow => "before the flow",
            Self::TooOld => "too old",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Dropped => "dropped",
            Self::Done => "done",
            Self::Dead => "dead letter",
            Self::Held => "held for a person",
            Self::Waiting => "waiting",
            Self::Lost => "lost",
        }
    }

    fn of_skip(why: Why) -> Self {
        match why {
            Why::TooOld => Self::TooOld,
            Why::BeforeFlow | Why::BeforeStart => Self::BeforeFlow,
            Why::Condition | Why::NoRow | Why::WaitsInVain | Why::Adopted => Self::Skipped,
        }
    }

    fn of_end(end: End) -> Self {
        match end {
            End::Dead(_) => Self::Dead,
            End::Held => Self::Held,
            End::Unchanged => Self::Unchanged,
            End::Superseded => Self::Superseded,
            End::Dropped(_) | End::Refused => Self::Dropped,
            _ => Self::Done,
        }
    }
}

/// What is known of an action.
pub enum Standing {
    Settled(Outcome),
    /// It waits in memory.
    Parked,
    /// Its lane has still to read it, or to finish it.
    InLane,
    Nowhere,
}

/// The accounts.
pub struct Books<'a> {
    pub world: &'a World,
    pub topics: &'a Topics,
    pub report: Report,
    /// All actions that something asks for.
    asked: BTreeSet<ActionId>,
    /// All facts that webhooks prove.
    proved: BTreeSet<EventId>,
    fates: BTreeMap<WebhookId, Fate>,
    /// What is owed, by the records that it was found in.
    debts: Vec<(Sent, BTreeSet<WebhookId>)>,
}

impl<'a> Books<'a> {
    pub fn new(world: &'a World, topics: &'a Topics) -> Self {
        Self {
            world,
            topics,
            report: Report::default(),
            asked: BTreeSet::new(),
            proved: BTreeSet::new(),
            fates: BTreeMap::new(),
            debts: Vec::new(),
        }
    }

    /// Every acknowledgement has a record of its own: whoever sends the same twice is acknowledged twice.
    pub fn debts(&mut self, sent: &[Sent]) {
        let mut stored: BTreeMap<(&str, String), Vec<&WebhookId>> = BTreeMap::new();
        for webhook in self.topics.webhooks.iter().map(|stored| &stored.it) {
            if webhook.replies.is_empty() && matches!(webhook.arrival, Arrival::Pushed { .. }) {
                let hash = hex(&Sha256::digest(&webhook.body));
                stored.entry((webhook.connection.as_str(), hash)).or_default().push(&webhook.id);
            }
        }
        let mut owed: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for sent in sent {
            let key = (self.world.identity(&sent.connection), sent.sha256.to_lowercase());
            let records = stored.get(&key).map(Vec::as_slice).unwrap_or_default();
            let number = owed.entry(key).or_default();
            *number += 1;
            if records.len() < *number && !self.topics.trimmed {
                let text = format!("acknowledged {number} times, and {} such webhooks are there", records.len());
                self.report.violate(Wrong::Lost, &sent.connection, &sent.mark, text);
            }
            self.debts.push((sent.clone(), records.iter().map(|id| (*id).clone()).collect()));
        }
    }

    /// What every stored webhook asks for is there, once the normalizer has passed it.
    pub fn webhooks(&mut self) {
        let topics = self.topics;
        for Stored { place, it: webhook } in &topics.webhooks {
            let fate = match self.world.asked(webhook) {
                None => self.buried(&webhook.connection, webhook.id.as_str(), place, "normalizer"),
                Some(Asked::Nothing(code)) => {
                    self.report.count("webhooks", format!("nothing: {code}"));
                    Fate::Nothing
                }
                Some(Asked::Invalid(code)) => {
                    self.report.count("webhooks", format!("invalid: {code}"));
                    self.buried(&webhook.connection, webhook.id.as_str(), place, "normalizer")
                }
                Some(Asked::Facts { events, fetches }) => {
                    self.report.count("webhooks", "facts or fetches");
                    self.proves(webhook, place, &events, &fetches)
                }
            };
            self.meet(&webhook.id, fate);
        }
        for record in &topics.unreadable {
            let id = self.world.ids.dead(ContentHash::from_bytes(record.bytes()).as_str());
            if !topics.buried(id.as_str()) {
                self.report.violate(Wrong::Lost, &record.topic, &id, "a record that cannot be read has no dead letter");
            }
        }
    }

    fn proves(&mut self, webhook: &Webhook, place: &Place, events: &[Event], fetches: &[ActionId]) -> Fate {
        // What is imported takes no part in live traffic: a run of its own asks for it, or only remembers it.
        let imported = webhook.origin.kind == OriginKind::Import;
        let mut fate = Fate::Nothing;
        for event in events {
            self.proved.insert(event.id.clone());
            if !imported && !self.topics.event_ids.contains(&event.id) {
                let what = format!("its event {} ({})", event.id, event.event_type.name);
                fate = fate.max(self.missing(&webhook.connection, &webhook.id, place, "normalizer", &what));
                continue;
            }
            fate = fate.max(self.consequences(event));
        }
        for fetch in fetches {
            self.asked.insert(fetch.clone());
            if imported || self.is_known(&webhook.connection, fetch) {
                fate = fate.max(self.fate_of(&webhook.connection, fetch));
            } else {
                let what = format!("its fetch {fetch}");
                fate = fate.max(self.missing(&webhook.connection, &webhook.id, place, "normalizer", &what));
            }
        }
        fate
    }

    /// What becomes of a fact, without judging whether its records are there.
    fn consequences(&mut self, event: &Event) -> Fate {
        let routed = self.world.route(event);
        let mut fate = Fate::Unwanted;
        for skip in &routed.skipped {
            fate = fate.max(Fate::of_skip(skip.why));
        }
        if !routed.failed.is_empty() {
            fate = fate.max(Fate::Dead);
        }
        for action in &routed.actions {
            self.asked.insert(action.id.clone());
            fate = fate.max(self.fate_of(&action.connection, &action.id));
        }
        fate
    }

    /// What every event asks for is there, once the router has passed it.
    pub fn events(&mut self) {
        let topics = self.topics;
        for Stored { place, it: event } in &topics.events {
            if event.event_type.entity != Entity::Step && !self.proved.contains(&event.id) && !topics.trimmed {
                self.report.violate(Wrong::Unasked, &event.connection, &event.id, "an event that no webhook proves");
            }
            let routed = self.world.route(event);
            for skip in &routed.skipped {
                self.report.count("skipped", format!("{}: {}", skip.flow, skip.why.as_str()));
            }
            let mut fate = Fate::Nothing;
            for action in &routed.actions {
                self.asked.insert(action.id.clone());
                if self.is_known(&action.connection, &action.id) {
                    fate = fate.max(self.fate_of(&action.connection, &action.id));
                } else {
                    let what = format!("the action {} ({}.{})", action.id, action.connection, action.operation);
                    fate = fate.max(self.missing(&event.connection, &event.id, place, "router", &what));
                }
            }
            if !routed.failed.is_empty() {
                fate = fate.max(self.buried(&event.connection, event.id.as_str(), place, "router"));
            }
            self.meet(&event.webhook, fate);
        }
    }

    /// Every action was asked for, and has come to an end or waits; and what its end gives rise to is there.
    pub fn actions(&mut self) {
        let topics = self.topics;
        for (id, records) in &topics.actions_by_id {
            let Some(last) = records.last().map(|index| &topics.actions[*index]) else { continue };
            let action = &last.it;
            // A repeat of everything has actions of its own, which a person asked for by name.
            if !self.asked.contains(id) && action.origin.kind != OriginKind::Repeat && !topics.trimmed {
                self.report.violate(Wrong::Unasked, &action.connection, &id, "an action that no event asks for");
            }
            match self.standing(&action.connection, id) {
                Standing::Settled(outcome) => {
                    self.report.count("actions", outcome_text(&outcome));
                    self.outputs(action, &outcome);
                }
                Standing::Parked => self.report.count("actions", "waiting in memory"),
                Standing::InLane => self.report.count("actions", "in its lane"),
                Standing::Nowhere => {
                    let text = format!(
                        "`{}` at offset {} is passed by its lane, without an outcome and without waiting",
                        action.operation, last.place.offset
                    );
                    self.report.violate(Wrong::Lost, &action.connection, &id, text);
                }
            }
        }
    }

    /// What an outcome says was written before it.
    fn outputs(&mut self, action: &Action, outcome: &Outcome) {
        let topics = self.topics;
        let mut lost = |what: &str| {
            let text = format!("`{}` ended ({}), and {what} is missing", action.operation, outcome.end.as_str());
            self.report.violate(Wrong::Lost, &action.connection, &action.id, text);
        };
        if matches!(outcome.end, End::Dead(_) | End::Held)
            && !topics.buried(self.world.ids.dead(action.id.as_str()).as_str())
        {
            lost(if outcome.end == End::Held { "the record that keeps it" } else { "its dead letter" });
        }
        match &action.purpose {
            // A person has still to say what becomes of it.
            _ if outcome.end == End::Held => {}
            Purpose::Step { continuation: Some(_), .. }
                if !topics.event_ids.contains(&self.world.ids.step_event(&action.id)) && !topics.trimmed =>
            {
                lost("its step event");
            }
            Purpose::Fetch { webhook, .. } if outcome.end == End::Done => {
                let holds = |stored: &Stored<Webhook>| {
                    stored.it.id == webhook.id && stored.it.replies.iter().any(|reply| reply.action == action.id)
                };
                if !topics.webhooks.iter().any(holds) && !topics.trimmed {
                    lost("the reply that it fetched");
                }
            }
            _ => {}
        }
    }

    /// What is known of an action.
    pub fn standing(&self, connection: &ConnectionName, id: &ActionId) -> Standing {
        let topics = self.topics;
        let records = topics.actions_by_id.get(id).map(Vec::as_slice).unwrap_or_default();
        let newest = records.iter().map(|index| &topics.actions[*index].it).max_by_key(|action| action.retry);
        let waits = topics.memory.get(connection).is_some_and(|memory| memory.entries.contains_key(&key::waiting(id)));
        if let Some(ActionState::Settled(outcome)) = topics.remembered(connection, &key::action(id))
            && newest.is_none_or(|action| outcome.settles(action))
        {
            return Standing::Settled(outcome);
        }
        if waits {
            return Standing::Parked;
        }
        let unread = |index: &usize| {
            let stored = &topics.actions[*index];
            !topics.passed("dispatcher", &stored.place) && !self.bulk_passed(connection, &stored.place)
        };
        if records.iter().any(unread) { Standing::InLane } else { Standing::Nowhere }
    }

    /// How far a bulk topic is settled stands in its lane's memory, not in a group.
    fn bulk_passed(&self, connection: &ConnectionName, place: &Place) -> bool {
        let is_bulk = *place.at.topic == self.topics.names.bulk(connection);
        let position = self.topics.remembered::<BulkPosition>(connection, key::BULK);
        is_bulk && position.is_some_and(|position| place.offset < position.next)
    }

    fn is_known(&self, connection: &ConnectionName, id: &ActionId) -> bool {
        self.topics.actions_by_id.contains_key(id)
            || self.topics.memory.get(connection).is_some_and(|memory| {
                memory.entries.contains_key(&key::action(id)) || memory.entries.contains_key(&key::waiting(id))
            })
    }

    fn fate_of(&self, connection: &ConnectionName, id: &ActionId) -> Fate {
        match self.standing(connection, id) {
            Standing::Settled(outcome) => Fate::of_end(outcome.end),
            Standing::Nowhere if self.topics.actions_by_id.contains_key(id) => Fate::Lost,
            // Whether something that is nowhere should be there already is judged where its event's record is.
            Standing::Parked | Standing::InLane | Standing::Nowhere => Fate::Waiting,
        }
    }

    /// Something that a record asks for is not there: lost, if the role that should have written it has passed the record.
    fn missing(
        &mut self,
        connection: &ConnectionName,
        id: &dyn ToString,
        place: &Place,
        role: &'static str,
        what: &str,
    ) -> Fate {
        if !self.topics.passed(role, place) {
            return Fate::Waiting;
        }
        if self.topics.trimmed {
            self.report.count("unjudged", "may have been trimmed");
            return Fate::Done;
        }
        let text = format!("the {role} has passed it, and {what} is missing");
        self.report.violate(Wrong::Lost, connection, id, text);
        Fate::Lost
    }

    fn buried(&mut self, connection: &ConnectionName, of: &str, place: &Place, role: &'static str) -> Fate {
        if self.topics.buried(self.world.ids.dead(of).as_str()) {
            return Fate::Dead;
        }
        self.missing(connection, &of, place, role, "its dead letter")
    }

    fn meet(&mut self, webhook: &WebhookId, fate: Fate) {
        let met = self.fates.entry(webhook.clone()).or_insert(fate);
        *met = fate.max(*met);
    }

    /// What became of each debt.
    pub fn close(mut self, finished: bool) -> Report {
        for letter in self.topics.letters() {
            self.report.count("dead", format!("{}: {}", letter.kind.as_str(), letter.code));
        }
        for (sent, records) in &self.debts {
            let fates = records.iter().filter_map(|id| self.fates.get(id));
            let fate = fates.copied().max().unwrap_or(Fate::Lost);
            self.report.count("debts", fate.as_str());
            if finished && fate == Fate::Waiting {
                self.report.violate(Wrong::Unfinished, &sent.connection, &sent.mark, "it still waits");
            }
        }
        self.report
    }
}

fn outcome_text(outcome: &Outcome) -> String {
    match outcome.end {
        End::Dead(code) => format!("dead: {code}"),
        end => end.as_str().to_owned(),
    }
}
