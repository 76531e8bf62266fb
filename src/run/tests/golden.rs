//! A journal as the first version wrote it, which every later version must still be able to read.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use crate::id::{RunId, StepPath};
use crate::money::Money;
use crate::run::{Definition, Ending, Entry, Run, StepState};

const GOLDEN: &str = include_str!("../../../fixtures/golden/run-v1.json");

#[derive(Deserialize)]
struct Golden {
    run: RunId,
    definition: Definition,
    entries: Vec<Entry>,
}

#[test]
fn the_first_versions_journal_folds_to_the_state_that_it_told_of() {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    let run = Run::replay(golden.run, Arc::new(golden.definition), &golden.entries).unwrap();
    let conclusion = run.conclusion().unwrap();
    assert!(run.ended());
    let made = run.frame(&StepPath::top()).unwrap();
    assert_eq!((conclusion.ending, conclusion.reason.as_deref()), (Ending::Succeeded, None));
    assert_eq!(
        made.outputs["branch_data"],
        json!({ "url": "https://forge.example/acme/shop/tree/feature/SHOP-7" })
    );
    assert_eq!(made.variables["branch_name"], "feature/SHOP-7");
    assert_eq!(run.ambient()["run"]["branch"], "feature/SHOP-7");
    assert_eq!(run.cost(), Money::micros(13_500));
    assert_eq!(run.work().change, Some(3));
    let state = |path: &str| run.step(&StepPath::root(path)).cloned();
    assert_eq!(state("tell_everyone/notify"), Some(StepState::Done));
    assert_eq!(state("only_bugs"), Some(StepState::Skipped));
    assert!(matches!(state("write_page"), Some(StepState::Failed { .. })));
    assert_eq!(state("@post/always/cleanup"), Some(StepState::Done));
    let facts = run.facts(&StepPath::root("create_branch")).unwrap();
    assert_eq!(facts["effect/0/done"], json!({ "created": true }));
}
