//! A small world for the tests of steps: capabilities that keep what was done to them in lists, a journal in
//! memory, a repository on disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Context, Journal, JournalLost, Outcome, Step, StepError, Steps};
use crate::clock::ManualClock;
use crate::event::{
    Access, Account, Actor, ChangeMention, Event, EventKind, PayloadRef, RepositoryName, SourceName, Stamp,
    Subject, TaskMention, TaskRef, Team,
};
use crate::id::{Digest, EventId, RunId, StepPath};
use crate::ingress::{Current, Policy};
use crate::money::{Limits, Money, Prices};
use crate::plugin::chat::{Message, NewMessage};
use crate::plugin::docs::{NewPage, Page, PageRef};
use crate::plugin::effect::{Effect, Made};
use crate::plugin::forge::{
    Branch, Change, ChangedFile, CheckRun, Commit, FileChange, History, LineComment, NewChange, NewReview,
    Permission, Remote, Repository,
};
use crate::plugin::registry::Answering;
use crate::plugin::tracker::{CommentRef, NewTask, Position, Status, Task};
use crate::plugin::{Call, Chat, Docs, Forge, PluginError, Problem, Registry, Tracker};
use crate::router::{Rules, Standing};
use crate::run::decide::{Job, JobKind};
use crate::run::{Definition, Settings, Started, Work};
use crate::spec::{Catalog, Workflow};
use crate::workspace::sandbox::{self, Sandbox};
pub(super) use crate::workspace::tests::git;
use crate::workspace::{self, Workspaces};

/// The run's repository.
pub(super) const REPOSITORY: &str = "acme/shop";

/// Everything outside, as one object that serves every capability.
#[derive(Debug)]
pub(super) struct World {
    pub(super) place: tempfile::TempDir,
    /// What was done, in order: `comment jira:SHOP-7 …`.
    pub(super) done: Mutex<Vec<String>>,
    /// Effects by key, for those that look before they make.
    made: Mutex<BTreeMap<String, String>>,
    /// Answers to lose after the work is done.
    pub(super) lose: Mutex<u32>,
    /// How many answers come through before those that are lost.
    pub(super) spare: Mutex<u32>,
    pub(super) permission: Mutex<Permission>,
    /// Who is in which team: `acme/payments ada`; nothing where it may not be asked.
    pub(super) teams: Mutex<Option<Vec<String>>>,
    pub(super) change: Mutex<Change>,
    /// The pull request that the run opened, once it did.
    pub(super) opened: Mutex<Option<Change>>,
    /// Where tasks stand, by their keys, unless it is where they begin.
    pub(super) positions: Mutex<BTreeMap<String, Position>>,
    /// Titles of pages that are linked to the task, by their addresses.
    pub(super) links: Mutex<BTreeMap<String, String>>,
    /// What a field of every task says about its team.
    pub(super) team: Mutex<Option<String>>,
}

/// What a step remembers, in memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    facts: Mutex<BTreeMap<String, Value>>,
    /// How many more it takes before it is lost.
    room: Mutex<Option<usize>>,
}

/// A run in the middle of it, and the steps that perform it.
pub(super) struct Scene {
    pub(super) world: Arc<World>,
    pub(super) steps: Steps,
    pub(super) context: Context,
    /// The journal of the context.
    pub(super) memory: Arc<Memory>,
}

/// No agent takes part in these tests.
struct NoAgent;

impl Step for NoAgent {
    fn perform<'a>(&'a self, _: &'a Context) -> BoxFuture<'a, Result<Outcome, StepError>> {
        Box::pin(async { Err(StepError::fatal("no_agent", "no agent here")) })
    }
}

impl Journal for Memory {
    fn recall(&self, name: &str) -> Option<Value> {
        self.facts.lock().unwrap().get(name).cloned()
    }

