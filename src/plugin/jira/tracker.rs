//! Issues as tasks.

use http::Method;
use serde_json::{Value, json};

use super::client::{API, Jira, NAME};
use super::{adf, wire};
use crate::event::{Account, RepositoryName, SourceName, TaskRef};
use crate::id::Digest;
use crate::plugin::client::{Request, Retry, segment};
use crate::plugin::effect::{Effect, Made, ensure};
use crate::plugin::tracker::{CommentRef, NewTask, Position, Status, Task, Tracker};
use crate::plugin::{Call, PluginError, Problem};

/// The comment property that holds an effect's key: people do not see it, and a search can ask for it.
const PROPERTY: &str = "ostler.effect";

/// Comments that one look reads.
const PAGE: usize = 100;

/// The longest text that a field or comment may hold, in characters.
const LONGEST: usize = 32_000;

impl Tracker for Jira {
    fn name(&self) -> SourceName {
        SourceName::new(NAME)
    }

    fn whoami(&self) -> Call<'_, Account> {
        Box::pin(async { self.own_account().await.cloned() })
    }

    fn default_channel(&self) -> Option<&str> {
        self.options.default_channel.as_deref()
    }

    fn get_task<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Task> {
        Box::pin(self.read_task(&task.key))
    }

    fn create_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> Call<'a, Made<Task>> {
        Box::pin(self.create_issue(new, effect))
    }

    fn find_task<'a>(&'a self, _: &'a NewTask, effect: &'a Effect) -> Call<'a, Option<Task>> {
        Box::pin(async move {
            match self.find_issue(&label(effect)).await? {
                Some(key) => self.read_task(&key).await.map(Some),
                None => Ok(None),
            }
        })
    }

    /// Jira has no word of its own for what is not to be done: a status with a name for it, where the workflow
    /// has one, else whichever ends it.
    fn close_task<'a>(&'a self, task: &'a TaskRef, effect: &'a Effect) -> Call<'a, ()> {
        Box::pin(async move {
            let is_there = |now: &Position| now.status == Status::Done;
            let choose = |all: &[wire::Transition]| {
                let off = all.iter().find(|each| is_called_off(&each.to.name)).cloned();
                off.or_else(|| self.choose(all, Status::Done))
            };
            self.bring(&task.key, (is_there, "an end"), choose, effect).await.map(drop)
        })
    }

    fn position<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Position> {
        Box::pin(self.position_of(&task.key))
    }

    fn set_status<'a>(&'a self, task: &'a TaskRef, status: Status, effect: &'a Effect) -> Call<'a, Position> {
        Box::pin(async move {
            let is_there = |now: &Position| now.status == status;
            let choose = |all: &[wire::Transition]| self.choose(all, status);
            self.bring(&task.key, (is_there, status.as_str()), choose, effect).await
        })
    }

    fn put_back<'a>(&'a self, task: &'a TaskRef, to: &'a Position, effect: &'a Effect) -> Call<'a, ()> {
        Box::pin(async move {
            let is_there = |now: &Position| now.name == to.name;
            let choose = |all: &[wire::Transition]| all.iter().find(|each| each.to.name == to.name).cloned();
            self.bring(&task.key, (is_there, to.name.as_str()), choose, effect).await.map(drop)
        })
    }

    fn add_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        Box::pin(async move {
            let key = effect.key.to_string();
            let request = Request::post(format!("{}/comment", issue(&task.key)), &marked(body, &key));
            let look = || self.own_comment(&task.key, &key);
            let make = || async {
                let made: wire::Comment = self.read(&request).await?;
                Ok(self.comment_ref(&task.key, &made))
            };
            ensure(effect, self.client.clock().as_ref(), look, make).await
        })
    }

    fn find_comment<'a>(&'a self, task: &'a TaskRef, effect: &'a Effect) -> Call<'a, Option<CommentRef>> {
        Box::pin(async move { self.own_comment(&task.key, &effect.key.to_string()).await })
    }

    fn edit_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        comment: &'a CommentRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, ()> {
        Box::pin(async move {
            let path = format!("{}/comment/{}", issue(&task.key), segment(&comment.id));
            let request = Request::post(path, &marked(body, &effect.key.to_string()));
            let request = Request { method: Method::PUT, ..request }.retried(Retry::Always);
            self.read(&request).await.map(|serde::de::IgnoredAny| ())
        })
    }

    fn delete_comment<'a>(&'a self, task: &'a TaskRef, comment: &'a CommentRef) -> Call<'a, ()> {
        Box::pin(async move {
            let path = format!("{}/comment/{}", issue(&task.key), segment(&comment.id));
            self.client.erase(&Request::delete(path)).await
        })
    }

    fn linked<'a>(&'a self, task: &'a TaskRef, url: &'a str) -> Call<'a, Option<String>> {
        Box::pin(async move {
            let found: Result<wire::RemoteLink, _> = self.read(&Request::get(remote_link(task, url))).await;
            match found {
                Ok(found) => Ok(Some(found.object.title)),
                Err(error) if error.problem == Problem::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn link<'a>(&'a self, task: &'a TaskRef, url: &'a str, title: &'a str, _: &'a Effect) -> Call<'a, ()> {
        Box::pin(async move {
            // One link for one global id: the address itself, so that linking twice is linking once.
            let body = json!({ "globalId": url, "object": { "url": url, "title": title } });
            let request = Request::post(format!("{}/remotelink", issue(&task.key)), &body);
            self.client.send(&request.retried(Retry::Always)).await.map(drop)
        })
    }

    fn unlink<'a>(&'a self, task: &'a TaskRef, url: &'a str) -> Call<'a, ()> {
        Box::pin(async move { self.client.erase(&Request::delete(remote_link(task, url))).await })
    }
}

