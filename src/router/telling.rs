//! What a person says to an agent at work: by a command where the work was asked for, or by a reply in its thread.

use super::decision::addressed;
use crate::event::Event;
use crate::id::RunId;

/// The command by which people say something to an agent at work.
pub const TELL: &str = "tell";

/// Words for an agent, and whose agent it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// What is said.
    pub text: String,
    /// The run; without it, those whose agents are at work where the event comes from.
    pub target: Option<RunId>,
}

impl Telling {
    /// The words that an event holds, if it holds any.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let Some(command) = &event.command else { return Self::of_reply(event) };
        let (target, text) = addressed(command);
        (command.name == TELL).then_some(Self { text: text?, target })
    }

    /// A person's reply in a thread: whatever works there reads it. Beginnings of threads are talk among people.
    fn of_reply(event: &Event) -> Option<Self> {
        let (comment, thread) = (event.comment.as_ref()?, event.thread.as_ref()?);
        let replies = thread.message.as_ref().is_some_and(|above| *above != comment.id);
        let is_said = event.button.is_none() && event.actor.as_ref().is_some_and(|actor| !actor.bot);
        let text = comment.body.trim();
        (replies && is_said && !text.is_empty()).then(|| Self { text: text.to_owned(), target: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Account, Actor, Comment, Thread};
    use crate::router::tests::event;

    #[test]
    fn a_reply_in_a_thread_is_said_to_who_works_there_and_its_beginning_is_not() {
        let mut said = event("slack.message");
        let account = Account::new("slack", "U0ADA");
        let person = Actor { account, name: "ada".to_owned(), bot: false, external: false };
        said.actor = Some(person.clone());
        said.comment =
            Some(Comment { id: "2".to_owned(), body: " short ".to_owned(), url: None, verdict: None });
        let above = |message: Option<&str>, said: &mut Event| {
            let message = message.map(str::to_owned);
            said.thread = Some(Thread { channel: "c".to_owned(), channel_name: None, message });
            Telling::of(said).map(|telling| telling.text)
        };
        assert_eq!(above(Some("1"), &mut said).as_deref(), Some("short"));
        assert_eq!(above(Some("2"), &mut said), None, "it begins the thread");
        assert_eq!(above(None, &mut said), None);
        said.actor = Some(Actor { bot: true, ..person });
        assert_eq!(above(Some("1"), &mut said), None, "programs talk among themselves");
    }
}