    fn remember<'a>(&'a self, name: &'a str, value: Value) -> BoxFuture<'a, Result<(), JournalLost>> {
        let mut room = self.room.lock().unwrap();
        if *room == Some(0) {
            return Box::pin(async { Err(JournalLost("the process died".to_owned())) });
        }
        *room = room.map(|room| room - 1);
        self.facts.lock().unwrap().insert(name.to_owned(), value);
        Box::pin(async { Ok(()) })
    }
}

impl Memory {
    /// One that is lost after so many facts.
    pub(super) fn of(room: usize) -> Self {
        Self { facts: Mutex::default(), room: Mutex::new(Some(room)) }
    }

    pub(super) fn facts(&self) -> BTreeMap<String, Value> {
        self.facts.lock().unwrap().clone()
    }

    /// It can be written to again: the process was started anew.
    pub(super) fn revive(&self) {
        *self.room.lock().unwrap() = None;
    }
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let seed = place.path().join("seed");
        std::fs::create_dir_all(seed.join("tests")).unwrap();
        git(&seed, &["init", "-q"]);
        std::fs::write(seed.join("value"), "1\n").unwrap();
        std::fs::write(seed.join("tests/run.sh"), "grep -q 1 value && echo ok 1\n").unwrap();
        git(&seed, &["add", "-A"]);
        git(&seed, &["commit", "-qm", "seed"]);
        git(place.path(), &["clone", "-q", "--bare", "seed", "remote.git"]);
        let change = Change {
            number: 4,
            title: "Totals".to_owned(),
            body: "Adds totals".to_owned(),
            url: "https://forge.example/acme/shop/pull/4".to_owned(),
            head_branch: "totals".to_owned(),
            head_repository: Some(REPOSITORY.parse().unwrap()),
            head_sha: "a".repeat(40),
            base_branch: "main".to_owned(),
            open: true,
            merged: false,
            draft: false,
        };
        Self {
            place,
            done: Mutex::default(),
            made: Mutex::default(),
            lose: Mutex::new(0),
            spare: Mutex::new(0),
            permission: Mutex::new(Permission::Write),
            teams: Mutex::new(Some(Vec::new())),
            change: Mutex::new(change),
            opened: Mutex::default(),
            positions: Mutex::default(),
            links: Mutex::default(),
            team: Mutex::default(),
        }
    }

    pub(super) fn remote(&self) -> std::path::PathBuf {
        self.place.path().join("remote.git")
    }

    pub(super) fn tip(&self, branch: &str) -> Option<String> {
        let refs = git(&self.remote(), &["for-each-ref", "--format=%(refname:short) %(objectname)"]);
        let found = refs.lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| *name == branch);
        found.map(|(_, sha)| sha.to_owned())
    }

    /// What was done whose line begins so.
    pub(super) fn done(&self, start: &str) -> Vec<String> {
        self.done.lock().unwrap().iter().filter(|line| line.starts_with(start)).cloned().collect()
    }

    /// Does a thing once by its key, and perhaps loses the answer.
    fn once<T>(&self, effect: &Effect, line: String, value: T) -> Result<Made<T>, PluginError> {
        let found = self.made.lock().unwrap().insert(effect.key.to_string(), line.clone()).is_some();
        if !found {
            self.done.lock().unwrap().push(line);
        }
        self.answer().map(|()| Made { value, found })
    }

    fn answer(&self) -> Result<(), PluginError> {
        let (mut spare, mut lose) = (self.spare.lock().unwrap(), self.lose.lock().unwrap());
        match (*spare, *lose) {
            (_, 0) => return Ok(()),
            (0, _) => *lose -= 1,
            (_, _) => {
                *spare -= 1;
                return Ok(());
            }
        }
        Err(PluginError::new("world", Problem::Unknown, "the answer was lost"))
    }

    /// Where a task stands: the run's own was begun, any other was not.
    pub(super) fn position(&self, key: &str) -> Position {
        let begin = if key == "SHOP-7" { Status::InProgress } else { Status::Todo };
        self.positions.lock().unwrap().get(key).cloned().unwrap_or_else(|| begin.into())
    }

    pub(super) fn place(&self, key: &str, position: Position) {
        self.positions.lock().unwrap().insert(key.to_owned(), position);
    }

    /// All that somebody would see who looks: what is there, and nothing of how it came to be.
    pub(super) fn seen(&self) -> Value {
        let refs = git(&self.remote(), &["for-each-ref", "--format=%(refname:short) %(objectname)"]);
        let said = self.made.lock().unwrap();
        let said = said.values().filter(|line| line.starts_with("comment") || line.starts_with("message"));
        let made = self.done("task ").len() == 1 && self.position("SHOP-9").status != Status::Done;
        let open = self.opened.lock().unwrap().as_ref().is_some_and(|change| change.open);
        json!({
            "refs": refs, "said": said.collect::<Vec<_>>(), "pull request": open, "new task": made,
            "status": self.position("SHOP-7"), "links": *self.links.lock().unwrap(),
        })
    }

    /// The name of what an effect made, if it is there.
    fn find(&self, effect: &Effect) -> Option<String> {
        let key = effect.key.to_string();
        self.made.lock().unwrap().contains_key(&key).then_some(key)
    }

    /// Takes away what has this name.
    fn remove(&self, what: &str, name: &str) -> Result<(), PluginError> {
        self.made.lock().unwrap().remove(name);
        self.act(format!("{what} {name}"))
    }

    /// Does a thing that may be done twice, and perhaps loses the answer.
    fn act(&self, line: String) -> Result<(), PluginError> {
        self.done.lock().unwrap().push(line);
        self.answer()
    }
}

