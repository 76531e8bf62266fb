//! What a plan shows of a workflow, and what it leaves open.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::run::Definition;
use crate::run::fixture::{
    act, all, at, call, definition, definition_with, each, either, pause, run_id, started,
};

fn planned(definition: &Arc<Definition>) -> Plan {
    let first = Entry { seq: 0, at: at(0), record: started(definition) };
    plan(run_id(), Arc::clone(definition), &first).unwrap()
}

fn of(steps: Vec<Value>) -> Plan {
    planned(&definition(json!({ "steps": steps })))
}

fn step<'a>(plan: &'a Plan, path: &str) -> &'a Planned {
    let names = || plan.steps.iter().map(|planned| planned.step.as_str()).collect::<Vec<_>>();
    plan.steps.iter().find(|planned| planned.step.as_str() == path).unwrap_or_else(|| {
        panic!("there is no {path} in {:?}", names());
    })
}

/// A step that gives something at a path.
fn gives(name: &str, target: &str) -> Value {
    act(name, json!({ "outputs": [["v", target]] }))
}

#[test]
fn each_step_is_shown_with_what_it_is_given_and_how_it_is_undone() {
    let plan = of(vec![
        gives("open", "pr"),
        act("tell", json!({ "inputs": { "v": "${task.title}: ${pr.url}", "w": "${task.assignee}" } })),
    ]);
    let open = step(&plan, "open");
    let expected = Does::Act {
        action: "world.create_branch".to_owned(),
        provider: None,
        effect: Repeat::Findable,
        undo: Undo::Action("delete_branch".to_owned()),
        publishes: false,
    };
    assert_eq!((&open.does, &open.open), (&expected, &None));
    let told = json!({ "v": "Totals: <from step open>", "w": "<from the run's first act>" });
    assert_eq!(step(&plan, "tell").inputs, told);
    assert_eq!(plan.steps[0].does, Does::Begin);
    assert_eq!(plan.ending, Some(Ending::Succeeded));
}

#[test]
fn what_is_known_is_decided_and_both_branches_of_what_is_not_are_shown() {
    let plan = of(vec![
        gives("look", "found"),
        either("known", "inputs.no", vec![act("a", json!({}))], vec![act("b", json!({}))]),
        either("asked", "found.count > 3", vec![gives("many", "which")], vec![gives("few", "which")]),
        act("after", json!({ "inputs": { "v": "${which}" } })),
    ]);
    let names: Vec<&str> = plan.steps.iter().map(|planned| planned.step.as_str()).collect();
    assert_eq!(names, ["@start", "look", "known", "known/b", "asked", "asked/many", "asked/few", "after"]);
    assert_eq!(step(&plan, "known").does, Does::Choose { test: "inputs.no".to_owned(), taken: Some(false) });
    assert_eq!(step(&plan, "known/b").open, None);
    assert_eq!(step(&plan, "asked").does, Does::Choose { test: "found.count > 3".to_owned(), taken: None });
    let many = "only if found.count > 3 holds, which depends on <from step look>";
    assert_eq!(step(&plan, "asked/many").open.as_deref(), Some(many));
    let few = "only if found.count > 3 does not hold, which depends on <from step look>";
    assert_eq!(step(&plan, "asked/few").open.as_deref(), Some(few));
    assert_eq!(step(&plan, "after").open, None);
    let after = step(&plan, "after").inputs["v"].as_str().unwrap();
    assert!(after.starts_with("<from step asked/"), "{after}");
}

#[test]
fn what_a_branch_sets_is_not_taken_for_known_behind_it() {
    let set = |name: &str, value: &str| {
        let kind = json!({ "system": { "action": "set" } });
        json!({ "name": name, "kind": kind, "inputs": { "v": value }, "outputs": [["v", "mode"]] })
    };
    let plan = of(vec![
        set("first", "plain"),
        gives("look", "found"),
        either("asked", "found.ok", vec![set("then", "one")], vec![set("else", "two")]),
        act("after", json!({ "inputs": { "v": "${mode}" }, "condition": "mode == 'one'" })),
    ]);
    let after = step(&plan, "after");
    assert!(after.open.is_some(), "{after:?}");
    assert!(after.inputs["v"].as_str().unwrap().starts_with("<from step asked/"), "{after:?}");
}

