//! The short form of fuzzing: every target of `fuzz/` over its kept corpus, over what the project's own files
//! give it to begin with, and over some thousand changes of those. `OSTLER_FUZZ` says how many for each
//! target; a failing input is printed and written to a file that can be kept in the corpus.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on stops where it is, and says what it met"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ostler::plugin::fixture::Fixture;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

#[path = "../fuzz/targets.rs"]
#[expect(unreachable_pub, reason = "libFuzzer's programs have it as a library")]
mod targets;

/// A target: it takes whatever bytes there are.
type Target = fn(&[u8]);

/// All targets by name.
const TARGETS: [(&str, Target); 6] = [
    ("signature", targets::signature),
    ("decode", targets::decode),
    ("command", targets::command),
    ("catalog", targets::catalog),
    ("config", targets::config),
    ("expression", targets::expression),
];

/// Changes tried for each target unless `OSTLER_FUZZ` says otherwise.
const CHANGES: u32 = 2_000;

/// What is put between, besides arbitrary bytes: what the formats give a meaning to.
const TELLING: [&[u8]; 30] = [
    b"\n\n",
    b": ",
    b"\"",
    b"{",
    b"}",
    b"[[[[[[[[",
    b"null",
    b"-1",
    b"1e999",
    b"9223372036854775808",
    b"\\u0000",
    b"\xff\xfe",
    b"${",
    b"}}",
    b"{%",
    b"| default(",
    b" | map(\"",
    b" is not in [",
    b" ~ ",
    b" < ",
    b"event.time | dateadd(\"",
    b"coalesce(event.",
    b"'",
    b"&a [*a]",
    b"<<: *a",
    b"!!binary",
    b"/ostler ",
    b"```",
    b"--",
    b"=",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The kept deliveries as the requests that targets read.
fn requests() -> Vec<Vec<u8>> {
    let folder = root().join("fixtures/deliveries");
    let request = |path: PathBuf| {
        let source = path.strip_prefix(&folder).unwrap().iter().next().unwrap().to_str().unwrap().to_owned();
        let delivery = Fixture::read(&fs::read_to_string(&path).unwrap()).unwrap().delivery().unwrap();
        let mut text = format!("/{source}/{}", delivery.surface).trim_end_matches('/').as_bytes().to_vec();
        for (name, value) in &delivery.headers {
            text.extend([b"\n", name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
        }
        [&text[..], b"\n\n", &delivery.body].concat()
    };
    files(&folder).into_iter().map(request).collect()
}

/// The expressions of the document that has every filter, test and function.
fn examples() -> Vec<Vec<u8>> {
    let document = fs::read_to_string(root().join("docs/expressions.md")).unwrap().replace("\\|", "|");
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let code = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    code.map(|expression| format!("${{{expression}}}").into_bytes()).collect()
}

/// What a target begins with.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts = |folders: &[&str]| -> Vec<Vec<u8>> {
        let paths = folders.iter().flat_map(|folder| files(&root().join(folder)));
        paths.map(|path| fs::read(path).unwrap()).collect()
    };
    let own = match target {
        "signature" | "decode" => requests(),
        "catalog" => texts(&["handlers", "workflows", "prompts", "fixtures/workflows"]),
        "config" => {
            texts(&["plugins"]).into_iter().chain([fs::read(root().join("ostler.yaml")).unwrap()]).collect()
        }
        "expression" => examples(),
        _ => Vec::new(),
    };
    let kept = texts(&[&format!("fuzz/corpus/{target}")]);
    assert!(!kept.is_empty(), "{target}: no corpus is kept");
    own.into_iter().chain(kept).collect()
}

/// A change of a text: a piece goes, another comes.
fn change() -> impl Strategy<Value = (Index, Index, usize, Vec<u8>)> {
    let telling = any::<Index>().prop_map(|which| which.get(&TELLING).to_vec());
    let piece = prop_oneof![telling, prop::collection::vec(any::<u8>(), 0..12)];
    (any::<Index>(), any::<Index>(), 0..40_usize, piece)
}

fn apply(mut text: Vec<u8>, changes: Vec<(Index, Index, usize, Vec<u8>)>) -> Vec<u8> {
    for (at, _, goes, comes) in changes {
        let at = at.index(text.len() + 1);
        let end = (at + goes).min(text.len());
        text.splice(at..end, comes);
    }
    text
}

fn survives(name: &str, target: Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let file = std::env::temp_dir().join(format!("ostler-fuzz-{name}"));
        fs::write(&file, input).unwrap();
        println!("{name}: the input is kept in {}", file.display());
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn no_target_is_brought_down() {
    #[expect(clippy::disallowed_methods, reason = "a test says itself how long it is")]
    let cases = std::env::var("OSTLER_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(CHANGES);
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        for seed in &seeds {
            survives(name, target, seed);
        }
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        let changed = (any::<Index>(), prop::collection::vec(change(), 1..6));
        let ran = TestRunner::new(config).run(&changed, |(seed, changes)| {
            survives(name, target, &apply(seed.get(&seeds).clone(), changes));
            Ok(())
        });
        if let Err(error) = ran {
            panic!("{name}: {error}");
        }
    }
}
