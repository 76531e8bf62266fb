//! Loops and called workflows: whose names a step sees, what they give, and how they fail.

use serde_json::{Value, json};

use super::{ending, failing, steps};
use crate::id::StepPath;
use crate::run::fixture::{Driver, act, all, call, definition, definition_with, each, echo, either};
use crate::run::record::Ending;
use crate::run::{Illegal, Record, StepError, StepState};

fn input<'a>(driver: &'a Driver, step: &str) -> &'a Value {
    let job = driver.performed.iter().find(|job| job.step.as_str() == step);
    &job.unwrap_or_else(|| panic!("{step} was not performed: {:?}", driver.names())).inputs["v"]
}

fn made(driver: &Driver, name: &str) -> Value {
    driver.run.frame(&StepPath::top()).unwrap().outputs[name].clone()
}

#[test]
fn a_loop_does_its_steps_for_each_item_in_order_and_gathers_what_they_gave() {
    let inside = vec![
        act("a", json!({ "inputs": { "v": "${item}-${index}" }, "outputs": [["v", "own.v"]] })),
        act("b", json!({ "inputs": { "v": "${own.v}!" }, "outputs": [["v", "said"]] })),
    ];
    let repeated = each("l", json!(["x", "y"]), inside, json!({}));
    let driver = steps(vec![repeated, act("z", json!({ "inputs": { "v": "${gathered[1].said}" } }))]);
    let driver = driver.through(echo);
    assert_eq!(driver.names(), ["@start", "l/0/a", "l/0/b", "l/1/a", "l/1/b", "z"]);
    assert_eq!(
        made(&driver, "gathered"),
        json!([{ "own": { "v": "x-0" }, "said": "x-0!" }, { "own": { "v": "y-1" }, "said": "y-1!" }])
    );
    assert_eq!(input(&driver, "z"), "y-1!");
    assert_eq!(ending(&driver).0, Ending::Succeeded);
}

#[test]
fn what_an_item_makes_is_seen_by_no_other_item_and_not_after_the_loop() {
    let inside = vec![
        act(
            "a",
            json!({ "condition": "${index == 0}", "inputs": { "v": "mine" }, "outputs": [["v", "own"]] }),
        ),
        act("b", json!({ "inputs": { "v": "${own | default('none')}" } })),
    ];
    let after = act("z", json!({ "inputs": { "v": "${own | default('none')}" } }));
    let driver = steps(vec![each("l", json!([1, 2]), inside, json!({})), after]).through(echo);
    assert_eq!(input(&driver, "l/0/b"), "mine");
    assert_eq!(input(&driver, "l/1/b"), "none");
    assert_eq!(input(&driver, "z"), "none");
}

#[test]
fn an_item_that_changes_a_name_from_outside_changes_it_for_itself() {
    let inside = vec![act(
        "a",
        json!({ "inputs": { "v": "${task.title}${index}" }, "outputs": [["v", "task.title"]] }),
    )];
    let driver =
        steps(vec![each("l", json!([1, 2]), inside, json!({ "collect": "${task.title} ${task.id}" }))]);
    let driver = driver.through(echo);
    assert_eq!(made(&driver, "gathered"), json!(["Totals0 SHOP-7", "Totals1 SHOP-7"]));
}

#[test]
fn loops_in_loops_see_the_items_around_them() {
    let inner = json!({ "item": "inner", "concurrency": 2, "over": "${item.of}",
        "steps": [act("a", json!({ "inputs": { "v": "${item.name}${inner}${index}" }, "outputs": [["v", "v"]] }))] });
    let inner =
        json!({ "name": "i", "kind": { "loop": inner }, "outputs": [["results", "inside"], ["count", "n"]] });
    let over = json!([{ "name": "x", "of": [1, 2] }, { "name": "y", "of": [] }]);
    let driver = steps(vec![each("o", over, vec![inner], json!({}))]).through(echo);
    let wanted = json!([{ "inside": [{ "v": "x10" }, { "v": "x21" }], "n": 2 }, { "inside": [], "n": 0 }]);
    assert_eq!(made(&driver, "gathered"), wanted);
}

#[test]
fn no_more_items_are_in_hand_than_there_may_be() {
    let inside = vec![act("a", json!({})), act("b", json!({}))];
    let mut driver = steps(vec![each("l", json!([1, 2, 3, 4, 5]), inside, json!({ "concurrency": 2 }))]);
    let mut most = 0;
    while driver.turn(echo) {
        most = most.max(driver.jobs.len());
    }
    assert_eq!(most, 2);
    assert_eq!(driver.performed.len(), 11);
}

#[test]
fn a_failed_item_begins_no_further_one_and_fails_the_loop_when_the_others_are_done() {
    let inside = || vec![act("a", json!({})), act("b", json!({}))];
    let repeated = each("l", json!([1, 2, 3, 4]), inside(), json!({ "concurrency": 2 }));
    let error = StepError::fatal("denied", "no");
    let driver = steps(vec![repeated, act("z", json!({}))]).through(failing("l/0/a", &error));
    assert_eq!(driver.names(), ["@start", "l/0/a", "l/1/a", "l/1/b"]);
    let (end, reason) = ending(&driver);
    assert_eq!(end, Ending::Failed);
    assert!(reason.contains("l/0/a"), "{reason}");
}

