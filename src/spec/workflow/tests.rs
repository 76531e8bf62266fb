use serde_json::json;

use super::*;
use crate::spec::action::samples::actions;
use crate::spec::diagnostic::tests::shortened;
use crate::spec::diagnostic::{Diagnostics, Source};
use crate::spec::{Kind, Vocabulary};

fn read_all(text: &str) -> (Option<Workflow>, Diagnostics) {
    let roles = ["development".to_owned(), "review".to_owned()].into();
    let prompts = [
        ("prompts/code_generation.txt".to_owned(), String::new()),
        ("prompts/plan.txt".to_owned(), String::new()),
    ];
    let words = Vocabulary { actions: actions(), kinds: vec!["github.check.completed"] };
    let prompts = prompts.into();
    let called = signature(
        "name: C\ninputs: {size: number, note: {type: string, default: x}}\nresults: {sum: 1}\nsteps: []",
    );
    let back = signature("name: B\nsteps: [{name: s, type: workflow, workflow: w}]");
    let workflows = [("called".to_owned(), called.unwrap()), ("back".to_owned(), back.unwrap())].into();
    let world = World { words: &words, roles: &roles, prompts: &prompts, workflows: &workflows };
    let mut source = Source::new("workflows/w.yaml", text);
    let workflow = read(&mut source, "w", &world).map(|(workflow, _)| workflow);
    let mut faults = Diagnostics::default();
    faults.take(source);
    (workflow, faults)
}

fn workflow(text: &str) -> Workflow {
    let (workflow, faults) = read_all(text);
    assert!(faults.is_empty(), "{faults}");
    workflow.unwrap()
}

fn faults(text: &str) -> Vec<String> {
    let (_, faults) = read_all(text);
    faults
        .items()
        .iter()
        .map(|item| {
            let help = item.help.as_ref().map_or_else(String::new, |help| format!(" [{help}]"));
            format!("{}:{} {}{help}", item.line, item.column, item.message)
        })
        .collect()
}

/// A workflow of these steps, which begin in line 3.
fn of_steps(steps: &str) -> String {
    format!("name: W\nsteps:\n{steps}")
}

#[test]
fn every_key_is_read() {
    let workflow = workflow(
        r#"
name: All
description: Each key once
version: "2"
timeout: 3600
variables:
  branch: "x/${task.id}"
inputs:
  size: number
  label: {type: string, default: bug, description: Which}
prerequisites:
  - condition: "${task.status == 'todo'}"
    error_message: Not yet
steps:
  - name: branch
    description: A branch
    condition: "${inputs.size > 1}"
    plugin: version_control
    action: create_branch
    inputs: {repository: "${task.repository_url}", branch_name: "${branch}"}
    outputs: {branch_url: data.url}
    on_error: retry
    retry_count: 5
    timeout: 60
  - name: both
    type: parallel
    steps:
      - name: say
        plugin: communication
        action: send_message
        inputs: {message: "${data.url} ${inputs.label}"}
      - name: note
        type: system
        action: log
        inputs: {message: hello}
  - name: choose
    type: condition
    if: "${inputs.label == 'bug'}"
    then:
      - {name: think, type: ai_action, outputs: {plan: plan}}
    else:
      - {name: work, type: agent, agent: review, prompt_template: ./prompts/plan.txt}
error_handling:
  default_strategy: continue
  step_overrides: {say: rollback}
success_criteria:
  - {condition: "${plan.good}", description: A plan}
post_execution:
  always: [{action: cleanup}]
  on_success: [{action: log_success}]
  on_failure:
    - {name: tell, plugin: communication, action: send_message, inputs: {text: failed}}
"#,
    );
    assert_eq!((workflow.version.as_str(), workflow.timeout), ("2", Some(3600)));
    assert_eq!(workflow.variables, *json!({"branch": "x/${task.id}"}).as_object().unwrap());
    let inputs: Vec<_> =
        workflow.inputs.iter().map(|input| (input.name.as_str(), input.kind, input.required)).collect();
    assert_eq!(inputs, [("size", Kind::Number, true), ("label", Kind::String, false)]);
    let branch = &workflow.steps[0];
    assert_eq!((branch.on_error, branch.timeout), (OnError::Retry(5), Some(60)));
    assert_eq!(branch.outputs, [("branch_url".to_owned(), "data.url".to_owned())]);
    let StepKind::Parallel { steps } = &workflow.steps[1].kind else { panic!() };
    assert_eq!((steps[0].on_error, steps[1].on_error), (OnError::Rollback, OnError::Continue));
    assert_eq!(workflow.steps[1].on_error, OnError::Fail);
    let StepKind::Condition { then, otherwise, .. } = &workflow.steps[2].kind else { panic!() };
    let needs = vec![AnswerField { field: "plan".to_owned(), members: vec!["good".to_owned()] }];
    assert_eq!(then[0].kind, StepKind::Ai { role: "development".to_owned(), prompt: None, needs });
    let prompt = Some("prompts/plan.txt".to_owned());
    assert_eq!(otherwise[0].kind, StepKind::Agent { role: "review".to_owned(), prompt, needs: vec![] });
    assert_eq!(workflow.success_criteria[0].message, "A plan");
    let cleanup = &workflow.post_execution.always[0];
    assert_eq!(
        (cleanup.name.as_str(), &cleanup.kind),
        ("cleanup", &StepKind::System { action: "cleanup".to_owned() })
    );
    assert_eq!(workflow.post_execution.on_failure[0].kind.name(), "plugin_action");
}

