//! Configuration: the record of every part's options, from file, overlay and environment.
//!
//! What counts, the later the stronger: the built-in defaults, the file, its overlay for the environment
//! (`ostler.<OSTLER_ENV>.yaml` beside it), `OSTLER_SECTION__KEY` variables, the command line. `.env` beside
//! the file holds variables that the process was not given itself. Files know `${ENV}` and `${ENV:-default}`
//! only. A secret whose variable is unset switches its source or provider off with a [`Notice`]; any other
//! unset variable is an error.

pub mod environment;
mod host;
mod load;
mod schema;
mod substitute;
mod vendors;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

pub use self::environment::Environment;
pub use self::host::Toolchain;
pub use self::load::{ConfigError, Loaded, SECRETS, load};
pub use self::schema::schema;
pub use self::substitute::Notice;
use crate::agent::cassette;
use crate::event::Access;
use crate::event::{Account, RepositoryName, SourceName};
use crate::money::{Limits, PriceList, Prices};
use crate::plugin::registry;
use crate::spec::{Catalog, RepositoryMap};
use crate::store::{self, Caps};
use crate::workspace::guard::Guard;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The bot itself.
    pub system: System,
    /// Where it listens.
    pub server: Server,
    /// Where it keeps things.
    pub store: StoreOptions,
    /// Who may send deliveries, by source; each source's own options.
    #[schemars(with = "registry::Sources")]
    pub sources: BTreeMap<String, Value>,
    /// Who answers prompts.
    #[schemars(with = "registry::AiProvider")]
    pub ai_provider: AiProvider,
    /// Who is asked, one after the other, where that one cannot answer.
    #[schemars(with = "Vec<registry::AiProvider>")]
    pub ai_fallback: Vec<AiProvider>,
    /// The file that keeps what they are asked and answer, or answers in their place.
    pub cassette: cassette::Options,
    /// Which product serves each capability.
    pub plugins: Plugins,
    /// Where workflows come from.
    pub workflows: Workflows,
    /// What is allowed.
    pub security: Security,
    /// Project key, component or channel → repository.
    pub repositories: BTreeMap<String, RepositoryName>,
    /// Which accounts are one person's: `ada: ["github:ada", "slack:U0ADA"]`.
    pub identity: BTreeMap<String, Vec<Account>>,
    /// What may be spent.
    pub limits: Limits,
    /// What models cost, in place of the built-in table.
    pub prices: Option<PriceList>,
    /// How this machine's network is left: the process's own variables for proxies and certificates, for git.
    #[serde(skip)]
    pub network: BTreeMap<String, String>,
}

/// The bot itself.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct System {
    /// What it calls itself.
    pub name: String,
    /// Where runs have their checkouts.
    pub workspace_dir: PathBuf,
    /// How many runs work at once.
    pub max_concurrent_agents: usize,
    /// How many of one repository do; unless it is set, all but one.
    pub max_concurrent_per_repository: Option<usize>,
    /// How many of those do that one user's events started; unless it is set, all but one.
    pub max_concurrent_per_user: Option<usize>,
    /// How many runs may work or wait for their turn before deliveries that would start more are put off.
    pub max_backlog: usize,
    /// Whether edited files take effect by themselves.
    pub watch: bool,
    /// Whether how a run comes along is told where it was asked for, in one comment or message that is edited.
    pub status: bool,
}

/// Where Ostler listens.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// The address and port.
    pub listen: SocketAddr,
    /// The address by which others reach it, for links.
    pub public_url: Option<String>,
}

/// Where Ostler keeps things.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreOptions {
    /// `sled://DIRECTORY` or `memory://`.
    pub url: String,
}

/// Who answers prompts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct AiProvider {
    /// The provider: `anthropic`, `openai`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The model that roles use unless they say otherwise.
    pub model: Option<String>,
    /// The provider's own options: its key, its address.
    #[serde(flatten)]
    pub options: Map<String, Value>,
}

/// Which product serves each capability.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Plugins {
    /// Issues and tickets.
    pub task_management: Choice,
    /// Repositories.
    pub version_control: Choice,
    /// Pages.
    pub documentation: Choice,
    /// Messages.
    pub communication: Choice,
}

/// The product that serves a capability.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its name: `jira`, `github`, `slack`, `markdown`.
    pub provider: String,
    /// A file with its options.
    #[serde(default)]
    pub config_file: Option<PathBuf>,
    /// Its options, over those of the file.
    #[serde(default, alias = "connection")]
    pub options: Map<String, Value>,
    /// Whether it is used at all.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Where workflows come from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workflows {
    /// The workflow for requests that name none.
    pub default: Option<String>,
    /// A directory of workflows; its parent is the project root that prompts and handlers are found under.
    pub config_dir: Option<PathBuf>,
}

