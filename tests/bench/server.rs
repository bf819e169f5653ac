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
        kafka::{KafkaLog, KafkaSettings},
    },
    model::{connection::ConnectionName, id::Ids, random::Generator, time::SystemClock},
    telemetry::{
        Metrics,
        serving::{self, Running},
    },
    topics::Names,
};

use crate::signed::{self, SECRETS, SIGNATURE, VENDOR};
use null_log::NullLog;

/// The first argument that makes this program a server.
pub(crate) const ARGUMENT: &str = "--serve";

/// Brokers to measure on, as integration tests use them.
const BROKERS: &str = "SPOJKA_TEST_KAFKA_BROKERS";
const FILE: &str = "log.db";
const PARTITIONS: u32 = 4;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Bare,
    GatewayNoLog,
    Gateway,
    GatewayKafka,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Bare, Self::GatewayNoLog, Self::Gateway, Self::GatewayKafka];

    /// All that can be measured here: Kafka only where brokers are named.
    pub(crate) fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::GatewayKafka || brokers().is_some()).collect()
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::GatewayNoLog => "gateway-nolog",
            Self::Gateway => "gateway",
            Self::GatewayKafka => "gateway-kafka",
        }
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.with_context(|| format!("`{text}` is no server: bare, gateway-nolog, gateway, gateway-kafka"))
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench has no config")]
fn brokers() -> Option<String> {
    std::env::var(BROKERS).ok()
}

/// Serves until the input ends. Arguments: the kind, and a folder for its files.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [kind, folder] = arguments else { bail!("`{ARGUMENT}` takes a kind and a folder") };
    let (kind, folder) = (Kind::parse(kind)?, Path::new(folder));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let listener = serving::bind(([127, 0, 0, 1], 0).into())?;
        let log = open(kind, folder).await?;
        let running = match (kind, &log) {
            (Kind::Bare, _) => bare(listener)?,
            (_, Some(log)) => gateway(listener, Arc::clone(log), names(folder))?,
            (_, None) => gateway(listener, Arc::new(NullLog), names(folder))?,
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

fn gateway(listener: TcpListener, log: Log, names: Names) -> anyhow::Result<Running> {
    let metrics = Arc::new(Metrics::new());
    let parts = Parts {
        log,
        health: Arc::new(spojka::log::health::Health::new(Arc::clone(&metrics))),
        spool: None,
        names,
        ids: Ids::new(b"bench"),
        clock: Arc::new(SystemClock),
        random: Arc::new(Generator::seeded(1)),
        metrics,
    };
    let connection = GatewayConnection {
        name: connection()?,
        paths: vec![connection()?],
        vendor: &VENDOR,
        connector: signed::connector(),
    };
    Ok(Gateway::new(GatewaySettings::default(), vec![connection], parts).start(listener)?)
}

fn connection() -> anyhow::Result<ConnectionName> {
    Ok(ConnectionName::parse("bench")?)
}

/// The folder's name is new with every run, and so are the topics on brokers that outlive it.
fn names(folder: &Path) -> Names {
    let run = folder.file_name().map(|name| name.to_string_lossy().replace('.', "")).unwrap_or_default();
    Names::new(format!("bench-{run}."))
}

/// The log that a server keeps webhooks in, with their topic; `None`: it keeps none.
async fn open(kind: Kind, folder: &Path) -> anyhow::Result<Option<Log>> {
    let log: Log = match kind {
        Kind::Bare | Kind::GatewayNoLog => return Ok(None),
        Kind::Gateway => Arc::new(EmbeddedLog::open(&folder.join(FILE), EmbeddedOptions::default())?),
        Kind::GatewayKafka => {
            let brokers = brokers().with_context(|| format!("{BROKERS} is not set"))?;
            Arc::new(KafkaLog::connect(KafkaSettings::new(brokers, folder), Arc::new(SystemClock))?)
        }
    };
    let topic = TopicSpec { name: names(folder).webhooks(&connection()?), partitions: PARTITIONS, compacted: false };
    log.create_topics(&[topic]).await?;
    Ok(Some(log))
}

/// How many webhooks a server left in its log; `None`: it keeps none.
pub(crate) fn count_records(kind: Kind, folder: &Path) -> anyhow::Result<Option<u64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let Some(log) = open(kind, folder).await? else { return Ok(None) };
        let info = log.describe(&names(folder).webhooks(&connection()?)).await?;
        log.close(Duration::from_secs(10)).await?;
        Ok(Some(info.partitions.iter().map(|(first, next)| next - first).sum()))
    })
}
