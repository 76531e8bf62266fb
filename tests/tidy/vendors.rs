//! Vendors: one folder each, the same names in each, and named in few places.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;

use crate::paths;
use crate::source::{self, Source};

/// The modules of `plugin` that are vendors: those that have options.
fn vendors(sources: &[Source]) -> BTreeSet<String> {
    let options = sources.iter().filter_map(|source| match source.module.as_slice() {
        [plugin, vendor, file] if plugin == "plugin" && file == "options" => Some(vendor.clone()),
        _ => None,
    });
    options.collect()
}

/// What a vendor's folder may hold: how it is set up, how it is called, what it says, and one file for each
/// capability that it serves.
const FILES: &[&str] =
    &["options", "client", "wire", "source", "tracker", "forge", "docs", "chat", "model", "monitor"];
/// Formats that one vendor alone speaks.
const OWN_FORMATS: &[(&str, &str)] = &[("jira", "adf")];

#[test]
fn vendor_folders_hold_the_same_names() {
    let sources = source::all();
    let vendors = vendors(&sources);
    let strange = sources.iter().filter(|source| match source.module.as_slice() {
        [plugin, vendor, file, ..] if plugin == "plugin" && vendors.contains(vendor) => {
            let own = OWN_FORMATS.contains(&(vendor.as_str(), file.as_str()));
            !own && !FILES.contains(&file.as_str())
        }
        _ => false,
    });
    let rule = format!("a vendor's folder holds only {FILES:?}");
    let broken: Vec<_> = strange.map(|source| format!("{}: {rule}", source.path)).collect();
    crate::hold(&broken);
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
const PRODUCTS: &[&str] = &["github", "gitlab", "jira", "slack", "anthropic", "confluence"];

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
