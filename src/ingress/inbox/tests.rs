//! What becomes of kept deliveries under the rules that are shipped.

mod again;
mod asking;
mod outlook;
mod proofs;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::event::{Account, SourceName};
use crate::money::{Limits, Prices};
use crate::plugin::fixture::Fixture;
use crate::plugin::{Registry, github, gitlab, jira, linear, registry, slack};
use crate::router::{Rules, Standing};
use crate::run::{Record, Settings, Started};
use crate::spec::{Catalog, RepositoryMap};
use crate::store::{Found, Memory, Query};

const SECRET: &str = "correct horse battery staple";

/// A key as GitLab makes them.
const SIGNING_TOKEN: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// An inbox over a store in memory, with the shipped handlers and workflows.
pub(in crate::ingress) struct Office {
    pub(in crate::ingress) inbox: Inbox,
    pub(in crate::ingress) store: Arc<dyn Store>,
    pub(in crate::ingress) sources: BTreeMap<SourceName, Arc<dyn Source>>,
    pub(in crate::ingress) clock: Arc<ManualClock>,
}

impl Office {
    pub(in crate::ingress) fn new() -> Self {
        Self::over(Self::sources(), Arc::new(Memory::open().unwrap()))
    }

    fn sources() -> [Arc<dyn Source>; 5] {
        let secrets = || vec![SecretString::from(SECRET)];
        [
            Arc::new(github::source::GithubSource::new(github::source::SourceOptions {
                secrets: secrets(),
                ..github::source::SourceOptions::default()
            })),
            Arc::new(jira::source::JiraSource::new(jira::source::SourceOptions {
                secrets: secrets(),
                ..jira::source::SourceOptions::default()
            })),
            Arc::new(slack::source::SlackSource::new(slack::source::SourceOptions {
                signing_secrets: secrets(),
                ..slack::source::SourceOptions::default()
            })),
            Arc::new(gitlab::source::GitlabSource::new(gitlab::source::SourceOptions {
                secrets: secrets(),
                signing_tokens: vec![SecretString::from(SIGNING_TOKEN)],
                ..gitlab::source::SourceOptions::default()
            })),
            Arc::new(linear::source::LinearSource::new(linear::source::SourceOptions {
                secrets: secrets(),
                ..linear::source::SourceOptions::default()
            })),
        ]
    }

    fn over(sources: [Arc<dyn Source>; 5], store: Arc<dyn Store>) -> Self {
        Self::with(sources.into_iter().map(|source| (source.name(), source)).collect(), store)
    }

    fn with(sources: BTreeMap<SourceName, Arc<dyn Source>>, store: Arc<dyn Store>) -> Self {
        let registry = Registry { sources: sources.clone(), ..Registry::default() };
        Self::of(registry, store)
    }

    /// An inbox whose sources, and who is asked for what was missed, are these.
    pub(in crate::ingress) fn of(registry: Registry, store: Arc<dyn Store>) -> Self {
        let sources = registry.sources.clone();
        let clock = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()));
        let policy = Arc::new(Current::new(policy(registry)));
        let inbox = Inbox::new(Arc::clone(&store), policy, Arc::clone(&clock) as _, |_| {});
        Self { inbox, store, sources, clock }
    }

    async fn send(&self, source: &str, mut delivery: Delivery) -> Outcome {
        let credential = &self.sources[&SourceName::new(source)].credentials(&delivery.surface)[0];
        let secret = credential.secret.expose_secret();
        for (name, value) in signature::sign(&credential.scheme, secret, &delivery, self.clock.now()).unwrap()
        {
            let name: http::HeaderName = name.parse().unwrap();
            delivery.headers.insert(name, value.parse().unwrap());
        }
        self.inbox.accept(source, delivery).await.unwrap()
    }

    async fn send_kept(&self, source: &str, name: &str) -> Answer {
        self.send(source, kept(source, name).delivery().unwrap()).await.answer
    }

    async fn started(&self, run: RunId) -> Started {
        let journal = self.store.load(run).await.unwrap().unwrap();
        match &journal.entries[0].record {
            Record::Started(started) => (**started).clone(),
            other => panic!("{other:?}"),
        }
    }

    async fn reasons(&self, event: EventId) -> Value {
        match self.store.query(Query::Reasons(event)).await.unwrap() {
            Found::Reasons(reasons) => reasons.told(),
            other => panic!("{other:?}"),
        }
    }
}

