//! `version_control`: the run's branch and its pull request.

use serde_json::{Value, json};

use super::{Act, description, review, structure};
use crate::event::RepositoryName;
use crate::plugin::forge::{Branch, Change, NewChange};
use crate::run::Work;
use crate::step::branch::Moving;
use crate::step::publish::{Publication, publish};
use crate::step::{Context, Outcome, StepError, words};
use crate::workspace::git::is_branch_name;
use crate::workspace::guard::secrets;

/// Performs an action, if it is one of this capability's.
pub(super) async fn perform(act: &Act<'_>, action: &str) -> Option<Result<Outcome, StepError>> {
    Some(match action {
        "create_branch" => create_branch(act).await,
        "create_pull_request" => create_pull_request(act).await,
        "commit_changes" | "push_branch" => push(act).await,
        "get_pull_request" => get_pull_request(act).await,
        "get_repository_info" => get_repository_info(act).await,
        "analyze_repository_structure" => structure::analyze(act).await,
        "add_comment" => add_comment(act).await,
        _ => return review::perform(act, action).await,
    })
}

/// Makes the run's branch, or adopts the one of that name; a run that continues a pull request has one.
async fn create_branch(act: &Act<'_>) -> Result<Outcome, StepError> {
    let context = act.context;
    let repository = repository(act)?;
    let forge = &act.parts.forge(context)?;
    if let Some(change) = context.continued() {
        let found = forge.branch(repository, &change.head_branch).await?;
        let branch = found.ok_or_else(|| no_branch(&change.head_branch))?;
        return Ok(branch_outcome(branch, true));
    }
    let name = &act.inputs.required(&["branch", "branch_name", "name"])?;
    let base = base(act)?;
    let name = own_branch(context, name, &base)?;
    let made = act
        .once(0, |effect| {
            Box::pin(async move {
                if let Some(branch) = forge.branch(repository, name).await? {
                    return Ok((branch, true));
                }
                let base = forge.branch(repository, &base).await?.ok_or_else(|| no_branch(&base))?;
                let moving = Moving { branch: name.to_owned(), was: None, is: base.sha.clone() };
                moving.remember(context.journal.as_ref()).await?;
                let made = forge.create_branch(repository, name, &base.sha, &effect).await?;
                Ok((made.value, made.found))
            })
        })
        .await?;
    Ok(branch_outcome(made.0, made.1))
}

fn branch_outcome(branch: Branch, adopted: bool) -> Outcome {
    let outputs = json!({
        "branch": branch.name, "branch_url": branch.url, "url": branch.url, "sha": branch.sha, "adopted": adopted,
    });
    let work = Work { branch: Some(branch.name), ..Work::default() };
    Outcome { outputs, work, ..Outcome::default() }
}

/// Publishes the run's work and opens its pull request, or adopts the one that is there. Where the tests do not
/// speak for the work it is a draft, whatever was asked for.
async fn create_pull_request(act: &Act<'_>) -> Result<Outcome, StepError> {
    let context = act.context;
    let repository = repository(act)?;
    let forge = &act.parts.forge(context)?;
    if let Some(change) = context.continued() {
        let published = publish(act.parts, context, &change.head_branch).await?;
        let now = forge.change(repository, change.number).await?;
        return Ok(change_outcome(&now, published, true));
    }
    let head = head(act)?;
    let published = publish(act.parts, context, &head).await?;
    let given = act.inputs.text(&["description", "body"])?.unwrap_or_else(|| context.title());
    let new = &NewChange {
        head,
        base: base(act)?,
        title: words::line(&act.inputs.text(&["title"])?.unwrap_or_else(|| context.title()), 200),
        body: description::of(&given, context, &published),
        draft: act.inputs.flag("draft")? || published.held_back().is_some(),
    };
    let (change, found) = act
        .once(0, |effect| {
            Box::pin(async move {
                let made = forge.create_change(repository, new, &effect).await?;
                Ok((made.value, made.found))
            })
        })
        .await?;
    Ok(change_outcome(&change, published, found))
}

fn change_outcome(change: &Change, published: Publication, adopted: bool) -> Outcome {
    let mut outputs = described(change);
    outputs["adopted"] = json!(adopted);
    outputs["held_back"] = json!(published.held_back().map(|(_, why)| why).unwrap_or_default());
    outputs["commit"] = json!(published.work.commit);
    let mut work = published.work;
    work.change = Some(change.number);
    work.change_url = Some(change.url.clone());
    Outcome { outputs, work, ..Outcome::default() }
}

fn described(change: &Change) -> Value {
    json!({
        "pr_url": change.url, "url": change.url, "number": change.number, "pr_number": change.number,
        "branch": change.head_branch, "title": change.title, "body": change.body, "draft": change.draft,
        "head_branch": change.head_branch, "head_sha": change.head_sha, "base_branch": change.base_branch,
        "open": change.open,
    })
}

