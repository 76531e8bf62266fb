//! The four stories: what a person does, and what is there when it has been dealt with.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::Value;

use super::teller::Teller;
use crate::cli::stage::Stage;
use crate::clock::{Clock, SystemClock};
use crate::event::TaskRef;
use crate::id::{EffectKey, EventId, RunId};
use crate::run::timeline::{StepLine, Timeline};
use crate::store::{Found, Happening, Query, RunStatus};

/// How long a story may take before the demo gives it up.
const PATIENCE: Duration = Duration::from_secs(180);

/// The bot's name among the twins' people.
const BOT: &str = "ostler-bot";

/// Something that a person does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story {
    /// Its name.
    pub(super) name: &'static str,
    /// What happens, for the telling.
    pub(super) about: &'static str,
    /// Who tells Ostler.
    pub(super) source: &'static str,
    /// What the twins are asked to do, as JSON.
    act: &'static str,
}

/// The four ways in.
pub(super) const STORIES: [Story; 4] = [
    Story {
        name: "ticket",
        about: "Ada assigns the Jira ticket SHOP-7 to the bot",
        source: "jira",
        act: r#"{"assign": {"ticket": "SHOP-7", "by": "ada"}}"#,
    },
    Story {
        name: "label",
        about: "Ada labels an issue of acme/site with `ostler`",
        source: "github",
        act: r#"{"label": {"repository": "acme/site", "issue": 1, "label": "ostler", "by": "ada"}}"#,
    },
    Story {
        name: "comment",
        about: "Ada comments `/ostler fix this` on a pull request of acme/tools",
        source: "github",
        act: r#"{"comment": {"repository": "acme/tools", "number": 1, "body": "/ostler fix this", "by": "ada"}}"#,
    },
    Story {
        name: "command",
        about: "Ada types `/ostler implement …` in the Slack channel #bank-dev",
        source: "slack",
        act: r##"{"command": {"channel": "#bank-dev", "user": "ada", "text": "/ostler implement monthly interest rounded to the cent"}}"##,
    },
];

/// A story that has been told.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Told {
    /// Its name.
    pub(super) name: &'static str,
    /// Who told Ostler.
    pub(super) source: &'static str,
    /// The event it became.
    pub(super) event_id: EventId,
    /// The run it started.
    pub(super) run_id: RunId,
    /// How the run ended.
    pub(super) status: RunStatus,
    /// Why, where it did not end well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The pull request.
    pub(super) pull_request: PullRequest,
    /// The ticket.
    pub(super) ticket: Ticket,
    /// The message to the team.
    pub(super) message: Message,
    /// What it cost.
    pub(super) cost_usd: f64,
    /// What was done.
    pub(super) steps: Vec<StepLine>,
    /// Whether another workflow than the shipped one told it.
    #[serde(skip)]
    pub(super) custom: bool,
}

/// A pull request as the forge shows it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct PullRequest {
    pub(super) url: String,
    pub(super) branch: String,
    pub(super) commit: String,
    /// Its diff, for the telling.
    #[serde(skip)]
    pub(super) diff: String,
}

/// A ticket as the tracker shows it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Ticket {
    pub(super) key: String,
    pub(super) status: String,
    /// The bot's comments.
    pub(super) comments: Vec<String>,
}

/// A message as the chat shows it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Message {
    pub(super) channel: String,
    pub(super) text: String,
}

impl Told {
    /// Whether the run succeeded and, where the shipped workflow told the story, all that belongs to it is
    /// there. What another workflow leaves behind is its author's to say.
    pub(super) fn ended_right(&self) -> bool {
        let published = !self.pull_request.url.is_empty() && !self.pull_request.commit.is_empty();
        let whole = published && !self.ticket.comments.is_empty() && !self.message.text.is_empty();
        self.status == RunStatus::Succeeded && (self.custom || whole)
    }
}

impl Story {
    /// Lets the person act and waits until Ostler has dealt with it.
    pub(super) async fn play(&self, stage: &Stage, teller: &Teller) -> anyhow::Result<Told> {
        let mut seen = stage.newest().await?;
        teller.begin(self);
        let act: Value = serde_json::from_str(self.act)?;
        stage.act(&act).await?;
        let (event_id, run_id) = self.follow(stage, teller, &mut seen).await?;
        self.collect(stage, event_id, run_id).await
    }

