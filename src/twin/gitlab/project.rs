//! Calls about accounts, projects, members and branches.

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

type Shared = State<Arc<World>>;

pub(super) async fn whoami(State(world): Shared) -> Answer {
    Ok(Json(shape::user(&world, &world.bot().name)).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct ByName {
    username: String,
}

pub(super) async fn users(State(world): Shared, Query(wanted): Query<ByName>) -> Answer {
    let found = world.person(&wanted.username).map(|person| shape::user(&world, &person.name));
    Ok(Json(Vec::from_iter(found)).into_response())
}

pub(super) async fn token() -> Answer {
    let token = json!({
        "id": 1, "name": "ostler", "revoked": false, "active": true, "scopes": ["api", "write_repository"],
        "expires_at": null,
    });
    Ok(Json(token).into_response())
}

pub(super) async fn read(State(world): Shared, Path(id): Path<String>) -> Answer {
    let state = world.gitlab();
    Ok(Json(shape::project(&world, state.project(&id)?)).into_response())
}

/// A member, by its own membership or by one of the groups above.
pub(super) async fn member(State(world): Shared, Path((id, user)): Path<(String, u64)>) -> Answer {
    let state = world.gitlab();
    let project = state.project(&id)?;
    let person = world.people.iter().find(|person| person.github_id == user);
    let person = person.filter(|person| project.developers.contains(&person.name));
    let mut member = shape::user(&world, &person.ok_or_else(|| Refusal::missing(""))?.name);
    member["access_level"] = 30.into();
    member["membership_state"] = "active".into();
    Ok(Json(member).into_response())
}

pub(super) async fn read_branch(State(world): Shared, Path((id, branch)): Path<(String, String)>) -> Answer {
    let project = world.gitlab().project(&id)?.path.clone();
    let heads = world.repositories.heads(&project).await?;
    let sha = heads.get(&branch).ok_or_else(|| Refusal::missing("Branch"))?;
    Ok(Json(shape::branch(&world, &project, &branch, sha)).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct NewBranch {
    branch: String,
    r#ref: String,
}

pub(super) async fn create_branch(State(world): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let project = world.gitlab().project(&id)?.path.clone();
    let new: NewBranch = refusal::read(&body)?;
    if !world.repositories.is_branch_name(&project, &new.branch).await {
        return Err(Refusal::bad("Branch name is invalid"));
    }
    let heads = world.repositories.heads(&project).await?;
    let sha = heads.get(&new.r#ref).unwrap_or(&new.r#ref);
    if !world.repositories.has_commit(&project, sha).await {
        return Err(Refusal::bad(format!(
            "Failed to create branch '{}': invalid reference name",
            new.branch
        )));
    }
    if !world.repositories.create_branch(&project, &new.branch, sha).await? {
        return Err(Refusal::bad("Branch already exists"));
    }
    hook::announce_push(&world, &project, &new.branch, (None, Some(sha.clone())));
    Ok((StatusCode::CREATED, Json(shape::branch(&world, &project, &new.branch, sha))).into_response())
}

/// What jobs and services say of a commit: here nobody builds anything.
pub(super) async fn statuses(State(world): Shared, Path((id, sha)): Path<(String, String)>) -> Answer {
    let project = world.gitlab().project(&id)?.path.clone();
    if !world.repositories.has_commit(&project, &sha).await {
        return Err(Refusal::missing("Commit"));
    }
    Ok(Json(json!([])).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    ref_name: String,
}

/// The newest commits of a branch.
pub(super) async fn commits(
    State(world): Shared,
    Path(id): Path<String>,
    Query(Reference { ref_name }): Query<Reference>,
) -> Answer {
    let project = world.gitlab().project(&id)?.path.clone();
    if !world.repositories.heads(&project).await?.contains_key(&ref_name) {
        return Err(Refusal::missing("Branch"));
    }
    let commits = world.repositories.log(&project, &ref_name).await?;
    let shape = |[id, author, message]: &[String; 3]| json!({"id": id, "author_name": author, "message": message, "title": message.lines().next()});
    Ok(Json(json!(commits.iter().map(shape).collect::<Vec<_>>())).into_response())
}