fn ready<'a, T: Send + 'a>(value: Result<T, PluginError>) -> Call<'a, T> {
    Box::pin(async move { value })
}

fn comment(id: &str) -> CommentRef {
    CommentRef { id: id.to_owned(), url: "https://world.example/comment/1".to_owned() }
}

pub(super) fn a_task(reference: &TaskRef) -> Task {
    Task {
        id: reference.short().to_owned(),
        task_id: reference.short().to_owned(),
        reference: reference.clone(),
        title: "Totals are wrong".to_owned(),
        description: "They do not add up".to_owned(),
        status: Status::Todo,
        kind: "bug".to_owned(),
        labels: Vec::new(),
        assignee: None,
        url: format!("https://tracker.example/{}", reference.key),
        repository_url: Some("https://evil.example/other/place".to_owned()),
        team_channel: None,
    }
}

#[derive(Debug)]
struct TrackerOf(&'static str, Arc<World>);

impl Tracker for TrackerOf {
    fn name(&self) -> SourceName {
        SourceName::new(self.0)
    }
    fn whoami(&self) -> Call<'_, Account> {
        ready(Ok(Account::new(self.0, "ostler")))
    }
    fn default_channel(&self) -> Option<&str> {
        Some("#general")
    }
    fn get_task<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Task> {
        let team_channel = self.1.team.lock().unwrap().clone();
        let status = self.1.position(&task.key).status;
        ready(Ok(Task { status, team_channel, ..a_task(task) }))
    }
    fn create_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> Call<'a, Made<Task>> {
        let task = Task { title: new.title.clone(), ..a_task(&TaskRef::new(self.0, "SHOP-9")) };
        ready(self.1.once(effect, format!("task {}", new.title), task))
    }
    fn find_task<'a>(&'a self, _: &'a NewTask, effect: &'a Effect) -> Call<'a, Option<Task>> {
        ready(Ok(self.1.find(effect).map(|_| a_task(&TaskRef::new(self.0, "SHOP-9")))))
    }
    fn close_task<'a>(&'a self, task: &'a TaskRef, _: &'a Effect) -> Call<'a, ()> {
        self.1.place(&task.key, Status::Done.into());
        ready(self.1.act(format!("close {task}")))
    }
    fn position<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Position> {
        ready(Ok(self.1.position(&task.key)))
    }
    fn set_status<'a>(&'a self, task: &'a TaskRef, status: Status, effect: &'a Effect) -> Call<'a, Position> {
        self.1.place(&task.key, status.into());
        let done = self.1.once(effect, format!("status {task} {}", status.as_str()), status.into());
        ready(done.map(|made| made.value))
    }
    fn put_back<'a>(&'a self, task: &'a TaskRef, to: &'a Position, _: &'a Effect) -> Call<'a, ()> {
        self.1.place(&task.key, to.clone());
        ready(self.1.act(format!("back {task} {}", to.name)))
    }
    fn add_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        ready(self.1.once(effect, format!("comment {task} {body}"), comment("1")))
    }
    fn find_comment<'a>(&'a self, _: &'a TaskRef, effect: &'a Effect) -> Call<'a, Option<CommentRef>> {
        ready(Ok(self.1.find(effect).map(|id| comment(&id))))
    }
    fn edit_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        comment: &'a CommentRef,
        body: &'a str,
        _: &'a Effect,
    ) -> Call<'a, ()> {
        ready(self.1.act(format!("edit {task} {} {body}", comment.id)))
    }
    fn delete_comment<'a>(&'a self, _: &'a TaskRef, comment: &'a CommentRef) -> Call<'a, ()> {
        ready(self.1.remove("uncomment", &comment.id))
    }
    fn linked<'a>(&'a self, _: &'a TaskRef, url: &'a str) -> Call<'a, Option<String>> {
        ready(Ok(self.1.links.lock().unwrap().get(url).cloned()))
    }
    fn link<'a>(
        &'a self,
        task: &'a TaskRef,
        url: &'a str,
        title: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, ()> {
        self.1.links.lock().unwrap().insert(url.to_owned(), title.to_owned());
        ready(self.1.once(effect, format!("link {task} {url}"), ()).map(|made| made.value))
    }
    fn unlink<'a>(&'a self, task: &'a TaskRef, url: &'a str) -> Call<'a, ()> {
        self.1.links.lock().unwrap().remove(url);
        ready(self.1.act(format!("unlink {task} {url}")))
    }
}

