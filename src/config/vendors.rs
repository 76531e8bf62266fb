//! What vendors are given: the options of each, gathered from where the configuration speaks of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::load::{ConfigError, typed};
use super::substitute::SECRET_KEYS;
use super::{AiProvider, Config};
use crate::agent::cassette::Mode;
use crate::event::SourceName;
use crate::plugin::registry;

impl Config {
    /// Which provider serves each capability.
    #[must_use]
    pub fn bindings(&self) -> BTreeMap<String, SourceName> {
        let chosen = self.plugins.chosen();
        chosen
            .map(|(capability, choice)| (capability.to_owned(), SourceName::new(&choice.provider)))
            .collect()
    }

    /// The options of every vendor that is configured with what it needs.
    ///
    /// # Errors
    /// When an option is not what its key takes.
    pub fn vendors(&self) -> Result<registry::Options, ConfigError> {
        // One that is off is read as well: it may be off because its key is misspelt.
        typed::<registry::AiProvider>(provider(&self.ai_provider), Path::new("ai_provider"))?;
        for fallback in &self.ai_fallback {
            typed::<registry::AiProvider>(provider(fallback), Path::new("ai_fallback"))?;
        }
        typed(self.vendor_options(), Path::new("plugins and sources"))
    }

    /// The same, as it is written.
    #[must_use]
    pub fn vendor_options(&self) -> Value {
        let mut vendors = Map::new();
        vendors.insert("sources".to_owned(), json!(self.sources));
        for (_, choice) in self.plugins.chosen() {
            if is_usable(&choice.options) {
                let options = vendors.entry(choice.provider.clone()).or_insert_with(|| json!({}));
                if let Value::Object(options) = options {
                    options.extend(choice.options.clone());
                }
            }
        }
        // While a cassette is played nobody is asked, whichever keys are there.
        let is_asked = |provider: &AiProvider| self.cassette.mode != Mode::Replay && suffices(provider);
        if is_asked(&self.ai_provider) {
            vendors.insert("ai_provider".to_owned(), provider(&self.ai_provider));
        }
        let fallback = self.ai_fallback.iter().filter(|fallback| is_asked(fallback));
        vendors.insert("ai_fallback".to_owned(), fallback.map(provider).collect());
        Value::Object(vendors)
    }
}

/// What is configured of a provider of models, on or off.
fn provider(configured: &AiProvider) -> Value {
    let mut options = configured.options.clone();
    options.insert("type".to_owned(), json!(configured.kind));
    options.insert("model".to_owned(), json!(configured.model()));
    Value::Object(options)
}

/// Whether a provider of models can be asked. What cannot be read is told of where it is.
fn suffices(configured: &AiProvider) -> bool {
    let read = serde_json::from_value::<registry::AiProvider>(provider(configured));
    is_usable(&configured.options) && read.is_ok_and(|provider| provider.suffices())
}

/// Whether no secret is missing: a provider whose secret is not set is off, and a notice said so.
fn is_usable(options: &Map<String, Value>) -> bool {
    !SECRET_KEYS.iter().any(|key| options.get(*key).is_some_and(Value::is_null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn config(text: &str) -> Config {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_vendor_whose_secret_is_not_set_is_off() {
        let text = "plugins: {version_control: {provider: github, options: {token: null}}}";
        assert!(config(text).vendors().unwrap().github.is_none());
        let text = "plugins: {version_control: {provider: github, options: {token: t}}}";
        assert!(config(text).vendors().unwrap().github.is_some());
    }

    #[test]
    fn options_of_two_capabilities_of_one_vendor_are_one() {
        let text = "plugins:\n  version_control: {provider: github, options: {token: t}}\n  \
                    task_management: {provider: github, options: {default_channel: dev}}\n";
        let github = config(text).vendors().unwrap().github.unwrap();
        assert_eq!(github.default_channel.as_deref(), Some("dev"));
        assert!(github.token.is_some());
    }

    #[test]
    fn the_shipped_plugin_files_are_what_their_vendors_take() {
        let shipped = [
            ("version_control", "github", include_str!("../../plugins/github.config.yaml")),
            ("version_control", "gitlab", include_str!("../../plugins/gitlab.config.yaml")),
            ("task_management", "jira", include_str!("../../plugins/jira.config.yaml")),
            ("task_management", "linear", include_str!("../../plugins/linear.config.yaml")),
            ("communication", "slack", include_str!("../../plugins/slack.config.yaml")),
        ];
        for (capability, provider, text) in shipped {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("plugin.yaml"), text).unwrap();
            let main =
                format!("plugins: {{{capability}: {{provider: {provider}, config_file: plugin.yaml}}}}");
            let file = dir.path().join("ostler.yaml");
            std::fs::write(&file, main).unwrap();
            let names =
                ["GITHUB_TOKEN", "GITLAB_TOKEN", "JIRA_API_TOKEN", "LINEAR_API_KEY", "SLACK_BOT_TOKEN"];
            let secrets = names.map(|name| (name, "t"));
            let loaded = crate::config::load(Some(&file), &Environment::from(secrets)).unwrap();
            loaded.config.vendors().unwrap();
            let options = loaded.config.plugins.chosen().find(|(name, _)| *name == capability).unwrap().1;
            assert!(is_usable(&options.options) && !options.options.is_empty(), "{provider}");
        }
    }

    #[test]
    fn who_answers_prompts_is_on_as_soon_as_it_can_be_asked() {
        let on = |text: &str| {
            let vendors = config(text).vendors().unwrap();
            (vendors.ai_provider.is_some(), vendors.ai_fallback.len())
        };
        assert_eq!(on("ai_provider: {api_key: null}"), (false, 0));
        assert_eq!(on("ai_provider: {type: openai, model: gpt-5.1}"), (false, 0));
        assert_eq!(on("ai_provider: {type: openai, api_key: k}"), (true, 0));
        let local =
            "{type: openai, api: compatible, base_url: \"http://127.0.0.1:11434/v1\", model: qwen3-coder}";
        assert_eq!(on(&format!("ai_provider: {local}")), (true, 0));
        let chain =
            format!("ai_fallback: [{local}, {{api_key: null}}, {{api_key: k, model: claude-haiku-4-5}}]");
        assert_eq!(on(&chain), (false, 2));
        let error = config("ai_fallback: [{api_kee: k}]").vendors().unwrap_err().to_string();
        assert!(error.contains("ai_fallback") && error.ends_with("did you mean `api_key`?"), "{error}");
        assert_eq!(config("ai_provider: {type: openai}").ai_provider.model(), "gpt-5.1");
    }

    #[test]
    fn a_misspelt_option_is_named() {
        let text = "plugins: {version_control: {provider: github, options: {tokn: t}}}";
        let error = config(text).vendors().unwrap_err().to_string();
        assert!(error.contains("tokn"), "{error}");
        let error = config("ai_provider: {api_kee: k}").vendors().unwrap_err().to_string();
        assert!(error.contains("ai_provider") && error.ends_with("did you mean `api_key`?"), "{error}");
    }
}