#[test]
fn what_takes_a_step_back_sees_what_the_step_gave_and_gives_nothing_to_others() {
    let workflow = workflow(
        r#"
name: Taken back
error_handling: {default_strategy: rollback}
steps:
  - name: think
    type: ai_action
    outputs: {plan: plan}
    undo:
      - {name: tell, plugin: communication, action: send_message, inputs: {text: "${plan.title}"}}
      - {name: nothing, type: system, action: log, on_error: continue}
  - {name: stay, plugin: communication, action: send_message, inputs: {text: x}, undo: []}
"#,
    );
    let StepKind::Ai { needs, .. } = &workflow.steps[0].kind else { panic!() };
    assert_eq!(needs[0].members, ["title"]);
    let undo = workflow.steps[0].undo.as_ref().unwrap();
    assert_eq!((undo[0].on_error, undo[1].on_error), (OnError::Fail, OnError::Continue));
    assert_eq!(workflow.steps[1].undo, Some(Vec::new()));
    assert!(!workflow.costs_nothing());
    let leaking = of_steps(
        "  - name: a\n    type: system\n    action: log\n    undo:\n      - {name: t, type: ai_action, outputs: {x: made}}\n  \
         - {name: b, type: system, action: log, inputs: {message: \"${made}\"}}\n",
    );
    assert!(faults(&leaking)[0].contains("`made`"), "{:?}", faults(&leaking));
}

#[test]
fn what_takes_something_back_is_not_taken_back_itself() {
    let inner = |more: &str| {
        of_steps(&format!(
            "  - name: a\n    type: system\n    action: log\n    undo:\n      - {{name: b, type: system, action: log, {more}}}\n"
        ))
    };
    assert_eq!(
        faults(&inner("undo: []")),
        ["7:10 `undo` means nothing here: these steps take something back already"]
    );
    assert_eq!(
        faults(&inner("on_error: rollback")),
        ["7:10 `on_error: rollback` means nothing here: these steps take something back already"]
    );
}

#[test]
fn what_an_action_gives_takes_the_place_of_what_was_there() {
    let workflow = workflow(
        r#"
name: Development
variables: {repository_path: "${context.repository_path}"}
steps:
  - name: fetch
    plugin: task_management
    action: get_task
    inputs: {task_id: "${context.task_id}"}
    outputs: {task: task_data}
    on_error: rollback
  - name: code
    type: ai_action
    agent: development
    prompt_template: "./prompts/code_generation.txt"
    inputs: {task: "${task_data}", path: "${repository_path}"}
    outputs: {implementation: generated}
    on_error: retry
    retry_count: 2
  - name: publish
    plugin: version_control
    action: create_pull_request
    inputs:
      repository: "${task_data.repository_url}"
      branch_name: "feature/${task_data.task_id}"
      title: "${task_data.title}"
      description: "${generated.pr_description}"
  - name: document
    plugin: documentation
    action: create_page_from_template
    inputs: {template_type: t, title: "${task_data.title}!", content: "${generated.documentation}"}
"#,
    );
    assert_eq!(workflow.steps[0].on_error, OnError::Rollback);
    assert_eq!(workflow.steps[1].on_error, OnError::Retry(2));
    let needs = vec![AnswerField {
        field: "implementation".to_owned(),
        members: vec!["documentation".to_owned(), "pr_description".to_owned()],
    }];
    let prompt = Some("prompts/code_generation.txt".to_owned());
    assert_eq!(workflow.steps[1].kind, StepKind::Ai { role: "development".to_owned(), prompt, needs });
}

