//! What people say to the agent while it works: read once it is known that it is theirs to say.

use futures_util::future::BoxFuture;

use crate::agent::turn::Told;
use crate::agent::{AgentError, Ears, tool};
use crate::run::hearing::Words;
use crate::step::perform::Parts;
use crate::step::reply::{self, Often};
use crate::step::start::admit;
use crate::step::{Context, StepError, journal};

/// The first effect of what is said to somebody whose words are not read.
const REFUSED: u32 = 64;
/// Bytes of what somebody says that are read.
const LONGEST: usize = 4_000;

/// The people around one agent step.
#[derive(Debug)]
pub(super) struct Visitors<'a> {
    pub(super) parts: &'a Parts,
    pub(super) context: &'a Context,
}

impl Ears for Visitors<'_> {
    fn heard(&self) -> BoxFuture<'_, Result<Vec<Told>, AgentError>> {
        Box::pin(async move {
            let mut told = Vec::new();
            for (number, words) in (0..).zip(self.context.journal.words().await) {
                let name = format!("words/{number}");
                let may = journal::settled(self.context.journal.as_ref(), &name, self.may(number, &words));
                if may.await.map_err(AgentError::Ears)? {
                    told.push(Told { by: words.who().to_owned(), text: tool::clip(&words.text, LONGEST) });
                }
            }
            Ok(told)
        })
    }
}

impl Visitors<'_> {
    /// Whether somebody may steer the work: whoever may start it. Who may not is told so.
    async fn may(&self, number: u32, words: &Words) -> Result<bool, StepError> {
        let Some(event) = &words.event else { return Ok(true) };
        let there = self.context.as_asked_by(event, None);
        let Err(refusal) = admit::admit(self.parts, &there).await? else { return Ok(true) };
        // A plain reply may be talk among people: it is passed over without a word.
        if event.command.is_none() {
            return Ok(false);
        }
        let sentence = format!("The agent does not read this: {}.", refusal.sentence());
        reply::say(self.parts, &there, &sentence, REFUSED + number, Often::OnceHere).await?;
        Ok(false)
    }
}
