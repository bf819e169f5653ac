//! The vendor's own paths, and the ones below `/_sandbox/` that let other programs look and interfere.

use std::{
    any::Any,
    net::{Shutdown, TcpStream},
    os::fd::AsFd as _,
};

use actix_web::{HttpRequest, HttpResponse, dev::Extensions, http::StatusCode, web};
use serde_json::{Value, json};

use super::{
    fault::{Fault, FaultKind},
    server::SimulatedVendor,
};
use crate::{
    connectors::contract::sandbox::SandboxRequest,
    model::http::{Method, Reply},
    telemetry::serving,
};

type Vendor = web::Data<SimulatedVendor>;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::scope("/_sandbox")
                .route("/effects", web::get().to(effects))
                .route("/state", web::get().to(state))
                .route("/command", web::post().to(command))
                .route("/calls", web::get().to(calls))
                .route("/faults", web::post().to(add_faults))
                .route("/faults", web::delete().to(clear_faults))
                .default_service(web::to(HttpResponse::NotFound)),
        )
        .default_service(web::to(call));
}

/// A second handle on a connection's socket: closing it from within a request is nothing that an HTTP server offers.
pub(super) struct Wire(TcpStream);

impl Wire {
    /// Keeps the handle beside the connection.
    pub(super) fn keep(connection: &dyn Any, beside: &mut Extensions) {
        let socket = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
        if let Some(Ok(handle)) = socket.map(|socket| socket.as_fd().try_clone_to_owned()) {
            beside.insert(Self(TcpStream::from(handle)));
        }
    }

    /// Closes the connection under the request: the client sees it end without an answer.
    fn cut(request: &HttpRequest) -> HttpResponse {
        let cut = request.conn_data::<Self>().is_some_and(|wire| wire.0.shutdown(Shutdown::Both).is_ok());
        tracing::debug!(cut, "the sandbox drops a connection");
        // Nobody gets to see this, unless the connection was gone already.
        HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A request to the vendor.
async fn call(request: HttpRequest, body: web::Bytes, vendor: Vendor) -> HttpResponse {
    let Some(method) = Method::parse(request.method().as_str()) else {
        return HttpResponse::new(StatusCode::NOT_IMPLEMENTED);
    };
    let simulated = SandboxRequest {
        method,
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or("").to_owned(),
        headers: serving::headers(request.headers()),
        body,
    };
    match vendor.admit(&simulated) {
        None => serving::response(vendor.answer(&simulated)),
        Some(FaultKind::Latency(delay)) => {
            vendor.clock.sleep(delay).await;
            serving::response(vendor.answer(&simulated))
        }
        Some(FaultKind::Status { status, retry_after_seconds }) => {
            let reply = Reply::new(status);
            let reply = match retry_after_seconds {
                Some(seconds) => reply.header("retry-after", seconds.to_string()),
                None => reply,
            };
            serving::response(reply)
        }
        Some(FaultKind::Drop) => Wire::cut(&request),
        Some(FaultKind::LostAnswer) => {
            let _lost = vendor.answer(&simulated);
            Wire::cut(&request)
        }
        Some(FaultKind::Hang) => std::future::pending().await,
    }
}

async fn effects(vendor: Vendor) -> HttpResponse {
    HttpResponse::Ok().json(vendor.state().sandbox.effects())
}

async fn state(vendor: Vendor) -> HttpResponse {
    HttpResponse::Ok().json(vendor.state().sandbox.state())
}

/// How many requests came, how many of them went wrong, by the kind of fault, and how many effects there are.
async fn calls(vendor: Vendor) -> HttpResponse {
    let state = vendor.state();
    let effects = state.sandbox.effects().len();
    HttpResponse::Ok().json(json!({ "calls": state.calls, "struck": state.struck, "effects": effects }))
}

async fn command(body: web::Json<Value>, vendor: Vendor) -> HttpResponse {
    match vendor.command(&body) {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(message) => HttpResponse::BadRequest().json(json!({ "error": message })),
    }
}

/// Adds a list of faults behind those that are there; all of them, or none if one is wrong.
async fn add_faults(body: web::Bytes, vendor: Vendor) -> HttpResponse {
    match serde_json::from_slice::<Vec<Fault>>(&body) {
        Ok(faults) => {
            vendor.state().faults.extend(faults);
            HttpResponse::NoContent().finish()
        }
        Err(error) => HttpResponse::BadRequest().json(json!({ "error": error.to_string() })),
    }
}

async fn clear_faults(vendor: Vendor) -> HttpResponse {
    vendor.state().faults.clear();
    HttpResponse::NoContent().finish()
}
