//! Manifests that are programs or documents: only what stands in them plainly is read.

use std::sync::LazyLock;

use regex::Regex;

use super::Asked;

/// A requirement as Python writes it: `name[extra] >= 1; marker`.
pub(super) fn requirement(line: &str) -> Option<Asked> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#@]*)"));
    let found = PATTERN.captures(line)?;
    Some((found[1].to_owned(), found[2].trim().to_owned()))
}

/// pip's lines, without its options.
pub(super) fn pip(text: &str) -> Vec<Asked> {
    text.lines().filter_map(requirement).collect()
}

/// What Go's modules require, without what only others need.
pub(super) fn go(text: &str) -> Vec<Asked> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:require\s+|\s+)([\w.-]+\.[\w.-]+/\S+|[\w.-]+\.[\w-]+)\s+(v\S+)\s*$"));
    all(&PATTERN, text)
}

/// The artifacts within Maven's dependencies and parent.
pub(super) fn maven(text: &str) -> Vec<Asked> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?s)<(?:dependency|parent)>.*?<artifactId>\s*([^<\s]+)\s*</artifactId>(?:\s*<version>\s*([^<\s]+)\s*</version>)?",
        )
    });
    let asked = PATTERN.captures_iter(text);
    asked
        .map(|found| (found[1].to_owned(), found.get(2).map_or("", |version| version.as_str()).to_owned()))
        .collect()
}

/// Gradle's coordinates: `implementation("group:artifact:1")`, by the artifact.
pub(super) fn gradle(text: &str) -> Vec<Asked> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"['"][\w.-]+:([\w.-]+)(?::([\w.+-]+))?['"]"#));
    let asked = PATTERN.captures_iter(text);
    asked
        .map(|found| (found[1].to_owned(), found.get(2).map_or("", |version| version.as_str()).to_owned()))
        .collect()
}

/// Bundler's gems.
pub(super) fn gems(text: &str) -> Vec<Asked> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"^\s*gem\s*\(?\s*['"]([^'"]+)['"](?:\s*,\s*['"]([^'"]+)['"])?"#));
    all(&PATTERN, text)
}

/// NuGet's package references.
pub(super) fn nuget(text: &str) -> Vec<Asked> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"<PackageReference\s+Include="([^"]+)"(?:\s+Version="([^"]+)")?"#));
    all(&PATTERN, text)
}

/// What a pattern finds, line by line: a name, and perhaps a version.
fn all(pattern: &Regex, text: &str) -> Vec<Asked> {
    let found = text.lines().filter_map(|line| pattern.captures(line));
    let asked = found
        .map(|found| (found[1].to_owned(), found.get(2).map_or("", |version| version.as_str()).to_owned()));
    asked.collect()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is constant and tested")
}
