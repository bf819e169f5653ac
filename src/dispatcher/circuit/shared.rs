//! The circuit as a lane's tasks share it: it tells the metrics and whoever watches.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{Admission, Circuit, CircuitSettings, CircuitState, Ticket};
use crate::{
    dispatcher::{sign::Sign, timeline::Timeline},
    model::{
        code::Code,
        connection::ConnectionName,
        random::Random,
        time::{Clock, Timestamp},
    },
    telemetry::Metrics,
};

/// One lane's circuit.
pub struct LaneCircuit {
    name: ConnectionName,
    machine: Mutex<Circuit>,
    pub timeline: Timeline,
    random: Arc<dyn Random>,
    metrics: Arc<Metrics>,
    state: watch::Sender<CircuitState>,
}

impl LaneCircuit {
    pub fn new(
        name: ConnectionName,
        settings: CircuitSettings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let timeline = Timeline::new(clock);
        let machine = Mutex::new(Circuit::new(settings, timeline.start()));
        metrics.set_circuit_open(&name, false);
        Self { name, machine, timeline, random, metrics, state: watch::Sender::new(CircuitState::Closed) }
    }

    /// How it stands, for people.
    pub fn state(&self) -> CircuitState {
        *self.state.borrow()
    }

    pub fn admits(&self) -> Admission {
        self.with(|machine, now| machine.admits(now))
    }

    /// Something begins on behalf of a conflict key, or of a poll. Only when the circuit admits it.
    pub fn begin(self: &Arc<Self>, key: &str) -> Pass {
        let ticket = self.with(|machine, _| machine.begin());
        Pass { circuit: Arc::clone(self), ticket, key: key.to_owned(), under_way: AtomicBool::new(false) }
    }

    /// Whether the lane works.
    pub fn is_closed(&self) -> bool {
        self.with(|machine, _| machine.is_closed())
    }

    /// How long the lane has worked: the clock by which actions grow old.
    pub fn worked(&self) -> Duration {
        self.with(|machine, now| machine.worked(now))
    }

    /// Answers whether that is new.
    pub fn halt(&self, code: Code) -> bool {
        self.with(|machine, now| machine.halt(code, now))
    }

    /// A quota stops the lane, or lets it go on.
    pub fn rest(&self, resting: bool) {
        self.with(|machine, now| machine.rest(resting, now));
    }

    pub fn pause(&self) {
        self.with(Circuit::pause);
    }

    pub fn close(&self) {
        self.with(Circuit::close);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Circuit, Timestamp) -> T) -> T {
        let now = self.timeline.now();
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = act(&mut machine, now);
        self.publish(machine.state());
        answer
    }

    fn publish(&self, new: CircuitState) {
        let old = *self.state.borrow();
        if old == new {
            return;
        }
        self.state.send_replace(new);
        self.metrics.set_circuit_open(&self.name, new != CircuitState::Closed);
        let connection = &self.name;
        match new {
            CircuitState::Closed => tracing::info!(connection.id = %connection, "circuit closed: the lane goes on"),
            CircuitState::Open { until, code, .. } => tracing::warn!(
                connection.id = %connection, code = code.as_str(), until = %until,
                "circuit open: the target fails as a whole, the lane waits for the next probe"
            ),
            CircuitState::Halted { code, .. } => tracing::error!(
                connection.id = %connection, code = code.as_str(),
                "lane stands still until its configuration is mended: see `spojka explain`"
            ),
            CircuitState::Paused { .. } => tracing::warn!(connection.id = %connection, "lane paused by a person"),
        }
    }
}

/// Leave to talk to the target, for one attempt or poll.
pub struct Pass {
    circuit: Arc<LaneCircuit>,
    ticket: Ticket,
    key: String,
    /// Its first request went out: it may finish what it began.
    under_way: AtomicBool,
}

impl Pass {
    /// Asked before each request. Why it must not be sent, if so.
    pub fn may_send(&self) -> Result<(), Code> {
        let under_way = self.under_way.load(Ordering::Relaxed);
        let barred = self
            .circuit
            .with(|machine, _| machine.forbids().or_else(|| machine.bars(self.ticket).filter(|_| !under_way)));
        if let Some(code) = barred {
            return Err(code);
        }
        self.under_way.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether its first request went out.
    pub fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Whether it is the one probe of an open circuit.
    pub fn is_probe(&self) -> bool {
        self.circuit.with(|machine, _| machine.is_probe(self.ticket))
    }

    pub fn heard(&self, sign: Sign) {
        let unit = self.circuit.random.unit();
        self.circuit.with(|machine, now| machine.heard(self.ticket, &self.key, sign, unit, now));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.circuit.with(|machine, _| machine.over(self.ticket));
    }
}