pub(in crate::ingress) fn policy(registry: Registry) -> Policy {
    let bindings = [("task_management", "jira"), ("version_control", "github"), ("communication", "slack")];
    let bindings: BTreeMap<_, _> =
        bindings.map(|(capability, name)| (capability.to_owned(), SourceName::new(name))).into();
    let map = [("SHOP", "acme/shop"), ("#shop-dev", "acme/shop")];
    let standing = Standing {
        own: vec![
            Account::new("jira", "712020:0f3c8a52-ostler"),
            Account::new("github", "ostler[bot]"),
            Account::new("gitlab", "ostler-bot"),
            Account::new("linear", "a1da0000-0000-4000-8000-0000000000b0"),
        ],
        bots: Vec::new(),
        access: crate::event::Access::default(),
        repositories: RepositoryMap(map.map(|(key, name)| (key.to_owned(), name.parse().unwrap())).into()),
        tracker: bindings.get("task_management").cloned(),
        forge: bindings.get("version_control").cloned(),
    };
    let settings = Settings {
        bindings,
        limits: Limits::default(),
        prices: Prices::default(),
        model: "m".to_owned(),
        access: crate::event::Access::default(),
        actions: registry::actions(),
    };
    let catalog =
        Catalog::load(None, &registry::vocabulary()).unwrap_or_else(|e| panic!("{}", e.render(false)));
    Policy::new(Arc::new(registry), Rules::new(catalog), settings, standing)
}

fn deliveries() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/deliveries")
}

