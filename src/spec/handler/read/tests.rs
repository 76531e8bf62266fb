use serde_json::json;

use super::*;
use crate::spec::action::samples::vocabulary;
use crate::spec::diagnostic::Diagnostics;
use crate::spec::diagnostic::tests::shortened;
use crate::spec::workflow::{Input, PostExecution};
use crate::spec::{Concurrency, Guards, Kind, Period, Priority, Rate, WhenBusy};

fn workflow() -> Workflow {
    let input = |name: &str, kind, required| Input {
        name: name.to_owned(),
        kind,
        required,
        default: None,
        description: String::new(),
    };
    Workflow {
        id: "build".to_owned(),
        name: "Build".to_owned(),
        description: String::new(),
        version: String::new(),
        variables: Map::new(),
        inputs: vec![input("target", Kind::String, true), input("count", Kind::Number, false)],
        prerequisites: Vec::new(),
        steps: Vec::new(),
        success_criteria: Vec::new(),
        post_execution: PostExecution::default(),
        timeout: None,
        results: Default::default(),
    }
}

fn read_all(text: &str) -> (Vec<Trigger>, Vec<String>) {
    let workflows = [("build".to_owned(), Some(workflow())), ("broken".to_owned(), None)].into();
    let mut source = Source::new("handlers/h.yaml", text);
    let triggers = read(&mut source, "h", (&workflows, &vocabulary()));
    let mut all = Diagnostics::default();
    all.take(source);
    let told = all.items().iter().map(|item| {
        let help = item.help.as_ref().map_or_else(String::new, |help| format!(" [{help}]"));
        format!("{}:{} {}{help}", item.line, item.column, item.message)
    });
    (triggers, told.collect())
}

