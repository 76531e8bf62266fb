//! Which repository? What is asked where neither the event nor the map says it, and how an answer is read.
//!
//! A question is put to the person who asked for the work, in the place where they did. Their answer is a comment
//! or message that holds nothing but a repository's name or its number on the list, or the command
//! `use owner/name`. Only repositories of the map count.

use serde::{Deserialize, Serialize};

use super::{Reason, Routing, Rules, Standing, Verdict, route};
use crate::event::{Account, Event, RepositoryMention, RepositoryName, Subject};
use crate::id::EventId;

/// The command that answers.
pub const USE: &str = "use";
/// How many repositories a question lists.
const LISTED: usize = 10;
/// Letters that an answer has at the most.
const LONGEST: usize = 200;
/// The last parts of the kinds of event in which somebody has just said something.
const SAID: &[&str] = &["created", "commented", "submitted", "command", "mention", "message"];

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The event that could not start what it should.
    pub event: EventId,
    /// The triggers that wanted it.
    pub triggers: Vec<String>,
    /// Who asked for the work, and is now asked.
    pub person: Account,
    /// Where.
    pub place: Place,
    /// The repositories that the question lists, in its order.
    pub listed: Vec<RepositoryName>,
}

/// Where something is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Under a task.
    Task(Subject),
    /// In a conversation.
    Conversation {
        /// The channel's id.
        channel: String,
        /// The message that the conversation hangs from; a slash command hangs from none.
        message: Option<String>,
    },
}

/// What somebody answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A repository of the map.
    Repository(RepositoryName),
    /// Nothing that fits; a text says what does.
    Unfit(String),
}

impl Place {
    /// Where an event was said, if there is such a place.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let conversation = event.thread.as_ref().map(|thread| Self::Conversation {
            channel: thread.channel.clone(),
            message: thread.message.clone(),
        });
        conversation.or_else(|| Some(Self::Task(event.task.as_ref()?.reference.subject())))
    }

    /// Whether what is said there is said here. A slash command is given to a channel whole, not to one of its
    /// conversations.
    #[must_use]
    pub fn meets(&self, there: &Self) -> bool {
        match (self, there) {
            (Self::Task(here), Self::Task(there)) => here == there,
            (
                Self::Conversation { channel, message },
                Self::Conversation { channel: other, message: theirs },
            ) => channel == other && (message.is_none() || theirs.is_none() || message == theirs),
            _ => false,
        }
    }
}

impl Question {
    /// The question that an event leaves open: somebody asked for work, triggers want it, and all that is
    /// missing is the repository. Programs and guests are not asked, and nobody is where no repository could
    /// be chosen.
    #[must_use]
    pub fn of(event: &Event, reasons: &[Reason], standing: &Standing) -> Option<Self> {
        let person = event.actor.as_ref().filter(|actor| !actor.bot && !actor.external)?;
        let held = |reason: &&Reason| {
            reason.verdict == Verdict::Blocked && reason.condition.as_deref() == Some("repository")
        };
        let triggers: Vec<_> = reasons.iter().filter(held).map(|reason| reason.trigger.clone()).collect();
        let mut listed = repositories(standing);
        listed.truncate(LISTED);
        let askable = standing.forge.is_some() && !listed.is_empty() && is_request(event, standing);
        (askable && !triggers.is_empty()).then_some(())?;
        let place = Place::of(event)?;
        Some(Self { event: event.id, triggers, person: person.account.clone(), place, listed })
    }

    /// The question, as the person reads it. `tried` are the keys that the map was asked for.
    #[must_use]
    pub fn text(&self, tried: &[String], standing: &Standing) -> String {
        let tried: Vec<_> = tried.iter().map(|key| format!("`{key}`")).collect();
        let unknown = match &tried[..] {
            [] => String::new(),
            tried => format!(" ({} is not mapped)", tried.join(" or ")),
        };
        format!("Which repository is this about{unknown}? {}", self.choices(standing))
    }

