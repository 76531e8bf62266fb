//! Actions as plugins declare them, for the tests of everything that is checked against them.

use super::{ActionSpec, Field, Kind, Repeat, Undo};
use crate::spec::Vocabulary;

fn spec(capability: &str, name: &str, inputs: Vec<Field>, outputs: &[(&str, Kind)]) -> ActionSpec {
    ActionSpec {
        capability: capability.to_owned(),
        name: name.to_owned(),
        about: String::new(),
        inputs,
        outputs: outputs.iter().map(|(name, kind)| Field::required(name, *kind)).collect(),
        repeat: Repeat::Findable,
        undo: Undo::Nothing,
        publishes: false,
    }
}

fn needs(name: &str) -> Field {
    Field::required(name, Kind::String)
}

fn takes(name: &str) -> Field {
    Field::optional(name, Kind::String)
}

/// What plugins might bring: these actions, and some kinds of several sources.
pub(in crate::spec) fn vocabulary() -> Vocabulary {
    let kinds = vec![
        "github.issue.labeled",
        "github.issue.opened",
        "github.comment.created",
        "github.review.submitted",
        "github.review_comment.created",
        "github.pull_request.labeled",
        "github.check_run.completed",
        "gitlab.comment.created",
        "gitlab.issue.assigned",
        "gitlab.issue.labeled",
        "gitlab.issue.opened",
        "gitlab.issue.unassigned",
        "gitlab.review_comment.created",
        "gitlab.merge_request.labeled",
        "jira.issue.assigned",
        "jira.issue.created",
        "jira.issue.commented",
        "linear.comment.created",
        "linear.issue.assigned",
        "linear.issue.created",
        "linear.issue.labeled",
        "linear.issue.transitioned",
        "ostler.budget",
        "pagerduty.incident.triggered",
        "sentry.issue.created",
        "sentry.event_alert.triggered",
        "sentry.metric_alert.critical",
        "slack.command",
        "slack.mention",
        "slack.button",
    ];
    Vocabulary { actions: actions(), kinds }
}

/// The actions that the shipped and the given workflows use.
pub(in crate::spec) fn actions() -> Vec<ActionSpec> {
    use Kind::{Boolean, Object, String};
    let mut actions = on_code();
    actions.extend([
        spec(
            "task_management",
            "create_task",
            vec![needs("title"), takes("description"), takes("type")],
            &[("task", Object), ("task_id", String), ("url", String)],
        ),
        spec("task_management", "get_task", vec![needs("task_id")], &[("task", Object), ("title", String)]),
        spec(
            "task_management",
            "update_task_status",
            vec![needs("task_id"), needs("status"), takes("comment")],
            &[("success", Boolean)],
        ),
        spec(
            "task_management",
            "add_comment",
            vec![needs("task_id"), needs("body").or("comment")],
            &[("url", String), ("id", String)],
        ),
        spec(
            "communication",
            "send_message",
            vec![takes("channel"), needs("message").or("text"), takes("thread")],
            &[("channel", String), ("ts", String)],
        ),
        spec(
            "documentation",
            "create_page_from_template",
            vec![needs("template_type"), needs("title"), needs("content")],
            &[("doc_url", String), ("path", String)],
        ),
    ]);
    actions
}

fn on_code() -> Vec<ActionSpec> {
    use Kind::{Boolean, Number, String};
    vec![
        spec(
            "version_control",
            "create_branch",
            vec![needs("repository"), needs("branch").or("branch_name"), takes("base_branch")],
            &[("branch", String), ("url", String), ("sha", String), ("branch_url", String)],
        ),
        spec(
            "version_control",
            "create_pull_request",
            vec![
                needs("repository"),
                needs("source_branch").or("branch_name"),
                takes("target_branch"),
                needs("title"),
                needs("description").or("body"),
                Field::optional("draft", Boolean),
            ],
            &[
                ("pr_url", String),
                ("url", String),
                ("number", Number),
                ("branch", String),
                ("commit", String),
                ("held_back", String),
                ("draft", Boolean),
            ],
        ),
        spec(
            "version_control",
            "add_comment",
            vec![takes("repository"), Field::optional("number", Number), needs("body").or("comment")],
            &[("url", String)],
        ),
        spec(
            "version_control",
            "get_diff",
            Vec::new(),
            &[("diff", String), ("files", Kind::List), ("truncated", Boolean)],
        ),
        spec(
            "version_control",
            "add_review",
            vec![
                takes("repository"),
                needs("body"),
                takes("verdict"),
                Field::optional("comments", Kind::List),
            ],
            &[("url", String), ("id", String)],
        ),
        spec("version_control", "list_review_comments", vec![needs("review")], &[("comments", Kind::List)]),
        spec(
            "version_control",
            "answer_review_comments",
            vec![Field::required("comments", Kind::List), Field::required("answers", Kind::List)],
            &[("answered", Kind::Number), ("rest", String)],
        ),
        spec(
            "version_control",
            "list_checks",
            Vec::new(),
            &[("checks", Kind::List), ("failed", Kind::List), ("passed", Boolean)],
        ),
        spec(
            "version_control",
            "list_changes",
            Vec::new(),
            &[("since", Kind::Any), ("until", String), ("commits", Kind::List)],
        ),
        spec(
            "version_control",
            "push_branch",
            vec![takes("repository"), takes("branch")],
            &[("branch", String), ("commit", String), ("success", Boolean)],
        ),
    ]
}