#[derive(Debug)]
struct ForgeOf(Arc<World>);

impl Forge for ForgeOf {
    fn name(&self) -> SourceName {
        SourceName::new("github")
    }
    fn whoami(&self) -> Call<'_, Account> {
        ready(Ok(Account::new("github", "ostler")))
    }
    fn repository<'a>(&'a self, repository: &'a RepositoryName) -> Call<'a, Repository> {
        ready(Ok(Repository {
            name: repository.clone(),
            default_branch: "main".to_owned(),
            url: format!("https://forge.example/{repository}"),
            private: true,
        }))
    }
    fn permission<'a>(&'a self, _: &'a RepositoryName, account: &'a Account) -> Call<'a, Permission> {
        assert_eq!(account.vendor.as_str(), "github", "only the forge's own accounts have rights there");
        ready(Ok(*self.0.permission.lock().unwrap()))
    }
    fn is_member<'a>(
        &'a self,
        _: &'a RepositoryName,
        team: &'a Team,
        account: &'a Account,
    ) -> Call<'a, bool> {
        let teams = self.0.teams.lock().unwrap();
        let denied = || PluginError::new("github", Problem::Denied, "Resource not accessible by integration");
        let member = teams.as_ref().map(|teams| teams.contains(&format!("{team} {}", account.id)));
        ready(member.ok_or_else(denied))
    }
    fn branch<'a>(&'a self, _: &'a RepositoryName, name: &'a str) -> Call<'a, Option<Branch>> {
        let url = format!("https://forge.example/tree/{name}");
        ready(Ok(self.0.tip(name).map(|sha| Branch { name: name.to_owned(), sha, url })))
    }
    fn create_branch<'a>(
        &'a self,
        _: &'a RepositoryName,
        name: &'a str,
        sha: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<Branch>> {
        git(&self.0.remote(), &["branch", "-f", name, sha]);
        let url = format!("https://forge.example/tree/{name}");
        let branch = Branch { name: name.to_owned(), sha: sha.to_owned(), url };
        ready(self.0.once(effect, format!("branch {name}"), branch))
    }
    fn change<'a>(&'a self, _: &'a RepositoryName, _: u64) -> Call<'a, Change> {
        ready(Ok(self.0.change.lock().unwrap().clone()))
    }
    fn create_change<'a>(
        &'a self,
        _: &'a RepositoryName,
        new: &'a NewChange,
        effect: &'a Effect,
    ) -> Call<'a, Made<Change>> {
        let change = Change {
            number: 5,
            title: new.title.clone(),
            head_branch: new.head.clone(),
            url: "https://forge.example/acme/shop/pull/5".to_owned(),
            draft: new.draft,
            ..self.0.change.lock().unwrap().clone()
        };
        let opened = Change { head_sha: self.0.tip(&new.head).unwrap_or_default(), ..change.clone() };
        self.0.opened.lock().unwrap().get_or_insert(opened);
        ready(self.0.once(effect, format!("change {} -> {}\n{}", new.head, new.base, new.body), change))
    }
    fn find_change<'a>(
        &'a self,
        _: &'a RepositoryName,
        head: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Option<Change>> {
        let opened = self.0.opened.lock().unwrap().clone().filter(|change| change.head_branch == head);
        ready(Ok(self.0.find(effect).and(opened)))
    }
    fn close_change<'a>(&'a self, _: &'a RepositoryName, number: u64) -> Call<'a, ()> {
        if let Some(change) = self.0.opened.lock().unwrap().as_mut() {
            change.open = false;
        }
        ready(self.0.act(format!("close !{number}")))
    }
    fn add_comment<'a>(
        &'a self,
        _: &'a RepositoryName,
        number: u64,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        ready(self.0.once(effect, format!("comment !{number} {body}"), comment("1")))
    }
    fn find_comment<'a>(
        &'a self,
        _: &'a RepositoryName,
        _: u64,
        effect: &'a Effect,
    ) -> Call<'a, Option<CommentRef>> {
        ready(Ok(self.0.find(effect).map(|id| comment(&id))))
    }
    fn edit_comment<'a>(
        &'a self,
        _: &'a RepositoryName,
        number: u64,
        comment: &'a CommentRef,
        body: &'a str,
        _: &'a Effect,
    ) -> Call<'a, ()> {
        ready(self.0.act(format!("edit !{number} {} {body}", comment.id)))
    }
    fn delete_comment<'a>(&'a self, _: &'a RepositoryName, _: u64, comment: &'a CommentRef) -> Call<'a, ()> {
        ready(self.0.remove("uncomment", &comment.id))
    }
    fn files<'a>(&'a self, _: &'a RepositoryName, _: u64) -> Call<'a, Vec<ChangedFile>> {
        let file = |path: &str, patch: String| ChangedFile {
            path: path.to_owned(),
            previous: None,
            change: FileChange::Modified,
            patch: Some(patch),
        };
        let large = format!("@@ -1 +1 @@\n+{}", "x".repeat(100_000));
        ready(Ok(vec![file("a.sh", "@@ -1 +1 @@\n-a\n+b".to_owned()), file("b.sh", large)]))
    }
    fn add_review<'a>(
        &'a self,
        _: &'a RepositoryName,
        number: u64,
        review: &'a NewReview,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        let NewReview { sha, wants_changes, .. } = review;
        let text = review.as_text();
        let line = format!("review !{number} at {sha}, wants changes: {wants_changes}: {text}");
        ready(self.0.once(effect, line, comment("1")))
    }
    fn review_comments<'a>(
        &'a self,
        _: &'a RepositoryName,
        _: u64,
        review: &'a str,
    ) -> Call<'a, Vec<LineComment>> {
        let body = format!("of review {review}");
        let thread = Some(format!("thread {review}"));
        ready(Ok(vec![LineComment { path: Some("a.sh".to_owned()), line: Some(3), body, thread }]))
    }
    fn reply<'a>(
        &'a self,
        _: &'a RepositoryName,
        number: u64,
        thread: &'a str,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        ready(self.0.once(effect, format!("reply !{number} {thread}: {body}"), comment("1")))
    }
    fn checks<'a>(&'a self, _: &'a RepositoryName, sha: &'a str) -> Call<'a, Vec<CheckRun>> {
        let check = |name: &str, failed| CheckRun {
            name: name.to_owned(),
            done: true,
            failed,
            summary: format!("{name} of {sha}"),
            url: None,
        };
        ready(Ok(vec![check("lint", true), check("test", false)]))
    }
    fn history<'a>(&'a self, _: &'a RepositoryName) -> Call<'a, History> {
        let commit = |sha: &str| Commit {
            sha: sha.to_owned(),
            message: format!("Change {sha}\n\n{}", "x".repeat(10_000)),
            author: "Ada".to_owned(),
        };
        let commits = vec![commit("c2"), commit("c1")];
        ready(Ok(History { since: Some("v1".to_owned()), branch: "main".to_owned(), commits }))
    }
    fn remote<'a>(&'a self, _: &'a RepositoryName) -> Call<'a, Remote> {
        let url = format!("file://{}", self.0.remote().display());
        ready(Ok(Remote { url, credential: None }))
    }
}

