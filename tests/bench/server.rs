//! The servers that are measured. Each runs in a process of its own, says its address on its output, and ends with its
//! input.

mod null_log;

use std::{io::Write as _, net::TcpListener, path::Path, sync::Arc, time::Duration};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context as _, bail};
use spojka::{
    connectors::kit::hmac,
    gateway::{Gateway, GatewayConnection, GatewaySettings, Parts},
    log::{
        Log, TopicSpec,
        embedded::{EmbeddedLog, EmbeddedOptions},
    },
    model::{connection::ConnectionName, id::Ids, random::Generator, time::SystemClock},
    telemetry::{
        Metrics,
        serving::{self, Running},
    },
    topics::Names,
};

use crate::signed::{SECRETS, SIGNATURE, Signed, VENDOR};
use null_log::NullLog;

/// The first argument that makes this program a server.
pub(crate) const ARGUMENT: &str = "--serve";

const FILE: &str = "log.db";
const PARTITIONS: u32 = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bare,
    GatewayNoLog,
    Gateway,
}

impl Kind {
    pub(crate) const ALL: &[Self] = &[Self::Bare, Self::GatewayNoLog, Self::Gateway];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::GatewayNoLog => "gateway-nolog",
            Self::Gateway => "gateway",
        }
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let known = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        known.with_context(|| format!("`{text}` is no server: bare, gateway-nolog, gateway"))
    }
}

/// Serves until the input ends. Arguments: the kind, and a folder for its files.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [kind, folder] = arguments else { bail!("`{ARGUMENT}` takes a kind and a folder") };
    let (kind, folder) = (Kind::parse(kind)?, Path::new(folder));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let listener = serving::bind(([127, 0, 0, 1], 0).into())?;
        let (running, log) = match kind {
            Kind::Bare => (bare(listener)?, None),
            Kind::GatewayNoLog => (gateway(listener, Arc::new(NullLog))?, None),
            Kind::Gateway => {
                let log = embedded(folder).await?;
                (gateway(listener, Arc::clone(&log))?, Some(log))
            }
        };
        writeln!(std::io::stdout(), "{}", running.address())?;
        // There is nothing else for this thread to do.
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        running.stop(Duration::from_secs(10)).await;
        if let Some(log) = log {
            log.close(Duration::from_secs(10)).await?;
        }
        Ok(())
    })
}

fn bare(listener: TcpListener) -> anyhow::Result<Running> {
    let address = listener.local_addr()?;
    let workers = GatewaySettings::default().workers;
    let app = || App::new().default_service(web::to(check));
    let server = HttpServer::new(app).workers(workers).disable_signals().listen(listener)?.run();
    Ok(Running::new(server, address))
}

async fn check(request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let signature = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok());
    if signature.is_some_and(|signature| hmac::verify_sha256_base64(&*SECRETS, &body, signature)) {
        HttpResponse::Ok().finish()
    } else {
        HttpResponse::Unauthorized().finish()
    }
}

fn gateway(listener: TcpListener, log: Log) -> anyhow::Result<Running> {
    let parts = Parts {
        log,
        names: Names::new(""),
        ids: Ids::new(b"bench"),
        clock: Arc::new(SystemClock),
        random: Arc::new(Generator::seeded(1)),
        metrics: Arc::new(Metrics::new()),
    };
    let connection = GatewayConnection {
            name: connection()?,
            paths: vec![connection()?],
            vendor: &VENDOR,
            connector: Arc::new(Signed),
        };
    Ok(Gateway::new(GatewaySettings::default(), vec![connection], parts).start(listener)?)
}

fn connection() -> anyhow::Result<ConnectionName> {
    Ok(ConnectionName::parse("bench")?)
}

async fn embedded(folder: &Path) -> anyhow::Result<Log> {
    let log = EmbeddedLog::open(&folder.join(FILE), EmbeddedOptions::default())?;
    let topic = TopicSpec { name: Names::new("").webhooks(&connection()?), partitions: PARTITIONS, compacted: false };
    let log: Log = Arc::new(log);
    log.create_topics(&[topic]).await?;
    Ok(log)
}

/// How many webhooks a server left in its log.
pub(crate) fn count_records(folder: &Path) -> anyhow::Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let log = embedded(folder).await?;
        let info = log.describe(&Names::new("").webhooks(&connection()?)).await?;
        log.close(Duration::from_secs(10)).await?;
        Ok(info.partitions.iter().map(|(first, next)| next - first).sum())
    })
}
