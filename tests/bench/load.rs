//! The load: one thread and one kept-alive connection each, blocking calls, no library in between. A thread sleeps until
//! the moment that the schedule gives its next request; tokio's timers, which know whole milliseconds only, would put their
//! own lateness into every latency.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use spojka::model::time::{Clock as _, SystemClock};

/// The longest that one answer may take before the run fails.
const LONGEST: Duration = Duration::from_secs(30);

/// What came of a load.
pub(crate) struct Load {
    pub(crate) answered: u64,
    /// Answers other than 200.
    pub(crate) refused: u64,
    pub(crate) took: Duration,
    /// In microseconds, from the moment that the schedule gave.
    pub(crate) latency: Histogram<u64>,
}

/// How many connections send, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) connections: u32,
    /// Requests a second over all connections; `None`: as many as get through.
    pub(crate) rate: Option<u32>,
}

/// Loads a server for some seconds.
pub(crate) fn run(address: SocketAddr, requests: &[Vec<u8>], pace: Pace, seconds: u64) -> anyhow::Result<Load> {
    let connections = (0..pace.connections).map(|_| Connection::open(address)).collect::<anyhow::Result<Vec<_>>>()?;
    let begin = SystemClock.elapsed();
    let end = begin + Duration::from_secs(seconds);
    let each = |(index, connection)| {
        let schedule = Schedule { begin, end, index, pace };
        move || schedule.drive(connection, requests)
    };
    let parts: Vec<anyhow::Result<Part>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..).zip(connections).map(each).map(|drive| scope.spawn(drive)).collect();
        threads.into_iter().map(|thread| thread.join().expect("the load does not panic")).collect()
    });
    let mut load =
        Load { answered: 0, refused: 0, took: SystemClock.elapsed().saturating_sub(begin), latency: histogram() };
    for part in parts {
        let part = part?;
        load.answered += part.answered;
        load.refused += part.refused;
        load.latency.add(&part.latency).context("histograms of one shape")?;
    }
    ensure!(load.answered > 0, "no request was taken");
    Ok(load)
}

struct Part {
    answered: u64,
    refused: u64,
    latency: Histogram<u64>,
}

/// When one connection sends.
#[derive(Clone, Copy)]
struct Schedule {
    begin: Duration,
    end: Duration,
    index: u32,
    pace: Pace,
}

impl Schedule {
    /// The moment of this connection's `turn`-th request; `None`: at once.
    fn moment(&self, turn: u64) -> Option<Duration> {
        let rate = self.pace.rate?;
        let number = turn * u64::from(self.pace.connections) + u64::from(self.index);
        Some(self.begin + Duration::from_nanos(number * 1_000_000_000 / u64::from(rate)))
    }

    fn drive(&self, mut connection: Connection, requests: &[Vec<u8>]) -> anyhow::Result<Part> {
        let mut part = Part { answered: 0, refused: 0, latency: histogram() };
        let turns = usize::try_from(self.index)?..;
        for (turn, request) in (0..).zip(turns.map(|index| &requests[index * 31 % requests.len()])) {
            let now = SystemClock.elapsed();
            let meant = self.moment(turn).unwrap_or(now);
            if meant >= self.end {
                break;
            }
            if let Some(early) = meant.checked_sub(now) {
                thread::sleep(early);
            }
            let taken = connection.ask(request)? == 200;
            let latency = SystemClock.elapsed().saturating_sub(meant);
            part.latency.saturating_record(u64::try_from(latency.as_micros())?);
            if taken {
                part.answered += 1;
            } else {
                part.refused += 1;
            }
        }
        Ok(part)
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds that fit")
}

/// A kept-alive connection with just enough HTTP.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONGEST))?;
        Ok(Self { stream, buffer: vec![0; 4096] })
    }

    /// Sends a request and reads its answer to the end. Answers the status.
    fn ask(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).context("no answer in time")?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            if let Some((status, length)) = head(&self.buffer[..filled])
                && filled >= length
            {
                return Ok(status);
            }
        }
    }
}

/// The status, and where the answer ends; `None` while its head is not whole.
fn head(answer: &[u8]) -> Option<(u16, usize)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..end]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some((status, end + length.map_or(0, |length| length.parse().unwrap_or(0))))
}
