//! Why a request is not in a cassette: the nearest one that is, and where the two differ first.

use std::collections::HashMap;

use serde_json::Value;

use super::tape::Tape;
use crate::plugin::model::Request;

/// The parts of a request, in the order in which people look for what is different.
const PARTS: [&str; 5] = ["model", "max_tokens", "system", "tools", "messages"];
/// Letters that are shown of a text, and of what is before its first difference.
const SHOWN: usize = 70;
const BEFORE: usize = 25;

/// A request's smallest parts, each with where it is.
type Leaves = Vec<(String, Value)>;

/// What to say of a request that is not in a cassette.
pub(super) fn nearest(tape: &Tape, asked: &Request) -> String {
    let asked = leaves(asked);
    let others = tape.requests().map(|(line, request)| (line, leaves(request)));
    let measured = others.map(|(line, recorded)| (distance(&recorded, &asked), line, recorded));
    let Some((_, line, recorded)) = measured.min_by_key(|(distance, line, _)| (*distance, *line)) else {
        return "it is empty".to_owned();
    };
    let (place, was, is) = first_difference(&recorded, &asked);
    format!("the nearest one (line {line}) differs first at {place}: recorded {was}, asked {is}")
}

fn leaves(request: &Request) -> Leaves {
    let value = serde_json::to_value(request).unwrap_or_default();
    let mut leaves = Leaves::new();
    PARTS.iter().for_each(|part| gather((*part).to_owned(), &value[part], &mut leaves));
    leaves
}

fn gather(place: String, value: &Value, leaves: &mut Leaves) {
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| gather(format!("{place}[{index}]"), item, leaves));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| gather(format!("{place}.{name}"), value, leaves));
        }
        leaf => leaves.push((place, leaf.clone())),
    }
}

/// How many parts are in one only, or not the same in both.
fn distance(one: &Leaves, other: &Leaves) -> usize {
    let known: HashMap<&str, &Value> = one.iter().map(|(place, leaf)| (place.as_str(), leaf)).collect();
    let same = other.iter().filter(|(place, leaf)| known.get(place.as_str()) == Some(&leaf)).count();
    one.len() + other.len() - 2 * same
}

/// Where two differ first, and what is there in each.
fn first_difference(recorded: &Leaves, asked: &Leaves) -> (String, String, String) {
    let differs = |at: &usize| recorded.get(*at) != asked.get(*at);
    let at = (0..recorded.len().max(asked.len())).find(differs).unwrap_or_default();
    let (was, is) = (recorded.get(at), asked.get(at));
    let place = is.or(was).map(|(place, _)| place.clone()).unwrap_or_default();
    let same_place = |leaf: Option<&(String, Value)>| {
        leaf.filter(|(other, _)| *other == place).map(|(_, leaf)| leaf.clone())
    };
    let (was, is) = shown(same_place(was).as_ref(), same_place(is).as_ref());
    (place, was, is)
}

/// Both values, short: of two texts what is around their first difference.
fn shown(was: Option<&Value>, is: Option<&Value>) -> (String, String) {
    let text = |value: Option<&Value>| {
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let (was, is) = (text(was), text(is));
    let same = match (&was, &is) {
        (Some(was), Some(is)) => was.chars().zip(is.chars()).take_while(|(was, is)| was == is).count(),
        _ => 0,
    };
    let from = if same + BEFORE < SHOWN { 0 } else { same - BEFORE };
    let short = |text: Option<String>| text.map_or_else(|| "nothing".to_owned(), |text| excerpt(&text, from));
    (short(was), short(is))
}

fn excerpt(text: &str, from: usize) -> String {
    let part: String = text.chars().skip(from).take(SHOWN).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if text.chars().count() > from + SHOWN { "…" } else { "" };
    format!("{:?}", format!("{before}{part}{after}"))
}