#[derive(Debug)]
struct ChatOf(Arc<World>);

impl Chat for ChatOf {
    fn name(&self) -> SourceName {
        SourceName::new("slack")
    }
    fn whoami(&self) -> Call<'_, Account> {
        ready(Ok(Account::new("slack", "B1")))
    }
    fn send<'a>(&'a self, message: &'a NewMessage, effect: &'a Effect) -> Call<'a, Made<Message>> {
        let NewMessage { channel, thread, text, .. } = message;
        let at = |place: &Option<String>| place.clone().unwrap_or_else(|| "-".to_owned());
        let line = format!("message {} {} {text}", at(channel), at(thread));
        ready(self.0.once(effect, line, Message { channel: at(channel), id: "m1".to_owned() }))
    }
    fn find_message<'a>(&'a self, message: &'a NewMessage, effect: &'a Effect) -> Call<'a, Option<Message>> {
        let channel = message.channel.clone().unwrap_or_else(|| "-".to_owned());
        ready(Ok(self.0.find(effect).map(|id| Message { channel, id })))
    }
    fn edit_message<'a>(&'a self, message: &'a Message, text: &'a str, _: &'a Effect) -> Call<'a, ()> {
        ready(self.0.act(format!("edit {} {} {text}", message.channel, message.id)))
    }
    fn delete_message<'a>(&'a self, message: &'a Message) -> Call<'a, ()> {
        ready(self.0.remove("unsend", &message.id))
    }
}

