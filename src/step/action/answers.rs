//! What is answered to comments at lines of the code: each in its thread, and what can stand in none as a text.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::forge::{own_change, repository};
use super::{Act, findings};
use crate::step::{StepError, words};

/// As many as are answered one by one.
const MOST: usize = 30;

/// What is to be said, sorted by where it can be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sorted {
    /// By thread, in the comments' order.
    threads: Vec<(String, String)>,
    /// What belongs to no thread.
    rest: Vec<String>,
}

/// Answers comments at lines, each in its thread.
pub(super) async fn perform(act: &Act<'_>) -> Result<Value, StepError> {
    let (repository, number) = (repository(act)?, own_change(act)?);
    let forge = &act.parts.forge(act.context)?;
    let given =
        |name: &str| act.inputs.value(&[name]).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let Sorted { threads, rest } = sort(given("comments"), given("answers"));
    for (ordinal, (thread, body)) in (0..).zip(&threads) {
        let reply = act.once(ordinal, |effect| {
            Box::pin(async move { Ok(forge.reply(repository, number, thread, body, &effect).await?.value) })
        });
        reply.await?;
    }
    Ok(json!({ "answered": threads.len(), "rest": rest.join("\n") }))
}

/// Models are not always exact: what names no comment is said all the same.
fn sort(comments: &[Value], answers: &[Value]) -> Sorted {
    let mut sorted = Sorted::default();
    let mut by_comment: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for answer in answers {
        let Some(body) = answer.as_str().or_else(|| answer["body"].as_str()) else { continue };
        let body = words::outgoing(body.trim());
        let at = findings::number(&answer["comment"])
            .and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
        match at.filter(|at| comments.get(*at).is_some_and(|comment| comment["thread"].is_string())) {
            Some(at) if !body.is_empty() => by_comment.entry(at).or_default().push(body),
            None if !body.is_empty() => sorted.rest.push(findings::item("", &body)),
            _ => {}
        }
    }
    for (at, said) in by_comment {
        match comments[at]["thread"].as_str().filter(|_| sorted.threads.len() < MOST) {
            Some(thread) => sorted.threads.push((thread.to_owned(), said.join("\n\n"))),
            None => sorted.rest.extend(said.iter().map(|body| findings::item("", body))),
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_answered_one_by_one_than_there_is_room_for() {
        let comments: Vec<Value> = (0..40).map(|n| json!({ "thread": n.to_string() })).collect();
        let answers: Vec<Value> = (1..=40).map(|n| json!({ "comment": n, "body": format!("{n}") })).collect();
        let sorted = sort(&comments, &answers);
        assert_eq!((sorted.threads.len(), sorted.rest.len()), (MOST, 10));
        assert_eq!(sorted.threads[0], ("0".to_owned(), "1".to_owned()));
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let said = [json!({ "comment": 1, "body": " " }), json!(7), json!({ "comment": 1 })];
        assert_eq!(sort(&[json!({ "thread": "1" })], &said), Sorted::default());
    }
}
