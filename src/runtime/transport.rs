//! Joins the dispatcher's way out with the one HTTP client.

use futures_util::future::BoxFuture;

use crate::{
    dispatcher::Transport,
    http::{Client, Limits},
    model::http::{Reply, Request, Unanswered},
};

/// The HTTP client under one connection's limits.
pub struct HttpTransport {
    pub client: Client,
    pub limits: Limits,
}

impl Transport for HttpTransport {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, Unanswered>> {
        Box::pin(self.client.send(request, &self.limits))
    }
}
