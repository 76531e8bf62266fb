//! Checks of commits.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Refusal, hook, shape};
use crate::twin::outbox::Delivery;
use crate::twin::world::World;

/// The App that runs them.
pub(super) const APP: &str = "acme-ci";

/// A check that has come to its end.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) sha: String,
    pub(super) conclusion: String,
    pub(super) summary: String,
    pub(super) completed: Timestamp,
}

/// What a check comes to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::twin) struct NewCheck {
    name: String,
    /// `success`, `failure`, ….
    conclusion: String,
    summary: String,
}

/// The checks of a commit, of each name the newest.
pub(super) async fn list(
    Extract(world): Extract<Arc<World>>,
    Path((owner, name, sha)): Path<(String, String, String)>,
) -> Answer {
    let (state, place) = (world.github(), format!("{owner}/{name}"));
    let mut found: Vec<&Check> = Vec::new();
    for check in state.repository(&place)?.checks.iter().rev().filter(|check| check.sha == sha) {
        if found.iter().all(|newer| newer.name != check.name) {
            found.push(check);
        }
    }
    let runs: Vec<_> = found.iter().map(|check| shape::check(&world, &place, check)).collect();
    Ok(Json(json!({"total_count": runs.len(), "check_runs": runs})).into_response())
}

/// A check comes to its end; gives the delivery `check_run.completed`.
pub(in crate::twin) fn check_by(
    world: &World,
    (repository, number): (&str, u64),
    new: NewCheck,
) -> Result<Delivery, Refusal> {
    let mut state = world.github();
    let id = state.next_id();
    let issue = state.issue(repository, number)?;
    let (issue_id, author) = (issue.id, issue.author.clone());
    let pull = issue.pull.clone().ok_or_else(Refusal::missing)?;
    let NewCheck { name, conclusion, summary } = new;
    let (sha, completed) = (pull.head_sha.clone(), world.now());
    let check = Check { id, name, sha, conclusion, summary, completed };
    let mut told = shape::check(world, repository, &check);
    told["pull_requests"] = json!([{
        "id": issue_id,
        "number": number,
        "head": {"ref": pull.head, "sha": pull.head_sha},
        "base": {"ref": pull.base, "sha": pull.base_sha},
    }]);
    state.repository_mut(repository)?.checks.push(check);
    // GitHub names whoever's push was checked as the sender, not the App.
    let about = json!({"action": "completed", "check_run": told});
    let payload = hook::payload(world, &state, repository, &author, about)?;
    Ok(hook::delivery(world, "check_run", &payload))
}
