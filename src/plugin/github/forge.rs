//! Repositories, branches and pull requests.

use http::Method;
use serde_json::{Value, json};

use super::client::{self, Call, GitHub};
use super::wire;
use crate::event::{Account, RepositoryName, SourceName, Team};
use crate::plugin::client::{gone, segment};
use crate::plugin::effect::{Effect, Made, ensure};
use crate::plugin::forge::{
    Branch, Change, ChangedFile, CheckRun, Commit, Forge, History, LineComment, NewChange, NewReview,
    Permission, Remote, Repository,
};
use crate::plugin::tracker::CommentRef;
use crate::plugin::{self, PluginError, Problem};

impl Forge for GitHub {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn whoami(&self) -> plugin::Call<'_, Account> {
        Box::pin(async { self.own_account().await.cloned() })
    }

    fn repository<'a>(&'a self, repository: &'a RepositoryName) -> plugin::Call<'a, Repository> {
        Box::pin(async move {
            let found: wire::Repository =
                self.call(repository, Call::get(&format!("/repos/{repository}"))).await?;
            Ok(Repository {
                name: found.full_name,
                default_branch: found.default_branch,
                url: found.html_url,
                private: found.private,
            })
        })
    }

    fn permission<'a>(
        &'a self,
        repository: &'a RepositoryName,
        account: &'a Account,
    ) -> plugin::Call<'a, Permission> {
        Box::pin(async move {
            let user = segment(&account.id);
            let route = format!("/repos/{repository}/collaborators/{user}/permission");
            let answer: Result<wire::Permission, _> = self.call(repository, Call::get(&route)).await;
            Ok(absent_as_none(answer)?.map_or(Permission::None, |found| found.level()))
        })
    }

    fn is_member<'a>(
        &'a self,
        repository: &'a RepositoryName,
        team: &'a Team,
        account: &'a Account,
    ) -> plugin::Call<'a, bool> {
        Box::pin(async move {
            let [organization, name, user] =
                [&team.organization, &team.name, &account.id].map(|part| segment(part));
            let route = format!("/orgs/{organization}/teams/{name}/memberships/{user}");
            let answer: Result<wire::Membership, _> = self.call(repository, Call::get(&route)).await;
            Ok(absent_as_none(answer)?.is_some_and(|found| found.is_active()))
        })
    }

    fn branch<'a>(
        &'a self,
        repository: &'a RepositoryName,
        name: &'a str,
    ) -> plugin::Call<'a, Option<Branch>> {
        Box::pin(self.find_branch(repository, name))
    }

    fn create_branch<'a>(
        &'a self,
        repository: &'a RepositoryName,
        name: &'a str,
        sha: &'a str,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Made<Branch>> {
        let route = format!("/repos/{repository}/git/refs");
        let body = json!({ "ref": format!("refs/heads/{name}"), "sha": sha });
        Box::pin(async move {
            let look = || self.find_branch(repository, name);
            let make = || async {
                let call = Call::new(Method::POST, &route, &body);
                let made: wire::Reference = self.call(repository, call).await?;
                Ok(self.branch_of(repository, name, made))
            };
            ensure(effect, self.client.clock().as_ref(), look, make).await
        })
    }

    fn change<'a>(&'a self, repository: &'a RepositoryName, number: u64) -> plugin::Call<'a, Change> {
        Box::pin(async move {
            let route = format!("/repos/{repository}/pulls/{number}");
            self.call::<wire::Pull>(repository, Call::get(&route)).await.map(Change::from)
        })
    }

    fn create_change<'a>(
        &'a self,
        repository: &'a RepositoryName,
        new: &'a NewChange,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Made<Change>> {
        let route = format!("/repos/{repository}/pulls");
        let body = json!({
            "title": new.title,
            "head": new.head,
            "base": new.base,
            "body": effect.mark(&new.body),
            "draft": new.draft,
        });
        Box::pin(async move {
            // The pull request that a person opened for this branch is the one to go on with: whoever
            // opened it, GitHub allows only one, so authorship does not matter here.
            let look = || self.open_change(repository, new);
            let make = || async {
                let call = Call::new(Method::POST, &route, &body);
                self.call::<wire::Pull>(repository, call).await.map(Change::from)
            };
            ensure(effect, self.client.clock().as_ref(), look, make).await
        })
    }

    fn find_change<'a>(
        &'a self,
        repository: &'a RepositoryName,
        head: &'a str,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Option<Change>> {
        Box::pin(self.own_change(repository, head, effect))
    }

    fn close_change<'a>(&'a self, repository: &'a RepositoryName, number: u64) -> plugin::Call<'a, ()> {
        Box::pin(async move {
            let route = format!("/repos/{repository}/pulls/{number}");
            let call = Call::new(Method::PATCH, &route, &json!({ "state": "closed" }));
            self.act(repository, call.repeatable()).await
        })
    }

    fn add_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        body: &'a str,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Made<CommentRef>> {
        Box::pin(self.comment(repository, number, body, effect))
    }

    fn find_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Option<CommentRef>> {
        Box::pin(self.own_comment(repository, number, effect))
    }

    fn edit_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        _: u64,
        comment: &'a CommentRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> plugin::Call<'a, ()> {
        Box::pin(self.rewrite_comment(repository, comment, body, effect))
    }

    fn delete_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        _: u64,
        comment: &'a CommentRef,
    ) -> plugin::Call<'a, ()> {
        Box::pin(self.erase_comment(repository, comment))
    }

    fn files<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
    ) -> plugin::Call<'a, Vec<ChangedFile>> {
        Box::pin(async move {
            let route = format!("/repos/{repository}/pulls/{number}/files?per_page=100");
            let files: Vec<wire::File> = self.all(repository, &route).await?;
            Ok(files.into_iter().map(ChangedFile::from).collect())
        })
    }

    fn add_review<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        review: &'a NewReview,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Made<CommentRef>> {
        Box::pin(self.review(repository, number, review, effect))
    }

    fn review_comments<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        review: &'a str,
    ) -> plugin::Call<'a, Vec<LineComment>> {
        Box::pin(async move {
            let review = segment(review);
            let route = format!("/repos/{repository}/pulls/{number}/reviews/{review}/comments?per_page=100");
            let comments: Vec<wire::ReviewComment> = self.all(repository, &route).await?;
            Ok(comments.into_iter().map(LineComment::from).collect())
        })
    }

    fn reply<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        thread: &'a str,
        body: &'a str,
        effect: &'a Effect,
    ) -> plugin::Call<'a, Made<CommentRef>> {
        Box::pin(self.answer_thread(repository, number, (thread, body), effect))
    }

    fn checks<'a>(&'a self, repository: &'a RepositoryName, sha: &'a str) -> plugin::Call<'a, Vec<CheckRun>> {
        Box::pin(async move {
            let route = format!("/repos/{repository}/commits/{}/check-runs?per_page=100", segment(sha));
            let found: wire::CheckRuns = self.call(repository, Call::get(&route)).await?;
            Ok(found.check_runs.into_iter().map(CheckRun::from).collect())
        })
    }

    fn history<'a>(&'a self, repository: &'a RepositoryName) -> plugin::Call<'a, History> {
        Box::pin(self.since_release(repository))
    }

    fn remote<'a>(&'a self, repository: &'a RepositoryName) -> plugin::Call<'a, Remote> {
        Box::pin(async move {
            let token = self.git_token(repository).await?;
            let url = format!("{}.git", self.web_url(repository));
            Ok(Remote { url, credential: Some(("x-access-token".to_owned(), token)) })
        })
    }
}

