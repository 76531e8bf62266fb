//! Manifests that are TOML or JSON.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{Asked, lines};

/// Cargo's tables, the workspace's among them.
pub(super) fn cargo(text: &str) -> Vec<Asked> {
    let Ok(manifest) = text.parse::<Table>() else { return Vec::new() };
    let workspace = manifest.get("workspace").and_then(Value::as_table);
    let of = |table: &Table| {
        let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
        tables.into_iter().flat_map(|name| entries(table.get(name))).collect::<Vec<_>>()
    };
    of(&manifest).into_iter().chain(workspace.map(of).unwrap_or_default()).collect()
}

/// The standard's lists, and Poetry's tables.
pub(super) fn python(text: &str) -> Vec<Asked> {
    let Ok(manifest) = text.parse::<Table>() else { return Vec::new() };
    let project = manifest.get("project");
    let poetry = manifest.get("tool").and_then(|tool| tool.get("poetry"));
    let mut asked = listed(project.and_then(|project| project.get("dependencies")));
    let groups =
        [project.and_then(|project| project.get("optional-dependencies")), manifest.get("dependency-groups")];
    for group in groups.into_iter().flatten().filter_map(Value::as_table).flat_map(Table::values) {
        asked.extend(listed(Some(group)));
    }
    if let Some(poetry) = poetry {
        asked.extend(entries(poetry.get("dependencies")));
        asked.extend(entries(poetry.get("dev-dependencies")));
        let groups = poetry.get("group").and_then(Value::as_table).into_iter().flat_map(Table::values);
        asked.extend(groups.flat_map(|group| entries(group.get("dependencies"))));
    }
    asked.retain(|(name, _)| name != "python");
    asked
}

/// npm's maps.
pub(super) fn npm(text: &str) -> Vec<Asked> {
    maps(text, &["dependencies", "devDependencies", "peerDependencies"])
}

/// Composer's maps, without the platform itself.
pub(super) fn composer(text: &str) -> Vec<Asked> {
    let mut asked = maps(text, &["require", "require-dev"]);
    asked.retain(|(name, _)| name.contains('/'));
    asked
}

/// `name = "1"` and `name = { version = "1" }`.
fn entries(table: Option<&Value>) -> Vec<Asked> {
    let version = |value: &Value| {
        let version = value.as_str().or_else(|| value.get("version")?.as_str());
        version.unwrap_or_default().to_owned()
    };
    let table = table.and_then(Value::as_table).into_iter().flatten();
    table.map(|(name, value)| (name.clone(), version(value))).collect()
}

/// `["name>=1", …]`.
fn listed(list: Option<&Value>) -> Vec<Asked> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).filter_map(lines::requirement).collect()
}

fn maps(text: &str, names: &[&str]) -> Vec<Asked> {
    let Ok(manifest) = serde_json::from_str::<Json>(text) else { return Vec::new() };
    let maps = names.iter().filter_map(|name| manifest.get(name)?.as_object());
    let asked =
        |(name, version): (&String, &Json)| (name.clone(), version.as_str().unwrap_or_default().to_owned());
    maps.flatten().map(asked).collect()
}
