//! Everything of GitHub in one document, for operators.

use serde_json::{Map, Value, json};

use super::review::{LineComment, Review};
use super::state::{Issue, Pull};
use crate::twin::TwinError;
use crate::twin::world::World;

/// Every repository with its branches, issues and pull requests.
pub(in crate::twin) async fn summary(world: &World) -> Result<Value, TwinError> {
    let names: Vec<_> = world.github().repositories.keys().cloned().collect();
    let mut all = Map::new();
    for name in names {
        let value = repository(world, &name).await?;
        all.insert(name, value);
    }
    Ok(Value::Object(all))
}

async fn repository(world: &World, name: &str) -> Result<Value, TwinError> {
    let issues: Vec<Issue> = {
        let state = world.github();
        state.repositories.get(name).map(|found| found.issues.values().cloned().collect()).unwrap_or_default()
    };
    let (mut pulls, mut plain) = (Vec::new(), Vec::new());
    for issue in &issues {
        let mut value = conversation(issue);
        match &issue.pull {
            None => plain.push(value),
            Some(Pull { head, head_sha, base, base_sha, draft, merged }) => {
                let url = world.address(&format!("/github/{name}/pull/{}", issue.number));
                let diff = world.repositories.diff(name, base_sha, head_sha).await?;
                let reviews: Vec<Value> = issue.reviews.iter().map(review).collect();
                let more = json!({
                    "reviews": reviews,
                    "head": head, "head_sha": head_sha, "base": base, "draft": draft, "url": url, "diff": diff,
                    "merged": merged.is_some(),
                });
                super::shape::merge(&mut value, more);
                pulls.push(value);
            }
        }
    }
    let branches = world.repositories.heads(name).await?;
    Ok(json!({"branches": branches, "issues": plain, "pulls": pulls}))
}

fn review(review: &Review) -> Value {
    let comments = review.comments.iter();
    let comments = comments.map(|LineComment { path, line, body, replies, .. }| {
        let replies = replies.iter().map(|reply| json!({"author": reply.author, "body": reply.body}));
        json!({"path": path, "line": line, "body": body, "replies": replies.collect::<Vec<_>>()})
    });
    json!({
        "id": review.id, "author": review.author, "state": review.state, "commit": review.commit,
        "body": review.body, "comments": comments.collect::<Vec<_>>(),
    })
}

fn conversation(issue: &Issue) -> Value {
    let comments = issue.comments.iter();
    let comments =
        comments.map(|comment| json!({"id": comment.id, "author": comment.author, "body": comment.body}));
    json!({
        "number": issue.number, "title": issue.title, "body": issue.body, "author": issue.author,
        "open": issue.open, "reason": issue.reason, "labels": issue.labels, "assignees": issue.assignees,
        "comments": comments.collect::<Vec<_>>(),
    })
}

/// An issue's or pull request's conversation, for people.
pub(in crate::twin) fn page(repository: &str, issue: &Issue) -> String {
    let state = if issue.open { "open" } else { "closed" };
    let body = issue.body.as_deref().unwrap_or_default();
    let Issue { number, title, author, .. } = issue;
    let mut page = format!("{repository}#{number} {title}\n{state}, by {author}\n\n{body}\n");
    for comment in &issue.comments {
        page += &format!("\n-- {}:\n{}\n", comment.author, comment.body);
    }
    page
}
