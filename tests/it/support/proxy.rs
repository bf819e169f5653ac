//! A network that can be made slow, cut and silent: a TCP proxy between Spojka and whoever it talks to.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// What becomes of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    Good,
    /// Each piece comes later.
    Slow(Duration),
    /// Each connection ends after so many bytes.
    Cutting(u64),
    /// Nothing comes through, and nobody is told.
    BlackHole,
    /// Nobody listens, and all connections end: the other side is down.
    Down,
}

/// A proxy in front of one address. Dropping it takes it down.
pub(crate) struct Proxy {
    pub address: SocketAddr,
    network: watch::Sender<Network>,
}

impl Proxy {
    pub fn start(target: SocketAddr) -> Self {
        let (network, heard) = watch::channel(Network::Good);
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener of tokio's kind");
        let address = listener.local_addr().expect("its address");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                serve(listener, address, target, heard).await;
            });
        });
        Self { address, network }
    }

    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

async fn serve(listener: TcpListener, address: SocketAddr, target: SocketAddr, mut network: watch::Receiver<Network>) {
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    loop {
        if *network.borrow_and_update() == Network::Down {
            connections.abort_all();
            listener = None;
            if network.wait_for(|network| *network != Network::Down).await.is_err() {
                return;
            }
        }
        let Some(open) = &listener else {
            listener = TcpListener::bind(address).await.ok();
            tokio::task::yield_now().await;
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(connect(client, target, network.clone()));
                }
            }
            changed = network.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, target: SocketAddr, network: watch::Receiver<Network>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let moved = Arc::new(AtomicU64::new(0));
    tokio::select! {
        () = pump(from_client, to_server, network.clone(), Arc::clone(&moved)) => {}
        () = pump(from_server, to_client, network, moved) => {}
    }
}

/// Moves bytes until the connection ends, by itself or because it is cut.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
    moved: Arc<AtomicU64>,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let Ok(now) = network.wait_for(|network| *network != Network::BlackHole).await.map(|network| *network) else {
            return;
        };
        let before = moved.fetch_add(length as u64, Ordering::Relaxed);
        let mut piece = &buffer[..length];
        match now {
            Network::Slow(delay) => tokio::time::sleep(delay).await,
            Network::Cutting(after) if before + length as u64 > after => {
                let rest = usize::try_from(after.saturating_sub(before)).unwrap_or(length);
                piece = &piece[..rest.min(length)];
                let _cut_anyway = to.write_all(piece).await;
                return;
            }
            _ => {}
        }
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
}
