//! What the twins hold, asked in a test's words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tale::{Tale, Traces};

/// The bot's name on GitHub and Jira.
const BOT: &str = "ostler-bot";

/// The answer of `GET /twin/state`.
#[derive(Debug)]
pub(crate) struct State(pub(crate) Value);

impl State {
    /// A repository's branches with their commits.
    pub(crate) fn tips(&self, repository: &str) -> &Value {
        &self.repository(repository)["branches"]
    }

    /// An issue or a pull request by its number.
    pub(crate) fn conversation(&self, repository: &str, number: u64) -> &Value {
        let issues = list(&self.repository(repository)["issues"]);
        issues.chain(self.pulls(repository)).find(|found| found["number"] == number).unwrap_or(&Value::Null)
    }

    /// What the bot wrote on a task.
    pub(crate) fn bot_comments<'a>(&self, task: &'a Value) -> impl Iterator<Item = &'a Value> {
        list(&task["comments"]).filter(|comment| comment["author"] == BOT)
    }

    /// What the bot said, in whatever channel.
    pub(crate) fn bot_messages(&self) -> impl Iterator<Item = &Value> {
        let channels = list(&self.0["slack"]["channels"]);
        channels
            .flat_map(|channel| list(&channel["messages"]))
            .filter(|message| message["metadata"].is_object())
    }

    /// A channel with what was said in it.
    pub(crate) fn channel(&self, name: &str) -> &Value {
        list(&self.0["slack"]["channels"]).find(|channel| channel["name"] == name).unwrap_or(&Value::Null)
    }

    /// Every request that the twins answered, in order.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Value> {
        list(&self.0["requests"])
    }

    /// Every delivery that the twins sent.
    pub(crate) fn deliveries(&self) -> impl Iterator<Item = &Value> {
        list(&self.0["deliveries"])
    }

    /// Fails unless each of these tales came to its end, once, and nothing else was made.
    #[track_caller]
    pub(crate) fn assert_told_once(&self, tales: &[Tale]) {
        for tale in tales {
            assert_eq!(tale.traces(self), Traces::ONCE, "{tale:?}: {}", self.brief());
        }
        self.assert_no_more_than(tales);
        assert_eq!(self.bot_messages().count(), tales.len(), "{}", self.brief());
    }

    /// Fails if any of these tales, ended or not, left a trace twice, or if there is anything that
    /// none of them made.
    #[track_caller]
    pub(crate) fn assert_nothing_doubled(&self, tales: &[Tale]) {
        for tale in tales {
            let Traces { branches, pulls, comments, messages, .. } = tale.traces(self);
            let most = [branches, pulls, comments, messages].into_iter().max();
            assert!(most <= Some(1), "{tale:?}: {}", self.brief());
        }
        self.assert_no_more_than(tales);
        assert!(self.bot_messages().count() <= tales.len(), "{}", self.brief());
    }

    /// No branch, pull request or ticket that no tale accounts for.
    #[track_caller]
    fn assert_no_more_than(&self, tales: &[Tale]) {
        for repository in ["acme/shop", "acme/site", "acme/tools", "acme/bank"] {
            let own = tales.iter().filter(|tale| tale.repository() == repository).map(|tale| tale.branch());
            let expected: BTreeSet<String> = own.chain(seeded_branches(repository)).collect();
            let there = self.tips(repository).as_object().unwrap().keys().cloned().collect();
            let orphans: Vec<String> = BTreeSet::difference(&there, &expected).cloned().collect();
            assert!(orphans.is_empty(), "orphan branches in {repository}: {orphans:?}");
            let heads: Vec<&Value> = self.pulls(repository).into_iter().map(|pull| &pull["head"]).collect();
            let distinct: BTreeSet<String> = heads.iter().map(ToString::to_string).collect();
            assert_eq!(heads.len(), distinct.len(), "two pull requests of one branch: {}", self.brief());
        }
        let tickets: Vec<&String> = self.0["jira"]["tickets"].as_object().unwrap().keys().collect();
        let made = tickets.iter().filter(|key| *key != &"SHOP-7").count();
        let commands = tales.iter().filter(|tale| **tale == Tale::Command).count();
        assert!(made <= commands, "tickets: {tickets:?}");
    }

    /// The state without what is long.
    fn brief(&self) -> String {
        let mut value = self.0.clone();
        for part in ["requests", "deliveries"] {
            value.as_object_mut().unwrap().remove(part);
        }
        format!("{value:#}")
    }
}

fn seeded_branches(repository: &str) -> Vec<String> {
    let more = (repository == "acme/tools").then(|| "ada/join-path".to_owned());
    more.into_iter().chain(["main".to_owned()]).collect()
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
