//! Publishing: what an agent left is judged, committed and pushed, once, to the one branch that the run has.
//!
//! Every decision is journalled before it has an effect. A replay makes the same commit, and a push of a
//! commit that is there already is no push.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::branch::Moving;
use super::perform::Parts;
use super::{Context, StepError, checkout, journal, words};
use crate::failpoint;
use crate::plugin::forge::Remote;
use crate::run::Work;
use crate::workspace::checks::{Checks, Report};
use crate::workspace::guard::secrets;
use crate::workspace::{Author, Workspace};

/// What publishing gave.
#[derive(Debug, Default)]
pub(super) struct Publication {
    /// The branch, and the commit that it stands at.
    pub(super) work: Work,
    /// What the gate said, where it was asked.
    pub(super) report: Option<Report>,
}

impl Publication {
    /// Why nobody is asked to review it yet: what does not speak for it, and the reason; nothing when the tests do,
    /// or there are none.
    pub(super) fn held_back(&self) -> Option<(&'static str, String)> {
        self.report.as_ref().and_then(Report::held_back)
    }

    /// What the repository's own tests said.
    pub(super) fn checks(&self) -> Option<&Checks> {
        self.report.as_ref()?.checks.as_ref()
    }

    /// The paths that differ from what the agent began with.
    pub(super) fn paths(&self) -> &[String] {
        self.report.as_ref().map(|report| report.paths.as_slice()).unwrap_or_default()
    }
}

/// What makes a commit the same commit each time.
#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    author: Author,
    date: Timestamp,
    message: String,
    tree: String,
    parent: String,
}

/// Lets a branch hold the run's work.
///
/// # Errors
/// `gate_refused` when the work may not be published, `nothing_to_publish` when there is none,
/// `branch_moved` when somebody else wrote to the branch.
pub(super) async fn publish(
    parts: &Parts,
    context: &Context,
    branch: &str,
) -> Result<Publication, StepError> {
    let Some(tree) = &context.work.tree else {
        return unchanged(context, branch);
    };
    let workspace = checkout::existing(parts, context).await?;
    let remote = parts.forge(context)?.remote(context.repository()?).await?;
    let parent = context.work.commit.as_ref().unwrap_or(&workspace.base);
    if workspace.tree_of(parent).await? == *tree {
        return published_before(context, &workspace, branch, tree).await;
    }
    let report = gate(context, &workspace, tree).await?;
    spare_reviewers(context, &report)?;
    let intent = intent(parts, context, tree, parent).await?;
    let by = (&intent.author, intent.date);
    let commit = workspace.commit(&intent.tree, &intent.parent, &intent.message, by).await?;
    push(context, (&workspace, &remote), &commit, (branch, &intent.parent)).await?;
    let work = Work {
        branch: Some(branch.to_owned()),
        base: Some(workspace.base.clone()),
        commit: Some(commit),
        ..Work::default()
    };
    Ok(Publication { work, report: Some(report) })
}

/// The run's work with one file more; gives the new tree.
///
/// # Errors
/// When the repository, git or the path refuses.
pub(super) async fn add_file(
    parts: &Parts,
    context: &Context,
    path: &str,
    text: &str,
) -> Result<String, StepError> {
    let repository = context.repository()?;
    let workspace = match parts.workspaces.find(context.run).await? {
        Some(workspace) => workspace,
        None => {
            let remote = parts.forge(context)?.remote(repository).await?;
            let branch = context.work.branch.clone().or_else(|| context.default_branch());
            parts.workspaces.open(context.run, &remote, branch.as_deref().unwrap_or("HEAD")).await?
        }
    };
    let tree = checkout::tree(context, &workspace).await?;
    let tree = workspace.with_file(&tree, path, text).await?;
    // The checkout too: an agent that works on would otherwise leave a tree without it.
    workspace.write(path, text).await?;
    Ok(tree)
}

/// Nothing new: well, if something was published before.
fn unchanged(context: &Context, branch: &str) -> Result<Publication, StepError> {
    if context.work.commit.is_none() {
        return Err(StepError::fatal("nothing_to_publish", "the run has changed nothing"));
    }
    let work =
        Work { branch: Some(branch.to_owned()), commit: context.work.commit.clone(), ..Work::default() };
    Ok(Publication { work, ..Publication::default() })
}

