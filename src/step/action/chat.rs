//! `communication`: messages to people.

use serde_json::json;

use super::Act;
use crate::plugin::chat::NewMessage;
use crate::step::{Outcome, StepError, words};

/// Performs an action, if it is one of this capability's.
pub(super) async fn perform(act: &Act<'_>, action: &str) -> Option<Result<Outcome, StepError>> {
    match action {
        "send_message" => Some(send_message(act).await),
        _ => None,
    }
}

/// The message: to the channel that is named, else to the task's team, else to the provider's default; in
/// the conversation that the run came from, it goes into its thread.
pub(in crate::step) fn message(act: &Act<'_>) -> Result<NewMessage, StepError> {
    let named = act.inputs.text(&["channel"])?;
    let channel = named.or_else(|| act.context.task().and_then(|task| task.team_channel));
    Ok(NewMessage {
        thread: act.inputs.text(&["thread"])?.or_else(|| thread(act, channel.as_deref())),
        text: words::outgoing(&act.inputs.required(&["message", "text"])?),
        channel,
        choices: Vec::new(),
    })
}

async fn send_message(act: &Act<'_>) -> Result<Outcome, StepError> {
    let new = &message(act)?;
    let chat = &act.parts.chat(act.context)?;
    let (channel, id) = act
        .once(0, |effect| {
            Box::pin(async move {
                let sent = chat.send(new, &effect).await?.value;
                Ok((sent.channel, sent.id))
            })
        })
        .await?;
    let outputs = json!({ "success": true, "channel": channel, "message_id": id, "ts": id });
    Ok(Outcome { outputs, ..Outcome::default() })
}

fn thread(act: &Act<'_>, channel: Option<&str>) -> Option<String> {
    let origin = act.context.thread()?;
    let channel = channel?.trim_start_matches('#');
    let here = channel == origin.channel || Some(channel) == origin.channel_name.as_deref();
    origin.message.filter(|_| here)
}
