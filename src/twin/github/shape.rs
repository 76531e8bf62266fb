//! GitHub's objects, as its API and its webhooks spell them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::check::Check;
use super::review::Review;
use super::state::{Comment, Event, Issue, Label, Pull, Repository};
use crate::twin::git::{Changed, Extent};
use crate::twin::world::World;

/// A time as GitHub writes it: whole seconds.
fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The opaque id that GraphQL would know an object by.
fn node(kind: &str, id: u64) -> String {
    format!("{kind}_{id:010}")
}

/// An address of the API.
pub(super) fn api(world: &World, path: &str) -> String {
    world.address(&format!("/github/api/v3{path}"))
}

pub(super) fn web(world: &World, path: &str) -> String {
    world.address(&format!("/github{path}"))
}

/// An account; one that the world does not know is a stranger of that name.
pub(super) fn user(world: &World, login: &str) -> Value {
    let person = world.person(login);
    let id = person.map_or(1, |person| person.github_id);
    let at = |path: &str| api(world, &format!("/users/{login}{path}"));
    json!({
        "login": login,
        "id": id,
        "node_id": node("U", id),
        "avatar_url": web(world, &format!("/avatars/{id}")),
        "gravatar_id": "",
        "url": at(""),
        "html_url": web(world, &format!("/{login}")),
        "followers_url": at("/followers"),
        "following_url": at("/following"),
        "gists_url": at("/gists"),
        "starred_url": at("/starred"),
        "subscriptions_url": at("/subscriptions"),
        "organizations_url": at("/orgs"),
        "repos_url": at("/repos"),
        "events_url": at("/events"),
        "received_events_url": at("/received_events"),
        // Ostler's account is a machine user with a token, which GitHub calls a user like any other.
        "type": "User",
        "site_admin": false,
    })
}

/// The account that a token belongs to.
pub(super) fn profile(world: &World, login: &str) -> Value {
    let mut profile = user(world, login);
    let person = world.person(login);
    let more = json!({
        "name": person.map(|person| &person.display),
        "email": person.map(|person| &person.email),
        "company": null, "blog": "", "location": null, "hireable": null, "bio": null,
        "twitter_username": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    });
    merge(&mut profile, more);
    profile
}

pub(super) fn repository(world: &World, repository: &Repository) -> Value {
    let Repository { id, name: full_name, description, created, .. } = repository;
    let (owner, name) = full_name.split_once('/').unwrap_or(("", full_name));
    let open = repository.issues.values().filter(|issue| issue.open).count();
    let git = world.address(&format!("/github/git/{full_name}.git"));
    let mut owner = user(world, owner);
    owner["type"] = "Organization".into();
    let mut value = json!({
        "id": id,
        "node_id": node("R", *id),
        "name": name,
        "full_name": full_name,
        "private": false,
        "visibility": "public",
        "owner": owner,
        "html_url": web(world, &format!("/{full_name}")),
        "description": description,
        "fork": false,
        "url": api(world, &format!("/repos/{full_name}")),
        "clone_url": git,
        "git_url": git,
        "ssh_url": format!("git@twin.invalid:{full_name}.git"),
        "svn_url": web(world, &format!("/{full_name}")),
        "homepage": null,
        "language": "Shell",
        "default_branch": "main",
        "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 1,
        "open_issues_count": open, "open_issues": open, "forks": 0, "watchers": 0,
        "pushed_at": time(*created), "created_at": time(*created), "updated_at": time(*created),
    });
    merge(
        &mut value,
        json!({
            "is_template": false, "topics": [], "has_issues": true, "has_projects": false, "has_wiki": false,
            "has_pages": false, "has_downloads": false, "has_discussions": false,
            "archived": false, "disabled": false, "license": null, "mirror_url": null,
            "permissions": {"admin": false, "maintain": false, "push": true, "triage": true, "pull": true},
        }),
    );
    value
}

pub(super) fn reference(world: &World, repository: &str, branch: &str, sha: &str) -> Value {
    json!({
        "ref": format!("refs/heads/{branch}"),
        "node_id": format!("REF_{repository}:{branch}"),
        "url": api(world, &format!("/repos/{repository}/git/refs/heads/{branch}")),
        "object": {
            "sha": sha,
            "type": "commit",
            "url": api(world, &format!("/repos/{repository}/git/commits/{sha}")),
        },
    })
}

