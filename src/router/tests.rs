mod agreement;
mod question;
mod who;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::event::{
    Access, Account, Actor, Command, Comment, EventKind, KindPattern, PayloadRef, People, Push,
    RepositoryMention, SourceName, Stamp, Subject, TaskMention, TaskRef, Thread,
};
use crate::id::{Digest, EventId};
use crate::spec::{Filter, Guards, RepositoryMap};

/// A trigger that takes a kind and runs `standard`.
pub(super) fn trigger(id: &str, on: &str) -> Trigger {
    Trigger {
        id: id.to_owned(),
        description: String::new(),
        on: vec![KindPattern::new(on)],
        condition: None,
        filter: Filter::default(),
        who: None,
        schedule: None,
        guards: Guards::default(),
        run: "standard".to_owned(),
        inputs: Map::new(),
    }
}

fn rules(triggers: Vec<Trigger>) -> Rules {
    Rules::new(Catalog {
        triggers,
        workflows: BTreeMap::new(),
        prompts: BTreeMap::new(),
        roles: BTreeMap::new(),
        digest: Digest::of(b""),
    })
}

pub(super) fn event(kind: &str) -> Event {
    let source = SourceName::new(kind.split('.').next().unwrap());
    let stamp = Stamp {
        id: EventId::at(Timestamp::UNIX_EPOCH),
        received_at: Timestamp::UNIX_EPOCH,
        payload: PayloadRef::to(b""),
        source,
    };
    Event::new(&stamp, EventKind::new(kind), Subject::new("test", "x"))
}

fn on_shop(kind: &str) -> Event {
    let repository = RepositoryMention {
        forge: SourceName::new("github"),
        name: "acme/shop".parse().unwrap(),
        default_branch: None,
        private: None,
    };
    Event { repository: Some(repository), ..event(kind) }
}

fn by(event: Event, account: &str, bot: bool) -> Event {
    let account: Account = account.parse().unwrap();
    Event { actor: Some(Actor { name: account.id.clone(), account, bot, external: false }), ..event }
}

fn slash(text: &str) -> Event {
    let thread =
        Thread { channel: "C1".to_owned(), channel_name: Some("shop-dev".to_owned()), message: None };
    let event = by(event("slack.command"), "slack:U0ADA", false);
    Event { command: Some(Command::parse(text)), thread: Some(thread), ..event }
}

fn standing(map: &[(&str, &str)]) -> Standing {
    let map = map.iter().map(|(key, name)| ((*key).to_owned(), name.parse().unwrap()));
    let accounts = [Account::new("github", "ada"), Account::new("slack", "U0ADA")];
    Standing {
        own: vec![Account::new("github", "ostler[bot]"), Account::new("jira", "5b10")],
        bots: vec![Account::new("github", "dependabot[bot]")],
        repositories: RepositoryMap(map.collect()),
        tracker: Some(SourceName::new("jira")),
        forge: Some(SourceName::new("github")),
        access: Access { allow: Vec::new(), people: People([("ada".to_owned(), accounts.to_vec())].into()) },
    }
}

