use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::event::EventKind;
use crate::spec::StepKind;
use crate::spec::action::samples::vocabulary;

fn project(files: &[(&str, &str)]) -> TempDir {
    let project = TempDir::new().unwrap();
    for (path, text) in files {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    project
}

fn shipped() -> Catalog {
    Catalog::load(None, &vocabulary()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The faults as people see them, without the temporary folder's name.
fn rendered(project: &TempDir) -> String {
    let faults = Catalog::load(Some(project.path()), &vocabulary()).unwrap_err();
    faults.render(false).replace(&format!("{}/", project.path().display()), "")
}

#[test]
fn what_is_shipped_is_right_and_serves_the_four_ways_in() {
    let catalog = shipped();
    for (kind, run) in [
        ("jira.issue.assigned", "standard-development"),
        ("github.issue.labeled", "standard-development"),
        ("github.comment.created", "standard-development"),
        ("gitlab.issue.labeled", "standard-development"),
        ("gitlab.comment.created", "standard-development"),
        ("linear.comment.created", "standard-development"),
        ("linear.issue.assigned", "standard-development"),
        ("linear.issue.labeled", "standard-development"),
        ("slack.command", "standard-development"),
        ("slack.mention", "standard-development"),
        ("jira.issue.created", "standard-development"),
        ("jira.issue.commented", "standard-development"),
    ] {
        let kind = EventKind::new(kind);
        let takes = |trigger: &&Trigger| trigger.run == run && trigger.on.iter().any(|on| on.matches(&kind));
        assert!(catalog.triggers.iter().any(|trigger| takes(&trigger)), "{} starts no {run}", kind.as_str());
    }
    let answer = &catalog.workflows["answer"];
    assert!(answer.costs_nothing() && answer.inputs[0].name == "text");
    assert!(!catalog.workflows["standard-development"].costs_nothing());
}

#[test]
fn the_standard_workflow_asks_its_agent_for_the_description_it_publishes() {
    let catalog = shipped();
    let needs = catalog.workflows["standard-development"].steps.iter().find_map(|step| match &step.kind {
        StepKind::Agent { needs, .. } => Some(needs),
        _ => None,
    });
    let needs = needs.unwrap();
    assert_eq!(
        (needs[0].field.as_str(), needs[0].members.as_slice()),
        ("implementation", ["pr_description".to_owned()].as_slice())
    );
}

#[test]
fn the_shipped_prompts_render_with_what_steps_give_them() {
    let prompts = shipped().prompts;
    let task = json!({"id": "SHOP-7", "title": "Totals are wrong", "description": null});
    let inputs = json!({"task": task, "repository": "acme/shop", "branch": "b"});
    let values = json!({
        "inputs": inputs, "task": task, "repository": "acme/shop", "branch": "b",
        "step": {"name": "plan", "description": "A plan"},
    });
    for path in ["prompts/implement.txt", "prompts/code_generation.txt", "prompts/generic.txt"] {
        let text = prompt::render(path, &prompts, &values).unwrap();
        assert!(text.contains("Totals are wrong"), "{path}: {text}");
        assert!(text.contains("acme/shop"), "{path}: {text}");
    }
    let role = prompt::render("prompts/agents/development.md", &prompts, &json!({})).unwrap();
    assert!(role.starts_with("You are a careful software engineer"));
}

#[test]
fn a_project_replaces_what_is_shipped_and_adds_to_it() {
    let project = project(&[
        ("handlers/github-labeled.yml", "on: slack.mention\nrun: mine\n"),
        ("handlers/.draft.yaml", "nonsense"),
        ("handlers/notes.txt", "nonsense"),
        ("workflows/mine.yaml", "name: Mine\nsteps: [{name: a, type: ai_action}]\n"),
        ("prompts/a.txt", "{% include 'prompts/implement.txt' %}"),
    ]);
    let catalog = Catalog::load(Some(project.path()), &vocabulary()).unwrap();
    let named: Vec<_> = catalog.triggers.iter().filter(|trigger| trigger.id == "github-labeled").collect();
    assert_eq!((named.len(), named[0].run.as_str()), (1, "mine"));
    assert!(catalog.workflows.contains_key("mine") && catalog.workflows.contains_key("standard-development"));
    assert!(catalog.prompts.contains_key("prompts/a.txt"));
    assert_ne!(catalog.digest, shipped().digest);
}

#[test]
fn the_digest_is_that_of_what_was_read() {
    assert_eq!(shipped().digest, shipped().digest);
    let text = "name: A\nsteps: [{name: a, type: ai_action}]\n";
    let digest = |text: &str| {
        let project = project(&[("workflows/a.yaml", text)]);
        Catalog::load(Some(project.path()), &vocabulary()).unwrap().digest
    };
    assert_eq!(digest(text), digest(text));
    assert_ne!(digest(text), digest(&text.replace("name: A", "name: B")));
}

#[test]
fn what_is_known_is_not_read_again_and_anything_else_is() {
    let project = project(&[("prompts/note.txt", "One.")]);
    let origin = Origin { project: Some(project.path().to_owned()), ..Origin::default() };
    let known =
        Some(Catalog::load_from(&origin, &vocabulary()).unwrap_or_else(|faults| panic!("{faults}")).digest);
    let other = |known| Catalog::load_other(&origin, &vocabulary(), known).map(|other| other.is_some());
    assert!(!other(known).unwrap(), "its digest says that it is the same");
    assert!(other(None).unwrap(), "nothing is known");
    fs::write(project.path().join("prompts/note.txt"), "Another.").unwrap();
    assert!(other(known).unwrap());
    fs::write(project.path().join("prompts/note.txt"), b"\xff").unwrap();
    other(known).unwrap_err();
}

#[test]
fn another_file_can_take_a_workflows_place() {
    let project = project(&[("w.yaml", "name: Other\nsteps: [{name: a, type: ai_action}]\n")]);
    let replacement = Some(("standard-development".to_owned(), project.path().join("w.yaml")));
    let origin = Origin { replacement, ..Origin::default() };
    let catalog = Catalog::load_from(&origin, &vocabulary()).unwrap();
    let workflow = &catalog.workflows["standard-development"];
    assert_eq!((workflow.id.as_str(), workflow.name.as_str()), ("standard-development", "Other"));
    let origin = Origin { replacement: Some(("a".to_owned(), project.path().join("none.yaml"))), ..origin };
    let faults = Catalog::load_from(&origin, &vocabulary()).unwrap_err();
    assert!(faults.items()[0].message.contains("cannot be read"));
}

#[test]
fn workflows_may_lie_elsewhere() {
    let project = project(&[("flows/a.yaml", "name: A\nsteps: [{name: a, type: ai_action}]\n")]);
    let origin = Origin { workflows: Some(project.path().join("flows")), ..Origin::default() };
    assert!(Catalog::load_from(&origin, &vocabulary()).unwrap().workflows.contains_key("a"));
}

#[test]
fn all_faults_of_a_handler_are_shown_with_their_places() {
    let project = project(&[(
        "handlers/wrong.yaml",
        "on: github.issue.labeled\nlable: ostler\nif: \"${event.isue.title == 'x'}\"\nrun: standard-developmnt\nassignee: 7\n",
    )]);
    insta::assert_snapshot!(rendered(&project), @r#"
    error: a trigger has no key `lable`
     --> handlers/wrong.yaml:2:1
      |
    2 | lable: ostler
      | ^^^^^
      |
      = help: did you mean `label`?

    error: `event.isue` is undefined
     --> handlers/wrong.yaml:3:8
      |
    3 | if: "${event.isue.title == 'x'}"
      |        ^^^^^^^^^^^^^^^^
      |
      = help: `event` has actor, assignee, assignees_added, association, button, change, check, command, comment, fields, id, incident, kind, label, labels_added, page, payload, push, replays, repository, source, subject, task, thread, time

    error: there is no workflow `standard-developmnt`
     --> handlers/wrong.yaml:4:6
      |
    4 | run: standard-developmnt
      |      ^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `standard-development`?

    error: `assignee` takes text or a list of texts, not a number
     --> handlers/wrong.yaml:5:11
      |
    5 | assignee: 7
      |           ^
      |
      = help: put it in quotes
    "#);
}

#[test]
fn a_fault_in_one_file_hides_none_in_another() {
    let project = project(&[
        ("handlers/a.yaml", "on: [\n"),
        ("handlers/b.yaml", "on: slack.command\nrun: broken\n"),
        (
            "workflows/broken.yaml",
            "name: Broken\nsteps:\n  - {name: a, plugin: version_control, action: create_branch}\n",
        ),
        ("prompts/agents/lazy.md", "---\ntools: [slep]\n---\nYou do {{ nothing\n"),
    ]);
    fs::write(project.path().join("prompts/x.txt"), [0xff, 0xfe]).unwrap();
    insta::assert_snapshot!(rendered(&project), @r#"
    error: this is not YAML: unclosed bracket '['
     --> handlers/a.yaml:1:5
      |
    1 | on: [
      |     ^

    error: there is no tool `slep`
     --> prompts/agents/lazy.md:2:9
      |
    2 | tools: [slep]
      |         ^^^^
      |
      = help: known here: bash, read, search, edit, apply_patch, finish

    error: this prompt does not parse: unexpected end of input, expected end of variable block
     --> prompts/agents/lazy.md:4:11
      |
    4 | You do {{ nothing
      |           ^^^^^^^

    error: this file is not UTF-8 text
     --> prompts/x.txt:1:1
      |
    1 |
      | ^

    error: `create_branch` needs the input `branch`
     --> workflows/broken.yaml:3:6
      |
    3 |   - {name: a, plugin: version_control, action: create_branch}
      |      ^^^^

    error: `create_branch` needs the input `repository`
     --> workflows/broken.yaml:3:6
      |
    3 |   - {name: a, plugin: version_control, action: create_branch}
      |      ^^^^
    "#);
}
