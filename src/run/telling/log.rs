//! What a step remembers, in a line. It is opaque to the run, so that only what it plainly holds is taken out of it:
//! what an agent said, which tools it used, what they gave, and the key of an effect.

use serde_json::Value;

use crate::money::Money;

/// Letters that are told of a message.
const LONGEST: usize = 500;
/// Letters that are told of what a tool gave.
const OF_RESULT: usize = 160;

/// A line about a fact; nothing where there is nothing to say.
pub(super) fn message(fact: &Value) -> String {
    let said = list(&fact["answer"]["content"]).filter_map(block);
    let gave = list(&fact["results"]).filter_map(result);
    let key = fact["key"].as_str().map(str::to_owned);
    let all: Vec<String> = said.chain(gave).chain(key).collect();
    short(&all.join(" | "), LONGEST)
}

/// What it cost, where the fact says it.
pub(super) fn cost(fact: &Value) -> Option<Money> {
    Money::from_dollars(fact["cost"].as_f64()?).filter(|cost| *cost != Money::ZERO)
}

fn block(block: &Value) -> Option<String> {
    let text = || block["text"].as_str().map(str::to_owned);
    let tool = || block["tool_use"]["name"].as_str().map(|name| format!("uses {name}"));
    text().or_else(tool)
}

fn result(result: &Value) -> Option<String> {
    let gave = short(result["content"].as_str()?, OF_RESULT);
    let failed = result["is_error"].as_bool().unwrap_or(false);
    Some(if failed { format!("failed: {gave}") } else { gave })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text in one line, cut where it is too long.
pub(in crate::run) fn short(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most).chain(['…']).collect()
}