/// Commits and pushes the run's work without opening anything.
async fn push(act: &Act<'_>) -> Result<Outcome, StepError> {
    let context = act.context;
    repository(act)?;
    let named = act.inputs.text(&["branch", "branch_name"])?;
    let branch = match (context.continued(), &context.work.branch, named) {
        (Some(change), ..) => change.head_branch,
        (None, Some(branch), _) => branch.clone(),
        (None, None, Some(named)) => own_branch(context, &named, &base(act)?)?.to_owned(),
        (None, None, None) => return Err(StepError::fatal("invalid_input", "`branch` is needed")),
    };
    let published = publish(act.parts, context, &branch).await?;
    let outputs = json!({ "success": true, "branch": branch, "commit": published.work.commit });
    Ok(Outcome { outputs, work: published.work, ..Outcome::default() })
}

async fn get_pull_request(act: &Act<'_>) -> Result<Outcome, StepError> {
    let repository = repository(act)?;
    let change = act.parts.forge(act.context)?.change(repository, own_change(act)?).await?;
    Ok(Outcome { outputs: described(&change), ..Outcome::default() })
}

async fn get_repository_info(act: &Act<'_>) -> Result<Outcome, StepError> {
    let found = act.parts.forge(act.context)?.repository(repository(act)?).await?;
    let outputs = json!({
        "name": found.name, "url": found.url, "default_branch": found.default_branch, "private": found.private,
    });
    Ok(Outcome { outputs, ..Outcome::default() })
}

async fn add_comment(act: &Act<'_>) -> Result<Outcome, StepError> {
    let repository = repository(act)?;
    let number = own_change(act)?;
    let body = &words::outgoing(&act.inputs.required(&["comment", "body", "text"])?);
    let forge = &act.parts.forge(act.context)?;
    let made = act
        .once(0, |effect| {
            Box::pin(async move { Ok(forge.add_comment(repository, number, body, &effect).await?.value) })
        })
        .await?;
    Ok(Outcome { outputs: json!({ "success": true, "id": made.id, "url": made.url }), ..Outcome::default() })
}

/// The run's repository; an input that names another is refused.
pub(in crate::step) fn repository<'a>(act: &'a Act<'_>) -> Result<&'a RepositoryName, StepError> {
    let own = act.context.repository()?;
    let named = act.inputs.text(&["repository", "repository_url", "repo"])?;
    match named {
        Some(named) if RepositoryName::from_url_or_name(&named).ok().as_ref() != Some(own) => {
            Err(foreign("repository", &named, &own.to_string()))
        }
        _ => Ok(own),
    }
}

/// The branch that a new pull request comes from.
pub(in crate::step) fn head(act: &Act<'_>) -> Result<String, StepError> {
    let named = act.inputs.text(&["source_branch", "branch_name", "branch", "head"])?;
    match (&act.context.work.branch, &named) {
        (Some(branch), Some(named)) if branch != named => Err(foreign("branch", named, branch)),
        (Some(branch), _) => Ok(branch.clone()),
        (None, Some(named)) => own_branch(act.context, named, &base(act)?).map(str::to_owned),
        (None, None) => Err(StepError::fatal("invalid_input", "`source_branch` is needed")),
    }
}

/// The branch that the run's work is to go into.
fn base(act: &Act<'_>) -> Result<String, StepError> {
    let named = act.inputs.text(&["base_branch", "target_branch", "base"])?;
    let base = named.or_else(|| act.context.default_branch());
    base.ok_or_else(|| {
        StepError::fatal("invalid_input", "`base_branch` is needed: no default branch is known")
    })
}

/// The run's pull request; an input that names another is refused.
pub(in crate::step) fn own_change(act: &Act<'_>) -> Result<u64, StepError> {
    let own = act.context.work.change.or_else(|| act.context.continued().map(|change| change.number));
    let own = own.ok_or_else(|| StepError::fatal("no_pull_request", "the run has no pull request yet"))?;
    match act.inputs.text(&["number", "pr_number"])? {
        Some(named) if named != own.to_string() => Err(foreign("pull request", &named, &own.to_string())),
        _ => Ok(own),
    }
}

/// A branch name that the run may make its own: a sound one, and not one that others build on.
fn own_branch<'a>(context: &Context, name: &'a str, base: &str) -> Result<&'a str, StepError> {
    if let Some(secret) = secrets::found(name).first() {
        let message = format!("a branch's name that looks like {} is shown to everybody", secret.what);
        return Err(StepError::fatal("invalid_input", message));
    }
    if !is_branch_name(name) {
        return Err(StepError::fatal("invalid_input", format!("`{name}` cannot be a branch's name")));
    }
    if name == base || context.default_branch().as_deref() == Some(name) {
        return Err(StepError::fatal("foreign_target", format!("`{name}` is not a branch to work on")));
    }
    Ok(name)
}

fn foreign(what: &str, given: &str, own: &str) -> StepError {
    StepError::fatal("foreign_target", format!("`{given}` is not this run's {what} (`{own}`)"))
}

fn no_branch(name: &str) -> StepError {
    StepError::fatal("not_found", format!("there is no branch `{name}`"))
}