    fn choices(&self, standing: &Standing) -> String {
        let lines = self.listed.iter().zip(1..).map(|(name, number)| format!("{number}. {name}"));
        let lines: Vec<_> = lines.collect();
        let more = match repositories(standing).len().saturating_sub(self.listed.len()) {
            0 => String::new(),
            more => format!("\n(and {more} more of those that Ostler works on)"),
        };
        let here = match &self.place {
            // Words without a command are not for Ostler in a channel.
            Place::Conversation { message: None, .. } => String::new(),
            _ => "the name or its number alone, or with ".to_owned(),
        };
        let first = self.listed.first().map(ToString::to_string).unwrap_or_default();
        format!(
            "It is one of these:\n{}{more}\nAnswer here within 7 days, with {here}`/ostler {USE} {first}`.",
            lines.join("\n")
        )
    }

    /// What an event answers to this question; nothing where it is not an answer.
    #[must_use]
    pub fn answer(&self, event: &Event, standing: &Standing) -> Option<Answer> {
        let word = word(event)?;
        let insists = event.command.as_ref().is_some_and(|command| command.name == USE);
        let number = word.trim_start_matches('#').parse::<usize>().ok();
        let named = || RepositoryName::from_url_or_name(word).ok().filter(|_| word.contains('/'));
        let meant = match number {
            Some(number) => number.checked_sub(1).and_then(|at| self.listed.get(at)).cloned(),
            None => named(),
        };
        if meant.is_none() && number.is_none() && !insists {
            return None;
        }
        let known =
            meant.and_then(|meant| repositories(standing).into_iter().find(|name| same(name, &meant)));
        Some(known.map_or_else(|| Answer::Unfit(self.unfit(word, standing)), Answer::Repository))
    }

    fn unfit(&self, word: &str, standing: &Standing) -> String {
        let word: String = word.chars().filter(|c| *c != '`' && !c.is_control()).take(80).collect();
        let said = if word.is_empty() { "That".to_owned() } else { format!("`{word}`") };
        format!("{said} is none of the repositories that Ostler works on. {}", self.choices(standing))
    }

    /// What the event of the question starts, now that its repository is known.
    #[must_use]
    pub fn resume(
        &self,
        mut event: Event,
        repository: RepositoryName,
        rules: &Rules,
        standing: &Standing,
    ) -> Routing {
        event.repository = standing.forge.clone().map(|forge| RepositoryMention {
            forge,
            name: repository,
            default_branch: None,
            private: None,
        });
        let mut routing = route(event, rules, standing);
        routing.starts.retain(|start| self.triggers.contains(&start.trigger));
        routing.question = None;
        routing
    }
}

/// What an event says, where it could be the answer to a question: one word of a person who has just said it.
#[must_use]
pub fn word(event: &Event) -> Option<&str> {
    event.actor.as_ref().filter(|actor| !actor.bot && !actor.external)?;
    let last = event.kind.as_str().rsplit('.').next().unwrap_or_default();
    SAID.contains(&last).then_some(())?;
    let word = match &event.command {
        Some(command) if command.name == USE => command.args.first().map_or("", String::as_str),
        Some(command) if command.args.is_empty() && command.flags.is_empty() => &command.name,
        Some(_) => return None,
        None => event.comment.as_ref()?.body.trim(),
    };
    (word.len() <= LONGEST && !word.contains(char::is_whitespace)).then_some(word)
}

/// Whether somebody asks for work, rather than that something merely happened.
pub(super) fn is_request(event: &Event, standing: &Standing) -> bool {
    let given = event.assignee.as_ref().is_some_and(|account| standing.own.contains(account));
    event.command.is_some() || given || event.label.is_some()
}

/// The repositories of the map, each once, in order.
fn repositories(standing: &Standing) -> Vec<RepositoryName> {
    let mut names: Vec<_> = standing.repositories.0.values().cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Forges do not tell names apart by the case of their letters.
fn same(one: &RepositoryName, other: &RepositoryName) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}
