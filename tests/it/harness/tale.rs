//! What people do, and what each of it must leave behind.

use serde_json::{Value, json};

use super::state::State;
use super::twins::Twins;

/// Something that a person wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tale {
    /// A Jira ticket is given to the bot.
    Ticket,
    /// An issue of acme/site is labelled.
    Label(u64),
    /// A command stands in a comment on a pull request.
    Comment,
    /// A slash command is typed.
    Command,
}

/// What was found of a tale in the outside world.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    /// Branches made for it.
    pub(crate) branches: usize,
    /// Pull requests from its branch that stand at the branch's tip.
    pub(crate) pulls: usize,
    /// The bot's comments on its task.
    pub(crate) comments: usize,
    /// The bot's messages about it.
    pub(crate) messages: usize,
    /// Whether the change is the right one.
    pub(crate) right_change: bool,
    /// Whether its task waits for a review.
    pub(crate) in_review: bool,
}

impl Tale {
    /// The four ways in.
    pub(crate) const FOUR: [Self; 4] = [Self::Ticket, Self::Label(1), Self::Comment, Self::Command];

    /// Another issue of acme/site, opened but not yet labelled.
    pub(crate) async fn another(twins: &Twins, number: usize) -> Self {
        let title = format!("Slugs keep the dash of trailing punctuation, case {number}");
        let issue = json!({"repository": "acme/site", "title": title, "body": "`slug \"Hi!\"`", "by": "ada"});
        let opened = twins.act(json!({ "open_issue": issue })).await;
        Self::Label(opened["made"]["issue"].as_u64().expect("the issue has a number"))
    }

    /// Lets the person act.
    pub(crate) async fn tell(self, twins: &Twins) {
        twins.act(self.act()).await;
    }

    /// What the person does.
    pub(crate) fn act(self) -> Value {
        match self {
            Self::Ticket => json!({"assign": {"ticket": "SHOP-7", "by": "ada"}}),
            Self::Label(issue) => {
                json!({"label": {"repository": "acme/site", "issue": issue, "label": "ostler", "by": "ada"}})
            }
            Self::Comment => json!({"comment": {
                "repository": "acme/tools", "number": 1, "body": "/ostler fix this", "by": "ada",
            }}),
            Self::Command => json!({"command": {
                "channel": "#bank-dev", "user": "ada",
                "text": "/ostler implement monthly interest rounded to the cent",
            }}),
        }
    }

    /// The repository that its work is in.
    pub(crate) fn repository(self) -> &'static str {
        match self {
            Self::Ticket => "acme/shop",
            Self::Label(_) => "acme/site",
            Self::Comment => "acme/tools",
            Self::Command => "acme/bank",
        }
    }

    /// The branch that its work is on.
    pub(crate) fn branch(self) -> String {
        match self {
            Self::Ticket => "ostler/shop-7".to_owned(),
            Self::Label(issue) => format!("ostler/{issue}"),
            Self::Comment => "ada/join-path".to_owned(),
            Self::Command => "ostler/bank-1".to_owned(),
        }
    }

    /// A line that the right change adds.
    fn line(self) -> &'static str {
        match self {
            Self::Ticket => "+    echo $((sum - sum * discount / 100))",
            Self::Label(_) => "-e 's/-$//'",
            Self::Comment => r#"+    printf '%s/%s\n' "${1%/}" "$2""#,
            Self::Command => "/ 2) /",
        }
    }

    fn task(self, state: &State) -> &Value {
        match self {
            Self::Ticket => state.ticket("SHOP-7"),
            Self::Command => state.ticket("BANK-1"),
            Self::Label(issue) => state.conversation("acme/site", issue),
            Self::Comment => state.conversation("acme/tools", 1),
        }
    }

    /// What is there of it.
    pub(crate) fn traces(self, state: &State) -> Traces {
        let (repository, branch, task) = (self.repository(), self.branch(), self.task(state));
        let tip = &state.tips(repository)[&branch];
        let pulls: Vec<_> =
            state.pulls(repository).into_iter().filter(|pull| pull["head"] == branch.as_str()).collect();
        let url = pulls.first().map_or("", |pull| pull["url"].as_str().unwrap());
        let about = |text: &Value| !url.is_empty() && ends_with(text, url);
        let labels = task["labels"].to_string();
        Traces {
            branches: usize::from(tip.is_string()),
            pulls: pulls.iter().filter(|pull| pull["head_sha"] == *tip).count(),
            comments: state.bot_comments(task).count(),
            messages: state.bot_messages().filter(|message| about(&message["text"])).count(),
            right_change: pulls.iter().any(|pull| pull["diff"].as_str().unwrap().contains(self.line())),
            in_review: task["status"] == "In Review"
                || labels.contains("status: in review") && !labels.contains("status: in progress"),
        }
    }
}

/// Whether a text ends with an address: `…/pull/1` is not `…/pull/12`.
fn ends_with(text: &Value, url: &str) -> bool {
    text.as_str().is_some_and(|text| text.trim_end().ends_with(url))
}

impl Traces {
    /// Those of a tale that came to its end.
    pub(crate) const ONCE: Self =
        Self { branches: 1, pulls: 1, comments: 1, messages: 1, right_change: true, in_review: true };
}