pub(super) fn label(world: &World, repository: &str, label: &Label) -> Value {
    let Label { id, name, color, description } = label;
    json!({
        "id": id,
        "node_id": node("LA", *id),
        "url": api(world, &format!("/repos/{repository}/labels/{name}")),
        "name": name,
        "description": description,
        "color": color,
        "default": false,
    })
}

/// The labels of an issue, in full.
pub(super) fn labels(world: &World, repository: &Repository, issue: &Issue) -> Vec<Value> {
    let has = |label: &&Label| issue.labels.contains(&label.name);
    repository.labels.iter().filter(has).map(|one| label(world, &repository.name, one)).collect()
}

fn association(repository: &Repository, login: &str) -> &'static str {
    if repository.writers.iter().any(|writer| writer == login) { "COLLABORATOR" } else { "NONE" }
}

/// What issues and pull requests have in common.
fn conversation(world: &World, repository: &Repository, issue: &Issue) -> Value {
    let assignees: Vec<_> = issue.assignees.iter().map(|login| user(world, login)).collect();
    json!({
        "number": issue.number,
        "state": if issue.open { "open" } else { "closed" },
        "title": issue.title,
        "body": issue.body,
        "user": user(world, &issue.author),
        "labels": labels(world, repository, issue),
        "assignee": assignees.first(),
        "assignees": assignees,
        "author_association": association(repository, &issue.author),
        "milestone": null,
        "locked": false,
        "active_lock_reason": null,
        "comments": issue.comments.len(),
        "created_at": time(issue.created),
        "updated_at": time(issue.updated),
        "closed_at": if issue.open { None } else { Some(time(issue.updated)) },
    })
}