impl Jira {
    async fn read_task(&self, key: &str) -> Result<Task, PluginError> {
        let custom = [&self.options.fields.repository, &self.options.fields.team_channel];
        let standard = ["summary", "description", "status", "issuetype", "labels", "assignee"];
        let fields = standard.into_iter().chain(custom.into_iter().flatten().map(String::as_str));
        let fields = fields.map(segment).collect::<Vec<_>>().join(",");
        let found: wire::Issue = self.read(&Request::get(format!("{}?fields={fields}", issue(key)))).await?;
        Ok(self.task(found))
    }

    fn task(&self, found: wire::Issue) -> Task {
        let wire::Issue { key, fields } = found;
        let custom = |id: &Option<String>| field_text(fields.others.get(id.as_ref()?)?);
        let repository = custom(&self.options.fields.repository);
        let channel = custom(&self.options.fields.team_channel);
        Task {
            id: key.clone(),
            task_id: key.clone(),
            status: self.canonical(&fields.status),
            kind: self.kind(fields.issuetype.as_ref()),
            url: self.issue_url(&key),
            reference: TaskRef::new(NAME, key),
            title: fields.summary,
            description: fields.description.as_ref().map(adf::text).unwrap_or_default(),
            labels: fields.labels,
            assignee: fields.assignee.map(|user| Account::new(NAME, &user.account_id)),
            // A field that holds something else than a repository says nothing.
            repository_url: repository.filter(|text| RepositoryName::from_url_or_name(text).is_ok()),
            team_channel: channel,
        }
    }

    fn kind(&self, name: Option<&wire::Named>) -> String {
        let Some(name) = name else { return "feature".to_owned() };
        let named = self.options.types.iter().find(|(jira, _)| jira.eq_ignore_ascii_case(&name.name));
        named.map_or_else(|| name.name.to_lowercase(), |(_, kind)| kind.clone())
    }

    /// A status by its configured name, else by its category.
    fn canonical(&self, status: &wire::StatusName) -> Status {
        let named = self.options.statuses.iter().find(|(_, names)| has(names, &status.name));
        if let Some((canonical, _)) = named {
            return *canonical;
        }
        match status.status_category.as_ref().map(|category| category.key.as_str()) {
            Some("done") => Status::Done,
            Some("indeterminate") if status.name.to_lowercase().contains("review") => Status::InReview,
            Some("indeterminate") => Status::InProgress,
            _ => Status::Todo,
        }
    }

    async fn position_of(&self, key: &str) -> Result<Position, PluginError> {
        let request = Request::get(format!("{}?fields=status", issue(key)));
        let wire::OnlyStatus { fields } = self.read(&request).await?;
        Ok(self.stand(fields.status))
    }

    fn stand(&self, status: wire::StatusName) -> Position {
        Position { status: self.canonical(&status), name: status.name }
    }

    /// Brings an issue to where it is to stand by the transition that is chosen, and gives where it stands then.
    async fn bring(
        &self,
        key: &str,
        (is_there, wanted): (impl Fn(&Position) -> bool, &str),
        choose: impl Fn(&[wire::Transition]) -> Option<wire::Transition>,
        effect: &Effect,
    ) -> Result<Position, PluginError> {
        // Where an issue stands is always looked at: a transition exists only from where it stands.
        let look = Effect { fresh: false, ..effect.clone() };
        let there = || async { Ok(Some(self.position_of(key).await?).filter(&is_there)) };
        let go = || self.transition(key, wanted, &choose);
        Ok(ensure(&look, self.client.clock().as_ref(), there, go).await?.value)
    }

    /// Transitions have other ids in each workflow and hang on where the issue stands: looked up each time.
    async fn transition(
        &self,
        key: &str,
        wanted: &str,
        choose: impl Fn(&[wire::Transition]) -> Option<wire::Transition>,
    ) -> Result<Position, PluginError> {
        let route = format!("{}/transitions", issue(key));
        let wire::Transitions { transitions } = self.read(&Request::get(route.clone())).await?;
        let chosen = choose(&transitions).ok_or_else(|| {
            let names: Vec<&str> = transitions.iter().map(|each| each.name.as_str()).collect();
            self.client
                .error(Problem::Invalid, format!("{key} cannot go to {wanted} from here, only {names:?}"))
        })?;
        let body = json!({ "transition": { "id": chosen.id } });
        self.client.send(&Request::post(route, &body)).await?;
        Ok(self.stand(chosen.to))
    }

