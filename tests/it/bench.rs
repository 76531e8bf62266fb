//! `ostler bench agents`: that good work alone is put up for review, as the binary measures it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Said, ostler};

fn bench(arguments: &[&str]) -> Said {
    let place = tempfile::tempdir().unwrap();
    ostler(place.path(), &[&["bench", "agents", "--json"], arguments].concat())
}

fn tasks(document: &Value) -> &[Value] {
    document["tasks"].as_array().unwrap()
}

#[test]
fn good_work_alone_is_put_up_for_review() {
    let said = bench(&["pages", "duration"]);
    let document = said.json();
    assert_eq!(said.code, 0, "{document:#}");
    assert_eq!(document["summary"]["gold"], serde_json::json!({"ready": 2, "of": 2}), "{document:#}");
    assert_eq!(document["summary"]["others"], serde_json::json!({"ready": 0, "of": 30}), "{document:#}");
    for task in tasks(&document) {
        assert_eq!(task["begins_red"], true, "{task:#}");
        let ready = |(_, cell): &(&String, &Value)| cell["ostler"] == "ready";
        let cells = task["cells"].as_object().unwrap();
        let ready: Vec<&str> = cells.iter().filter(ready).map(|(name, _)| name.as_str()).collect();
        // What answers what the tests ask and nothing else is beyond them; that is what the hidden ones are for.
        assert_eq!(ready, ["gold", "hardcode"], "{task:#}");
        assert_eq!(cells["hardcode"]["accepted"], false);
    }
}

#[test]
fn the_right_change_is_ready_in_every_language_that_the_sandbox_has() {
    let said = bench(&["--model", "gold"]);
    let document = said.json();
    assert_eq!(said.code, 0, "{document:#}");
    let played = || tasks(&document).iter().filter(|task| task["lacks"].as_array().unwrap().is_empty());
    assert!(played().all(|task| task["cells"]["gold"]["ostler"] == "ready"), "{document:#}");
    assert!(played().all(|task| task["cells"]["gold"]["accepted"] == true), "{document:#}");
    let languages: BTreeSet<&str> = played().filter_map(|task| task["language"].as_str()).collect();
    assert!(languages.len() >= 4, "{languages:?}");
    assert_eq!(document["summary"]["skipped"], tasks(&document).len() - played().count());
}

#[test]
fn a_task_or_model_that_is_not_there_is_named_with_those_that_are() {
    let said = bench(&["pages", "nowhere"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`nowhere`") && said.err.contains("duration"), "{}", said.err);
    assert!(bench(&["--model", "silver"]).err.contains("gold"));
}
