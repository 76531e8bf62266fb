use serde_json::Value;

use super::*;
use crate::event::{RepositoryMention, RepositoryName};
use crate::id::{EventId, RunId};
use crate::plugin::fixture::tests::{
    decode, event_of, handshake_of, kept, survives_any_bytes, survives_odd_values, told,
};

fn source() -> SlackSource {
    SlackSource::new(SourceOptions { signing_secrets: vec!["s".into()], ..SourceOptions::default() })
}

fn read(name: &str) -> Event {
    event_of(&source(), name).0
}

fn is_ignored(name: &str) -> bool {
    matches!(decode(&source(), &kept("slack", name).delivery().unwrap()), Ok(Decoded::Ignored(_)))
}

#[test]
fn what_becomes_of_each_kept_delivery() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn a_slash_command_has_a_person_a_place_and_a_command() {
    let (event, identities) = event_of(&source(), "command");
    assert_eq!(event.kind.as_str(), "slack.command");
    let actor = event.actor.unwrap();
    assert_eq!((actor.account.to_string().as_str(), actor.name.as_str()), ("slack:U0ADA", "ada"));
    let thread = event.thread.unwrap();
    assert_eq!((thread.channel.as_str(), thread.channel_name.as_deref()), ("C0SHOP", Some("shop-dev")));
    let command = event.command.unwrap();
    assert_eq!(
        (command.name.as_str(), command.args),
        ("implement", vec!["SHOP-7".to_owned(), "fix & test".to_owned()])
    );
    assert_eq!(identities, ["slack:command:13345224609.738474920.8088930838d88f008e0"]);
}

#[test]
fn a_mention_is_one_event_by_whichever_delivery() {
    let (mention, first) = event_of(&source(), "app_mention");
    let (message, second) = event_of(&source(), "message.mention");
    for event in [mention, message] {
        assert_eq!(event.kind.as_str(), "slack.mention");
        assert_eq!(event.subject.as_str(), "slack:T0ACME/C0SHOP/1763628600.000200");
        assert_eq!(event.comment.unwrap().body, "@U0BOT implement SHOP-7 & tell @U0BOB");
        let command = event.command.unwrap();
        assert_eq!((command.name.as_str(), command.args[0].as_str()), ("implement", "SHOP-7"));
    }
    assert_eq!((first[0].as_str(), second[0].as_str()), ("slack:Ev0MENTION1", "slack:Ev0MESSAGE1"));
    assert_eq!((first[1].as_str(), &first[1]), ("slack:mention:T0ACME/C0SHOP/1763628600.000200", &second[1]));
}

#[test]
fn a_message_belongs_to_its_thread() {
    let event = read("message");
    assert_eq!(event.kind.as_str(), "slack.message");
    assert_eq!(event.subject.as_str(), "slack:T0ACME/C0SHOP/1763628600.000200");
    assert_eq!(event.comment.unwrap().body, "shall we ship 1 < 2?");
    assert_eq!(event.command, None);
    assert!(event.actor.unwrap().external, "its author is of another workspace");
    assert_eq!(event.time.as_second(), 1_763_628_700);
}

#[test]
fn a_message_is_known_by_its_place_and_a_mention_by_that_of_a_mention() {
    let (_, message) = event_of(&source(), "message");
    assert_eq!(message, ["slack:Ev0MESSAGE2", "slack:message:T0ACME/C0SHOP/1763628700.000300"]);
    let (_, mention) = event_of(&source(), "message.mention");
    assert!(!mention.iter().any(|identity| identity.starts_with("slack:message:")), "{mention:?}");
    let (_, reaction) = event_of(&source(), "reaction_added");
    assert_eq!(reaction.len(), 1, "{reaction:?}");
}

#[test]
fn what_a_program_writes_is_a_programs() {
    let mut fixture = kept("slack", "message");
    let message = &mut fixture.body.as_mut().unwrap()["event"];
    (message["bot_id"], message["subtype"]) = ("B1".into(), "bot_message".into());
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert!(event.actor.unwrap().bot);
}

#[test]
fn changes_of_messages_are_ignored_and_other_events_have_few_parts() {
    assert!(is_ignored("message.changed"));
    let event = read("reaction_added");
    let subject = "slack:T0ACME/C0SHOP/1763628600.000200";
    assert_eq!((event.kind.as_str(), event.subject.as_str()), ("slack.reaction_added", subject));
    assert_eq!((event.button.unwrap().action.as_str(), event.command), ("eyes", None));
}

#[test]
fn a_stop_sign_says_stop_where_it_stands_and_taking_it_away_says_nothing() {
    let mut fixture = kept("slack", "reaction_added");
    let mut put = |key: &str, value: &str| {
        fixture.body.as_mut().unwrap()["event"][key] = value.into();
        let decoded = decode(&source(), &fixture.delivery().unwrap());
        let Ok(Decoded::Event { event, .. }) = decoded else { panic!() };
        *event
    };
    let stopped = put("reaction", "octagonal_sign");
    assert_eq!(stopped.command.unwrap().name, "stop");
    assert_eq!(stopped.subject.as_str(), "slack:T0ACME/C0SHOP/1763628600.000200");
    assert_eq!(put("type", "reaction_removed").command, None);
}

#[test]
fn a_button_carries_its_action_and_value() {
    let (event, identities) = event_of(&source(), "block_actions");
    assert_eq!(event.kind.as_str(), "slack.button");
    assert_eq!(event.subject.as_str(), "slack:T0ACME/C0SHOP/1763628600.000200");
    assert_eq!(event.button.unwrap().action, "ostler.stop");
    assert_eq!(event.thread.unwrap().channel_name.as_deref(), Some("shop-dev"));
    assert_eq!(identities, ["slack:interaction:13345224610.738474920.8088930838d88f008e1"]);
}