/// What an earlier step published. What the gate said of it then still counts.
async fn published_before(
    context: &Context,
    workspace: &Workspace,
    branch: &str,
    tree: &str,
) -> Result<Publication, StepError> {
    let publication = unchanged(context, branch)?;
    if workspace.tree_of(&workspace.base).await? == tree {
        return Ok(publication);
    }
    let report = gate(context, workspace, tree).await?;
    Ok(Publication { report: Some(report), ..publication })
}

/// Judges the work, once; the verdict stands.
async fn gate(context: &Context, workspace: &Workspace, tree: &str) -> Result<Report, StepError> {
    let name = format!("gate/{tree}");
    let judge = async { Ok(told(workspace.gate(tree).await?)) };
    let report: Report = journal::settled(context.journal.as_ref(), &name, judge).await?;
    match report.refusal() {
        Some(reason) => Err(refused(&report, &reason)?),
        None => Ok(report),
    }
}

/// What the gate said, as it may be journalled and shown: a path may hold a secret as well.
fn told(report: Report) -> Report {
    let paths = report.paths.iter().map(|path| secrets::redacted(path)).collect();
    Report { paths, ..report }
}

/// Work that makes the tests worse becomes a draft, and never a commit on a pull request that people read already.
fn spare_reviewers(context: &Context, report: &Report) -> Result<(), StepError> {
    let is_read = context.continued().is_some() || context.work.change.is_some();
    let worse = report.checks.as_ref().and_then(Checks::regression).filter(|_| is_read);
    worse.map_or(Ok(()), |reason| Err(refused(report, &reason)?))
}

fn refused(report: &Report, reason: &str) -> Result<StepError, StepError> {
    let message = format!("the change is not published: {reason}");
    Ok(StepError::fatal("gate_refused", message).with(to_value(report)?))
}

/// What is to be committed, decided once.
async fn intent(parts: &Parts, context: &Context, tree: &str, parent: &str) -> Result<Intent, StepError> {
    let intent = Intent {
        author: parts.workspaces.options.author.clone(),
        date: context.clock.now(),
        message: message(context),
        tree: tree.to_owned(),
        parent: parent.to_owned(),
    };
    let name = format!("commit/{tree}");
    journal::settled(context.journal.as_ref(), &name, std::future::ready(Ok(intent))).await
}

/// Moves the branch from the commit's parent to the commit; one that is not there yet begins with it.
async fn push(
    context: &Context,
    (workspace, remote): (&Workspace, &Remote),
    commit: &str,
    (branch, parent): (&str, &str),
) -> Result<(), StepError> {
    let moving = async {
        let was = workspace.remote_tip(remote, branch).await?;
        Ok(Moving { branch: branch.to_owned(), was, is: commit.to_owned() })
    };
    let moving = journal::settled(context.journal.as_ref(), &Moving::name(commit), moving).await?;
    let expected = match moving.was {
        Some(tip) if tip == commit => return Ok(()),
        Some(_) => Some(parent),
        None => None,
    };
    failpoint::hit("before_push");
    workspace.push(remote, commit, branch, expected).await?;
    failpoint::hit("after_push");
    Ok(())
}

/// A conventional commit message about the task.
fn message(context: &Context) -> String {
    let task = context.task();
    let kind = match task.as_ref().map(|task| task.kind.as_str()) {
        Some("bug") => "fix",
        Some("documentation" | "docs") => "docs",
        Some("chore" | "maintenance") => "chore",
        _ => "feat",
    };
    let subject = words::line(&format!("{kind}: {}", context.title()), 72);
    let mut message = format!("{subject}\n\n");
    if let Some(task) = task {
        message.push_str(&format!("Task: {}\n", words::line(&task.url, 300)));
    }
    message.push_str(&format!("Ostler-Run: {}\n", context.run));
    message
}

fn to_value(value: &impl Serialize) -> Result<serde_json::Value, StepError> {
    serde_json::to_value(value).map_err(|error| StepError::fatal("journal_unwritable", error.to_string()))
}
