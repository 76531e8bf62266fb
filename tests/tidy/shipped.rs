//! What is shipped beside the code: every file of it can be read by the part that it is for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ostler::clock::{Clock, SystemClock};
use ostler::config::{self, Environment};
use ostler::event::{PayloadRef, SourceName, Stamp};
use ostler::id::EventId;
use ostler::plugin::fixture::Fixture;
use ostler::plugin::registry::{self, Registry};
use ostler::plugin::source::{Delivery, Source};
use ostler::spec::Catalog;
use ostler::spec::case::ENDING;
use ostler::twin;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::source;

#[test]
fn handlers_workflows_prompts_and_roles_are_right_together() {
    let catalog = Catalog::load(Some(source::root()), &registry::vocabulary());
    let catalog = catalog.unwrap_or_else(|faults| panic!("\n{}", faults.render(false)));
    let written = |file: &&PathBuf| !file.to_str().unwrap().ends_with(ENDING);
    let shipped = |folder: &str| files(&source::root().join(folder)).iter().filter(written).count();
    // A file may hold several triggers, each named after it.
    let stems: BTreeSet<_> = catalog.triggers.iter().map(|trigger| trigger.id.split('/').next()).collect();
    assert_eq!(stems.len(), shipped("handlers"));
    assert_eq!(catalog.workflows.len(), shipped("workflows"));
    assert_eq!(catalog.prompts.len(), shipped("prompts"));
    assert_eq!(catalog.roles.len(), shipped("prompts/agents"));
}

#[test]
fn every_shipped_handler_has_cases() {
    let handlers = files(&source::root().join("handlers"));
    let is_case = |file: &Path| file.to_str().unwrap().ends_with(ENDING);
    let broken: Vec<String> = handlers
        .iter()
        .filter(|file| !is_case(file))
        .filter(|file| !handlers.contains(&file.with_extension("test.yaml")))
        .map(|file| format!("{}: no case of `ostler test` stands beside it", file.display()))
        .collect();
    crate::hold(&broken);
}

#[test]
fn the_configurations_load_and_vendors_take_their_options() {
    for file in ["ostler.yaml", "fixtures/twins.yaml"] {
        let loaded = config::load(Some(&source::root().join(file)), &Environment::default());
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        loaded.config.vendors().unwrap_or_else(|error| panic!("{file}: {error}"));
        // A file that switches everything off would load too.
        assert!(loaded.config.bindings().len() > 1, "{file} binds hardly anything");
    }
}

#[tokio::test]
async fn every_kept_delivery_is_understood_by_its_source() {
    let registry = registry();
    let mut broken = Vec::new();
    for file in files(&source::root().join("fixtures/deliveries")) {
        let name = file.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let Some(source) = registry.sources.get(&SourceName::new(name)) else {
            broken.push(format!("{}: there is no source `{name}`", file.display()));
            continue;
        };
        let understood = fixture(&file).and_then(|delivery| understand(source.as_ref(), &delivery));
        broken.extend(understood.err().map(|why| format!("{}: {why}", file.display())));
    }
    crate::hold(&broken);
}

/// All sources, each with a secret, so that none is off.
fn registry() -> Registry {
    let options = json!({"sources": {
        "github": {"secrets": ["s"]}, "jira": {"secrets": ["s"]}, "slack": {"signing_secrets": ["s"]},
        "standard": {"acme": {"secrets": ["whsec_czEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="]}},
        "confluence": {"secrets": ["s"]}, "notion": {"verification_tokens": ["s"]},
        "sentry": {"secrets": ["s"]}, "pagerduty": {"secrets": ["s"]},
        "discord": {"public_keys": ["03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"]},
        "generic": {"ci": {"header": "X-Signature", "secrets": ["s"]}},
        "gitlab": {"secrets": ["s"]}, "linear": {"secrets": ["s"]},
    }});
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Registry::build(serde_json::from_value(options).unwrap(), &clock).unwrap()
}

fn fixture(file: &Path) -> Result<Delivery, String> {
    let text = fs::read_to_string(file).unwrap();
    let fixture = Fixture::read(&text).map_err(|error| error.to_string())?;
    fixture.delivery().map_err(|error| error.to_string())
}

fn understand(source: &dyn Source, delivery: &Delivery) -> Result<(), String> {
    if !delivery.surface.is_empty() && !source.surfaces().contains(&delivery.surface.as_str()) {
        return Err(format!("the source has no surface `{}`", delivery.surface));
    }
    if source.courtesy(delivery).is_some() {
        return Ok(());
    }
    let received_at = "2026-11-21T08:00:00Z".parse().unwrap();
    let payload = PayloadRef::to(&delivery.body);
    let stamp = Stamp { id: EventId::at(received_at), source: source.name(), received_at, payload };
    source.decode(delivery, &stamp).map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_twins_world_begins() {
    // The world, its repositories and the model's scripts are read when the twins start, all of them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = twin::Options::new("http://127.0.0.1:9".parse().unwrap(), Arc::new(SystemClock));
    let stop = CancellationToken::new();
    let twins = twin::serve(listener, options, stop.clone()).await.unwrap();
    stop.cancel();
    twins.stopped().await;
}

#[test]
fn every_fixture_is_somebodys() {
    let sources: Vec<String> = rust_files().iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let world = fs::read_to_string(source::root().join("fixtures/world.yaml")).unwrap();
    let stories = files(&source::root().join("tests/it"));
    let stories: Vec<String> = stories.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    let mut broken = Vec::new();
    for file in files(&source::root().join("fixtures")) {
        let path = file.strip_prefix(source::root()).unwrap().to_str().unwrap();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let is_known = match parts.as_slice() {
            // Those above read these whole folders.
            ["deliveries", _, file] => has_ending(file, "json"),
            // `cli/check/corpus.rs` reads the whole folder.
            ["broken", ..] => true,
            // `cli/bench/task.rs` reads the whole folder.
            ["tasks", ..] => true,
            ["models", file] => has_ending(file, "yaml"),
            ["repositories", folder, ..] => {
                folder.split(['@', '/']).next().is_some_and(|name| world.contains(name))
            }
            ["workflows", file] => stories.iter().any(|story| story.contains(file)),
            // A file by itself is named where it is read.
            _ => sources.iter().any(|text| text.contains(path)),
        };
        if !is_known {
            broken.push(format!("{path}: no test and no code reads this file"));
        }
    }
    crate::hold(&broken);
}

fn has_ending(file: &str, ending: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == ending)
}

fn rust_files() -> Vec<PathBuf> {
    let mut all = files(&source::root().join("src"));
    all.retain(|file| has_ending(file.to_str().unwrap(), "rs"));
    all
}

/// Every file under a folder, in the order of their paths.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    source::collect(folder, &mut files);
    files.sort();
    files
}
