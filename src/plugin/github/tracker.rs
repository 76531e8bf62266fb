//! Issues as tasks: `owner/name#number`.

use http::Method;
use serde_json::json;

use super::client::{self, Call, GitHub};
use super::forge::{bounded, since};
use super::wire;
use crate::event::{Account, RepositoryName, SourceName, TaskRef};
use crate::plugin::client::{gone, segment};
use crate::plugin::effect::{Effect, Made, ensure};
use crate::plugin::tracker::{CommentRef, NewTask, Position, Status, Task, Tracker};
use crate::plugin::{self, PluginError, Problem};

impl Tracker for GitHub {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn whoami(&self) -> plugin::Call<'_, Account> {
        Box::pin(async { self.own_account().await.cloned() })
    }

    fn default_channel(&self) -> Option<&str> {
        self.options.default_channel.as_deref()
    }

    fn get_task<'a>(&'a self, task: &'a TaskRef) -> plugin::Call<'a, Task> {
        Box::pin(async move {
            let place = self.place(task)?;
            let issue = self.issue(&place).await?;
            Ok(self.task(&place.repository, issue))
        })
    }

    fn create_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> plugin::Call<'a, Made<Task>> {
        Box::pin(self.create_issue(new, effect))
    }

    fn find_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> plugin::Call<'a, Option<Task>> {
        Box::pin(async move {
            let repository = self.home(new)?;
            let found = self.own_issue(repository, effect).await?;
            Ok(found.map(|issue| self.task(repository, issue)))
        })
    }

    fn close_task<'a>(&'a self, task: &'a TaskRef, _effect: &'a Effect) -> plugin::Call<'a, ()> {
        Box::pin(async move {
            let place = self.place(task)?;
            if self.issue(&place).await?.state == "closed" {
                return Ok(());
            }
            let body = json!({ "state": "closed", "state_reason": "not_planned" });
            let route = place.route();
            self.act(&place.repository, Call::new(Method::PATCH, &route, &body).repeatable()).await
        })
    }

    fn position<'a>(&'a self, task: &'a TaskRef) -> plugin::Call<'a, Position> {
        Box::pin(async move { Ok(self.get_task(task).await?.status.into()) })
    }

    fn set_status<'a>(
        &'a self,
        task: &'a TaskRef,
        status: Status,
        _effect: &'a Effect,
    ) -> plugin::Call<'a, Position> {
        Box::pin(async move { self.move_issue(task, status).await.map(|()| status.into()) })
    }

    fn put_back<'a>(
        &'a self,
        task: &'a TaskRef,
        to: &'a Position,
        _effect: &'a Effect,
    ) -> plugin::Call<'a, ()> {
        Box::pin(self.move_issue(task, to.status))
    }

    fn add_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Made<CommentRef>> {
        Box::pin(async move {
            let place = self.place(task)?;
            self.comment(&place.repository, place.number, body, effect).await
        })
    }

    fn find_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Option<CommentRef>> {
        Box::pin(async move {
            let place = self.place(task)?;
            self.own_comment(&place.repository, place.number, effect).await
        })
    }

    fn edit_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        comment: &'a CommentRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> plugin::Call<'a, ()> {
        Box::pin(
            async move { self.rewrite_comment(&self.place(task)?.repository, comment, body, effect).await },
        )
    }

    fn delete_comment<'a>(&'a self, task: &'a TaskRef, comment: &'a CommentRef) -> plugin::Call<'a, ()> {
        Box::pin(async move { self.erase_comment(&self.place(task)?.repository, comment).await })
    }

    /// There are no links here that are not mentions.
    fn linked<'a>(&'a self, _task: &'a TaskRef, _url: &'a str) -> plugin::Call<'a, Option<String>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// GitHub links by mention: a pull request whose text names the issue shows up there, so there is
    /// nothing to make.
    fn link<'a>(
        &'a self,
        _task: &'a TaskRef,
        _url: &'a str,
        _title: &'a str,
        _effect: &'a Effect,
    ) -> plugin::Call<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn unlink<'a>(&'a self, _task: &'a TaskRef, _url: &'a str) -> plugin::Call<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Which issue.
struct Place {
    repository: RepositoryName,
    number: u64,
}

impl Place {
    fn route(&self) -> String {
        format!("/repos/{}/issues/{}", self.repository, self.number)
    }
}

