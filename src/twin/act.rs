//! What people do in the twins' world: each act changes the world and sends the webhook that it would.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::outbox::{Delivery, Sent};
use super::seed::Person;
use super::world::World;
use super::{github, gitlab, jira, linear, slack};

/// An act, as `{"verb": {…}}`; people go by their names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Act {
    /// Opens an issue on GitHub.
    OpenIssue { repository: String, title: String, body: Option<String>, by: String },
    /// Puts a label on an issue.
    Label { repository: String, issue: u64, label: String, by: String },
    /// Comments on an issue or a pull request.
    Comment { repository: String, number: u64, body: String, by: String },
    /// Merges a pull request.
    MergePull { repository: String, number: u64, by: String },
    /// Reviews a pull request.
    Review { repository: String, number: u64, review: github::NewReview, by: String },
    /// A check comes to its end, of the commit that a pull request stands at.
    Check { repository: String, number: u64, check: github::NewCheck },
    /// Puts a label on an issue on GitLab.
    LabelOnGitlab { project: String, issue: u64, label: String, by: String },
    /// Comments on an issue or a merge request on GitLab.
    NoteOnGitlab { project: String, issue: Option<u64>, merge_request: Option<u64>, body: String, by: String },
    /// Gives a Jira ticket to somebody, to Ostler unless it says to whom.
    Assign { ticket: String, to: Option<String>, by: String },
    /// Moves a Jira ticket to a status.
    MoveTicket { ticket: String, status: String, by: String },
    /// Comments on a Jira ticket.
    CommentTicket { ticket: String, body: String, by: String },
    /// Gives an issue in Linear to somebody, to Ostler unless it says to whom.
    AssignOnLinear { issue: String, to: Option<String>, by: String },
    /// Puts a label on an issue in Linear.
    LabelOnLinear { issue: String, label: String, by: String },
    /// Comments on an issue in Linear.
    CommentOnLinear { issue: String, body: String, by: String },
    /// Types a slash command in a channel.
    Command { channel: String, user: String, text: String },
    /// Mentions Ostler in a channel, or in the thread under one of its messages.
    Mention { channel: String, user: String, text: String, thread: Option<String> },
    /// Replies in the thread under a message.
    Reply { channel: String, user: String, text: String, thread: String },
    /// Puts an emoji under a message.
    React { channel: String, ts: String, emoji: String, user: String },
    /// Presses a button of a message.
    Press { channel: String, ts: String, action: String, value: Option<String>, user: String },
}

/// What came of an act.
#[derive(Debug)]
pub(super) struct Done {
    /// What was made, where something was.
    pub(super) made: Value,
    /// The answers to the delivery.
    pub(super) answers: Vec<Sent>,
}

/// What an act sends, before it is sent.
struct Prepared {
    delivery: Delivery,
    made: Value,
    /// Whom a text in the answer is shown to: the channel and the person.
    whisper: Option<(String, String)>,
}

impl From<Delivery> for Prepared {
    fn from(delivery: Delivery) -> Self {
        Self { delivery, made: Value::Null, whisper: None }
    }
}

impl Act {
    /// Does it, and delivers what it sends `times` times at once.
    pub(super) async fn perform(self, world: &Arc<World>, times: usize) -> Result<Done, String> {
        let Prepared { delivery, made, whisper } = match self {
            // Only a merge changes what is in git.
            Self::MergePull { repository, number, by } => {
                let by = &person(world, &by)?.name;
                let done = github::merge_by(world, (&repository, number), by).await;
                done.map(Into::into).map_err(|refusal| refusal.message)?
            }
            act => act.prepare(world)?,
        };
        let answers = world.outbox.deliver(delivery, times, world.now()).await;
        if let Some((channel, user)) = whisper {
            let said = answers.iter().filter_map(|answer| said(&answer.answer));
            let whispers = said.map(|text| (channel.clone(), user.clone(), text)).collect();
            world.slack().whisper(whispers);
        }
        Ok(Done { made, answers })
    }

