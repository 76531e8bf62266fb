//! Vendors: one folder each, the same names in each, and named in few places.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;

use crate::paths;
use crate::source::{self, Source};

/// The modules of `plugin` that are vendors: those that have options, or send deliveries.
fn vendors(sources: &[Source]) -> BTreeSet<String> {
    let vendors = sources.iter().filter_map(|source| match source.module.as_slice() {
        [plugin, vendor, file] if plugin == "plugin" && matches!(file.as_str(), "options" | "source") => {
            Some(vendor.clone())
        }
        _ => None,
    });
    vendors.collect()
}

/// What a vendor's folder may hold: what is configured of it, how it is called and what it then says, what it
/// sends by itself, how it is set up and looked after, and one file for each capability that it serves.
const FILES: &[&str] = &[
    "options", "client", "wire", "payload", "source", "fetch", "listen", "setup", "checkup", "tracker",
    "forge", "docs", "chat", "model",
];
/// Files that come together: whoever is called has shapes of its own, and so has whoever sends deliveries.
const TOGETHER: &[(&str, &str)] = &[("client", "wire"), ("source", "payload")];
/// Formats that one vendor alone speaks.
const OWN_FORMATS: &[(&str, &str)] = &[("jira", "adf"), ("slack", "text")];

#[test]
fn vendor_folders_hold_the_same_names() {
    let sources = source::all();
    let mut broken = Vec::new();
    for vendor in vendors(&sources) {
        let files: BTreeSet<&str> = sources.iter().filter_map(|source| file_of(source, &vendor)).collect();
        let own = |file: &str| OWN_FORMATS.contains(&(vendor.as_str(), file));
        let strange = files.iter().filter(|file| !FILES.contains(file) && !own(file));
        broken
            .extend(strange.map(|file| {
                format!("src/plugin/{vendor}/{file}.rs: a vendor's folder holds only {FILES:?}")
            }));
        let lonely = TOGETHER.iter().filter(|(one, other)| files.contains(one) != files.contains(other));
        broken.extend(
            lonely.map(|(one, other)| format!("src/plugin/{vendor}: `{one}` and `{other}` come together")),
        );
    }
    crate::hold(&broken);
}

/// The name of a file, if it is one of this vendor's folder.
fn file_of<'a>(source: &'a Source, vendor: &str) -> Option<&'a str> {
    match source.module.as_slice() {
        [plugin, folder, file, ..] if plugin == "plugin" && folder == vendor => Some(file),
        _ => None,
    }
}

#[test]
fn only_the_registry_and_the_configuration_name_vendors() {
    let sources = source::all();
    let vendors = vendors(&sources);
    let mut broken = Vec::new();
    for source in &sources {
        let home = source.module.get(1).filter(|_| source.module[0] == "plugin");
        let may_name_all = source.path == "src/plugin/registry.rs"
            || source.module.first().is_some_and(|top| top == "config");
        if may_name_all {
            continue;
        }
        for mention in paths::mentions(source) {
            let named = match mention.parts.as_slice() {
                [_, plugin, vendor, ..] if plugin == "plugin" => vendors.get(vendor),
                _ => None,
            };
            let is_foreign = named.filter(|vendor| Some(*vendor) != home);
            broken.extend(is_foreign.map(|vendor| {
                source
                    .broken(mention.span, &format!("only `plugin/registry.rs` and `config` name `{vendor}`"))
            }));
        }
    }
    crate::hold(&broken);
}

/// Products by any name; `engine` and `http` know none of them.
const PRODUCTS: &[&str] = &[
    "github",
    "gitlab",
    "jira",
    "slack",
    "anthropic",
    "confluence",
    "linear",
    "notion",
    "discord",
    "sentry",
    "pagerduty",
];

#[test]
fn engine_and_http_know_no_product() {
    let mut broken = Vec::new();
    for source in source::all() {
        if !matches!(source.module.first().map(String::as_str), Some("engine" | "http")) {
            continue;
        }
        for token in source.tokens() {
            let word = match &token {
                TokenTree::Ident(word) => word.to_string(),
                TokenTree::Literal(text) => text.to_string(),
                TokenTree::Group(_) | TokenTree::Punct(_) => continue,
            };
            let word = word.to_lowercase();
            let named = PRODUCTS.iter().find(|product| word.contains(**product));
            broken.extend(
                named.map(|product| source.broken(token.span(), &format!("`{product}` is named here"))),
            );
        }
    }
    crate::hold(&broken);
}
