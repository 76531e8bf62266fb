//! Issues as tasks: `ENG-12`.
//!
//! What is made gets its id from us, which Linear allows: it is that of the effect, so that it can be looked for,
//! and Linear refuses to make it a second time.

use serde_json::json;

use super::client::{self, Linear, NAME, account};
use super::wire;
use crate::event::{Account, SourceName, TaskRef};
use crate::id::Digest;
use crate::plugin::client::gone;
use crate::plugin::effect::{Effect, Made, ensure};
use crate::plugin::tracker::{CommentRef, NewTask, Position, Status, Task, Tracker};
use crate::plugin::{Call, PluginError, Problem};

/// What is asked of every issue.
const ISSUE: &str = "identifier title description url state { id name type } labels(first: 50) { nodes { name } } \
                     assignee { id } delegate { id } creator { id }";

const STANDING: &str = "query($id: String!) { issue(id: $id) { state { id name type } \
                        team { states(first: 100) { nodes { id name type position } } } } }";

const MOVE: &str = "mutation($id: String!, $state: String!) { \
                    done: issueUpdate(id: $id, input: {stateId: $state}) { success } }";

const FIND_COMMENT: &str = "query($id: ID!) { comments(filter: {id: {eq: $id}}, first: 1, includeArchived: true) \
                            { nodes { id url user { id } } } }";

const COMMENT: &str = "mutation($input: CommentCreateInput!) { \
                       made: commentCreate(input: $input) { success made: comment { id url user { id } } } }";

const EDIT_COMMENT: &str = "mutation($id: String!, $input: CommentUpdateInput!) { \
                            done: commentUpdate(id: $id, input: $input) { success } }";

const DELETE_COMMENT: &str = "mutation($id: String!) { done: commentDelete(id: $id) { success } }";

const FIND_LINK: &str = "query($id: String!, $url: String!) { issue(id: $id) { \
                         attachments(filter: {url: {eq: $url}}, first: 1) { nodes { id title } } } }";

const UNLINK: &str = "mutation($id: String!) { done: attachmentDelete(id: $id) { success } }";

const LINK: &str =
    "mutation($input: AttachmentCreateInput!) { done: attachmentCreate(input: $input) { success } }";

/// The team, and those of its and the workspace's labels that say what an issue is.
const GROUND: &str = "query($key: String!, $names: [String!]!) { \
                      teams(filter: {key: {eqIgnoreCase: $key}}, first: 1) { nodes { id key } } \
                      issueLabels(filter: {name: {in: $names}, \
                      or: [{team: {null: true}}, {team: {key: {eqIgnoreCase: $key}}}]}, first: 50) \
                      { nodes { id name isGroup } } }";