/// What is allowed.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// Whether a person must agree before anything is merged. Nothing in Ostler merges by itself.
    pub require_approval_for_merge: bool,
    /// Accounts that may start runs besides those whom the forge lets push (`jira:5b10…`, `slack:U0ADA`).
    pub allow: Vec<Account>,
    /// Programs that may ask like people (`github:renovate[bot]`): what any other program does
    /// starts nothing.
    pub bots: Vec<Account>,
    /// What the sandbox must be.
    pub sandbox: SandboxOptions,
    /// What a change may be that is published.
    pub gate: Guard,
}

/// What the sandbox must be.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxOptions {
    /// The level below which no command of an agent or a `shell` step is run.
    pub minimum: u8,
    /// What commands may read besides the system's own programs: where a toolchain is. Never a home whole.
    pub readable: Vec<PathBuf>,
    /// Where programs are looked for, in place of the system's usual directories.
    pub path: Option<String>,
    /// Variables that commands get. Never a secret.
    pub variables: BTreeMap<String, String>,
    /// Whether a `shell` step that asks for the network gets it: all of it, the host's own ports included.
    pub network: bool,
    /// The user's own Rust toolchains, where there are any.
    #[serde(skip)]
    pub toolchain: Option<Toolchain>,
}

fn yes() -> bool {
    true
}

impl Default for System {
    fn default() -> Self {
        Self {
            name: "ostler".to_owned(),
            workspace_dir: "./workspaces".into(),
            max_concurrent_agents: 5,
            max_concurrent_per_repository: None,
            max_concurrent_per_user: None,
            max_backlog: 20_000,
            watch: true,
            status: true,
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), public_url: None }
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { url: "sled://./data".to_owned() }
    }
}

impl Default for AiProvider {
    fn default() -> Self {
        Self { kind: "anthropic".to_owned(), model: None, options: Map::new() }
    }
}

impl AiProvider {
    /// The model that roles use unless they say otherwise.
    #[must_use]
    pub fn model(&self) -> String {
        self.model.clone().unwrap_or_else(|| registry::usual_model(&self.kind).to_owned())
    }
}

impl Default for Plugins {
    fn default() -> Self {
        let choice = |provider: &str| Choice {
            provider: provider.to_owned(),
            config_file: None,
            options: Map::new(),
            enabled: true,
        };
        Self {
            task_management: choice("jira"),
            version_control: choice("github"),
            documentation: choice("markdown"),
            communication: choice("slack"),
        }
    }
}

impl Default for Security {
    fn default() -> Self {
        Self {
            require_approval_for_merge: true,
            allow: Vec::new(),
            bots: Vec::new(),
            sandbox: SandboxOptions::default(),
            gate: Guard::default(),
        }
    }
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            minimum: 3,
            readable: Vec::new(),
            path: None,
            variables: BTreeMap::new(),
            network: false,
            toolchain: None,
        }
    }
}

impl System {
    /// How many answers are given at once, besides the runs that work.
    const BRIEF: usize = 2;

    /// How many runs may be in hand.
    #[must_use]
    pub fn caps(&self) -> Caps {
        let all = self.max_concurrent_agents.max(1);
        // Where there are but two slots, keeping one free would be half of all.
        let usual = if all > 2 { all - 1 } else { all };
        let of = |cap: Option<usize>| cap.unwrap_or(usual).max(1);
        Caps {
            all,
            per_repository: of(self.max_concurrent_per_repository),
            per_user: of(self.max_concurrent_per_user),
            brief: Self::BRIEF,
        }
    }
}

impl Config {
    /// How the store is run.
    #[must_use]
    pub fn store_options(&self) -> store::Options {
        let backlog = self.system.max_backlog.max(1);
        store::Options { caps: self.system.caps(), backlog, ..store::Options::default() }
    }

