//! Reads the guards of a trigger.

use crate::spec::diagnostic::Source;
use crate::spec::handler::guards::{Concurrency, Guards, Priority, WhenBusy};
use crate::spec::handler::keys;
use crate::spec::period::{BadPeriod, Period, Rate};
use crate::spec::scope::Scope;
use crate::spec::yaml::{Fields, Node, Tree};

/// The most runs of a group that can be under way at once: all of them are looked at for each that comes.
const LIMIT_MOST: u64 = 100;

pub(in crate::spec::handler) const PRIORITIES: &[(&str, Priority)] =
    &[("high", Priority::High), ("normal", Priority::Normal), ("low", Priority::Low)];

pub(in crate::spec::handler) const WHEN_BUSY: &[(&str, WhenBusy)] =
    &[("queue", WhenBusy::Queue), ("replace", WhenBusy::Replace), ("skip", WhenBusy::Skip)];

/// The guards that a trigger's fields ask for.
pub(super) fn read(fields: &Fields<'_>, scope: &Scope, source: &mut Source) -> Guards {
    let usual = Guards::default();
    let rates = fields.given("rate").and_then(|node| Fields::of(node, &keys::RATE, source));
    let mut rate = |key| rates.and_then(|rates| parsed(&rates, key, Rate::parse, source));
    let (per_actor, per_repository) = (rate("per_actor"), rate("per_repository"));
    Guards {
        concurrency: fields.given("concurrency").and_then(|node| concurrency(node, fields, scope, source)),
        debounce: parsed(fields, "debounce", Period::parse, source),
        cooldown: parsed(fields, "cooldown", Period::parse, source),
        per_actor,
        per_repository,
        priority: fields.word("priority", PRIORITIES, source).unwrap_or_default(),
        breaker: breaker(fields, usual.breaker, source),
    }
}

/// The value of a key, read by `parse`.
fn parsed<T>(
    fields: &Fields<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, BadPeriod>,
    source: &mut Source,
) -> Option<T> {
    let node = fields.given(key)?;
    match parse(node.as_text()?) {
        Ok(value) => Some(value),
        Err(error) => {
            source.fault(node.span.clone(), format!("`{key}`: {error}"));
            None
        }
    }
}

fn breaker(fields: &Fields<'_>, usual: Option<Rate>, source: &mut Source) -> Option<Rate> {
    match fields.given("breaker").map(|node| &node.value) {
        None => usual,
        Some(Tree::Bool(false)) => None,
        Some(Tree::Text(text)) if text == "off" => None,
        Some(_) => parsed(fields, "breaker", Rate::parse, source),
    }
}

/// A group by its name alone, or with what becomes of those who find it busy.
fn concurrency(node: &Node, fields: &Fields<'_>, scope: &Scope, source: &mut Source) -> Option<Concurrency> {
    scope.check(node, source);
    if !matches!(node.value, Tree::Map(_)) {
        let group = fields.text("concurrency")?.to_owned();
        return Some(Concurrency { group, when_busy: WhenBusy::Queue, limit: 1 });
    }
    let inner = Fields::of(node, &keys::CONCURRENCY, source)?;
    let group = inner.text("group")?.to_owned();
    let when_busy = inner.word("when_busy", WHEN_BUSY, source).unwrap_or_default();
    let limit = inner.count("limit").unwrap_or(1);
    if let (true, Some(node)) = (limit > LIMIT_MOST, inner.value("limit")) {
        source.fault(node.span.clone(), format!("`limit` takes a number up to {LIMIT_MOST}, not {limit}"));
    }
    Some(Concurrency { group, when_busy, limit: u32::try_from(limit.min(LIMIT_MOST)).unwrap_or(1) })
}
