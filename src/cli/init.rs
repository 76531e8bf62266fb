//! `ostler init`: asks what must be known, writes the configuration, and sets up what can be set up over the
//! services' own APIs.
//!
//! Which services there are, what each must be told and what is left to do by hand comes from their
//! [`Guide`]s. Nothing that is there is overwritten, and no secret is written anywhere but into `.env`.

mod answers;
mod app;
mod person;
mod place;
mod plan;
mod register;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use url::Url;

use self::answers::{Answers, Given};
use self::person::{Nobody, Person, Terminal};
use self::register::Outcome;
use super::exit::Exit;
use super::screen::{BAD, BOLD, DIM, GOOD, Screen};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Environment};
use crate::plugin::registry;
use crate::plugin::setup::Guide;

/// What `ostler init` is called with. Every question has a flag; what a service must be told is answered by
/// `--set` or by the environment variable itself.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Arguments {
    /// Where to write; this directory unless given.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The services to work with: `--with github,jira,slack,anthropic`.
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    with: Vec<String>,
    /// What a service must be told: `--set JIRA_URL=https://acme.atlassian.net`.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Which of them serves a capability, where several can: `--serve task_management=github`.
    #[arg(long, value_name = "CAPABILITY=SERVICE", value_parser = pair)]
    serve: Vec<(String, String)>,
    /// The address by which services reach Ostler.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A repository to work in, and the project or channel whose work goes there: `SHOP=acme/shop`.
    #[arg(long, value_name = "[KEY=]OWNER/NAME")]
    repository: Vec<String>,
    /// Make an App on a service, of an organisation or of your own, instead of using a token: `--app github=acme`.
    #[arg(long, value_name = "SERVICE[=ORGANISATION]")]
    app: Vec<String>,
    /// What the App is called; the name must be free on the whole service.
    #[arg(long, value_name = "NAME", default_value = "Ostler")]
    app_name: String,
    /// Register webhooks where a token allows it.
    #[arg(long)]
    register: bool,
    /// Write example handlers.
    #[arg(long)]
    examples: bool,
    /// Write over files that are there and differ.
    #[arg(long)]
    force: bool,
    /// Ask nothing: take what is usual, and leave secrets to be filled in.
    #[arg(long)]
    yes: bool,
    /// Print one JSON document; implies that nothing is asked.
    #[arg(long)]
    json: bool,
}

/// `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Arguments {
    /// Whether a person is there to be asked.
    fn asks(&self) -> bool {
        !self.yes && !self.json && Terminal::is_there()
    }

    fn given(self, environment: &Environment) -> Given {
        Given {
            with: self.with,
            set: self.set.into_iter().collect(),
            serve: self.serve.into_iter().collect(),
            public_url: self.public_url,
            repositories: self.repository,
            apps: self.app,
            lenient: self.yes,
            kept: place::kept_secrets(&self.dir),
            environment: environment.clone(),
        }
    }
}

/// Asks, writes, registers, and says what is left to do.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let (terminal, nobody) = (Terminal::new(), Nobody);
    let person: &dyn Person = if arguments.asks() { &terminal } else { &nobody };
    let tell = |page: &Url| {
        screen.note(format_args!("open {page} in a browser on this machine and confirm the App"))
    };
    let done = perform(arguments.clone(), environment, person, &tell).await?;
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&done.json())?);
    } else {
        done.tell(screen);
    }
    let failed = done.registered.iter().any(|outcome| outcome.error.is_some());
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// What was done.
#[derive(Debug)]
struct Done {
    dir: PathBuf,
    written: Vec<place::Written>,
    registered: Vec<Outcome>,
    steps: Vec<String>,
}

