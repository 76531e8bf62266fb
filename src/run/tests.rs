//! What a run does, decision by decision.

mod approvals;
mod frames;
mod golden;
mod signals;
mod simulation;
mod undo;
mod waits;

use std::sync::Arc;

use serde_json::{Value, json};

use super::decide::{Effect, JobKind, decide, resume};
use super::fixture::{Driver, act, all, at, definition, echo, either, run_id, started};
use super::record::{Ending, Entry, Next, Record};
use super::state::StepState;
use super::{Illegal, Run, StepError, recovery, retry};
use crate::id::StepPath;

fn steps(steps: Vec<Value>) -> Driver {
    Driver::new(&definition(json!({ "steps": steps })))
}

fn ending(driver: &Driver) -> (Ending, String) {
    assert!(driver.run.ended(), "{:?}", driver.run);
    let conclusion = driver.run.conclusion().unwrap();
    (conclusion.ending, conclusion.reason.clone().unwrap_or_default())
}

fn failing<'a>(
    step: &'a str,
    error: &'a StepError,
) -> impl FnMut(&super::decide::Job) -> super::fixture::Result + 'a {
    move |job| if job.step.as_str() == step { Err(error.clone()) } else { echo(job) }
}

#[test]
fn steps_are_performed_in_order_after_the_first_act() {
    let driver = steps(vec![act("a", json!({})), act("b", json!({}))]).through(echo);
    assert_eq!(driver.names(), ["@start", "a", "b"]);
    assert_eq!(driver.performed[0].kind, JobKind::Start);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
}

#[test]
fn results_go_where_outputs_say_and_later_steps_see_them() {
    let first = act("a", json!({ "inputs": { "url": "u" }, "outputs": [["url", "branch_data.url"]] }));
    let second =
        act("b", json!({ "inputs": { "text": "see ${branch_data.url}", "task": "${task_data.id}" } }));
    let driver = steps(vec![first, second]).through(echo);
    assert_eq!(
        Value::Object(driver.performed[2].inputs.clone()),
        json!({ "text": "see u", "task": "SHOP-7" })
    );
}

#[test]
fn an_output_below_an_ambient_name_keeps_the_rest_of_it() {
    let first = act("a", json!({ "inputs": { "s": "done" }, "outputs": [["s", "task.status"]] }));
    let second = act("b", json!({ "inputs": { "x": "${task.status} ${task.title}" } }));
    let driver = steps(vec![first, second]).through(echo);
    assert_eq!(driver.performed[2].inputs["x"], "done Totals");
}

#[test]
fn what_the_first_act_resolves_becomes_ambient() {
    let step = act(
        "a",
        json!({ "inputs": { "id": "${context.task_id}", "again": "${task_id}", "by": "${person.name}" } }),
    );
    let driver = steps(vec![step]).through(|job| match job.kind {
        JobKind::Start => Ok(json!({ "task": { "id": "12" }, "person": { "name": "Ada" } })),
        _ => echo(job),
    });
    assert_eq!(
        Value::Object(driver.performed[1].inputs.clone()),
        json!({ "id": "12", "again": "12", "by": "Ada" })
    );
}

#[test]
fn a_run_knows_when_it_began_and_an_expression_can_reckon_with_it() {
    let step = act("a", json!({ "inputs": { "late": "${run.started_at | dateadd('2h')}" } }));
    let driver = steps(vec![step]).through(echo);
    assert_eq!(Value::Object(driver.performed[1].inputs.clone()), json!({ "late": "2026-09-21T16:13:20Z" }));
}

#[test]
fn variables_are_lazy_shadow_and_keep_their_first_value() {
    let workflow = definition(json!({
        "variables": { "task_id": "v-${context.task_id}", "name": "${task_id}/x", "broken": "${nowhere}" },
        "steps": [
            act("a", json!({ "inputs": { "v": "${name}", "t": "other" }, "outputs": [["t", "context.task_id"]] })),
            act("b", json!({ "inputs": { "v": "${name}", "now": "${context.task_id}" } })),
        ],
    }));
    let driver = Driver::new(&workflow).through(echo);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
    assert_eq!(driver.performed[2].inputs["v"], "v-SHOP-7/x");
    assert_eq!(driver.performed[2].inputs["now"], "other");
    assert_eq!(driver.run.frame(&StepPath::top()).unwrap().variables.len(), 2);
}

