//! What Ostler does itself: telling, keeping, tidying up.

use serde_json::{Map, Value, json};

use super::perform::Parts;
use super::reply::{Often, say};
use super::{Context, Outcome, StepError, words};
use crate::id::EffectKey;
use crate::plugin::chat::NewMessage;

/// Performs one of the built-in actions.
pub(super) async fn perform(parts: &Parts, context: &Context, action: &str) -> Result<Outcome, StepError> {
    let inputs = &context.job.inputs;
    let outputs = match action {
        "log" => log(context, text(inputs, &["message", "text"])),
        "log_success" => {
            log(context, text(inputs, &["message"]).or_else(|| Some("the run succeeded".to_owned())))
        }
        "metric" => metric(context, inputs)?,
        "emit" => emit(context, inputs),
        "set" => Value::Object(inputs.clone()),
        "cleanup" => {
            parts.workspaces.close(context.run).await?;
            json!({})
        }
        "send_alert" => send_alert(parts, context).await?,
        "reply" => reply(parts, context).await?,
        _ => return Err(StepError::fatal("not_offered", format!("there is no system action `{action}`"))),
    };
    Ok(Outcome { outputs, ..Outcome::default() })
}

fn log(context: &Context, message: Option<String>) -> Value {
    let message = message.unwrap_or_else(|| context.job.description.clone());
    tracing::info!(run = %context.run, step = %context.job.step, "{message}");
    json!({})
}

fn metric(context: &Context, inputs: &Map<String, Value>) -> Result<Value, StepError> {
    let needed = || StepError::fatal("invalid_input", "`metric` needs a `name`");
    let name = text(inputs, &["name"]).ok_or_else(needed)?;
    let value = inputs.get("value").and_then(Value::as_f64).unwrap_or(1.0);
    tracing::info!(run = %context.run, metric = name, value, "a metric");
    Ok(json!({ "name": name, "value": value }))
}

/// The journal is what is watched: the fact that this step succeeded with these outputs is the event.
fn emit(context: &Context, inputs: &Map<String, Value>) -> Value {
    let event = text(inputs, &["event", "name"]).unwrap_or_else(|| context.job.step.name().to_owned());
    tracing::info!(run = %context.run, event, "a workflow's own event");
    json!({ "event": event, "data": inputs.get("data") })
}

/// Says something where the run was asked for.
async fn reply(parts: &Parts, context: &Context) -> Result<Value, StepError> {
    let needed = || StepError::fatal("invalid_input", "`reply` needs a `text`");
    let said = text(&context.job.inputs, &["text", "message"]).ok_or_else(needed)?;
    let person = context.ambient.get("person");
    let vouched = person.and_then(|person| person.get("vouched")?.as_bool()).unwrap_or(true);
    let often = if vouched { Often::EachRun } else { Often::OnceHere };
    Ok(json!({ "said": say(parts, context, &said, 0, often).await? }))
}

/// Tells the team that the run needs a look: where it talks, if it does, else in the log.
async fn send_alert(parts: &Parts, context: &Context) -> Result<Value, StepError> {
    let given = text(&context.job.inputs, &["message", "text"]);
    let said = given.unwrap_or_else(|| {
        let task = context.task_reference().map(|task| format!(" for {}", task.key)).unwrap_or_default();
        let run = context.ambient.get("run").unwrap_or(&Value::Null);
        let reason = run["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        let left = run["left"].as_array().map(|left| left_behind(left)).unwrap_or_default();
        let cost = format!("it has cost {}", context.spent);
        format!(
            "{}{task} did not succeed{reason}{left} (run {}, {cost})",
            context.definition.workflow.name, context.run
        )
    });
    let Ok(chat) = parts.chat(context) else {
        tracing::warn!(run = %context.run, "{said}");
        return Ok(json!({}));
    };
    let team = context.task().and_then(|task| task.team_channel);
    let message = &NewMessage {
        channel: text(&context.job.inputs, &["channel"]).or(team),
        thread: None,
        text: words::outgoing(&said),
        choices: Vec::new(),
    };
    let key = EffectKey { run: context.run, step: context.job.step.clone(), ordinal: 0 };
    let chat = &chat;
    let id: String = super::journal::once(context.journal.as_ref(), key, |effect| {
        Box::pin(async move { Ok(chat.send(message, &effect).await?.value.id) })
    })
    .await?;
    Ok(json!({ "message_id": id }))
}

/// What could not be taken back, for whoever has to look at it.
fn left_behind(left: &[Value]) -> String {
    let left: Vec<_> = left.iter().filter_map(Value::as_str).collect();
    if left.is_empty() { String::new() } else { format!("; left as it is: {}", left.join(", ")) }
}

fn text(inputs: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let value = names.iter().find_map(|name| inputs.get(*name)).filter(|value| !value.is_null())?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}
