use super::*;
use crate::plugin::fixture::tests::{decode, event_of, kept, survives_any_bytes, survives_odd_values, told};

fn source() -> GitlabSource {
    GitlabSource::new(SourceOptions { secrets: vec!["s".into(), "".into()], ..SourceOptions::default() })
}

fn read(name: &str) -> Event {
    event_of(&source(), name).0
}

/// A kept delivery whose body was changed.
fn changed(name: &str, change: impl FnOnce(&mut serde_json::Value)) -> Event {
    let mut fixture = kept("gitlab", name);
    change(fixture.body.as_mut().unwrap());
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    *event
}

#[test]
fn every_kind_is_normalized() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn an_empty_token_is_none() {
    assert_eq!(source().credentials("").len(), 1);
    let options = SourceOptions {
        secrets: vec!["".into()],
        signing_tokens: vec!["".into()],
        ..SourceOptions::default()
    };
    assert!(GitlabSource::new(options).credentials("").is_empty());
}

#[test]
fn a_note_without_an_action_was_just_made() {
    let event = changed("note.on-issue", |body| {
        body["object_attributes"].as_object_mut().unwrap().remove("action");
    });
    assert_eq!((event.kind.as_str(), event.command.is_some()), ("gitlab.comment.created", true));
}

#[test]
fn an_edited_note_and_one_of_the_system_ask_nothing() {
    assert_eq!(read("note.edited").command, None);
    let event = changed("note.by-system", |body| body["object_attributes"]["note"] = "/ostler fix".into());
    assert_eq!(event.command, None);
}

#[test]
fn several_things_at_once_are_named_after_the_most_telling() {
    let event = changed("issue.assigned", |body| {
        body["changes"]["labels"] = serde_json::json!({"previous": [], "current": [{"title": "ostler"}]});
    });
    assert_eq!(event.kind.as_str(), "gitlab.issue.assigned");
    assert_eq!(event.labels_added, ["ostler"]);
}

#[test]
fn accounts_of_tokens_and_services_are_programs() {
    for (name, program) in [
        ("project_7001_bot_0a1b2c", true),
        ("group_90_bot_0a1b2c", true),
        ("Project_7001_bot", true),
        ("service_account_group_90_0a1b", true),
        ("support-bot", true),
        ("ghost", true),
        ("project_bot", false),
        ("project_x_bot", false),
        ("ada", false),
        ("robot", false),
    ] {
        let event = changed("issue.edited", |body| body["user"]["username"] = name.into());
        let actor = event.actor.unwrap();
        assert_eq!((actor.bot, actor.external), (program, name == "support-bot"), "{name}");
    }
}

#[test]
fn every_writing_of_a_moment_is_read() {
    for text in [
        "2026-11-20T09:20:31Z",
        "2026-11-20 09:20:31 UTC",
        "2026-11-20 10:20:31 +0100",
        "2026-11-20T10:20:31+01:00",
    ] {
        assert_eq!(moment(text).unwrap().to_string(), "2026-11-20T09:20:31Z", "{text}");
    }
    assert_eq!(moment("yesterday"), None);
}

#[test]
fn identities_are_the_id_the_body_and_a_comment_just_made() {
    let (event, identities) = event_of(&source(), "note.on-merge-request");
    let key = kept("gitlab", "note.on-merge-request").headers["Idempotency-Key"].clone();
    let expected = [
        format!("gitlab:{key}"),
        format!("gitlab:body:{}", event.payload.digest),
        "gitlab.comment.created:acme/tools/shop:31002".to_owned(),
    ];
    assert_eq!(identities, expected);
    assert_eq!(event_of(&source(), "note.edited").1.len(), 2);
    // A signed delivery's own id is the one that the signature covers.
    let mut delivery = kept("gitlab", "push").delivery().unwrap();
    delivery.headers.insert("webhook-id", "covered".parse().unwrap());
    let Ok(Decoded::Event { identities, .. }) = decode(&source(), &delivery) else { panic!() };
    assert_eq!(identities[0], "gitlab:covered");
}

#[test]
fn what_is_json_is_an_event_whatever_it_says() {
    let with = |hook: &str, body: &'static str| {
        let mut delivery = kept("gitlab", "push").delivery().unwrap();
        delivery.headers.insert("X-Gitlab-Event", hook.parse().unwrap());
        delivery.body = body.into();
        let Ok(Decoded::Event { event, .. }) = decode(&source(), &delivery) else { panic!("{body}") };
        event.kind.to_string()
    };
    assert_eq!(with("Push Hook", "{}"), "gitlab.push");
    assert_eq!(with("Brand New Hook", "{}"), "gitlab.hook");
    assert_eq!(
        with("Brand New Hook", r#"{"object_kind": "brand-new", "action": "Odd!"}"#),
        "gitlab.brand_new.odd_"
    );
    assert_eq!(with("Confidential Note Hook", "{}"), "gitlab.comment.created");
}

#[test]
fn what_is_not_gitlabs_is_refused() {
    let with = |body: &'static str| {
        let mut delivery = kept("gitlab", "push").delivery().unwrap();
        delivery.body = body.into();
        decode(&source(), &delivery).unwrap_err().0
    };
    for body in ["", "{", "[]", "null", "7", "{} x"] {
        assert!(with(body).contains("JSON"), "{body}");
    }
    let mut delivery = kept("gitlab", "push").delivery().unwrap();
    delivery.headers.insert("content-type", "text/plain".parse().unwrap());
    assert!(decode(&source(), &delivery).unwrap_err().0.contains("content type"));
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in
        ["issue.assigned", "note.on-diff", "push", "pipeline.failed", "job.success", "release.created"]
    {
        survives_odd_values(&source(), name, &[]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["issue.assigned", "note.on-merge-request", "push", "pipeline.failed"]);
}