impl Tracker for Linear {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn whoami(&self) -> Call<'_, Account> {
        Box::pin(async { Ok(account(self.own_user().await?)) })
    }

    fn default_channel(&self) -> Option<&str> {
        self.options.default_channel.as_deref()
    }

    fn get_task<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Task> {
        Box::pin(async move {
            let query = format!("query($id: String!) {{ issue(id: $id) {{ {ISSUE} }} }}");
            let found: wire::One<wire::Issue> = self.read(&query, json!({ "id": task.key })).await?;
            Ok(self.task(found.issue))
        })
    }

    fn create_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> Call<'a, Made<Task>> {
        Box::pin(self.create_issue(new, effect))
    }

    fn find_task<'a>(&'a self, _: &'a NewTask, effect: &'a Effect) -> Call<'a, Option<Task>> {
        Box::pin(async move {
            let found = self.find_issue(&id_of(effect)).await?;
            Ok(found.map(|issue| self.task(issue)))
        })
    }

    /// A team without a status for what is called off ends it like everything else.
    fn close_task<'a>(&'a self, task: &'a TaskRef, _effect: &'a Effect) -> Call<'a, ()> {
        Box::pin(async move {
            let choose = |states: &[wire::State]| {
                let off = states.iter().find(|state| state.kind == "canceled").cloned();
                off.or_else(|| self.choose(states, Status::Done).cloned())
            };
            let is_there = |now: &wire::State| self.canonical(now) == Status::Done;
            self.bring(task, "an end", |now, _| is_there(now), choose).await.map(drop)
        })
    }

    fn position<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Position> {
        Box::pin(async move {
            let found: wire::One<wire::Standing> = self.read(STANDING, json!({ "id": task.key })).await?;
            Ok(self.stand(found.issue.state))
        })
    }

    fn set_status<'a>(
        &'a self,
        task: &'a TaskRef,
        status: Status,
        _effect: &'a Effect,
    ) -> Call<'a, Position> {
        Box::pin(async move {
            let choose = |states: &[wire::State]| self.place(states, status).cloned();
            let is_there = |now: &wire::State, to: &wire::State| self.canonical(now) == self.canonical(to);
            self.bring(task, status.as_str(), is_there, choose).await
        })
    }

    fn put_back<'a>(&'a self, task: &'a TaskRef, to: &'a Position, _effect: &'a Effect) -> Call<'a, ()> {
        Box::pin(async move {
            let choose = |states: &[wire::State]| states.iter().find(|state| state.name == to.name).cloned();
            let is_there = |now: &wire::State, to: &wire::State| now.id == to.id;
            self.bring(task, &to.name, is_there, choose).await.map(drop)
        })
    }

    fn add_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        Box::pin(async move {
            let id = id_of(effect);
            let input = json!({ "id": id, "issueId": task.key, "body": body });
            let look = || self.own_comment(&id);
            let make = || async {
                let made: wire::Made<wire::Comment> = self.make(COMMENT, json!({ "input": input })).await?;
                self.check(made.made.success)?;
                Ok(reference(made.made.made))
            };
            ensure(effect, self.client.clock().as_ref(), look, make).await
        })
    }

    fn find_comment<'a>(&'a self, _: &'a TaskRef, effect: &'a Effect) -> Call<'a, Option<CommentRef>> {
        Box::pin(async move { self.own_comment(&id_of(effect)).await })
    }

    fn edit_comment<'a>(
        &'a self,
        _: &'a TaskRef,
        comment: &'a CommentRef,
        body: &'a str,
        _: &'a Effect,
    ) -> Call<'a, ()> {
        Box::pin(self.set(EDIT_COMMENT, json!({ "id": comment.id, "input": { "body": body } })))
    }

    fn delete_comment<'a>(&'a self, _: &'a TaskRef, comment: &'a CommentRef) -> Call<'a, ()> {
        Box::pin(async move { gone(self.set(DELETE_COMMENT, json!({ "id": comment.id })).await) })
    }

    fn linked<'a>(&'a self, task: &'a TaskRef, url: &'a str) -> Call<'a, Option<String>> {
        Box::pin(async move { Ok(self.attachment(task, url).await?.map(|found| found.title)) })
    }

    /// Of one address an issue has one attachment: attaching it again changes the title at the most.
    fn link<'a>(&'a self, task: &'a TaskRef, url: &'a str, title: &'a str, _: &'a Effect) -> Call<'a, ()> {
        let input = json!({ "issueId": task.key, "url": url, "title": title });
        Box::pin(self.set(LINK, json!({ "input": input })))
    }

    fn unlink<'a>(&'a self, task: &'a TaskRef, url: &'a str) -> Call<'a, ()> {
        Box::pin(async move {
            let Some(found) = self.attachment(task, url).await? else { return Ok(()) };
            gone(self.set(UNLINK, json!({ "id": found.id })).await)
        })
    }
}

impl Linear {
    fn task(&self, issue: wire::Issue) -> Task {
        let labels: Vec<String> = issue.labels.nodes.into_iter().map(|label| label.name).collect();
        Task {
            id: issue.identifier.clone(),
            task_id: issue.identifier.clone(),
            reference: TaskRef::new(NAME, issue.identifier),
            title: issue.title,
            description: issue.description.unwrap_or_default(),
            status: self.canonical(&issue.state),
            kind: self.kind(&labels),
            labels,
            assignee: issue.assignee.or(issue.delegate).as_ref().map(account),
            url: issue.url,
            repository_url: None,
            team_channel: None,
        }
    }

    fn kind(&self, labels: &[String]) -> String {
        let named = |label: &String| {
            self.options.types.iter().find(|(name, _)| name.eq_ignore_ascii_case(label)).map(|(_, kind)| kind)
        };
        labels.iter().find_map(named).cloned().unwrap_or_else(|| "feature".to_owned())
    }

