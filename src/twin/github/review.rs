//! Reviews of pull requests, with what they say at lines.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
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

/// What was answered to a comment at a line.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) id: u64,
    /// The comment that began the thread.
    to: u64,
    pub(super) author: String,
    pub(super) body: String,
}

/// What a review says at a line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineComment {
    #[serde(skip)]
    pub(super) id: u64,
    #[serde(skip)]
    pub(super) replies: Vec<Reply>,
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
    let comments = review.comments.iter().map(|comment| placed(&world, (review, comment), None));
    Ok(Json(comments.collect::<Vec<_>>()).into_response())
}

/// All that is said at lines, with what was answered to it.
pub(super) async fn list_all_comments(
    Extract(world): Shared,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Answer {
    let state = world.github();
    let issue = state.issue(&format!("{owner}/{name}"), number)?;
    let comments =
        issue.reviews.iter().flat_map(|review| review.comments.iter().map(move |said| (review, said)));
    let world = &*world;
    let threads = comments.flat_map(|said| {
        let replies = said.1.replies.iter().map(Some);
        std::iter::once(None).chain(replies).map(move |reply| placed(world, said, reply))
    });
    Ok(Json(threads.collect::<Vec<_>>()).into_response())
}

/// A comment at a line, or one of those that answer it.
fn placed(world: &World, (review, said): (&Review, &LineComment), reply: Option<&Reply>) -> Value {
    let LineComment { id, path, line, body, .. } = said;
    let mut shape = json!({
        "id": id, "html_url": shape::web(world, &format!("/discussion_r{id}")),
        "pull_request_review_id": review.id, "path": path, "line": line, "original_line": line, "side": "RIGHT",
        "body": body, "commit_id": review.commit, "user": shape::user(world, &review.author),
    });
    if let Some(reply) = reply {
        shape["id"] = reply.id.into();
        shape["in_reply_to_id"] = reply.to.into();
        shape["body"] = reply.body.as_str().into();
        shape["user"] = shape::user(world, &reply.author);
    }
    shape
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewReply {
    body: String,
}

/// An answer in the thread that a comment at a line began; one to an answer is refused.
pub(super) async fn answer(
    Extract(world): Shared,
    Path((owner, name, number, to)): Path<(String, String, u64, u64)>,
    body: Bytes,
) -> Answer {
    let (place, author) = (format!("{owner}/{name}"), world.bot().name.clone());
    let NewReply { body } = refusal::read(&body)?;
    let (delivery, shape) = {
        let mut state = world.github();
        let id = state.next_id();
        let reviews = &mut state.issue_mut(&place, number)?.reviews;
        let mut comments = reviews.iter_mut().flat_map(|review| &mut review.comments);
        let began = comments.find(|comment| comment.id == to).ok_or_else(Refusal::missing)?;
        began.replies.push(Reply { id, to, author: author.clone(), body });
        let (repository, issue) = (state.repository(&place)?, state.issue(&place, number)?);
        let pull = issue.pull.as_ref().ok_or_else(Refusal::missing)?;
        let said = issue.reviews.iter().find_map(|review| {
            let said = review.comments.iter().find(|comment| comment.id == to)?;
            Some(placed(&world, (review, said), said.replies.last()))
        });
        let shape = said.ok_or_else(Refusal::missing)?;
        let about = json!({
            "action": "created", "comment": shape,
            "pull_request": shape::pull(&world, repository, issue, pull),
        });
        let payload = hook::payload(&world, &state, &place, &author, about)?;
        (hook::delivery(&world, "pull_request_review_comment", &payload), shape)
    };
    world.send(delivery);
    Ok((StatusCode::CREATED, Json(shape)).into_response())
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
    (mut new, by): (NewReview, &str),
    now: Timestamp,
) -> Result<u64, Refusal> {
    let id = state.next_id();
    for comment in &mut new.comments {
        comment.id = state.next_id();
    }
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