#[test]
fn a_variable_that_a_condition_used_keeps_the_value_it_had_there() {
    let change = || act("x", json!({ "inputs": { "v": "other" }, "outputs": [["v", "task.title"]] }));
    let last = || act("last", json!({ "inputs": { "v": "${v}" } }));
    let skipped = || act("skipped", json!({ "condition": "${v == 'nothing'}" }));
    for first in [either("c", "${v}", vec![change()], vec![]), skipped()] {
        let workflow = json!({ "variables": { "v": "${task.title}" }, "steps": [first, change(), last()] });
        let driver = Driver::new(&definition(workflow)).through(echo);
        assert_eq!(driver.performed.last().unwrap().inputs["v"], "Totals");
    }
}

#[test]
fn variables_in_a_circle_fail_the_step_that_uses_them() {
    let workflow = definition(json!({
        "variables": { "a": "${b}", "b": "${a}" },
        "steps": [act("s", json!({ "inputs": { "x": "${a}" } }))],
    }));
    let (ending, reason) = ending(&Driver::new(&workflow).through(echo));
    assert_eq!(ending, Ending::Failed);
    assert!(reason.contains("a → b → a"), "{reason}");
}

#[test]
fn an_expression_that_fails_is_recorded_and_not_tried_again() {
    let step = act("a", json!({ "inputs": { "x": "${nowhere.x}" }, "on_error": { "retry": 5 } }));
    let driver = steps(vec![step]).through(echo);
    assert_eq!(driver.names(), ["@start"]);
    let (ending, reason) = ending(&driver);
    assert_eq!(ending, Ending::Failed);
    assert!(reason.contains("nowhere") && reason.contains("(expression)"), "{reason}");
}

#[test]
fn a_step_whose_condition_does_not_hold_is_skipped() {
    let driver =
        steps(vec![act("a", json!({ "condition": "${inputs.no}" })), act("b", json!({}))]).through(echo);
    assert_eq!(driver.names(), ["@start", "b"]);
    assert_eq!(driver.run.step(&StepPath::root("a")), Some(&StepState::Skipped));
}

#[test]
fn a_condition_walks_one_branch_even_when_its_test_would_change() {
    let inner = |name: &str| act(name, json!({ "inputs": { "v": false }, "outputs": [["v", "inputs.yes"]] }));
    let step = either("c", "${inputs.yes}", vec![inner("x"), inner("y")], vec![inner("x")]);
    let driver = steps(vec![step]).through(echo);
    assert_eq!(driver.names(), ["@start", "c/x", "c/y"]);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
}

#[test]
fn parallel_steps_are_all_begun_and_all_settled_before_it_fails() {
    let inside = vec![act("x", json!({})), act("y", json!({})), act("z", json!({}))];
    let mut driver = steps(vec![all("p", inside, json!({})), act("after", json!({}))]);
    let broken = StepError::fatal("denied", "no");
    while driver.jobs.len() < 3 {
        assert!(driver.turn(echo));
    }
    let driver = driver.through(failing("p/x", &broken));
    assert_eq!(driver.names(), ["@start", "p/x", "p/y", "p/z"]);
    let (ending, reason) = ending(&driver);
    assert_eq!(ending, Ending::Failed);
    assert!(reason.contains("`p/x`") && reason.contains("denied"), "{reason}");
}

#[test]
fn a_failure_that_continues_lets_the_run_go_on() {
    let inside = vec![act("x", json!({ "on_error": "continue" }))];
    let broken = StepError::fatal("denied", "no");
    let driver =
        steps(vec![all("p", inside, json!({})), act("b", json!({}))]).through(failing("p/x", &broken));
    assert_eq!(driver.names(), ["@start", "p/x", "b"]);
    assert_eq!(ending(&driver).0, Ending::Succeeded);

    let inside = vec![act("x", json!({}))];
    let whole = all("p", inside, json!({ "on_error": "continue" }));
    let driver = steps(vec![whole, act("b", json!({}))]).through(failing("p/x", &broken));
    assert_eq!(ending(&driver).0, Ending::Succeeded);
}

#[test]
fn retries_are_counted_by_policy() {
    let (passing, fatal) = (StepError::passing("unavailable", "later"), StepError::fatal("denied", "no"));
    let tries = |policy: Value, error: &StepError| {
        steps(vec![act("a", json!({ "on_error": policy }))]).through(failing("a", error)).tries("a")
    };
    assert_eq!(tries(json!("fail"), &fatal), 1);
    assert_eq!(tries(json!("fail"), &passing), 3);
    assert_eq!(tries(json!("continue"), &passing), 3);
    assert_eq!(tries(json!({ "retry": 4 }), &fatal), 5);
    assert_eq!(tries(json!({ "retry": 1 }), &passing), 2);
    for code in ["budget", "refused", "gate_refused", "expression", "cancelled", "nothing_to_publish"] {
        assert_eq!(tries(json!({ "retry": 4 }), &StepError::fatal(code, "no")), 1, "{code}");
    }
}