    fn prepare(self, world: &World) -> Result<Prepared, String> {
        match self {
            Self::Command { channel, user, text } => command(world, &channel, &user, &text),
            Self::Mention { channel, user, text, thread } => {
                let by = person(world, &user)?;
                slack::mention_by(world, (&channel, thread), &text, by)
                    .map(Into::into)
                    .ok_or_else(|| no_channel(&channel))
            }
            Self::Reply { channel, user, text, thread } => {
                let by = person(world, &user)?;
                let replied = slack::reply_by(world, (&channel, thread), &text, by);
                replied.map(Into::into).ok_or_else(|| no_channel(&channel))
            }
            Self::React { channel, ts, emoji, user } => {
                let by = person(world, &user)?;
                let reacted = slack::react_by(world, (&channel, &ts), &emoji, by);
                reacted.map(Into::into).ok_or_else(|| no_channel(&channel))
            }
            Self::Press { channel, ts, action, value, user } => {
                let by = person(world, &user)?;
                let pressed = slack::press_by(world, (&channel, &ts), (&action, value.as_deref()), by);
                pressed.map(Into::into).ok_or_else(|| format!("there is no message {ts} in {channel}"))
            }
            Self::Assign { ticket, to, by } => {
                let to = to.unwrap_or_else(|| world.bot().name.clone());
                let done = jira::assign_by(world, &ticket, (&to, &by));
                done.map(Into::into).map_err(|refusal| refusal.messages.join(" "))
            }
            Self::CommentTicket { ticket, body, by } => {
                let done = jira::comment_by(world, &ticket, (&body, &by));
                done.map(Into::into).map_err(|refusal| refusal.messages.join(" "))
            }
            Self::MoveTicket { ticket, status, by } => {
                let done = jira::move_by(world, &ticket, (&status, &by));
                done.map(Into::into).map_err(|refusal| refusal.messages.join(" "))
            }
            Self::LabelOnGitlab { project, issue, label, by } => {
                let by = &person(world, &by)?.name;
                let place = gitlab::Place { project, change: false, iid: issue };
                let done = gitlab::label_by(world, &place, (&label, by));
                done.map(Into::into).map_err(|refusal| refusal.to_string())
            }
            Self::NoteOnGitlab { project, issue, merge_request, body, by } => {
                let by = &person(world, &by)?.name;
                let iid = issue.or(merge_request).ok_or("say which issue or merge request")?;
                let place = gitlab::Place { project, change: merge_request.is_some(), iid };
                let done = gitlab::note_by(world, &place, (&body, by));
                done.map(Into::into).map_err(|refusal| refusal.to_string())
            }
            elsewhere => elsewhere.prepare_on_linear(world),
        }
    }

    fn prepare_on_linear(self, world: &World) -> Result<Prepared, String> {
        let done = match self {
            Self::AssignOnLinear { issue, to, by } => {
                let to = to.unwrap_or_else(|| world.bot().name.clone());
                linear::assign_by(world, &issue, (&to, &by))
            }
            Self::LabelOnLinear { issue, label, by } => linear::label_by(world, &issue, (&label, &by)),
            Self::CommentOnLinear { issue, body, by } => linear::comment_by(world, &issue, (&body, &by)),
            on_github => return on_github.prepare_on_github(world),
        };
        done.map(Into::into).map_err(|refusal| refusal.to_string())
    }

    fn prepare_on_github(self, world: &World) -> Result<Prepared, String> {
        let done = match self {
            Self::OpenIssue { repository, title, body, by } => {
                let by = &person(world, &by)?.name;
                github::open_issue_by(world, &repository, (&title, body), by).map(|(issue, delivery)| {
                    Prepared { made: json!({"issue": issue.number}), ..Prepared::from(delivery) }
                })
            }
            Self::Label { repository, issue, label, by } => {
                let by = &person(world, &by)?.name;
                github::label_by(world, (&repository, issue), (&label, by)).map(Into::into)
            }
            Self::Comment { repository, number, body, by } => {
                let by = &person(world, &by)?.name;
                github::comment_by(world, (&repository, number), (&body, by)).map(Into::into)
            }
            Self::Review { repository, number, review, by } => {
                let by = &person(world, &by)?.name;
                github::review_by(world, (&repository, number), review, by).map(Into::into)
            }
            Self::Check { repository, number, check } => {
                github::check_by(world, (&repository, number), check).map(Into::into)
            }
            other => return Err(format!("{other:?} is not an act on GitHub")),
        };
        done.map_err(|refusal| refusal.message)
    }
}

fn command(world: &World, channel: &str, user: &str, text: &str) -> Result<Prepared, String> {
    let by = person(world, user)?;
    let (channel, delivery) =
        slack::command_by(world, (channel, text), by).ok_or_else(|| no_channel(channel))?;
    Ok(Prepared { whisper: Some((channel, by.slack.clone())), ..Prepared::from(delivery) })
}

/// The text that an answer to a command shows.
fn said(answer: &str) -> Option<String> {
    let text = match serde_json::from_str::<Value>(answer) {
        Ok(value) => value["text"].as_str()?.to_owned(),
        Err(_) => answer.to_owned(),
    };
    (!text.is_empty()).then_some(text)
}

fn person<'a>(world: &'a World, name: &str) -> Result<&'a Person, String> {
    world.person(name).ok_or_else(|| format!("nobody is called {name}"))
}

fn no_channel(name: &str) -> String {
    format!("there is no channel {name}")
}
