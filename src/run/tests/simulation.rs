//! Random workflows in a random world, with a crash after every record.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::id::{Digest, StepPath};
use crate::run::decide::{Job, resume};
use crate::run::fixture::{
    Driver, act, all, at, call, definition, definition_with, each, echo, either, pause, run_id, started,
};
use crate::run::record::{Ending, Entry, Next, Record};
use crate::run::{Definition, Run, StepError, recovery};

/// A step of any kind, not too deep; `name` makes it unique among its siblings.
fn step(depth: u32) -> BoxedStrategy<Value> {
    let policy = prop_oneof![
        Just(json!("fail")),
        Just(json!("continue")),
        Just(json!("rollback")),
        (0_u32..3).prop_map(|n| json!({ "retry": n })),
    ];
    let condition = prop_oneof![
        6 => Just(Value::Null),
        1 => Just(json!("${inputs.yes}")),
        1 => Just(json!("${inputs.no}")),
        1 => Just(json!("${undefined_name}")),
    ];
    let leaf = (policy.clone(), condition.clone()).prop_map(|(policy, condition)| {
        let inputs = json!({ "v": "${shared}", "own": "${task.id}" });
        act("", json!({ "on_error": policy, "condition": condition, "inputs": inputs, "outputs": [["v", "last.v"]] }))
    });
    if depth == 0 {
        return leaf.boxed();
    }
    let inside = prop::collection::vec(step(depth - 1), 0..4).prop_map(named);
    let branches = inside.clone();
    let parallel = (inside.clone(), policy, condition).prop_map(|(steps, policy, condition)| {
        all("", steps, json!({ "on_error": policy, "condition": condition }))
    });
    let test = prop_oneof![Just("${inputs.yes}"), Just("${inputs.no}"), Just("${undefined_name}")];
    let branch = (test, branches.clone(), branches)
        .prop_map(|(test, then, otherwise)| either("", test, then, otherwise));
    let over = prop_oneof![Just(json!([])), Just(json!([1, 2, 3])), Just(json!("${inputs.yes}"))];
    // One item at a time or all at once: with a bound between, which items begin before one fails is chance.
    let repeated = (over, inside, prop_oneof![Just(1), Just(3)]).prop_map(|(over, steps, concurrency)| {
        each("", over, steps, json!({ "concurrency": concurrency, "collect": "${index}" }))
    });
    let called = Just(call("", "called", json!({ "inputs": { "given": "${task.id}" } })));
    let waiting = prop_oneof![Just(json!({ "for": 30 })), Just(json!({ "for": "x" }))];
    let waiting = waiting.prop_map(|inputs| pause("", inputs));
    prop_oneof![8 => leaf, 2 => parallel, 2 => branch, 2 => repeated, 1 => called, 1 => waiting].boxed()
}

fn named(mut steps: Vec<Value>) -> Vec<Value> {
    for (n, step) in steps.iter_mut().enumerate() {
        step["name"] = json!(format!("s{n}"));
    }
    steps
}

fn workflow() -> impl Strategy<Value = Arc<Definition>> {
    let steps = || prop::collection::vec(step(2), 0..5).prop_map(named);
    let timeout = prop_oneof![3 => Just(None), 1 => (1_u64..60).prop_map(Some)];
    (steps(), prop::collection::vec(step(0), 0..2).prop_map(named), timeout).prop_map(
        |(steps, always, timeout)| {
            let called = json!({
                "id": "called",
                "inputs": [{ "name": "given", "kind": "string", "required": true }],
                "variables": { "shared": "${inputs.given}" },
                "steps": named(vec![act("", json!({ "inputs": { "v": "${shared}" } })), pause("", json!({ "for": 1 }))]),
                "results": { "v": "${shared}" },
            });
            let workflow = json!({
                "variables": { "shared": "${run.id}-${task.id}" },
                "steps": steps,
                "post_execution": { "always": always },
                "timeout": timeout,
            });
            definition_with(workflow, &[called])
        },
    )
}

/// A world that answers each attempt in its own way, the same whenever it is asked.
fn world(seed: u64) -> impl Fn(&Job) -> crate::run::fixture::Result {
    move |job| {
        let asked = format!("{seed} {} {}", job.step, job.attempt);
        match Digest::of(asked.as_bytes()).as_bytes()[0] {
            0..=40 => Err(StepError::passing("unavailable", "later")),
            41..=60 => Err(StepError::fatal("denied", "no")),
            61..=65 => Err(StepError::fatal("refused", "you may not")),
            _ => echo(job),
        }
    }
}

