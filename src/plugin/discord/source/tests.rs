use super::*;
use crate::plugin::fixture::tests::{decode, kept, survives_any_bytes, survives_odd_values, told};

use crate::id::{EventId, RunId};

fn source() -> DiscordSource {
    DiscordSource::new(SourceOptions { public_keys: vec!["00".into(), "".into()] })
}

fn delivery(name: &str) -> Delivery {
    kept("discord", name).delivery().unwrap()
}

fn event(name: &str) -> Event {
    match decode(&source(), &delivery(name)) {
        Ok(Decoded::Event { event, .. }) => *event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_becomes_of_each_kept_delivery() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn an_empty_key_is_none() {
    assert_eq!(source().credentials("").len(), 1);
}

#[test]
fn a_command_may_be_written_in_several_ways() {
    let with = |name: &str, options: Value| {
        let mut fixture = kept("discord", "command");
        fixture.body.as_mut().unwrap()["data"] = json!({"name": name, "options": options});
        let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else {
            panic!()
        };
        event.command.unwrap()
    };
    let command = with("ostler", json!([{"name": "request", "type": 3, "value": "fix it --branch b"}]));
    assert_eq!(
        (command.name.as_str(), command.args, &*command.flags["branch"]),
        ("fix", vec!["it".to_owned()], "b")
    );
    let command =
        with("implement", json!([{"name": "request", "value": "SHOP-7"}, {"name": "base", "value": "main"}]));
    assert_eq!(
        (command.name.as_str(), command.args, &*command.flags["base"]),
        ("implement", vec!["SHOP-7".to_owned()], "main")
    );
    assert_eq!(with("ostler", json!([])).name, "help");
    let nested = json!([{"name": "repo", "options": [{"name": "check", "options": []}]}]);
    assert_eq!(
        (with("ostler", nested.clone()).name, with("ostler", nested).args),
        ("repo".to_owned(), vec!["check".to_owned()])
    );
}

#[test]
fn everything_is_answered_in_discords_own_form() {
    let event = event("command");
    let run = RunId::of(EventId::at(event.time), "t");
    let accepted = |runs: bool, text: Option<String>| Verdict::Accepted {
        event: Box::new(event.clone()),
        runs: runs.then(|| (run, "standard-development".to_owned())).into_iter().collect(),
        text,
    };
    let says = |name: &str, verdict: &Verdict| match source().answer(&delivery(name), verdict) {
        Some(Reply::Json(reply)) => reply,
        other => panic!("{other:?}"),
    };
    let started = says("command", &accepted(true, None));
    assert_eq!((&started["type"], &started["data"]["flags"]), (&json!(4), &json!(64)));
    let content = started["data"]["content"].as_str().unwrap();
    assert_eq!(content, format!("Started standard-development. Look at it with `ostler runs {run}`."));
    assert_eq!(started["data"]["allowed_mentions"], json!({"parse": []}));
    let long = says("command", &accepted(false, Some("é".repeat(5000))));
    assert_eq!(long["data"]["content"].as_str().unwrap().chars().count(), 2000);
    assert_eq!(says("modal", &accepted(true, None))["type"], 4);
    assert_eq!(says("button", &accepted(true, None)), json!({"type": 6}));
    assert_eq!(says("button", &Verdict::Ignored), json!({"type": 6}));
    assert_eq!(says("button", &accepted(false, Some("You may not.".to_owned())))["type"], 4);
    assert_eq!(
        source().answer(&delivery("event.application_authorized"), &Verdict::Ignored),
        Some(Reply::NoContent)
    );
}

#[test]
fn what_is_not_discords_is_refused() {
    let mut bad = delivery("command");
    for (body, why) in [("{", "JSON"), ("[]", "JSON"), ("{}", "type")] {
        bad.body = body.into();
        assert!(decode(&source(), &bad).unwrap_err().0.contains(why), "{body}");
    }
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["command", "select", "modal", "event.application_authorized"] {
        survives_odd_values(&source(), name, &["/type", "/event"]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["command", "modal", "event.application_authorized"]);
}