#[test]
fn waits_double_within_a_quarter_and_never_come_before_they_were_asked_to() {
    let driver = steps(vec![act("a", json!({ "on_error": { "retry": 30 } }))]);
    let path = StepPath::root("a");
    let wait =
        |attempt, error: &StepError| match retry::after_failure(&driver.run, &path, attempt, error, at(0)) {
            Next::Retry { at: again } => again.duration_since(at(0)).as_millis(),
            next => panic!("{next:?}"),
        };
    let error = StepError::passing("unavailable", "later");
    for (attempt, even) in [(1, 2_000), (2, 4_000), (4, 16_000), (9, 300_000), (30, 300_000)] {
        let waited = wait(attempt, &error);
        assert!((even * 3 / 4..=even * 5 / 4).contains(&waited), "attempt {attempt}: {waited}");
        assert_eq!(waited, wait(attempt, &error));
    }
    assert_ne!(wait(9, &error), wait(10, &error));
    let asked = StepError { retry_after: Some(1_000), ..error };
    assert_eq!(wait(1, &asked), 1_000_000);
}

#[test]
fn every_attempt_is_given_the_same() {
    let inside = vec![
        act("x", json!({ "inputs": { "v": "${inputs.yes}" }, "on_error": { "retry": 1 } })),
        act("y", json!({ "inputs": { "v": "new" }, "outputs": [["v", "inputs.yes"]] })),
    ];
    let error = StepError::passing("unavailable", "later");
    let driver = steps(vec![all("p", inside, json!({}))]).through(failing("p/x", &error));
    let given: Vec<_> =
        driver.performed.iter().filter(|job| job.step.name() == "x").map(|job| &job.inputs).collect();
    assert_eq!(given.len(), 2);
    assert_eq!(given[0], given[1]);
}

#[test]
fn a_refused_first_act_ends_the_run_without_the_workflows_steps() {
    let workflow = definition(json!({
        "steps": [act("a", json!({}))],
        "post_execution": { "always": [act("clean", json!({}))] },
    }));
    let refused = StepError::fatal("refused", "Mallory may not");
    let driver = Driver::new(&workflow).through(failing("@start", &refused));
    assert_eq!(driver.names(), ["@start"]);
    assert_eq!(ending(&driver), (Ending::Refused, "Mallory may not".to_owned()));
}

#[test]
fn a_missing_prerequisite_fails_the_run_and_is_judged_once() {
    let workflow = |status: &str| {
        definition(json!({
            "prerequisites": [{ "condition": "${task.status == 'todo'}", "message": "Task must be todo" }],
            "steps": [act("a", json!({ "inputs": { "s": status }, "outputs": [["s", "task.status"]] })), act("b", json!({}))],
        }))
    };
    let driver = Driver::new(&workflow("done")).through(echo);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
    let driver = Driver::new(&workflow("done")).through(|job| match job.kind {
        JobKind::Start => Ok(json!({ "task": { "status": "done" } })),
        _ => echo(job),
    });
    assert_eq!(driver.names(), ["@start"]);
    assert_eq!(ending(&driver), (Ending::Failed, "Task must be todo (prerequisite)".to_owned()));
}

#[test]
fn a_success_criterion_that_is_false_or_undefined_fails_the_run() {
    for condition in ["${inputs.no}", "${result.success}"] {
        let criterion = json!({ "condition": condition, "message": "The tracker was updated" });
        let workflow = definition(json!({ "success_criteria": [criterion], "steps": [act("a", json!({}))] }));
        let (ending, reason) = ending(&Driver::new(&workflow).through(echo));
        assert_eq!(ending, Ending::Failed);
        assert!(reason.contains("The tracker was updated"), "{reason}");
    }
}

#[test]
fn what_comes_after_depends_on_the_ending_and_never_changes_it() {
    let workflow = definition(json!({
        "steps": [act("a", json!({}))],
        "post_execution": {
            "always": [act("clean", json!({}))],
            "on_success": [act("log", json!({ "inputs": { "x": "${nowhere}" } })), act("tell", json!({}))],
            "on_failure": [act("alert", json!({}))],
        },
    }));
    let broken = StepError::fatal("denied", "no");
    let driver = Driver::new(&workflow).through(failing("@post/on_success/tell", &broken));
    assert_eq!(driver.names(), ["@start", "a", "@post/on_success/tell", "@post/always/clean"]);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
    let driver = Driver::new(&workflow).through(failing("a", &broken));
    assert_eq!(driver.names(), ["@start", "a", "@post/on_failure/alert", "@post/always/clean"]);
    assert_eq!(ending(&driver).0, Ending::Failed);
}

