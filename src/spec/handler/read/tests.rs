use serde_json::json;

use super::*;
use crate::spec::Kind;
use crate::spec::action::samples::vocabulary;
use crate::spec::diagnostic::Diagnostics;
use crate::spec::diagnostic::tests::shortened;
use crate::spec::workflow::{Input, PostExecution};

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
    assert_eq!(faults, ["2:6 a trigger needs `name`", "4:6 there are two triggers `h/b`"]);
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
            "2:49 `jira..x` is not a kind of event: a part of it is empty [known here: github, jira, slack, *]",
            "2:58 `on` takes text or a list of texts, not a number",
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
            "3:27 `count` takes a number, not text",
        ]
    );
    let (_, faults) = read_all("on: jira.*\nrun: build\n");
    assert_eq!(faults, ["2:1 the workflow `build` needs the input `target`"]);
}