/// An issue, or a pull request seen as one.
pub(super) fn issue(world: &World, repository: &Repository, issue: &Issue) -> Value {
    let at = format!("/repos/{}", repository.name);
    let url = api(world, &format!("{at}/issues/{}", issue.number));
    let page = if issue.pull.is_some() { "pull" } else { "issues" };
    let html_url = web(world, &format!("/{}/{page}/{}", repository.name, issue.number));
    let mut value = conversation(world, repository, issue);
    merge(
        &mut value,
        json!({
            "id": issue.id,
            "node_id": node("I", issue.id),
            "url": url,
            "repository_url": api(world, &at),
            "labels_url": format!("{url}/labels"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "html_url": html_url,
            "state_reason": issue.reason,
        }),
    );
    if let Some(pull) = &issue.pull {
        value["pull_request"] = json!({
            "url": api(world, &format!("{at}/pulls/{}", issue.number)),
            "html_url": html_url,
            "diff_url": format!("{html_url}.diff"),
            "patch_url": format!("{html_url}.patch"),
            "merged_at": pull.merged.map(time),
        });
    }
    value
}

/// A pull request, without what only a look into git can tell.
pub(super) fn pull(world: &World, repository: &Repository, issue: &Issue, pull: &Pull) -> Value {
    let at = api(world, &format!("/repos/{}", repository.name));
    let url = format!("{at}/pulls/{}", issue.number);
    let issue_url = format!("{at}/issues/{}", issue.number);
    let html_url = web(world, &format!("/{}/pull/{}", repository.name, issue.number));
    let owner = repository.name.split('/').next().unwrap_or_default();
    let side = |branch: &str, sha: &str| {
        json!({
            "label": format!("{owner}:{branch}"),
            "ref": branch,
            "sha": sha,
            "user": user(world, owner),
            "repo": self::repository(world, repository),
        })
    };
    let mut value = conversation(world, repository, issue);
    merge(
        &mut value,
        json!({
            "id": issue.id,
            "node_id": node("PR", issue.id),
            "url": url,
            "html_url": html_url,
            "diff_url": format!("{html_url}.diff"),
            "patch_url": format!("{html_url}.patch"),
            "issue_url": issue_url,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{url}/comments{{/number}}"),
            "comments_url": format!("{issue_url}/comments"),
            "statuses_url": format!("{at}/statuses/{}", pull.head_sha),
            "head": side(&pull.head, &pull.head_sha),
            "base": side(&pull.base, &pull.base_sha),
            "draft": pull.draft,
            "requested_reviewers": [],
            "requested_teams": [],
            "merged_at": pull.merged.map(time),
            "merge_commit_sha": null,
            "auto_merge": null,
        }),
    );
    value
}

/// What only the full form of a pull request tells.
pub(super) fn extend(pull: &mut Value, extent: Extent) {
    let Extent { commits, files, additions, deletions } = extent;
    merge(
        pull,
        json!({
            "merged": pull["merged_at"].is_string(), "merged_by": null, "mergeable": true, "mergeable_state": "clean",
            "rebaseable": true, "maintainer_can_modify": false, "review_comments": 0,
            "commits": commits, "changed_files": files, "additions": additions, "deletions": deletions,
        }),
    );
}

pub(super) fn comment(world: &World, repository: &Repository, issue: &Issue, comment: &Comment) -> Value {
    let at = api(world, &format!("/repos/{}/issues", repository.name));
    let page = if issue.pull.is_some() { "pull" } else { "issues" };
    let html_url = web(world, &format!("/{}/{page}/{}", repository.name, issue.number));
    json!({
        "id": comment.id,
        "node_id": node("IC", comment.id),
        "url": format!("{at}/comments/{}", comment.id),
        "html_url": format!("{html_url}#issuecomment-{}", comment.id),
        "issue_url": format!("{at}/{}", issue.number),
        "user": user(world, &comment.author),
        "created_at": time(comment.created),
        "updated_at": time(comment.updated),
        "author_association": association(repository, &comment.author),
        "body": comment.body,
        "performed_via_github_app": null,
    })
}

/// A file of a pull request.
pub(super) fn file(file: &Changed) -> Value {
    let Changed { path, previous, status, additions, deletions, patch } = file;
    let mut value = json!({
        "sha": null, "filename": path, "status": status, "additions": additions, "deletions": deletions,
        "changes": additions + deletions,
    });
    if let Some(patch) = patch {
        value["patch"] = patch.as_str().into();
    }
    if let Some(previous) = previous {
        value["previous_filename"] = previous.as_str().into();
    }
    value
}

pub(super) fn review(world: &World, repository: &Repository, issue: &Issue, review: &Review) -> Value {
    let html_url = web(world, &format!("/{}/pull/{}", repository.name, issue.number));
    json!({
        "id": review.id,
        "node_id": node("PRR", review.id),
        "user": user(world, &review.author),
        "body": review.body,
        "state": review.state,
        "commit_id": review.commit,
        "submitted_at": time(review.submitted),
        "author_association": association(repository, &review.author),
        "html_url": format!("{html_url}#pullrequestreview-{}", review.id),
        "pull_request_url": api(world, &format!("/repos/{}/pulls/{}", repository.name, issue.number)),
    })
}

pub(super) fn check(world: &World, repository: &str, check: &Check) -> Value {
    let moment = time(check.completed);
    json!({
        "id": check.id,
        "node_id": node("CR", check.id),
        "name": check.name,
        "head_sha": check.sha,
        "external_id": "",
        "status": "completed",
        "conclusion": check.conclusion,
        "started_at": moment,
        "completed_at": moment,
        "html_url": web(world, &format!("/{repository}/runs/{}", check.id)),
        "details_url": web(world, &format!("/{repository}/runs/{}", check.id)),
        "output": {
            "title": check.name, "summary": check.summary, "text": null, "annotations_count": 0,
        },
        "app": {"id": 77, "slug": super::check::APP, "name": "Acme CI"},
    })
}

/// Something that happened to an issue, as the list of events tells it; none where the issue is gone.
pub(super) fn event(world: &World, repository: &Repository, event: &Event) -> Option<Value> {
    let mut value = json!({
        "id": event.id,
        "node_id": node("IE", event.id),
        "event": event.action,
        "actor": user(world, &event.by),
        "created_at": time(event.created),
        "issue": issue(world, repository, repository.issues.get(&event.number)?),
    });
    merge(&mut value, event.more.clone());
    Some(value)
}

/// Puts the members of one object into another.
pub(super) fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
