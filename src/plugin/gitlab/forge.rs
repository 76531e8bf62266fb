//! Repositories, branches and merge requests.

use serde_json::json;

use super::client::{self, API, GitLab, inert, project, put};
use super::wire;
use crate::event::{Account, RepositoryName, SourceName, TaskRef, Team};
use crate::plugin::client::{Request, segment};
use crate::plugin::effect::{Effect, Made, ensure};
use crate::plugin::forge::{
    Branch, Change, ChangedFile, CheckRun, Commit, Forge, History, LineComment, NewChange, NewReview,
    Permission, Remote, Repository,
};
use crate::plugin::tracker::CommentRef;
use crate::plugin::{Call, PluginError, Problem};

impl Forge for GitLab {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn whoami(&self) -> Call<'_, Account> {
        Box::pin(self.own_account())
    }

    fn repository<'a>(&'a self, repository: &'a RepositoryName) -> Call<'a, Repository> {
        Box::pin(async move {
            let found: wire::Project = self.read(&Request::get(project(repository, ""))).await?;
            Ok(found.into())
        })
    }

    fn permission<'a>(
        &'a self,
        repository: &'a RepositoryName,
        account: &'a Account,
    ) -> Call<'a, Permission> {
        Box::pin(async move {
            let Some(user) = self.user(&account.id).await?.filter(wire::User::is_active) else {
                return Ok(Permission::None);
            };
            // `all` counts what comes from the groups above the project, and gives the highest.
            let path = project(repository, &format!("/members/all/{}", user.id));
            let member: Option<wire::Member> = self.read_if_there(&Request::get(path)).await?;
            Ok(member.map_or(Permission::None, |member| member.permission()))
        })
    }

    fn is_member<'a>(
        &'a self,
        _: &'a RepositoryName,
        team: &'a Team,
        account: &'a Account,
    ) -> Call<'a, bool> {
        Box::pin(async move {
            let Some(user) = self.user(&account.id).await?.filter(wire::User::is_active) else {
                return Ok(false);
            };
            // A team is a group here.
            let path = format!("{API}/groups/{}/members/all/{}", segment(&team.to_string()), user.id);
            let member: Option<wire::Member> = self.read_if_there(&Request::get(path)).await?;
            Ok(member.is_some_and(|member| member.permission() > Permission::None))
        })
    }

    fn branch<'a>(&'a self, repository: &'a RepositoryName, name: &'a str) -> Call<'a, Option<Branch>> {
        Box::pin(self.find_branch(repository, name))
    }

    fn create_branch<'a>(
        &'a self,
        repository: &'a RepositoryName,
        name: &'a str,
        sha: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<Branch>> {
        let body = json!({ "branch": name, "ref": sha });
        let request = Request::post(project(repository, "/repository/branches"), &body);
        Box::pin(async move {
            let look = || self.find_branch(repository, name);
            let make = || async { self.read::<wire::Branch>(&request).await.map(Branch::from) };
            ensure(effect, self.client.clock().as_ref(), look, make).await
        })
    }

    fn change<'a>(&'a self, repository: &'a RepositoryName, number: u64) -> Call<'a, Change> {
        Box::pin(async move {
            let path = project(repository, &format!("/merge_requests/{number}"));
            let found: wire::MergeRequest = self.read(&Request::get(path)).await?;
            let home = self.home(repository, &found).await?;
            Ok(found.change(home))
        })
    }

    fn change_task(&self, repository: &RepositoryName, number: u64) -> TaskRef {
        // Issues and merge requests have numbers of their own.
        TaskRef::new(client::NAME, format!("{repository}!{number}"))
    }

    fn create_change<'a>(
        &'a self,
        repository: &'a RepositoryName,
        new: &'a NewChange,
        effect: &'a Effect,
    ) -> Call<'a, Made<Change>> {
        let title = if new.draft { format!("Draft: {}", new.title) } else { new.title.clone() };
        let body = json!({
            "title": title,
            "source_branch": new.head,
            "target_branch": new.base,
            "description": inert(&effect.mark(&new.body)),
        });
        let request = Request::post(project(repository, "/merge_requests"), &body);
        Box::pin(async move {
            // The merge request that a person opened for this branch is the one to go on with: GitLab
            // allows only one, so authorship does not matter here.
            let look = || self.open_change(repository, new);
            let make = || async {
                let made: wire::MergeRequest = self.read(&request).await?;
                Ok(made.change(Some(repository.clone())))
            };
            ensure(effect, self.client.clock().as_ref(), look, make).await
        })
    }

    fn find_change<'a>(
        &'a self,
        repository: &'a RepositoryName,
        head: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Option<Change>> {
        Box::pin(self.own_change(repository, head, effect))
    }

    fn close_change<'a>(&'a self, repository: &'a RepositoryName, number: u64) -> Call<'a, ()> {
        Box::pin(self.close(Place::change(repository, number)))
    }

    fn add_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        Box::pin(async move { self.comment(&Place::change(repository, number), body, effect).await })
    }

    fn find_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        effect: &'a Effect,
    ) -> Call<'a, Option<CommentRef>> {
        Box::pin(async move { self.own_note(&Place::change(repository, number), effect).await })
    }

    fn edit_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        comment: &'a CommentRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, ()> {
        Box::pin(
            async move { self.rewrite_note(&Place::change(repository, number), comment, body, effect).await },
        )
    }

    fn delete_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        comment: &'a CommentRef,
    ) -> Call<'a, ()> {
        Box::pin(async move { self.erase_note(&Place::change(repository, number), comment).await })
    }

    fn files<'a>(&'a self, repository: &'a RepositoryName, number: u64) -> Call<'a, Vec<ChangedFile>> {
        Box::pin(async move {
            let path = project(repository, &format!("/merge_requests/{number}/diffs"));
            let files: Vec<wire::Diff> = self.all(&path).await?;
            Ok(files.into_iter().map(ChangedFile::from).collect())
        })
    }

    fn add_review<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        review: &'a NewReview,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        // GitLab has approvals but no review that is a thing of its own: what it says is a comment.
        let place = Place::change(repository, number);
        Box::pin(async move { self.comment(&place, &review.as_text(), effect).await })
    }

    fn review_comments<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        review: &'a str,
    ) -> Call<'a, Vec<LineComment>> {
        Box::pin(async move {
            // Of what is said at lines, each is a comment by itself.
            let path = format!("{}/notes/{}", Place::change(repository, number).path(), segment(review));
            let note: wire::Placed = self.read(&Request::get(path)).await?;
            Ok(vec![note.into()])
        })
    }

    fn reply<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        thread: &'a str,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>> {
        Box::pin(async move { self.answer(&Place::change(repository, number), (thread, body), effect).await })
    }

    fn checks<'a>(&'a self, repository: &'a RepositoryName, sha: &'a str) -> Call<'a, Vec<CheckRun>> {
        Box::pin(async move {
            let path = project(repository, &format!("/repository/commits/{}/statuses", segment(sha)));
            let (found, _): (Vec<wire::Status>, _) = self.page(&path, 1).await?;
            Ok(found.into_iter().map(CheckRun::from).collect())
        })
    }

    fn history<'a>(&'a self, repository: &'a RepositoryName) -> Call<'a, History> {
        Box::pin(self.since_release(repository))
    }

    fn remote<'a>(&'a self, repository: &'a RepositoryName) -> Call<'a, Remote> {
        // GitLab mints no token for one repository and an hour: an access token of the project that runs out is
        // as near as it comes to that, and is for whoever configures it to make.
        let url = format!("{}.git", self.web_url(repository));
        let credential = Some(("oauth2".to_owned(), self.token.clone()));
        Box::pin(std::future::ready(Ok(Remote { url, credential })))
    }
}

