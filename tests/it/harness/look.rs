//! What the world holds, in the words of the stories, and what the command line says.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::State;
use super::state::list;

/// The bot's user in Slack.
const SLACK_BOT: &str = "U0BOT";

impl State {
    /// A repository of the forge.
    pub(crate) fn repository(&self, name: &str) -> &Value {
        &self.0["github"]["repositories"][name]
    }

    /// The pull requests of a repository.
    pub(crate) fn pulls(&self, repository: &str) -> Vec<&Value> {
        list(&self.repository(repository)["pulls"]).collect()
    }

    /// The names of a repository's branches.
    pub(crate) fn branches(&self, repository: &str) -> Vec<&str> {
        let branches = self.repository(repository)["branches"].as_object().unwrap();
        branches.keys().map(String::as_str).collect()
    }

    /// What the bot wrote under an issue or a pull request.
    pub(crate) fn answers_under(&self, repository: &str, number: u64) -> Vec<&str> {
        let conversation = self.conversation(repository, number);
        assert!(!conversation.is_null(), "there is such a conversation");
        self.bot_texts(conversation)
    }

    /// A ticket of the tracker.
    pub(crate) fn ticket(&self, key: &str) -> &Value {
        &self.0["jira"]["tickets"][key]
    }

    /// All tickets of the tracker, by their keys.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = (&str, &Value)> {
        let tickets = self.0["jira"]["tickets"].as_object().unwrap();
        tickets.iter().map(|(key, ticket)| (key.as_str(), ticket))
    }

    /// What the bot wrote under a ticket.
    pub(crate) fn answers_on(&self, key: &str) -> Vec<&str> {
        self.bot_texts(self.ticket(key))
    }

    fn bot_texts<'a>(&self, task: &'a Value) -> Vec<&'a str> {
        self.bot_comments(task).map(|comment| text(&comment["body"])).collect()
    }

    /// What the bot said in the chat: the channel and the text.
    pub(crate) fn messages(&self) -> Vec<(&str, &str)> {
        let channels = list(&self.0["slack"]["channels"]);
        let said = channels.flat_map(|channel| {
            let own = list(&channel["messages"]).filter(|message| message["user"] == SLACK_BOT);
            own.map(|message| (text(&channel["name"]), text(&message["text"])))
        });
        said.collect()
    }

    /// What one person alone was shown in the chat.
    pub(crate) fn whispers(&self) -> Vec<&str> {
        list(&self.0["slack"]["whispers"]).map(|whisper| text(&whisper["text"])).collect()
    }

    /// How often the model was asked.
    pub(crate) fn model_calls(&self) -> usize {
        let asked = list(&self.0["requests"]);
        asked.filter(|request| text(&request["path"]).starts_with("/anthropic/")).count()
    }

    /// Nothing was begun anywhere: no model was asked and no branch or pull request was made.
    pub(crate) fn assert_untouched(&self) {
        assert_eq!(self.model_calls(), 0, "a model was asked");
        assert_eq!(self.branches("acme/site"), ["main"]);
        assert_eq!(self.branches("acme/shop"), ["main"]);
        assert_eq!(self.branches("acme/bank"), ["main"]);
        assert_eq!(self.branches("acme/tools"), ["ada/join-path", "main"]);
        assert_eq!(self.pulls("acme/tools").len(), 1);
        for repository in ["acme/site", "acme/shop", "acme/bank"] {
            assert_eq!(self.pulls(repository).len(), 0, "{repository}");
        }
    }

    /// A clone of a repository, by git, from where the forge serves it.
    pub(crate) fn clone_of(&self, repository: &str) -> TempDir {
        let any = text(&self.pulls("acme/tools")[0]["url"]);
        let (base, _) = any.split_once("/github/").expect("an address of the forge");
        let place = tempfile::tempdir().unwrap();
        git(place.path(), &["clone", "--quiet", &format!("{base}/github/git/{repository}.git"), "."]);
        place
    }
}

/// Whether the tests of a clone pass at a commit or branch.
pub(crate) fn passes_at(clone: &Path, revision: &str) -> bool {
    git(clone, &["checkout", "--quiet", "--detach", revision]);
    let run = Command::new("sh").arg("tests/run.sh").current_dir(clone).stdout(Stdio::null()).status();
    run.unwrap().success()
}

/// Runs git, which must succeed, and gives what it says.
pub(crate) fn git(place: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .current_dir(place)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    let done = command.output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// What a command of the binary said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs the binary in a directory, with nothing of Ostler's in its environment, until it ends.
pub(crate) fn ostler(place: &Path, arguments: &[&str]) -> Said {
    ostler_with(place, arguments, &[])
}

/// The same, with these environment variables besides.
pub(super) fn ostler_with(place: &Path, arguments: &[&str], environment: &[(&str, String)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ostler"));
    let variables = environment.iter().map(|(name, value)| (*name, value.as_str()));
    command.args(arguments).current_dir(place).stdin(Stdio::null()).envs(variables).env_remove("OSTLER_LOG");
    let done = command.output().unwrap();
    Said {
        code: done.status.code().expect("it was not killed"),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
