//! Reading configuration files.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::environment::Environment;
use super::substitute::{Notice, substitute};
use super::{Choice, Config};
use crate::money::PriceList;
use crate::spec::near::nearest;

/// The file that is used where none is given and none is there.
const SHIPPED: &str = include_str!("../../ostler.yaml");

/// The file of variables that lies beside a configuration.
pub const SECRETS: &str = ".env";

/// What models cost where the configuration does not say.
const PRICES: &str = include_str!("prices.yaml");

/// A configuration, with what it leaves switched off.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The directory that relative paths in it start from.
    pub root: PathBuf,
    /// What is off because a variable is not set.
    pub notices: Vec<Notice>,
    /// The files that it is read from, whether they are there or not.
    pub files: Vec<PathBuf>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A file is not YAML.
    #[error("{}: {message}", file.display())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// Where and why not.
        message: String,
    },
    /// A variable is needed and not set.
    #[error("{}: {path}: the environment variable {variable} is not set (write ${{{variable}:-default}} to do without)", file.display())]
    Unset {
        /// The file.
        file: PathBuf,
        /// The key.
        path: String,
        /// The variable.
        variable: String,
    },
    /// A value is not what its key takes.
    #[error("{}: {path}: {message}", file.display())]
    Field {
        /// The file.
        file: PathBuf,
        /// The key.
        path: String,
        /// What is wrong.
        message: String,
    },
}

impl ConfigError {
    /// The file that is at fault.
    #[must_use]
    pub fn file(&self) -> &Path {
        match self {
            Self::Read { file, .. }
            | Self::Yaml { file, .. }
            | Self::Unset { file, .. }
            | Self::Field { file, .. } => file,
        }
    }

    /// The key in it, where the fault is one key's.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Unset { path, .. } | Self::Field { path, .. } => Some(path),
            Self::Read { .. } | Self::Yaml { .. } => None,
        }
    }
}

/// Loads the configuration: from `file`, else from `ostler.yaml` in the working directory, else the
/// shipped one.
///
/// # Errors
/// When a file cannot be read, does not parse, or holds what it may not.
pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Loaded, ConfigError> {
    let here = Path::new("ostler.yaml");
    let file = file.or_else(|| here.exists().then_some(here));
    let shown = file.unwrap_or(Path::new("(built-in ostler.yaml)"));
    let environment = &match file {
        Some(file) => beside(file, environment)?,
        None => environment.clone(),
    };
    let mut notices = Vec::new();
    let mut document = match file {
        Some(file) => document(file, environment, &mut notices)?,
        None => parse(shown, SHIPPED, environment, &mut notices)?,
    };
    if let (Some(file), Some(name)) = (file, environment.get("OSTLER_ENV")) {
        let overlay = file.with_extension(format!("{name}.yaml"));
        if overlay.exists() {
            merge(&mut document, self::document(&overlay, environment, &mut notices)?);
        }
    }
    for (path, value) in environment.overrides() {
        set(&mut document, &path, value);
    }
    let mut config: Config = typed(document, shown)?;
    let root = file.and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default();
    for choice in config.plugins.all_mut() {
        read_options(choice, &root, environment, &mut notices)?;
    }
    config.look_around(environment);
    let files = files(file.unwrap_or(here), &root, (environment, &config));
    Ok(Loaded { config, root, notices, files })
}

/// The files that a configuration is read from: its own, its overlay, the secrets beside it, those of plugins.
fn files(file: &Path, root: &Path, (environment, config): (&Environment, &Config)) -> Vec<PathBuf> {
    let overlay = environment.get("OSTLER_ENV").map(|name| file.with_extension(format!("{name}.yaml")));
    let own = [Some(file.to_owned()), Some(file.with_file_name(SECRETS)), overlay];
    let plugins = config.plugins.chosen().filter_map(|(_, choice)| choice.config_file.as_ref());
    own.into_iter().flatten().chain(plugins.map(|plugin| root.join(plugin))).collect()
}

/// The environment, with what the file of secrets beside the configuration adds to it.
fn beside(file: &Path, environment: &Environment) -> Result<Environment, ConfigError> {
    let secrets = file.with_file_name(SECRETS);
    environment.over(&secrets).map_err(|error| ConfigError::Read { file: secrets, error })
}

impl super::Plugins {
    fn all_mut(&mut self) -> [&mut Choice; 4] {
        [
            &mut self.task_management,
            &mut self.version_control,
            &mut self.documentation,
            &mut self.communication,
        ]
    }
}

/// Puts the options of a plugin's file under those that the configuration gives itself.
fn read_options(
    choice: &mut Choice,
    root: &Path,
    environment: &Environment,
    notices: &mut Vec<Notice>,
) -> Result<(), ConfigError> {
    let Some(file) = choice.config_file.as_ref().filter(|_| choice.enabled) else { return Ok(()) };
    let file = root.join(file);
    let mut options = document(&file, environment, notices)?;
    if let Some(provider) = options.as_object_mut().and_then(|map| map.remove("provider"))
        && provider.as_str() != Some(choice.provider.as_str())
    {
        let message = format!("the configuration chooses {}, this file is for {provider}", choice.provider);
        return Err(ConfigError::Field { file, path: "provider".to_owned(), message });
    }
    merge(&mut options, Value::Object(std::mem::take(&mut choice.options)));
    choice.options = typed(options, &file)?;
    Ok(())
}

fn document(file: &Path, environment: &Environment, notices: &mut Vec<Notice>) -> Result<Value, ConfigError> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| ConfigError::Read { file: file.to_owned(), error })?;
    parse(file, &text, environment, notices)
}

