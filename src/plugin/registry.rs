//! The one place that names vendors: which products there are, and which serve what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::anthropic::{self, Anthropic};
use super::github::setup::GithubApps;
use super::github::{self, GitHub};
use super::gitlab::{self, GitLab};
use super::jira::{self, Jira};
use super::linear::{self, Linear};
use super::listen::Listen;
use super::markdown::{self, Markdown};
use super::openai::{self, OpenAi};
use super::setup::{Apps, Guide};
use super::slack::{self, Slack};
use super::{
    Call, Chat, Checkup, Docs, Fetch, Forge, Hooks, Model, PluginError, Problem, Source, Tracker, client,
};
use super::{confluence, discord, generic, notion, pagerduty, sentry, standard};
use crate::clock::Clock;
use crate::event::{Account, Event, SourceName};
use crate::spec::Vocabulary;
use crate::spec::action::ActionSpec;

/// Everything that serves a capability, by provider name.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Who sends deliveries.
    pub sources: BTreeMap<SourceName, Arc<dyn Source>>,
    /// Who keeps tasks.
    pub trackers: BTreeMap<SourceName, Arc<dyn Tracker>>,
    /// Who keeps repositories.
    pub forges: BTreeMap<SourceName, Arc<dyn Forge>>,
    /// Who carries messages.
    pub chats: BTreeMap<SourceName, Arc<dyn Chat>>,
    /// Who keeps documentation.
    pub docs: BTreeMap<SourceName, Arc<dyn Docs>>,
    /// Who answers prompts: whoever is asked first, then those that are asked where that one cannot answer.
    pub models: Vec<Answering>,
    /// Whose webhooks can be set up.
    pub hooks: BTreeMap<SourceName, Arc<dyn Hooks>>,
    /// Who can be looked at, each once.
    pub checkups: Vec<Arc<dyn Checkup>>,
    /// Who can be asked for deliveries.
    pub fetchers: Vec<Arc<dyn Fetch>>,
    /// Who can be listened to.
    pub listeners: Vec<Arc<dyn Listen>>,
}

/// A model, with whoever has it.
#[derive(Debug, Clone)]
pub struct Answering {
    /// Its name.
    pub model: String,
    /// Who has it.
    pub provider: Arc<dyn Model>,
}

/// What is configured of every vendor. A vendor without options serves nothing.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Who may send deliveries.
    pub sources: Sources,
    /// GitHub: forge and tracker.
    pub github: Option<github::Options>,
    /// GitLab: forge and tracker.
    pub gitlab: Option<gitlab::Options>,
    /// Jira: tracker.
    pub jira: Option<jira::Options>,
    /// Linear: tracker.
    pub linear: Option<linear::Options>,
    /// Slack: chat.
    pub slack: Option<slack::Options>,
    /// Markdown pages in the repository: there without being configured.
    pub markdown: markdown::Options,
    /// The provider of models.
    pub ai_provider: Option<AiProvider>,
    /// The providers that are asked, one after the other, where that one cannot answer.
    pub ai_fallback: Vec<AiProvider>,
}

