//! The gateway's port.

use std::{collections::HashMap, io, net::TcpListener, sync::Arc};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::{
        StatusCode,
        header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER},
    },
    web::{self, Payload},
};

use super::{
    body::{self, BodyLimits},
    budget::Budget,
    inlet::{GatewayConnection, Inlet},
    path::{self, Address},
    settings::GatewaySettings,
    spool::Spool,
    store::{Accepted, Store},
    watch::Watch,
};
use crate::{
    connectors::contract::{Accept, Refusal},
    log::{Log, health::Health},
    model::{
        code::{self, Code},
        connection::ConnectionName,
        http::{Inbound, Method, Reply},
        id::Ids,
        random::Random,
        time::Clock,
    },
    telemetry::{
        Metrics,
        serving::{self, Running},
    },
    topics::Names,
};

/// What the gateway works with.
#[derive(Clone)]
pub struct Parts {
    pub log: Log,
    pub health: Arc<Health>,
    /// Where webhooks go while the log is away.
    pub spool: Option<Arc<Spool>>,
    pub names: Names,
    pub ids: Ids,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub metrics: Arc<Metrics>,
}

/// The role that receives.
pub struct Gateway {
    settings: GatewaySettings,
    inlets: HashMap<ConnectionName, Arc<Inlet>>,
    store: Store,
    budget: Arc<Budget>,
    watch: Arc<Watch>,
    retry_after: HeaderValue,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({:?})", self.inlets.keys())
    }
}

impl Gateway {
    /// A gateway for these connections. Their topics must exist.
    pub fn new(settings: GatewaySettings, connections: Vec<GatewayConnection>, parts: Parts) -> Self {
        let mut inlets = HashMap::new();
        for connection in connections {
            let paths = connection.paths.clone();
            let inlet = Arc::new(Inlet::new(connection, &parts.names, &parts.metrics));
            inlets.extend(paths.into_iter().map(|path| (path, Arc::clone(&inlet))));
        }
        Self {
            inlets,
            budget: Budget::new(settings.max_held_bytes, parts.metrics.gateway_queue_bytes()),
            watch: Watch::new(Arc::clone(&parts.clock), settings.keep_alive + settings.head_timeout),
            retry_after: HeaderValue::from(settings.retry_after.as_secs()),
            store: Store {
                log: parts.log,
                health: parts.health,
                spool: parts.spool,
                ids: parts.ids,
                clock: parts.clock,
                random: parts.random,
                metrics: parts.metrics,
                append_timeout: settings.append_timeout,
                spool_after: settings.spool_after,
            },
            settings,
        }
    }

    /// Begins to receive.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn start(self, listener: TcpListener) -> io::Result<Running> {
        let address = listener.local_addr()?;
        let settings = self.settings.clone();
        let (watch, watching) = (Arc::clone(&self.watch), Arc::clone(&self.watch));
        let gateway = web::Data::new(self);
        let app = move || App::new().app_data(gateway.clone()).default_service(web::to(receive));
        let server = HttpServer::new(app)
            .workers(settings.workers.max(1))
            .max_connections(settings.max_connections_per_worker)
            .keep_alive(settings.keep_alive)
            .client_request_timeout(settings.head_timeout)
            // How long a sender may take to hear its refusal while it is still sending.
            .client_disconnect_timeout(settings.head_timeout)
            .shutdown_timeout(serving::LONGEST_DRAIN_SECONDS)
            .disable_signals()
            .on_connect(move |connection, beside| watch.keep(connection, beside))
            .listen(listener)?
            .run();
        Ok(Running::new(server, address).beside(watching.run()))
    }

    /// The story of one request.
    async fn take<'a>(&'a self, request: &HttpRequest, payload: Payload) -> Result<Reply, Refused<'a>> {
        let begun = self.store.clock.elapsed();
        let address = Address::of(request.uri().path());
        let known = address.and_then(|address| Some((self.inlets.get(address.connection)?, address)));
        let (inlet, address) = known.ok_or(Refused::of(None, 404, code::UNKNOWN_CONNECTION))?;
        let refused = |refusal: Refusal| Refused { connection: Some(&inlet.name), refusal };

        if self.store.takes_nothing() {
            return Err(refused(Refusal { status: 503, code: code::OVERLOADED }));
        }
        let mut held = self.budget.open();
        let body = body::read(payload, announced(request), self.body_limits(), &mut held).await.map_err(refused)?;
        let size = body.len();
        let inbound = self.inbound(request, &address, body).map_err(refused)?;
        match inlet.connector.accept(&inbound) {
            Accept::Refuse(refusal) => Err(refused(refusal)),
            Accept::Answer { reply, code } => {
                self.store.metrics.webhook_answered(&inlet.name, code);
                Ok(reply)
            }
            Accept::Store { delivery, key, event, query, answer } => {
                let accepted = Accepted { delivery, key, event, query };
                self.store.write(inlet, accepted, inbound).await.map_err(refused)?;
                inlet.intake.accepted(size, self.store.clock.elapsed().saturating_sub(begun));
                Ok(answer)
            }
        }
    }

    fn body_limits(&self) -> BodyLimits {
        BodyLimits { max_bytes: self.settings.max_body_bytes, timeout: self.settings.body_timeout }
    }

    fn inbound(&self, request: &HttpRequest, address: &Address<'_>, body: bytes::Bytes) -> Result<Inbound, Refusal> {
        let refuse = |status, code| Refusal { status, code };
        let method = Method::parse(request.method().as_str());
        Ok(Inbound {
            method: method.ok_or(refuse(405, code::METHOD_NOT_ALLOWED))?,
            path: address.segments().ok_or(refuse(400, code::MALFORMED_REQUEST))?,
            query: path::pairs(request.uri().query()),
            headers: serving::headers(request.headers()),
            body,
            received_at: self.store.clock.now(),
        })
    }

    /// Counts a refusal, and says no more of it than its status.
    fn refuse(&self, refused: &Refused<'_>) -> HttpResponse {
        let Refusal { status, code } = refused.refusal;
        self.store.metrics.webhook_refused(refused.connection, code);
        tracing::debug!(
            role = "gateway",
            connection.id = refused.connection.map(ConnectionName::as_str),
            code = code.as_str(),
            status,
            "a request was refused"
        );
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = HttpResponse::new(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, self.retry_after.clone());
        }
        response
    }
}

/// A refusal with the connection that it is counted for.
struct Refused<'a> {
    connection: Option<&'a ConnectionName>,
    refusal: Refusal,
}

impl<'a> Refused<'a> {
    fn of(connection: Option<&'a ConnectionName>, status: u16, code: Code) -> Self {
        Self { connection, refusal: Refusal { status, code } }
    }
}

pub(super) async fn receive(request: HttpRequest, payload: Payload, gateway: web::Data<Gateway>) -> HttpResponse {
    let _in_flight = gateway.watch.serving(&request);
    match gateway.take(&request, payload).await {
        Ok(reply) => serving::response(reply),
        Err(refused) => gateway.refuse(&refused),
    }
}

fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