fn parse(
    file: &Path,
    text: &str,
    environment: &Environment,
    notices: &mut Vec<Notice>,
) -> Result<Value, ConfigError> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let document: Option<Map<String, Value>> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ConfigError::Yaml { file: file.to_owned(), message: error.to_string() })?;
    let mut document = Value::Object(document.unwrap_or_default());
    let found = substitute(&mut document, environment).map_err(|unset| ConfigError::Unset {
        file: file.to_owned(),
        path: unset.path,
        variable: unset.variable,
    })?;
    notices.extend(found);
    Ok(document)
}

pub(super) fn builtin_prices() -> PriceList {
    serde_saphyr::from_str(PRICES).unwrap_or_default()
}

pub(super) fn typed<T: DeserializeOwned>(document: Value, file: &Path) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(document).map_err(|error| ConfigError::Field {
        file: file.to_owned(),
        path: error.path().to_string(),
        message: with_nearest(error.into_inner().to_string()),
    })
}

/// A deserializer's message, with the word that was probably meant: of a word that it does not know it quotes
/// first the word, then those that it knows.
fn with_nearest(message: String) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next().filter(|_| message.starts_with("unknown "));
    match unknown.and_then(|word| nearest(word, quoted)) {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message,
    }
}

/// Lays `over` on `under`: mappings key by key, anything else whole.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

/// Sets the value at a path, read as YAML would read it.
fn set(document: &mut Value, path: &[String], text: &str) {
    let value = serde_saphyr::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let nested =
        path.iter().rev().fold(value, |value, key| Value::Object(Map::from_iter([(key.clone(), value)])));
    merge(document, nested);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Account;
    use crate::money::Limits;

    fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
        let file = dir.join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn the_shipped_configuration_loads_with_nothing_set() {
        let mut notices = Vec::new();
        let document = parse(Path::new("shipped"), SHIPPED, &Environment::default(), &mut notices).unwrap();
        let config: Config = typed(document, Path::new("shipped")).unwrap();
        assert_eq!(config.limits, Limits::default());
        assert!(notices.iter().any(|notice| notice.path == "sources.github.secrets"));
    }

    #[test]
    fn the_overlay_and_the_environment_come_after_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = write(dir.path(), "ostler.yaml", "system: {name: a}\nserver: {listen: 127.0.0.1:1}\n");
        write(dir.path(), "ostler.prod.yaml", "system: {name: b, max_concurrent_agents: 2}\n");
        let variables = [("OSTLER_ENV", "prod"), ("OSTLER_SERVER__LISTEN", "127.0.0.1:2")];
        let loaded = load(Some(&file), &Environment::from(variables)).unwrap();
        assert_eq!(loaded.config.system.name, "b");
        assert_eq!(loaded.config.system.max_concurrent_agents, 2);
        assert_eq!(loaded.config.server.listen.port(), 2);
    }

    #[test]
    fn people_who_may_start_work_are_not_programs_that_may_ask() {
        let dir = tempfile::tempdir().unwrap();
        let text = "security: {allow: [\"slack:U0ADA\"], bots: [\"github:Renovate[bot]\"]}\n";
        let file = write(dir.path(), "ostler.yaml", text);
        let config = load(Some(&file), &Environment::default()).unwrap().config;
        let written = |accounts: &[Account]| accounts.iter().map(Account::to_string).collect::<Vec<_>>();
        assert_eq!(written(&config.security.bots), ["github:renovate[bot]"]);
        // A program cannot be asked for its rights, so that being listed is its right.
        assert_eq!(written(&config.access().allow), ["slack:U0ADA", "github:renovate[bot]"]);
    }

    #[test]
    fn the_built_in_prices_are_there() {
        let price = builtin_prices().prices().of("claude-sonnet-4-5-20250929").unwrap();
        assert!(price.input < price.output && price.cache_read < price.input);
        for (name, listed) in builtin_prices().0 {
            let as_of: Result<jiff::civil::Date, _> = listed.as_of.unwrap_or_default().parse();
            assert!(as_of.is_ok(), "{name} does not say when it was listed so");
            assert!(listed.source.unwrap_or_default().starts_with("https://"), "{name} does not say where");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = write(dir.path(), "ostler.yaml", "limits: {monthly_bugdet: 3}\n");
        let error = load(Some(&file), &Environment::default()).unwrap_err().to_string();
        assert!(error.contains("monthly_bugdet") && error.contains("ostler.yaml"), "{error}");
        assert!(error.ends_with("did you mean `monthly_budget`?"), "{error}");
    }

    #[test]
    fn what_the_gate_lets_through_is_globs() {
        let dir = tempfile::tempdir().unwrap();
        let load = |text: &str| {
            let file = write(dir.path(), "ostler.yaml", text);
            super::load(Some(&file), &Environment::default())
        };
        let gate =
            load("security: {gate: {allow: ['.github/**'], max_files: 3}}\n").unwrap().config.security.gate;
        assert_eq!((gate.allow, gate.max_files, gate.max_bytes), (vec![".github/**".to_owned()], 3, 4 << 20));
        let error = load("security: {gate: {protect: ['a/{b']}}\n").unwrap_err().to_string();
        assert!(error.contains("security.gate.protect") && error.contains("a/{b"), "{error}");
    }

    #[test]
    fn a_plugins_file_is_read_under_its_own_options() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "jira.yaml", "provider: jira\nbase_url: http://a\ntoken: ${T}\n");
        let text = "plugins: {task_management: {provider: jira, config_file: jira.yaml, options: {base_url: http://b}}}";
        let file = write(dir.path(), "ostler.yaml", text);
        let loaded = load(Some(&file), &Environment::from([("T", "t")])).unwrap();
        let options = &loaded.config.plugins.task_management.options;
        assert_eq!(options["base_url"], "http://b");
        assert_eq!(options["token"], "t");
    }
}
