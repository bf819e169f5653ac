//! Which partitions a member holds and what of them is settled. Each time a partition is assigned it gets a new *term*, so
//! that whatever belongs to an earlier time is recognized: an offset of a term that is over is neither stored nor committed.

use std::{collections::HashMap, time::Duration};

use crate::log::TopicPartition;

/// One assignment of one partition.
pub(super) type Term = u64;

/// What a member holds.
#[derive(Default)]
pub(super) struct Holdings {
    held: HashMap<TopicPartition, Holding>,
    last_term: Term,
    /// What is to be given up, and until when.
    revoked: Option<Revoked>,
}

#[derive(Clone, Copy)]
struct Holding {
    term: Term,
    /// Settled up to here, as far as the reader said.
    stored: Option<u64>,
    /// What the brokers hold, as far as this member knows.
    committed: Option<u64>,
    /// The reader wants no records of it now.
    paused: bool,
}

struct Revoked {
    partitions: Vec<TopicPartition>,
    deadline: Duration,
}

/// Offsets to commit.
pub(super) type Offsets = Vec<(TopicPartition, u64)>;

impl Holdings {
    pub(super) fn assign(&mut self, partitions: &[TopicPartition]) -> Vec<(TopicPartition, Term)> {
        let mut terms = Vec::with_capacity(partitions.len());
        for partition in partitions {
            self.last_term += 1;
            let holding = Holding { term: self.last_term, stored: None, committed: None, paused: false };
            self.held.insert(partition.clone(), holding);
            terms.push((partition.clone(), self.last_term));
        }
        terms
    }

    pub(super) fn revoke(&mut self, partitions: Vec<TopicPartition>, deadline: Duration) {
        self.revoked = Some(Revoked { partitions, deadline });
    }

    /// What is to be given up.
    pub(super) fn revoked(&self) -> Vec<TopicPartition> {
        self.revoked.as_ref().map_or_else(Vec::new, |revoked| revoked.partitions.clone())
    }

    /// What should have been given up by now.
    pub(super) fn overdue(&self, now: Duration) -> Vec<TopicPartition> {
        if self.revoked.as_ref().is_some_and(|revoked| now > revoked.deadline) { self.revoked() } else { Vec::new() }
    }

    /// Ends the terms of these partitions.
    pub(super) fn end(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.held.remove(partition);
        }
        if let Some(revoked) = &mut self.revoked {
            revoked.partitions.retain(|partition| !partitions.contains(partition));
            if revoked.partitions.is_empty() {
                self.revoked = None;
            }
        }
    }

    pub(super) fn term(&self, partition: &TopicPartition) -> Option<Term> {
        self.held.get(partition).map(|holding| holding.term)
    }

    /// Settled up to `next`, by somebody who believes it to be this term.
    pub(super) fn store(&mut self, partition: &TopicPartition, term: Term, next: u64) {
        if let Some(holding) = self.held.get_mut(partition).filter(|holding| holding.term == term) {
            holding.stored = Some(next);
        }
    }

    pub(super) fn pause(&mut self, partitions: &[TopicPartition], paused: bool) {
        for partition in partitions {
            if let Some(holding) = self.held.get_mut(partition) {
                holding.paused = paused;
            }
        }
    }

    pub(super) fn is_paused(&self, partition: &TopicPartition) -> bool {
        self.held.get(partition).is_some_and(|holding| holding.paused)
    }

    /// Everything held, with or without what the reader paused.
    pub(super) fn all(&self, with_paused: bool) -> Vec<TopicPartition> {
        self.held.iter().filter(|(_, holding)| with_paused || !holding.paused).map(|(at, _)| at.clone()).collect()
    }

    /// What was stored and not committed yet, of all or of some partitions.
    pub(super) fn unwritten(&self, of: Option<&[TopicPartition]>) -> Offsets {
        self.held
            .iter()
            .filter(|(partition, _)| of.is_none_or(|some| some.contains(partition)))
            .filter_map(|(partition, holding)| {
                let stored = holding.stored.filter(|stored| holding.committed != Some(*stored))?;
                Some((partition.clone(), stored))
            })
            .collect()
    }

    /// Any partition with an offset that this member has committed before.
    pub(super) fn written(&self) -> Option<(TopicPartition, u64)> {
        self.held.iter().find_map(|(partition, holding)| Some((partition.clone(), holding.committed?)))
    }

    /// Any partition.
    pub(super) fn any(&self) -> Option<TopicPartition> {
        self.held.keys().next().cloned()
    }

    pub(super) fn committed(&mut self, offsets: &Offsets) {
        for (partition, offset) in offsets {
            if let Some(holding) = self.held.get_mut(partition) {
                holding.committed = Some(*offset);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: u32) -> TopicPartition {
        TopicPartition { topic: "t".into(), partition: number }
    }

    fn holding(count: u32) -> (Holdings, Vec<(TopicPartition, Term)>) {
        let mut holdings = Holdings::default();
        let partitions: Vec<_> = (0..count).map(partition).collect();
        let terms = holdings.assign(&partitions);
        (holdings, terms)
    }

    #[test]
    fn what_belongs_to_an_earlier_term_is_not_stored() {
        let (mut holdings, terms) = holding(1);
        holdings.end(&[partition(0)]);
        holdings.store(&partition(0), terms[0].1, 5);
        let again = holdings.assign(&[partition(0)]);
        holdings.store(&partition(0), terms[0].1, 5);
        assert!(holdings.unwritten(None).is_empty());
        holdings.store(&partition(0), again[0].1, 6);
        assert_eq!(holdings.unwritten(None), [(partition(0), 6)]);
    }

    #[test]
    fn only_what_is_new_is_unwritten() {
        let (mut holdings, terms) = holding(2);
        holdings.store(&partition(0), terms[0].1, 5);
        holdings.store(&partition(1), terms[1].1, 7);
        assert_eq!(holdings.unwritten(Some(&[partition(1)])), [(partition(1), 7)]);
        holdings.committed(&vec![(partition(0), 5)]);
        assert_eq!(holdings.unwritten(None), [(partition(1), 7)]);
        assert_eq!(holdings.written(), Some((partition(0), 5)));
    }

    #[test]
    fn a_revocation_ends_when_all_of_it_is_given_up() {
        let (mut holdings, _) = holding(3);
        let deadline = Duration::from_secs(1);
        holdings.revoke(vec![partition(0), partition(1)], deadline);
        holdings.end(&[partition(0)]);
        assert_eq!(holdings.revoked(), [partition(1)]);
        assert!(holdings.overdue(deadline).is_empty());
        assert_eq!(holdings.overdue(deadline * 2), [partition(1)]);
        holdings.end(&[partition(1)]);
        assert!(holdings.revoked().is_empty() && holdings.overdue(deadline * 2).is_empty());
        assert_eq!(holdings.all(true), [partition(2)]);
    }
}
