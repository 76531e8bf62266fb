//! What must be known, from wherever it is known: the command line, the environment, secrets that are kept
//! already, the person, and what is usual.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use aws_lc_rs::rand;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::person::Person;
use crate::config::Environment;
use crate::event::RepositoryName;
use crate::plugin::setup::{Guide, Kind, NewApp, Place, Setting};
use crate::spec::near::nearest;

/// Random bytes of a secret that is made here.
const SECRET_BYTES: usize = 32;

/// What is known before anybody is asked.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) with: Vec<String>,
    pub(super) set: BTreeMap<String, String>,
    pub(super) serve: BTreeMap<String, String>,
    pub(super) public_url: Option<String>,
    pub(super) repositories: Vec<String>,
    /// The services on which an App is made: it stands for their tokens.
    pub(super) apps: Vec<String>,
    /// Whether secrets may be filled in later.
    pub(super) lenient: bool,
    /// What `.env` holds already.
    pub(super) kept: BTreeMap<String, String>,
    pub(super) environment: Environment,
}

/// Everything that must be known.
#[derive(Debug)]
pub(super) struct Answers {
    /// The services to work with.
    pub(super) chosen: Vec<&'static Guide>,
    /// Which of them serves each capability; none where none does.
    pub(super) serving: BTreeMap<&'static str, Option<&'static str>>,
    /// What the services must be told, by variable; an empty secret is to be filled in.
    pub(super) values: BTreeMap<&'static str, String>,
    pub(super) public_url: Option<String>,
    /// The Apps that were made, or are yet to be, by provider.
    pub(super) apps: BTreeMap<&'static str, Option<NewApp>>,
    /// Project key, component or channel → repository.
    pub(super) repositories: BTreeMap<String, RepositoryName>,
}

impl Answers {
    /// Puts everything together; asks for what is not given.
    ///
    /// # Errors
    /// When something is not known and nobody is there to ask: all of it is listed. When an answer makes no
    /// sense.
    pub(super) fn gather(
        guides: &[&'static Guide],
        given: Given,
        person: &dyn Person,
    ) -> anyhow::Result<Self> {
        let chosen = chosen(guides, &given, person)?;
        let serving = serving(guides, &chosen, &given.serve)?;
        let public_url = given.public_url.clone().map_or_else(
            || {
                person.ask(
                    "The address by which services reach Ostler (https://…, empty for none)",
                    None,
                    false,
                )
            },
            Ok,
        )?;
        let public_url = Some(public_url).filter(|url| !url.is_empty());
        let apps = apps(&chosen, &given.apps)?;
        let asked = |guide: &&'static Guide| {
            let guide = *guide;
            let settings = asked(guide, apps.contains_key(guide.provider), public_url.is_some());
            settings.map(move |setting| (guide, setting))
        };
        let values = values(&chosen.iter().flat_map(asked).collect::<Vec<_>>(), &given, person)?;
        let mut repositories = given.repositories;
        if repositories.is_empty() {
            let question = "Repositories to work in, with the project or channel whose work goes there \
                            (SHOP=acme/shop, several with commas, empty for none)";
            let typed = person.ask(question, None, false)?;
            repositories
                .extend(typed.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned));
        }
        let repositories = repositories.iter().map(|text| repository(text)).collect::<anyhow::Result<_>>()?;
        let answers = Self { chosen, serving, values, public_url, apps, repositories };
        answers.check()?;
        Ok(answers)
    }

    /// What the chosen services must be told.
    pub(super) fn settings(&self) -> impl Iterator<Item = &'static Setting> + '_ {
        self.chosen.iter().flat_map(|guide| self.settings_of(guide))
    }

    /// What one of them must be told.
    pub(super) fn settings_of(
        &self,
        guide: &'static Guide,
    ) -> impl Iterator<Item = &'static Setting> + use<> {
        asked(guide, self.apps.contains_key(guide.provider), self.public_url.is_some())
    }

    /// What is known of a service's plugin that is no secret.
    pub(super) fn plain_options(&self, guide: &'static Guide) -> Map<String, Value> {
        let plain = self.settings_of(guide).filter(|one| one.place == Place::Plugin && !one.kind.is_secret());
        plain.map(|setting| (setting.key.to_owned(), self.value(setting).into())).collect()
    }

    /// Puts an App in the place of what would else have to be told.
    pub(super) fn made(&mut self, guide: &'static Guide, app: NewApp) {
        let shared = guide.settings.iter().find(|one| one.place == Place::Source && one.kind == Kind::Made);
        if let Some(setting) = shared {
            self.values.insert(setting.variable, app.webhook_secret.expose_secret().to_owned());
        }
        self.apps.insert(guide.provider, Some(app));
    }

    /// The secrets that are to be filled in.
    pub(super) fn unset(&self) -> impl Iterator<Item = &'static Setting> + '_ {
        self.settings().filter(|setting| self.values.get(setting.variable).is_none_or(String::is_empty))
    }

    /// The value of a setting.
    pub(super) fn value(&self, setting: &Setting) -> &str {
        self.values.get(setting.variable).map_or("", String::as_str)
    }

    /// A file of variables has one line for each, and the configuration reads `${` as a variable.
    fn check(&self) -> anyhow::Result<()> {
        let texts = self.values.iter().map(|(name, value)| (*name, value));
        for (name, value) in texts.chain(self.public_url.iter().map(|url| ("the public address", url))) {
            if value.contains(char::is_control) || value.contains("${") || value.contains('\'') {
                bail!("{name} holds a character that it cannot hold (a quote, a line break, or `${{`)");
            }
        }
        if let Some(url) = &self.public_url {
            let parsed = url::Url::parse(url).with_context(|| format!("the public address {url}"))?;
            anyhow::ensure!(matches!(parsed.scheme(), "http" | "https"), "{url} is no address of the web");
        }
        Ok(())
    }
}