#[test]
fn a_step_whose_own_condition_is_open_is_shown_as_open_with_what_is_inside() {
    let condition = json!({ "condition": "${found.ok}" });
    let plan = of(vec![
        gives("look", "found"),
        all("together", vec![act("a", json!({}))], condition),
        act("never", json!({ "condition": "inputs.no" })),
    ]);
    for name in ["together", "together/a"] {
        let open = step(&plan, name).open.as_deref().unwrap_or_else(|| panic!("{name} is not open"));
        assert!(open.contains("${found.ok}") && open.contains("<from step look>"), "{open}");
    }
    assert!(matches!(step(&plan, "never").does, Does::Skip { .. }));
}

#[test]
fn a_loop_goes_over_what_is_known_and_once_over_what_is_not() {
    let inside = || vec![act("a", json!({ "inputs": { "v": "${item}" } }))];
    let plan = of(vec![
        each("known", json!(["x", "y"]), inside(), json!({})),
        gives("look", "found"),
        each("asked", json!("${found}"), inside(), json!({})),
    ]);
    assert_eq!(step(&plan, "known/1/a").inputs["v"], "y");
    assert_eq!(step(&plan, "asked/0/a").inputs["v"], "<from each item of step look>");
    assert!(plan.steps.iter().all(|planned| planned.step.as_str() != "asked/1/a"));
    assert_eq!(plan.ending, Some(Ending::Succeeded));
}

#[test]
fn nothing_is_waited_for_and_a_called_workflows_steps_are_shown() {
    let called = json!({
        "id": "inner", "steps": [gives("made", "x")], "results": { "y": "${x}" },
    });
    let outer = json!({ "steps": [
        pause("rest", json!({ "for": "2h" })),
        call("inner", "inner", json!({ "outputs": [["y", "got"]] })),
        act("z", json!({ "inputs": { "v": "${got}" } })),
    ] });
    let plan = planned(&definition_with(outer, &[called]));
    assert_eq!(step(&plan, "rest").does, Does::Wait);
    assert_eq!(step(&plan, "rest").inputs["for"], "2h");
    assert_eq!(step(&plan, "inner").does, Does::Call { workflow: "inner".to_owned() });
    assert_eq!(step(&plan, "z").inputs["v"], "<from step inner/made>");
}

#[test]
fn what_cannot_begin_is_said_and_checks_that_cannot_be_judged_are_assumed() {
    let plan = of(vec![act("a", json!({ "inputs": { "v": "${nothing.here}" } }))]);
    assert!(matches!(&step(&plan, "a").does, Does::Fail { reason } if reason.contains("nothing")));
    assert_eq!(plan.ending, Some(Ending::Failed));
    let criteria = json!([{ "condition": "pr.merged", "message": "" }]);
    let plan = planned(&definition(json!({ "steps": [gives("open", "pr")], "success_criteria": criteria,
        "results": { "url": "${pr.url}" } })));
    assert_eq!(plan.assumed, ["pr.merged, which depends on <from step open>"]);
    assert_eq!(plan.results["url"], "<from step open>");
}

#[test]
fn a_script_is_shown_as_it_stands_with_the_values_that_come_into_it() {
    let shell = json!({ "run": "make ${GOAL}", "network": true });
    let inputs = json!({ "GOAL": "${task.title}" });
    let plan = of(vec![json!({ "name": "build", "kind": { "shell": shell }, "inputs": inputs })]);
    let build = step(&plan, "build");
    assert_eq!(build.does, Does::Run { script: "make ${GOAL}".to_owned(), network: true });
    assert_eq!(build.inputs, json!({ "GOAL": "Totals" }));
}
