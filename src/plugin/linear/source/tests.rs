use serde_json::json;

use super::*;
use crate::plugin::fixture::tests::{decode, event_of, kept, survives_any_bytes, survives_odd_values, told};

fn source() -> LinearSource {
    LinearSource::new(SourceOptions { secrets: vec!["s".into(), "".into()], ..SourceOptions::default() })
}

fn changed(name: &str, change: impl FnOnce(&mut serde_json::Value)) -> Result<Decoded, Undecodable> {
    let mut fixture = kept("linear", name);
    change(fixture.body.as_mut().unwrap());
    decode(&source(), &fixture.delivery().unwrap())
}

fn event(decoded: Result<Decoded, Undecodable>) -> (Event, Vec<String>) {
    let Ok(Decoded::Event { event, identities }) = decoded else { panic!("{decoded:?}") };
    (*event, identities)
}

#[test]
fn every_kind_is_normalized() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn an_empty_secret_is_none() {
    assert_eq!(source().credentials("").len(), 1);
}

#[test]
fn several_things_at_once_are_named_after_the_most_telling() {
    let (event, _) = event(changed("issue.assigned", |body| {
        body["updatedFrom"]["labelIds"] = json!([]);
    }));
    assert_eq!((event.kind.as_str(), event.label.as_deref()), ("linear.issue.assigned", Some("Bug")));
}

#[test]
fn a_program_is_known_by_its_type_and_by_its_mark() {
    let bot = |name, change: fn(&mut serde_json::Value)| event(changed(name, change)).0.actor.unwrap().bot;
    assert!(!bot("issue.labeled", |_| ()));
    assert!(bot("issue.labeled", |body| body["actor"]["type"] = "oauthClient".into()));
    assert!(bot("comment.created", |body| body["data"]["botActor"] = json!({"id": "b", "name": "Zap"})));
    assert!(!bot("comment.created", |body| body["data"]["botActor"] = json!(null)));
}

#[test]
fn a_comments_writer_stands_for_an_actor_who_is_not_told() {
    let named = |change: fn(&mut serde_json::Value)| {
        let (event, _) = event(changed("comment.created", |body| {
            body["actor"] = json!(null);
            change(&mut body["data"]);
        }));
        event.actor.map(|actor| (actor.account.to_string(), actor.name))
    };
    let ada = "linear:a1da0000-0000-4000-8000-000000000001";
    assert_eq!(named(|_| ()), Some((ada.to_owned(), "Ada Example".to_owned())));
    let by_id = named(|data| data["user"] = json!(null)).unwrap();
    assert_eq!(by_id, (ada.to_owned(), ada["linear:".len()..].to_owned()));
}

#[test]
fn two_hooks_tell_of_one_change_and_two_changes_are_two() {
    let (first, identities) = event_of(&source(), "issue.labeled");
    let state = "linear.issue.labeled:15500000-0000-4000-8000-000000000007@2026-11-20T09:15:00.000Z/2026-11-20T09:20:31.123Z";
    let expected = [
        format!("linear:{}", kept("linear", "issue.labeled").headers["Linear-Delivery"]),
        format!("linear:body:{}", first.payload.digest),
        state.to_owned(),
    ];
    assert_eq!(identities, expected);
    let (_, other) = event(changed("issue.labeled", |body| body["webhookId"] = "another".into()));
    assert_eq!((other[2].as_str(), other[1] == identities[1]), (state, false));
    let (_, next) = event(changed("issue.labeled", |body| {
        body["updatedFrom"]["updatedAt"] = "2026-11-20T09:20:31.100Z".into();
    }));
    assert_ne!(next[2], state);
}

#[test]
fn what_is_not_linears_is_refused() {
    let with = |body: &'static str| {
        let mut delivery = kept("linear", "issue.labeled").delivery().unwrap();
        delivery.body = body.into();
        decode(&source(), &delivery).unwrap_err().0
    };
    for body in ["", "{", "[]", "null", "7", "{} x"] {
        assert!(with(body).contains("JSON"), "{body}");
    }
    let mut delivery = kept("linear", "issue.labeled").delivery().unwrap();
    delivery.headers.insert("content-type", "text/plain".parse().unwrap());
    assert!(decode(&source(), &delivery).unwrap_err().0.contains("content type"));
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["issue.assigned", "issue.labeled", "comment.created", "agent_session.prompted"] {
        survives_odd_values(&source(), name, &[]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["issue.assigned", "comment.created", "agent_session.prompted"]);
}
