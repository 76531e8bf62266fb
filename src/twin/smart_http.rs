//! git over HTTP: git's own `http-backend`, as a CGI child process.

use std::collections::BTreeMap;
use std::process::Stdio;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use tokio::io::AsyncWriteExt as _;

use super::world::World;
use super::{TwinError, git};

/// The branches that a push moved, each with where it stood and where it stands.
pub(super) type Moves = BTreeMap<String, (Option<String>, Option<String>)>;

/// One request of git's for a repository: a call of the CGI program.
#[derive(Debug)]
pub(super) struct Call {
    /// The repository's name.
    pub(super) repository: String,
    /// What of it: `info/refs`, `git-upload-pack`, `git-receive-pack`.
    pub(super) service: String,
    pub(super) method: Method,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    /// Whether everybody may do it who knows the token, or anybody: a public repository is read by all, and
    /// whoever shows a password shows the right one.
    pub(super) fn is_allowed(&self, is_token: impl Fn(&str) -> bool) -> bool {
        let pushes = self.pushes() || self.query.contains("service=git-receive-pack");
        match self.password() {
            Some(password) => password.is_some_and(|password| is_token(&password)),
            None => !pushes,
        }
    }

    /// Answers it, and gives what a push moved.
    pub(super) async fn answer(&self, world: &World) -> (Response, Moves) {
        let answered =
            if self.pushes() { self.push(world).await } else { self.run(world).await.map(no_moves) };
        answered.unwrap_or_else(|error| {
            tracing::error!(%error, "git http-backend failed");
            no_moves(StatusCode::INTERNAL_SERVER_ERROR.into_response())
        })
    }

    fn pushes(&self) -> bool {
        self.service == "git-receive-pack"
    }

    /// The password that came along; none of its own where what came along is not one.
    fn password(&self) -> Option<Option<String>> {
        let given = self.headers.get("authorization").and_then(|value| value.to_str().ok())?;
        let decoded = given
            .strip_prefix("Basic ")
            .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text.trim()).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        Some(decoded.and_then(|text| text.split_once(':').map(|(_, password)| password.to_owned())))
    }

    /// Runs a push, and finds out what it changed.
    async fn push(&self, world: &World) -> Result<(Response, Moves), TwinError> {
        let before = world.repositories.heads(&self.repository).await?;
        let response = self.run(world).await?;
        let after = world.repositories.heads(&self.repository).await?;
        let mut moves = Moves::new();
        for branch in before.keys().chain(after.keys()) {
            let (old, new) = (before.get(branch), after.get(branch));
            if old != new {
                moves.insert(branch.clone(), (old.cloned(), new.cloned()));
            }
        }
        Ok((response, moves))
    }

    async fn run(&self, world: &World) -> Result<Response, TwinError> {
        let mut git = git::command();
        git.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        git.env("GIT_PROJECT_ROOT", world.repositories.root()).env("GIT_HTTP_EXPORT_ALL", "1");
        git.env("PATH_INFO", format!("/{}.git/{}", self.repository, self.service))
            .env("QUERY_STRING", &self.query);
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

/// The answer that refuses.
pub(super) fn refused(realm: &str) -> Response {
    let challenge = [("www-authenticate", format!("Basic realm=\"{realm}\""))];
    (StatusCode::UNAUTHORIZED, challenge, "Authentication failed.\n").into_response()
}

fn no_moves(response: Response) -> (Response, Moves) {
    (response, Moves::new())
}