/// Declares the senders of deliveries: each by its folder, with the kind of source that it is.
macro_rules! sources {
    ($($(#[$doc:meta])* $vendor:ident: $source:ident,)*) => {
        /// The senders of deliveries. One without a secret is off.
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct Sources {
            $($(#[$doc])* pub $vendor: Option<$vendor::source::SourceOptions>,)*
        }

        impl Sources {
            /// All of them, with nothing configured.
            fn every() -> Self {
                Self { $($vendor: Some($vendor::source::SourceOptions::default()),)* }
            }

            /// A source for each that is configured.
            fn build(self) -> Vec<Arc<dyn Source>> {
                let mut all: Vec<Arc<dyn Source>> = Vec::new();
                $(all.extend(self.$vendor.map(|options| Arc::new($vendor::source::$source::new(options)) as _));)*
                all
            }
        }

        /// The kinds of event that the sources are known to make, configured or not.
        #[must_use]
        pub fn kinds() -> Vec<&'static str> {
            [Event::OWN_KINDS, $($vendor::source::KINDS),*].concat()
        }
    };
}

sources! {
    /// Confluence's webhooks and rules.
    confluence: ConfluenceSource,
    /// Discord's interactions and events.
    discord: DiscordSource,
    /// Any sender that signs, by name.
    generic: GenericSource,
    /// GitHub's webhooks.
    github: GithubSource,
    /// GitLab's webhooks.
    gitlab: GitlabSource,
    /// Jira's webhooks.
    jira: JiraSource,
    /// Linear's webhooks.
    linear: LinearSource,
    /// Notion's webhooks.
    notion: NotionSource,
    /// PagerDuty's webhooks.
    pagerduty: PagerdutySource,
    /// Sentry's integration webhooks.
    sentry: SentrySource,
    /// Slack's events, commands and buttons.
    slack: SlackSource,
    /// Any sender of Standard Webhooks, by name.
    standard: StandardSource,
}

/// The schemas of what is configured of those that serve a capability, by their names.
pub fn options_of_vendors(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut schema = Options::json_schema(generator);
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let mut vendors = properties.map(std::mem::take).unwrap_or_default();
    vendors.retain(|name, _| !matches!(name.as_str(), "sources" | "ai_provider" | "ai_fallback"));
    vendors
}

/// Who answers prompts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AiProvider {
    /// Anthropic's Messages API.
    Anthropic(anthropic::Options),
    /// OpenAI's APIs, or a server that speaks as they do.
    Openai(openai::Options),
}

impl AiProvider {
    /// Whether nothing is missing that is needed to ask it.
    #[must_use]
    pub fn suffices(&self) -> bool {
        match self {
            Self::Anthropic(options) => client::given(options.api_key.as_ref()).is_some(),
            Self::Openai(options) => options.suffice(),
        }
    }

    fn connect(
        &self,
        clock: &Arc<dyn Clock>,
        http: reqwest::Client,
    ) -> Result<(Answering, Arc<dyn Checkup>), PluginError> {
        let clock = Arc::clone(clock);
        match self {
            Self::Anthropic(options) => {
                let provider = Arc::new(Anthropic::new(options, clock, http)?);
                let model = options.model.clone().unwrap_or_else(|| anthropic::options::MODEL.to_owned());
                Ok((Answering { model, provider: Arc::clone(&provider) as _ }, provider))
            }
            Self::Openai(options) => {
                let provider = Arc::new(OpenAi::new(options, clock, http)?);
                let model = options.model.clone().unwrap_or_else(|| openai::options::MODEL.to_owned());
                Ok((Answering { model, provider: Arc::clone(&provider) as _ }, provider))
            }
        }
    }
}

/// The model of a provider that is used where none is named.
#[must_use]
pub fn usual_model(provider: &str) -> &'static str {
    if provider == openai::setup::GUIDE.provider { openai::options::MODEL } else { anthropic::options::MODEL }
}

impl Options {
    /// What is wrong with how sources are polled or listened to: that is done through the plugin of the same name.
    fn poll_problem(&self) -> Option<PluginError> {
        let github = self.sources.github.as_ref().filter(|source| source.poll.is_some());
        let gitlab = self.sources.gitlab.as_ref().filter(|source| source.poll.is_some());
        let jira = self.sources.jira.as_ref().filter(|source| source.poll.is_some());
        let slack = self.sources.slack.as_ref().filter(|source| source.is_heard());
        let unheard = "`app_token` listens through the plugin of the same name, and none is configured";
        let twice = "`app_token` and `signing_secrets` exclude each other: Slack sends to one of them only";
        let unbuilt = "`app_token` needs an Ostler that is built with the feature `socket-mode`";
        let linear = self.sources.linear.as_ref().filter(|source| source.poll.is_some());
        let unasked = "`poll` asks through the plugin of the same name, and none is configured";
        let unnamed = "`poll` needs `repositories` to ask";
        // A webhook tells of a label's moment in another second now and then.
        let sent = "`poll` and `secrets` exclude each other: what is sent need not be asked for";
        let wrongs = [
            ("jira", jira.is_some() && self.jira.is_none(), unasked),
            ("github", github.is_some() && self.github.is_none(), unasked),
            ("gitlab", gitlab.is_some() && self.gitlab.is_none(), unasked),
            ("github", github.is_some_and(|source| source.repositories.is_empty()), unnamed),
            ("gitlab", gitlab.is_some_and(|source| source.repositories.is_empty()), unnamed),
            ("github", github.is_some_and(|source| !source.secrets.is_empty()), sent),
            ("gitlab", gitlab.is_some_and(gitlab::source::SourceOptions::is_sent), sent),
            ("slack", slack.is_some() && !cfg!(feature = "socket-mode"), unbuilt),
            ("slack", slack.is_some() && self.slack.is_none(), unheard),
            ("slack", slack.is_some_and(slack::source::SourceOptions::is_sent), twice),
            ("linear", linear.is_some() && self.linear.is_none(), unasked),
            ("linear", linear.is_some_and(|source| !source.secrets.is_empty()), sent),
        ];
        let wrong = wrongs.into_iter().find(|(_, is_wrong, _)| *is_wrong);
        wrong.map(|(vendor, _, message)| PluginError::new(vendor, Problem::NotOffered, message))
    }
}

/// Vendors that cannot be made as they are configured.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryError {
    /// There is no way out at all.
    #[error("cannot prepare outgoing connections: {0}")]
    Transport(String),
    /// One vendor's options do not suffice.
    #[error(transparent)]
    Vendor(#[from] PluginError),
}

impl Registry {
    /// Makes every vendor that is configured, inside the runtime. Nobody is called yet.
    ///
    /// # Errors
    /// When a vendor's options do not suffice.
    pub fn build(options: Options, clock: &Arc<dyn Clock>) -> Result<Self, RegistryError> {
        let http = client::transport().map_err(|error| RegistryError::Transport(error.to_string()))?;
        options.poll_problem().map_or(Ok(()), Err)?;
        let mut registry = Self::default();
        let mut sources = options.sources.clone();
        if let (Some(source), Some(tracker)) = (&mut sources.jira, &options.jira) {
            source.repository_field.clone_from(&tracker.fields.repository);
        }
        registry.sources.extend(sources.build().into_iter().map(|source| (source.name(), source)));
        if let Some(github) = options.github {
            let github = Arc::new(GitHub::new(github, Arc::clone(clock), http.clone())?);
            if let Some(source) = &options.sources.github {
                registry.fetchers.extend(github::fetch::all(&github, source));
            }
            registry.add_tracker(Arc::clone(&github) as _);
            registry.add_hooks(Arc::clone(&github) as _);
            registry.checkups.push(Arc::clone(&github) as _);
            registry.forges.insert(Forge::name(github.as_ref()), github);
        }
        if let Some(gitlab) = options.gitlab {
            let gitlab = Arc::new(GitLab::new(gitlab, Arc::clone(clock), http.clone())?);
            if let Some(source) = &options.sources.gitlab {
                registry.fetchers.extend(gitlab::fetch::all(&gitlab, source));
            }
            registry.add_tracker(Arc::clone(&gitlab) as _);
            registry.add_hooks(Arc::clone(&gitlab) as _);
            registry.checkups.push(Arc::clone(&gitlab) as _);
            registry.forges.insert(Forge::name(gitlab.as_ref()), gitlab);
        }
        if let Some(jira) = options.jira {
            let jira = Arc::new(Jira::new(jira, Arc::clone(clock), http.clone())?);
            if let Some(source) = &options.sources.jira {
                registry.fetchers.extend(jira::fetch::all(&jira, source));
            }
            registry.add_hooks(Arc::clone(&jira) as _);
            registry.checkups.push(Arc::clone(&jira) as _);
            registry.add_tracker(jira);
        }
        if let Some(linear) = options.linear {
            let linear = Arc::new(Linear::new(linear, Arc::clone(clock), http.clone())?);
            if let Some(source) = &options.sources.linear {
                registry.fetchers.extend(linear::fetch::all(&linear, source));
            }
            registry.add_hooks(Arc::clone(&linear) as _);
            registry.checkups.push(Arc::clone(&linear) as _);
            registry.add_tracker(linear);
        }
        if let Some(slack) = options.slack {
            let slack = Arc::new(Slack::new(slack, Arc::clone(clock), http.clone())?);
            if let Some(source) = &options.sources.slack {
                registry.fetchers.extend(slack::fetch::all(&slack, source));
                #[cfg(feature = "socket-mode")]
                registry.listen_to(&slack, source)?;
            }
            registry.checkups.push(Arc::clone(&slack) as _);
            registry.chats.insert(Chat::name(slack.as_ref()), slack);
        }
        let markdown = Arc::new(Markdown::new(options.markdown));
        registry.docs.insert(markdown.name(), markdown);
        for provider in options.ai_provider.iter().chain(&options.ai_fallback) {
            let (answering, checkup) = provider.connect(clock, http.clone())?;
            registry.checkups.push(checkup);
            registry.models.push(answering);
        }
        Ok(registry)
    }

    /// The providers on which Ostler has an account that is not among these.
    #[must_use]
    pub fn strangers(&self, known: &[Account]) -> BTreeSet<SourceName> {
        let providers = self.trackers.keys().chain(self.forges.keys()).chain(self.chats.keys());
        providers.filter(|name| known.iter().all(|account| account.vendor != **name)).cloned().collect()
    }

    /// Asks who Ostler is on each provider where that is not among what is `known`, so that its own doings
    /// are recognised when they come back as deliveries. One that does not answer is said in the log.
    pub async fn learn_own(&self, known: &[Account]) -> Vec<Account> {
        let strangers = self.strangers(known);
        let asked = self.trackers.values().map(|each| (each.name(), each.whoami()));
        let asked = asked.chain(self.forges.values().map(|each| (each.name(), each.whoami())));
        let asked = asked.chain(self.chats.values().map(|each| (each.name(), each.whoami())));
        let asked = asked.filter(|(name, _)| strangers.contains(name));
        let answers = futures_util::future::join_all(asked.map(answer)).await;
        let learned: BTreeSet<Account> = answers.into_iter().flatten().collect();
        learned.into_iter().collect()
    }

    #[cfg(feature = "socket-mode")]
    fn listen_to(
        &mut self,
        slack: &Arc<Slack>,
        source: &slack::source::SourceOptions,
    ) -> Result<(), RegistryError> {
        if source.is_heard() {
            let http = client::socket::transport();
            let http = http.map_err(|error| RegistryError::Transport(error.to_string()))?;
            let heard = slack::listen::SocketMode::of(slack, source, http).map(Arc::new);
            self.checkups.extend(heard.clone().map(|one| one as Arc<dyn Checkup>));
            self.listeners.extend(heard.map(|one| one as Arc<dyn Listen>));
        }
        Ok(())
    }

    fn add_hooks(&mut self, hooks: Arc<dyn Hooks>) {
        self.hooks.insert(hooks.name(), hooks);
    }

    fn add_tracker(&mut self, tracker: Arc<dyn Tracker>) {
        self.trackers.insert(tracker.name(), tracker);
    }
}

async fn answer((name, whoami): (SourceName, Call<'_, Account>)) -> Option<Account> {
    whoami.await.inspect_err(|error| tracing::warn!(provider = %name, %error, "own account not learned")).ok()
}

/// Every source that is known, without any secret: good for understanding deliveries, not for taking them.
#[must_use]
pub fn sources() -> BTreeMap<SourceName, Arc<dyn Source>> {
    Sources::every().build().into_iter().map(|source| (source.name(), source)).collect()
}

/// What workflows and handlers can speak of.
#[must_use]
pub fn vocabulary() -> Vocabulary {
    Vocabulary { actions: actions(), kinds: kinds() }
}

/// What there is to know of every vendor before it can be worked with, the most specialised first.
#[must_use]
pub fn guides() -> Vec<&'static Guide> {
    let mut guides: Vec<&'static Guide> = vec![
        &jira::setup::GUIDE,
        &github::setup::GUIDE,
        &gitlab::setup::GUIDE,
        &linear::setup::GUIDE,
        &slack::setup::GUIDE,
        &anthropic::setup::GUIDE,
        &openai::setup::GUIDE,
        &confluence::setup::GUIDE,
        &notion::setup::GUIDE,
        &discord::setup::GUIDE,
        &sentry::setup::GUIDE,
        &pagerduty::setup::GUIDE,
    ];
    guides.sort_by_key(|guide| guide.serves.len());
    guides
}