/// An issue or a merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) repository: RepositoryName,
    pub(super) number: u64,
    /// Whether it is a merge request.
    pub(super) change: bool,
}

impl Place {
    pub(super) fn change(repository: &RepositoryName, number: u64) -> Self {
        Self { repository: repository.clone(), number, change: true }
    }

    pub(super) fn issue(repository: &RepositoryName, number: u64) -> Self {
        Self { change: false, ..Self::change(repository, number) }
    }

    fn kind(&self) -> &'static str {
        if self.change { "merge_requests" } else { "issues" }
    }

    pub(super) fn path(&self) -> String {
        project(&self.repository, &format!("/{}/{}", self.kind(), self.number))
    }
}

impl GitLab {
    async fn user(&self, name: &str) -> Result<Option<wire::User>, PluginError> {
        let path = format!("{API}/users?username={}", segment(name));
        let found: Vec<wire::User> = self.read(&Request::get(path)).await?;
        Ok(found.into_iter().find(|user| user.username.eq_ignore_ascii_case(name)))
    }

    async fn find_branch(
        &self,
        repository: &RepositoryName,
        name: &str,
    ) -> Result<Option<Branch>, PluginError> {
        let path = project(repository, &format!("/repository/branches/{}", segment(name)));
        let found: Option<wire::Branch> = self.read_if_there(&Request::get(path)).await?;
        Ok(found.map(Branch::from))
    }

