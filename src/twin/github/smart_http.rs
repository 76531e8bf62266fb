//! git over HTTP: git's own `http-backend`, as a CGI child process.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use tokio::io::AsyncWriteExt as _;

use super::{git, hook, is_token};
use crate::twin::TwinError;
use crate::twin::world::World;

/// Who asks: GitHub lets everybody read a public repository and only those with a token push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visitor {
    Stranger,
    Bot,
    Impostor,
}

/// Serves one request of git's.
pub(super) async fn serve(
    State(world): State<Arc<World>>,
    Path((owner, name, service)): Path<(String, String, String)>,
    method: Method,
    RawQuery(query): RawQuery,
    (headers, body): (HeaderMap, Bytes),
) -> Response {
    let query = query.unwrap_or_default();
    let pushes = service == "git-receive-pack" || query.contains("service=git-receive-pack");
    let visitor = visitor(&world, &headers);
    if visitor == Visitor::Impostor || (pushes && visitor != Visitor::Bot) {
        let challenge = [("www-authenticate", "Basic realm=\"GitHub\"")];
        return (StatusCode::UNAUTHORIZED, challenge, "Authentication failed.\n").into_response();
    }
    let repository = format!("{owner}/{}", name.trim_end_matches(".git"));
    if world.github().repository(&repository).is_err() {
        return (StatusCode::NOT_FOUND, "Repository not found.\n").into_response();
    }
    let call = Call { path: format!("/{repository}.git/{service}"), method, query, headers, body };
    let answered = if service == "git-receive-pack" {
        pushed(&world, &repository, call).await
    } else {
        call.run(&world).await
    };
    answered.unwrap_or_else(|error| {
        tracing::error!(%error, "git http-backend failed");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

/// Runs a push, and tells what it changed.
async fn pushed(world: &Arc<World>, repository: &str, call: Call) -> Result<Response, TwinError> {
    let before = world.repositories.heads(repository).await?;
    let response = call.run(world).await?;
    let after = world.repositories.heads(repository).await?;
    let mut moves = BTreeMap::new();
    for branch in before.keys().chain(after.keys()) {
        let (old, new) = (before.get(branch), after.get(branch));
        if old != new {
            moves.insert(branch.clone(), (old.cloned(), new.cloned()));
        }
    }
    for (branch, (old, new)) in moves {
        hook::announce_push(world, repository, &branch, (old, new)).await;
    }
    Ok(response)
}

fn visitor(world: &World, headers: &HeaderMap) -> Visitor {
    let Some(given) = headers.get("authorization").and_then(|value| value.to_str().ok()) else {
        return Visitor::Stranger;
    };
    let decoded = given
        .strip_prefix("Basic ")
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let password = decoded.as_deref().and_then(|text| text.split_once(':')).map(|(_, password)| password);
    if password.is_some_and(|password| is_token(world, password)) { Visitor::Bot } else { Visitor::Impostor }
}

/// One call of the CGI program.
#[derive(Debug)]
struct Call {
    path: String,
    method: Method,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    async fn run(&self, world: &World) -> Result<Response, TwinError> {
        let mut git = git::command();
        git.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        git.env("GIT_PROJECT_ROOT", world.repositories.root()).env("GIT_HTTP_EXPORT_ALL", "1");
        git.env("PATH_INFO", &self.path).env("QUERY_STRING", &self.query);
        git.env("REQUEST_METHOD", self.method.as_str()).env("CONTENT_LENGTH", self.body.len().to_string());
        // A remote user is what makes the backend take pushes; who may push was judged before.
        git.env("REMOTE_USER", "x-access-token").env("REMOTE_ADDR", "127.0.0.1");
        for (header, variable) in [
            ("content-type", "CONTENT_TYPE"),
            ("content-encoding", "HTTP_CONTENT_ENCODING"),
            ("git-protocol", "GIT_PROTOCOL"),
        ] {
            if let Some(value) = self.headers.get(header).and_then(|value| value.to_str().ok()) {
                git.env(variable, value);
            }
        }
        let mut child = git.spawn().map_err(TwinError::io("git http-backend"))?;
        let input = child.stdin.take();
        let feed = async {
            if let Some(mut input) = input {
                // The backend may end before it read everything; what it says then is the answer.
                input.write_all(&self.body).await.ok();
            }
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), feed);
        Ok(response(&output.map_err(TwinError::io("git http-backend"))?.stdout))
    }
}

/// Reads a CGI answer: headers, an empty line, the body.
fn response(output: &[u8]) -> Response {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse().ok());
            status = code.unwrap_or(StatusCode::BAD_GATEWAY);
        } else if let (Ok(name), Ok(value)) =
            (name.parse::<axum::http::HeaderName>(), value.parse::<HeaderValue>())
        {
            headers.insert(name, value);
        }
    }
    (status, headers, output[end + 4..].to_vec()).into_response()
}