/// A service on which an App can be made in the browser, by these options of its plugin; none where that is not
/// how it is set up.
///
/// # Errors
/// When the options are none of its.
pub fn apps(
    provider: &str,
    options: serde_json::Map<String, serde_json::Value>,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Box<dyn Apps>>, RegistryError> {
    if provider != github::setup::GUIDE.provider {
        return Ok(None);
    }
    let http = client::transport().map_err(|error| RegistryError::Transport(error.to_string()))?;
    let options: Result<github::Options, _> = serde_json::from_value(options.into());
    let options = options.map_err(|error| PluginError::new(provider, Problem::Invalid, error.to_string()))?;
    Ok(Some(Box::new(GithubApps::new(&options, Arc::clone(clock), http))))
}

/// Every action that a workflow can name.
#[must_use]
pub fn actions() -> Vec<ActionSpec> {
    let capabilities = [super::tracker::actions(), super::forge::actions(), super::chat::actions()];
    capabilities.into_iter().flatten().chain(super::docs::actions()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugin::client::testing::{JumpClock, Server, json};
    use crate::spec::action::{Repeat, Undo};

    fn build(options: serde_json::Value) -> Result<Registry, RegistryError> {
        let clock: Arc<dyn Clock> = Arc::new(JumpClock::default());
        Registry::build(serde_json::from_value(options).unwrap(), &clock)
    }

    #[tokio::test]
    async fn a_vendor_serves_what_it_can_once_it_is_configured() {
        let empty = build(json!({})).unwrap();
        assert!(empty.trackers.is_empty() && empty.models.is_empty());
        assert!(empty.docs.contains_key(&SourceName::new("markdown")));
        let full = build(json!({
            "sources": {"github": {"secrets": ["s"]}, "slack": {"signing_secrets": ["s"]}},
            "github": {"token": "t", "base_url": "http://127.0.0.1:1"},
            "gitlab": {"token": "t", "base_url": "http://127.0.0.1:1"},
            "jira": {"base_url": "http://127.0.0.1:1", "email": "a@b", "api_token": "t",
                     "statuses": {"in_review": ["Peer check"]}, "fields": {"repository": "customfield_1"}},
            "linear": {"api_key": "k", "base_url": "http://127.0.0.1:1"},
            "slack": {"token": "t"},
            "ai_provider": {"type": "anthropic", "api_key": "k", "model": "m"},
            "ai_fallback": [{"type": "openai", "api": "compatible", "base_url": "http://127.0.0.1:1/v1"}],
        }))
        .unwrap();
        let names = |names: Vec<&SourceName>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(full.sources.keys().collect()), ["github", "slack"]);
        assert_eq!(names(full.trackers.keys().collect()), ["github", "gitlab", "jira", "linear"]);
        assert_eq!(names(full.forges.keys().collect()), ["github", "gitlab"]);
        assert_eq!(names(full.chats.keys().collect()), ["slack"]);
        let models: Vec<_> = full.models.iter().map(|answering| answering.model.as_str()).collect();
        assert_eq!(models, ["m", openai::options::MODEL]);
    }

    #[test]
    fn every_service_that_sends_can_be_set_up() {
        // These are named by whoever sends, one by one.
        let named_by_people = ["generic", "standard"];
        let guided: Vec<_> = guides().iter().map(|guide| guide.provider).collect();
        for source in Sources::every().build() {
            let name = source.name().to_string();
            assert!(guided.contains(&name.as_str()) || named_by_people.contains(&name.as_str()), "{name}");
        }
    }

    #[tokio::test]
    async fn options_that_do_not_suffice_are_an_error_and_a_misspelt_one_too() {
        let error = build(json!({ "slack": {"token": ""} })).unwrap_err();
        let RegistryError::Vendor(error) = error else { panic!("{error}") };
        assert_eq!(error.problem, Problem::NotOffered);
        assert!(serde_json::from_value::<Options>(json!({ "slack": {"tokn": "x"} })).is_err());
    }

    #[tokio::test]
    async fn what_is_polled_can_be_asked_and_is_not_sent_as_well() {
        let plugin = json!({"token": "t", "base_url": "http://127.0.0.1:1"});
        for vendor in ["github", "gitlab"] {
            let polled = |source: serde_json::Value, plugin: Option<&serde_json::Value>| {
                let error = build(json!({ "sources": {vendor: source}, vendor: plugin })).err();
                error.map(|error| error.to_string())
            };
            let repositories = json!(["acme/shop"]);
            let with = Some(&plugin);
            assert_eq!(polled(json!({"poll": {}, "repositories": repositories}), with), None);
            let problem = polled(json!({"poll": {}, "repositories": repositories, "secrets": ["s"]}), with);
            assert!(problem.unwrap().contains("exclude each other"));
            assert!(polled(json!({"poll": {}}), with).unwrap().contains("needs `repositories`"));
            let alone = polled(json!({"poll": {}, "repositories": repositories}), None);
            assert!(alone.unwrap().contains("none is configured"));
        }
        let signed = json!({"poll": {}, "repositories": ["acme/shop"], "signing_tokens": ["whsec_AAEC"]});
        let error = build(json!({ "sources": {"gitlab": signed}, "gitlab": plugin })).unwrap_err();
        assert!(error.to_string().contains("exclude each other"));
        for vendor in ["jira", "linear"] {
            let alone = build(json!({ "sources": {vendor: {"poll": {"every": "1m"}}} })).unwrap_err();
            assert!(alone.to_string().contains("none is configured"));
        }
        let linear = json!({"api_key": "k", "base_url": "http://127.0.0.1:1"});
        let ways = |source: serde_json::Value| {
            let built = build(json!({ "sources": {"linear": source}, "linear": linear }));
            built.map(|built| built.fetchers.iter().map(|way| way.name().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(ways(json!({"poll": {}})).unwrap(), ["linear.poll/issues", "linear.poll/comments"]);
        assert_eq!(
            ways(json!({"secrets": ["s"]})).unwrap(),
            ["linear.missed/issues", "linear.missed/comments"]
        );
        assert_eq!(ways(json!({"secrets": ["s"], "catch_up": false})).unwrap(), [""; 0]);
        assert!(ways(json!({"poll": {}, "secrets": ["s"]})).unwrap_err().to_string().contains("exclude"));
    }

    #[tokio::test]
    async fn who_is_listened_to_has_a_plugin_and_sends_nothing() {
        let plugin = json!({"token": "t", "base_url": "http://127.0.0.1:1"});
        let heard = |source: serde_json::Value, plugin: Option<&serde_json::Value>| {
            build(json!({ "sources": {"slack": source}, "slack": plugin })).map_err(|error| error.to_string())
        };
        let problem = |source, plugin| heard(source, plugin).map(drop).unwrap_err();
        let token = json!({"app_token": "xapp-1"});
        if !cfg!(feature = "socket-mode") {
            assert!(problem(token, Some(&plugin)).contains("feature `socket-mode`"));
            return;
        }
        let registry = heard(token.clone(), Some(&plugin)).unwrap();
        let ways = |registry: &Registry| (registry.listeners.len(), registry.fetchers.len());
        assert_eq!(ways(&registry), (1, 1), "what was missed is asked for as well");
        assert!(!registry.sources[&SourceName::new("slack")].is_on("events"), "nothing can be sent here");
        assert!(problem(token, None).contains("none is configured"));
        let both = json!({"app_token": "xapp-1", "signing_secrets": ["s"]});
        assert!(problem(both, Some(&plugin)).contains("exclude each other"));
        let blank = heard(json!({"app_token": "", "signing_secrets": ["s"]}), Some(&plugin)).unwrap();
        assert_eq!(ways(&blank), (0, 1));
    }

    #[tokio::test]
    async fn own_accounts_are_learned_from_whoever_answers() {
        let server = Server::start(|seen| match seen.path.as_str() {
            "/user" => json(200, &json!({ "login": "Ostler-Bot" })),
            _ => json(401, &json!({})),
        })
        .await;
        let url = server.url.as_str();
        let registry = build(json!({
            "github": {"token": "t", "base_url": url},
            "jira": {"base_url": url, "token": "t"},
        }))
        .unwrap();
        let own = registry.learn_own(&[]).await;
        assert_eq!(own, [Account::new("github", "ostler-bot")]);
        assert_eq!(registry.strangers(&own), [SourceName::new("jira")].into());
        assert_eq!(registry.learn_own(&own).await, [], "who is known is not asked again");
    }

    #[test]
    fn secrets_of_the_options_are_never_printed() {
        let options = json!({
            "sources": {"github": {"secrets": ["hush-1"]}},
            "github": {"token": "hush-2"}, "jira": {"api_token": "hush-3"}, "slack": {"token": "hush-4"},
            "gitlab": {"token": "hush-6"}, "linear": {"api_key": "hush-7", "token": "hush-8"},
            "ai_provider": {"type": "anthropic", "api_key": "hush-5"},
            "ai_fallback": [{"type": "openai", "api_key": "hush-9"}],
        });
        let options: Options = serde_json::from_value(options).unwrap();
        assert!(!format!("{options:?}").contains("hush"));
    }

    #[test]
    fn every_action_is_named_once_and_what_writes_says_how_it_is_repeated() {
        let all = actions();
        let mut names: Vec<_> =
            all.iter().map(|spec| (spec.capability.as_str(), spec.name.as_str())).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for spec in &all {
            let reads = ["analyze_", "get_", "list_"].iter().any(|word| spec.name.starts_with(word));
            assert_eq!(spec.repeat == Repeat::Read, reads, "{}", spec.name);
            assert_eq!(spec.undo == Undo::Nothing, reads, "{}", spec.name);
        }
        let publishing: Vec<_> =
            all.iter().filter(|spec| spec.publishes).map(|spec| spec.name.as_str()).collect();
        let code = ["commit_changes", "push_branch", "create_pull_request"];
        assert_eq!(publishing, [&code[..], &["create_page_from_template", "create_page"]].concat());
        let pull_request = all.iter().find(|spec| spec.name == "create_pull_request").unwrap();
        assert_eq!(pull_request.input("branch_name"), pull_request.input("source_branch"));
        assert!(pull_request.output("pr_url").is_some());
    }
}
