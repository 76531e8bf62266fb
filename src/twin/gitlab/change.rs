//! Calls about merge requests alone.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;

use super::item::Paging;
use super::state::{Change, Item, New, Place};
use super::{Answer, Refusal, hook, refusal, shape};
use crate::twin::world::World;

type Shared = State<Arc<World>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    source_branch: Option<String>,
    target_branch: Option<String>,
}

impl Filter {
    fn takes(&self, change: &Change) -> bool {
        let is = |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|one| one == actual);
        is(&self.source_branch, &change.source) && is(&self.target_branch, &change.target)
    }
}

pub(super) async fn list(
    State(world): Shared,
    Path(id): Path<String>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Answer {
    let state = world.gitlab();
    let project = state.project(&id)?;
    let all = paging.wanted(project.changes.values()).into_iter();
    let found = all.filter(|item| item.change.as_ref().is_some_and(|change| filter.takes(change)));
    Ok(paging.page(found.map(|item| shape::item(&world, project, item)).collect(), 100))
}

/// The files of a merge request.
pub(super) async fn diffs(
    State(world): Shared,
    Path((id, iid)): Path<(String, u64)>,
    Query(paging): Query<Paging>,
) -> Answer {
    let project = world.gitlab().project(&id)?.path.clone();
    let place = Place { project, change: true, iid };
    let change = world.gitlab().item(&place)?.change.clone().ok_or_else(|| Refusal::missing(""))?;
    let files = world.repositories.changed(&place.project, &change.base, &change.sha).await?;
    Ok(paging.page(files.iter().map(shape::file).collect(), 100))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewChange {
    title: String,
    source_branch: String,
    target_branch: String,
    description: Option<String>,
}

pub(super) async fn create(State(world): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let wanted: NewChange = refusal::read(&body)?;
    let project = world.gitlab().project(&id)?.path.clone();
    let change = placed(&world, &project, &wanted).await?;
    let author = world.bot().name.clone();
    let (iid, shape) = {
        let mut state = world.gitlab();
        // Judged and written under one lock: two requests at once make one merge request.
        let open = state.project(&project)?.changes.values().filter(|item| item.open);
        let same = |item: &&Item| item.change.as_ref().is_some_and(|has| has.source == change.source);
        if let Some(taken) = { open }.find(same) {
            let message =
                format!("Another open merge request already exists for this source branch: !{}", taken.iid);
            return Err(Refusal::conflict(message));
        }
        let NewChange { title, description, .. } = wanted;
        let new = New { title, description, author, labels: Vec::new(), change: Some(change) };
        let item = state.add(&project, new, world.now()).ok_or_else(|| Refusal::missing("Project"))?;
        (item.iid, shape::item(&world, state.project(&project)?, &item))
    };
    hook::announce(&world, &Place { project, change: true, iid }, "open", None)?;
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

/// Where a merge request comes from and goes to, if both are there and differ.
async fn placed(world: &World, project: &str, wanted: &NewChange) -> Result<Change, Refusal> {
    if wanted.title.trim().is_empty() {
        return Err(Refusal::invalid("title", "can't be blank"));
    }
    if wanted.source_branch == wanted.target_branch {
        return Err(Refusal::invalid(
            "branch_conflict",
            "You can't use same project/branch for source and target",
        ));
    }
    let heads = world.repositories.heads(project).await?;
    let head = |branch: &str, field: &str| {
        heads.get(branch).cloned().ok_or_else(|| Refusal::invalid(field, "does not exist"))
    };
    let (sha, base) =
        (head(&wanted.source_branch, "source_branch")?, head(&wanted.target_branch, "target_branch")?);
    let (source, target) = (wanted.source_branch.clone(), wanted.target_branch.clone());
    Ok(Change { source, sha, target, base })
}