#[test]
fn one_trigger_has_the_name_of_its_file() {
    let (triggers, faults) = read_all(
        r#"
description: When
on: [github.issue.*, "*.command", jira.issue.assigned]
if: "${event.label == 'bug' and event.command.flags.dry is not defined}"
label: bug
assignee: [bot, "jira:1"]
command: fix
repository: acme/*
branch: [main, "release/**"]
path: "src/**"
run: build
inputs: {target: "${event.repository.name}", count: 2}
"#,
    );
    assert_eq!(faults, [""; 0]);
    let [trigger] = triggers.as_slice() else { panic!() };
    assert_eq!((trigger.id.as_str(), trigger.run.as_str(), trigger.on.len()), ("h", "build", 3));
    assert_eq!(trigger.filter.assignee, ["bot", "jira:1"]);
    assert_eq!(trigger.filter.branch, ["main", "release/**"]);
    assert_eq!(
        serde_json::to_value(&trigger.inputs).unwrap(),
        json!({"target": "${event.repository.name}", "count": 2})
    );
}

#[test]
fn several_triggers_have_names_of_their_own() {
    let (triggers, faults) = read_all(
        "triggers:\n  - {name: a, on: github.push, run: broken}\n  - {name: b, on: jira.*, run: broken}\n",
    );
    assert_eq!(faults, [""; 0]);
    assert_eq!(triggers.iter().map(|trigger| trigger.id.as_str()).collect::<Vec<_>>(), ["h/a", "h/b"]);
    let (_, faults) = read_all(
        "triggers:\n  - {on: github.push, run: broken}\n  - {name: b, on: jira.*, run: broken}\n  - {name: b, on: jira.*, run: broken}\n",
    );
    assert_eq!(
        faults,
        ["2:6 a trigger needs `name` [like `name: urgent`]", "4:6 there are two triggers `h/b`"]
    );
}

#[test]
fn every_fault_of_a_handler_is_told() {
    let (_, faults) = read_all(
        r#"lable: bug
on: [githb.issue.opened, github.issue.labelled, jira..x, 3]
if: "event.titel == 1"
repository: "[x"
run: biuld
inputs: {target: "${event.repository.nmae}"}
"#,
    );
    let brief: Vec<&str> = faults.iter().map(|fault| shortened(fault)).collect();
    assert_eq!(
        brief,
        [
            "1:1 a trigger has no key `lable` [did you mean `label`?]",
            "2:6 `githb.issue.opened` is not a kind of event: no source is called `githb` [did you mean `github`?]",
            "2:26 `github.issue.labelled` is not a kind of event that `github` makes [did you mean `github.issue.labeled`?]",
            "2:49 `jira..x` is not a kind of event: a part of it is empty [known here: github, gitlab, jira, linear, ostler, pagerduty, sentry, slack, *]",
            "2:58 `on` takes text or a list of texts, not a number [put it in quotes]",
            "3:6 `event.titel` is undefined",
            "4:13 `[x` is not a pattern: unclosed character class; missing ']'",
            "5:6 there is no workflow `biuld` [did you mean `build`?]",
            "6:21 `event.repository.nmae` is undefined [did you mean `name`?",
        ]
    );
}

#[test]
fn the_inputs_are_those_of_the_workflow() {
    let (_, faults) = read_all("on: jira.*\nrun: build\ninputs: {taget: x, count: \"${event.time}\"}\n");
    assert_eq!(
        faults,
        [
            "3:1 the workflow `build` needs the input `target`",
            "3:10 the workflow `build` takes no input `taget` [did you mean `target`?]",
            "3:27 `count` takes a number, not text [`event.time` is text; `${event.time | int}` makes a number of it]",
        ]
    );
    let (_, faults) = read_all("on: jira.*\nrun: build\n");
    assert_eq!(faults, ["2:1 the workflow `build` needs the input `target`"]);
}

#[test]
fn the_guards_of_a_trigger_are_read() {
    let (triggers, faults) = read_all(
        r#"
on: jira.*
run: broken
concurrency: {group: "${event.subject}", when_busy: replace, limit: 2}
debounce: 30s
cooldown: 10m
rate: {per_actor: 5/1h, per_repository: 20/2h}
priority: high
breaker: 3/10m
"#,
    );
    assert_eq!(faults, [""; 0]);
    let period = |text| Period::parse(text).unwrap();
    let rate = |text| Rate::parse(text).unwrap();
    let group = "${event.subject}".to_owned();
    let expected = Guards {
        concurrency: Some(Concurrency { group, when_busy: WhenBusy::Replace, limit: 2 }),
        debounce: Some(period("30s")),
        cooldown: Some(period("10m")),
        per_actor: Some(rate("5/1h")),
        per_repository: Some(rate("20/2h")),
        priority: Priority::High,
        breaker: Some(rate("3/10m")),
    };
    assert_eq!(triggers[0].guards, expected);
    let (triggers, faults) =
        read_all("on: jira.*\nrun: broken\nconcurrency: \"deploy ${event.subject}\"\nbreaker: off\n");
    assert_eq!(faults, [""; 0]);
    let guards = &triggers[0].guards;
    let group = "deploy ${event.subject}".to_owned();
    let short = Some(Concurrency { group, when_busy: WhenBusy::Queue, limit: 1 });
    assert_eq!((&guards.concurrency, guards.breaker), (&short, None));
}

#[test]
fn every_trigger_has_a_breaker_unless_it_says_otherwise() {
    let (triggers, _) = read_all("on: jira.*\nrun: broken\n");
    assert_eq!(triggers[0].guards, Guards::default());
    assert_eq!(triggers[0].guards.breaker, Rate::parse("10/1h").ok());
}

#[test]
fn every_fault_of_the_guards_is_told() {
    let (_, faults) = read_all(
        r#"on: jira.*
run: broken
concurrency: {group: "${event.subjct}", when_bussy: skip, limit: 101}
debounce: 30
cooldown: 2 weeks
rate: {per_actr: 5/1h, per_repository: 5}
priority: hihg
breaker: 0/1h
"#,
    );
    let brief: Vec<&str> = faults.iter().map(|fault| shortened(fault)).collect();
    assert_eq!(
        brief,
        [
            "3:25 `event.subjct` is undefined [did you mean `subject`?",
            "3:41 `concurrency` has no key `when_bussy` [did you mean `when_busy`?]",
            "3:66 `limit` takes a number up to 100, not 101",
            "4:11 `debounce` takes a span of time, like `30s`, `10m` or `2h`, not a number",
            "5:11 `cooldown`: `2 weeks` is not a span of time from `1s` to `168h`, like `30s`, `10m` or `2h`",
            "6:8 `rate` has no key `per_actr` [did you mean `per_actor`?]",
            "6:40 `per_repository` takes a rate, like `5/1h`, not a number",
            "7:11 `hihg` is no `priority` [did you mean `high`?]",
            "8:10 `breaker`: `0/1h` is not a rate: a number from 1 to 1000 and a span of time, like `5/1h`",
        ]
    );
    let (_, faults) = read_all("on: jira.*\nrun: broken\nconcurrency: {limit: 2}\n");
    assert_eq!(
        faults,
        ["3:15 `concurrency` needs `group` [like `group: \"deploy ${event.repository.name}\"`]"]
    );
}

#[test]
fn who_may_is_read_and_every_slip_in_it_is_told() {
    let all =
        "{role: maintain, association: [owner, member], team: acme/payments, users: [ada, \"slack:U0ADA\"]}";
    let (triggers, faults) = read_all(&format!("on: jira.*\nrun: broken\nwho: {all}\n"));
    assert_eq!(faults, [""; 0]);
    let expected = json!({
        "role": "maintain", "association": ["owner", "member"], "team": ["acme/payments"], "users": ["ada", "slack:U0ADA"],
    });
    assert_eq!(serde_json::to_value(&triggers[0].who).unwrap(), expected);
    for (who, told) in [
        ("{role: owner}", "`owner` is no `role`"),
        ("{role: none}", "`none` is no `role`"),
        ("{association: [membre]}", "`membre` is no `association`"),
        ("{team: payments}", "`payments` is not a team (`organization/team`)"),
        ("{users: [\"slack:\"]}", "`slack:` is not an account (`vendor:id`)"),
        ("{user: ada}", "`who` has no key `user`"),
        ("{}", "`who` needs one of"),
        ("everybody", "`who` takes a mapping, not text"),
        ("", "`who` takes a mapping, not"),
    ] {
        let (_, faults) = read_all(&format!("on: jira.*\nrun: broken\nwho: {who}\n"));
        assert!(faults.iter().any(|fault| fault.contains(told)), "{who}: {faults:?}");
    }
}
