//! The circuit over a whole lane. When the target fails as a whole, the lane stands still in order, and one probe at a time
//! finds out whether the target is back. Pure: time, jitter and what was heard come from outside.
//!
//! It opens after so many failures in a row, from more than one conflict key (one poisonous action must not stop the lane),
//! or from one if nothing reached the target; and at once when the vendor asks us to wait. Rejected credentials halt it, and
//! a person may pause it: both end by a person or a changed secret, never by a probe.

mod shared;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use shared::{LaneCircuit, Pass};

use super::{backoff::Backoff, sign::Sign, timeline::span};
use crate::model::{
    code::{self, Code},
    time::Timestamp,
};

/// When a circuit opens, and how it is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitSettings {
    /// So many failures in a row open it.
    pub failures: u32,
    /// The waits before the probes.
    pub backoff: Backoff,
}

/// How a circuit stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// The lane works.
    Closed,
    /// The target fails as a whole; the next probe goes out at `until`.
    Open { since: Timestamp, until: Timestamp, code: Code },
    /// Nothing is sent until the configuration is mended or a person resumes the lane.
    Halted { since: Timestamp, code: Code },
    /// A person paused the lane.
    Paused { since: Timestamp },
}

/// What may begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// All there is room for.
    All,
    /// One thing: the probe.
    One,
    /// Nothing before this.
    After(Timestamp),
    /// Nothing until something is heard.
    Nothing,
}

/// Under which phase of the circuit something began: what began before the circuit opened is no probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// The state machine.
#[derive(Debug)]
pub struct Circuit {
    settings: CircuitSettings,
    state: State,
    /// Counted on at every change.
    phase: u64,
    /// How long the lane has worked, up to `working_since`.
    worked: Duration,
    working_since: Option<Timestamp>,
    /// A quota stops the lane, whatever its target does.
    resting: bool,
}

#[derive(Debug)]
enum State {
    Closed(Run),
    Open(Outage),
    Probing(Outage),
    Halted { since: Timestamp, code: Code },
    Paused { since: Timestamp },
}

/// Failures since the target last showed that it lives.
#[derive(Debug, Default)]
struct Run {
    failures: u32,
    /// Those of them that never came to the target.
    unreached: u32,
    first: Option<String>,
    /// They came from more than one conflict key.
    several: bool,
}

#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Timestamp,
    until: Timestamp,
    code: Code,
    /// The vendor itself said how long: nothing shortens that.
    announced: bool,
    /// Probes that failed.
    probes: u32,
}

impl Run {
    fn add(&mut self, key: &str, unreached: bool) {
        self.failures = self.failures.saturating_add(1);
        self.unreached = self.unreached.saturating_add(u32::from(unreached));
        self.several |= self.first.get_or_insert_with(|| key.to_owned()).as_str() != key;
    }

    fn opens(&self, failures: u32) -> bool {
        (self.several && self.failures >= failures) || self.unreached >= failures
    }
}

impl Circuit {
    /// A circuit as the lane begins: closed, or standing still for a reason that outlived the last owner.
    pub fn new(settings: CircuitSettings, now: Timestamp) -> Self {
        let state = State::Closed(Run::default());
        Self { settings, state, phase: 0, worked: Duration::ZERO, working_since: Some(now), resting: false }
    }

    pub fn admits(&self, now: Timestamp) -> Admission {
        match &self.state {
            State::Closed(_) => Admission::All,
            State::Open(outage) if outage.until <= now => Admission::One,
            State::Open(outage) => Admission::After(outage.until),
            State::Probing(_) | State::Halted { .. } | State::Paused { .. } => Admission::Nothing,
        }
    }

    /// Something begins. While the circuit is open, it is the probe.
    pub fn begin(&mut self) -> Ticket {
        if let State::Open(outage) = self.state {
            self.turn(State::Probing(outage));
        }
        Ticket(self.phase)
    }

    /// Why what has begun under this ticket may not send its first request any more.
    pub fn bars(&self, ticket: Ticket) -> Option<Code> {
        match &self.state {
            State::Open(outage) | State::Probing(outage) if ticket.0 != self.phase => Some(outage.code),
            _ => None,
        }
    }

    /// Why nothing at all may be sent.
    pub fn forbids(&self) -> Option<Code> {
        match &self.state {
            State::Halted { code, .. } => Some(*code),
            State::Paused { .. } => Some(code::PAUSED),
            _ => None,
        }
    }

    /// Something was heard of the target by what began under this ticket, on behalf of this key. `unit` is the jitter.
    pub fn heard(&mut self, ticket: Ticket, key: &str, sign: Sign, unit: f64, now: Timestamp) {
        let current = ticket.0 == self.phase;
        match self.state {
            State::Closed(_) => self.heard_while_closed(current, key, sign, unit, now),
            State::Open(outage) | State::Probing(outage) => self.heard_while_open(outage, current, sign, unit, now),
            State::Halted { .. } | State::Paused { .. } => {}
        }
    }