#[test]
fn a_workflow_survives_being_stored() {
    let workflow = workflow(&of_steps("  - {name: a, type: ai_action, outputs: {x: a.b}, on_error: retry}"));
    let stored = serde_json::to_string(&workflow).unwrap();
    assert_eq!(serde_json::from_str::<Workflow>(&stored).unwrap(), workflow);
}

#[test]
fn an_answer_needs_what_later_steps_use_of_it() {
    let workflow = workflow(
        r#"
name: Needs
variables:
  lazy: "${work.summary}"
steps:
  - {name: one, type: ai_action, outputs: {implementation: work}}
  - {name: use, type: system, action: log, inputs: {a: "${work.pr.url} ${work}", b: "${work.notes | default('')}"}}
  - {name: two, type: ai_action, outputs: {implementation: work, more: other.thing, diff_stat: size}}
  - {name: again, type: system, action: log, condition: "${work.good}", inputs: {a: ["${other.thing.deep.er}"]}}
success_criteria:
  - {condition: "${work.last}"}
"#,
    );
    let needs = |index: usize| -> Vec<(String, Vec<String>)> {
        let StepKind::Ai { needs, .. } = &workflow.steps[index].kind else { panic!() };
        needs.iter().map(|need| (need.field.clone(), need.members.clone())).collect()
    };
    let field =
        |name: &str, members: &[&str]| (name.to_owned(), members.iter().map(|m| (*m).to_owned()).collect());
    assert_eq!(needs(0), [field("implementation", &["pr", "summary"])]);
    assert_eq!(needs(2), [field("implementation", &["good", "last", "summary"]), field("more", &["deep"])]);
}

#[test]
fn misspelt_keys_missing_keys_and_wrong_types_are_all_told() {
    let text = r#"nmae: W
version: 2
timeout: soon
steps:
  - nam: a
    type: system
    action: lgo
  - name: [b]
    type: parallell
    retry_count: 0
  - name: c
    timeout: -1
    action: log
  - 7
"#;
    assert_eq!(
        faults(text),
        [
            "1:1 a workflow has no key `nmae` [did you mean `name`?]",
            "1:1 a workflow needs `name` [like `name: From ticket to review`]",
            "2:10 `version` takes text, not a number [put it in quotes]",
            "3:10 `timeout` takes a whole number from 1, not text",
            "5:5 a step has no key `nam` [did you mean `name`?]",
            "5:5 a step needs `name` [like `name: write_code`]",
            "7:13 there is no system action `lgo` [did you mean `log`?]",
            "8:12 `name` takes text, not a list",
            "9:11 `parallell` is no `type` [did you mean `parallel`?]",
            "10:5 `retry_count` means nothing unless `on_error` is `retry`",
            "10:18 `retry_count` takes a whole number from 1, not 0",
            "11:5 a step needs `type`, or `plugin` and `action`",
            "12:14 `timeout` takes a whole number from 1, not -1",
            "14:5 a step is a mapping, not a number",
        ]
    );
}

#[test]
fn actions_and_their_inputs_and_outputs_are_checked() {
    let text = of_steps(
        r#"  - {name: a, plugin: version_contrl, action: create_branch}
  - {name: b, plugin: version_control, action: create_brunch}
  - name: c
    plugin: version_control
    action: create_pull_request
    inputs:
      repository: 7
      source_branch: x
      branch_name: y
      titel: z
      body: [1]
      draft: "${task_id}"
    outputs:
      pr_ulr: url
      number: 1st
      commit: 3
"#,
    );
    assert_eq!(
        faults(&text),
        [
            "3:23 no plugin serves `version_contrl` [did you mean `version_control`?]",
            "4:48 `version_control` has no action `create_brunch` [did you mean `create_branch`?]",
            "8:5 `create_pull_request` needs the input `title`",
            "9:19 `repository` takes text, not a number [put it in quotes]",
            "11:7 `branch_name` and `source_branch` are one input",
            "12:7 `create_pull_request` takes no input `titel` [did you mean `title`?]",
            "13:14 `description` takes text, not a list",
            "14:14 `draft` takes a boolean, not text [`task_id` is text]",
            "16:7 `create_pull_request` gives no `pr_ulr` [did you mean `pr_url`?]",
            "17:15 `1st` is not a path that an expression could use [write names with dots between them]",
            "18:15 `commit` takes text, not a number",
        ]
    );
}