fn filtered(on: &str, filter: Filter) -> Rules {
    rules(vec![Trigger { filter, ..trigger("t", on) }])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn name_of(routing: &Routing) -> Option<String> {
    routing.event.repository.as_ref().map(|repository| repository.name.to_string())
}

#[test]
fn several_triggers_take_one_event_and_each_says_why() {
    let label = Filter { label: words(&["ostler"]), ..Filter::default() };
    let mut third = trigger("third", "github.issue.labeled");
    third.filter.label = words(&["other"]);
    let rules = rules(vec![
        Trigger { filter: label, ..trigger("first", "github.issue.labeled") },
        trigger("second", "github.*"),
        third,
        trigger("fourth", "jira.*"),
    ]);
    let labeled = Event { label: Some("Ostler".to_owned()), ..on_shop("github.issue.labeled") };
    let routing = route(labeled.clone(), &rules, &standing(&[]));
    let started: Vec<&str> = routing.starts.iter().map(|start| start.trigger.as_str()).collect();
    assert_eq!(started, ["first", "second"]);
    // Only candidates give reasons; an explanation asks everybody.
    assert_eq!(routing.reasons.len(), 3);
    let said_no = &routing.reasons[2];
    assert_eq!((said_no.verdict, said_no.condition.as_deref()), (Verdict::Unmatched, Some("label")));
    assert_eq!(
        (&said_no.expected, &said_no.actual),
        (&serde_json::json!(["other"]), &serde_json::json!("Ostler"))
    );
    let all = explain(labeled, &rules, &standing(&[]));
    assert_eq!(all.len(), 4);
    assert_eq!(all[3].condition.as_deref(), Some("on"));
}

#[test]
fn what_ostler_did_itself_starts_nothing() {
    let rules = rules(vec![trigger("t", "github.*")]);
    let own = by(on_shop("github.comment.created"), "github:ostler[bot]", true);
    let routing = route(own, &rules, &standing(&[]));
    assert!(routing.starts.is_empty() && routing.reasons.is_empty());
    assert!(matches!(routing.refusal, Some(Refusal::Own { marked: false, .. })));
}

#[test]
fn a_mark_counts_only_with_ostler_as_its_author() {
    let rules = rules(vec![trigger("t", "github.*")]);
    let marked = |account: &str| {
        let body = "<!-- ostler:key=run_0:x:0 -->\n/ostler fix".to_owned();
        let comment = Some(Comment { id: "1".to_owned(), body, url: None, verdict: None });
        by(Event { comment, ..on_shop("github.comment.created") }, account, false)
    };
    assert_eq!(route(marked("github:mallory"), &rules, &standing(&[])).starts.len(), 1);
    let own = route(marked("github:Ostler[bot]"), &rules, &standing(&[]));
    assert!(matches!(own.refusal, Some(Refusal::Own { marked: true, .. })));
}

#[test]
fn programs_are_ignored_unless_listed_or_reporting_a_check() {
    let rules = rules(vec![trigger("t", "github.*")]);
    let starts = |event| route(event, &rules, &standing(&[])).starts.len();
    assert_eq!(starts(by(on_shop("github.comment.created"), "github:stranger[bot]", true)), 0);
    assert_eq!(starts(by(on_shop("github.comment.created"), "github:dependabot[bot]", true)), 1);
    assert_eq!(starts(by(on_shop("github.comment.created"), "github:ada", false)), 1);
    let check = crate::event::Check {
        name: "ci".to_owned(),
        sha: "1".to_owned(),
        status: "completed".to_owned(),
        conclusion: None,
    };
    let mut checked = by(on_shop("github.check_run.completed"), "github:actions[bot]", true);
    checked.check = Some(check);
    assert_eq!(starts(checked), 1);
}

#[test]
fn the_bot_is_assigned_by_its_own_accounts() {
    let rules = filtered("jira.*", Filter { assignee: words(&["bot"]), ..Filter::default() });
    let assigned = |id: &str| {
        let task = Some(TaskMention::to(TaskRef::new("jira", "SHOP-7")));
        Event { task, assignee: Some(Account::new("jira", id)), ..event("jira.issue.assigned") }
    };
    let standing = standing(&[("SHOP", "acme/shop")]);
    assert_eq!(route(assigned("5b10"), &rules, &standing).starts.len(), 1);
    assert_eq!(route(assigned("other"), &rules, &standing).reasons[0].condition.as_deref(), Some("assignee"));
    assert_eq!(route(event("jira.issue.assigned"), &rules, &standing).starts.len(), 0);
    for wanted in ["jira:other", "other"] {
        let rules = filtered("jira.*", Filter { assignee: words(&[wanted]), ..Filter::default() });
        assert_eq!(route(assigned("other"), &rules, &standing).starts.len(), 1, "{wanted}");
    }
}

#[test]
fn repositories_branches_and_paths_are_globs() {
    let push = |branch: &str, paths: &[&str]| {
        let push = Push { branch: branch.to_owned(), before: None, after: None, paths: words(paths) };
        Event { push: Some(push), ..on_shop("github.push") }
    };
    let filter = Filter {
        repository: words(&["acme/*"]),
        branch: words(&["main", "release/*"]),
        path: words(&["src/**/*.rs"]),
        ..Filter::default()
    };
    let rules = filtered("github.push", filter);
    let says = |event| {
        let routing = route(event, &rules, &standing(&[]));
        routing.reasons[0].condition.clone()
    };
    assert_eq!(says(push("main", &["README.md", "src/a/b.rs"])), None);
    assert_eq!(says(push("release/1", &["src/b.rs"])), None);
    assert_eq!(says(push("feature", &["src/b.rs"])).as_deref(), Some("branch"));
    assert_eq!(says(push("main", &["README.md"])).as_deref(), Some("path"));
}

#[test]
fn a_condition_and_inputs_are_evaluated_over_the_event() {
    let mut with = trigger("t", "github.issue.labeled");
    with.condition = Some("${event.label == 'ostler'}".to_owned());
    with.inputs.insert("what".to_owned(), serde_json::json!("${event.label}!"));
    let rules = rules(vec![with]);
    let labeled = |label: &str| Event { label: Some(label.to_owned()), ..on_shop("github.issue.labeled") };
    let routing = route(labeled("ostler"), &rules, &standing(&[]));
    assert_eq!(routing.starts[0].inputs["what"], "ostler!");
    let no = route(labeled("bug"), &rules, &standing(&[]));
    assert_eq!(no.reasons[0].condition.as_deref(), Some("if"));
}

#[test]
fn an_expression_that_fails_is_told_and_starts_nothing() {
    let mut broken = trigger("t", "github.*");
    broken.condition = Some("${event.nothing.there}".to_owned());
    let routing = route(on_shop("github.push"), &rules(vec![broken]), &standing(&[]));
    assert!(routing.starts.is_empty());
    assert_eq!(routing.reasons[0].verdict, Verdict::Failed);
}

#[test]
fn a_repository_is_found_by_what_is_narrowest() {
    let map =
        [("SHOP", "acme/shop"), ("Payments", "acme/pay"), ("#shop-dev", "acme/dev"), ("C9", "acme/private")];
    let rules = rules(vec![trigger("t", "*")]);
    let found = |event| name_of(&route(event, &rules, &standing(&map)));
    let mut ticket = event("jira.issue.assigned");
    ticket.task = Some(TaskMention::to(TaskRef::new("jira", "SHOP-7")));
    assert_eq!(found(ticket.clone()).as_deref(), Some("acme/shop"));
    ticket.task.as_mut().unwrap().components = words(&["Unknown", "Payments"]);
    assert_eq!(found(ticket).as_deref(), Some("acme/pay"));
    assert_eq!(found(slash("implement the totals")).as_deref(), Some("acme/dev"));
    assert_eq!(found(slash("implement SHOP-7")).as_deref(), Some("acme/shop"));
    assert_eq!(found(slash("implement x --repo acme/pay")).as_deref(), Some("acme/pay"));
    // Asked for and not on the map: none, rather than the channel's.
    assert_eq!(found(slash("implement x --repo mallory/x")), None);
    let mut private = slash("implement x");
    private.thread = Some(Thread {
        channel: "C9".to_owned(),
        channel_name: Some("privategroup".to_owned()),
        message: None,
    });
    assert_eq!(found(private).as_deref(), Some("acme/private"));
    // What the event itself says stands.
    let mut own = on_shop("github.comment.created");
    own.command = Some(Command::parse("fix --repo acme/pay"));
    assert_eq!(found(own).as_deref(), Some("acme/shop"));
}

#[test]
fn a_typed_task_becomes_the_events_task_and_subject() {
    let rules = rules(vec![trigger("t", "slack.command")]);
    let standing = standing(&[("SHOP", "acme/shop"), ("other", "acme/shop")]);
    let routing = route(slash("implement shop-7"), &rules, &standing);
    assert_eq!(routing.event.task.as_ref().unwrap().reference.to_string(), "jira:SHOP-7");
    assert_eq!(routing.event.subject.as_str(), "jira:SHOP-7");
    assert_eq!(routing.project.as_deref(), Some("SHOP"));
    let routing = route(slash("implement acme/shop#12"), &rules, &standing);
    assert_eq!(routing.event.task.as_ref().unwrap().reference.to_string(), "github:acme/shop#12");
    assert_eq!(name_of(&routing).as_deref(), Some("acme/shop"));
    assert_eq!(name_of(&route(slash("implement evil/shop#12"), &rules, &standing)), None);
    for text in ["implement the totals", "implement x-y", "implement a#b", "implement -1", "implement SHOP-"]
    {
        assert_eq!(route(slash(text), &rules, &standing).event.task, None, "{text}");
    }
}

#[test]
fn a_trigger_without_a_repository_is_blocked_and_the_person_is_told() {
    let routing = route(slash("implement x"), &rules(vec![trigger("t", "slack.command")]), &standing(&[]));
    assert!(routing.starts.is_empty());
    assert_eq!(routing.reasons[0].verdict, Verdict::Blocked);
    assert!(routing.answer.unwrap().contains("--repo"));
}

#[test]
fn help_lists_what_is_available_here() {
    let command = |id: &str, on: &str, name: &str| Trigger {
        description: format!("About {name}."),
        filter: Filter { command: words(&[name]), ..Filter::default() },
        ..trigger(id, on)
    };
    let rules = rules(vec![
        command("a", "slack.command", "implement"),
        command("b", "github.comment.created", "review"),
        trigger("c", "slack.command"),
    ]);
    let standing = standing(&[("#shop-dev", "acme/shop")]);
    // The third trigger takes any command: without it nothing starts.
    let only =
        Rules::new(Catalog { triggers: rules.catalog.triggers[..2].to_vec(), ..rules.catalog.clone() });
    let help = route(slash("help"), &only, &standing).answer.unwrap();
    assert!(help.contains("`implement` (`impl`): About implement.") && !help.contains("review"), "{help}");
    let unknown = route(slash("explode"), &only, &standing).answer.unwrap();
    assert!(unknown.contains("`explode`") && unknown.contains("`implement`"), "{unknown}");
    assert_eq!(route(slash("implement x"), &only, &standing).answer, None);
}

/// A catalog whose one trigger takes the command `implement` in comments, with the workflow that answers.
fn answering_rules() -> Rules {
    let mut rules =
        filtered("github.comment.created", Filter { command: words(&["implement"]), ..Filter::default() });
    let workflow = serde_json::json!({ "id": "answer", "name": "Answer", "steps": [] });
    rules.catalog.workflows.insert("answer".to_owned(), serde_json::from_value(workflow).unwrap());
    rules
}

fn asked_in_comment(text: &str) -> Event {
    let comment = Comment { id: "1".to_owned(), body: format!("/ostler {text}"), url: None, verdict: None };
    let task = Some(TaskMention::to(TaskRef::new("github", "acme/shop#1")));
    let event = by(on_shop("github.comment.created"), "github:ada", false);
    Event { comment: Some(comment), command: Some(Command::parse(text)), task, ..event }
}

#[test]
fn a_comment_that_starts_nothing_is_answered_once_and_by_a_run() {
    let started = |event| -> Vec<String> {
        route(event, &answering_rules(), &standing(&[])).starts.into_iter().map(|s| s.trigger).collect()
    };
    assert_eq!(started(asked_in_comment("help")), [ANSWER]);
    assert_eq!(started(asked_in_comment("explode")), [ANSWER]);
    assert_eq!(started(asked_in_comment("implement")), ["t"], "work needs no answer");
    let said_nothing = Event { command: None, ..asked_in_comment("help") };
    assert_eq!(started(said_nothing), [""; 0]);
    let nowhere = Event { task: None, ..asked_in_comment("help") };
    assert_eq!(started(nowhere), [""; 0]);
    let slash = Event { comment: None, ..asked_in_comment("help") };
    assert_eq!(started(slash), [""; 0], "its source answers it at once");
}

#[test]
fn programs_are_not_answered_even_where_they_are_listed() {
    for account in ["github:dependabot[bot]", "github:stranger[bot]", "github:ostler[bot]"] {
        let event = by(asked_in_comment("help"), account, true);
        assert_eq!(route(event, &answering_rules(), &standing(&[])).starts, [], "{account}");
    }
}

#[test]
fn an_unknown_name_is_said_back_in_bounds() {
    let event = asked_in_comment(&format!("`{}", "x".repeat(5_000)));
    let answer = route(event, &answering_rules(), &standing(&[])).answer.unwrap();
    assert!(answer.starts_with(&format!("Nothing here is called `{}`.", "x".repeat(40))), "{answer}");
}

#[test]
fn help_says_how_to_name_a_repository_only_where_the_place_does_not() {
    let here = route(asked_in_comment("help"), &answering_rules(), &standing(&[])).answer.unwrap();
    assert!(here.contains("`implement` (`impl`)") && here.contains("`help` (`?`, `h`)"), "{here}");
    assert!(!here.contains("--repo"));
    let help = |event| {
        let rules = filtered("slack.command", Filter { command: words(&["fix"]), ..Filter::default() });
        route(event, &rules, &standing(&[("#shop-dev", "acme/shop")])).answer.unwrap()
    };
    assert!(help(slash("help")).contains("--repo owner/name"));
}

#[test]
fn a_filter_by_label_sees_all_labels_that_were_added() {
    let rules = filtered("jira.*", Filter { label: words(&["ostler"]), ..Filter::default() });
    let labeled = |labels: &[&str]| Event {
        label: Some(labels[0].to_owned()),
        labels_added: words(labels),
        ..on_shop("jira.issue.labeled")
    };
    assert_eq!(route(labeled(&["checkout", "Ostler"]), &rules, &standing(&[])).starts.len(), 1);
    let no = route(labeled(&["checkout", "urgent"]), &rules, &standing(&[]));
    assert_eq!(no.reasons[0].sentence(), "It wants the label ostler; the event has checkout, urgent.");
}

#[test]
fn the_channel_is_the_one_that_is_mapped_to_the_repository() {
    let map = [("SHOP", "acme/shop"), ("#pay-dev", "acme/pay"), ("#shop-dev", "acme/shop"), ("C9", "acme/x")];
    let rules = rules(vec![trigger("t", "*")]);
    let channel = |event| route(event, &rules, &standing(&map)).channel;
    assert_eq!(channel(on_shop("github.push")).as_deref(), Some("#shop-dev"));
    assert_eq!(channel(slash("implement SHOP-7")).as_deref(), Some("#shop-dev"));
    assert_eq!(channel(slash("implement x --repo acme/pay")).as_deref(), Some("#pay-dev"));
    assert_eq!(channel(slash("implement x --repo acme/x")), None);
}

#[test]
fn a_ticket_named_in_an_unmapped_channel_goes_to_its_projects_repository() {
    let elsewhere =
        Thread { channel: "C7".to_owned(), channel_name: Some("random".to_owned()), message: None };
    let event = Event { thread: Some(elsewhere), ..slash("implement SHOP-7") };
    let rules = rules(vec![trigger("t", "slack.command")]);
    let routing = route(event, &rules, &standing(&[("SHOP", "acme/shop")]));
    assert_eq!(name_of(&routing).as_deref(), Some("acme/shop"));
    assert_eq!(routing.starts.len(), 1);
}

#[test]
fn every_verdict_is_a_sentence() {
    let blocked = route(slash("implement x"), &rules(vec![trigger("t", "slack.command")]), &standing(&[]));
    let said = blocked.reasons[0].sentence();
    assert_eq!(said, "It wants the event, but the repository is not known: there is none for #shop-dev, C1.");
    let nobody = route(slash("x"), &rules(vec![trigger("t", "jira.*")]), &standing(&[]));
    assert_eq!(nobody.sentence(), "No trigger takes slack.command.");
    let own = route(by(on_shop("github.push"), "github:ostler[bot]", true), &rules(vec![]), &standing(&[]));
    assert_eq!(own.sentence(), "github:ostler[bot] is Ostler itself.");
}

#[test]
fn what_ostler_itself_tells_of_needs_no_repository() {
    let rules = rules(vec![trigger("budget", "ostler.budget"), trigger("incident", "sentry.issue.created")]);
    let starts = |kind: &str| route(event(kind), &rules, &Standing::default()).starts.len();
    assert_eq!((starts("ostler.budget"), starts("sentry.issue.created")), (1, 0));
}
