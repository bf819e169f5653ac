//! Who waits for which acknowledgement. All records of one append share one entry, and a record on its way carries nothing
//! but a number (the entry's place and the record's place in it), so that a record costs no allocation of ours.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::oneshot;

use crate::log::{LogError, LogResult, Position};

// A ticket is two 32-bit numbers in one pointer-sized value, which is what librdkafka carries for us.
const _: () = assert!(usize::BITS == 64, "tickets need 64 bits");

/// What a record carries to its acknowledgement and back.
pub(super) type Ticket = usize;

/// All appends that wait.
#[derive(Default)]
pub(super) struct Receipts {
    slots: Mutex<Slots>,
    bytes: AtomicUsize,
}

#[derive(Default)]
struct Slots {
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
}

struct Entry {
    positions: Vec<Position>,
    /// Records without an answer.
    open: usize,
    bytes: usize,
    failure: Option<LogError>,
    done: oneshot::Sender<LogResult<Vec<Position>>>,
}

/// One append's place.
#[derive(Clone, Copy)]
pub(super) struct Slot(usize);

impl Slot {
    /// What the append's record at `index` carries.
    pub(super) fn ticket(self, index: usize) -> Ticket {
        self.0 << 32 | index
    }
}

impl Receipts {
    /// Makes room for an append of `count` records, at least one.
    pub(super) fn open(&self, count: usize, bytes: usize) -> (Slot, oneshot::Receiver<LogResult<Vec<Position>>>) {
        let (done, waiter) = oneshot::channel();
        let unknown = Position { partition: 0, offset: 0 };
        let entry = Entry { positions: vec![unknown; count], open: count, bytes, failure: None, done };
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut slots = self.lock();
        let place = slots.free.pop().unwrap_or(slots.entries.len());
        if place == slots.entries.len() {
            slots.entries.push(Some(entry));
        } else {
            slots.entries[place] = Some(entry);
        }
        (Slot(place), waiter)
    }

    /// One record's answer.
    pub(super) fn settle(&self, ticket: Ticket, answer: LogResult<Position>) {
        let (place, index) = (ticket >> 32, ticket & 0xffff_ffff);
        self.answer(place, |entry| {
            match answer {
                Ok(position) => entry.positions[index] = position,
                Err(error) => entry.fail(error),
            }
            entry.open -= 1;
        });
    }

    /// The last `unsent` records of an append were never handed over.
    pub(super) fn withdraw(&self, slot: Slot, unsent: usize, error: LogError) {
        self.answer(slot.0, |entry| {
            entry.fail(error);
            entry.open -= unsent;
        });
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn answer(&self, place: usize, change: impl FnOnce(&mut Entry)) {
        let mut slots = self.lock();
        let entry = slots.entries[place].as_mut().expect("an entry stays until its last record is answered");
        change(entry);
        if entry.open > 0 {
            return;
        }
        let entry = slots.entries[place].take().expect("just seen");
        slots.free.push(place);
        drop(slots);
        self.bytes.fetch_sub(entry.bytes, Ordering::Relaxed);
        // Whoever appended may have gone.
        let _unheard = entry.done.send(entry.failure.map_or(Ok(entry.positions), Err));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The first failure is the reason; what follows is usually its consequence.
    fn fail(&mut self, error: LogError) {
        self.failure.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Position {
        Position { partition: 3, offset }
    }

    #[tokio::test]
    async fn an_append_is_done_when_its_last_record_is_and_in_the_order_it_was_given() {
        let receipts = Receipts::default();
        let (slot, waiter) = receipts.open(2, 10);
        let (other, other_waiter) = receipts.open(1, 5);
        receipts.settle(slot.ticket(1), Ok(at(8)));
        receipts.settle(other.ticket(0), Ok(at(9)));
        assert_eq!(other_waiter.await.expect("answered").expect("written")[0].offset, 9);
        assert_eq!(receipts.bytes(), 10);
        receipts.settle(slot.ticket(0), Ok(at(7)));
        let offsets: Vec<u64> =
            waiter.await.expect("answered").expect("written").iter().map(|position| position.offset).collect();
        assert_eq!(offsets, [7, 8]);
        assert_eq!(receipts.bytes(), 0);
    }

    #[tokio::test]
    async fn one_failed_record_fails_its_append_with_the_first_reason() {
        let receipts = Receipts::default();
        let (slot, waiter) = receipts.open(3, 1);
        receipts.settle(slot.ticket(0), Ok(at(1)));
        receipts.withdraw(slot, 1, LogError::Unavailable("full".to_owned()));
        receipts.settle(slot.ticket(1), Err(LogError::Lost));
        assert_eq!(waiter.await.expect("answered"), Err(LogError::Unavailable("full".to_owned())));
    }

    #[test]
    fn places_are_used_again() {
        let receipts = Receipts::default();
        for round in 0..100 {
            let (slot, _gone) = receipts.open(1, 1);
            receipts.settle(slot.ticket(0), Ok(at(round)));
        }
        assert_eq!(receipts.lock().entries.len(), 1);
        assert_eq!(receipts.bytes(), 0);
    }
}
