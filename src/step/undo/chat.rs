//! Taking back a message.

use super::{Became, Told, Undoing};
use crate::step::StepError;
use crate::step::action::chat;

/// Takes back what `send_message` sent.
pub(super) async fn undo(undoing: &Undoing<'_>, told: &mut Told) {
    if undoing.past.meant(0) {
        told.add(name(undoing), message(undoing).await);
    }
}

fn name(undoing: &Undoing<'_>) -> String {
    match undoing.act.inputs.text(&["channel"]) {
        Ok(Some(channel)) => format!("the message in `{channel}`"),
        _ => "the message".to_owned(),
    }
}

async fn message(undoing: &Undoing<'_>) -> Result<Became, StepError> {
    let act = &undoing.act;
    let chat = &act.parts.chat(act.context)?;
    let (message, effect) = (chat::message(act)?, undoing.effect(0));
    let look = async { Ok(chat.find_message(&message, &effect).await?.into()) };
    undoing.take_back(0, look, |sent, _| async move { Ok(chat.delete_message(&sent).await?) }).await
}