#[test]
fn a_name_must_be_made_before_it_is_used() {
    let text = of_steps(
        r#"  - name: a
    type: ai_action
    condition: "${plan.ready}"
    inputs: {x: "one ${tsk.id} two ${later} ${ok | default(1)}"}
    outputs: {plan: plan}
  - name: b
    type: parallel
    steps:
      - {name: c, type: ai_action, inputs: {p: "${plan.any}"}, outputs: {r: left.url}}
      - {name: d, type: ai_action, inputs: {p: "${left.url}"}, outputs: {r: right}}
  - {name: e, type: ai_action, inputs: {p: "${left.url}${right}", q: "${left.ulr}"}}
"#,
    );
    let found = faults(&text);
    let brief: Vec<&str> = found.iter().map(|fault| shortened(fault)).collect();
    assert_eq!(
        brief,
        [
            "5:19 `plan` is undefined [the step `a` makes it in line 7, which is not done where this stands]",
            "6:24 `tsk` is undefined [did you mean `task`?",
            "6:38 `later` is undefined",
            "12:51 `left` is undefined [the step `c` makes it in line 11, which is not done where this stands]",
            "13:73 `left.ulr` is undefined [did you mean `url`?",
        ]
    );
}

#[test]
fn what_one_branch_makes_the_other_cannot_use() {
    let text = of_steps(
        r#"  - name: a
    type: condition
    if: "${task.bug}"
    then: [{name: b, type: ai_action, outputs: {x: one}}]
    else: [{name: c, type: ai_action, inputs: {y: "${one}"}, outputs: {x: two}}]
  - {name: d, type: ai_action, inputs: {y: "${one} ${two}"}}
"#,
    );
    let found = faults(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("7:54 `one` is undefined"));
}

#[test]
fn inputs_and_variables_are_checked() {
    let text = r#"name: W
inputs:
  good: string
  bad: strnig
  wrong: {type: number, default: x, need: true}
variables:
  a: "${b}"
  b: "${a}"
  c-d: 1
  e: "${nope} ${inputs.good} ${late}"
steps:
  - {name: s, type: system, action: log, inputs: {x: "${inputs.godo} ${a}"}, outputs: {y: late}}
"#;
    let found = faults(text);
    let brief: Vec<&str> = found.iter().map(|fault| shortened(fault)).collect();
    assert_eq!(
        brief,
        [
            "4:8 `strnig` is no `type` [did you mean `string`?]",
            "5:34 `wrong` takes a number, not text",
            "5:37 an input has no key `need` [known here: type, required, default, description]",
            "7:3 the variable `a` is defined by itself: a → b → a",
            "9:3 `c-d` is not a name that an expression could use [use letters, digits and `_`]",
            "10:9 `nope` is undefined",
            "12:57 `inputs.godo` is undefined [did you mean `good`?",
        ]
    );
}

#[test]
fn roles_prompts_names_and_overrides_are_checked() {
    let text = r#"name: W
steps:
  - {name: a/b, type: agent, agent: developmnt, prompt_template: ./prompts/plna.txt}
  - {name: c, type: ai_action, plugin: x}
  - {name: c, type: parallel, steps: []}
  - {name: d, type: system, action: log}
  - {name: l, type: loop}
error_handling:
  default_strategy: retyr
  step_overrides: {e: fail}
post_execution:
  always: [{action: clean_up}]
  never: []
"#;
    assert_eq!(
        faults(text),
        [
            "3:12 `a/b` is no name for a step [use letters, digits, blanks, `_`, `-` and `.`]",
            "3:37 there is no role `developmnt` [did you mean `development`?]",
            "3:66 there is no prompt `prompts/plna.txt` [did you mean `prompts/plan.txt`?]",
            "4:32 `plugin` means nothing in a step of type `ai_action`",
            "5:12 there are two steps `c` here",
            "5:38 `steps` is empty",
            "7:6 a step of type `loop` needs `over` [like `over: \"${plan.tasks}\"`]",
            "7:6 a step of type `loop` needs `steps`",
            "9:21 `retyr` is no `default_strategy` [did you mean `retry`?]",
            "10:20 there is no step `e` [known here: a/b, c, d, l]",
            "12:21 there is no system action `clean_up` [did you mean `cleanup`?]",
            "13:3 `post_execution` has no key `never` [known here: always, on_success, on_failure]",
        ]
    );
}

