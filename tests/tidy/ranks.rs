//! Who may import whom: only downwards, never sideways, and so never in a circle.

use crate::paths::{self, Mention};
use crate::source::{self, Source};

/// The top-level modules by rank.
const RANKS: &[&[&str]] = &[
    &["id", "clock", "money", "failpoint"],
    &["event"],
    &["spec"],
    &["router", "run"],
    &["plugin", "store"],
    &["ledger", "workspace"],
    &["agent", "ingress"],
    &["step"],
    &["engine"],
    &["http", "twin"],
    &["config"],
    &["app"],
    &["cli"],
    &["main"],
];

/// What pure modules never do: no I/O, no clock, no runtime.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "crate::clock",
    "crate::failpoint",
    "tokio",
    "tokio_util",
    "futures_util",
    "reqwest",
    "axum",
    "hyper",
    "octocrab",
    "slack_morphism",
    "sled",
    "tempfile",
];

/// What `spec` never does: files are read in one place of it.
const SPEC_NEVER: &[&str] =
    &["std::net", "std::process", "tokio", "tokio_util", "futures_util", "reqwest", "axum"];

/// What a module never names, beyond its rank.
const NEVER: &[(&str, &[&str])] = &[
    ("event", IMPURE),
    ("spec", SPEC_NEVER),
    ("router", IMPURE),
    ("run", IMPURE),
    ("plugin", &["axum", "sled"]),
    ("store", &["axum", "reqwest"]),
    ("ledger", &["axum"]),
    ("workspace", &["axum"]),
    ("agent", &["axum", "reqwest"]),
    ("ingress", &["axum"]),
    ("step", &["axum", "reqwest", "crate::store", "crate::http"]),
];

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|rank| rank.contains(&module))
}

#[test]
fn modules_import_only_downwards() {
    let mut broken = Vec::new();
    for source in source::all() {
        let Some(own) = source.module.first() else { continue };
        let Some(own_rank) = rank(own) else {
            broken.push(format!("{}: the top-level module `{own}` has no rank", source.path));
            continue;
        };
        for mention in paths::mentions(&source) {
            broken.extend(check(&source, own, own_rank, &mention));
        }
    }
    crate::hold(&broken);
}

fn check(source: &Source, own: &str, own_rank: usize, mention: &Mention) -> Option<String> {
    let other = mention.top()?;
    // A macro of the crate's root, or a glob over all of it, is no module.
    let other_rank = rank(other)?;
    let is_allowed = other == own || other_rank < own_rank;
    let rule = || format!("`{own}` (rank {own_rank}) may not import `{other}` (rank {other_rank})");
    (!is_allowed).then(|| source.broken(mention.span, &rule()))
}

#[test]
fn modules_never_name_what_is_not_theirs() {
    let mut broken = Vec::new();
    for source in source::all() {
        let Some(own) = source.module.first() else { continue };
        let never = NEVER.iter().filter(|(module, _)| module == own).flat_map(|(_, never)| *never);
        let mut never: Vec<_> = never.copied().collect();
        if own == "spec" && source.path != "src/spec/catalog.rs" {
            never.push("std::fs");
        }
        for mention in paths::mentions(&source) {
            let named = never.iter().find(|prefix| mention.begins_with(prefix));
            broken.extend(
                named.map(|prefix| source.broken(mention.span, &format!("`{own}` never names `{prefix}`"))),
            );
        }
    }
    crate::hold(&broken);
}

#[test]
fn every_module_of_the_library_has_a_rank() {
    let root = source::all().into_iter().find(|source| source.module.is_empty()).unwrap();
    let declared = root.file.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) => Some(module.ident.to_string()),
        _ => None,
    });
    let unranked: Vec<_> = declared.filter(|module| rank(module).is_none()).collect();
    assert_eq!(unranked, Vec::<String>::new());
}