fn kept(source: &str, name: &str) -> Fixture {
    let path = deliveries().join(source).join(format!("{name}.json"));
    Fixture::read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "most of them are what becomes of each delivery, in one place to read"
)]
async fn every_kept_delivery_says_why_it_starts_something_or_nothing() {
    let mut told = String::new();
    for source in ["github", "gitlab", "jira", "linear", "slack"] {
        let files = std::fs::read_dir(deliveries().join(source)).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        for name in names {
            // Each alone: some of them tell of one thing twice.
            let office = Office::new();
            let answer = office.send_kept(source, &name).await;
            let Some(event) = answer.event_id else { continue };
            let reasons = office.reasons(event).await;
            writeln!(told, "{source}/{name}: {}", reasons["sentence"].as_str().unwrap()).unwrap();
            for said in reasons["triggers"].as_array().unwrap() {
                let text = |field: &str| said[field].as_str().unwrap();
                writeln!(told, "  {}: {}", text("trigger"), text("sentence")).unwrap();
            }
        }
    }
    insta::assert_snapshot!(told, @r#"
    github/check_run.completed: The one trigger that takes github.check_run.completed did not want it.
      pr-feedback/check: Its condition ${event.check.conclusion in ['failure', 'timed_out'] and event.change is defined and coalesce(event.change.head_branch, '') is startswith 'ostler/'} does not hold.
    github/issue_comment.created: It starts standard-development.
      code-review/command: It wants the command review; the event has fix.
      comment-command: It starts its workflow.
      dependency-update/command: It wants the command update, upgrade; the event has fix.
      documentation: It wants the command docs, document; the event has fix.
      hotfix/command: It wants the command hotfix; the event has fix.
      planning: It wants the command plan; the event has fix.
      release-notes: It wants the command release-notes, changelog; the event has fix.
      security-review: It wants the command security; the event has fix.
      test-generation: It wants the command test, tests; the event has fix.
    github/issue_comment.created-on-pull-request: It starts standard-development.
      code-review/command: It wants the command review; the event has implement.
      comment-command: It starts its workflow.
      dependency-update/command: It wants the command update, upgrade; the event has implement.
      documentation: It wants the command docs, document; the event has implement.
      hotfix/command: It wants the command hotfix; the event has implement.
      planning: It wants the command plan; the event has implement.
      release-notes: It wants the command release-notes, changelog; the event has implement.
      security-review: It wants the command security; the event has implement.
      test-generation: It wants the command test, tests; the event has implement.
    github/issues.assigned: No trigger takes github.issue.assigned.
    github/issues.labeled: It starts standard-development.
      dependency-update/label: It wants the label dependencies; the event has ostler.
      github-labeled: It starts its workflow.
      hotfix/label: It wants the label hotfix; the event has ostler.
    github/issues.opened: No trigger takes github.issue.opened.
    github/pull_request.opened: No trigger takes github.pull_request.opened.
    github/pull_request_review.submitted: It starts standard-development.
      code-review/command: It wants the command review; the event has fix.
      comment-command: It starts its workflow.
      pr-feedback/review: Its condition ${event.comment.verdict == 'changes_requested' and event.command is not defined and coalesce(event.change.head_branch, '') is startswith 'ostler/'} does not hold.
      security-review: It wants the command security; the event has fix.
      test-generation: It wants the command test, tests; the event has fix.
    github/push: No trigger takes github.push.
    github/workflow_run.completed: github:acme-ci[bot] is a program that is not listed under `security.bots`.
    gitlab/deployment.success: No trigger takes gitlab.deployment.success.
    gitlab/emoji.awarded: No trigger takes gitlab.emoji.awarded.
    gitlab/issue.assigned: The one trigger that takes gitlab.issue.assigned did not want it.
      gitlab-labeled: It wants the label ostler; the event has none.
    gitlab/issue.by-template: No trigger takes gitlab.issue.
    gitlab/issue.closed: No trigger takes gitlab.issue.closed.
    gitlab/issue.edited: No trigger takes gitlab.issue.edited.
    gitlab/issue.labeled: It starts standard-development.
      dependency-update/label: It wants the label dependencies; the event has ostler.
      gitlab-labeled: It starts its workflow.
      hotfix/label: It wants the label hotfix; the event has ostler.
    gitlab/issue.opened: The one trigger that takes gitlab.issue.opened did not want it.
      gitlab-labeled: It wants the label ostler; the event has bug.
    gitlab/issue.opened-confidential: It starts standard-development.
      gitlab-labeled: It starts its workflow.
    gitlab/issue.unassigned: The one trigger that takes gitlab.issue.unassigned did not want it.
      gitlab-labeled: It wants the label ostler; the event has none.
    gitlab/issue.unlabeled: No trigger takes gitlab.issue.unlabeled.
    gitlab/job.success: No trigger takes gitlab.job.completed.
    gitlab/member.added: No trigger takes gitlab.user_add_to_group.
    gitlab/merge_request.approved: No trigger takes gitlab.merge_request.approved.
    gitlab/merge_request.labeled: The one trigger that takes gitlab.merge_request.labeled did not want it.
      code-review/label: It wants the label review; the event has ostler.
    gitlab/merge_request.merged: No trigger takes gitlab.merge_request.merged.
    gitlab/merge_request.no-action: No trigger takes gitlab.merge_request.
    gitlab/merge_request.opened: No trigger takes gitlab.merge_request.opened.
    gitlab/merge_request.review_requested: No trigger takes gitlab.merge_request.review_requested.
    gitlab/merge_request.synchronize: No trigger takes gitlab.merge_request.synchronize.
    gitlab/note.by-system: None of the 9 triggers that take gitlab.comment.created wanted it.
      code-review/command: It wants the command review; the event has none.
      comment-command: It wants the command implement, fix; the event has none.
      dependency-update/command: It wants the command update, upgrade; the event has none.
      documentation: It wants the command docs, document; the event has none.
      hotfix/command: It wants the command hotfix; the event has none.
      planning: It wants the command plan; the event has none.
      release-notes: It wants the command release-notes, changelog; the event has none.
      security-review: It wants the command security; the event has none.
      test-generation: It wants the command test, tests; the event has none.
    gitlab/note.edited: No trigger takes gitlab.comment.edited.
    gitlab/note.on-commit: None of the 9 triggers that take gitlab.comment.created wanted it.
      code-review/command: It wants the command review; the event has none.
      comment-command: It wants the command implement, fix; the event has none.
      dependency-update/command: It wants the command update, upgrade; the event has none.
      documentation: It wants the command docs, document; the event has none.
      hotfix/command: It wants the command hotfix; the event has none.
      planning: It wants the command plan; the event has none.
      release-notes: It wants the command release-notes, changelog; the event has none.
      security-review: It wants the command security; the event has none.
      test-generation: It wants the command test, tests; the event has none.
    gitlab/note.on-diff: It starts standard-development.
      code-review/command: It wants the command review; the event has fix.
      comment-command: It starts its workflow.
      pr-feedback/note: Its condition ${event.command is not defined and coalesce(event.change.head_branch, '') is startswith 'ostler/'} does not hold.
      security-review: It wants the command security; the event has fix.
      test-generation: It wants the command test, tests; the event has fix.
    gitlab/note.on-issue: It starts standard-development.
      code-review/command: It wants the command review; the event has fix.
      comment-command: It starts its workflow.
      dependency-update/command: It wants the command update, upgrade; the event has fix.
      documentation: It wants the command docs, document; the event has fix.
      hotfix/command: It wants the command hotfix; the event has fix.
      planning: It wants the command plan; the event has fix.
      release-notes: It wants the command release-notes, changelog; the event has fix.
      security-review: It wants the command security; the event has fix.
      test-generation: It wants the command test, tests; the event has fix.
    gitlab/note.on-issue-confidential: None of the 9 triggers that take gitlab.comment.created wanted it. Who asked is answered.
      code-review/command: It wants the command review; the event has help.
      comment-command: It wants the command implement, fix; the event has help.
      dependency-update/command: It wants the command update, upgrade; the event has help.
      documentation: It wants the command docs, document; the event has help.
      hotfix/command: It wants the command hotfix; the event has help.
      planning: It wants the command plan; the event has help.
      release-notes: It wants the command release-notes, changelog; the event has help.
      security-review: It wants the command security; the event has help.
      test-generation: It wants the command test, tests; the event has help.
    gitlab/note.on-merge-request: It starts standard-development.
      code-review/command: It wants the command review; the event has implement.
      comment-command: It starts its workflow.
      dependency-update/command: It wants the command update, upgrade; the event has implement.
      documentation: It wants the command docs, document; the event has implement.
      hotfix/command: It wants the command hotfix; the event has implement.
      planning: It wants the command plan; the event has implement.
      release-notes: It wants the command release-notes, changelog; the event has implement.
      security-review: It wants the command security; the event has implement.
      test-generation: It wants the command test, tests; the event has implement.
    gitlab/note.on-snippet: None of the 9 triggers that take gitlab.comment.created wanted it.
      code-review/command: It wants the command review; the event has none.
      comment-command: It wants the command implement, fix; the event has none.
      dependency-update/command: It wants the command update, upgrade; the event has none.
      documentation: It wants the command docs, document; the event has none.
      hotfix/command: It wants the command hotfix; the event has none.
      planning: It wants the command plan; the event has none.
      release-notes: It wants the command release-notes, changelog; the event has none.
      security-review: It wants the command security; the event has none.
      test-generation: It wants the command test, tests; the event has none.
    gitlab/pipeline.failed: No trigger takes gitlab.pipeline.completed.
    gitlab/pipeline.running: No trigger takes gitlab.pipeline.running.
    gitlab/push: No trigger takes gitlab.push.
    gitlab/push.branch-deleted: No trigger takes gitlab.push.
    gitlab/release.created: No trigger takes gitlab.release.created.
    gitlab/system.project_create: No trigger takes gitlab.project_create.
    gitlab/tag_push: No trigger takes gitlab.tag_push.
    gitlab/wiki_page.edited: No trigger takes gitlab.wiki_page.edited.
    gitlab/work_item.opened: No trigger takes gitlab.work_item.opened.
    jira/automation.assigned: It starts standard-development.
      jira-assigned: It starts its workflow.
    jira/automation.issue: No trigger takes jira.automation.sent.
    jira/automation.released: No trigger takes jira.automation.version_released.
    jira/comment_created: It starts standard-development.
      comment-command: It starts its workflow.
      dependency-update/command: It wants the command update, upgrade; the event has implement.
      documentation: It wants the command docs, document; the event has implement.
      hotfix/command: It wants the command hotfix; the event has implement.
      planning: It wants the command plan; the event has implement.
      security-review: It wants the command security; the event has implement.
      test-generation: It wants the command test, tests; the event has implement.
    jira/dc-comment_created: No trigger takes jira.comment.created.
    jira/dc-issue_updated.assigned: The one trigger that takes jira.issue.assigned did not want it.
      jira-assigned: It wants the assignee bot; the event has jira:ostler.
    jira/dc-issue_updated.commented: None of the 7 triggers that take jira.issue.commented wanted it. Who asked is answered.
      comment-command: It wants the command implement, fix; the event has review.
      dependency-update/command: It wants the command update, upgrade; the event has review.
      documentation: It wants the command docs, document; the event has review.
      hotfix/command: It wants the command hotfix; the event has review.
      planning: It wants the command plan; the event has review.
      security-review: It wants the command security; the event has review.
      test-generation: It wants the command test, tests; the event has review.
    jira/issue_created: It starts standard-development.
      jira-assigned: It starts its workflow.
    jira/issue_updated.assigned: It starts standard-development.
      jira-assigned: It starts its workflow.
    jira/issue_updated.assigned-empty-changelog: It starts standard-development.
      jira-assigned: It starts its workflow.
    jira/issue_updated.described: No trigger takes jira.issue.updated.
    jira/issue_updated.labeled: No trigger takes jira.issue.labeled.
    jira/issue_updated.transitioned: No trigger takes jira.issue.transitioned.
    jira/issue_updated.unassigned: No trigger takes jira.issue.unassigned.
    linear/agent_session.created: No trigger takes linear.agent_session.created.
    linear/agent_session.prompted: No trigger takes linear.agent_session.prompted.
    linear/attachment.created: No trigger takes linear.attachment.created.
    linear/comment.created: It starts standard-development.
      comment-command: It starts its workflow.
      dependency-update/command: It wants the command update, upgrade; the event has implement.
      documentation: It wants the command docs, document; the event has implement.
      hotfix/command: It wants the command hotfix; the event has implement.
      planning: It wants the command plan; the event has implement.
      security-review: It wants the command security; the event has implement.
      test-generation: It wants the command test, tests; the event has implement.
    linear/comment.created-external: It starts standard-development.
      comment-command: It starts its workflow.
      dependency-update/command: It wants the command update, upgrade; the event has fix.
      documentation: It wants the command docs, document; the event has fix.
      hotfix/command: It wants the command hotfix; the event has fix.
      planning: It wants the command plan; the event has fix.
      security-review: It wants the command security; the event has fix.
      test-generation: It wants the command test, tests; the event has fix.
    linear/comment.updated: No trigger takes linear.comment.updated.
    linear/cycle.created: linear:0a070000-0000-4000-8000-000000000001 is a program that is not listed under `security.bots`.
    linear/issue.assigned: It starts standard-development.
      linear-assigned: It starts its workflow.
    linear/issue.created: It starts standard-development.
      linear-assigned: It starts its workflow.
      linear-labeled: It wants the label ostler; the event has Bug.
    linear/issue.delegated: It starts standard-development.
      linear-assigned: It starts its workflow.
    linear/issue.labeled: It starts standard-development.
      dependency-update/label: It wants the label dependencies; the event has ostler.
      hotfix/label: It wants the label hotfix; the event has ostler.
      linear-labeled: It starts its workflow.
    linear/issue.removed: No trigger takes linear.issue.removed.
    linear/issue.transitioned: The one trigger that takes linear.issue.transitioned did not want it.
      linear-labeled: It wants the label ostler; the event has none.
    linear/issue.unassigned: No trigger takes linear.issue.unassigned.
    linear/issue.unlabeled: No trigger takes linear.issue.unlabeled.
    linear/issue.updated: No trigger takes linear.issue.updated.
    linear/issue_label.created: No trigger takes linear.issue_label.created.
    linear/issue_sla.breached: No trigger takes linear.issue_sla.breached.
    linear/project.updated: No trigger takes linear.project.updated.
    linear/reaction.created: No trigger takes linear.reaction.created.
    slack/app_mention: It starts standard-development.
      dependency-update/command: It wants the command update, upgrade; the event has implement.
      documentation: It wants the command docs, document; the event has implement.
      hotfix/command: It wants the command hotfix; the event has implement.
      planning: It wants the command plan; the event has implement.
      release-notes: It wants the command release-notes, changelog; the event has implement.
      security-review: It wants the command security; the event has implement.
      slack-command: It starts its workflow.
      test-generation: It wants the command test, tests; the event has implement.
    slack/block_actions: No trigger takes slack.button.
    slack/command: It starts standard-development.
      dependency-update/command: It wants the command update, upgrade; the event has implement.
      documentation: It wants the command docs, document; the event has implement.
      hotfix/command: It wants the command hotfix; the event has implement.
      planning: It wants the command plan; the event has implement.
      release-notes: It wants the command release-notes, changelog; the event has implement.
      security-review: It wants the command security; the event has implement.
      slack-command: It starts its workflow.
      test-generation: It wants the command test, tests; the event has implement.
    slack/message: No trigger takes slack.message.
    slack/message.mention: It starts standard-development.
      dependency-update/command: It wants the command update, upgrade; the event has implement.
      documentation: It wants the command docs, document; the event has implement.
      hotfix/command: It wants the command hotfix; the event has implement.
      planning: It wants the command plan; the event has implement.
      release-notes: It wants the command release-notes, changelog; the event has implement.
      security-review: It wants the command security; the event has implement.
      slack-command: It starts its workflow.
      test-generation: It wants the command test, tests; the event has implement.
    slack/message_action: No trigger takes slack.message_action.
    slack/reaction_added: No trigger takes slack.reaction_added.
    slack/shortcut: No trigger takes slack.shortcut.
    slack/view_submission: No trigger takes slack.modal.submitted.
    "#);
}

#[tokio::test]
async fn a_ticket_created_with_an_assignee_starts_one_run_however_often_it_is_told() {
    let office = Office::new();
    let created = kept("jira", "issue_created");
    let first = office.send("jira", created.delivery().unwrap()).await.answer;
    assert_eq!((first.status, first.runs.len()), (Status::Accepted, 1));
    let mut echo = created;
    let body = echo.body.as_mut().unwrap();
    body["webhookEvent"] = "jira:issue_updated".into();
    body["issue_event_type_name"] = "issue_assigned".into();
    body["changelog"] = json!({ "items": [] });
    echo.headers.insert("X-Atlassian-Webhook-Identifier".to_owned(), "another".to_owned());
    let mut later = echo.clone();
    let again = office.send("jira", echo.delivery().unwrap()).await.answer;
    assert_eq!((again.status, again.runs), (Status::Duplicate, first.runs));
    // Taken away and given back later it is another request.
    later.body.as_mut().unwrap()["issue"]["fields"]["updated"] = "2026-11-22T09:00:00.000+0000".into();
    let anew = office.send("jira", later.delivery().unwrap()).await.answer;
    assert_eq!((anew.status, anew.runs.len()), (Status::Accepted, 1));
}

#[tokio::test]
async fn a_ticket_taken_away_or_given_to_somebody_else_starts_nothing() {
    let office = Office::new();
    assert_eq!(office.send_kept("jira", "issue_updated.unassigned").await.status, Status::Ignored);
    let mut other = kept("jira", "issue_updated.assigned-empty-changelog");
    other.body.as_mut().unwrap()["issue"]["fields"]["assignee"]["accountId"] = "somebody".into();
    let answer = office.send("jira", other.delivery().unwrap()).await.answer;
    assert_eq!(answer.status, Status::Ignored);
    let reasons = office.reasons(answer.event_id.unwrap()).await;
    assert_eq!(reasons["triggers"][0]["sentence"], "It wants the assignee bot; the event has jira:somebody.");
}

#[tokio::test]
async fn what_slack_sends_again_is_taken_in_once() {
    let office = Office::new();
    let mention = || kept("slack", "app_mention").delivery().unwrap();
    let first = office.send("slack", mention()).await.answer;
    let mut retried = mention();
    retried.headers.insert("X-Slack-Retry-Num", "1".parse().unwrap());
    retried.headers.insert("X-Slack-Retry-Reason", "http_timeout".parse().unwrap());
    retried.headers.remove("X-Slack-Request-Timestamp");
    let again = office.send("slack", retried).await.answer;
    assert_eq!((again.status, &again.runs), (Status::Duplicate, &first.runs));
    // The message event of the same mention.
    assert_eq!(office.send_kept("slack", "message.mention").await.status, Status::Duplicate);
}

#[tokio::test]
async fn a_slash_command_on_a_ticket_goes_to_the_tickets_repository_and_its_team() {
    let office = Office::new();
    let mut command = kept("slack", "command");
    let form = command.form.as_mut().unwrap();
    form.insert("channel_id".to_owned(), "C0ELSE".into());
    form.insert("channel_name".to_owned(), "elsewhere".into());
    let outcome = office.send("slack", command.delivery().unwrap()).await;
    let started = office.started(outcome.answer.runs[0]).await;
    assert_eq!(started.task.unwrap().to_string(), "jira:SHOP-7");
    assert_eq!(started.repository.unwrap().to_string(), "acme/shop");
    assert_eq!(started.channel.as_deref(), Some("#shop-dev"));
    let Some(Reply::Json(reply)) = outcome.reply else { panic!() };
    let run = outcome.answer.runs[0];
    let expected =
        format!("Started standard-development for SHOP-7 in acme/shop. Look at it with `ostler runs {run}`.");
    assert_eq!(reply["text"], expected);
}

#[tokio::test]
async fn a_comment_that_starts_nothing_is_answered_by_a_run_of_its_own() {
    let office = Office::new();
    let mut comment = kept("github", "issue_comment.created");
    let body = comment.body.as_mut().unwrap();
    body["comment"]["body"] = "/ostler dance".into();
    let answer = office.send("github", comment.delivery().unwrap()).await.answer;
    assert_eq!((answer.status, answer.runs.len()), (Status::Accepted, 1));
    let started = office.started(answer.runs[0]).await;
    assert_eq!((started.trigger.as_str(), started.workflow.as_str()), (router::ANSWER, "answer"));
    let said = started.inputs["text"].as_str().unwrap();
    assert!(said.starts_with("Nothing here is called `dance`.\nAvailable here:\n• `"), "{said}");
    assert!(said.contains("\n• `implement` (`impl`), `fix`: "), "{said}");
    // Once for each comment, by whichever of the hooks that tell of it.
    comment.headers.insert("X-GitHub-Delivery".to_owned(), "another".to_owned());
    comment.body.as_mut().unwrap()["organization"] = json!({ "login": "acme" });
    let again = office.send("github", comment.delivery().unwrap()).await.answer;
    assert_eq!((again.status, again.runs), (Status::Duplicate, answer.runs));
}

#[tokio::test]
async fn programs_and_the_bot_itself_are_never_answered() {
    for (login, kind) in [("noisy[bot]", "Bot"), ("ostler[bot]", "Bot"), ("Ostler[bot]", "User")] {
        let office = Office::new();
        let mut comment = kept("github", "issue_comment.created");
        let body = comment.body.as_mut().unwrap();
        body["comment"]["body"] = "/ostler help".into();
        body["sender"]["login"] = login.into();
        body["sender"]["type"] = kind.into();
        let answer = office.send("github", comment.delivery().unwrap()).await.answer;
        assert_eq!((answer.status, answer.runs.len()), (Status::Ignored, 0), "{login}");
    }
}

/// Sends two deliveries at the same time: one of them starts a run, and the other is told of the same.
async fn starts_one_run(source: &str, one: &Fixture, other: &Fixture) {
    let office = Office::new();
    let send = |fixture: &Fixture| {
        let delivery = fixture.delivery().unwrap();
        Box::pin(async { office.send(source, delivery).await.answer })
    };
    let (one, other) = tokio::join!(send(one), send(other));
    let mut statuses = [one.status, other.status].map(|status| format!("{status:?}"));
    statuses.sort_unstable();
    assert_eq!(statuses, ["Accepted", "Duplicate"], "{source}");
    assert_eq!((one.runs.len(), one.runs), (1, other.runs), "{source}");
}

#[tokio::test]
async fn one_thing_told_at_once_under_two_ids_starts_one_run() {
    for name in ["issues.labeled", "issue_comment.created", "pull_request_review.submitted"] {
        let repository = kept("github", name);
        let mut organization = repository.clone();
        organization.headers.insert("X-GitHub-Delivery".to_owned(), "of the organisation".to_owned());
        organization.body.as_mut().unwrap()["organization"] = json!({ "login": "acme" });
        starts_one_run("github", &repository, &organization).await;
    }
    let admin = kept("jira", "issue_updated.assigned");
    let mut app = admin.clone();
    app.headers.insert("X-Atlassian-Webhook-Identifier".to_owned(), "of the app".to_owned());
    app.body.as_mut().unwrap()["matchedWebhookIds"] = json!([7]);
    starts_one_run("jira", &admin, &app).await;
    let comment = kept("jira", "comment_created");
    let mut update = comment.clone();
    update.headers.insert("X-Atlassian-Webhook-Identifier".to_owned(), "of the update".to_owned());
    let body = update.body.as_mut().unwrap();
    body["webhookEvent"] = "jira:issue_updated".into();
    body["issue_event_type_name"] = "issue_commented".into();
    starts_one_run("jira", &comment, &update).await;
    starts_one_run("slack", &kept("slack", "app_mention"), &kept("slack", "message.mention")).await;
}

#[tokio::test]
async fn the_same_delivery_many_times_at_once_starts_one_run() {
    let office = Office::new();
    let fixture = kept("github", "issues.labeled");
    let sent = (0..32).map(|_| office.send("github", fixture.delivery().unwrap()));
    let answers = futures_util::future::join_all(sent).await;
    let fresh = answers.iter().filter(|outcome| outcome.answer.status == Status::Accepted).count();
    assert_eq!(fresh, 1);
    assert!(answers.iter().all(|outcome| outcome.answer.runs == answers[0].answer.runs));
}

/// Every source that there is, with what its deliveries are signed by: the secret, or what belongs to it.
async fn everybody() -> (Office, BTreeMap<&'static str, &'static str>) {
    let standard = "whsec_czEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";
    let public = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
    let seed = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let atlassian = json!({"secrets": [SECRET], "connect_secrets": [SECRET], "automation_tokens": [SECRET]});
    let options = json!({"sources": {
        "github": {"secrets": [SECRET]}, "slack": {"signing_secrets": [SECRET]},
        "jira": atlassian, "confluence": atlassian, "notion": {"verification_tokens": [SECRET]},
        "sentry": {"secrets": [SECRET]}, "pagerduty": {"secrets": [SECRET]},
        "discord": {"public_keys": [public]}, "standard": {"acme": {"secrets": [standard]}},
        "generic": {"ci": {"header": "X-Signature", "secrets": [SECRET]}},
    }});
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()));
    let registry = Registry::build(serde_json::from_value(options).unwrap(), &clock).unwrap();
    (
        Office::with(registry.sources, Arc::new(Memory::open().unwrap())),
        [("standard", standard), ("discord", seed)].into(),
    )
}

