//! The bounded queue between the thread that polls and whoever reads signals. The thread can wait for room with a time
//! limit, which no ready-made channel with an async end offers.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

/// A queue of `T` with room for a few.
pub(super) struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    room: Condvar,
    filled: Notify,
    capacity: usize,
}

struct Queue<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Mailbox<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let queue = Queue { waiting: VecDeque::with_capacity(capacity), closed: false };
        Self { queue: Mutex::new(queue), room: Condvar::new(), filled: Notify::new(), capacity }
    }

    /// Puts something in, waiting for room at most so long. Hands it back when there is none.
    pub(super) fn put(&self, item: T, patience: Duration) -> Result<(), T> {
        let full = |queue: &mut Queue<T>| queue.waiting.len() >= self.capacity && !queue.closed;
        let (mut queue, _) =
            self.room.wait_timeout_while(self.lock(), patience, full).unwrap_or_else(PoisonError::into_inner);
        if full(&mut queue) {
            return Err(item);
        }
        queue.waiting.push_back(item);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// Nothing is put in any more, and nobody waits for room.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
        self.filled.notify_one();
    }

    /// The next thing; nothing when the mailbox is closed and empty.
    pub(super) async fn take(&self) -> Option<T> {
        loop {
            {
                let mut queue = self.lock();
                if let Some(item) = queue.waiting.pop_front() {
                    self.room.notify_one();
                    return Some(item);
                }
                if queue.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_full_mailbox_hands_back_and_takes_again_when_there_is_room() {
        let mailbox = Mailbox::new(1);
        assert_eq!(mailbox.put(1, Duration::ZERO), Ok(()));
        assert_eq!(mailbox.put(2, Duration::ZERO), Err(2));
        assert_eq!(mailbox.take().await, Some(1));
        assert_eq!(mailbox.put(2, Duration::ZERO), Ok(()));
        assert_eq!(mailbox.take().await, Some(2));
    }

    #[tokio::test]
    async fn who_waits_for_room_gets_it() {
        let mailbox = Arc::new(Mailbox::new(1));
        assert_eq!(mailbox.put(1, Duration::ZERO), Ok(()));
        let other = Arc::clone(&mailbox);
        let putter = std::thread::spawn(move || other.put(2, Duration::from_mins(1)));
        assert_eq!(mailbox.take().await, Some(1));
        assert_eq!(mailbox.take().await, Some(2));
        assert_eq!(putter.join().expect("no panic"), Ok(()));
    }

    #[tokio::test]
    async fn what_is_in_a_closed_mailbox_can_still_be_taken() {
        let mailbox = Mailbox::new(1);
        assert_eq!(mailbox.put(1, Duration::ZERO), Ok(()));
        mailbox.close();
        assert_eq!(mailbox.take().await, Some(1));
        assert_eq!(mailbox.take().await, None);
    }
}
