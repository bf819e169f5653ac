//! The target: a server in a process of its own that answers after a while, or never.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use url::Url;

/// The first argument that makes this program a target.
pub(crate) const ARGUMENT: &str = "--target";

/// Below this path nobody is ever answered.
pub(crate) const SILENT: &str = "silent";

/// A running target.
pub(crate) struct Target {
    process: Child,
    url: Url,
}

impl Target {
    pub(crate) fn start(delay: Duration) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([ARGUMENT, &delay.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the target does not start")?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("its output is ours")?).read_line(&mut line)?;
        let url = Url::parse(&format!("http://{}/", line.trim())).context("an address")?;
        Ok(Self { process, url })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Serves until the input ends.
pub(crate) fn serve() -> anyhow::Result<()> {
    let delay = std::env::args().nth(2).context("a delay")?.parse().map(Duration::from_millis)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    actix_web::rt::System::new().block_on(async move {
        let app = move || App::new().default_service(web::to(move |request| answer(request, delay)));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
        let handle = server.handle();
        std::thread::spawn(move || {
            let _ended = std::io::stdin().read_to_end(&mut Vec::new());
            drop(handle.stop(false));
        });
        server.await
    })?;
    Ok(())
}

async fn answer(request: actix_web::HttpRequest, delay: Duration) -> HttpResponse {
    if request.path().contains(SILENT) {
        std::future::pending::<()>().await;
    }
    if !delay.is_zero() {
        actix_web::rt::time::sleep(delay).await;
    }
    HttpResponse::Ok().body("done")
}