impl GitHub {
    /// Where a person looks at a repository.
    pub(super) fn web_url(&self, repository: &RepositoryName) -> String {
        format!("{}/{repository}", self.options.git_url.as_str().trim_end_matches('/'))
    }

    async fn find_branch(
        &self,
        repository: &RepositoryName,
        name: &str,
    ) -> Result<Option<Branch>, PluginError> {
        let route = format!("/repos/{repository}/git/ref/heads/{}", path_of(name));
        let answer: Result<wire::Reference, _> = self.call(repository, Call::get(&route)).await;
        let exact = absent_as_none(answer)?.filter(|found| found.name == format!("refs/heads/{name}"));
        Ok(exact.map(|found| self.branch_of(repository, name, found)))
    }

    fn branch_of(&self, repository: &RepositoryName, name: &str, found: wire::Reference) -> Branch {
        let url = format!("{}/tree/{}", self.web_url(repository), path_of(name));
        Branch { name: name.to_owned(), sha: found.object.sha, url }
    }

    async fn open_change(
        &self,
        repository: &RepositoryName,
        new: &NewChange,
    ) -> Result<Option<Change>, PluginError> {
        let head = segment(&format!("{}:{}", repository.owner(), new.head));
        let base = segment(&new.base);
        let route = format!("/repos/{repository}/pulls?head={head}&base={base}&state=open&per_page=100");
        // An unknown `head` filter is ignored, and then any pull request would come back.
        let fits = |pull: &wire::Pull| pull.joins(&new.head, &new.base);
        Ok(self.find(repository, &route, fits).await?.map(Change::from))
    }

