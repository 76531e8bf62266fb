//! `ostler check`: every fault at once, each with its place.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Said, ostler};

/// A project with these files.
fn project(files: &[(&str, &str)]) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = place.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    place
}

fn check(project: &Path, more: &[&str]) -> Said {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut arguments = vec!["check", project.to_str().unwrap()];
    arguments.extend(more);
    ostler(elsewhere.path(), &arguments)
}

const MISSPELT: &str = "on: github.issue.labeled\nlable: ostler\nrun: standard-development\n";
const UNKNOWN: &str = "on: github.issue.labeled\nrun: standard-developement\n";
const WRONG_TYPE: &str = "on: github.issue.labeled\nlabel: 3\nrun: standard-development\n";
const UNDEFINED: &str =
    "on: github.issue.labeled\nif: \"${event.isue.title == 'x'}\"\nrun: standard-development\n";

/// Each handler has one fault: its file, line and column, and a word that must be told.
const FAULTS: [(&str, &str, u64, u64, &str); 4] = [
    ("handlers/a-misspelt-key.yaml", MISSPELT, 2, 1, "lable"),
    ("handlers/b-unknown-workflow.yaml", UNKNOWN, 2, 6, "standard-developement"),
    ("handlers/c-wrong-type.yaml", WRONG_TYPE, 2, 8, "label"),
    ("handlers/d-undefined-name.yaml", UNDEFINED, 2, 8, "isue"),
];

fn faulty() -> TempDir {
    project(&FAULTS.map(|(file, text, ..)| (file, text)))
}

#[test]
fn four_faults_in_four_handlers_are_told_at_once_with_their_places() {
    let place = faulty();
    let said = check(place.path(), &[]);
    assert_eq!(said.code, 3, "{said:#?}");
    for (file, _, line, column, word) in FAULTS {
        let place = format!("{}:{line}:{column}", place.path().join(file).display());
        assert!(said.out.contains(&place) && said.out.contains(word), "{place} is missing in:\n{}", said.out);
    }
    assert!(said.out.trim_end().ends_with("4 faults found."), "{}", said.out);
    assert!(!said.out.contains('\u{1b}'), "colour without a terminal");
}

#[test]
fn programs_are_told_the_same() {
    let place = faulty();
    let said = check(place.path(), &["--json"]);
    assert_eq!(said.code, 3, "{said:#?}");
    let document = said.json();
    assert_eq!(document["ok"], false);
    let errors = document["errors"].as_array().unwrap();
    let places: Vec<Value> =
        errors.iter().map(|error| json!([error["file"], error["line"], error["column"]])).collect();
    let expected = FAULTS.map(|(file, _, line, column, _)| json!([place.path().join(file), line, column]));
    assert_eq!(places, expected, "{errors:#?}");
    for (error, (.., word)) in errors.iter().zip(FAULTS) {
        assert!(error["message"].as_str().unwrap().contains(word), "{error:#}");
    }
}

#[test]
fn near_misses_are_named() {
    let place = faulty();
    let said = check(place.path(), &[]);
    for near in ["did you mean `label`?", "did you mean `standard-development`?"] {
        assert!(said.out.contains(near), "{near} is missing in:\n{}", said.out);
    }
}

#[test]
fn what_is_shipped_is_right() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = check(tree, &[]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(said.out.starts_with("All is right: "), "{}", said.out);
    let document = check(tree, &["--json"]).json();
    assert_eq!((&document["ok"], &document["errors"]), (&json!(true), &json!([])));
    assert!(document["triggers"].as_u64() >= Some(4), "{document}");
}

#[test]
fn a_broken_configuration_is_told_with_file_and_key_and_hides_nothing() {
    let place = project(&[
        ("ostler.yaml", "limits: {max_cost_per_tusk: 3}\n"),
        ("handlers/b-unknown-workflow.yaml", UNKNOWN),
    ]);
    let said = check(place.path(), &[]);
    assert_eq!(said.code, 3, "{said:#?}");
    for part in
        ["ostler.yaml", "max_cost_per_tusk", "handlers/b-unknown-workflow.yaml:2:6", "2 faults found."]
    {
        assert!(said.out.contains(part), "{part} is missing in:\n{}", said.out);
    }
    let errors = check(place.path(), &["--json"]).json()["errors"].clone();
    assert!(errors[0]["file"].as_str().unwrap().ends_with("ostler.yaml"), "{errors:#}");
    assert!(errors[0]["key"].as_str().unwrap().contains("limits"), "{errors:#}");
    assert_eq!(errors[1]["line"], 2, "{errors:#}");
}

#[test]
fn a_configuration_that_is_no_yaml_or_needs_a_variable_says_so() {
    let place = project(&[("ostler.yaml", "server: {listen: [}\n")]);
    let said = check(place.path(), &[]);
    assert_eq!(said.code, 3, "{said:#?}");
    assert!(said.out.contains("ostler.yaml") && said.out.contains("line 1"), "{}", said.out);
    let place = project(&[("ostler.yaml", "server: {public_url: \"${NOBODY_SETS_THIS}\"}\n")]);
    let said = check(place.path(), &[]);
    assert_eq!(said.code, 3, "{said:#?}");
    for part in ["server.public_url", "NOBODY_SETS_THIS"] {
        assert!(said.out.contains(part), "{part} is missing in:\n{}", said.out);
    }
}

#[test]
fn a_model_whose_price_nobody_knows_is_warned_of_and_no_fault() {
    let model = "ai_provider: {type: anthropic, model: m-9, api_key: x}\n";
    let unknown = project(&[("ostler.yaml", model)]);
    let said = check(unknown.path(), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("no price is known of the model `m-9`"), "{said:?}");
    let told: Value = serde_json::from_str(&check(unknown.path(), &["--json"]).out).unwrap();
    assert!(told["ok"] == true && told["warnings"][0].as_str().unwrap().contains("`m-9`"), "{told:#}");
    let price = "prices: {m: {input: 1, output: 2, cache_write: 1, cache_read: 1, as_of: \"2026-11-01\"}}\n";
    let known = project(&[("ostler.yaml", &format!("{model}{price}"))]);
    assert!(!check(known.path(), &[]).err.contains("no price"), "a name stands for all that begin with it");
    let none = check(project(&[("ostler.yaml", "prices: {}\n")]).path(), &[]);
    assert!(none.err.contains("no agent can work"), "{none:?}");
}
