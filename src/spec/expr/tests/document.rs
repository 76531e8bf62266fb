//! `docs/expressions.md` says what is so: every example gives what stands beside it, and every word has its row.

use std::collections::BTreeSet;

use super::*;
use crate::spec::expr::functions::words;
use crate::spec::expr::word::{Role, Word};

const DOCUMENT: &str = include_str!("../../../../docs/expressions.md");

/// A row of a table of examples.
struct Row {
    word: String,
    example: String,
    gives: String,
}

/// The cells of a table's row, as they read once Markdown is done with them.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?.replace("\\|", "\u{1}");
    Some(inner.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect())
}

/// What is within the quotes of code.
fn code(cell: &str) -> &str {
    let quote = if cell.starts_with("``") { "``" } else { "`" };
    cell.strip_prefix(quote).and_then(|cell| cell.strip_suffix(quote)).unwrap_or(cell).trim()
}

fn rows() -> Vec<Row> {
    let lines = DOCUMENT.lines().filter_map(cells).filter(|cells| cells.len() == 4);
    let examples = lines.filter(|cells| cells[2] != "example" && !cells[2].starts_with("---"));
    examples
        .map(|cells| Row {
            word: code(&cells[0]).to_owned(),
            example: code(&cells[2]).to_owned(),
            gives: cells[3].clone(),
        })
        .collect()
}

fn fenced(language: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("\n```").unwrap().0
}

fn documented() -> Map<String, Value> {
    serde_json::from_str(fenced("json")).unwrap()
}

#[test]
fn every_example_gives_what_the_document_says() {
    let names = documented();
    let mut wrong = Vec::new();
    for row in rows() {
        let given = match render(&json!(format!("${{{}}}", row.example)), &names) {
            Ok(value) => value.to_string(),
            Err(error) => format!("error: {}", error.message),
        };
        let told = match row.gives.strip_prefix("error: ") {
            Some(_) => row.gives.clone(),
            None => serde_json::from_str(code(&row.gives))
                .map_or(row.gives.clone(), |value: Value| value.to_string()),
        };
        if given != told {
            wrong.push(format!("{}\n   gives {given}\n   not   {told}", row.example));
        }
    }
    assert!(rows().len() > 150, "{} examples were found", rows().len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_first_example_is_true_as_well() {
    let names = documented();
    let example: Value = serde_saphyr::from_str(fenced("yaml")).unwrap();
    let inputs = json!({
        "branch_name": "feature/shop-7-totals-are-wrong",
        "labels": ["bug", "ui"],
        "reviewers": [],
    });
    assert_eq!(render(&example["inputs"], &names).unwrap(), inputs);
    assert!(test(example["condition"].as_str().unwrap(), &names).unwrap());
}

/// A word as the document spells it, without the values that it takes where none are given.
fn undressed(spelled: &str) -> String {
    let Some((name, takes)) = spelled.split_once('(') else { return spelled.to_owned() };
    let takes =
        takes.trim_end_matches(')').split(", ").map(|take| take.split('=').next().unwrap_or_default());
    format!("{name}({})", takes.collect::<Vec<_>>().join(", "))
}

#[test]
fn every_word_has_a_row_and_every_row_a_word() {
    let is_word = |word: &String| word.starts_with("| ") || word.starts_with("is ") || word.ends_with(')');
    let told: BTreeSet<String> =
        rows().into_iter().map(|row| row.word).filter(is_word).map(|word| undressed(&word)).collect();
    let offered: BTreeSet<String> = words().map(Word::spelled).collect();
    let missing: Vec<_> = offered.difference(&told).collect();
    let strange: Vec<_> = told.difference(&offered).collect();
    assert!(missing.is_empty() && strange.is_empty(), "no row: {missing:?}\nno word: {strange:?}");
}

#[test]
fn the_environment_has_the_words_and_no_others() {
    let environment = environment();
    let functions: BTreeSet<&str> = environment.globals().map(|(name, _)| name).collect();
    let known = |role| words().filter(move |word| word.role == role).map(|word| word.name);
    assert_eq!(functions, known(Role::Function).collect());
    // An environment does not list its filters and tests; these are minijinja's own that are left out.
    let mut state = environment.empty_state();
    for name in ["safe", "escape", "e", "count", "d", "attr", "list", "dictsort", "chain", "slice", "pprint"]
    {
        let error = state.apply_filter(name, &[]).unwrap_err();
        assert_eq!(error.kind(), minijinja::ErrorKind::UnknownFilter, "{name}");
    }
    for name in ["safe", "escaped", "filter", "test", "sameas", "==", "equalto", "iterable", "startingwith"] {
        let error = state.perform_test(name, &[]).unwrap_err();
        assert_eq!(error.kind(), minijinja::ErrorKind::UnknownTest, "{name}");
    }
    for word in words().filter(|word| word.role != Role::Function) {
        let given = match word.role {
            Role::Filter => state.apply_filter(word.name, &[]).map(drop),
            _ => state.perform_test(word.name, &[]).map(drop),
        };
        let kind = given.err().map(|error| error.kind());
        let unknown = [minijinja::ErrorKind::UnknownFilter, minijinja::ErrorKind::UnknownTest];
        assert!(!kind.is_some_and(|kind| unknown.contains(&kind)), "{}", word.spelled());
    }
}
