//! What is asked where only the repository is missing, and what counts as an answer.

use super::*;
use crate::router::question::{Answer, Place, word};

const MAP: &[(&str, &str)] = &[("SHOP", "acme/shop"), ("#shop-dev", "acme/shop"), ("PAY", "acme/pay")];

fn asked_in(channel: &str, message: Option<&str>, text: &str) -> Event {
    let thread =
        Thread { channel: channel.to_owned(), channel_name: None, message: message.map(str::to_owned) };
    by(
        Event { command: Some(Command::parse(text)), thread: Some(thread), ..event("slack.command") },
        "slack:U1",
        false,
    )
}

fn said(message: Option<&str>, text: &str) -> Event {
    let comment = Comment { id: "2".to_owned(), body: text.to_owned(), url: None, verdict: None };
    let event = asked_in("C9", message, "");
    Event { kind: EventKind::new("slack.message"), command: None, comment: Some(comment), ..event }
}

fn work() -> Rules {
    let filter = Filter { command: words(&["implement"]), ..Filter::default() };
    rules(vec![Trigger { filter, ..trigger("t", "slack.*") }, trigger("other", "slack.command")])
}

fn open() -> Question {
    let routing = route(asked_in("C9", None, "implement totals"), &work(), &standing(MAP));
    assert!(routing.starts.is_empty(), "the source answers a command");
    let text = routing.answer.unwrap();
    assert!(text.contains("`C9` is not mapped") && text.contains("1. acme/pay\n2. acme/shop"), "{text}");
    routing.question.unwrap()
}

#[test]
fn an_answer_is_a_name_or_a_number_alone_or_the_command_for_it() {
    let fits = |event: &Event, name: &str| {
        assert_eq!(open().answer(event, &standing(MAP)), Some(Answer::Repository(name.parse().unwrap())));
    };
    for text in ["use acme/shop", "use 2", "use https://forge.example/acme/shop", "acme/shop", "2"] {
        fits(&asked_in("C9", None, text), "acme/shop");
    }
    for text in [" acme/Pay\n", "1", "#1"] {
        fits(&said(None, text), "acme/pay");
    }
    for text in ["use", "use shop", "use 3", "use 0", "use acme/elsewhere", "acme/elsewhere"] {
        let answer = open().answer(&asked_in("C9", None, text), &standing(MAP));
        assert!(
            matches!(&answer, Some(Answer::Unfit(text)) if text.contains("2. acme/shop")),
            "{text}: {answer:?}"
        );
    }
    for text in ["implement totals", "help", "fix acme/shop"] {
        assert_eq!(open().answer(&asked_in("C9", None, text), &standing(MAP)), None, "{text}");
    }
    for text in ["the shop", "acme/shop please", "yes", ""] {
        assert_eq!(open().answer(&said(None, text), &standing(MAP)), None, "{text}");
    }
    // A repository that has left the map since counts no more.
    assert!(matches!(open().answer(&said(None, "2"), &standing(&MAP[2..])), Some(Answer::Unfit(_))));
}

#[test]
fn an_answer_is_said_by_a_person_just_now() {
    assert!(word(&said(None, "2")).is_some());
    let kind = EventKind::new("github.comment.deleted");
    assert_eq!(word(&Event { kind, ..said(None, "2") }), None);
    assert_eq!(word(&by(said(None, "2"), "slack:B1", true)), None);
    assert_eq!(word(&Event { actor: None, ..said(None, "2") }), None);
}

#[test]
fn places_meet_where_an_answer_can_be_meant() {
    let place = |message| Place::of(&said(message, "2")).unwrap();
    assert!(place(Some("1.0")).meets(&place(Some("1.0"))));
    assert!(!place(Some("1.0")).meets(&place(Some("2.0"))));
    assert!(place(Some("1.0")).meets(&place(None)) && place(None).meets(&place(Some("1.0"))));
    let elsewhere = Place::of(&asked_in("C1", None, "2")).unwrap();
    assert!(!place(None).meets(&elsewhere));
}

#[test]
fn what_merely_happened_asks_nothing_and_nobody_but_people_is_asked() {
    let question = |event| route(event, &rules(vec![trigger("t", "*")]), &standing(MAP)).question;
    let task = Some(TaskMention::to(TaskRef::new("jira", "HELP-1")));
    let told = |kind: &str| by(Event { task: task.clone(), ..event(kind) }, "jira:ada", false);
    assert_eq!(question(told("jira.issue.updated")), None);
    assert_eq!(question(said(Some("1.0"), "good morning")), None);
    let given = Event { assignee: Some(Account::new("jira", "5b10")), ..told("jira.issue.assigned") };
    assert!(question(given.clone()).is_some());
    assert_eq!(question(by(given.clone(), "jira:x", true)), None);
    let mut guest = given;
    guest.actor.as_mut().unwrap().external = true;
    assert_eq!(question(guest), None);
}

#[test]
fn nothing_is_asked_where_no_repository_could_be_chosen() {
    let routing = route(asked_in("C9", None, "implement totals"), &work(), &standing(&[]));
    assert_eq!(routing.question, None);
    assert!(routing.answer.unwrap().contains("--repo"));
}

#[test]
fn an_answered_question_starts_what_was_blocked_and_nothing_else() {
    let mut question = open();
    assert_eq!(question.triggers, ["t", "other"]);
    question.triggers = words(&["t"]);
    let event = asked_in("C9", None, "implement totals");
    let routing = question.resume(event, "acme/pay".parse().unwrap(), &work(), &standing(MAP));
    assert_eq!(name_of(&routing).as_deref(), Some("acme/pay"));
    assert_eq!(routing.project.as_deref(), Some("PAY"));
    let started: Vec<_> = routing.starts.iter().map(|start| start.trigger.as_str()).collect();
    assert_eq!(started, ["t"]);
}

#[test]
fn a_repository_in_a_tickets_field_counts_if_it_is_on_the_map() {
    let told = |repository: &str| {
        let reference = TaskRef::new("jira", "SHOP-7");
        let mention = TaskMention { repository: Some(repository.to_owned()), ..TaskMention::to(reference) };
        Event { task: Some(mention), ..event("jira.issue.assigned") }
    };
    let rules = rules(vec![trigger("t", "*")]);
    for (field, found) in
        [("acme/pay", "acme/pay"), ("https://x.example/acme/pay.git", "acme/pay"), ("eve/x", "acme/shop")]
    {
        assert_eq!(name_of(&route(told(field), &rules, &standing(MAP))).as_deref(), Some(found), "{field}");
    }
}