    fn heard_while_closed(&mut self, current: bool, key: &str, sign: Sign, unit: f64, now: Timestamp) {
        let State::Closed(run) = &mut self.state else { return };
        let (code, wish) = match sign {
            Sign::Lives => {
                *run = Run::default();
                return;
            }
            Sign::Bans { code, wish } => (code, wish),
            // What began before the last outage ended says nothing about now.
            Sign::Fails { code, unreached } if current => {
                run.add(key, unreached);
                if !run.opens(self.settings.failures) {
                    return;
                }
                (code, None)
            }
            Sign::Fails { .. } | Sign::Nothing => return,
        };
        let until = now + self.until_probe(0, wish, unit);
        self.turn_off(State::Open(Outage { since: now, until, code, announced: announced(wish), probes: 0 }), now);
    }

    fn heard_while_open(&mut self, mut outage: Outage, current: bool, sign: Sign, unit: f64, now: Timestamp) {
        let is_probe = current && matches!(self.state, State::Probing(_));
        outage.probes += u32::from(is_probe);
        match sign {
            Sign::Lives if is_probe || !outage.announced || outage.until <= now => return self.close(now),
            Sign::Bans { code, wish } => {
                let until = now + self.until_probe(outage.probes, wish, unit);
                outage.announced = announced(wish) || (outage.announced && now < outage.until);
                outage.until = until.max(outage.until);
                outage.code = code;
            }
            Sign::Fails { code, .. } if is_probe => {
                outage.code = code;
                outage.announced = false;
                outage.until = now + self.until_probe(outage.probes, None, unit);
            }
            Sign::Nothing if is_probe => {
                outage.announced = false;
                outage.until = now + self.until_probe(outage.probes, None, unit);
            }
            Sign::Lives | Sign::Fails { .. } | Sign::Nothing => return,
        }
        self.turn(State::Open(outage));
    }

    /// Whether what began under this ticket is the probe.
    pub fn is_probe(&self, ticket: Ticket) -> bool {
        matches!(self.state, State::Probing(_)) && ticket.0 == self.phase
    }

    /// What began under this ticket is over. A probe that has sent nothing makes room for the next one at once.
    pub fn over(&mut self, ticket: Ticket) {
        match self.state {
            State::Probing(outage) if ticket.0 == self.phase => self.turn(State::Open(outage)),
            _ => {}
        }
    }

    /// Nothing more is sent. Answers whether that is new. What a person paused stays paused.
    pub fn halt(&mut self, code: Code, now: Timestamp) -> bool {
        let stands = matches!(self.state, State::Halted { .. } | State::Paused { .. });
        if !stands {
            self.turn_off(State::Halted { since: now, code }, now);
        }
        !stands
    }

    pub fn pause(&mut self, now: Timestamp) {
        if !matches!(self.state, State::Paused { .. }) {
            self.turn_off(State::Paused { since: now }, now);
        }
    }

    /// Closes it, whatever opened it.
    pub fn close(&mut self, now: Timestamp) {
        if !matches!(self.state, State::Closed(_)) {
            self.turn(State::Closed(Run::default()));
            self.working_since = (!self.resting).then_some(now);
        }
    }

    /// The lane begins to stand still for a quota, or goes on. Nothing grows old meanwhile.
    pub fn rest(&mut self, resting: bool, now: Timestamp) {
        if resting != self.resting {
            self.worked = self.worked(now);
            self.resting = resting;
            self.working_since = (!resting && self.is_closed()).then_some(now);
        }
    }

    pub fn state(&self) -> CircuitState {
        match &self.state {
            State::Closed(_) => CircuitState::Closed,
            State::Open(Outage { since, until, code, .. }) | State::Probing(Outage { since, until, code, .. }) => {
                CircuitState::Open { since: *since, until: *until, code: *code }
            }
            State::Halted { since, code } => CircuitState::Halted { since: *since, code: *code },
            State::Paused { since } => CircuitState::Paused { since: *since },
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    /// How long the lane has worked. This clock stands still while the lane does: nothing grows old because its target is
    /// down.
    pub fn worked(&self, now: Timestamp) -> Duration {
        self.worked + self.working_since.map_or(Duration::ZERO, |since| span(since, now))
    }

    /// Until the next probe: as long as the vendor wishes, else by the schedule.
    fn until_probe(&self, probes: u32, wish: Option<Duration>, unit: f64) -> Duration {
        let own = || self.settings.backoff.wait(probes + 1, unit, None);
        wish.filter(|wish| !wish.is_zero()).unwrap_or_else(own)
    }

    fn turn_off(&mut self, state: State, now: Timestamp) {
        self.worked = self.worked(now);
        self.working_since = None;
        self.turn(state);
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.phase += 1;
    }
}

fn announced(wish: Option<Duration>) -> bool {
    wish.is_some_and(|wish| !wish.is_zero())
}

#[cfg(test)]
mod tests;
