//! Which task and which repository an event is about.

use serde_json::json;

use super::{Reason, Standing};
use crate::event::{Event, RepositoryMention, RepositoryName, TaskMention, TaskRef};
use crate::spec::Trigger;

/// What was found for an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The task that a command names, for events that mention none.
    pub task: Option<TaskRef>,
    /// The repository.
    pub repository: Option<RepositoryName>,
    /// The tracker's project that belongs to it.
    pub project: Option<String>,
    /// The channel that the map gives to it, with its `#`.
    pub channel: Option<String>,
    /// The keys that the map was asked for.
    tried: Vec<String>,
}

impl Target {
    /// Looks for an event's task and repository.
    ///
    /// The repository is the event's own; else the one that the command's `--repo` asks for, if it is
    /// one of the map's; else the one that a field of the task names, if it is one of the map's; else what
    /// the map says for a component, the project, the channel, in this order: the narrower comes first. A repository that is asked for and not on the map is none:
    /// guessing another would be work in the wrong place. The repository in a typed task's name counts
    /// only if it is on the map, too.
    #[must_use]
    pub fn of(event: &Event, standing: &Standing) -> Self {
        let own = event.repository.as_ref().map(|repository| repository.name.clone());
        let named = named_task(event, standing);
        let task = event.task.as_ref().map(|task| task.reference.clone()).or_else(|| named.clone());
        let asked = event.command.as_ref().and_then(|command| command.flags.get("repo"));
        let (tried, found) = match asked {
            Some(asked) if own.is_none() => (vec![format!("--repo {asked}")], listed(asked, standing)),
            _ => {
                let keys = keys(event, task.as_ref());
                let field = event.task.as_ref().and_then(|task| listed(task.repository.as_ref()?, standing));
                let mapped = || keys.iter().find_map(|key| standing.repositories.0.get(key)).cloned();
                let found = field.or_else(mapped);
                (keys, found)
            }
        };
        let lived_in = || listed(named.as_ref()?.key.split_once('#')?.0, standing);
        let repository = own.or_else(lived_in).or(found);
        let project = repository.as_ref().and_then(|repository| project(task.as_ref(), repository, standing));
        let channel = repository.as_ref().and_then(|repository| channel(repository, standing));
        Self { task: named, repository, project, channel, tried }
    }

    /// Puts what was found into the event.
    pub fn complete(&self, event: &mut Event, standing: &Standing) {
        if let Some(task) = &self.task {
            event.subject = task.subject();
            event.task = Some(TaskMention::to(task.clone()));
        }
        if event.repository.is_none() {
            let mention = |(name, forge): (&RepositoryName, &_)| RepositoryMention {
                forge: Clone::clone(forge),
                name: name.clone(),
                default_branch: None,
                private: None,
            };
            event.repository = self.repository.as_ref().zip(standing.forge.as_ref()).map(mention);
        }
    }

    /// The keys that the map was asked for.
    #[must_use]
    pub fn tried(&self) -> &[String] {
        &self.tried
    }

    /// The reason of a trigger that wants an event whose repository is not known.
    #[must_use]
    pub fn missing(&self, trigger: &Trigger) -> Reason {
        let expected = json!(
            "the event's own repository, or one that `repositories` maps its component, project or channel to"
        );
        Reason::blocked(trigger, "repository", expected, json!({"no_entry_for": self.tried}))
    }
}

/// The task that a command's first argument names, where the event itself mentions none: `SHOP-7` at the
/// configured tracker, `acme/shop#12` at the forge.
fn named_task(event: &Event, standing: &Standing) -> Option<TaskRef> {
    let word = event.command.as_ref().filter(|_| event.task.is_none())?.args.first()?;
    if let Some((repository, number)) = word.split_once('#') {
        let sound = repository.parse::<RepositoryName>().is_ok() && number.parse::<u64>().is_ok();
        return standing.forge.as_ref().filter(|_| sound).map(|forge| TaskRef::new(forge.as_str(), word));
    }
    let (project, number) = word.rsplit_once('-')?;
    let project = project.to_uppercase();
    let tracker = standing.tracker.as_ref().filter(|tracker| Some(*tracker) != standing.forge.as_ref())?;
    let sound =
        is_project(&project) && number.bytes().all(|digit| digit.is_ascii_digit()) && !number.is_empty();
    sound.then(|| TaskRef::new(tracker.as_str(), format!("{project}-{number}")))
}

/// What the map may know an event by, the narrower first.
fn keys(event: &Event, task: Option<&TaskRef>) -> Vec<String> {
    let mut keys = event.task.as_ref().map(|task| task.components.clone()).unwrap_or_default();
    keys.extend(task.and_then(project_of).map(str::to_owned));
    keys.extend(event.incident.as_ref().and_then(|incident| incident.service.clone()));
    if let Some(thread) = &event.thread {
        keys.extend(thread.channel_name.as_ref().map(|name| format!("#{}", name.trim_start_matches('#'))));
        // Slack calls every private channel `privategroup`: those can be told by their id.
        keys.push(thread.channel.clone());
    }
    keys
}

/// The repository of this name, if it is one of the map's.
fn listed(name: &str, standing: &Standing) -> Option<RepositoryName> {
    let name = RepositoryName::from_url_or_name(name).ok()?;
    standing.repositories.0.values().find(|listed| **listed == name).cloned()
}

/// The project of a repository: the task's own where the map agrees, else the first key that looks like one.
fn project(task: Option<&TaskRef>, repository: &RepositoryName, standing: &Standing) -> Option<String> {
    let belongs = |key: &&str| standing.repositories.0.get(*key) == Some(repository);
    let own = task.and_then(project_of).filter(belongs);
    let keys = standing.repositories.0.keys().map(String::as_str);
    let other = || keys.filter(|key| is_project(key)).find(belongs);
    own.or_else(other).map(str::to_owned)
}

/// The channel of a repository: the first of the map's keys that names one.
fn channel(repository: &RepositoryName, standing: &Standing) -> Option<String> {
    let mut entries = standing.repositories.0.iter();
    entries.find(|(key, mapped)| key.starts_with('#') && *mapped == repository).map(|(key, _)| key.clone())
}

/// The project's part of a task's key, for trackers that have one: `SHOP` of `SHOP-7`.
fn project_of(task: &TaskRef) -> Option<&str> {
    task.key.rsplit_once('-').map(|(project, _)| project).filter(|project| is_project(project))
}

/// Whether a word has the shape of a project's key.
fn is_project(word: &str) -> bool {
    let sound = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    word.len() >= 2 && word.starts_with(|c: char| c.is_ascii_uppercase()) && word.chars().all(sound)
}
