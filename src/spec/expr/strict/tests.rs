use minijinja::Environment;
use proptest::prelude::*;

use super::super::tokens::tokens;
use super::*;

fn anew(text: &str) -> String {
    rewritten(&tokens(text)).unwrap()
}

#[test]
fn comparisons_become_tests() {
    assert_eq!(anew("a.b < 3"), "((a . b) is lt(3))");
    assert_eq!(anew("a + 1 >= -b and c"), "((a + 1) is ge(- b)) and c");
    assert_eq!(anew("not a in [1, b > 2]"), " not ((a) is in([1 , ((b) is gt(2))]))");
    assert_eq!(anew("a not in b if c else d"), "((a) is not in(b)) if c else d");
    assert_eq!(anew("1 < a == b"), "((1) is lt(a) and (a) == (b))");
}

#[test]
fn what_is_joined_becomes_a_list() {
    assert_eq!(anew("a ~ b | upper ~ 'x ~ y'"), "([a, b | upper, 'x ~ y'] | join)");
    assert_eq!(anew("1 + a ~ b - 2"), "1 + ([a, b] | join) - 2");
    assert_eq!(anew("{'k': f(a ~ b)}"), "{'k' : f (([a, b] | join))}");
}

#[test]
fn names_are_no_operators() {
    for text in ["a == b", "'<'", "x | join('~')"] {
        assert_eq!(rewritten(&tokens(text)), None, "{text}");
    }
    assert_eq!(anew("task.in ~ 1"), "([task . in, 1] | join)");
    assert_eq!(anew("1 ~ a is in(b) "), "([1, a is in (b)] | join)");
    assert_eq!(anew("1 ~ a is not in [b]"), "([1, a is not in [b]] | join)");
    assert_eq!(anew("a is lt -1 ~ b"), "([a is lt - 1, b] | join)");
}

#[test]
fn what_has_no_end_is_left_to_the_parser() {
    for text in ["a < (b", "a < b)", "(a < b]"] {
        assert_eq!(rewritten(&tokens(text)), None, "{text}");
    }
}

/// Expressions over numbers, in which lax and strict operators mean the same.
fn sums() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..9_u8).prop_map(|number| number.to_string()),
        Just("n".to_owned()),
        Just("o.in".to_owned())
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let sign = prop::sample::select(vec!["+", "-", "*", "- -"]);
        prop_oneof![
            (inner.clone(), sign, inner.clone()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("-({a})|abs")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}][{b} > {a}]")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} if {b} < {c} else {b})")),
        ]
    })
}

fn conditions() -> impl Strategy<Value = String> {
    let sign = || prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let leaf = prop_oneof![
        (sums(), sign(), sums()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (sums(), sign(), sums(), sign(), sums()).prop_map(|(a, s, b, t, c)| format!("{a} {s} {b} {t} {c}")),
        (sums(), sums()).prop_map(|(a, b)| format!("{a} not in [{b}, 1]")),
        (sums(), sums(), sums()).prop_map(|(a, b, c)| format!("'{a}' ~ ({b}) in {c} ~ ''")),
        sums().prop_map(|a| format!("{a} is in [1, 2]")),
        sums().prop_map(|a| format!("{a} is not eq -1")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("not {a}")),
            inner.clone().prop_map(|a| format!("({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a} or {b}")),
        ]
    })
}

proptest! {
    #[test]
    fn among_numbers_the_strict_operators_say_what_the_lax_ones_say(text in conditions()) {
        let environment = Environment::new();
        let evaluate = |text: &str| {
            let names = minijinja::Value::from(minijinja::value::Serde(serde_json::json!({ "n": 3, "o": {"in": 2} })));
            environment.compile_expression(text).unwrap().eval(names).map_err(|error| error.kind())
        };
        let strict = rewritten(&tokens(&text)).unwrap_or_else(|| text.clone());
        prop_assert_eq!(evaluate(&text), evaluate(&strict), "{}", strict);
    }
}