#[test]
fn a_step_without_prompt_gets_the_one_named_after_it() {
    let workflow = workflow(&of_steps("  - {name: plan, type: ai_action}"));
    let StepKind::Ai { prompt, .. } = &workflow.steps[0].kind else { panic!() };
    assert_eq!(prompt.as_deref(), Some("prompts/plan.txt"));
}

#[test]
fn a_workflow_has_steps() {
    assert_eq!(faults("name: W\n"), ["1:1 a workflow needs `steps`"]);
    assert_eq!(faults("name: W\nsteps: []\n"), ["2:8 `steps` is empty"]);
    assert_eq!(faults("- 1\n"), ["1:3 a workflow is a mapping, not a list"]);
    assert_eq!(faults(""), ["1:1 a workflow is a mapping, not nothing"]);
}

#[test]
fn the_given_documents_load_as_they_are() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/workflows-as-given");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let workflow = workflow(&std::fs::read_to_string(&path).unwrap());
        assert!(!workflow.steps.is_empty(), "{}", path.display());
    }
}

proptest::proptest! {
    #[test]
    fn no_document_panics(text in r#"(name|steps|type|if|inputs|: |:\n|  |- |\n|\[|\]|\{|\}|\$\{|"|x|[a-z]|\PC){0,60}"#) {
        read_all(&text);
    }
}

#[test]
fn a_loop_knows_its_item_and_keeps_what_is_made_to_itself() {
    let good = of_steps(
        r#"
  - {name: seed, type: system, action: set, inputs: {x: 1}, outputs: {x: list}}
  - name: each
    type: loop
    over: "${list}"
    as: one
    concurrency: 3
    collect: "${own.v}"
    steps:
      - {name: a, type: system, action: set, inputs: {v: "${one.id} ${index}"}, outputs: {v: own.v}}
    outputs: {results: all, count: n}
  - {name: z, type: system, action: log, inputs: {message: "${all[0]} ${n}"}}
"#,
    );
    let StepKind::Loop(each) = workflow(&good).steps.remove(1).kind else { panic!() };
    assert_eq!((each.item.as_str(), each.concurrency), ("one", 3));
    assert_eq!((each.over, each.collect), (json!("${list}"), Some(json!("${own.v}"))));

    let bad = of_steps(
        r#"
  - name: each
    type: loop
    over: "some text"
    as: "two words"
    steps:
      - {name: a, type: system, action: set, inputs: {v: "${item}"}, outputs: {v: own}}
    outputs: {result: all}
  - {name: z, type: system, action: log, inputs: {message: "${own} ${index}"}}
  - {name: e, type: loop, steps: []}
"#,
    );
    insta::assert_snapshot!(faults(&bad).join("\n"));
}

#[test]
fn a_call_is_checked_against_what_the_workflow_takes_and_gives() {
    let good = of_steps(
        "  - {name: c, type: workflow, workflow: called, inputs: {size: 3}, outputs: {sum: total}}\n  \
           - {name: z, type: system, action: log, inputs: {message: \"${total}\"}}\n",
    );
    assert_eq!(workflow(&good).steps[0].kind, StepKind::Workflow { workflow: "called".to_owned() });
    let bad = of_steps(
        r#"
  - {name: a, type: workflow, workflow: calld, inputs: {size: 3}}
  - {name: b, type: workflow, workflow: called, inputs: {siz: three, note: [1]}, outputs: {sums: total}}
  - {name: c, type: workflow, workflow: back}
  - {name: d, type: workflow}
"#,
    );
    insta::assert_snapshot!(faults(&bad).join("\n"));
}

#[test]
fn a_wait_says_how_long() {
    let good =
        of_steps("  - {name: a, type: wait, for: 30m}\n  - {name: b, type: wait, until: \"${task.due}\"}\n");
    let waits = workflow(&good).steps;
    assert_eq!(waits[0].inputs, json!({"for": "30m"}).as_object().cloned().unwrap());
    assert_eq!(waits[1].inputs, json!({"until": "${task.due}"}).as_object().cloned().unwrap());
    let bad = of_steps(
        r#"
  - {name: a, type: wait}
  - {name: b, type: wait, for: 5, until: "2026-01-01T00:00:00Z"}
  - {name: c, type: wait, for: soon}
  - {name: d, type: wait, until: tomorrow}
  - {name: e, type: wait, for: "${nowhere}"}
"#,
    );
    insta::assert_snapshot!(faults(&bad).join("\n"));
}

