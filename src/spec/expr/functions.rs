//! The environment that expressions and prompts are evaluated in: strict, bounded, without time or chance.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::word::{Answer, Word};
use super::{choice, coding, list, moment, number, object, pattern, text};

/// Instructions that one evaluation may take: far beyond any honest expression.
const FUEL: u64 = 200_000;
/// Nesting that one evaluation may have.
const DEPTH: usize = 64;

/// Everything that expressions may use; `docs/expressions.md` has a row for each.
const GROUPS: &[&[Word]] = &[
    text::WORDS,
    pattern::WORDS,
    coding::WORDS,
    number::WORDS,
    moment::WORDS,
    list::WORDS,
    object::WORDS,
    choice::WORDS,
];

/// minijinja's own filters, for those of ours that do the same once what they are given has been looked at.
static BUILT_IN: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);

/// A strict environment with nothing but Ostler's words in it.
pub(in crate::spec) fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    environment.set_debug(true);
    words().for_each(|word| word.register(&mut environment));
    environment
}

/// All filters, tests and functions.
pub(super) fn words() -> impl Iterator<Item = &'static Word> {
    GROUPS.iter().copied().flatten()
}

/// What a filter of minijinja's makes of values.
pub(super) fn built_in(name: &str, values: &[Value]) -> Answer {
    BUILT_IN.empty_state().apply_filter(name, values)
}
