//! The environment that expressions and prompts are evaluated in: strict, bounded, without time or chance.

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

/// Instructions that one evaluation may take: far beyond any honest expression.
const FUEL: u64 = 200_000;
/// Nesting that one evaluation may have.
const DEPTH: usize = 64;
/// Letters that a slug may have.
const SLUG: usize = 50;

/// A strict environment with Ostler's filters.
pub(in crate::spec) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    environment.set_debug(true);
    // What is left after this is deterministic and shows nothing of the process.
    for global in ["debug", "namespace"] {
        environment.remove_global(global);
    }
    environment.add_filter("slug", |text: String| slug(&text));
    environment.add_filter("truncate", truncate);
    environment.add_filter("tojson", to_json);
    environment
}

/// Lower case, with one `-` for everything that is neither letter nor digit: fit for a branch or a file.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.chars().take(SLUG).collect::<String>().trim_end_matches('-').to_owned()
}

/// The text, or as much of it as leaves room for the mark that it was cut.
fn truncate(text: String, length: Option<usize>, end: Option<String>) -> String {
    let length = length.unwrap_or(255);
    if text.chars().count() <= length {
        return text;
    }
    let end = end.unwrap_or_else(|| "…".to_owned());
    let room = length.saturating_sub(end.chars().count());
    let mut kept: String = text.chars().take(room).collect();
    kept.push_str(&end);
    kept
}

/// Plain JSON. The one that minijinja brings escapes for HTML, which nobody here reads.
fn to_json(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, "not JSON").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_fit_for_a_branch() {
        assert_eq!(slug("github:acme/shop#12"), "github-acme-shop-12");
        assert_eq!(slug("  --Fix: the totals!  "), "fix-the-totals");
        assert_eq!(slug(&"ab ".repeat(40)).len(), 50);
        assert_eq!(slug(&format!("{} b", "a".repeat(49))), "a".repeat(49));
    }

    #[test]
    fn a_cut_text_says_that_it_was_cut() {
        assert_eq!(truncate("abcdef".to_owned(), Some(4), None), "abc…");
        assert_eq!(truncate("abcd".to_owned(), Some(4), None), "abcd");
        assert_eq!(truncate("abcdef".to_owned(), Some(1), Some("...".to_owned())), "...");
    }
}