fn chosen(
    guides: &[&'static Guide],
    given: &Given,
    person: &dyn Person,
) -> anyhow::Result<Vec<&'static Guide>> {
    let known: Vec<_> = guides.iter().map(|guide| guide.provider).collect();
    let mut names = given.with.clone();
    if names.is_empty() {
        if !person.is_there() {
            bail!("which services? Give --with and some of {}", known.join(","));
        }
        let question = format!("Services to work with, of {}", known.join(", "));
        // Those that only send are named by whoever has them.
        let usual = guides.iter().filter(|guide| !guide.serves.is_empty()).map(|guide| guide.provider);
        let typed = person.ask(&question, Some(&usual.collect::<Vec<_>>().join(",")), false)?;
        names.extend(typed.split(',').map(|name| name.trim().to_owned()));
    }
    let find = |name: &String| {
        let found = guides.iter().find(|guide| guide.provider == *name).copied();
        found.with_context(|| {
            let meant = nearest(name, known.iter().copied());
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            format!("`{name}` is none of {}{meant}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

/// Who serves each capability: who is named, else the first that can, of which those that serve least come first.
fn serving(
    guides: &[&'static Guide],
    chosen: &[&'static Guide],
    named: &BTreeMap<String, String>,
) -> anyhow::Result<BTreeMap<&'static str, Option<&'static str>>> {
    let is_chosen = |guide: &Guide| chosen.iter().any(|one| one.provider == guide.provider);
    let capabilities = guides.iter().flat_map(|guide| guide.serves.iter().copied());
    let mut serving = BTreeMap::new();
    for capability in capabilities {
        let able = || guides.iter().filter(|guide| guide.serves.contains(&capability) && is_chosen(guide));
        let provider = match named.get(capability) {
            None => able().map(|guide| guide.provider).next(),
            Some(name) => {
                let found = able().find(|guide| guide.provider == name);
                Some(
                    found
                        .with_context(|| format!("{name} is not chosen, or cannot serve {capability}"))?
                        .provider,
                )
            }
        };
        serving.insert(capability, provider);
    }
    if let Some(unknown) = named.keys().find(|name| !serving.contains_key(name.as_str())) {
        bail!("there is no capability {unknown} to serve");
    }
    Ok(serving)
}

/// The services on which Apps are to be made.
fn apps(
    chosen: &[&'static Guide],
    named: &[String],
) -> anyhow::Result<BTreeMap<&'static str, Option<NewApp>>> {
    let find = |name: &String| {
        let provider = name.split_once('=').map_or(name.as_str(), |(provider, _)| provider);
        let found = chosen.iter().find(|guide| guide.provider == provider);
        Ok((found.with_context(|| format!("--app {name}: {provider} is not chosen"))?.provider, None))
    };
    named.iter().map(find).collect()
}

/// What a service must be told; an App stands for the secrets of its plugin. One that cannot reach Ostler is listened
/// to instead, if that is possible.
fn asked(guide: &'static Guide, app: bool, public: bool) -> impl Iterator<Item = &'static Setting> + use<> {
    let heard = !public && guide.settings.iter().any(|setting| setting.place == Place::Line);
    guide.settings.iter().filter(move |setting| match setting.place {
        Place::Source => !heard,
        Place::Line => heard,
        Place::Plugin => !(app && setting.kind == Kind::Secret),
        Place::Model => true,
    })
}

fn values(
    settings: &[(&'static Guide, &'static Setting)],
    given: &Given,
    person: &dyn Person,
) -> anyhow::Result<BTreeMap<&'static str, String>> {
    if let Some(unknown) =
        given.set.keys().find(|name| settings.iter().all(|(_, one)| one.variable != **name))
    {
        bail!("--set {unknown}: none of the chosen services asks for it");
    }
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for (guide, setting) in settings {
        let value = match known(setting, given) {
            Some(value) => value,
            None => unknown(guide, setting, person)?,
        };
        let later = given.lenient && setting.kind.is_secret();
        if value.is_empty() && !later && !person.is_there() {
            missing.push(format!("  --set {}=…  {}: {}", setting.variable, guide.title, setting.about));
        }
        values.insert(setting.variable, value);
    }
    if !missing.is_empty() {
        let hint = "(or set the variable in the environment; --yes leaves secrets to be filled in)";
        bail!("nobody is here to ask, and this is not known:\n{}\n{hint}", missing.join("\n"));
    }
    Ok(values)
}

/// What is known without asking.
fn known(setting: &Setting, given: &Given) -> Option<String> {
    let set = given.set.get(setting.variable).cloned();
    let around = || given.environment.get(setting.variable).map(str::to_owned);
    let kept = || given.kept.get(setting.variable).filter(|value| !value.is_empty()).cloned();
    set.or_else(around).or_else(kept)
}

fn unknown(guide: &Guide, setting: &Setting, person: &dyn Person) -> anyhow::Result<String> {
    let question = format!("{}: {} ({})", guide.title, setting.about, setting.variable);
    Ok(match setting.kind {
        Kind::Made => made_secret()?,
        Kind::Secret => person.ask(&question, None, true)?,
        Kind::Plain => person.ask(&question, None, false)?,
        Kind::Usually(usual) => person.ask(&question, Some(usual), false)?,
    })
}

/// A secret from the system's randomness.
pub(super) fn made_secret() -> anyhow::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    rand::fill(&mut bytes).ok().context("the system gives no randomness")?;
    Ok(hex::encode(bytes))
}

/// `SHOP=acme/shop`, or a repository alone, which then goes by its own name.
fn repository(text: &str) -> anyhow::Result<(String, RepositoryName)> {
    let (key, name) = text.split_once('=').unwrap_or((text, text));
    let name: RepositoryName =
        name.parse().map_err(|error| anyhow::anyhow!("--repository {text}: {error}"))?;
    Ok((key.to_owned(), name))
}