    /// Follows what happens from `seen` on until the run that this story starts has ended.
    async fn follow(
        &self,
        stage: &Stage,
        teller: &Teller,
        seen: &mut u64,
    ) -> anyhow::Result<(EventId, RunId)> {
        let clock = SystemClock;
        let deadline = clock.now() + PATIENCE;
        let mut run = None;
        while clock.now() < deadline {
            for progress in stage.app.store().tail(*seen, 100).await? {
                *seen = progress.seq;
                match progress.what {
                    Happening::Event { event } => teller.event(&stage.event(event).await?),
                    Happening::Record { run: id, entry } => {
                        teller.record(id, &entry);
                        run.get_or_insert(id);
                    }
                }
            }
            if let Some(id) = run
                && let Found::Run(summary) = stage.app.store().query(Query::Run(id)).await?
                && summary.status != RunStatus::Open
            {
                return Ok((summary.event, id));
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
        bail!("nothing more happened within {} s", PATIENCE.as_secs())
    }

    /// Reads what came of it where people would look: on the forge, the tracker and the chat.
    async fn collect(&self, stage: &Stage, event_id: EventId, run_id: RunId) -> anyhow::Result<Told> {
        let Found::Run(summary) = stage.app.store().query(Query::Run(run_id)).await? else {
            bail!("{run_id} is not in the store")
        };
        let journal = stage.app.store().load(run_id).await?.context("the run has no journal")?;
        let timeline = Timeline::of(&journal.entries);
        let state = State(stage.state().await?);
        let task = timeline.steps.first().map_or(Value::Null, |start| start.outputs["task"].clone());
        Ok(Told {
            name: self.name,
            source: self.source,
            event_id,
            run_id,
            status: summary.status,
            reason: summary.reason.clone(),
            pull_request: state.pull_request(timeline.work.change_url.as_deref().unwrap_or_default()),
            ticket: state.ticket(task["reference"].as_str().unwrap_or_default()),
            message: state.message(run_id),
            cost_usd: timeline.cost.dollars(),
            steps: timeline.steps,
            custom: stage.is_custom(),
        })
    }
}

/// What the twins' state says, read in a story's words.
#[derive(Debug)]
struct State(Value);

impl State {
    /// The pull request at an address.
    fn pull_request(&self, url: &str) -> PullRequest {
        let repositories = self.0["github"]["repositories"].as_object().into_iter().flatten();
        let pulls = repositories.flat_map(|(_, repository)| list(&repository["pulls"]));
        let found = pulls.into_iter().find(|pull| pull["url"] == url);
        found.map_or_else(PullRequest::default, |pull| PullRequest {
            url: url.to_owned(),
            branch: text(&pull["head"]),
            commit: text(&pull["head_sha"]),
            diff: text(&pull["diff"]),
        })
    }

    /// A task where its tracker shows it, with what the bot wrote there.
    fn ticket(&self, reference: &str) -> Ticket {
        let Ok(task) = reference.parse::<TaskRef>() else { return Ticket::default() };
        let ticket = &self.0["jira"]["tickets"][&task.key];
        if !ticket.is_null() {
            return Ticket { key: task.key, status: text(&ticket["status"]), comments: comments(ticket) };
        }
        let (repository, number) = task.key.split_once('#').unwrap_or_default();
        let repository = &self.0["github"]["repositories"][repository];
        let conversations = list(&repository["issues"]).chain(list(&repository["pulls"]));
        let number = number.parse::<u64>().ok();
        let found = conversations.into_iter().find(|issue| issue["number"].as_u64() == number);
        found.map_or_else(Ticket::default, |issue| Ticket {
            key: task.key.clone(),
            status: list(&issue["labels"])
                .map(text)
                .find(|label| label.starts_with("status:"))
                .unwrap_or_default(),
            comments: comments(issue),
        })
    }

    /// The message that a run sent.
    fn message(&self, run: RunId) -> Message {
        let channels = list(&self.0["slack"]["channels"]);
        let mut messages =
            channels.flat_map(|channel| list(&channel["messages"]).map(move |message| (channel, message)));
        let found = messages.find(|(_, message)| message["metadata"].to_string().contains(&run.to_string()));
        found.map_or_else(Message::default, |(channel, message)| Message {
            channel: format!("#{}", text(&channel["name"])),
            text: text(&message["text"]),
        })
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What the bot wrote on a task, without its marks.
fn comments(task: &Value) -> Vec<String> {
    let own = list(&task["comments"]).filter(|comment| comment["author"] == BOT);
    own.map(|comment| {
        text(&comment["body"]).split(EffectKey::MARKER_START).next().unwrap_or_default().trim().to_owned()
    })
    .collect()
}