#[test]
fn the_challenge_is_given_back() {
    let Reply::Json(answer) = handshake_of(&source(), "url_verification") else { panic!() };
    assert_eq!(answer["challenge"], "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
}

#[test]
fn only_a_check_of_the_connection_is_answered_unsigned() {
    let courtesy = |name| source().courtesy(&kept("slack", name).delivery().unwrap());
    assert_eq!(courtesy("ssl_check"), Some(Reply::Empty));
    for name in ["command", "url_verification", "block_actions", "app_mention"] {
        assert_eq!(courtesy(name), None, "{name}");
    }
}

#[test]
fn a_slash_command_is_answered_with_what_was_started() {
    let command = kept("slack", "command").delivery().unwrap();
    let says = |verdict: Verdict| {
        let Some(Reply::Json(answer)) = source().answer(&command, &verdict) else { panic!() };
        assert_eq!(answer["response_type"], "ephemeral");
        answer["text"].as_str().unwrap().to_owned()
    };
    let mut event = read("command");
    let name: RepositoryName = "acme/shop".parse().unwrap();
    event.repository = Some(RepositoryMention {
        forge: SourceName::new("github"),
        name,
        default_branch: None,
        private: None,
    });
    let run = RunId::of(EventId::at(event.time), "t");
    let accepted = |runs, text: Option<&str>| Verdict::Accepted {
        event: Box::new(event.clone()),
        runs,
        text: text.map(str::to_owned),
    };
    let started = says(accepted(vec![(run, "standard-development".to_owned())], None));
    assert_eq!(
        started,
        format!("Started standard-development in acme/shop. Look at it with `ostler runs {run}`.")
    );
    assert_eq!(says(accepted(Vec::new(), Some("<!channel>"))), "&lt;!channel&gt;");
    assert!(!says(accepted(Vec::new(), None)).is_empty());
    assert!(!says(Verdict::Duplicate { event: event.id }).is_empty());
    let button = kept("slack", "block_actions").delivery().unwrap();
    assert_eq!(source().answer(&button, &Verdict::Ignored), Some(Reply::Empty));
}

#[test]
fn what_is_not_slacks_is_refused() {
    let with = |name: &str, field: &str, value: Value| {
        let mut fixture = kept("slack", name);
        match (&mut fixture.body, &mut fixture.form) {
            (Some(body), _) => body[field] = value,
            (_, Some(form)) => drop(form.insert(field.to_owned(), value)),
            _ => {}
        }
        decode(&source(), &fixture.delivery().unwrap()).unwrap_err().0
    };
    assert!(with("command", "user_id", "".into()).contains("user_id"));
    assert!(with("block_actions", "payload", "{".into()).contains("JSON"));
    assert!(with("url_verification", "challenge", Value::Null).contains("challenge"));
    let mut command = kept("slack", "command").delivery().unwrap();
    command.surface = EVENTS.to_owned();
    assert!(decode(&source(), &command).is_err());
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["app_mention", "message"] {
        survives_odd_values(&source(), name, &["/type", "/event", "/event/type"]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["app_mention", "command", "block_actions", "url_verification"]);
}

#[test]
fn a_modal_that_was_sent_carries_what_was_filled_in() {
    let (event, identities) = event_of(&source(), "view_submission");
    assert_eq!(event.kind.as_str(), "slack.modal.submitted");
    let button = event.button.unwrap();
    assert_eq!((button.action.as_str(), button.value.as_deref()), ("ostler.ask", Some("C0SHOP")));
    let fields: Vec<_> = event.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("due", "2026-11-30"), ("place", "acme/shop"), ("title", "Totals")]);
    assert_eq!(identities, ["slack:interaction:13345224611.738474920.8088930838d88f008e2"]);
}

#[test]
fn a_modal_is_answered_with_what_was_started_and_other_interactions_with_nothing() {
    let verdict = |name: &str| Verdict::Accepted {
        event: Box::new(read(name)),
        runs: Vec::new(),
        text: Some("You may not. ".repeat(400)),
    };
    let delivery = |name: &str| kept("slack", name).delivery().unwrap();
    let Some(Reply::Json(reply)) = source().answer(&delivery("view_submission"), &verdict("view_submission"))
    else {
        panic!()
    };
    assert_eq!(reply["response_action"], "update");
    let text = reply["view"]["blocks"][0]["text"]["text"].as_str().unwrap();
    assert!(text.starts_with("You may not.") && text.chars().count() == SECTION);
    for name in ["shortcut", "message_action", "block_actions"] {
        assert_eq!(source().answer(&delivery(name), &verdict(name)), Some(Reply::Empty), "{name}");
    }
}

#[test]
fn what_asks_for_suggestions_gets_none_and_a_closed_modal_is_of_no_interest() {
    assert_eq!(handshake_of(&source(), "block_suggestion"), Reply::Json(json!({"options": []})));
    assert!(is_ignored("view_closed"));
}

#[test]
fn what_a_message_says_that_something_is_chosen_for_is_no_command() {
    let mut fixture = kept("slack", "message_action");
    fixture.form.as_mut().unwrap()["payload"]["message"]["text"] = "/ostler fix".into();
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert_eq!((event.comment.unwrap().body.as_str(), event.command), ("/ostler fix", None));
    assert_eq!(event.subject.as_str(), "slack:T0ACME/C0SHOP/1763628600.000200");
}
