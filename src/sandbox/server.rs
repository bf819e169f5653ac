//! One simulated vendor behind one port.

use std::{
    collections::BTreeMap,
    io,
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{App, HttpServer, web};
use serde_json::Value;
use url::Url;

use super::{
    fault::{Fault, FaultKind},
    routes::{self, Wire},
};
use crate::{
    connectors::contract::{Sandbox, sandbox::SandboxRequest},
    model::{http::Reply, time::Clock},
    telemetry::serving::{self, Running},
};

/// The largest body that a simulated vendor reads.
const MAX_BODY_BYTES: usize = 64 << 20;

/// A simulated vendor that is up. Dropping it takes it down.
#[derive(Debug)]
pub struct SandboxServer {
    base_url: Url,
    running: Running,
    vendor: Arc<SimulatedVendor>,
}

impl SandboxServer {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(sandbox: Box<dyn Sandbox>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        Self::serve(serving::bind(([127, 0, 0, 1], 0).into())?, sandbox, clock)
    }

    /// Starts on a given port.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(listener: TcpListener, sandbox: Box<dyn Sandbox>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let state = Mutex::new(State { sandbox, faults: Vec::new(), calls: 0, struck: BTreeMap::new() });
        let vendor = Arc::new(SimulatedVendor { clock, state });
        let data = web::Data::from(Arc::clone(&vendor));
        let app = move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .configure(routes::configure)
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .shutdown_timeout(serving::LONGEST_DRAIN_SECONDS)
            // So that a request that hangs ends with the client that gave up on it.
            .h1_allow_half_closed(false)
            .on_connect(Wire::keep)
            .listen(listener)?
            .run();
        let base_url = Url::parse(&format!("http://{address}/")).map_err(io::Error::other)?;
        Ok(Self { base_url, running: Running::new(server, address), vendor })
    }

    /// Where it is, with a slash at the end.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// What has been done to the vendor, in order.
    pub fn effects(&self) -> Vec<Value> {
        self.vendor.state().sandbox.effects().to_vec()
    }

    /// What the vendor holds now.
    pub fn state(&self) -> Value {
        self.vendor.state().sandbox.state()
    }

    /// Acts as a person at the vendor's screen.
    ///
    /// # Errors
    /// What commands the simulator knows.
    pub fn command(&self, command: &Value) -> Result<Value, String> {
        self.vendor.command(command)
    }

    /// Makes something go wrong from now on, after the faults that are there already.
    pub fn fault(&self, fault: Fault) {
        self.vendor.state().faults.push(fault);
    }

    /// Lets everything go well again.
    pub fn clear_faults(&self) {
        self.vendor.state().faults.clear();
    }

    /// How many requests have come, those that went wrong included.
    pub fn calls(&self) -> u64 {
        self.vendor.state().calls
    }

    /// How many requests went wrong, by the kind of fault.
    pub fn struck(&self) -> BTreeMap<&'static str, u64> {
        self.vendor.state().struck.clone()
    }

    /// Takes it down, letting requests in flight end. Answers whether they did within the deadline.
    pub async fn stop(self, deadline: Duration) -> bool {
        self.running.stop(deadline).await
    }
}

/// What the routes and the handle share.
pub(super) struct SimulatedVendor {
    pub(super) clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) sandbox: Box<dyn Sandbox>,
    pub(super) faults: Vec<Fault>,
    pub(super) calls: u64,
    pub(super) struck: BTreeMap<&'static str, u64>,
}

impl std::fmt::Debug for SimulatedVendor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimulatedVendor")
    }
}

impl SimulatedVendor {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and says what is to go wrong with it.
    pub(super) fn admit(&self, request: &SandboxRequest) -> Option<FaultKind> {
        let mut state = self.state();
        state.calls += 1;
        let kind = state.faults.iter_mut().find_map(|fault| fault.strikes(request).then_some(fault.kind));
        if let Some(kind) = kind {
            *state.struck.entry(kind.name()).or_default() += 1;
        }
        kind
    }

    pub(super) fn answer(&self, request: &SandboxRequest) -> Reply {
        let now = self.clock.now();
        self.state().sandbox.answer(request, now)
    }

    pub(super) fn command(&self, command: &Value) -> Result<Value, String> {
        let now = self.clock.now();
        self.state().sandbox.command(command, now)
    }
}

#[cfg(test)]
mod tests;