#[test]
fn a_run_whose_time_is_up_fails_and_no_attempt_outlives_it() {
    let workflow = definition(json!({
        "timeout": 10,
        "steps": [act("a", json!({ "timeout": 300, "on_error": { "retry": 9 } })), act("b", json!({}))],
    }));
    let late = StepError { retry_after: Some(60), ..StepError::passing("unavailable", "later") };
    let driver = Driver::new(&workflow).through(failing("a", &late));
    assert_eq!(driver.performed[1].timeout, Some(9));
    let end = driver.run.deadline().unwrap();
    let next = retry::after_failure(&driver.run, &StepPath::root("a"), 1, &late, at(0));
    assert_eq!(next, Next::Retry { at: at(60) }, "after the conclusion there is no deadline");
    assert!(matches!(
        driver.run.step(&StepPath::root("a")),
        Some(StepState::Failed { next: Next::Fail, .. })
    ));
    assert!(driver.now < end);
    assert_eq!(driver.names(), ["@start", "a"]);
    let mut driver = Driver::new(&workflow);
    while driver.jobs.is_empty() {
        driver.turn(echo);
    }
    driver.now = at(11);
    assert_eq!(decide(&driver.run, driver.now), []);
    assert_eq!(resume(&driver.run, driver.now)[0].timeout, Some(0));
    let (ending, reason) = ending(&driver.through(echo));
    assert_eq!(ending, Ending::Failed);
    assert!(reason.contains("(timeout)"), "{reason}");
}

#[test]
fn an_attempt_under_way_is_performed_again_as_it_was() {
    let mut driver = steps(vec![act("a", json!({ "inputs": { "x": "${task.id}" } }))]);
    while driver.jobs.first().is_none_or(|job| job.kind == JobKind::Start) {
        driver.turn(echo);
    }
    let again = Run::replay(run_id(), Arc::clone(driver.run.definition()), &driver.entries).unwrap();
    assert_eq!(resume(&again, driver.now), driver.jobs);
}

#[test]
fn an_attempt_that_would_be_given_something_else_is_told() {
    let mut driver = steps(vec![act("a", json!({ "inputs": { "x": "${task.id}" } }))]);
    while driver.jobs.first().is_none_or(|job| job.kind == JobKind::Start) {
        driver.turn(echo);
    }
    let definition = Arc::clone(driver.run.definition());
    assert!(recovery::take_up(run_id(), &definition, &driver.entries).is_ok());
    if let Some(Entry { record: Record::StepStarted { inputs, .. }, .. }) = driver.entries.last_mut() {
        *inputs = json!({ "x": "SHOP-8" });
    }
    let told = recovery::take_up(run_id(), &definition, &driver.entries).unwrap_err().to_string();
    assert!(told.contains("SHOP-8") && told.contains("SHOP-7"), "{told}");
}

#[test]
fn nothing_is_decided_for_a_run_that_has_ended_or_is_parked() {
    let mut driver = steps(vec![]).through(echo);
    assert_eq!(decide(&driver.run, driver.now), []);
    let entry = Entry { seq: driver.run.length(), at: at(0), record: Record::Ended };
    assert_eq!(driver.run.apply(&entry), Err(Illegal::AfterEnd));
    let mut driver = steps(vec![]);
    driver.record(Record::Parked { reason: "why".to_owned() });
    assert_eq!(decide(&driver.run, driver.now), []);
}

