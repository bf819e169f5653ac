//! Who reads a topic for a group: the member that joined first, until it leaves; then the next.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use super::catalog::Topic;

/// A group's line before a topic; the one in front reads it.
type Lines = HashMap<(Arc<str>, i64), VecDeque<(u64, Arc<Notify>)>>;

#[derive(Default)]
pub(super) struct Groups {
    lines: Mutex<Lines>,
    members: AtomicU64,
}

/// A place in the lines of a group, given up when dropped.
pub(super) struct Membership {
    groups: Arc<Groups>,
    group: Arc<str>,
    topics: Vec<i64>,
    member: u64,
    /// Rings when there may be something new: records, or a place in front.
    pub(super) bell: Arc<Notify>,
}

impl Membership {
    pub(super) fn join(groups: &Arc<Groups>, group: &str, topics: &[Arc<Topic>]) -> Self {
        let bell = Arc::new(Notify::new());
        let (member, group) = (groups.members.fetch_add(1, Ordering::Relaxed), Arc::from(group));
        let mut lines = groups.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in topics {
            lines.entry((Arc::clone(&group), topic.id)).or_default().push_back((member, Arc::clone(&bell)));
            topic.watch(&bell);
        }
        drop(lines);
        let topics = topics.iter().map(|topic| topic.id).collect();
        Self { groups: Arc::clone(groups), group, topics, member, bell }
    }

    pub(super) fn group(&self) -> &Arc<str> {
        &self.group
    }

    pub(super) fn is_in_front(&self, topic: &Topic) -> bool {
        let lines = self.groups.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.get(&(Arc::clone(&self.group), topic.id));
        line.and_then(VecDeque::front).is_some_and(|(member, _)| *member == self.member)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut lines = self.groups.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in &self.topics {
            let key = (Arc::clone(&self.group), *topic);
            let Some(line) = lines.get_mut(&key) else { continue };
            line.retain(|(member, _)| *member != self.member);
            match line.front() {
                Some((_, next)) => next.notify_one(),
                None => drop(lines.remove(&key)),
            }
        }
    }
}