#[test]
fn what_is_no_list_is_not_gone_over() {
    let driver = steps(vec![each("l", json!("${task.title}"), vec![act("a", json!({}))], json!({}))]);
    let (end, reason) = ending(&driver.through(echo));
    assert_eq!(end, Ending::Failed);
    assert!(reason.contains(r#"`over` is "Totals""#), "{reason}");
}

#[test]
fn a_called_workflow_sees_its_inputs_and_gives_its_results() {
    let called = json!({
        "id": "c",
        "inputs": [{ "name": "who", "kind": "string", "required": true },
                   { "name": "how", "kind": "string", "required": false, "default": "kindly" }],
        "variables": { "greeting": "hello ${inputs.who}" },
        "steps": [act("a", json!({ "inputs": { "v": "${greeting} ${inputs.how} ${task.id}" }, "outputs": [["v", "said"]] }))],
        "results": { "text": "${said}", "by": "${greeting}" },
    });
    let caller =
        call("s", "c", json!({ "inputs": { "who": "${name}" }, "outputs": [["text", "heard.text"]] }));
    let workflow = json!({
        "variables": { "name": "Ada" },
        "steps": [caller, act("z", json!({ "inputs": { "v": "${heard.text}|${said | default('unseen')}" } }))],
        "results": { "all": "${heard.text}" },
    });
    let driver = Driver::new(&definition_with(workflow, &[called])).through(echo);
    assert_eq!(driver.names(), ["@start", "s/a", "z"]);
    assert_eq!(input(&driver, "z"), "hello Ada kindly SHOP-7|unseen");
    assert_eq!(driver.run.results()["all"], "hello Ada kindly SHOP-7");
}

#[test]
fn names_around_a_call_are_not_seen_from_inside_and_its_variables_are_its_own() {
    let called = json!({ "id": "c", "variables": { "name": "own" },
        "steps": [act("a", json!({ "inputs": { "v": "${name} ${made | default('unseen')}" } }))] });
    let workflow = json!({
        "variables": { "name": "outer" },
        "steps": [
            act("m", json!({ "inputs": { "v": "${name}" }, "outputs": [["v", "made"]] })),
            each("l", json!([1]), vec![call("s", "c", json!({}))], json!({})),
            act("z", json!({ "inputs": { "v": "${name}" } })),
        ],
    });
    let driver = Driver::new(&definition_with(workflow, &[called])).through(echo);
    assert_eq!(input(&driver, "l/0/s/a"), "own unseen");
    assert_eq!(input(&driver, "z"), "outer");
}

#[test]
fn a_called_workflow_is_held_to_its_own_conditions() {
    let called = |more: Value| {
        let mut called = json!({ "id": "c", "steps": [act("a", json!({}))] });
        called.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        called
    };
    let run = |more: Value| {
        let workflow =
            json!({ "steps": [call("s", "c", json!({ "on_error": "continue" })), act("z", json!({}))] });
        Driver::new(&definition_with(workflow, &[called(more)])).through(echo)
    };
    let why = |driver: &Driver| match driver.run.step(&StepPath::root("s")) {
        Some(StepState::Failed { error, .. }) => error.message.clone(),
        state => panic!("{state:?}"),
    };
    let unready = run(json!({ "prerequisites": [{ "condition": "${false}", "message": "not ready" }] }));
    assert_eq!((unready.names(), why(&unready)), (vec!["@start", "z"], "not ready".to_owned()));
    let unmet = run(json!({ "success_criteria": [{ "condition": "${false}", "message": "a change" }] }));
    assert_eq!((unmet.names(), why(&unmet)), (vec!["@start", "s/a", "z"], "not met: a change".to_owned()));
    let nameless = run(json!({ "results": { "x": "${nowhere}" } }));
    assert!(why(&nameless).contains("nowhere"), "{}", why(&nameless));
}

#[test]
fn a_step_of_an_item_that_is_not_there_cannot_begin() {
    let definition = definition(json!({ "steps": [
        each("l", json!([1]), vec![act("a", json!({}))], json!({})),
        either("c", "${inputs.yes}", vec![all("p", vec![], json!({}))], vec![]),
    ] }));
    let mut driver = Driver::new(&definition);
    while !driver.run.steps().any(|(path, _)| path.as_str() == "l/0/a") {
        driver.turn(echo);
    }
    for path in ["l/a", "l/x/a", "l/0", "l/-1/a"] {
        let step = StepPath::root(path);
        let record = Record::StepStarted {
            step: step.clone(),
            kind: "k".to_owned(),
            attempt: 1,
            inputs: Value::Null,
            variables: Default::default(),
        };
        let entry = crate::run::Entry { seq: driver.run.length(), at: driver.now, record };
        assert_eq!(driver.run.clone().apply(&entry), Err(Illegal::UnknownStep(step)), "{path}");
    }
}

#[test]
fn a_thousand_items_take_a_journal_and_no_longer_to_fold() {
    let inside = vec![act("a", json!({}))];
    let over: Vec<usize> = (0..1000).collect();
    let driver = steps(vec![each("l", json!(over), inside, json!({ "concurrency": 10 }))]).through(echo);
    assert_eq!(driver.performed.len(), 1001);
    assert_eq!(made(&driver, "gathered").as_array().unwrap().len(), 1000);
}