    /// The directory that the store and the admin socket are in; none for a store in memory.
    #[must_use]
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.store.url.strip_prefix("sled://").map(PathBuf::from)
    }

    /// The keys whose values here are others than in the configuration that Ostler was started with, and count
    /// from the next start only.
    #[must_use]
    pub fn at_next_start(&self, started: &Self) -> Vec<String> {
        let (now, then) = (&self.system, &started.system);
        let keys = [
            ("system.workspace_dir", now.workspace_dir != then.workspace_dir),
            ("system.max_concurrent_agents", now.max_concurrent_agents != then.max_concurrent_agents),
            (
                "system.max_concurrent_per_repository",
                now.max_concurrent_per_repository != then.max_concurrent_per_repository,
            ),
            ("system.max_concurrent_per_user", now.max_concurrent_per_user != then.max_concurrent_per_user),
            ("system.max_backlog", now.max_backlog != then.max_backlog),
            ("system.watch", now.watch != then.watch),
            ("system.status", now.status != then.status),
            ("server.listen", self.server.listen != started.server.listen),
            ("store.url", self.store != started.store),
            ("cassette", self.cassette != started.cassette),
            ("security.sandbox", self.security.sandbox != started.security.sandbox),
            ("security.gate", self.security.gate != started.security.gate),
        ];
        keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned()).collect()
    }

    /// The address by which others reach Ostler, where it is set; or why what is set is none.
    #[must_use]
    pub fn public_address(&self) -> Option<Result<Url, String>> {
        let text = self.server.public_url.as_deref().filter(|text| !text.is_empty())?;
        let parsed = Url::parse(text).map_err(|error| format!("server.public_url: {error}"));
        Some(parsed.and_then(|url| {
            let web = matches!(url.scheme(), "http" | "https") && url.has_host();
            if web { Ok(url) } else { Err("server.public_url is no address of the web".to_owned()) }
        }))
    }

    /// Where a source's deliveries arrive, for others.
    #[must_use]
    pub fn webhook_address(&self, source: &SourceName) -> Option<Url> {
        let public = self.public_address()?.ok()?;
        Url::parse(&format!("{}/webhooks/{source}", public.as_str().trim_end_matches('/'))).ok()
    }

    /// What models cost: the configured table, else the built-in one.
    ///
    /// # Panics
    /// Never: a test parses the built-in table.
    #[must_use]
    pub fn price_list(&self) -> PriceList {
        self.prices.clone().unwrap_or_else(load::builtin_prices)
    }

    /// The prices that runs keep.
    #[must_use]
    pub fn price_table(&self) -> Prices {
        self.price_list().prices()
    }

    /// The models that answer prompts where none is named: of whoever is asked first, then of the others.
    #[must_use]
    pub fn models(&self) -> Vec<String> {
        std::iter::once(&self.ai_provider).chain(&self.ai_fallback).map(AiProvider::model).collect()
    }

    /// What to know of the prices of the models that roles use, of each model that has none of its own.
    #[must_use]
    pub fn unpriced(&self, catalog: &Catalog) -> Vec<String> {
        let list = self.price_list();
        if list.0.is_empty() {
            return vec![
                "`prices` is empty: what a call may cost is not known, so no agent can work".to_owned(),
            ];
        }
        let roles = catalog.roles.values().filter_map(|role| role.model.clone());
        let models: BTreeSet<String> = self.models().into_iter().chain(roles).collect();
        let unknown = models.into_iter().filter(|model| list.entry(model).is_none());
        let told = |model: String| {
            format!(
                "no price is known of the model `{model}`: its calls count at the dearest of its family, or of the table; `prices` says what it costs"
            )
        };
        unknown.map(told).collect()
    }

    /// Where work for a project, component or channel goes.
    #[must_use]
    pub fn repository_map(&self) -> RepositoryMap {
        RepositoryMap(self.repositories.clone())
    }

    /// Who may start runs. A program that is listed needs no rights on the forge: programs have none
    /// there that could be asked for.
    #[must_use]
    pub fn access(&self) -> Access {
        let allow = self.security.allow.iter().chain(&self.security.bots).cloned().collect();
        Access { allow, people: self.identity.clone().into() }
    }
}

impl Plugins {
    /// The capabilities with the product that serves each, those switched off left out.
    pub fn chosen(&self) -> impl Iterator<Item = (&'static str, &Choice)> {
        [
            ("task_management", &self.task_management),
            ("version_control", &self.version_control),
            ("documentation", &self.documentation),
            ("communication", &self.communication),
        ]
        .into_iter()
        .filter(|(_, choice)| choice.enabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slot_is_left_to_others_where_there_are_enough() {
        let of = |text: &str| serde_saphyr::from_str::<System>(text).unwrap().caps();
        let caps = |all, per_repository, per_user| Caps { all, per_repository, per_user, brief: 2 };
        assert_eq!(of("{}"), caps(5, 4, 4));
        assert_eq!(of("{max_concurrent_agents: 2}"), caps(2, 2, 2));
        assert_eq!(of("{max_concurrent_agents: 0}"), caps(1, 1, 1));
        let set =
            of("{max_concurrent_agents: 9, max_concurrent_per_repository: 3, max_concurrent_per_user: 0}");
        assert_eq!(set, caps(9, 3, 1));
    }
}