#[derive(Debug)]
struct PagesOf(Arc<World>);

impl Docs for PagesOf {
    fn name(&self) -> SourceName {
        SourceName::new("pages")
    }
    fn create_page<'a>(&'a self, page: &'a NewPage, effect: &'a Effect) -> Call<'a, Page> {
        let file = Page::File {
            path: "docs/page.md".to_owned(),
            text: format!("# {}\n{}\n", page.title, page.content),
        };
        ready(self.0.once(effect, format!("page {}", page.title), file).map(|made| made.value))
    }
    fn find_page<'a>(&'a self, _: &'a NewPage, _: &'a Effect) -> Call<'a, Option<PageRef>> {
        ready(Ok(None))
    }
    fn delete_page<'a>(&'a self, _: &'a PageRef) -> Call<'a, ()> {
        ready(Ok(()))
    }
}

fn registry(world: &Arc<World>) -> Registry {
    let mut registry = Registry::default();
    for name in ["jira", "github"] {
        registry.trackers.insert(SourceName::new(name), Arc::new(TrackerOf(name, Arc::clone(world))));
    }
    registry.forges.insert(SourceName::new("github"), Arc::new(ForgeOf(Arc::clone(world))));
    registry.chats.insert(SourceName::new("slack"), Arc::new(ChatOf(Arc::clone(world))));
    registry.docs.insert(SourceName::new("pages"), Arc::new(PagesOf(Arc::clone(world))));
    registry
}

