//! Where a template has expressions, and which filters and tests they name that are not there.

use std::ops::Range;

use super::names;
use super::tokens::{Token, each};

/// The filters and tests that are not there, with their places in the template and what to say of each.
pub(in crate::spec) fn unknown_words(template: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = template[at..].find('{').map(|open| at + open) {
        let inside = open + 2;
        at = match template[open..].get(1..2) {
            Some("#") => end_of(template, inside, "#}"),
            Some("{" | "%") => {
                let (tokens, end) = tag(&template[inside..]);
                let unknown = names::unknown(&tokens).into_iter();
                found.extend(
                    unknown
                        .map(|(start, length, message)| (inside + start..inside + start + length, message)),
                );
                let is_raw = tokens
                    .iter()
                    .find(|token| !token.is_any(&["-", "+"]))
                    .is_some_and(|token| token.is("raw"));
                if is_raw { end_of(template, inside + end, "endraw") } else { inside + end }
            }
            _ => open + 1,
        };
    }
    found
}

fn end_of(template: &str, from: usize, mark: &str) -> usize {
    template[from..].find(mark).map_or(template.len(), |found| from + found + mark.len())
}

/// What is in a tag, up to the brace that ends it, and how long that is.
fn tag(text: &str) -> (Vec<Token<'_>>, usize) {
    let mut depth = 0_usize;
    let mut tokens = Vec::new();
    for token in each(text) {
        let end = token.at + token.text.len();
        if token.is("{") {
            depth += 1;
        } else if token.is("}") && depth == 0 {
            return (tokens, end);
        } else if token.is("}") {
            depth -= 1;
        }
        tokens.push(token);
    }
    (tokens, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(template: &str) -> Vec<(&str, String)> {
        unknown_words(template).into_iter().map(|(place, message)| (&template[place], message)).collect()
    }

    #[test]
    fn filters_and_tests_are_looked_at_wherever_a_template_has_expressions() {
        let template =
            "{{ a | uper }} | none {% if a is defind and {'b': {}} | lenght %}{{ f(a)|upper }}{%- endif -%}";
        let words: Vec<_> = told(template).into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, ["uper", "defind", "lenght"]);
        assert!(told("ä {{ a | uper }}")[0].1.contains("did you mean `upper`?"));
    }

    #[test]
    fn what_is_no_expression_is_not_looked_at() {
        for template in [
            "{# {{ a | uper }} #} { a | uper }",
            "{% raw %}{{ a | uper }}{% endraw %}{{ '| uper' }}",
            "{%- raw -%}{{ a | uper }}",
            "x {",
            "{",
        ] {
            assert_eq!(told(template).len(), 0, "{template}");
        }
        assert_eq!(told("{{ a | uper").len(), 1);
    }
}
