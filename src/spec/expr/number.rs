//! What expressions do with numbers.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::functions::built_in;
use super::given::{Given, LONGEST_LIST, Number, number, refuse, shown};
use super::object::keys_of;
use super::word::{Answer, Word};

/// The words of this module.
pub(super) const WORDS: &[Word] = &[
    Word::filter("int", &["default"], |given| {
        converted(given, to_whole, "a number, or text that is a whole one")
    }),
    Word::filter("float", &["default"], |given| converted(given, to_float, "a number, or text that is one")),
    Word::filter("round", &["precision", "method"], round),
    Word::filter("abs", &[], |given| built_in("abs", &[given.number(0)?.into()])),
    Word::filter("sum", &["attribute"], sum),
    Word::filter("min", &["attribute"], |given| extreme(given, Ordering::Less)),
    Word::filter("max", &["attribute"], |given| extreme(given, Ordering::Greater)),
    Word::function("range", &["start", "stop", "step"], range),
    Word::test("odd", &[], |given| Ok((given.whole(0)? % 2 != 0).into())),
    Word::test("even", &[], |given| Ok((given.whole(0)? % 2 == 0).into())),
    Word::test("divisibleby", &["number"], divisible_by),
    Word::test("lt", &["other"], |given| compared(given, "<", Ordering::is_lt)),
    Word::test("le", &["other"], |given| compared(given, "<=", Ordering::is_le)),
    Word::test("gt", &["other"], |given| compared(given, ">", Ordering::is_gt)),
    Word::test("ge", &["other"], |given| compared(given, ">=", Ordering::is_ge)),
];

/// What conversion gives, or the default where it gives nothing.
fn converted(given: &Given, convert: fn(&Value) -> Option<Number>, wanted: &str) -> Answer {
    if let Some(number) = convert(given.value(0)?) {
        return Ok(number.into());
    }
    given.maybe(1, Given::value)?.cloned().ok_or_else(|| given.wrong(0, wanted))
}

/// A whole number, towards zero.
fn to_whole(value: &Value) -> Option<Number> {
    if let Some(text) = value.as_str() {
        return text.trim().parse().ok().map(Number::Whole);
    }
    match number(value)? {
        Number::Float(float) => i128::try_from(Value::from(float.trunc())).ok().map(Number::Whole),
        whole @ Number::Whole(_) => Some(whole),
    }
}

fn to_float(value: &Value) -> Option<Number> {
    let float = match value.as_str() {
        Some(text) => text.trim().parse().ok()?,
        None => number(value)?.float(),
    };
    float.is_finite().then_some(Number::Float(float))
}

fn round(given: &Given) -> Answer {
    let number = given.number(0)?;
    let precision = given.maybe(1, Given::whole)?.unwrap_or(0);
    let method = given.maybe(2, Given::text)?.unwrap_or("common");
    if !(-30..=30).contains(&precision) {
        return Err(given.wrong(1, "a whole number from -30 to 30"));
    }
    if !["common", "ceil", "floor"].contains(&method) {
        return Err(given.wrong(2, "`common`, `ceil` or `floor`"));
    }
    built_in("round", &[number.into(), precision.into(), method.into()])
}

fn sum(given: &Given) -> Answer {
    let mut sum = Number::Whole(0);
    for key in keys_of(given, &given.list(0)?, 1)? {
        let Some(next) = number(&key) else {
            return Err(refuse(format!("`sum` adds numbers, not {}", shown(&key))));
        };
        sum = add(sum, next);
    }
    Ok(sum.into())
}

fn add(one: Number, other: Number) -> Number {
    if let (Number::Whole(one), Number::Whole(other)) = (one, other)
        && let Some(sum) = one.checked_add(other)
    {
        return Number::Whole(sum);
    }
    Number::Float(one.float() + other.float())
}

/// The first of the items than which none is less, or greater.
fn extreme(given: &Given, wanted: Ordering) -> Answer {
    let items = given.list(0)?;
    let keys = keys_of(given, &items, 1)?;
    let mut best = 0;
    for at in 0..keys.len() {
        if order(&given.short(), &keys[at], &keys[best])? == wanted {
            best = at;
        }
    }
    Ok(items.get(best).cloned().unwrap_or(Value::UNDEFINED))
}

/// How two values compare.
///
/// # Errors
/// When they are not both numbers, both text or both booleans.
pub(super) fn order(word: &str, one: &Value, other: &Value) -> Result<Ordering, Error> {
    let comparable = matches!(one.kind(), ValueKind::Number | ValueKind::String | ValueKind::Bool);
    if comparable && one.kind() == other.kind() {
        return Ok(one.cmp(other));
    }
    let (one, other) = (shown(one), shown(other));
    Err(refuse(format!("`{word}` compares numbers with numbers and text with text, not {one} with {other}")))
}

fn compared(given: &Given, sign: &str, holds: fn(Ordering) -> bool) -> Answer {
    Ok(holds(order(sign, given.value(0)?, given.value(1)?)?).into())
}

fn divisible_by(given: &Given) -> Answer {
    let (number, by) = (given.whole(0)?, given.whole(1)?);
    match number.checked_rem(by) {
        Some(rest) => Ok((rest == 0).into()),
        None => Err(given.wrong(1, "a whole number other than 0")),
    }
}

fn range(given: &Given) -> Answer {
    let (start, stop) = match given.maybe(1, Given::whole)? {
        Some(stop) => (given.whole(0)?, stop),
        None => (0, given.whole(0)?),
    };
    let step = given.maybe(2, Given::whole)?.unwrap_or(1);
    if step == 0 {
        return Err(given.wrong(2, "a whole number other than 0"));
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if step > 0 { next < stop } else { next > stop } {
        if numbers.len() == LONGEST_LIST {
            return Err(given.refuse(&format!("gives at most {LONGEST_LIST} numbers")));
        }
        numbers.push(Value::from(next));
        next = next.saturating_add(step);
    }
    Ok(Value::from(numbers))
}