#[test]
fn what_cannot_follow_is_named_and_changes_nothing() {
    let start = StepPath::root("@start");
    let begin = |step: &StepPath, attempt| Record::StepStarted {
        step: step.clone(),
        kind: "start".to_owned(),
        attempt,
        inputs: json!({}),
        variables: Default::default(),
    };
    let succeed = |step: &StepPath, attempt| Record::StepSucceeded {
        step: step.clone(),
        attempt,
        outputs: Value::Null,
        work: Default::default(),
        cost: Default::default(),
    };
    let fact = |step: &StepPath| Record::Fact { step: step.clone(), name: "n".to_owned(), value: json!(1) };
    let conclude = || Record::Concluded {
        ending: Ending::Failed,
        reason: None,
        results: Default::default(),
        rollback: false,
    };
    let (a, ghost, post) =
        (StepPath::root("a"), StepPath::root("ghost"), StepPath::root("@post").child("always/a"));
    let workflow = definition(json!({ "steps": [act("a", json!({}))] }));
    let mut run = Driver::new(&workflow).run;
    let refuse = |run: &mut Run, record: Record, illegal: Illegal| {
        let before = run.clone();
        let entry = Entry { seq: run.length(), at: at(0), record };
        assert_eq!(run.apply(&entry), Err(illegal));
        assert_eq!(*run, before);
    };
    refuse(&mut run, started(&workflow), Illegal::StartedTwice);
    refuse(&mut run, begin(&start, 2), Illegal::Attempt { step: start.clone(), expected: 1, found: 2 });
    refuse(&mut run, succeed(&a, 1), Illegal::NotRunning(a.clone()));
    refuse(&mut run, fact(&a), Illegal::NotRunning(a.clone()));
    refuse(&mut run, begin(&ghost, 1), Illegal::UnknownStep(ghost.clone()));
    refuse(&mut run, begin(&post, 1), Illegal::OutOfPlace(post.clone()));
    refuse(&mut run, Record::Ended, Illegal::NotConcluded);
    run.apply(&Entry { seq: 1, at: at(0), record: begin(&start, 1) }).unwrap();
    refuse(&mut run, begin(&start, 2), Illegal::NotToCome(start.clone()));
    refuse(&mut run, succeed(&start, 2), Illegal::Attempt { step: start.clone(), expected: 1, found: 2 });
    refuse(&mut run, conclude(), Illegal::StillRunning(start.clone()));
    run.apply(&Entry { seq: 2, at: at(0), record: succeed(&start, 1) }).unwrap();
    refuse(&mut run, fact(&start), Illegal::NotRunning(start.clone()));
    run.apply(&Entry { seq: 3, at: at(0), record: conclude() }).unwrap();
    refuse(&mut run, conclude(), Illegal::ConcludedTwice);
    refuse(&mut run, begin(&a, 1), Illegal::OutOfPlace(a.clone()));
    let gap = Entry { seq: 9, at: at(0), record: Record::Ended };
    assert_eq!(run.apply(&gap), Err(Illegal::Gap { expected: 4, found: 9 }));
    let mut fresh = Run::new(run_id(), workflow);
    assert_eq!(fresh.apply(&Entry { seq: 0, at: at(0), record: Record::Ended }), Err(Illegal::NotStarted));
}

#[test]
fn what_holds_a_step_under_way_is_not_over() {
    let mut driver = steps(vec![all("p", vec![act("x", json!({}))], json!({}))]);
    while driver.jobs.first().is_none_or(|job| job.kind == JobKind::Start) {
        driver.turn(echo);
    }
    let record = Record::StepSucceeded {
        step: StepPath::root("p"),
        attempt: 1,
        outputs: Value::Null,
        work: Default::default(),
        cost: Default::default(),
    };
    let entry = Entry { seq: driver.run.length(), at: at(0), record };
    assert_eq!(driver.run.apply(&entry), Err(Illegal::StillRunning(StepPath::root("p").child("x"))));
}

#[test]
fn decisions_are_the_same_each_time_they_are_asked_for() {
    let driver = steps(vec![act("a", json!({}))]);
    let first = decide(&driver.run, driver.now);
    assert!(matches!(first[..], [Effect::Perform { .. }]));
    assert_eq!(first, decide(&driver.run, driver.now));
}

#[test]
fn a_script_is_given_its_values_and_stands_as_it_was_written() {
    let shell = json!({ "run": "echo ${task.title} $TITLE", "allow_failure": true });
    let step = json!({ "name": "test", "kind": { "shell": shell }, "inputs": { "TITLE": "${task.title}!" },
        "outputs": [["exit_code", "code"]], "on_error": { "retry": 1 } });
    let after = act("b", json!({ "inputs": { "code": "${code}" } }));
    let mut failed = false;
    let driver = steps(vec![step, after]).through(|job| match &job.kind {
        JobKind::Shell(_) if !std::mem::replace(&mut failed, true) => {
            Err(StepError::fatal("command_failed", "it ended with exit code 1"))
        }
        JobKind::Shell(shell) => {
            assert_eq!((shell.run.as_str(), shell.network), ("echo ${task.title} $TITLE", false));
            Ok(json!({ "exit_code": 2 }))
        }
        _ => echo(job),
    });
    assert_eq!(ending(&driver).0, Ending::Succeeded);
    assert_eq!((driver.tries("test"), &driver.performed[3].inputs["code"]), (2, &json!(2)));
    assert_eq!(driver.performed[1].inputs["TITLE"], "Totals!");
}