/// What the store would give back.
fn stored(entries: &[Entry]) -> Vec<Entry> {
    serde_json::from_slice(&serde_json::to_vec(entries).unwrap()).unwrap()
}

/// Forgets everything but the journal.
fn crash(driver: &mut Driver) {
    driver.entries = stored(&driver.entries);
    let definition = Arc::clone(driver.run.definition());
    let again = recovery::take_up(run_id(), &definition, &driver.entries).unwrap();
    assert_eq!(again, driver.run);
    driver.run = again;
    driver.jobs = resume(&driver.run, driver.now);
}

/// What must be so however the world answered, where the order of attempts may differ.
fn essence(driver: &Driver) -> (Option<Ending>, bool, Vec<(StepPath, bool)>) {
    let steps = driver.run.steps();
    let steps = steps.map(|(path, state)| (path.clone(), matches!(state, crate::run::StepState::Done)));
    (driver.run.conclusion().map(|conclusion| conclusion.ending), driver.run.ended(), steps.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_that_crashes_after_every_record_comes_to_the_same_end(definition in workflow(), seed: u64) {
        let calm = Driver::new(&definition).through(world(seed));
        prop_assert!(calm.run.ended(), "{:?}", calm.run);
        let mut stormy = Driver::new(&definition);
        let mut turns = 0;
        loop {
            crash(&mut stormy);
            if !stormy.turn(world(seed)) {
                break;
            }
            turns += 1;
            prop_assert!(turns < 2_000, "it does not come to an end");
        }
        if definition.workflow.timeout.is_none() {
            prop_assert_eq!(essence(&stormy), essence(&calm));
        }
        prop_assert!(stormy.run.ended());
    }

    #[test]
    fn any_records_in_any_order_are_taken_or_named(records in prop::collection::vec(record(), 0..40)) {
        let definition = definition(json!({ "steps": [
            act("a", json!({ "outputs": [["x", "task.x"]] })),
            all("p", vec![act("a", json!({}))], json!({})),
            either("c", "${inputs.yes}", vec![act("a", json!({}))], vec![]),
        ], "post_execution": { "always": [act("a", json!({}))] } }));
        let mut run = Run::new(run_id(), Arc::clone(&definition));
        run.apply(&Entry { seq: 0, at: at(0), record: started(&definition) }).unwrap();
        for record in records {
            let before = run.clone();
            let entry = Entry { seq: run.length(), at: at(1), record };
            match run.apply(&entry) {
                Ok(()) => prop_assert_eq!(run.length(), before.length() + 1),
                Err(_) => prop_assert_eq!(&run, &before),
            }
            let _decided = crate::run::decide::decide(&run, at(2));
        }
    }
}

fn record() -> impl Strategy<Value = Record> {
    let path =
        prop_oneof!["@start", "a", "p", "p/a", "c", "c/a", "@post/always/a", "ghost", "@post", "/", ""];
    let path = path.prop_map(|text| StepPath::root(&text));
    let next = prop_oneof![
        Just(Next::Continue),
        Just(Next::Fail),
        Just(Next::Rollback),
        Just(Next::Retry { at: at(1) })
    ];
    let code = prop_oneof![Just("expression"), Just("refused"), Just("denied")];
    let none = serde_json::Map::new;
    (path, 0_u32..3, any::<bool>(), next, code, 0..10).prop_map(
        move |(step, attempt, flag, next, code, which)| {
            let inputs = json!({ "x": attempt });
            match which {
                0..=2 => {
                    Record::StepStarted { step, kind: "k".to_owned(), attempt, inputs, variables: none() }
                }
                3 => Record::Fact { step, name: "n".to_owned(), value: inputs },
                4 | 5 => Record::StepSucceeded {
                    step,
                    attempt,
                    outputs: inputs,
                    work: Default::default(),
                    cost: Default::default(),
                },
                6 => {
                    let error = StepError::fatal(code, "no");
                    Record::StepFailed { step, attempt, error, next, cost: Default::default() }
                }
                7 if flag => Record::StepSkipped { step, reason: String::new(), variables: none() },
                7 => Record::BranchChosen { step, taken: attempt == 0, variables: none() },
                8 if attempt == 0 => Record::Parked { reason: String::new() },
                8 => Record::Ended,
                9 if flag => Record::StepWaits { step, attempt, wait: Default::default() },
                _ => Record::Concluded {
                    ending: Ending::Failed,
                    reason: None,
                    results: none(),
                    rollback: false,
                },
            }
        },
    )
}