    /// The repository of a merge request's branch; none where it cannot be seen.
    async fn home(
        &self,
        repository: &RepositoryName,
        change: &wire::MergeRequest,
    ) -> Result<Option<RepositoryName>, PluginError> {
        if change.is_local() {
            return Ok(Some(repository.clone()));
        }
        let Some(id) = change.source_project_id else { return Ok(None) };
        let fork: Option<wire::Project> =
            self.read_if_there(&Request::get(format!("{API}/projects/{id}"))).await?;
        Ok(fork.map(|fork| fork.path_with_namespace))
    }

    async fn since_release(&self, repository: &RepositoryName) -> Result<History, PluginError> {
        let branch = self.repository(repository).await?.default_branch;
        let releases: Vec<wire::Release> =
            self.read(&Request::get(project(repository, "/releases?per_page=1"))).await?;
        let since = releases.into_iter().next().map(|release| release.tag_name);
        let commits: Vec<wire::HistoryCommit> = match &since {
            Some(tag) => {
                let range = format!("/repository/compare?from={}&to={}", segment(tag), segment(&branch));
                let found: wire::Comparison = self.read(&Request::get(project(repository, &range))).await?;
                found.commits.into_iter().rev().take(100).collect()
            }
            None => {
                let path = format!("/repository/commits?ref_name={}", segment(&branch));
                self.page(&project(repository, &path), 1).await?.0
            }
        };
        Ok(History { since, branch, commits: commits.into_iter().map(Commit::from).collect() })
    }

    async fn open_change(
        &self,
        repository: &RepositoryName,
        new: &NewChange,
    ) -> Result<Option<Change>, PluginError> {
        let (head, base) = (segment(&new.head), segment(&new.base));
        let query = format!("/merge_requests?state=opened&source_branch={head}&target_branch={base}");
        // A fork may have a branch of the same name.
        let fits = |found: &wire::MergeRequest| found.joins(&new.head, &new.base);
        let found = self.find(&project(repository, &query), fits).await?;
        Ok(found.map(|found| found.change(Some(repository.clone()))))
    }

    /// The merge request of a branch that this effect opened: with its mark, by our own account.
    async fn own_change(
        &self,
        repository: &RepositoryName,
        head: &str,
        effect: &Effect,
    ) -> Result<Option<Change>, PluginError> {
        let own = self.own_account().await?;
        let marker = effect.key.marker();
        let query = format!("/merge_requests?state=all&source_branch={}", segment(head));
        let ours = |found: &wire::MergeRequest| found.is_local() && found.is_by(&own) && found.says(&marker);
        let found = self.find(&project(repository, &query), ours).await?;
        Ok(found.map(|found| found.change(Some(repository.clone()))))
    }