/// What is in force here: the shipped rules, served by the world.
pub(super) fn policy(world: &Arc<World>) -> Policy {
    policy_with(world, Vec::new())
}

/// The same with these models.
pub(super) fn policy_with(world: &Arc<World>, models: Vec<Answering>) -> Policy {
    let catalog = Catalog::load(None, &crate::plugin::registry::vocabulary());
    let mut catalog = catalog.unwrap_or_else(|faults| panic!("{faults}"));
    // Beside what is shipped, which is for whoever may push, one command for a team.
    let deploy = json!({
        "id": "deploy", "on": ["jira.*"], "filter": {"command": ["deploy"]}, "run": "standard-development",
        "who": {"team": ["acme/payments"]},
    });
    catalog.triggers.push(serde_json::from_value(deploy).unwrap());
    let rules = Rules::new(catalog);
    let settings = Settings {
        bindings: BTreeMap::new(),
        limits: Limits::default(),
        prices: Prices::default(),
        model: "m".to_owned(),
        access: Access::default(),
        actions: Vec::new(),
    };
    Policy::new(Arc::new(Registry { models, ..registry(world) }), rules, settings, Standing::default())
}

fn definition() -> Definition {
    let workflow = json!({ "id": "standard", "name": "Standard development", "steps": [] });
    let bindings = [("task_management", "jira"), ("version_control", "github"), ("communication", "slack")];
    Definition {
        workflows: Default::default(),
        workflow: serde_json::from_value::<Workflow>(workflow).unwrap(),
        prompts: BTreeMap::new(),
        roles: BTreeMap::new(),
        actions: Vec::new(),
        bindings: bindings.map(|(name, who)| (name.to_owned(), SourceName::new(who))).into(),
        limits: Limits::default(),
        prices: Prices::default(),
        model: "m".to_owned(),
        access: Access::default(),
        catalog: Digest::of(b""),
    }
}

/// An event in which Ada, who has an account on the forge, does something to SHOP-7.
fn event() -> Event {
    let stamp = Stamp {
        id: EventId::at(Timestamp::UNIX_EPOCH),
        source: SourceName::new("jira"),
        received_at: Timestamp::UNIX_EPOCH,
        payload: PayloadRef::to(b"{}"),
    };
    let mut event = Event::new(&stamp, EventKind::new("jira.issue.assigned"), Subject::new("jira", "SHOP-7"));
    event.actor = Some(Actor {
        account: Account::new("github", "ada"),
        name: "Ada".to_owned(),
        bot: false,
        external: false,
    });
    event
}

