//! `version_control`: what is read and said about code: of a pull request, and of what was merged.

use serde_json::{Value, json};

use super::forge::{own_change, repository};
use super::{Act, answers, findings};
use crate::agent::tool::clip;
use crate::plugin::forge::{ChangedFile, NewReview};
use crate::step::{Outcome, StepError, words};

/// Bytes of one file's diff.
const FILE: usize = 20_000;
/// Bytes of a commit's message.
const MESSAGE: usize = 600;
/// Bytes of a whole diff.
const DIFF: usize = 60_000;

/// Performs an action, if it is one of these.
pub(super) async fn perform(act: &Act<'_>, action: &str) -> Option<Result<Outcome, StepError>> {
    let outputs = match action {
        "get_diff" => get_diff(act).await,
        "add_review" => add_review(act).await,
        "list_review_comments" => list_review_comments(act).await,
        "answer_review_comments" => answers::perform(act).await,
        "list_checks" => list_checks(act).await,
        "list_changes" => list_changes(act).await,
        _ => return None,
    };
    Some(outputs.map(|outputs| Outcome { outputs, ..Outcome::default() }))
}

async fn get_diff(act: &Act<'_>) -> Result<Value, StepError> {
    let forge = act.parts.forge(act.context)?;
    let files = forge.files(repository(act)?, own_change(act)?).await?;
    let (diff, truncated) = bounded(&files);
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    Ok(json!({ "diff": diff, "files": paths, "truncated": truncated }))
}

/// As many files' diffs as there is room for, and whether something was left out.
fn bounded(files: &[ChangedFile]) -> (String, bool) {
    let (mut text, mut truncated) = (String::new(), false);
    for file in files {
        let whole = file.diff();
        let part = clip(&whole, FILE);
        truncated |= part != whole || file.patch.is_none();
        if text.len() + part.len() > DIFF {
            truncated = true;
            text.push_str(&format!("(no room for the diff of {})\n", file.path));
        } else {
            text.push_str(&part);
        }
    }
    (text, truncated)
}

async fn add_review(act: &Act<'_>) -> Result<Value, StepError> {
    let (repository, number) = (repository(act)?, own_change(act)?);
    let forge = &act.parts.forge(act.context)?;
    let mut body = words::outgoing(&act.inputs.required(&["body", "comment", "text"])?);
    let (sha, wants_changes) = (head(act, number).await?, wants_changes(act)?);
    let (comments, rest) = match act.inputs.value(&["comments"]) {
        None => (Vec::new(), String::new()),
        Some(given) => findings::placed(given, &forge.files(repository, number).await?),
    };
    if !rest.is_empty() {
        body = format!("{}\n\nAt places that the diff does not show:\n\n{rest}", body.trim_end());
    }
    let review = &NewReview { body, sha, wants_changes, comments };
    let made = act
        .once(0, |effect| {
            Box::pin(async move { Ok(forge.add_review(repository, number, review, &effect).await?.value) })
        })
        .await?;
    Ok(json!({ "success": true, "id": made.id, "url": made.url }))
}

/// Ostler says what it saw; that a change may go in is for people to say.
fn wants_changes(act: &Act<'_>) -> Result<bool, StepError> {
    let verdict = act.inputs.text(&["verdict"])?.unwrap_or_else(|| "comment".to_owned());
    match verdict.trim() {
        "comment" => Ok(false),
        "request_changes" => Ok(true),
        other => {
            let message = format!("`{other}` is no verdict; there are `comment` and `request_changes`");
            Err(StepError::fatal("invalid_input", message))
        }
    }
}

/// The commit that the run looks at: its own last one, else where the pull request stood when the run began.
async fn head(act: &Act<'_>, number: u64) -> Result<String, StepError> {
    let known = act.context.work.commit.clone();
    match known.or_else(|| act.context.continued().map(|change| change.head_sha)) {
        Some(sha) => Ok(sha),
        None => Ok(act.parts.forge(act.context)?.change(repository(act)?, number).await?.head_sha),
    }
}

async fn list_review_comments(act: &Act<'_>) -> Result<Value, StepError> {
    let forge = act.parts.forge(act.context)?;
    let review = act.inputs.required(&["review"])?;
    let comments = forge.review_comments(repository(act)?, own_change(act)?, &review).await?;
    Ok(json!({ "comments": comments }))
}

async fn list_checks(act: &Act<'_>) -> Result<Value, StepError> {
    let sha = head(act, own_change(act)?).await?;
    let mut checks = act.parts.forge(act.context)?.checks(repository(act)?, &sha).await?;
    for check in &mut checks {
        check.summary = clip(&check.summary, FILE);
    }
    let failed: Vec<_> = checks.iter().filter(|check| check.failed).collect();
    let passed = failed.is_empty() && checks.iter().all(|check| check.done);
    Ok(json!({ "checks": checks, "failed": failed, "passed": passed }))
}

async fn list_changes(act: &Act<'_>) -> Result<Value, StepError> {
    let (repository, forge) = (repository(act)?, act.parts.forge(act.context)?);
    let mut history = forge.history(repository).await?;
    let tip = forge.branch(repository, &history.branch).await?.map(|branch| branch.sha);
    for commit in &mut history.commits {
        commit.message = clip(&commit.message, MESSAGE);
    }
    Ok(json!({ "since": history.since, "until": tip, "commits": history.commits }))
}