    /// Closes an issue or a merge request; one that is closed stays so.
    pub(super) async fn close(&self, place: Place) -> Result<(), PluginError> {
        let wish = json!({ "state_event": "close" });
        self.read(&put(place.path(), &wish)).await.map(|serde::de::IgnoredAny| ())
    }

    /// The comment under an issue or a merge request that this effect wrote.
    pub(super) async fn own_note(
        &self,
        place: &Place,
        effect: &Effect,
    ) -> Result<Option<CommentRef>, PluginError> {
        let own = self.own_account().await?;
        let marker = effect.key.marker();
        let ours = |note: &wire::Note| {
            note.author.as_ref().is_some_and(|author| author.account() == own) && note.body.contains(&marker)
        };
        let listed = format!("{}/notes?order_by=created_at&sort=desc", place.path());
        let found = self.find(&listed, ours).await?;
        Ok(found.map(|note| self.comment_ref(place, &note)))
    }

    /// Gives a comment under an issue or a merge request another text.
    pub(super) async fn rewrite_note(
        &self,
        place: &Place,
        note: &CommentRef,
        body: &str,
        effect: &Effect,
    ) -> Result<(), PluginError> {
        let path = format!("{}/notes/{}", place.path(), segment(&note.id));
        let text = json!({ "body": inert(&effect.mark(body)) });
        self.read(&put(path, &text)).await.map(|serde::de::IgnoredAny| ())
    }

    /// Deletes a comment under an issue or a merge request.
    pub(super) async fn erase_note(&self, place: &Place, note: &CommentRef) -> Result<(), PluginError> {
        let path = format!("{}/notes/{}", place.path(), segment(&note.id));
        self.client.erase(&Request::delete(path)).await
    }

    /// Writes a comment under an issue or a merge request, unless this effect wrote it before.
    pub(super) async fn comment(
        &self,
        place: &Place,
        body: &str,
        effect: &Effect,
    ) -> Result<Made<CommentRef>, PluginError> {
        self.note(place, &format!("{}/notes", place.path()), body, effect).await
    }

    /// Answers in the discussion that a note belongs to.
    async fn answer(
        &self,
        place: &Place,
        (note, body): (&str, &str),
        effect: &Effect,
    ) -> Result<Made<CommentRef>, PluginError> {
        let discussions = format!("{}/discussions", place.path());
        let holds = |discussion: &wire::Discussion| discussion.holds(note);
        let Some(discussion) = self.find(&discussions, holds).await? else {
            return Err(self.client.error(Problem::NotFound, format!("no discussion holds the note {note}")));
        };
        self.note(place, &format!("{discussions}/{}/notes", segment(&discussion.id)), body, effect).await
    }

    /// Writes a note to where notes are taken, unless this effect wrote it before.
    async fn note(
        &self,
        place: &Place,
        to: &str,
        body: &str,
        effect: &Effect,
    ) -> Result<Made<CommentRef>, PluginError> {
        let text = json!({ "body": inert(&effect.mark(body)) });
        let request = Request::post(to, &text);
        let look = || self.own_note(place, effect);
        let make = || async {
            let made: wire::Note = self.read(&request).await?;
            Ok(self.comment_ref(place, &made))
        };
        ensure(effect, self.client.clock().as_ref(), look, make).await
    }

    fn comment_ref(&self, place: &Place, note: &wire::Note) -> CommentRef {
        let home = self.web_url(&place.repository);
        let url = format!("{home}/-/{}/{}#note_{}", place.kind(), place.number, note.id);
        CommentRef { id: note.id.to_string(), url }
    }
}
