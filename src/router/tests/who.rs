//! Who may start what: what routing says of it by itself, and who is told.

use super::*;
use crate::event::Association;
use crate::spec::{May, Who};

/// A trigger that is somebody's only, on comments, labels and slash commands.
fn only(who: &str, filter: Filter) -> Rules {
    let who = Some(serde_json::from_str(who).unwrap());
    let mut rules = answering_rules();
    rules.catalog.triggers = vec![Trigger { filter, who, ..trigger("deploy", "*") }];
    Rules::new(rules.catalog)
}

fn deploy() -> Filter {
    Filter { command: words(&["deploy"]), ..Filter::default() }
}

fn started(routing: &Routing) -> Vec<&str> {
    routing.starts.iter().map(|start| start.trigger.as_str()).collect()
}

#[test]
fn who_is_not_among_them_is_refused_by_the_event_alone_and_told() {
    let rules = only(r#"{"association": ["owner", "member"], "users": ["ada"]}"#, deploy());
    let by_eve = |event| route(by(event, "github:eve", false), &rules, &standing(&[]));
    let refused = by_eve(asked_in_comment("deploy"));
    assert_eq!(started(&refused), [REFUSED]);
    let reason = &refused.reasons[0];
    assert_eq!((reason.verdict, reason.condition.as_deref()), (Verdict::Refused, Some("who")));
    assert_eq!(reason.expected, serde_json::json!({"association": ["owner", "member"], "users": ["ada"]}));
    assert_eq!(reason.actual["account"], "github:eve");
    assert_eq!(
        reason.sentence(),
        "It is for whoever is owner or member there or ada; eve is not among them."
    );
    assert!(refused.sentence().contains("eve is not among them"), "{}", refused.sentence());
    let told = "Nothing was started: `deploy` is for whoever is owner or member there or ada; eve is not among them.";
    assert_eq!(refused.answer.as_deref(), Some(told));
    assert_eq!(refused.starts[0].inputs["text"], told);
    let member = Event { association: Some(Association::Member), ..asked_in_comment("deploy") };
    assert_eq!(started(&by_eve(member)), ["deploy"]);
    assert_eq!(started(&route(asked_in_comment("deploy"), &rules, &standing(&[]))), ["deploy"]);
}

#[test]
fn what_only_the_forge_knows_is_left_to_the_run_which_takes_it_along() {
    let rules = only(r#"{"role": "maintain", "team": ["acme/ops"]}"#, deploy());
    let routing = route(by(asked_in_comment("deploy"), "github:eve", false), &rules, &standing(&[]));
    assert_eq!(started(&routing), ["deploy"]);
    assert_eq!(routing.starts[0].who, rules.catalog.triggers[0].who);
    let said = routing.reasons[0].sentence();
    assert!(said.contains("if the person is one of those who may") && said.contains("acme/ops"), "{said}");
}

#[test]
fn a_slash_command_is_refused_in_its_own_answer_and_a_guest_with_it() {
    let rules = only(r#"{"role": "write"}"#, deploy());
    let standing = standing(&[("#shop-dev", "acme/shop")]);
    let mut guest = slash("deploy");
    guest.actor.as_mut().unwrap().external = true;
    let refused = route(guest, &rules, &standing);
    assert_eq!(started(&refused), [""; 0]);
    assert!(refused.answer.unwrap().contains("whoever may write to the repository; U0ADA is not among them"));
    assert_eq!(started(&route(slash("deploy"), &rules, &standing)), ["deploy"]);
}

#[test]
fn a_label_that_was_not_theirs_to_set_is_answered_and_what_merely_happens_is_not() {
    let label = Filter { label: words(&["ship"]), ..Filter::default() };
    let labelled = |account| {
        let task = Some(TaskMention::to(TaskRef::new("github", "acme/shop#1")));
        Event { label: Some("ship".to_owned()), task, ..by(on_shop("github.issue.labeled"), account, false) }
    };
    let rules = only(r#"{"users": ["ada"]}"#, label);
    assert_eq!(started(&route(labelled("github:ada"), &rules, &standing(&[]))), ["deploy"]);
    let refused = route(labelled("github:eve"), &rules, &standing(&[]));
    assert_eq!(started(&refused), [REFUSED]);
    assert!(refused.answer.unwrap().starts_with("Nothing was started: deploy is for ada; eve"));
    let rules = only(r#"{"users": ["ada"]}"#, Filter::default());
    let opened = Event { label: None, ..labelled("github:eve") };
    let silent = route(opened, &rules, &standing(&[]));
    assert_eq!((started(&silent), silent.answer.as_deref()), (Vec::new(), None));
    assert_eq!(silent.reasons[0].verdict, Verdict::Refused);
}

#[test]
fn help_lists_what_is_for_the_person() {
    let mut rules = only(r#"{"users": ["ada"]}"#, deploy());
    let review = Filter { command: words(&["review"]), ..Filter::default() };
    let elsewhere =
        Filter { command: words(&["tidy"]), repository: words(&["acme/other"]), ..Filter::default() };
    rules.catalog.triggers.push(Trigger { filter: review, ..trigger("review", "*") });
    rules.catalog.triggers.push(Trigger { filter: elsewhere, ..trigger("tidy", "*") });
    let help = |event| route(event, &rules, &standing(&[("#shop-dev", "acme/shop")])).answer.unwrap();
    let lists = |text: &str| ["deploy", "review", "tidy"].map(|name| text.contains(&format!("`{name}`")));
    assert_eq!(lists(&help(asked_in_comment("help"))), [true, true, false]);
    let eves = help(by(asked_in_comment("help"), "github:eve", false));
    assert_eq!(lists(&eves), [false, true, false], "{eves}");
    assert!(!eves.contains("identity"), "{eves}");
    // Whoever is not known on the forge can use nothing that asks for rights there, and reads why.
    let strangers = help(by(slash("help"), "slack:U0EVE", false));
    assert_eq!(lists(&strangers), [false, false, false], "{strangers}");
    assert!(strangers.contains("No commands are available here to you."), "{strangers}");
    assert!(strangers.contains("`slack:U0EVE` under `identity`"), "{strangers}");
    let mut standing = standing(&[("#shop-dev", "acme/shop")]);
    standing.access.allow.push(Account::new("slack", "U0EVE"));
    let listed = route(by(slash("help"), "slack:U0EVE", false), &rules, &standing).answer.unwrap();
    assert_eq!(lists(&listed), [false, true, true], "{listed}");
}

#[test]
fn without_a_word_on_who_the_listed_and_the_linked_may_and_others_are_asked_for() {
    let trigger = trigger("t", "*");
    let mut standing = standing(&[]);
    let lets =
        |standing: &Standing, account| standing.lets(&trigger, &by(event("slack.command"), account, false));
    assert_eq!(lets(&standing, "slack:U0ADA"), May::Ask);
    assert_eq!(lets(&standing, "slack:U0EVE"), May::Unlinked);
    standing.access.allow = vec![Account::new("slack", "U0EVE"), Account::new("github", "ada")];
    assert_eq!(lets(&standing, "slack:U0EVE"), May::Yes);
    assert_eq!(lets(&standing, "slack:U0ADA"), May::Yes, "by any account of theirs");
    let who: Option<Who> = Some(serde_json::from_str(r#"{"users": ["bob"]}"#).unwrap());
    let named = Trigger { who, ..trigger.clone() };
    let event = by(event("slack.command"), "slack:U0EVE", false);
    assert_eq!(standing.lets(&named, &event), May::No, "a trigger that names people names all of them");
}

#[test]
fn a_list_loses_what_turns_out_not_to_be_theirs() {
    let offers: Vec<_> =
        ["deploy", "review"].map(|name| Offer { line: format!("• `{name}`: It."), who: None }).to_vec();
    let text = format!("Nothing here is called `x`.\n{}\nAnd more.", answer::list(&offers));
    assert_eq!(answer::without(&text, &offers, |_| true), text);
    let less = answer::without(&text, &offers, |offer| offer.line.contains("review"));
    assert!(less.contains("`review`") && less.contains("`help`") && !less.contains("`deploy`"), "{less}");
    let none = answer::without(&text, &offers, |_| false);
    assert_eq!(none, "Nothing here is called `x`.\nNo commands are available here to you.\nAnd more.");
}
