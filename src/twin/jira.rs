//! Jira Cloud: tickets, comments, transitions, search, and admin webhooks about them.

mod adf;
mod call;
mod hook;
mod jql;
mod link;
mod shape;
mod state;
mod summary;
mod webhook;

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Extension, Json, Router};
use base64::Engine as _;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

pub(super) use self::hook::{assign_by, comment_by, move_by};
use self::shape::Shape;
pub(super) use self::state::State;
pub(super) use self::summary::{page, summary};
use super::world::World;

type Answer = Result<Response, Refusal>;

/// The REST API, version 3, and of version 2 what is read in it: there, texts are strings.
pub(super) fn routes(world: &Arc<World>) -> Router<Arc<World>> {
    let issue = Router::new()
        .route("/", get(call::read).put(call::edit))
        .route("/transitions", get(call::transitions).post(call::transition))
        .route("/comment", get(call::list_comments).post(call::comment))
        .route("/comment/{id}", delete(call::delete_comment).put(call::edit_comment))
        .route("/assignee", put(call::assign))
        .route("/remotelink", get(link::list).post(link::put).delete(link::delete))
        .route("/properties/{name}", get(call::read_property).put(call::write_property));
    let api = Router::new()
        .route("/myself", get(call::myself))
        .route("/mypermissions", get(call::permissions))
        .route("/serverInfo", get(call::server_info))
        .route("/issue", post(call::create))
        .nest("/issue/{key}", issue)
        .route("/search/jql", post(call::search))
        .fallback(async || Refusal::missing("Not Found"))
        .layer(Extension(Shape::Three))
        .layer(from_fn_with_state(Arc::clone(world), authorize));
    let older = Router::new()
        .route("/issue/{key}", get(call::read))
        .route("/issue/{key}/changelog", get(call::list_changes))
        .route("/issue/{key}/comment", get(call::list_comments))
        .route("/search/jql", post(call::search))
        .fallback(async || Refusal::missing("Not Found"))
        .layer(Extension(Shape::Two))
        .layer(from_fn_with_state(Arc::clone(world), authorize));
    let hooks = Router::new()
        .route("/", get(webhook::list).post(webhook::create))
        .route("/{id}", put(webhook::edit))
        .layer(from_fn_with_state(Arc::clone(world), authorize));
    Router::new()
        .nest("/rest/api/3", api)
        .nest("/rest/api/2", older)
        .nest("/rest/webhooks/1.0/webhook", hooks)
}

async fn authorize(Extract(world): Extract<Arc<World>>, request: Request, next: Next) -> Response {
    let token = world.secrets.jira_token.expose_secret();
    let wanted = format!("{}:{token}", world.bot().email);
    let wanted = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(wanted));
    let given = request.headers().get(AUTHORIZATION);
    if given.is_some_and(|given| given.as_bytes() == wanted.as_bytes()) {
        return next.run(request).await;
    }
    let message = "Client must be authenticated to access this resource.";
    Refusal { status: StatusCode::UNAUTHORIZED, messages: vec![message.to_owned()], errors: Map::new() }
        .into_response()
}

/// What Jira answers when it does not do what it was asked.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    pub(super) messages: Vec<String>,
    errors: Map<String, Value>,
}

impl Refusal {
    fn missing(message: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, messages: vec![message.to_owned()], errors: Map::new() }
    }

    fn no_issue() -> Self {
        Self::missing("Issue does not exist or you do not have permission to see it.")
    }

    fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, messages: vec![message.into()], errors: Map::new() }
    }

    fn field(field: &str, message: impl Into<String>) -> Self {
        let errors = Map::from_iter([(field.to_owned(), Value::String(message.into()))]);
        Self { status: StatusCode::BAD_REQUEST, messages: Vec::new(), errors }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"errorMessages": self.messages, "errors": self.errors}))).into_response()
    }
}
