//! The corpus of mistakes: `fixtures/broken/` holds a small file for each, where it would stand in a project, and beside
//! it what is told of it. Whoever changes a message reads there how it reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::plugin::registry;
use crate::spec::Catalog;
use crate::spec::diagnostic::{Diagnostic, Diagnostics};

/// The files of a folder, by their paths from it; those that tell what is told are none.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains(".snap") && !name.ends_with(".test.yaml") {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn corpus() -> PathBuf {
    root().join("fixtures/broken")
}

/// What is told of these files in a project that is shipped besides.
fn told(broken: &BTreeMap<String, String>) -> Diagnostics {
    let shipped = ["handlers", "workflows", "prompts"].into_iter().flat_map(|folder| {
        files(&root().join(folder)).into_iter().map(move |(name, text)| (format!("{folder}/{name}"), text))
    });
    let texts = shipped.chain(broken.clone());
    Catalog::of_texts(texts, &registry::vocabulary()).err().unwrap_or_default()
}

/// What is told of each mistake where there is no other.
static ALONE: LazyLock<BTreeMap<String, Diagnostics>> = LazyLock::new(|| {
    let alone = |(name, text): (String, String)| (name.clone(), told(&BTreeMap::from([(name, text)])));
    files(&corpus()).into_iter().map(alone).collect()
});

#[test]
fn every_mistake_is_told_where_it_is_and_as_people_read_it() {
    assert!(ALONE.len() > 80, "{} mistakes", ALONE.len());
    for (name, faults) in &*ALONE {
        assert!(faults.items().iter().all(|fault| fault.file == *name), "{name}: {faults}");
        let kept = corpus().join(name);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(kept.parent().unwrap());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let stem = kept.file_name().unwrap().to_str().unwrap().to_owned();
        settings.bind(|| insta::assert_snapshot!(stem, faults.render(false)));
    }
}

#[test]
fn a_mistake_is_told_of_once() {
    let counts = ALONE.iter().map(|(name, faults)| (name, faults.items().len()));
    let several: Vec<_> = counts.filter(|(_, count)| *count != 1).collect();
    assert!(several.is_empty(), "{several:#?}");
}

#[test]
fn no_mistake_hides_another() {
    let place = |fault: &Diagnostic| (fault.file.clone(), fault.line, fault.column);
    let mut alone: Vec<_> = ALONE.values().flat_map(Diagnostics::items).map(place).collect();
    alone.sort();
    let together: Vec<_> = told(&files(&corpus())).items().iter().map(place).collect();
    assert_eq!(together, alone);
}
