//! What may never be linked: a second TLS stack, a second HTTP client.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Packages of which exactly one version is linked.
const ONE: &[&str] = &["reqwest", "hyper", "rustls", "aws-lc-rs"];
/// Packages of which none is.
const NONE: &[&str] = &["ring", "openssl-sys", "native-tls"];

#[test]
fn one_client_and_one_tls_stack_are_linked() {
    let metadata = metadata();
    let linked = linked(&metadata);
    let count = |name: &str| linked.iter().filter(|(linked, _)| linked == name).count();
    for name in ONE {
        assert_eq!(count(name), 1, "exactly one version of `{name}` is linked: {linked:?}");
    }
    for name in NONE {
        assert_eq!(count(name), 0, "`{name}` is never linked; ask `cargo tree --invert {name}` who wants it");
    }
}

/// What cargo knows of the dependencies on this host; without asking the network where that is enough.
fn metadata() -> Value {
    let host = host();
    let ask = |network: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--format-version", "1", "--filter-platform", &host]).args(network);
        cargo.current_dir(crate::source::root()).output().unwrap()
    };
    let offline = ask(&["--offline"]);
    let answer = if offline.status.success() { offline } else { ask(&[]) };
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).unwrap()
}

fn host() -> String {
    let version = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// Name and version of every package that ostler's normal dependencies lead to.
fn linked(metadata: &Value) -> BTreeSet<(String, String)> {
    let by_id = |value| list(value).map(|item| (text(&item["id"]), item)).collect::<BTreeMap<_, _>>();
    let (nodes, packages) = (by_id(&metadata["resolve"]["nodes"]), by_id(&metadata["packages"]));
    let mut linked = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut next = vec![text(&metadata["resolve"]["root"])];
    while let Some(id) = next.pop() {
        let (node, package) = (nodes[&id], packages[&id]);
        if seen.insert(id) {
            linked.insert((text(&package["name"]), text(&package["version"])));
            let normal = list(&node["deps"]).filter(|dependency| is_normal(dependency));
            let enabled = normal.filter(|dependency| {
                let name = text(&packages[&text(&dependency["pkg"])]["name"]);
                is_enabled(node, package, &name)
            });
            next.extend(enabled.map(|dependency| text(&dependency["pkg"])));
        }
    }
    linked
}

fn is_normal(dependency: &Value) -> bool {
    list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null())
}

/// Whether a dependency is there at all: the graph also lists optional ones that are only spoken of, as
/// `ring?/std` speaks of `ring`.
fn is_enabled(node: &Value, package: &Value, name: &str) -> bool {
    let declared = || list(&package["dependencies"]).filter(|dependency| dependency["name"] == name);
    if declared().any(|dependency| dependency["optional"] == false) {
        return true;
    }
    let names: Vec<_> =
        declared().map(|dependency| dependency["rename"].as_str().unwrap_or(name).to_owned()).collect();
    let active =
        list(&node["features"]).flat_map(|feature| list(&package["features"][feature.as_str().unwrap()]));
    let active: Vec<_> = active.map(text).collect();
    names.iter().any(|name| {
        let (dependency, with_feature) = (format!("dep:{name}"), format!("{name}/"));
        active.iter().any(|active| *active == dependency || active.starts_with(&with_feature))
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}
