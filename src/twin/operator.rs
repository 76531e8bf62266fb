//! `/twin`: for operators and tests, the side of the twins that no real service has.
//!
//! | call | what |
//! |---|---|
//! | `GET /twin/state` | everything that exists, every delivery, and a log of every request |
//! | `POST /twin/act` | a person does something: `{"label": {"repository", "issue", "label", "by"}, "deliver": 1}` |
//! | `POST /twin/redeliver` | sends again every delivery that was not answered 2xx |
//! | `POST /twin/faults` | arms a fault: `{"match": {"method", "path"}, "fault": {…}, "times": 1}` |
//! | `DELETE /twin/faults` | disarms all |
//! | `POST /twin/sockets` | ends the connections of Slack's Socket Mode: `{"how": "refresh"}` or `drop` |

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::act::Act;
use super::fault::Armed;
use super::world::{World, lock};
use super::{TwinError, github, gitlab, jira, linear, slack};

type Shared = State<Arc<World>>;

/// The operators' calls.
pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/state", get(state))
        .route("/act", post(act))
        .route("/redeliver", post(redeliver))
        .route("/faults", post(arm).delete(disarm))
        .route("/sockets", post(end_sockets))
}

/// How Slack's connections are to end.
#[derive(Debug, Deserialize)]
struct End {
    how: slack::socket::Ending,
}

async fn end_sockets(State(world): Shared, body: Bytes) -> Result<StatusCode, Refused> {
    let End { how } = parse(Value::Object(object(&body)?))?;
    slack::socket::Sockets::end(&world, how);
    Ok(StatusCode::NO_CONTENT)
}

/// An operator's call that cannot be done, and why.
type Refused = (StatusCode, Json<Value>);

fn refused(status: StatusCode, message: impl std::fmt::Display) -> Refused {
    (status, Json(json!({"error": message.to_string()})))
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, Refused> {
    serde_json::from_value(value).map_err(|error| refused(StatusCode::BAD_REQUEST, error))
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    serde_json::from_slice(body).map_err(|error| refused(StatusCode::BAD_REQUEST, error))
}

async fn act(State(world): Shared, body: Bytes) -> Result<Response, Refused> {
    let mut body = object(&body)?;
    let times = body.remove("deliver").map_or(Ok(1), parse)?;
    let act: Act = parse(Value::Object(body))?;
    let done = act.perform(&world, times).await;
    let done = done.map_err(|problem| refused(StatusCode::UNPROCESSABLE_ENTITY, problem))?;
    Ok(Json(json!({"made": done.made, "answers": done.answers})).into_response())
}

async fn redeliver(State(world): Shared) -> Response {
    let answers = world.outbox.redeliver(world.now()).await;
    Json(json!({"answers": answers})).into_response()
}

async fn arm(State(world): Shared, body: Bytes) -> Result<Response, Refused> {
    let fault: Armed = parse(Value::Object(object(&body)?))?;
    world.faults.arm(fault);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn disarm(State(world): Shared) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

async fn state(State(world): Shared) -> Result<Response, Refused> {
    let failed = |error: TwinError| refused(StatusCode::INTERNAL_SERVER_ERROR, error);
    let repositories = github::summary(&world).await.map_err(failed)?;
    let projects = gitlab::summary(&world).await.map_err(failed)?;
    let slack = {
        let slack = world.slack();
        let connections = world.outbox.sockets.count();
        json!({"channels": slack.channels, "whispers": slack.whispers, "connections": connections})
    };
    let body = json!({
        "github": {"repositories": repositories},
        "gitlab": {"projects": projects},
        "jira": {"tickets": jira::summary(&world)},
        "linear": {"issues": linear::summary(&world)},
        "slack": slack,
        "model": {"bills": *lock(&world.bills)},
        "deliveries": world.outbox.sent(),
        "requests": world.faults.log(),
    });
    Ok(Json(body).into_response())
}