impl GitHub {
    fn place(&self, task: &TaskRef) -> Result<Place, PluginError> {
        let parts = task.key.split_once('#').and_then(|(repository, number)| {
            Some(Place { repository: repository.parse().ok()?, number: number.parse().ok()? })
        });
        parts.ok_or_else(|| {
            self.client
                .error(Problem::Invalid, format!("`{}` is not an issue (`owner/name#number`)", task.key))
        })
    }

    async fn issue(&self, place: &Place) -> Result<wire::Issue, PluginError> {
        self.call(&place.repository, Call::get(&place.route())).await
    }

    fn task(&self, repository: &RepositoryName, issue: wire::Issue) -> Task {
        let labels: Vec<String> = issue.labels.into_iter().map(|label| label.name).collect();
        let reference = TaskRef::new(client::NAME, format!("{repository}#{}", issue.number));
        Task {
            id: reference.short().to_owned(),
            task_id: reference.short().to_owned(),
            status: self.status(&issue.state, &labels),
            kind: self.kind(&labels),
            reference,
            title: issue.title,
            description: issue.body.unwrap_or_default(),
            labels,
            assignee: issue.assignee.map(|user| Account::new(client::NAME, &user.login)),
            url: issue.html_url,
            repository_url: Some(self.web_url(repository)),
            team_channel: None,
        }
    }

    fn status(&self, state: &str, labels: &[String]) -> Status {
        let has = |label: &str| labels.iter().any(|each| each.eq_ignore_ascii_case(label));
        let names = &self.options.statuses;
        match state {
            "closed" => Status::Done,
            _ if has(&names.in_review) => Status::InReview,
            _ if has(&names.in_progress) => Status::InProgress,
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

    /// Labels are added and removed one by one, so that what others change meanwhile stays; each of these
    /// calls sets something and may be repeated.
    async fn move_issue(&self, task: &TaskRef, status: Status) -> Result<(), PluginError> {
        let place = self.place(task)?;
        let issue = self.issue(&place).await?;
        let wanted = self.status_label(status);
        let has = |label: &str| issue.labels.iter().any(|each| each.name.eq_ignore_ascii_case(label));
        if let Some(label) = wanted.filter(|label| !has(label)) {
            let route = format!("{}/labels", place.route());
            let call = Call::new(Method::POST, &route, &json!({ "labels": [label] }));
            self.act(&place.repository, call.repeatable()).await?;
        }
        for other in [Status::InProgress, Status::InReview].into_iter().filter(|each| *each != status) {
            if let Some(label) = self.status_label(other).filter(|label| has(label)) {
                self.remove_label(&place, label).await?;
            }
        }
        let state = if status == Status::Done { "closed" } else { "open" };
        if issue.state != state {
            let route = place.route();
            let call = Call::new(Method::PATCH, &route, &json!({ "state": state }));
            self.act(&place.repository, call.repeatable()).await?;
        }
        Ok(())
    }

    async fn remove_label(&self, place: &Place, label: &str) -> Result<(), PluginError> {
        let route = format!("{}/labels/{}", place.route(), segment(label));
        // Somebody may have taken it off before us.
        gone(self.act(&place.repository, Call::delete(&route)).await)
    }

    async fn create_issue(&self, new: &NewTask, effect: &Effect) -> Result<Made<Task>, PluginError> {
        let repository = self.home(new)?;
        let route = format!("/repos/{repository}/issues");
        let body = json!({
            "title": new.title,
            "body": effect.mark(bounded(&new.description)),
            "labels": self.kind_label(&new.kind),
        });
        let look = || self.own_issue(repository, effect);
        let make = || self.call::<wire::Issue>(repository, Call::new(Method::POST, &route, &body));
        let made = ensure(effect, self.client.clock().as_ref(), look, make).await?;
        Ok(made.map(|issue| self.task(repository, issue)))
    }

    /// The repository that a new issue goes to.
    fn home<'a>(&self, new: &'a NewTask) -> Result<&'a RepositoryName, PluginError> {
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
        let since = since(effect);
        // Newest first, and never by `creator`: it does not know Apps.
        let query = format!("state=all&sort=created&direction=desc&since={since}&per_page=100");
        let ours = |issue: &wire::Issue| {
            issue.pull_request.is_none()
                && Self::is_own(own, issue.user.as_ref())
                && issue.body.as_ref().is_some_and(|body| body.contains(&marker))
        };
        self.find(repository, &format!("/repos/{repository}/issues?{query}"), ours).await
    }

    fn kind_label(&self, kind: &str) -> Vec<&str> {
        let named = self.options.types.iter().find(|(_, of)| of.as_str() == kind);
        named.map(|(label, _)| label.as_str()).into_iter().collect()
    }
}
