//! Playing a script: which turn it is, what earlier turns saw, what is said and done now.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::fill::Words;
use super::request::Request;
use super::script::{Script, Step};

/// The tool that ends the work.
const FINISH: &str = "finish";

/// What the model answers.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) content: Vec<Value>,
    /// Why it ends.
    pub(super) stop: String,
}

impl Turn {
    fn new(content: Vec<Value>, wants_tools: bool) -> Self {
        Self { content, stop: if wants_tools { "tool_use" } else { "end_turn" }.to_owned() }
    }
}

/// What was captured so far, by the names of the groups.
type Captures = BTreeMap<String, String>;

/// The model's turn.
pub(super) fn turn(scripts: &[Script], request: &Request) -> Turn {
    let Some(script) = scripts.iter().find(|script| script.takes(request)) else {
        return finish(request, &BTreeMap::new(), "I was given no script for this task.", false);
    };
    let turn = request.turns();
    tracing::debug!(script = script.name, turn, "the twin's model plays");
    let played = captures(script, request).and_then(|captures| {
        let step = &script.turns[turn.min(script.turns.len() - 1)];
        perform(script, step, request, &captures)
    });
    played.unwrap_or_else(|problem| {
        let summary = format!("I could not do this. {problem}");
        let named = BTreeMap::from([("tests_run".to_owned(), "They do not pass.".to_owned())]);
        finish(request, &named, &summary, false)
    })
}

/// What all turns up to this one captured; the error says what was not as expected.
fn captures(script: &Script, request: &Request) -> Result<Captures, String> {
    let mut captures = Captures::new();
    let so_far = script.turns.iter().enumerate().take(request.turns() + 1);
    for (index, step) in so_far {
        // The first turn has no results before it: it reads what it is asked to do.
        let said = index.checked_sub(1).map_or_else(|| request.opening(), |before| request.results(before));
        look(step, &said, &mut captures).map_err(|problem| format!("After step {index}: {problem}"))?;
    }
    Ok(captures)
}

fn look(step: &Step, results: &str, captures: &mut Captures) -> Result<(), String> {
    if let Some(pattern) = &step.expect {
        let pattern = expression(pattern, captures)?;
        let Some(found) = pattern.captures(results) else {
            return Err(format!("I looked for `{pattern}` in what the tools gave and did not find it."));
        };
        let names: Vec<_> = pattern.capture_names().flatten().map(str::to_owned).collect();
        for name in names {
            if let Some(text) = found.name(&name) {
                captures.insert(name, text.as_str().to_owned());
            }
        }
    }
    if let Some(pattern) = &step.refuse {
        let pattern = expression(pattern, captures)?;
        if let Some(found) = pattern.find(results) {
            return Err(format!("The tools gave `{}`.", found.as_str()));
        }
    }
    Ok(())
}

/// A regular expression with what was captured put in, as literal text.
fn expression(pattern: &str, captures: &Captures) -> Result<Regex, String> {
    let literal = captures.iter().map(|(name, text)| (name.clone(), regex::escape(text))).collect();
    Regex::new(&render(pattern, &literal)?).map_err(|error| error.to_string())
}

fn perform(script: &Script, step: &Step, request: &Request, captures: &Captures) -> Result<Turn, String> {
    if step.finish {
        let named = script.answers.iter().map(|(name, text)| Ok((name.clone(), render(text, captures)?)));
        let named = named.collect::<Result<BTreeMap<_, _>, String>>()?;
        let summary = named.get("summary").map_or("Done.", String::as_str);
        return Ok(finish(request, &named, summary, true));
    }
    let mut content = Vec::new();
    if let Some(words) = &step.say {
        content.push(json!({"type": "text", "text": render(words, captures)?}));
    }
    for (index, call) in step.calls.iter().enumerate() {
        let input = render_value(&call.input, captures)?;
        let mut used = tool_use(request, index, &call.tool, input);
        if let Some(id) = &call.id {
            used["id"] = id.as_str().into();
        }
        content.push(used);
    }
    let turn = Turn::new(content, !step.calls.is_empty());
    Ok(Turn { stop: step.stop.clone().unwrap_or(turn.stop), content: turn.content })
}

/// The last word: through the tool for it where it is offered, else as the text that was asked for.
fn finish(request: &Request, named: &BTreeMap<String, String>, summary: &str, well: bool) -> Turn {
    let words = Words { named, summary, well };
    if let Some(tool) = request.tools.iter().find(|tool| tool.name == FINISH) {
        let input = words.fill(&tool.input_schema, "");
        return Turn::new(vec![tool_use(request, 0, FINISH, input)], true);
    }
    let schema = request.output_config.as_ref().map(|config| &config["format"]["schema"]);
    let text = match schema.filter(|schema| schema.is_object()) {
        Some(schema) => words.fill(schema, "").to_string(),
        None => summary.to_owned(),
    };
    Turn::new(vec![json!({"type": "text", "text": text})], false)
}

/// A call of a tool, with an id that is the same whenever the same request is sent, and that tells which it
/// was: it begins as the request's own does.
fn tool_use(request: &Request, index: usize, name: &str, input: Value) -> Value {
    let id = format!("toolu_{}{index:02}", &request.digest[..24]);
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

fn render_object(object: &Map<String, Value>, captures: &Captures) -> Result<Value, String> {
    let member = |(name, value): (&String, &Value)| Ok((name.clone(), render_value(value, captures)?));
    object.iter().map(member).collect::<Result<Map<_, _>, String>>().map(Value::Object)
}

fn render_value(value: &Value, captures: &Captures) -> Result<Value, String> {
    match value {
        Value::String(text) => render(text, captures).map(Value::String),
        Value::Object(object) => render_object(object, captures),
        Value::Array(items) => items.iter().map(|item| render_value(item, captures)).collect(),
        other => Ok(other.clone()),
    }
}

/// Puts what was captured where `{{ name }}` stands.
fn render(template: &str, captures: &Captures) -> Result<String, String> {
    let mut parts = template.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").ok_or_else(|| format!("`{template}` has an open `{{{{`"))?;
        let value = captures.get(name.trim());
        text += value.ok_or_else(|| format!("`{}` was not captured.", name.trim()))?;
        text += rest;
    }
    Ok(text)
}
