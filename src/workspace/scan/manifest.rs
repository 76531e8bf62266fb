//! What manifests ask for.

mod lines;
mod tables;

use super::Dependency;

/// A name and the version that is asked for, as a manifest has them.
type Asked = (String, String);
/// Reads what a manifest asks for; nothing where it cannot be read.
type Read = fn(&str) -> Vec<Asked>;

/// Bytes of a requirement that is kept.
const REQUIREMENT: usize = 40;
/// Dependencies that are kept.
const MOST: usize = 400;

/// How a manifest is read, by its name.
fn reader(path: &str) -> Option<Read> {
    let name = path.rsplit('/').next().unwrap_or(path);
    Some(match name {
        "Cargo.toml" => tables::cargo,
        "pyproject.toml" => tables::python,
        "package.json" => tables::npm,
        "composer.json" => tables::composer,
        "go.mod" => lines::go,
        "pom.xml" => lines::maven,
        "build.gradle" | "build.gradle.kts" => lines::gradle,
        "Gemfile" => lines::gems,
        _ if name.starts_with("requirements") && name.ends_with(".txt") => lines::pip,
        _ if name.ends_with(".csproj") => lines::nuget,
        _ => return None,
    })
}

/// Whether a file says what the repository stands on.
pub(super) fn is_manifest(path: &str) -> bool {
    reader(path).is_some()
}

/// What all manifests ask for, in their order, each name once a manifest.
pub(super) fn dependencies(texts: &[(String, String)]) -> Vec<Dependency> {
    let mut all = Vec::new();
    for (manifest, text) in texts {
        let mut asked = reader(manifest).map(|read| read(text)).unwrap_or_default();
        asked.sort();
        asked.dedup_by(|a, b| a.0 == b.0);
        let named = asked.into_iter().filter(|(name, _)| is_name(name));
        all.extend(named.map(|(name, requirement)| Dependency {
            name,
            requirement: version(&requirement),
            manifest: manifest.clone(),
        }));
    }
    all.truncate(MOST);
    all
}

/// Whether it can be a name: a manifest may be written by anybody, and what it says is shown to models.
fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "@/._-:".contains(c);
    !name.is_empty() && name.len() <= 120 && name.chars().all(is_letter)
}

/// A requirement that is a version or a range of versions; of all others, addresses with a key in them among them,
/// nothing is told.
fn version(requirement: &str) -> String {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || ".*^~<>=!, +-|".contains(c);
    let requirement = requirement.trim();
    let is_version = requirement.len() <= REQUIREMENT
        && requirement.chars().all(is_letter)
        && (requirement == "*" || requirement.contains(|c: char| c.is_ascii_digit()));
    if is_version { requirement.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests;