    fn choose(&self, all: &[wire::Transition], status: Status) -> Option<wire::Transition> {
        let names = self.options.statuses.get(&status).map(Vec::as_slice).unwrap_or_default();
        let by_name =
            names.iter().find_map(|name| all.iter().find(|each| each.to.name.eq_ignore_ascii_case(name)));
        by_name.or_else(|| all.iter().find(|each| self.canonical(&each.to) == status)).cloned()
    }

    async fn own_comment(&self, key: &str, effect: &str) -> Result<Option<CommentRef>, PluginError> {
        let own = self.own_account().await?;
        let mut start = 0;
        loop {
            let query = format!("startAt={start}&maxResults={PAGE}&orderBy=-created&expand=properties");
            let page: wire::Comments =
                self.read(&Request::get(format!("{}/comment?{query}", issue(key)))).await?;
            let ours = |comment: &&wire::Comment| {
                Self::is_own(own, comment.author.as_ref())
                    && comment.properties.iter().any(|property| {
                        property.key == PROPERTY && property.value["key"].as_str() == Some(effect)
                    })
            };
            if let Some(comment) = page.comments.iter().find(ours) {
                return Ok(Some(self.comment_ref(key, comment)));
            }
            start += page.comments.len();
            if page.comments.is_empty() || start >= page.total {
                return Ok(None);
            }
        }
    }

    fn comment_ref(&self, key: &str, comment: &wire::Comment) -> CommentRef {
        let url = format!("{}?focusedCommentId={}", self.issue_url(key), comment.id);
        CommentRef { id: comment.id.clone(), url }
    }

    async fn create_issue(&self, new: &NewTask, effect: &Effect) -> Result<Made<Task>, PluginError> {
        let project = new.project.as_ref().or(self.options.default_project.as_ref());
        let project =
            project.ok_or_else(|| self.client.error(Problem::Invalid, "a new issue needs a project"))?;
        let kind = self.options.issue_types.get(&new.kind).map_or(new.kind.as_str(), String::as_str);
        let label = label(effect);
        let request = Request::post(
            format!("{API}/issue"),
            &json!({ "fields": {
                "project": { "key": project },
                "issuetype": { "name": kind },
                "summary": new.title,
                "description": adf::document(bounded(&new.description)),
                "labels": [label],
            }}),
        );
        let look = || self.find_issue(&label);
        let make = || async { Ok(self.read::<wire::Created>(&request).await?.key) };
        let made = ensure(effect, self.client.clock().as_ref(), look, make).await?;
        let task = self.read_task(&made.value).await?;
        Ok(made.map(|_| task))
    }

    /// The issue with an effect's label. The index may lag behind a write by seconds, which the pauses
    /// between an unknown outcome and the next look are for.
    async fn find_issue(&self, label: &str) -> Result<Option<String>, PluginError> {
        let own = self.own_account().await?;
        let body = json!({ "jql": format!("labels = \"{label}\""), "fields": ["creator"], "maxResults": 10 });
        let request = Request::post(format!("{API}/search/jql"), &body).retried(Retry::Always);
        let found: wire::Found = self.read(&request).await?;
        let ours = |issue: &wire::FoundIssue| Self::is_own(own, issue.fields.creator.as_ref());
        Ok(found.issues.into_iter().find(ours).map(|issue| issue.key))
    }
}

fn issue(key: &str) -> String {
    format!("{API}/issue/{}", segment(key))
}

/// The link to a page, by the global id that links are made with.
fn remote_link(task: &TaskRef, url: &str) -> String {
    format!("{}/remotelink?globalId={}", issue(&task.key), segment(url))
}

/// Whether a status is called what people call what they do not do.
fn is_called_off(name: &str) -> bool {
    let name = name.to_lowercase();
    ["cancel", "won't", "declined", "rejected"].iter().any(|word| name.contains(word))
}

/// A label that only this effect's issue has.
fn label(effect: &Effect) -> String {
    let digest = Digest::of(effect.key.to_string().as_bytes()).to_string();
    format!("ostler-{}", &digest[..16])
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|each| each.eq_ignore_ascii_case(name))
}

/// A custom field's text: a string, a chosen option, or a document.
fn field_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(object) => match object.get("value").or_else(|| object.get("name")) {
            Some(chosen) => chosen.as_str()?.to_owned(),
            None => adf::text(value),
        },
        Value::Array(values) => return values.first().and_then(field_text),
        _ => return None,
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A comment with the key of the effect that writes it.
fn marked(body: &str, key: &str) -> Value {
    json!({
        "body": adf::document(bounded(body)),
        "properties": [{ "key": PROPERTY, "value": { "key": key } }],
    })
}

fn bounded(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}