    /// The pull request of a branch that this effect opened: with its mark, by our own account.
    async fn own_change(
        &self,
        repository: &RepositoryName,
        head: &str,
        effect: &Effect,
    ) -> Result<Option<Change>, PluginError> {
        let own = self.own_account().await?;
        let marker = effect.key.marker();
        let from = segment(&format!("{}:{head}", repository.owner()));
        let route = format!(
            "/repos/{repository}/pulls?head={from}&state=all&sort=created&direction=desc&per_page=100"
        );
        let ours = |pull: &wire::Pull| Self::is_own(own, pull.user.as_ref()) && pull.says(&marker);
        Ok(self.find(repository, &route, ours).await?.map(Change::from))
    }

    /// The comment in the conversation of an issue or pull request that this effect wrote.
    pub(super) async fn own_comment(
        &self,
        repository: &RepositoryName,
        number: u64,
        effect: &Effect,
    ) -> Result<Option<CommentRef>, PluginError> {
        let route = format!("/repos/{repository}/issues/{number}/comments");
        self.marked(repository, &listed_since(&route, effect), effect).await
    }

    /// Gives a comment in the conversation of an issue or pull request another text.
    pub(super) async fn rewrite_comment(
        &self,
        repository: &RepositoryName,
        comment: &CommentRef,
        body: &str,
        effect: &Effect,
    ) -> Result<(), PluginError> {
        let route = format!("/repos/{repository}/issues/comments/{}", segment(&comment.id));
        let body = json!({ "body": effect.mark(bounded(body)) });
        self.act(repository, Call::new(Method::PATCH, &route, &body).repeatable()).await
    }

    /// Deletes a comment in the conversation of an issue or pull request.
    pub(super) async fn erase_comment(
        &self,
        repository: &RepositoryName,
        comment: &CommentRef,
    ) -> Result<(), PluginError> {
        let route = format!("/repos/{repository}/issues/comments/{}", segment(&comment.id));
        gone(self.erase(repository, Call::delete(&route)).await)
    }

    async fn review(
        &self,
        repository: &RepositoryName,
        number: u64,
        review: &NewReview,
        effect: &Effect,
    ) -> Result<Made<CommentRef>, PluginError> {
        let change = format!("/repos/{repository}/pulls/{number}");
        let route = format!("{change}/reviews");
        let listed = format!("{route}?per_page=100");
        let own = self.own_account().await?;
        let pull: wire::Pull = self.call(repository, Call::get(&change)).await?;
        // GitHub lets nobody ask themselves for changes.
        let asks = review.wants_changes && !Self::is_own(own, pull.user.as_ref());
        let at_lines = review.comments.iter().map(
            |LineComment { path, line, body, .. }| json!({"path": path, "line": line, "side": "RIGHT", "body": body}),
        );
        let body = json!({
            "body": effect.mark(bounded(&review.body)),
            "commit_id": review.sha,
            "event": if asks { "REQUEST_CHANGES" } else { "COMMENT" },
            "comments": at_lines.collect::<Vec<_>>(),
        });
        self.say(repository, (&listed, &route), &body, effect).await
    }