#[test]
fn what_a_workflow_gives_is_checked_where_all_steps_are_known() {
    let text = "name: W\nsteps:\n  - {name: s, type: system, action: set, inputs: {x: 1}, outputs: {x: made}}\n\
                results: {total: \"${made}\", other: \"${mad}\"}\n";
    insta::assert_snapshot!(faults(text).join("\n"));
}

#[test]
fn an_approval_says_what_is_asked_of_whom() {
    let good = of_steps(
        r#"
  - name: gate
    type: approval
    message: "Merge ${task.title}?"
    who: {role: maintain, users: [ada]}
    timeout: 60
    on_timeout: approve
    on_reject: continue
    outputs: {approved: gate.ok, by: gate.by}
  - {name: z, type: system, action: log, inputs: {message: "${gate.by}"}}
"#,
    );
    let steps = workflow(&good).steps;
    let StepKind::Approval(approval) = &steps[0].kind else { panic!() };
    assert!(approval.continue_on_reject && approval.who.is_some());
    assert_eq!(approval.on_timeout, OnTimeout::Approve);
    assert_eq!(steps[0].inputs["message"], "Merge ${task.title}?");
    let bad = of_steps(
        r#"
  - {name: a, type: approval}
  - {name: b, type: approval, message: "${nowhere}", on_timeout: approve}
  - {name: c, type: approval, message: x, timeout: 5, on_timeout: wait, on_reject: retry, who: {}}
  - {name: d, type: approval, message: x, outputs: {aproved: y}}
"#,
    );
    insta::assert_snapshot!(faults(&bad).join("\n"));
}

#[test]
fn a_wait_for_an_event_knows_it_as_received() {
    let good = of_steps(
        "  - {name: w, type: wait, event: github.check.completed, if: \"${received.check.name == task.id}\", \
         timeout: 9, on_timeout: continue, outputs: {timed_out: late}}\n",
    );
    let StepKind::Wait(Some(wait)) = &workflow(&good).steps[0].kind else { panic!() };
    assert_eq!((wait.kinds[0].as_str(), wait.on_timeout), ("github.check.completed", OnTimeout::Continue));
    let bad = of_steps(
        r#"
  - {name: a, type: wait, event: github.check.complete, for: 5m}
  - {name: b, type: wait, event: github.check.completed, if: "${recieved.x}", on_timeout: continue}
  - {name: c, type: wait, for: 5m, if: "${task}"}
  - {name: d, type: wait, event: github.check.completed, timeout: 5, on_timeout: approve, outputs: {evnt: x}}
"#,
    );
    insta::assert_snapshot!(faults(&bad).join("\n"));
}

#[test]
fn a_script_stands_as_it_is_and_values_come_by_variables() {
    let good = of_steps(
        r#"
  - name: test
    type: shell
    run: |
      for branch in a "${TITLE:-none}"; do echo "${branch} ${#TITLE} ${TITLE%%x*} $$ \${task.id}"; done
    env: {TITLE: "${task.title | upper}", SIZE: 3}
    network: true
    allow_failure: true
    outputs: {exit_code: ran.code, stdout: ran.said}
  - {name: z, type: system, action: log, condition: "${ran.code == 0}", inputs: {message: "${ran.said}"}}
"#,
    );
    let steps = workflow(&good).steps;
    let StepKind::Shell(shell) = &steps[0].kind else { panic!() };
    assert!(
        shell.network && shell.allow_failure && shell.run.starts_with("for branch in a \"${TITLE:-none}\"")
    );
    assert_eq!(steps[0].inputs, *json!({"TITLE": "${task.title | upper}", "SIZE": 3}).as_object().unwrap());
    let bad = r#"name: W
variables: {branch: x}
steps:
  - {name: a, type: shell}
  - {name: b, type: shell, run: "git commit -m '${task.title}' ${branch} ${HOME}"}
  - name: c
    type: shell
    run: |
      make test
      echo ${ task.title | upper }
    env: {A-B: 1, C: "${nowhere}"}
    command: make
  - {name: d, type: shell, run: true, network: allow, inputs: {x: 1}}
  - {name: e, type: shell, run: x, outputs: {exitcode: y, stdout: said}}
  - {name: f, type: loop, over: "${said}", steps: [{name: g, type: shell, run: x}]}
"#;
    insta::assert_snapshot!(faults(bad).join("\n"));
}
