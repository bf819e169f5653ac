//! Limits of a second or a minute: so many requests in any window of that length, wherever it begins. A lane has one owner,
//! so counting in memory is exact.
//!
//! A request takes its place from before it is sent until a window's length after its end: only we know when it was sent,
//! only the vendor when it came, and its end is behind both.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::model::time::Clock;

/// From when on a request's place is only kept for a window's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// A pace: requests are spaced by when they are sent, however long each takes.
    FromSending,
    FromItsEnd,
}

/// One limit of this kind.
pub(super) struct Sliding {
    clock: Arc<dyn Clock>,
    calls: usize,
    length: Duration,
    counts: Counts,
    state: Mutex<State>,
    freed: Notify,
    /// Who waits stands in line.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Places of requests that are under way.
    open: usize,
    /// When the others were sent, or ended.
    past: VecDeque<Duration>,
}

impl Sliding {
    /// `before`: how many places a predecessor may have taken within a window's length before now.
    pub fn new(clock: Arc<dyn Clock>, calls: u64, length: Duration, counts: Counts, before: u64) -> Arc<Self> {
        let calls = usize::try_from(calls).unwrap_or(usize::MAX).max(1);
        let before = usize::try_from(before).unwrap_or(usize::MAX).min(calls);
        let state = State { open: 0, past: std::iter::repeat_n(clock.elapsed(), before).collect() };
        Arc::new(Self {
            clock,
            calls,
            length,
            counts,
            state: Mutex::new(state),
            freed: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// Waits for a free place and takes it.
    pub async fn place(self: &Arc<Self>) -> Place {
        let _turn = self.turn.lock().await;
        while !self.try_place() {
            self.one_more().await;
        }
        Place { of: Arc::clone(self), sent: false, marked: false }
    }

    /// Waits until there is a free place, and leaves it.
    pub async fn vacancy(&self) {
        let _turn = self.turn.lock().await;
        while self.is_full() {
            self.one_more().await;
        }
    }

    /// How many places are taken: what a successor must count with.
    pub fn taken(&self) -> u64 {
        let mut state = self.state();
        self.forget_past(&mut state);
        (state.open + state.past.len()) as u64
    }

    /// Waits until a place may have become free: a request has ended, or the oldest one's window is over.
    async fn one_more(&self) {
        let oldest = self.state().past.front().copied();
        let Some(at) = oldest else { return self.freed.notified().await };
        tokio::select! {
            () = self.freed.notified() => {}
            () = self.clock.sleep((at + self.length).saturating_sub(self.clock.elapsed())) => {}
        }
    }

    fn try_place(&self) -> bool {
        let free = !self.is_full();
        if free {
            self.state().open += 1;
        }
        free
    }

    fn is_full(&self) -> bool {
        let mut state = self.state();
        self.forget_past(&mut state);
        state.open + state.past.len() >= self.calls
    }

    fn forget_past(&self, state: &mut State) {
        let now = self.clock.elapsed();
        while state.past.front().is_some_and(|at| *at + self.length <= now) {
            state.past.pop_front();
        }
    }

    fn mark(&self) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        state.open -= 1;
        state.past.push_back(now);
        drop(state);
        self.freed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one request, from before it is sent until it has ended.
pub(super) struct Place {
    of: Arc<Sliding>,
    sent: bool,
    marked: bool,
}

impl Place {
    /// The request goes out now.
    pub fn sent(&mut self) {
        self.sent = true;
        if self.of.counts == Counts::FromSending {
            self.of.mark();
            self.marked = true;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.marked {
            return;
        }
        if self.sent {
            return self.of.mark();
        }
        // It was never sent: its place is free again.
        self.of.state().open -= 1;
        self.of.freed.notify_one();
    }
}

#[cfg(test)]
mod tests;
