//! Calls about accounts, repositories and references.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Refusal, hook, refusal, shape};
use crate::twin::world::World;

pub(super) async fn whoami(State(world): State<Arc<World>>) -> Answer {
    Ok(Json(shape::profile(&world, &world.bot().name)).into_response())
}

pub(super) async fn read(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
) -> Answer {
    let state = world.github();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    Ok(Json(shape::repository(&world, repository)).into_response())
}

pub(super) async fn read_ref(
    State(world): State<Arc<World>>,
    Path((owner, name, reference)): Path<(String, String, String)>,
) -> Answer {
    let repository = format!("{owner}/{name}");
    let branch = reference.strip_prefix("heads/").ok_or_else(Refusal::missing)?;
    let sha = head(&world, &repository, branch).await?;
    Ok(Json(shape::reference(&world, &repository, branch, &sha)).into_response())
}

pub(super) async fn read_branch(
    State(world): State<Arc<World>>,
    Path((owner, name, branch)): Path<(String, String, String)>,
) -> Answer {
    let repository = format!("{owner}/{name}");
    let sha = head(&world, &repository, &branch).await?;
    let url = world.address(&format!("/github/api/v3/repos/{repository}/commits/{sha}"));
    let body = json!({"name": branch, "commit": {"sha": sha, "url": url}, "protected": false});
    Ok(Json(body).into_response())
}

/// The commit that a branch stands at.
async fn head(world: &World, repository: &str, branch: &str) -> Result<String, Refusal> {
    world.github().repository(repository)?;
    let mut heads = world.repositories.heads(repository).await?;
    heads.remove(branch).ok_or_else(Refusal::missing)
}

#[derive(Debug, Deserialize)]
pub(super) struct NewRef {
    r#ref: String,
    sha: String,
}

pub(super) async fn create_ref(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let repository = format!("{owner}/{name}");
    world.github().repository(&repository)?;
    let new: NewRef = refusal::read(&body)?;
    let branch = new.r#ref.strip_prefix("refs/heads/").unwrap_or_default();
    if !world.repositories.is_branch_name(&repository, branch).await {
        let message = format!("{} is not a valid ref name.", new.r#ref);
        return Err(Refusal::unprocessable(message));
    }
    if !world.repositories.has_commit(&repository, &new.sha).await {
        return Err(Refusal::unprocessable("Object does not exist"));
    }
    if !world.repositories.create_branch(&repository, branch, &new.sha).await? {
        return Err(Refusal::unprocessable("Reference already exists"));
    }
    hook::announce_push(&world, &repository, branch, (None, Some(new.sha.clone()))).await;
    let body = shape::reference(&world, &repository, branch, &new.sha);
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(super) async fn permission(
    State(world): State<Arc<World>>,
    Path((owner, name, login)): Path<(String, String, String)>,
) -> Answer {
    let state = world.github();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let person = world.person(&login).ok_or_else(Refusal::missing)?;
    // Everybody may read a public repository.
    let writes = repository.writers.contains(&person.name);
    let permission = if writes { "write" } else { "read" };
    let mut user = shape::user(&world, &person.name);
    user["permissions"] =
        json!({"pull": true, "triage": writes, "push": writes, "maintain": false, "admin": false});
    user["role_name"] = permission.into();
    let body = json!({"permission": permission, "role_name": permission, "user": user});
    Ok(Json(body).into_response())
}

/// An account's place in a team; whoever has none is not found.
pub(super) async fn membership(
    State(world): State<Arc<World>>,
    Path((organization, team, login)): Path<(String, String, String)>,
) -> Answer {
    let name = format!("{organization}/{team}");
    let team = world.teams.iter().find(|found| found.name == name).ok_or_else(Refusal::missing)?;
    let member = |found: &&String| found.eq_ignore_ascii_case(&login);
    let login = team.members.iter().find(member).ok_or_else(Refusal::missing)?;
    let url = world.address(&format!("/github/api/v3/orgs/{name}/memberships/{login}"));
    Ok(Json(json!({"url": url, "role": "member", "state": "active"})).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Since {
    /// The branch.
    sha: String,
}

/// The newest commits of a branch.
pub(super) async fn list_commits(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    Query(Since { sha: branch }): Query<Since>,
) -> Answer {
    let repository = format!("{owner}/{name}");
    head(&world, &repository, &branch).await?;
    let commits = world.repositories.log(&repository, &branch).await?;
    let shape = |[sha, author, message]: &[String; 3]| json!({"sha": sha, "commit": {"message": message, "author": {"name": author}}});
    Ok(Json(commits.iter().map(shape).collect::<Vec<_>>()).into_response())
}
