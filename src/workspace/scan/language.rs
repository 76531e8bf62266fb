//! Languages, by the endings of files.

use std::collections::BTreeMap;

use super::Language;
use super::base::BaseFile;

/// Languages that are named at most.
const MOST: usize = 8;

/// Languages by their endings.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("C", &["c", "h"]),
    ("C#", &["cs"]),
    ("C++", &["cc", "cpp", "cxx", "hh", "hpp"]),
    ("CSS", &["css", "less", "scss"]),
    ("Clojure", &["clj", "cljs"]),
    ("Dart", &["dart"]),
    ("Elixir", &["ex", "exs"]),
    ("Erlang", &["erl", "hrl"]),
    ("Go", &["go"]),
    ("HTML", &["htm", "html"]),
    ("Haskell", &["hs"]),
    ("Java", &["java"]),
    ("JavaScript", &["cjs", "js", "jsx", "mjs"]),
    ("Kotlin", &["kt", "kts"]),
    ("Lua", &["lua"]),
    ("OCaml", &["ml", "mli"]),
    ("Objective-C", &["m", "mm"]),
    ("PHP", &["php"]),
    ("Perl", &["pl", "pm", "t"]),
    ("Protocol Buffers", &["proto"]),
    ("Python", &["py", "pyi"]),
    ("R", &["r"]),
    ("Ruby", &["rake", "rb"]),
    ("Rust", &["rs"]),
    ("SQL", &["sql"]),
    ("Scala", &["scala"]),
    ("Shell", &["bash", "sh", "zsh"]),
    ("Svelte", &["svelte"]),
    ("Swift", &["swift"]),
    ("Terraform", &["tf"]),
    ("TypeScript", &["cts", "mts", "ts", "tsx"]),
    ("Vue", &["vue"]),
    ("Zig", &["zig"]),
];

fn language(path: &str) -> Option<&'static str> {
    let (_, ending) = path.rsplit_once('.')?;
    let ending = ending.to_lowercase();
    LANGUAGES.iter().find(|(_, endings)| endings.contains(&ending.as_str())).map(|(name, _)| *name)
}

/// The languages of these files, the one with most bytes first.
pub(super) fn shares(files: &[&BaseFile]) -> Vec<Language> {
    let mut found: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for file in files {
        let Some(name) = language(&file.path) else { continue };
        let (files, bytes) = found.entry(name).or_default();
        *files += 1;
        *bytes = bytes.saturating_add(file.bytes);
    }
    let all = found.values().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes)).max(1);
    let share = |(name, (files, bytes)): (&str, (usize, u64))| Language {
        name: name.to_owned(),
        files,
        bytes,
        percent: bytes.saturating_mul(100) / all,
    };
    let mut shares: Vec<Language> = found.into_iter().map(share).collect();
    shares.sort_by_key(|language| std::cmp::Reverse(language.bytes));
    shares.truncate(MOST);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_ranked_by_their_bytes() {
        let file = |path: &str, bytes| BaseFile { path: path.to_owned(), object: String::new(), bytes };
        let files =
            [file("a.py", 30), file("b.PY", 31), file("c.rs", 39), file("README.md", 900), file("x", 9)];
        let told: Vec<_> = shares(&files.iter().collect::<Vec<_>>())
            .into_iter()
            .map(|found| (found.name, found.files, found.percent))
            .collect();
        assert_eq!(told, [("Python".to_owned(), 2, 61), ("Rust".to_owned(), 1, 39)]);
    }
}
