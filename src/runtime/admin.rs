//! The admin port's routes: the log belongs to `run`, so other commands ask here. Only for callers on the same machine:
//! whoever is let onto the machine may read its log anyway.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, ServiceConfig},
};
use serde::{Deserialize, Serialize};

use super::{
    backtest::{self, Backtester},
    operator::{
        OperatorError,
        dead::{DeadFilter, Retried},
        held::Answering,
    },
    reload::Reloader,
    replay::{Import, ImportRequest, Replayer},
    teller::Teller,
};
use crate::topics::{control::Control, replay::Request};

/// What the commands ask, as the body of `POST /admin`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    Topics,
    Lanes {
        connection: Option<String>,
    },
    LaneControl {
        connection: String,
        control: Control,
    },
    DeadList(DeadFilter),
    DeadShow {
        id: String,
    },
    DeadRetry(DeadFilter),
    DeadDiscard(DeadFilter),
    HeldList(DeadFilter),
    HeldShow {
        id: String,
    },
    /// What a person says to what is held.
    Answer(Answering),
    /// How retried or answered actions ended.
    Ends(Vec<Retried>),
    Trace {
        id: String,
    },
    Newest {
        limit: usize,
    },
    /// What was stored under an id, whole.
    Recorded {
        id: String,
    },
    /// Begins a replay, or its count, and answers at once.
    ReplayBegin {
        request: Box<Request>,
        dry: bool,
    },
    ReplayShow {
        id: String,
    },
    ReplayList,
    ReplayStop {
        id: String,
    },
    ReplayResume {
        id: String,
    },
    /// Has a vendor's lists read.
    ImportBegin(ImportRequest),
    ImportState(Import),
    /// Begins a backtest of a config, given as its files, and answers at once.
    BacktestBegin {
        files: Vec<(String, String)>,
        request: Box<backtest::report::Request>,
    },
    BacktestShow {
        id: String,
    },
    BacktestStop {
        id: String,
    },
    /// Reads the config again, and puts its flows in force.
    Reload,
    Versions,
    /// One flow set, by its hash or the beginning of it; without one, the one in force.
    Version {
        hash: Option<String>,
    },
}

/// Who answers.
#[derive(Clone)]
pub struct Desk {
    pub teller: Teller,
    pub replayer: Replayer,
    pub backtester: Backtester,
    /// Nobody where no process runs.
    pub reloader: Option<Reloader>,
}

impl Desk {
    /// Stops all that was begun here.
    pub async fn close(&self) {
        self.replayer.close().await;
        self.backtester.close().await;
    }
}

/// A whole config may be asked about.
const MOST_QUESTION_BYTES: usize = 32 << 20;

/// An error as it crosses the port.
#[derive(Debug, Serialize, Deserialize)]
pub struct Complaint {
    pub error: String,
    pub not_found: bool,
}

/// Adds the routes.
pub fn routes(desk: Desk) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        let sizes = web::JsonConfig::default().limit(MOST_QUESTION_BYTES);
        config.app_data(web::Data::new(desk.clone())).app_data(sizes).route("/admin", web::post().to(answer));
    }
}

async fn answer(request: HttpRequest, desk: web::Data<Desk>, question: web::Json<Question>) -> HttpResponse {
    if !request.peer_addr().is_some_and(|peer| peer.ip().is_loopback()) {
        return HttpResponse::Forbidden().finish();
    }
    match ask(&desk, question.into_inner()).await {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => {
            let not_found = matches!(error, OperatorError::NotFound(_));
            let complaint = Complaint { error: error.to_string(), not_found };
            if not_found {
                HttpResponse::NotFound().json(complaint)
            } else {
                HttpResponse::ServiceUnavailable().json(complaint)
            }
        }
    }
}

/// Answers a question, here or on the other side of the port.
pub async fn ask(desk: &Desk, question: Question) -> Result<serde_json::Value, OperatorError> {
    let Desk { teller, replayer, backtester, reloader } = desk;
    let operator = replayer.operator();
    let value = match question {
        Question::Topics => serde_json::to_value(operator.topics().await?),
        Question::Lanes { connection } => serde_json::to_value(operator.lanes(connection.as_deref()).await?),
        Question::LaneControl { connection, control } => {
            serde_json::to_value(operator.control(&connection, control).await?)
        }
        Question::DeadList(filter) => serde_json::to_value(operator.dead_list(&filter).await?),
        Question::DeadShow { id } => serde_json::to_value(operator.dead_show(&id).await?),
        Question::DeadRetry(filter) => serde_json::to_value(operator.dead_retry(&filter).await?),
        Question::DeadDiscard(filter) => serde_json::to_value(operator.dead_discard(&filter).await?),
        Question::HeldList(which) => serde_json::to_value(operator.held_list(&which).await?),
        Question::HeldShow { id } => serde_json::to_value(operator.held_show(&id).await?),
        Question::Answer(answering) => serde_json::to_value(operator.answer(&answering).await?),
        Question::Ends(retried) => serde_json::to_value(operator.ends(&retried).await?),
        Question::Trace { id } => serde_json::to_value(teller.trace(&id).await?),
        Question::Newest { limit } => serde_json::to_value(operator.newest(limit).await?),
        Question::Recorded { id } => serde_json::to_value(operator.recorded(&id).await?),
        Question::ReplayBegin { request, dry } => serde_json::to_value(replayer.begin(*request, dry).await?),
        Question::ReplayShow { id } => serde_json::to_value(replayer.show(&id).await?),
        Question::ReplayList => serde_json::to_value(replayer.list().await?),
        Question::ReplayStop { id } => serde_json::to_value(replayer.stop(&id).await?),
        Question::ReplayResume { id } => serde_json::to_value(replayer.resume(&id).await?),
        Question::ImportBegin(request) => serde_json::to_value(replayer.import(&request).await?),
        Question::ImportState(import) => serde_json::to_value(replayer.import_state(import).await?),
        Question::BacktestBegin { files, request } => serde_json::to_value(backtester.begin(&files, *request).await?),
        Question::BacktestShow { id } => serde_json::to_value(backtester.show(&id)?),
        Question::Reload => match reloader {
            Some(reloader) => serde_json::to_value(reloader.reload().await?),
            None => return Err(OperatorError::Refused("nothing runs here that could be reloaded".to_owned())),
        },
        Question::Versions => serde_json::to_value(operator.versions().await?),
        Question::Version { hash } => serde_json::to_value(operator.version(hash.as_deref()).await?),
        Question::BacktestStop { id } => serde_json::to_value(backtester.stop(&id)?),
    };
    Ok(value.expect("answers are plain data"))
}
