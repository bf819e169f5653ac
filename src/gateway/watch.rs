//! Cuts off connections that are open and ask for nothing.
//!
//! The HTTP server (actix-http 3.20) times the first head of a connection, and the pause until the first byte of the next
//! one; from that byte on it waits for ever. So a second handle on each socket is kept here, and whoever has no request in
//! flight for too long is shut down.

use std::{
    any::Any,
    net::{Shutdown, TcpStream},
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpRequest, dev::Extensions};

use crate::model::time::Clock;

/// How often we look.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// All open connections.
pub(super) struct Watch {
    clock: Arc<dyn Clock>,
    limit: Duration,
    open: Mutex<Vec<Weak<Seat>>>,
}

/// One open connection. Lives beside it, and goes with it.
struct Seat {
    socket: TcpStream,
    in_flight: AtomicU32,
    idle_since_millis: AtomicU64,
}

impl Watch {
    /// `limit`: how long a connection may be open without a request in flight.
    pub(super) fn new(clock: Arc<dyn Clock>, limit: Duration) -> Arc<Self> {
        Arc::new(Self { clock, limit, open: Mutex::default() })
    }

    /// Takes a new connection in. Without a free file descriptor it stays unwatched.
    pub(super) fn keep(&self, connection: &dyn Any, beside: &mut Extensions) {
        let socket = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
        let Some(Ok(handle)) = socket.map(|socket| socket.as_fd().try_clone_to_owned()) else { return };
        let seat = Arc::new(Seat {
            socket: TcpStream::from(handle),
            in_flight: AtomicU32::new(0),
            idle_since_millis: AtomicU64::new(self.now_millis()),
        });
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&seat));
        beside.insert(seat);
    }

    /// A request is in flight until the guard is dropped.
    pub(super) fn serving(&self, request: &HttpRequest) -> Serving<'_> {
        let seat = request.conn_data::<Arc<Seat>>().map(Arc::clone);
        if let Some(seat) = &seat {
            seat.in_flight.fetch_add(1, Ordering::SeqCst);
        }
        Serving { watch: self, seat }
    }

    /// Looks again and again; never ends.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            self.clock.sleep(SWEEP_EVERY).await;
            self.sweep();
        }
    }

    fn sweep(&self) {
        let now = self.now_millis();
        let limit = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|seat| {
            let Some(seat) = seat.upgrade() else { return false };
            let idle_for = now.saturating_sub(seat.idle_since_millis.load(Ordering::SeqCst));
            let overdue = seat.in_flight.load(Ordering::SeqCst) == 0 && idle_for > limit;
            if overdue {
                // An error means that the other side was quicker.
                let _closed = seat.socket.shutdown(Shutdown::Both);
            }
            !overdue
        });
    }

    fn now_millis(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Marks a connection as of use.
pub(super) struct Serving<'a> {
    watch: &'a Watch,
    seat: Option<Arc<Seat>>,
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        if let Some(seat) = &self.seat {
            seat.idle_since_millis.store(self.watch.now_millis(), Ordering::SeqCst);
            seat.in_flight.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
