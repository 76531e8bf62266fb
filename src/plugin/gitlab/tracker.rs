//! Issues as tasks: `group/name#number`; a merge request is one too, as `group/name!number`.

use serde_json::{Map, Value, json};

use super::client::{self, GitLab, inert, project, put};
use super::forge::Place;
use super::wire;
use crate::event::{Account, RepositoryName, SourceName, TaskRef};
use crate::plugin::client::Request;
use crate::plugin::effect::{Effect, Made, ensure};
use crate::plugin::tracker::{CommentRef, NewTask, Position, Status, Task, Tracker};
use crate::plugin::{Call, PluginError, Problem};

impl Tracker for GitLab {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn whoami(&self) -> Call<'_, Account> {
        Box::pin(self.own_account())
    }

    fn default_channel(&self) -> Option<&str> {
        self.options.default_channel.as_deref()
    }

    fn get_task<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Task> {
        Box::pin(async move {
            let place = self.place(task)?;
            let found = self.read(&Request::get(place.path())).await?;
            Ok(self.task(&place, found))
        })
    }

    fn create_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> Call<'a, Made<Task>> {
        Box::pin(self.create_issue(new, effect))
    }

    fn find_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> Call<'a, Option<Task>> {
        Box::pin(async move {
            let repository = self.goal(new)?;
            let found = self.own_issue(repository, effect).await?;
            Ok(found.map(|issue| self.task(&Place::issue(repository, issue.iid), issue)))
        })
    }

    fn close_task<'a>(&'a self, task: &'a TaskRef, _effect: &'a Effect) -> Call<'a, ()> {
        Box::pin(async move { self.close(self.place(task)?).await })
    }

    fn position<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Position> {
        Box::pin(async move { Ok(self.get_task(task).await?.status.into()) })
    }

    fn set_status<'a>(
        &'a self,
        task: &'a TaskRef,
        status: Status,
        _effect: &'a Effect,
    ) -> Call<'a, Position> {
        Box::pin(self.move_issue(task, status))
    }

    fn put_back<'a>(&'a self, task: &'a TaskRef, to: &'a Position, _effect: &'a Effect) -> Call<'a, ()> {
        Box::pin(async move { self.move_issue(task, to.status).await.map(drop) })
    }

    fn add_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        Box::pin(async move { self.comment(&self.place(task)?, body, effect).await })
    }

    fn find_comment<'a>(&'a self, task: &'a TaskRef, effect: &'a Effect) -> Call<'a, Option<CommentRef>> {
        Box::pin(async move { self.own_note(&self.place(task)?, effect).await })
    }

    fn edit_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        comment: &'a CommentRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, ()> {
        Box::pin(async move { self.rewrite_note(&self.place(task)?, comment, body, effect).await })
    }

    fn delete_comment<'a>(&'a self, task: &'a TaskRef, comment: &'a CommentRef) -> Call<'a, ()> {
        Box::pin(async move { self.erase_note(&self.place(task)?, comment).await })
    }

    /// There are no links here that are not mentions.
    fn linked<'a>(&'a self, _task: &'a TaskRef, _url: &'a str) -> Call<'a, Option<String>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// GitLab links by mention: a merge request whose text leads to the issue shows up there, so there is
    /// nothing to make.
    fn link<'a>(
        &'a self,
        _task: &'a TaskRef,
        _url: &'a str,
        _title: &'a str,
        _effect: &'a Effect,
    ) -> Call<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn unlink<'a>(&'a self, _task: &'a TaskRef, _url: &'a str) -> Call<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl GitLab {
    fn place(&self, task: &TaskRef) -> Result<Place, PluginError> {
        let parts = task.key.rsplit_once(['#', '!']).and_then(|(repository, number)| {
            let repository: RepositoryName = repository.parse().ok()?;
            let change = task.key[repository.to_string().len()..].starts_with('!');
            Some(Place { repository, number: number.parse().ok()?, change })
        });
        let message = || format!("`{}` is no issue (`group/name#number`) nor merge request", task.key);
        parts.ok_or_else(|| self.client.error(Problem::Invalid, message()))
    }

    fn task(&self, place: &Place, issue: wire::Issue) -> Task {
        let sign = if place.change { '!' } else { '#' };
        let reference = TaskRef::new(client::NAME, format!("{}{sign}{}", place.repository, issue.iid));
        Task {
            id: reference.short().to_owned(),
            task_id: reference.short().to_owned(),
            status: self.status(&issue),
            kind: self.kind(&issue.labels),
            reference,
            title: issue.title,
            description: issue.description.unwrap_or_default(),
            labels: issue.labels,
            assignee: issue.assignees.first().map(wire::User::account),
            url: issue.web_url,
            repository_url: Some(self.web_url(&place.repository)),
            team_channel: None,
        }
    }

    fn status(&self, issue: &wire::Issue) -> Status {
        let names = &self.options.statuses;
        match issue.state.as_str() {
            "closed" | "merged" => Status::Done,
            _ if issue.has(&names.in_review) => Status::InReview,
            _ if issue.has(&names.in_progress) => Status::InProgress,
            _ => Status::Todo,
        }
    }

    fn kind(&self, labels: &[String]) -> String {
        let named = labels.iter().find_map(|label| self.options.types.get(label));
        named.cloned().unwrap_or_else(|| "feature".to_owned())
    }

    fn status_label(&self, status: Status) -> Option<&str> {
        match status {
            Status::InProgress => Some(&self.options.statuses.in_progress),
            Status::InReview => Some(&self.options.statuses.in_review),
            Status::Todo | Status::Done => None,
        }
    }

    /// One call says which labels come and which go, so that what others change meanwhile stays. Gives where it
    /// stands after that, which for a merge request need not be where it was to go.
    async fn move_issue(&self, task: &TaskRef, status: Status) -> Result<Position, PluginError> {
        let place = self.place(task)?;
        let mut issue: wire::Issue = self.read(&Request::get(place.path())).await?;
        let wish = self.wish(&place, &issue, status);
        if !wish.is_empty() {
            issue = self.read(&put(place.path(), &wish)).await?;
        }
        Ok(self.status(&issue).into())
    }

    /// What has to change of an issue for it to be in a status.
    fn wish(&self, place: &Place, issue: &wire::Issue, status: Status) -> Map<String, Value> {
        let mut wish = Map::new();
        if let Some(label) = self.status_label(status).filter(|label| !issue.has(label)) {
            wish.insert("add_labels".to_owned(), label.into());
        }
        let others = [Status::InProgress, Status::InReview].into_iter().filter(|each| *each != status);
        let gone = others.filter_map(|each| self.status_label(each)).filter(|label| issue.has(label));
        let gone: Vec<_> = gone.collect();
        if !gone.is_empty() {
            wish.insert("remove_labels".to_owned(), gone.join(",").into());
        }
        let open = issue.state == "opened";
        // Whether a merge request is merged or given up is for people to say.
        if !place.change && open == (status == Status::Done) {
            wish.insert("state_event".to_owned(), if open { "close" } else { "reopen" }.into());
        }
        wish
    }

    async fn create_issue(&self, new: &NewTask, effect: &Effect) -> Result<Made<Task>, PluginError> {
        let repository = self.goal(new)?;
        let request = Request::post(
            project(repository, "/issues"),
            &json!({
                "title": new.title,
                "description": inert(&effect.mark(&new.description)),
                "labels": self.kind_label(&new.kind),
            }),
        );
        let look = || self.own_issue(repository, effect);
        let make = || self.read::<wire::Issue>(&request);
        let made = ensure(effect, self.client.clock().as_ref(), look, make).await?;
        Ok(made.map(|issue| self.task(&Place::issue(repository, issue.iid), issue)))
    }

    /// The repository that a new issue goes to.
    fn goal<'a>(&self, new: &'a NewTask) -> Result<&'a RepositoryName, PluginError> {
        let missing = || self.client.error(Problem::Invalid, "a new issue needs a repository");
        new.repository.as_ref().ok_or_else(missing)
    }

    /// The issue that this effect made.
    async fn own_issue(
        &self,
        repository: &RepositoryName,
        effect: &Effect,
    ) -> Result<Option<wire::Issue>, PluginError> {
        let own = self.own_account().await?;
        let marker = effect.key.marker();
        let ours = |issue: &wire::Issue| {
            issue.author.as_ref().is_some_and(|author| author.account() == own)
                && issue.description.as_ref().is_some_and(|text| text.contains(&marker))
        };
        let since = effect.earliest().strftime("%Y-%m-%dT%H:%M:%SZ");
        let query = format!("/issues?scope=all&order_by=created_at&sort=desc&created_after={since}");
        self.find(&project(repository, &query), ours).await
    }

    fn kind_label(&self, kind: &str) -> &str {
        let named = self.options.types.iter().find(|(_, of)| of.as_str() == kind);
        named.map_or("", |(label, _)| label.as_str())
    }
}
