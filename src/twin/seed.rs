//! What the world begins with: `fixtures/world.yaml` and the files of its repositories.

use rust_embed::RustEmbed;
use serde::Deserialize;

use super::TwinError;

/// The beginning of the world.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seed {
    pub(super) people: Vec<Person>,
    pub(super) teams: Vec<TeamSeed>,
    pub(super) repositories: Vec<RepositorySeed>,
    /// Repositories on GitLab: their names are others, and in groups that are in one another.
    pub(super) projects_of_gitlab: Vec<RepositorySeed>,
    pub(super) labels: Vec<LabelSeed>,
    pub(super) projects: Vec<ProjectSeed>,
    pub(super) teams_of_linear: Vec<TeamOfLinearSeed>,
    pub(super) channels: Vec<ChannelSeed>,
}

/// Somebody, with an account on every service; the name is the GitHub login.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) display: String,
    pub(super) github_id: u64,
    pub(super) jira: String,
    pub(super) linear: String,
    pub(super) slack: String,
    pub(super) email: String,
    #[serde(default)]
    pub(super) bot: bool,
}

/// A team of an organisation on GitHub.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TeamSeed {
    /// `organization/team`.
    pub(super) name: String,
    pub(super) members: Vec<String>,
}

/// A repository, its files under `fixtures/repositories/<name>` unless they are given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepositorySeed {
    pub(super) name: String,
    pub(super) description: String,
    /// Who may push.
    pub(super) writers: Vec<String>,
    #[serde(default)]
    pub(super) branches: Vec<BranchSeed>,
    #[serde(default)]
    pub(super) issues: Vec<IssueSeed>,
    #[serde(default)]
    pub(super) pulls: Vec<PullSeed>,
    #[serde(skip)]
    pub(super) files: Option<Vec<SeedFile>>,
}

/// A branch of one commit over `main`, its files under `fixtures/repositories/<repository>@<branch>`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BranchSeed {
    pub(super) name: String,
    pub(super) author: String,
    pub(super) subject: String,
}

/// An issue of a repository.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueSeed {
    pub(super) title: String,
    pub(super) author: String,
    pub(super) body: String,
}

/// A pull request into `main`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PullSeed {
    pub(super) title: String,
    pub(super) author: String,
    pub(super) head: String,
    pub(super) body: String,
}

/// A label that every repository has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelSeed {
    pub(super) name: String,
    pub(super) color: String,
    pub(super) description: String,
}

/// A project in Jira.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectSeed {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) tickets: Vec<TicketSeed>,
}

/// A ticket in Jira.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketSeed {
    pub(super) number: u64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) reporter: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) labels: Vec<String>,
}

/// A team in Linear.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TeamOfLinearSeed {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) issues: Vec<IssueOfLinearSeed>,
}

/// An issue in Linear.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueOfLinearSeed {
    pub(super) number: u64,
    pub(super) creator: String,
    pub(super) title: String,
    pub(super) description: String,
}

/// A channel in Slack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelSeed {
    pub(super) id: String,
    pub(super) name: String,
}

/// A file of a repository's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedFile {
    /// Its path from the repository's root.
    pub path: String,
    /// What is in it. One that begins with `#!` can be run.
    pub bytes: Vec<u8>,
}

/// A repository that the world begins with besides its own, with one issue. Ada and the bot may push to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// `owner/name`.
    pub name: String,
    /// Its files.
    pub files: Vec<SeedFile>,
    /// The issue's title.
    pub title: String,
    /// The issue's text.
    pub body: String,
}

impl From<Repository> for RepositorySeed {
    fn from(repository: Repository) -> Self {
        let Repository { name, files, title, body } = repository;
        Self {
            description: title.clone(),
            writers: ["ada", "ostler-bot"].map(str::to_owned).to_vec(),
            issues: vec![IssueSeed { title, author: "ada".to_owned(), body }],
            branches: Vec::new(),
            pulls: Vec::new(),
            files: Some(files),
            name,
        }
    }
}

#[derive(RustEmbed)]
#[folder = "fixtures/repositories/"]
struct Files;

impl Seed {
    /// The beginning that is in the binary.
    pub(super) fn read() -> Result<Self, TwinError> {
        let fixture = |message: String| TwinError::Fixture { file: "fixtures/world.yaml".into(), message };
        let text = include_str!("../../fixtures/world.yaml");
        let seed: Self = serde_saphyr::from_str(text).map_err(|error| fixture(error.to_string()))?;
        if !seed.people.iter().any(|person| person.bot) {
            return Err(fixture("nobody is the bot".to_owned()));
        }
        Ok(seed)
    }
}

/// The files under a folder of `fixtures/repositories`, in the order of their paths.
pub(super) fn files(folder: &str) -> Vec<SeedFile> {
    let prefix = format!("{folder}/");
    let mut paths: Vec<_> = Files::iter().filter(|path| path.starts_with(&prefix)).collect();
    paths.sort();
    let read = |path: &str| {
        let file = Files::get(path)?;
        Some(SeedFile { path: path[prefix.len()..].to_owned(), bytes: file.data.into_owned() })
    };
    paths.iter().filter_map(|path| read(path)).collect()
}