#[tokio::test]
async fn every_kept_delivery_is_believed_by_each_of_its_sources_schemes_and_not_without() {
    let (office, secrets) = everybody().await;
    for folder in std::fs::read_dir(deliveries()).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let Some(source) = office.sources.get(&SourceName::new(&name)) else { continue };
        let secret = secrets.get(name.as_str()).unwrap_or(&SECRET);
        for file in std::fs::read_dir(deliveries().join(&name)).unwrap() {
            let file = file.unwrap().path();
            let delivery = kept(&name, file.file_stem().unwrap().to_str().unwrap()).delivery().unwrap();
            if source.courtesy(&delivery).is_some() {
                continue;
            }
            for credential in source.credentials(&delivery.surface) {
                let mut signed = delivery.clone();
                let headers = signature::sign(&credential.scheme, secret, &delivery, office.clock.now());
                for (name, value) in headers.unwrap() {
                    let name: http::HeaderName = name.parse().unwrap();
                    signed.headers.insert(name, value.parse().unwrap());
                }
                let taken = office.inbox.accept(&name, signed).await;
                assert!(taken.is_ok(), "{}: {:?}: {taken:?}", file.display(), credential.scheme);
            }
            let refused = office.inbox.accept(&name, delivery).await;
            assert!(matches!(refused, Err(Rejection::Unbelieved(_))), "{}: {refused:?}", file.display());
        }
    }
}

#[tokio::test]
async fn a_handshake_that_is_waited_for_opens_nothing_else() {
    let options = json!({"sources": {"notion": {"setup": true}}});
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()));
    let registry = Registry::build(serde_json::from_value(options).unwrap(), &clock).unwrap();
    let office = Office::with(registry.sources, Arc::new(Memory::open().unwrap()));
    let send = |name: &str| office.inbox.accept("notion", kept("notion", name).delivery().unwrap());
    let page = send("page.content_updated").await;
    assert!(matches!(page, Err(Rejection::Unbelieved(Refusal::NoSecret))), "{page:?}");
    let token = send("verification").await.unwrap();
    assert_eq!((token.reply, token.answer.status), (Some(Reply::Empty), Status::Ignored));
    // One is waited for; from then on there is nothing here.
    assert!(matches!(send("verification").await, Err(Rejection::Unknown)));
}