    /// A status by its configured name, else by its type.
    fn canonical(&self, state: &wire::State) -> Status {
        let is_named = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(&state.name));
        if let Some((canonical, _)) = self.options.statuses.iter().find(|(_, names)| is_named(names)) {
            return *canonical;
        }
        match state.kind.as_str() {
            "completed" | "canceled" | "duplicate" => Status::Done,
            "started" if state.name.to_lowercase().contains("review") => Status::InReview,
            "started" => Status::InProgress,
            _ => Status::Todo,
        }
    }

    fn stand(&self, state: wire::State) -> Position {
        Position { status: self.canonical(&state), name: state.name }
    }

    /// Brings an issue to the status of its team that is chosen, unless it is there, and gives where it stands then.
    async fn bring(
        &self,
        task: &TaskRef,
        wanted: &str,
        is_there: impl Fn(&wire::State, &wire::State) -> bool,
        choose: impl Fn(&[wire::State]) -> Option<wire::State>,
    ) -> Result<Position, PluginError> {
        let found: wire::One<wire::Standing> = self.read(STANDING, json!({ "id": task.key })).await?;
        let (current, states) = (found.issue.state, found.issue.team.states.nodes);
        let Some(chosen) = choose(&states) else {
            let names: Vec<&str> = states.iter().map(|state| state.name.as_str()).collect();
            let message = format!("{} cannot go to {wanted}, only to {names:?}", task.key);
            return Err(self.client.error(Problem::Invalid, message));
        };
        if is_there(&current, &chosen) {
            return Ok(self.stand(current));
        }
        self.set(MOVE, json!({ "id": task.key, "state": chosen.id })).await?;
        Ok(self.stand(chosen))
    }

    /// Where an issue goes that is to be in a status. Teams begin without one for reviews: what waits for a look is
    /// in work there.
    fn place<'a>(&self, states: &'a [wire::State], status: Status) -> Option<&'a wire::State> {
        let in_work = || self.choose(states, Status::InProgress).filter(|_| status == Status::InReview);
        self.choose(states, status).or_else(in_work)
    }

    async fn attachment(&self, task: &TaskRef, url: &str) -> Result<Option<wire::Attachment>, PluginError> {
        let asked = json!({ "id": task.key, "url": url });
        let found: wire::One<wire::Attachments> = self.read(FIND_LINK, asked).await?;
        Ok(found.issue.attachments.nodes.into_iter().next())
    }

    fn choose<'a>(&self, states: &'a [wire::State], status: Status) -> Option<&'a wire::State> {
        let names = self.options.statuses.get(&status).map(Vec::as_slice).unwrap_or_default();
        let named = |name: &String| states.iter().find(|state| state.name.eq_ignore_ascii_case(name));
        let of = |kind: &&str| {
            let fits = |state: &&wire::State| state.kind == *kind && self.canonical(state) == status;
            states.iter().filter(fits).min_by(|a, b| a.position.total_cmp(&b.position))
        };
        names.iter().find_map(named).or_else(|| kinds(status).iter().find_map(of))
    }

    async fn own_comment(&self, id: &str) -> Result<Option<CommentRef>, PluginError> {
        let own = self.own_user().await?;
        let found: wire::Comments = self.read(FIND_COMMENT, json!({ "id": id })).await?;
        let ours = |comment: &wire::Comment| comment.user.as_ref() == Some(own);
        Ok(found.comments.nodes.into_iter().find(ours).map(reference))
    }

    async fn create_issue(&self, new: &NewTask, effect: &Effect) -> Result<Made<Task>, PluginError> {
        let key = new.project.as_ref().or(self.options.default_project.as_ref());
        let key = key.ok_or_else(|| self.client.error(Problem::Invalid, "a new issue needs a team"))?;
        let names = self.options.types.iter().filter(|(_, kind)| **kind == new.kind);
        let names: Vec<&String> = names.map(|(name, _)| name).collect();
        let ground: wire::Ground = self.read(GROUND, json!({ "key": key, "names": names })).await?;
        let missing = || self.client.error(Problem::NotFound, format!("there is no team {key}"));
        let team = ground.teams.nodes.first().ok_or_else(missing)?;
        let labels = ground.issue_labels.nodes.iter().filter(|label| !label.is_group);
        let labels: Vec<&String> = labels.take(1).map(|label| &label.id).collect();
        let id = id_of(effect);
        let input = json!({
            "id": id, "teamId": team.id, "title": new.title, "description": new.description, "labelIds": labels,
        });
        let mutation = format!(
            "mutation($input: IssueCreateInput!) {{ made: issueCreate(input: $input) {{ success made: issue {{ {ISSUE} }} }} }}"
        );
        let look = || self.find_issue(&id);
        let make = || async {
            let made: wire::Made<wire::Issue> = self.make(&mutation, json!({ "input": input })).await?;
            self.check(made.made.success)?;
            Ok(made.made.made)
        };
        let made = ensure(effect, self.client.clock().as_ref(), look, make).await?;
        Ok(made.map(|issue| self.task(issue)))
    }

    async fn find_issue(&self, id: &str) -> Result<Option<wire::Issue>, PluginError> {
        let own = self.own_user().await?;
        let query = format!(
            "query($id: ID!) {{ issues(filter: {{id: {{eq: $id}}}}, first: 1, includeArchived: true) {{ nodes {{ {ISSUE} }} }} }}"
        );
        let found: wire::Issues = self.read(&query, json!({ "id": id })).await?;
        let ours = |issue: &wire::Issue| issue.creator.as_ref() == Some(own);
        Ok(found.issues.nodes.into_iter().find(ours))
    }
}

/// The types of state that a status can be, the usual one first. Nothing is called off or a duplicate by Ostler.
fn kinds(status: Status) -> &'static [&'static str] {
    match status {
        Status::Todo => &["unstarted", "backlog", "triage"],
        Status::InProgress | Status::InReview => &["started"],
        Status::Done => &["completed"],
    }
}

/// The id of what an effect makes.
fn id_of(effect: &Effect) -> String {
    let digest = Digest::of(effect.key.to_string().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn reference(comment: wire::Comment) -> CommentRef {
    CommentRef { id: comment.id, url: comment.url }
}