impl Scene {
    pub(super) async fn new() -> Self {
        let world = Arc::new(World::new());
        let sandbox = Sandbox::probe(sandbox::Options { minimum: 0, ..Default::default() }).await;
        let mut options = workspace::Options { root: world.place.path().join("runs"), ..Default::default() };
        options.git.protocols.push("file".to_owned());
        let workspaces = Workspaces::new(options, sandbox);
        let steps = Steps::new(Arc::new(Current::new(policy(&world))), workspaces, Arc::new(NoAgent));
        let event = event();
        let started = Started {
            trigger: "t".to_owned(),
            definition: Digest::of(b""),
            workflow: "standard".to_owned(),
            inputs: Map::new(),
            task: Some(TaskRef::new("jira", "SHOP-7")),
            repository: Some(REPOSITORY.parse().unwrap()),
            project: Some("SHOP".to_owned()),
            channel: None,
            hops: 0,
            rerun_of: None,
            event,
            who: None,
        };
        let run = RunId::of(started.event.id, "t");
        let job = Job {
            step: StepPath::root("@start"),
            attempt: 1,
            kind: JobKind::Start,
            description: String::new(),
            inputs: Map::new(),
            timeout: None,
        };
        let memory = Arc::new(Memory::default());
        let context = Context {
            run,
            job,
            definition: Arc::new(definition()),
            started: Arc::new(started),
            ambient: Arc::new(Map::new()),
            work: Work::default(),
            spent: Money::micros(120_000),
            journal: Arc::clone(&memory) as Arc<dyn Journal>,
            cancel: tokio_util::sync::CancellationToken::new(),
            rest: tokio_util::sync::CancellationToken::new(),
            clock: Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)),
        };
        Self { world, steps, context, memory }
    }

    /// Gives the context another journal.
    pub(super) fn forget(&mut self, memory: Memory) {
        self.memory = Arc::new(memory);
        self.context.journal = Arc::clone(&self.memory) as Arc<dyn Journal>;
    }

    pub(super) fn started(&mut self) -> &mut Started {
        Arc::make_mut(&mut self.context.started)
    }

    pub(super) fn access(&mut self) -> &mut Access {
        &mut Arc::make_mut(&mut self.context.definition).access
    }

    /// Lets the event be about pull request 4 and no task.
    pub(super) fn on_change(&mut self) {
        let started = self.started();
        started.task = None;
        started.event.change = Some(ChangeMention {
            repository: REPOSITORY.parse().unwrap(),
            number: 4,
            head_branch: None,
            head_sha: None,
            base_branch: None,
            url: None,
        });
    }

    /// Lets the payload tell of the task.
    pub(super) fn mention(&mut self, title: &str) {
        self.started().event.task = Some(TaskMention {
            reference: TaskRef::new("jira", "SHOP-7"),
            title: Some(title.to_owned()),
            description: None,
            status: None,
            kind: None,
            labels: Vec::new(),
            components: Vec::new(),
            repository: None,
            assignee: None,
            url: None,
        });
    }

    /// Performs the job that is set; an outcome becomes part of the run, as the engine would make it.
    pub(super) async fn perform(&mut self) -> Result<Outcome, StepError> {
        let outcome = self.steps.perform(&self.context).await?;
        self.context.work.merge(&outcome.work);
        if self.context.job.kind == JobKind::Start {
            self.context.ambient = Arc::new(outcome.outputs.as_object().unwrap().clone());
        }
        Ok(outcome)
    }

    /// Sets a job with a fresh memory, and performs it.
    pub(super) async fn act(&mut self, kind: JobKind, inputs: Value) -> Result<Outcome, StepError> {
        self.context.job.step = StepPath::root(&format!("step{}", self.world.done.lock().unwrap().len()));
        self.context.job.kind = kind;
        self.context.job.inputs = inputs.as_object().unwrap().clone();
        self.forget(Memory::default());
        self.perform().await
    }

    pub(super) async fn action(&mut self, name: &str, inputs: Value) -> Result<Outcome, StepError> {
        let (capability, action) = name.split_once('.').unwrap();
        let capability = match capability {
            "task" => "task_management",
            "code" => "version_control",
            "chat" => "communication",
            _ => "documentation",
        };
        let kind = JobKind::Action { capability: capability.to_owned(), action: action.to_owned() };
        self.act(kind, inputs).await
    }

    /// Does what an agent does: changes a file in the checkout and leaves a tree.
    pub(super) async fn work(&mut self, path: &str, text: &str) {
        let workspaces = &self.steps.parts().workspaces;
        let url = format!("file://{}", self.world.remote().display());
        let branch = self.context.work.branch.as_deref().unwrap_or("main");
        let remote = Remote { url, credential: None };
        let workspace = workspaces.open(self.context.run, &remote, branch).await.unwrap();
        std::fs::write(workspace.files.join(path), text).unwrap();
        self.context.work.tree = Some(workspace.snapshot().await.unwrap());
    }
}
