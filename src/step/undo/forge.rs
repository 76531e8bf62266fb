//! Taking back a branch, what was pushed to it, a pull request and a comment in it.

use super::{Became, Sight, Told, Undoing, left};
use crate::plugin::forge::Change;
use crate::step::StepError;
use crate::step::action::forge;
use crate::step::branch::Moving;

/// The ordinal under which the first branch is put back: behind those of the effects that are made.
const BRANCH: u32 = 2;

/// Takes back what one of the capability's actions did.
pub(super) async fn undo(undoing: &Undoing<'_>, action: &str, told: &mut Told) {
    match action {
        "create_branch" | "commit_changes" | "push_branch" => branches(undoing, told).await,
        "create_pull_request" => pull_request(undoing, told).await,
        "add_comment" if undoing.past.meant(0) => told.add(in_change(undoing), comment(undoing).await),
        "add_comment" => {}
        _ => told.unknown(&undoing.past.step),
    }
}

/// Closes the pull request, then puts its branch back. A branch is not pulled away from under a pull request
/// that stays.
async fn pull_request(undoing: &Undoing<'_>, told: &mut Told) {
    if undoing.past.meant(0) {
        told.add(opened(undoing), change(undoing).await);
    }
    if !told.left_something() {
        return branches(undoing, told).await;
    }
    for Moving { branch, .. } in moves(undoing) {
        told.add(format!("branch `{branch}`"), Ok(left("the pull request from it is left, too")));
    }
}

fn opened(undoing: &Undoing<'_>) -> String {
    let url = undoing.past.outputs.get("pr_url").and_then(|url| url.as_str());
    url.map_or_else(|| "the pull request".to_owned(), |url| format!("pull request {url}"))
}

async fn change(undoing: &Undoing<'_>) -> Result<Became, StepError> {
    let act = &undoing.act;
    let (forge, repository) = (&act.parts.forge(act.context)?, forge::repository(act)?);
    let (head, effect) = (forge::head(act)?, undoing.effect(0));
    let ours = ours(undoing);
    let look = async {
        let found = forge.find_change(repository, &head, &effect).await?;
        Ok(found.map_or(Sight::Gone, |change| sight(change, &ours)))
    };
    let close = |change: Change, _| async move { Ok(forge.close_change(repository, change.number).await?) };
    undoing.take_back(0, look, close).await
}

fn sight(change: Change, ours: &[String]) -> Sight<Change> {
    if change.merged {
        Sight::Kept("somebody has merged it".to_owned())
    } else if !change.open {
        Sight::Gone
    } else if !ours.contains(&change.head_sha) {
        Sight::Kept(format!("it stands at {}, which this run did not push", short(&change.head_sha)))
    } else {
        Sight::There(change)
    }
}

/// The commits at which the run's branch may stand because of the run: where this step put it, and where the
/// steps after it did, or where the undoing of those has put it back to.
fn ours(undoing: &Undoing<'_>) -> Vec<String> {
    let published = undoing.past.outputs.get("commit").and_then(|commit| commit.as_str());
    let moved = moves(undoing).into_iter().map(|moving| moving.is);
    moved.chain(published.map(str::to_owned)).chain(undoing.context.work.commit.clone()).collect()
}

/// Puts the branches that the step moved back to where they stood.
pub(super) async fn branches(undoing: &Undoing<'_>, told: &mut Told) {
    for (ordinal, moving) in (BRANCH..).zip(moves(undoing)) {
        told.add(format!("branch `{}`", moving.branch), put_back(undoing, ordinal, &moving).await);
    }
}

fn moves(undoing: &Undoing<'_>) -> Vec<Moving> {
    Moving::among(&undoing.past.facts)
}

async fn put_back(undoing: &Undoing<'_>, ordinal: u32, moving: &Moving) -> Result<Became, StepError> {
    let act = &undoing.act;
    let (forge, repository) = (&act.parts.forge(act.context)?, forge::repository(act)?);
    let look = async {
        let found = forge.branch(repository, &moving.branch).await?;
        match stand(found.map(|branch| branch.sha), moving) {
            Sight::There(()) => {
                Ok(held(undoing, &moving.branch).await?.map_or(Sight::There(()), Sight::Kept))
            }
            sight => Ok(sight),
        }
    };
    let (workspaces, run) = (&act.parts.workspaces, undoing.context.run);
    let remove = |(), _| async move {
        let remote = forge.remote(repository).await?;
        let stands = (moving.branch.as_str(), moving.is.as_str());
        workspaces.put_back(run, &remote, stands, moving.was.as_deref()).await?;
        Ok(())
    };
    undoing.take_back(ordinal, look, remove).await
}

/// A branch that stands where the step put it, where it stood before or nowhere, or where somebody else put it.
fn stand(tip: Option<String>, moving: &Moving) -> Sight<()> {
    match tip {
        Some(tip) if tip == moving.is => Sight::There(()),
        Some(tip) if moving.was.as_ref() != Some(&tip) => {
            Sight::Kept(format!("it stands at {}, where this step did not put it", short(&tip)))
        }
        _ => Sight::Gone,
    }
}

/// Why the run's pull request keeps its branch where it is: it was merged, or it is the run's own and still open.
async fn held(undoing: &Undoing<'_>, branch: &str) -> Result<Option<String>, StepError> {
    let act = &undoing.act;
    let continued = act.context.continued().map(|change| change.number);
    let Some(number) = continued.or(undoing.context.work.change) else { return Ok(None) };
    let change = act.parts.forge(act.context)?.change(forge::repository(act)?, number).await?;
    Ok(match change {
        change if change.head_branch != branch => None,
        Change { merged: true, .. } => Some("its pull request was merged".to_owned()),
        Change { open: true, .. } if continued.is_none() => {
            Some("the pull request from it is left, too".to_owned())
        }
        _ => None,
    })
}

fn in_change(undoing: &Undoing<'_>) -> String {
    let url = undoing.past.outputs.get("url").and_then(|url| url.as_str());
    url.map_or_else(|| "the comment in the pull request".to_owned(), |url| format!("comment {url}"))
}

async fn comment(undoing: &Undoing<'_>) -> Result<Became, StepError> {
    let act = &undoing.act;
    let (forge, repository) = (&act.parts.forge(act.context)?, forge::repository(act)?);
    let (number, effect) = (forge::own_change(act)?, undoing.effect(0));
    let look = async { Ok(forge.find_comment(repository, number, &effect).await?.into()) };
    let remove = |found, _| async move { Ok(forge.delete_comment(repository, number, &found).await?) };
    undoing.take_back(0, look, remove).await
}

fn short(sha: &str) -> &str {
    sha.get(..8).unwrap_or(sha)
}