async fn perform(
    arguments: Arguments,
    environment: &Environment,
    person: &dyn Person,
    tell: &dyn Fn(&Url),
) -> anyhow::Result<Done> {
    let Arguments { dir, examples, force, register, .. } = arguments.clone();
    let given = arguments.clone().given(environment);
    let mut answers = Answers::gather(&registry::guides(), given, person)?;
    make_apps(&mut answers, &arguments, tell).await?;
    let mut files = plan::files(&answers);
    if examples {
        files.extend(plan::examples());
    }
    let written = place::write(&dir, files, force)?;
    let file = dir.join("ostler.yaml");
    let loaded = config::load(Some(&file), environment)?;
    let vendors = loaded.config.vendors()?;
    let registered =
        if register { register::all(&loaded.config, vendors, &answers).await? } else { Vec::new() };
    let steps = steps(&answers, &registered, &dir);
    Ok(Done { dir, written, registered, steps })
}

/// Lets the person make the Apps that are wanted.
async fn make_apps(answers: &mut Answers, arguments: &Arguments, tell: &dyn Fn(&Url)) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    for wanted in &arguments.app {
        let (provider, organisation) =
            wanted.split_once('=').map_or((wanted.as_str(), None), |(p, o)| (p, Some(o)));
        let Some(guide) = answers.chosen.iter().find(|guide| guide.provider == provider).copied() else {
            continue;
        };
        let apps = registry::apps(provider, answers.plain_options(guide), &clock)?;
        let apps = apps.with_context(|| format!("--app {wanted}: there are no Apps on {}", guide.title))?;
        place::expect_free(&arguments.dir, &["ostler.yaml", apps.key_file()], arguments.force)?;
        let public = answers.public_url.as_deref().context("an App needs a public address (--public-url)")?;
        let wish = app::Wish {
            name: arguments.app_name.clone(),
            public: public.parse()?,
            organisation: organisation.map(str::to_owned),
        };
        let made = app::make(&*apps, wish, tell).await?;
        answers.made(guide, made);
    }
    Ok(())
}

/// What is left to be done by hand.
fn steps(answers: &Answers, registered: &[Outcome], dir: &Path) -> Vec<String> {
    let public = answers.public_url.as_deref().unwrap_or("https://YOUR-ADDRESS").trim_end_matches('/');
    let by_hand = |guide: &&&Guide| {
        !answers.apps.contains_key(guide.provider)
            && registered.iter().all(|outcome| outcome.provider != guide.provider || outcome.error.is_some())
    };
    let empty: Vec<_> = answers.unset().map(|setting| setting.variable).collect();
    let fill_in = (!empty.is_empty())
        .then(|| format!("Fill in {} in {}.", empty.join(", "), dir.join(".env").display()));
    let pages = answers.chosen.iter().filter(by_hand).flat_map(|guide| guide.steps);
    let pages = pages.map(|step| step.replace("{public}", public));
    let installs = answers.apps.values().flatten();
    let installs = installs.map(|app| format!("Install the App on its repositories: {}", app.page));
    let last = "Then `ostler check`, `ostler serve`, and `ostler doctor` beside it.".to_owned();
    fill_in.into_iter().chain(installs).chain(pages).chain([last]).collect()
}

impl Done {
    fn json(&self) -> serde_json::Value {
        json!({
            "dir": self.dir, "files": self.written, "registered": self.registered, "steps": self.steps,
        })
    }

    fn tell(&self, screen: &Screen) {
        for written in &self.written {
            screen.line(format_args!(
                "{BOLD}{:<10}{BOLD:#} {}",
                written.how,
                self.dir.join(&written.file).display()
            ));
        }
        for outcome in &self.registered {
            match &outcome.error {
                None => screen
                    .line(format_args!("{GOOD}registered{GOOD:#} {}: {}", outcome.provider, outcome.said)),
                Some(error) => {
                    screen.line(format_args!("{BAD}failed{BAD:#}     {}: {error}", outcome.provider))
                }
            }
        }
        screen.line(format_args!("\n{DIM}What is left:{DIM:#}"));
        for (number, step) in self.steps.iter().enumerate() {
            screen.line(format_args!("{}. {step}", number + 1));
        }
    }
}
