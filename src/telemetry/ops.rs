//! The ops port: `/healthz`, `/readyz`, `/metrics`, and whatever routes the caller adds. Not for the outside world.

use std::{io, net::TcpListener, sync::Arc};

use actix_web::{
    App, HttpResponse, HttpServer,
    http::header::ContentType,
    web::{self, ServiceConfig},
};

use super::{
    Metrics,
    serving::{LONGEST_DRAIN_SECONDS, Running},
};

/// How the process stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What it waits for before it can do its work; empty when it is ready.
    pub waiting_for: Vec<String>,
    /// What has still to be done about what it has taken, although it is ready for more.
    pub remains: Vec<String>,
}

/// Tells how the process stands.
pub type Readiness = Arc<dyn Fn() -> Standing + Send + Sync>;

/// Serves the ops port. `configure` adds routes; it runs before the paths above are looked at.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve<C>(listener: TcpListener, metrics: Arc<Metrics>, readiness: Readiness, configure: C) -> io::Result<Running>
where
    C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let address = listener.local_addr()?;
    let metrics = web::Data::from(metrics);
    let readiness = web::Data::new(readiness);
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(readiness.clone())
            .configure(configure.clone())
            .route("/healthz", web::get().to(health))
            .route("/readyz", web::get().to(ready))
            .route("/metrics", web::get().to(expose))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .disable_signals()
        .shutdown_timeout(LONGEST_DRAIN_SECONDS)
        .listen(listener)?
        .run();
    Ok(Running::new(server, address))
}

/// Alive: the process answers.
async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body("alive\n")
}

async fn ready(readiness: web::Data<Readiness>) -> HttpResponse {
    let Standing { waiting_for, remains } = (readiness.get_ref())();
    let ready = waiting_for.is_empty();
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(serde_json::json!({ "ready": ready, "waiting_for": waiting_for, "remains": remains }))
}

async fn expose(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(metrics.text())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::{model::code, telemetry::serving};

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("read");
        answer
    }

    #[tokio::test]
    async fn the_ops_port_tells_health_readiness_metrics_and_the_caller_s_own() {
        let metrics = Arc::new(Metrics::new());
        let is_ready = Arc::new(AtomicBool::new(false));
        let readiness: Readiness = {
            let is_ready = Arc::clone(&is_ready);
            Arc::new(move || {
                let waiting_for = if is_ready.load(Ordering::SeqCst) { vec![] } else { vec!["log".to_owned()] };
                Standing { waiting_for, remains: vec!["two in the spool".to_owned()] }
            })
        };
        let configure = |routes: &mut ServiceConfig| {
            routes.route("/lanes", web::get().to(async || "no lanes"));
        };
        let listener = serving::bind(([127, 0, 0, 1], 0).into()).expect("bound");
        let server = serve(listener, Arc::clone(&metrics), readiness, configure).expect("up");
        let address = server.address();

        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        let not_yet = get(address, "/readyz").await;
        assert!(not_yet.starts_with("HTTP/1.1 503") && not_yet.contains(r#""waiting_for":["log"]"#), "{not_yet}");
        is_ready.store(true, Ordering::SeqCst);
        let ready = get(address, "/readyz").await;
        assert!(ready.starts_with("HTTP/1.1 200") && ready.contains(r#""remains":["two in the spool"]"#), "{ready}");
        metrics.nothing(code::PING);
        let exposed = get(address, "/metrics").await;
        assert!(exposed.contains("spojka_webhooks_without_facts_total{code=\"ping\"} 1"), "{exposed}");
        assert!(get(address, "/lanes").await.ends_with("no lanes"));
        assert!(get(address, "/other").await.starts_with("HTTP/1.1 404"));
        assert!(server.stop(Duration::from_secs(30)).await, "nothing was in flight");
    }
}
