//! Reviews of pull requests, with what they say at lines.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Refusal, State, hook, refusal, shape};
use crate::plugin::forge::shown_lines;
use crate::twin::outbox::Delivery;
use crate::twin::world::World;

/// A review that was submitted.
#[derive(Debug, Clone)]
pub(super) struct Review {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) body: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`.
    pub(super) state: &'static str,
    /// The commit that it is about.
    pub(super) commit: String,
    pub(super) submitted: Timestamp,
    pub(super) comments: Vec<LineComment>,
}

/// What a review says at a line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineComment {
    pub(super) path: String,
    pub(super) line: u64,
    pub(super) body: String,
    #[serde(default, rename = "side")]
    _side: Option<String>,
}

/// A review that is to be, as the API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::twin) struct NewReview {
    #[serde(default)]
    body: String,
    /// `APPROVE`, `REQUEST_CHANGES`, `COMMENT`.
    event: String,
    commit_id: Option<String>,
    #[serde(default)]
    comments: Vec<LineComment>,
}

type Shared = Extract<Arc<World>>;

pub(super) async fn list(
    Extract(world): Shared,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Answer {
    let (state, place) = (world.github(), format!("{owner}/{name}"));
    let (repository, issue) = (state.repository(&place)?, state.issue(&place, number)?);
    let reviews = issue.reviews.iter().map(|review| shape::review(&world, repository, issue, review));
    Ok(Json(reviews.collect::<Vec<_>>()).into_response())
}

pub(super) async fn list_comments(
    Extract(world): Shared,
    Path((owner, name, number, id)): Path<(String, String, u64, u64)>,
) -> Answer {
    let state = world.github();
    let issue = state.issue(&format!("{owner}/{name}"), number)?;
    let review = issue.reviews.iter().find(|review| review.id == id).ok_or_else(Refusal::missing)?;
    let shape = |LineComment { path, line, body, .. }: &LineComment| {
        json!({
            "pull_request_review_id": id, "path": path, "line": line, "original_line": line, "side": "RIGHT",
            "body": body, "commit_id": review.commit, "user": shape::user(&world, &review.author),
        })
    };
    Ok(Json(review.comments.iter().map(shape).collect::<Vec<_>>()).into_response())
}

pub(super) async fn create(
    Extract(world): Shared,
    Path((owner, name, number)): Path<(String, String, u64)>,
    body: Bytes,
) -> Answer {
    let (place, bot) = (format!("{owner}/{name}"), world.bot().name.clone());
    let new: NewReview = refusal::read(&body)?;
    check_places(&world, (&place, number), &new.comments).await?;
    let (delivery, shape) = {
        let mut state = world.github();
        let id = add(&mut state, (&place, number), (new, &bot), world.now())?;
        let (delivery, shape) = submitted(&world, &state, (&place, number), id)?;
        (delivery, shape)
    };
    world.send(delivery);
    Ok(Json(shape).into_response())
}

/// A comment stands at a line that the diff shows, or the whole review is refused.
async fn check_places(
    world: &World,
    (place, number): (&str, u64),
    comments: &[LineComment],
) -> Result<(), Refusal> {
    let pull = world.github().issue(place, number)?.pull.clone().ok_or_else(Refusal::missing)?;
    let files = world.repositories.changed(place, &pull.base_sha, &pull.head_sha).await?;
    let is_shown = |comment: &LineComment| {
        let patch =
            files.iter().find(|file| file.path == comment.path).and_then(|file| file.patch.as_deref());
        patch.is_some_and(|patch| shown_lines(patch).contains(&comment.line))
    };
    if comments.iter().all(is_shown) {
        Ok(())
    } else {
        Err(Refusal::unprocessable("Line could not be resolved"))
    }
}

/// Writes a review down; gives its id.
fn add(
    state: &mut State,
    subject: (&str, u64),
    (new, by): (NewReview, &str),
    now: Timestamp,
) -> Result<u64, Refusal> {
    let id = state.next_id();
    let issue = state.issue_mut(subject.0, subject.1)?;
    let head = issue.pull.as_ref().ok_or_else(Refusal::missing)?.head_sha.clone();
    let verdict = match new.event.as_str() {
        "APPROVE" => "APPROVED",
        "REQUEST_CHANGES" => "CHANGES_REQUESTED",
        "COMMENT" => "COMMENTED",
        _ => return Err(Refusal::unprocessable("Unprocessable Entity")),
    };
    if issue.author == by && verdict != "COMMENTED" {
        let act = if verdict == "APPROVED" { "approve" } else { "request changes on" };
        return Err(Refusal::unprocessable(format!("Review Can not {act} your own pull request")));
    }
    if new.body.trim().is_empty() && new.comments.is_empty() && verdict != "APPROVED" {
        return Err(Refusal::unprocessable("Unprocessable Entity"));
    }
    issue.updated = now;
    issue.reviews.push(Review {
        id,
        author: by.to_owned(),
        body: new.body,
        state: verdict,
        commit: new.commit_id.unwrap_or(head),
        submitted: now,
        comments: new.comments,
    });
    Ok(id)
}

/// The delivery `pull_request_review.submitted`, and the review as the API shows it.
fn submitted(
    world: &World,
    state: &State,
    (repository, number): (&str, u64),
    id: u64,
) -> Result<(Delivery, Value), Refusal> {
    let (place, issue) = (state.repository(repository)?, state.issue(repository, number)?);
    let review = issue.reviews.iter().find(|review| review.id == id).ok_or_else(Refusal::missing)?;
    let pull = issue.pull.as_ref().ok_or_else(Refusal::missing)?;
    let shape = shape::review(world, place, issue, review);
    // Webhooks say the state in small letters.
    let mut told = shape.clone();
    told["state"] = review.state.to_lowercase().into();
    let about = json!({
        "action": "submitted", "review": told, "pull_request": shape::pull(world, place, issue, pull),
    });
    let payload = hook::payload(world, state, repository, &review.author, about)?;
    Ok((hook::delivery(world, "pull_request_review", &payload), shape))
}

/// A person reviews a pull request.
pub(in crate::twin) fn review_by(
    world: &World,
    subject: (&str, u64),
    review: NewReview,
    by: &str,
) -> Result<Delivery, Refusal> {
    let mut state = world.github();
    let id = add(&mut state, subject, (review, by), world.now())?;
    submitted(world, &state, subject, id).map(|(delivery, _)| delivery)
}
