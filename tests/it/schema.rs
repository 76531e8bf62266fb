//! `ostler schema`: what is right is right for editors too, and what editors mark is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use ostler::config::{self, Environment};
use ostler::plugin::registry;
use ostler::spec::Catalog;
use ostler::spec::case::Cases;
use ostler::spec::diagnostic::Source;
use ostler::spec::schema::{self, File};
use serde_json::{Value, json};

use crate::harness::ostler;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const ALL: [(File, &str); 4] =
    [(File::Workflow, "workflow"), (File::Handler, "handler"), (File::Cases, "test"), (File::Role, "role")];

fn validator(file: File) -> Validator {
    let schema = schema::of(file, &registry::vocabulary());
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{file:?}: {error}"))
}

fn parsed(text: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

fn broken(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The YAML files of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

#[test]
fn the_schemas_are_schemas_and_are_printed_and_written() {
    let place = tempfile::tempdir().unwrap();
    let written = ostler(place.path(), &["schema", "--out", "deep/schema"]);
    assert_eq!(written.code, 0, "{written:#?}");
    for (file, name) in ALL {
        let schema = schema::of(file, &registry::vocabulary());
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{name}");
        let printed = ostler(place.path(), &["schema", name]);
        assert_eq!((printed.code, printed.json()), (0, schema.clone()), "{name}");
        let file = place.path().join("deep/schema").join(format!("{name}.json"));
        assert_eq!(serde_json::from_slice::<Value>(&fs::read(file).unwrap()).unwrap(), schema);
    }
    assert_eq!(ostler(place.path(), &["schema"]).code, 2, "it has to be said whose");
}

#[test]
fn every_shipped_file_says_where_its_schema_is_and_it_is_there() {
    const FRESH: &str = "cargo run -- schema --out .ostler/schema";
    let root = Path::new(ROOT);
    let place = tempfile::tempdir().unwrap();
    ostler(place.path(), &["schema", "--out", "."]);
    let mut shipped = vec![root.join("ostler.yaml")];
    shipped.extend(["workflows", "handlers"].into_iter().flat_map(|folder| files(&root.join(folder))));
    for file in shipped {
        let text = fs::read_to_string(&file).unwrap();
        let said = text.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=");
        let kept = file.parent().unwrap().join(said.unwrap_or_else(|| panic!("{}", file.display())));
        let of = kept.file_name().unwrap();
        let same = fs::read(&kept).ok() == fs::read(place.path().join(of)).ok();
        assert!(same, "{} is not what `ostler schema` prints: {FRESH}", kept.display());
    }
}

/// Every part of a configuration.
const CONFIGURATION: &str = r#"
system: {name: o, workspace_dir: w, max_concurrent_agents: 5, max_concurrent_per_user: 4, max_backlog: 9, watch: true, status: false}
server: {listen: "127.0.0.1:8080", public_url: "https://o.example"}
store: {url: "sled://./data"}
sources:
  github: {secrets: [a], catch_up: false, repositories: [acme/shop]}
  gitlab: {signing_tokens: [a], repositories: [acme/shop]}
  jira: {secrets: [a], connect_secrets: [b], automation_tokens: [c], site: s, poll: {every: 30s}, jql: q}
  slack: {signing_secrets: [a], messages: true}
  linear: {poll: {every: 1m}, teams: [ENG]}
  confluence: {secrets: [a]}
  notion: {verification_tokens: [a], setup: true}
  discord: {public_keys: [a]}
  sentry: {secrets: [a]}
  pagerduty: {secrets: [a]}
  standard: {acme: {secrets: [a]}}
  generic: {ci: {header: X-Signature, prefix: "sha256=", secrets: [a], algorithm: sha512, encoding: base64, id: X-Id, kind: /event}}
ai_provider: {type: anthropic, model: m, api_key: k, base_url: "http://a", version: v, rate_per_second: 0.5, burst: 3, timeout: 9}
plugins:
  task_management: {provider: jira, enabled: true, options: {base_url: "http://a", email: e, api_token: t, statuses: {in_review: [R]}, types: {Bug: bug}, fields: {repository: f}}}
  version_control: {provider: github, options: {base_url: "http://a", token: t, app_id: 7, statuses: {in_review: r}, timeout: 5}}
  documentation: {provider: markdown, options: {directory: docs}}
  communication: {provider: slack, options: {token: t, default_channel: dev}}
workflows: {default: standard-development, config_dir: w}
security:
  require_approval_for_merge: true
  allow: ["jira:5b10"]
  bots: ["github:renovate[bot]"]
  sandbox: {minimum: 3, readable: [/opt], path: /bin, variables: {A: b}, network: false}
repositories: {SHOP: acme/shop}
identity: {ada: ["github:ada"]}
limits: {max_cost_per_task: 2.5, max_tokens_per_task: 10, monthly_budget: 20}
prices: {m: {input: 3, output: 15, cache_write: 3.75, cache_read: 0.3}}
"#;

/// Whether a configuration cannot be used.
fn is_refused_as_configuration(place: &Path, text: &str) -> bool {
    let file = place.join("ostler.yaml");
    fs::write(&file, text).unwrap();
    let loaded = config::load(Some(&file), &Environment::default());
    loaded.is_err() || loaded.is_ok_and(|loaded| loaded.config.vendors().is_err())
}

#[test]
fn an_editor_marks_nothing_that_is_right_in_a_configuration() {
    let schema = config::schema();
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let shipped = parsed(&fs::read_to_string(Path::new(ROOT).join("ostler.yaml")).unwrap());
    assert_eq!(broken(&schema, &shipped), Vec::<String>::new());
    let (place, value) = (tempfile::tempdir().unwrap(), parsed(CONFIGURATION));
    assert_eq!(broken(&schema, &value), Vec::<String>::new());
    assert!(!is_refused_as_configuration(place.path(), CONFIGURATION));
    let (mut marked, mut missed, mut wrong) = (0, 0, Vec::new());
    for other in changed(&value) {
        let text = other.to_string();
        match (schema.is_valid(&other), is_refused_as_configuration(place.path(), &text)) {
            (false, true) => marked += 1,
            (true, true) => missed += 1,
            (false, false) => wrong.extend(broken(&schema, &other)),
            (true, false) => {}
        }
    }
    // It is read all the same: a list for a mapping, its values in order, and a secret that there is none of.
    wrong.retain(|told| !["[]", "[7]", "null"].iter().any(|lax| told.contains(lax)));
    assert!(wrong.is_empty(), "marked, and yet right: {wrong:#?}");
    assert!(marked > 3 * missed, "{marked} marked, {missed} missed");
}

#[test]
fn everything_shipped_is_right_for_editors() {
    let (workflow, handler, cases) =
        (validator(File::Workflow), validator(File::Handler), validator(File::Cases));
    let root = Path::new(ROOT);
    let workflows =
        [root.join("workflows"), root.join("fixtures/workflows"), root.join("../shared/workflows-as-given")];
    for folder in workflows {
        if !folder.exists() {
            println!("{} is not here: its workflows are not looked at", folder.display());
            continue;
        }
        for file in files(&folder) {
            let found = broken(&workflow, &parsed(&fs::read_to_string(&file).unwrap()));
            assert!(found.is_empty(), "{}: {found:#?}", file.display());
        }
    }
    for file in files(&root.join("handlers")) {
        let schema = if file.to_str().unwrap().ends_with(".test.yaml") { &cases } else { &handler };
        let found = broken(schema, &parsed(&fs::read_to_string(&file).unwrap()));
        assert!(found.is_empty(), "{}: {found:#?}", file.display());
    }
    let role = fs::read_to_string(root.join("prompts/agents/development.md")).unwrap();
    let front = role.split("---\n").nth(1).unwrap();
    assert_eq!(broken(&validator(File::Role), &parsed(front)), Vec::<String>::new());
}

/// A workflow in which every key and every type of step stands.
const WORKFLOW: &str = r#"
name: Every key
description: d
version: "1"
timeout: 60
variables: {branch: "x/${task.id}", list: [1, 2]}
inputs:
  text: string
  size: {type: number, required: false, default: 3, description: d}
prerequisites: [{condition: "${task.status == 'todo'}", error_message: m}]
steps:
  - name: branch
    description: d
    condition: "${inputs.size > 1}"
    plugin: version_control
    action: create_branch
    inputs: {repository: "${task.repository_url}", branch_name: "${branch}"}
    outputs: {branch_url: made.url}
    on_error: retry
    retry_count: 2
    timeout: 5
  - {name: answer, type: system, action: set, inputs: {x: 1}, outputs: {x: kept}}
  - name: both
    type: parallel
    steps:
      - {name: think, type: ai_action, inputs: {task: "${task}"}, outputs: {plan: plan}}
      - {name: work, type: agent, agent: development, prompt_template: ./prompts/a.txt}
  - name: either
    type: condition
    if: "${kept == 1}"
    then: [{name: one, type: system, action: log}]
    else: [{name: other, type: wait, for: 5}]
  - name: each
    type: loop
    over: "${list}"
    as: number
    concurrency: 2
    collect: "${number}"
    steps: [{name: soon, type: wait, until: "2026-03-01T09:00:00Z"}]
    outputs: {results: all, count: n}
  - name: gate
    type: approval
    message: "Go on with ${branch}?"
    who: {role: maintain, users: [ada]}
    timeout: 60
    on_timeout: approve
    on_reject: continue
    outputs: {approved: gate.ok}
  - name: checked
    type: wait
    event: [github.check.completed]
    if: "${received.check.name == 'ci'}"
    timeout: 60
    on_timeout: continue
    outputs: {timed_out: late}
  - name: script
    type: shell
    run: "make test"
    env: {TITLE: "${task.title}"}
    network: false
    allow_failure: true
    outputs: {exit_code: ran.code}
  - {name: call, type: workflow, workflow: called, inputs: {a: x}, outputs: {b: c}}
  - name: page
    type: plugin_action
    plugin: documentation
    action: create_page_from_template
    inputs: {template_type: feature_documentation, title: t, content: "${made.url}"}
error_handling: {default_strategy: continue, step_overrides: {answer: fail}}
success_criteria: [{condition: "kept == 1", description: d}]
results: {total: "${n}"}
post_execution:
  always: [{action: cleanup}, {name: tell, plugin: communication, action: send_message, inputs: {channel: dev, message: hi}}]
  on_success: [{type: system, action: log_success}]
  on_failure: [{action: send_alert}]
"#;

const CALLED: &str = "name: C\ninputs: {a: string}\nresults: {b: 1}\nsteps: [{name: s, type: ai_action}]\n";

const HANDLER: &str = r#"
name: n
description: d
on: [github.issue.labeled, "slack.*"]
if: "${event.actor.name == 'ada'}"
label: [ostler]
assignee: bot
command: [fix]
repository: acme/*
branch: main
path: "src/**"
who: {role: write, association: [member], team: acme/a, users: [ada]}
run: called
inputs: {a: x}
concurrency: {group: g, when_busy: skip, limit: 2}
debounce: 30s
cooldown: 1m
rate: {per_actor: 5/1h, per_repository: 20/1h}
priority: high
breaker: 5/1h
"#;

const SCHEDULED: &str = r#"
description: d
triggers:
  - {name: a, on: schedule, schedule: "0 9 * * 1-5", timezone: Europe/Berlin, repository: acme/shop, run: called, inputs: {a: x}, breaker: off, concurrency: g}
"#;

const CASES: &str = r#"
standing:
  own: ["github:ostler[bot]"]
  bots: ["github:renovate[bot]"]
  repositories: {SHOP: acme/shop}
  identity: {ada: ["github:ada"]}
cases:
  - {name: a, delivery: x/y, set: {a.b: 1}, runs: [{trigger: t, workflow: w, repository: r, task: k, inputs: {a: 1}}], because: b, answer: c}
  - {name: b, delivery: x/y, nothing: {t: label}}
"#;

const ROLE: &str = "description: d\nmodel: m\ntools: [read, finish]\nlimits: {steps: 3, cost: 0.5, seconds: 60, max_output_tokens: 100}\n";

/// Whether the reader has something to say against a document, which may be written as JSON: that is YAML.
fn is_refused(file: File, text: &str) -> bool {
    let role = fs::read_to_string(Path::new(ROOT).join("prompts/agents/development.md")).unwrap();
    let mut texts = vec![
        ("prompts/a.txt", "a".to_owned()),
        ("prompts/agents/development.md", role),
        ("workflows/called.yaml", CALLED.to_owned()),
    ];
    match file {
        File::Workflow => texts.push(("workflows/w.yaml", text.to_owned())),
        File::Handler => texts.push(("handlers/h.yaml", text.to_owned())),
        File::Role => texts[1].1 = format!("---\n{text}\n---\nYou work.\n"),
        File::Cases => {
            let mut source = Source::new("handlers/h.test.yaml", text);
            drop(Cases::read(&mut source));
            return source.faults() > 0;
        }
    }
    let texts = texts.into_iter().map(|(path, text)| (path.to_owned(), text));
    Catalog::of_texts(texts, &registry::vocabulary()).is_err()
}

/// Every document that is one change away: a value that is another, a key that is gone, new, or misspelt.
fn changed(value: &Value) -> Vec<Value> {
    let mut all = vec![json!(null), json!(true), json!(-1), json!(7), json!(""), json!("text")];
    all.extend([json!([]), json!([7]), json!({}), json!({"text": 7})]);
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                all.extend(changed(item).into_iter().map(|item| {
                    let mut items = items.clone();
                    items[at] = item;
                    Value::Array(items)
                }));
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                let mut without = fields.clone();
                without.remove(key);
                let mut misspelt = without.clone();
                misspelt.insert(format!("{key}x"), field.clone());
                all.extend([Value::Object(without), Value::Object(misspelt)]);
                all.extend(changed(field).into_iter().map(|field| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), field);
                    Value::Object(fields)
                }));
            }
        }
        _ => {}
    }
    all
}

#[test]
fn an_editor_marks_nothing_that_is_right() {
    for (file, text) in [
        (File::Workflow, WORKFLOW),
        (File::Handler, HANDLER),
        (File::Handler, SCHEDULED),
        (File::Cases, CASES),
        (File::Role, ROLE),
    ] {
        let (schema, value) = (validator(file), parsed(text));
        assert_eq!(broken(&schema, &value), Vec::<String>::new(), "{file:?}");
        assert!(!is_refused(file, text), "{file:?}: the document itself is wrong");
        let (mut marked, mut missed) = (0, 0);
        for other in changed(&value) {
            let text = other.to_string();
            match (schema.is_valid(&other), is_refused(file, &text)) {
                (false, true) => marked += 1,
                (true, true) => missed += 1,
                (false, false) => panic!("{file:?}: {:#?}\n{text}", broken(&schema, &other)),
                (true, false) => {}
            }
        }
        // What only the whole project tells is not an editor's: but that is the smaller part.
        assert!(marked > 3 * missed, "{file:?}: {marked} marked, {missed} missed");
    }
}
