//! GitHub: the REST API as far as a bot calls it, repositories over git, and webhooks about both.

mod app;
mod check;
mod deliveries;
mod clone;
mod hook;
mod issue;
mod pull;
mod refusal;
mod repository;
mod review;
mod shape;
mod state;
mod summary;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Extract};
use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, patch, post};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

pub(super) use self::check::{NewCheck, check_by};
pub(super) use self::hook::{comment_by, label_by, open_issue_by};
pub(super) use self::pull::merge_by;
use self::refusal::Refusal;
pub(super) use self::review::{NewReview, review_by};
pub(super) use self::state::State;
pub(super) use self::summary::{page, summary};
use super::world::World;

/// What a handler of the API gives.
type Answer = Result<Response, Refusal>;

/// The REST API.
pub(super) fn routes(world: &Arc<World>) -> Router<Arc<World>> {
    let issues = Router::new()
        .route("/", get(issue::list).post(issue::create))
        // GitHub takes POST where PATCH is documented, and octocrab edits comments so.
        .route(
            "/comments/{id}",
            get(issue::read_comment)
                .patch(issue::edit_comment)
                .post(issue::edit_comment)
                .delete(issue::delete_comment),
        )
        .route("/comments", get(issue::list_all_comments))
        .route("/events", get(issue::list_events))
        .route("/{number}", get(issue::read).patch(issue::edit))
        .route("/{number}/comments", get(issue::list_comments).post(issue::comment))
        .route("/{number}/labels", get(issue::list_labels).post(issue::add_labels).put(issue::set_labels))
        .route("/{number}/labels/{name}", delete(issue::remove_label))
        .route("/{number}/assignees", post(issue::assign));
    let one = Router::new()
        .route("/", get(repository::read))
        .route("/git/ref/{*name}", get(repository::read_ref))
        .route("/git/refs", post(repository::create_ref))
        .route("/branches/{*name}", get(repository::read_branch))
        .route("/collaborators/{user}/permission", get(repository::permission))
        .route("/pulls", get(pull::list).post(pull::create))
        .route("/pulls/{number}", patch(pull::edit).get(pull::read))
        .route("/pulls/{number}/files", get(pull::files))
        .route("/pulls/{number}/reviews", get(review::list).post(review::create))
        .route("/pulls/{number}/reviews/{id}/comments", get(review::list_comments))
        .route("/pulls/{number}/comments", get(review::list_all_comments))
        .route("/pulls/{number}/comments/{id}/replies", post(review::answer))
        .route("/commits", get(repository::list_commits))
        .route("/commits/{sha}/check-runs", get(check::list))
        .route("/hooks", get(webhook::list).post(webhook::create))
        .route("/hooks/{id}", patch(webhook::edit))
        .route("/hooks/{id}/deliveries", get(deliveries::list))
        .route("/hooks/{id}/deliveries/{attempt}", get(deliveries::read))
        .route("/hooks/{id}/deliveries/{attempt}/attempts", post(deliveries::again))
        .nest("/issues", issues);
    Router::new()
        .route("/meta", get(async || axum::Json(serde_json::json!({"hooks": ["127.0.0.0/8"]}))))
        .route("/user", get(repository::whoami))
        .route("/orgs/{organization}/teams/{team}/memberships/{user}", get(repository::membership))
        .nest("/repos/{owner}/{name}", one)
        .fallback(async || Refusal::missing())
        .layer(from_fn_with_state(Arc::clone(world), authorize))
        // Whoever has the code needs nothing else.
        .route("/app-manifests/{code}/conversions", post(app::convert))
}

/// The pages that a browser is sent to.
pub(super) fn page_routes() -> Router<Arc<World>> {
    Router::new()
        .route("/settings/apps/new", post(app::confirm))
        .route("/organizations/{name}/settings/apps/new", post(app::confirm))
}

/// The repositories, for git.
pub(super) fn git_routes() -> Router<Arc<World>> {
    Router::new().route("/{owner}/{name}/{*service}", get(clone::serve).post(clone::serve))
}

async fn authorize(Extract(world): Extract<Arc<World>>, request: Request, next: Next) -> Response {
    if !request.headers().contains_key(USER_AGENT) {
        return Refusal::no_user_agent().into_response();
    }
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(given) = given else { return Refusal::unauthorized("Requires authentication").into_response() };
    let token = given.strip_prefix("Bearer ").or_else(|| given.strip_prefix("token ")).unwrap_or_default();
    if is_token(&world, token) {
        let mut response = next.run(request).await;
        response.headers_mut().insert("x-oauth-scopes", HeaderValue::from_static("repo, admin:repo_hook"));
        response
    } else {
        Refusal::unauthorized("Bad credentials").into_response()
    }
}

fn is_token(world: &World, given: &str) -> bool {
    world.secrets.github_token.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
}
