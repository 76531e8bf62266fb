use super::*;
use crate::plugin::fixture::tests::{
    decode, event_of, handshake_of, kept, survives_any_bytes, survives_odd_values, told,
};

fn source() -> GithubSource {
    GithubSource::new(SourceOptions { secrets: vec!["s".into(), "".into()], ..Default::default() })
}

fn read(name: &str) -> Event {
    event_of(&source(), name).0
}

fn command(event: &Event) -> &str {
    &event.command.as_ref().unwrap().name
}

#[test]
fn what_becomes_of_each_kept_delivery() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn an_empty_secret_is_none() {
    assert_eq!(source().credentials("").len(), 1);
}

#[test]
fn a_ping_is_answered_and_nothing_else() {
    assert!(matches!(handshake_of(&source(), "ping"), Reply::Json(_)));
}

/// A kept delivery with a value changed, understood.
fn changed(name: &str, pointer: &str, value: serde_json::Value) -> Event {
    let mut fixture = kept("github", name);
    *fixture.body.as_mut().unwrap().pointer_mut(pointer).unwrap() = value;
    match decode(&source(), &fixture.delivery().unwrap()) {
        Ok(Decoded::Event { event, .. }) => *event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_text_is_a_text_so_that_what_is_written_later_was_not_asked_for() {
    let nothing = || serde_json::Value::Null;
    for event in [
        changed("issues.labeled", "/issue/body", nothing()),
        changed("issue_comment.created", "/issue/body", nothing()),
        changed("pull_request.opened", "/pull_request/body", nothing()),
    ] {
        assert_eq!(event.task.unwrap().description.as_deref(), Some(""), "{}", event.kind);
    }
}

#[test]
fn a_label_names_the_issue_and_itself() {
    let event = read("issues.labeled");
    assert_eq!(event.kind.as_str(), "github.issue.labeled");
    assert_eq!(event.subject.as_str(), "github:acme/shop#12");
    assert_eq!(event.label.as_deref(), Some("ostler"));
    assert_eq!(event.time.to_string(), "2026-11-20T09:20:31Z");
    let actor = event.actor.unwrap();
    assert_eq!((actor.account.to_string().as_str(), actor.bot), ("github:ada-example", false));
    let task = event.task.unwrap();
    assert_eq!(task.reference.to_string(), "github:acme/shop#12");
    assert_eq!(task.title.as_deref(), Some("Totals are wrong for empty carts"));
    assert_eq!(task.labels, ["bug", "ostler"]);
    let repository = event.repository.unwrap();
    assert_eq!(repository.name.to_string(), "acme/shop");
    assert_eq!((repository.default_branch.as_deref(), repository.private), (Some("main"), Some(true)));
    assert_eq!(event.change, None);
}

#[test]
fn an_assignment_names_the_account_just_assigned() {
    assert_eq!(read("issues.assigned").assignee.unwrap().to_string(), "github:bob-example");
    assert_eq!(read("issues.opened").assignee, None);
}

#[test]
fn a_comment_on_an_issue_is_no_comment_on_a_pull_request() {
    let event = read("issue_comment.created");
    assert_eq!(event.kind.as_str(), "github.comment.created");
    assert_eq!(event.change, None);
    assert_eq!(event.command.as_ref().unwrap().flags["branch"], "fix-totals");
    assert_eq!(command(&event), "fix");
    assert_eq!(event.comment.unwrap().id, "31001");
}

#[test]
fn a_comment_on_a_pull_request_names_the_change_and_the_task() {
    let event = read("issue_comment.created-on-pull-request");
    // The quoted command is somebody else's.
    assert_eq!(command(&event), "implement");
    let change = event.change.unwrap();
    assert_eq!((change.number, change.head_branch), (14, None));
    assert_eq!(event.task.unwrap().reference.to_string(), "github:acme/shop#14");
    assert_eq!(event.subject.as_str(), "github:acme/shop#14");
}

#[test]
fn an_edited_comment_asks_nothing() {
    let mut fixture = kept("github", "issue_comment.created");
    fixture.body.as_mut().unwrap()["action"] = "edited".into();
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert_eq!((event.kind.as_str(), &event.command), ("github.comment.edited", &None));
}

#[test]
fn a_pull_request_tells_its_branches() {
    let event = read("pull_request.opened");
    assert_eq!(event.kind.as_str(), "github.pull_request.opened");
    let change = event.change.unwrap();
    assert_eq!(change.head_branch.as_deref(), Some("round-totals"));
    assert_eq!(change.base_branch.as_deref(), Some("main"));
    assert!(change.head_sha.is_some() && change.url.is_some());
    assert_eq!(event.task.unwrap().title.as_deref(), Some("Round totals to cents"));
}

#[test]
fn a_review_is_a_comment_with_a_change() {
    let event = read("pull_request_review.submitted");
    assert_eq!(event.kind.as_str(), "github.review.submitted");
    assert_eq!(command(&event), "fix");
    assert_eq!(event.time.to_string(), "2026-11-20T13:00:00Z");
    assert_eq!(event.change.unwrap().number, 14);
}

#[test]
fn a_push_tells_its_branch_and_paths() {
    let event = read("push");
    assert_eq!((event.kind.as_str(), event.subject.as_str()), ("github.push", "github:acme/shop@main"));
    let push = event.push.unwrap();
    assert_eq!(
        (push.branch.as_str(), push.paths),
        ("main", ["README.md", "src/totals.sh", "tests/totals.sh"].map(str::to_owned).to_vec())
    );
    assert!(push.before.is_some() && push.after.is_some());
}

#[test]
fn whoever_a_commit_names_as_its_author_a_push_is_its_pushers() {
    let maintainer = || json!({"name": "Ada", "email": "ada@example.com", "username": "ada-example"});
    for event in [
        changed("push", "/commits/0/author", maintainer()),
        changed("push", "/head_commit", json!({"author": maintainer(), "committer": maintainer()})),
        changed("push", "/pusher", maintainer()),
    ] {
        let actor = event.actor.unwrap();
        assert_eq!(
            (actor.account.to_string().as_str(), actor.name.as_str()),
            ("github:bob-example", "bob-example")
        );
    }
}

#[test]
fn zeros_are_no_commit_and_a_tag_is_no_branch() {
    let mut fixture = kept("github", "push");
    let body = fixture.body.as_mut().unwrap();
    body["after"] = "0".repeat(40).into();
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert_eq!(event.push.unwrap().after, None);
    fixture.body.as_mut().unwrap()["ref"] = "refs/tags/v1".into();
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert_eq!(event.push, None);
}

#[test]
fn a_check_belongs_to_its_pull_request() {
    let event = read("check_run.completed");
    assert_eq!(event.kind.as_str(), "github.check_run.completed");
    let check = event.check.unwrap();
    assert_eq!((check.name.as_str(), check.conclusion.as_deref()), ("test", Some("failure")));
    assert_eq!(event.subject.as_str(), "github:acme/shop#14");
    assert!(event.actor.unwrap().bot);
}

#[test]
fn an_event_type_nobody_knows_is_an_event_with_few_parts() {
    let event = read("workflow_run.completed");
    assert_eq!(event.kind.as_str(), "github.workflow_run.completed");
    assert_eq!(event.subject.as_str(), "github:acme/shop");
    let mut fixture = kept("github", "workflow_run.completed");
    fixture.headers.insert("X-GitHub-Event".to_owned(), "brand_new".to_owned());
    fixture.body = Some(json!({"action": "Odd Action!", "installation": {"id": 5}}));
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert_eq!((event.kind.as_str(), event.subject.as_str()), ("github.brand_new", "github:installation/5"));
}

#[test]
fn identities_are_the_guid_the_body_and_a_comment_just_made() {
    let (event, identities) = event_of(&source(), "issue_comment.created");
    assert!(identities[0].starts_with("github:7f1c0a2e-"));
    assert_eq!(identities[1], format!("github:body:{}", event.payload.digest));
    assert_eq!(identities[2], "github.comment.created:acme/shop:31001");
}

#[test]
fn one_thing_told_by_several_hooks_has_an_identity_in_common() {
    for name in [
        "issues.labeled",
        "issues.assigned",
        "issues.opened",
        "pull_request.opened",
        "push",
        "check_run.completed",
        "pull_request_review.submitted",
        "issue_comment.created",
    ] {
        let told = |by: &str| {
            let mut fixture = kept("github", name);
            fixture.headers.insert("X-GitHub-Delivery".to_owned(), by.to_owned());
            fixture.body.as_mut().unwrap()["told_by"] = by.into();
            let Ok(Decoded::Event { identities, .. }) = decode(&source(), &fixture.delivery().unwrap())
            else {
                panic!()
            };
            identities
        };
        let (one, other) = (told("repository"), told("organization"));
        let shared: Vec<_> = one.iter().filter(|identity| other.contains(identity)).collect();
        assert_eq!(shared.len(), 1, "{name}: {one:?}");
    }
}

#[test]
fn another_label_another_person_and_another_moment_are_other_things() {
    let meaning = |name: &str, pointer: &str, value: &str| {
        let mut fixture = kept("github", name);
        if !pointer.is_empty() {
            *fixture.body.as_mut().unwrap().pointer_mut(pointer).unwrap() = value.into();
        }
        let Ok(Decoded::Event { identities, .. }) = decode(&source(), &fixture.delivery().unwrap()) else {
            panic!()
        };
        identities.last().unwrap().clone()
    };
    for (name, pointer) in [
        ("issues.labeled", "/label/name"),
        ("issues.labeled", "/issue/updated_at"),
        ("issues.assigned", "/assignee/login"),
        ("pull_request.opened", "/pull_request/updated_at"),
        ("pull_request.opened", "/action"),
        ("push", "/before"),
        ("push", "/repository/pushed_at"),
        ("check_run.completed", "/check_run/completed_at"),
    ] {
        assert_ne!(meaning(name, "", ""), meaning(name, pointer, "other"), "{name}{pointer}");
    }
}

#[test]
fn a_form_carries_the_same_payload() {
    let mut fixture = kept("github", "issues.labeled");
    fixture.headers.insert("Content-Type".to_owned(), FORM.to_owned());
    fixture.form = Some([("payload".to_owned(), fixture.body.take().unwrap())].into_iter().collect());
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert_eq!(event.label.as_deref(), Some("ostler"));
}

#[test]
fn what_is_not_githubs_is_refused() {
    let with = |name: &str, value: &str, body: &'static str| {
        let mut fixture = kept("github", "issues.labeled");
        fixture.headers.insert(name.to_owned(), value.to_owned());
        let mut delivery = fixture.delivery().unwrap();
        if !body.is_empty() {
            delivery.body = body.into();
        }
        decode(&source(), &delivery).unwrap_err().0
    };
    for body in ["{", "[]", "null", "\"x\"", "{} x", "{\"issue\": {\"number\": tru}}", "payload=%7B%7D"] {
        assert!(with("X-GitHub-Event", "issues", body).contains("JSON"), "{body}");
    }
    assert!(with("Content-Type", "text/plain", "").contains("content type"));
    assert!(with("Content-Type", FORM, "other=1").contains("payload"));
    assert!(with("X-GitHub-Event", "../etc", "").contains("X-GitHub-Event"));
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["issues.labeled", "issue_comment.created-on-pull-request", "push", "check_run.completed"] {
        survives_odd_values(&source(), name, &[]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["issue_comment.created", "push", "check_run.completed"]);
}

#[test]
fn what_the_payload_says_of_an_author_is_believed_of_nobody_else() {
    let said = |name: &str, pointer: &str, value: &str| changed(name, pointer, value.into()).association;
    for (name, part) in [
        ("issue_comment.created", "comment"),
        ("pull_request_review.submitted", "review"),
        ("issues.labeled", "issue"),
    ] {
        assert_eq!(read(name).association, Some(Association::Member), "{name}");
        let word = format!("/{part}/author_association");
        assert_eq!(said(name, &word, "OWNER"), Some(Association::Owner), "{name}");
        assert_eq!(said(name, &word, "FIRST_TIME_CONTRIBUTOR"), None, "{name}");
        assert_eq!(said(name, "/sender/login", "eve"), None, "{name}: somebody else did this to it");
    }
    // A comment's payload tells of the issue's author as well; that is not who commented.
    let stranger = said("issue_comment.created", "/comment/author_association", "NONE");
    assert_eq!(stranger, None);
}