    /// Answers in the thread that a comment at a line began.
    async fn answer_thread(
        &self,
        repository: &RepositoryName,
        number: u64,
        (thread, body): (&str, &str),
        effect: &Effect,
    ) -> Result<Made<CommentRef>, PluginError> {
        let all = format!("/repos/{repository}/pulls/{number}/comments");
        let route = format!("{all}/{}/replies", segment(thread));
        let listed = listed_since(&all, effect);
        let text = json!({ "body": effect.mark(bounded(body)) });
        self.say(repository, (&listed, &route), &text, effect).await
    }

    /// Posts what is said to a route, unless another lists it already with this effect's mark.
    async fn say(
        &self,
        repository: &RepositoryName,
        (listed, route): (&str, &str),
        said: &Value,
        effect: &Effect,
    ) -> Result<Made<CommentRef>, PluginError> {
        let look = || self.marked(repository, listed, effect);
        let make =
            || async { self.call(repository, Call::new(Method::POST, route, said)).await.map(comment_ref) };
        ensure(effect, self.client.clock().as_ref(), look, make).await
    }

    /// Of what a route lists, what our own account wrote with this effect's mark.
    async fn marked(
        &self,
        repository: &RepositoryName,
        listed: &str,
        effect: &Effect,
    ) -> Result<Option<CommentRef>, PluginError> {
        let own = self.own_account().await?;
        let marker = effect.key.marker();
        let ours = |made: &wire::Comment| {
            Self::is_own(own, made.user.as_ref())
                && made.body.as_ref().is_some_and(|body| body.contains(&marker))
        };
        Ok(self.find(repository, listed, ours).await?.map(comment_ref))
    }

    async fn since_release(&self, repository: &RepositoryName) -> Result<History, PluginError> {
        let branch = self.repository(repository).await?.default_branch;
        let latest = format!("/repos/{repository}/releases/latest");
        let release: Result<wire::Release, _> = self.call(repository, Call::get(&latest)).await;
        let since = absent_as_none(release)?.map(|release| release.tag_name);
        let commits: Vec<wire::Commit> = match &since {
            Some(tag) => {
                let range = format!("{}...{}", path_of(tag), path_of(&branch));
                let route = format!("/repos/{repository}/compare/{range}?per_page=100");
                self.call::<wire::Comparison>(repository, Call::get(&route)).await?.commits
            }
            None => {
                let route = format!("/repos/{repository}/commits?sha={}&per_page=100", segment(&branch));
                self.call(repository, Call::get(&route)).await?
            }
        };
        Ok(History { since, branch, commits: commits.into_iter().map(Commit::from).collect() })
    }

    /// Writes a comment into the conversation of an issue or pull request, unless this effect wrote
    /// it before.
    pub(super) async fn comment(
        &self,
        repository: &RepositoryName,
        number: u64,
        body: &str,
        effect: &Effect,
    ) -> Result<Made<CommentRef>, PluginError> {
        let route = format!("/repos/{repository}/issues/{number}/comments");
        let text = json!({ "body": effect.mark(bounded(body)) });
        self.say(repository, (&listed_since(&route, effect), &route), &text, effect).await
    }
}

fn comment_ref(comment: wire::Comment) -> CommentRef {
    CommentRef { id: comment.id.to_string(), url: comment.html_url }
}

/// A branch's name in a path: its slashes are the path's own.
fn path_of(branch: &str) -> String {
    branch.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// GitHub refuses texts of more than 65 536 characters; the marker needs room too.
pub(super) fn bounded(text: &str) -> &str {
    const LONGEST: usize = 65_000;
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

/// What a route lists that may have been said by an effect.
fn listed_since(route: &str, effect: &Effect) -> String {
    format!("{route}?since={}&per_page=100", since(effect))
}

/// The earliest moment of an effect as GitHub's `since` wants it.
pub(super) fn since(effect: &Effect) -> String {
    effect.earliest().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn absent_as_none<T>(answer: Result<T, PluginError>) -> Result<Option<T>, PluginError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.problem == Problem::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
